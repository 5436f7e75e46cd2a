//! Whether a file is on a disk of this machine, where looking at it does not wait for a network.

use std::path::Path;

/// The numbers by which Linux calls its usual file systems for disks of its own: ext2 to ext4, XFS, Btrfs, F2FS, ZFS and tmpfs; and
/// overlayfs, which puts containers together from them.
const LOCAL: [u64; 7] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0x0102_1994,
    0x794c_7630,
];

/// Whether the file, or the directory that it will be in, is on a file system that is known to need no network. It asks the file
/// system, so it waits for one that does not answer.
pub fn is_on_local_disk(path: &Path) -> bool {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new("."));
    [path, directory]
        .into_iter()
        .find_map(file_system)
        .is_some_and(|kind| LOCAL.contains(&kind))
}

/// `None` if there is no such file.
#[cfg(target_os = "linux")]
fn file_system(path: &Path) -> Option<u64> {
    let found = rustix::fs::statfs(path).ok()?;
    // A signed number on some machines, whose upper half says nothing.
    Some(found.f_type as u64 & 0xffff_ffff)
}

/// Elsewhere the numbers mean something else.
#[cfg(not(target_os = "linux"))]
fn file_system(_: &Path) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_on_a_disk_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        let of_directory = is_on_local_disk(&file);
        std::fs::write(&file, "").unwrap();
        assert_eq!(
            is_on_local_disk(&file),
            of_directory,
            "a file is where its directory was"
        );
        assert!(!is_on_local_disk(Path::new("/proc/self/status")));
        assert!(!is_on_local_disk(&directory.path().join("none/file")));
    }
}
