//! What can be known of a place before anything is written there.

use std::io::ErrorKind as IoKind;
use std::path::{Path, PathBuf};

use feast_model::error::{Error, Result};
use rustix::fs::{Access, StatVfs};

/// How full a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskRoom {
    /// Bytes that are free for this process.
    pub free: u64,
    /// Bytes of the disk.
    pub size: u64,
}

/// Makes sure that this process may write what is at `path`, or make it where nothing is: then the nearest directory above counts.
/// Nothing is made. It says nothing of what the disk has room for.
///
/// # Errors
/// What the system would say.
pub fn check_writable(path: &Path) -> Result<()> {
    let there = nearest(path);
    let failed = |source| Error::io("write to", &there, source);
    let found = std::fs::metadata(&there).map_err(failed)?;
    let is_above = there != absolute(path);
    if is_above && !found.is_dir() {
        return Err(failed(IoKind::NotADirectory.into()));
    }
    // To make a file in a directory takes both.
    let wanted = match found.is_dir() {
        true => Access::WRITE_OK | Access::EXEC_OK,
        false => Access::WRITE_OK,
    };
    rustix::fs::access(&there, wanted).map_err(|source| failed(source.into()))
}

/// As [`check_writable`], of a directory in which files are to be made.
///
/// # Errors
/// What the system would say.
pub fn check_writable_directory(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_dir() => Err(Error::io("write into", path, IoKind::NotADirectory.into())),
        _ => check_writable(path),
    }
}

/// The room on the disk of `path`, or of the nearest directory above it that is there. It waits for the file system. `None` when that
/// does not say it.
pub fn room_on_disk_of(path: &Path) -> Option<DiskRoom> {
    let disk = rustix::fs::statvfs(nearest(path)).ok()?;
    let bytes = |blocks: fn(&StatVfs) -> u64| blocks(&disk).saturating_mul(disk.f_frsize);
    Some(DiskRoom {
        free: bytes(|disk| disk.f_bavail),
        size: bytes(|disk| disk.f_blocks),
    })
}

/// The path, or the nearest one above it at which something can be seen.
fn nearest(path: &Path) -> PathBuf {
    let path = absolute(path);
    let there = path.ancestors().find(|path| path.symlink_metadata().is_ok());
    there.unwrap_or(&path).to_path_buf()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use feast_model::error::ErrorKind;

    use super::*;

    #[test]
    fn what_could_be_written_is_told_and_nothing_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "x").unwrap();
        std::os::unix::fs::symlink(path("nowhere"), path("link")).unwrap();
        for name in ["", "file", "new", "new/below/it"] {
            assert!(check_writable(&path(name)).is_ok(), "{name}");
        }
        for (name, kind) in [("file/below", ErrorKind::Data), ("link", ErrorKind::NotFound)] {
            assert_eq!(check_writable(&path(name)).unwrap_err().kind(), kind, "{name}");
        }
        for name in ["", "new", "new/below/it"] {
            assert!(check_writable_directory(&path(name)).is_ok(), "{name}");
        }
        for (name, kind) in [
            ("file", ErrorKind::Data),
            ("file/below", ErrorKind::Data),
            ("link", ErrorKind::NotFound),
        ] {
            assert_eq!(
                check_writable_directory(&path(name)).unwrap_err().kind(),
                kind,
                "{name}"
            );
        }
        // Root may write there all the same.
        if !rustix::process::geteuid().is_root() {
            std::fs::create_dir(path("kept")).unwrap();
            std::fs::set_permissions(path("kept"), std::fs::Permissions::from_mode(0o500)).unwrap();
            let refused = check_writable(&path("kept/file")).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
        }
        assert!(!path("new").exists());
    }

    #[test]
    fn a_disk_has_room_also_where_nothing_is_yet() {
        let directory = tempfile::tempdir().unwrap();
        let room = room_on_disk_of(&directory.path().join("a/b")).unwrap();
        assert_eq!(room.size, room_on_disk_of(directory.path()).unwrap().size);
        assert!(room.size > 0 && room.free <= room.size);
    }
}
