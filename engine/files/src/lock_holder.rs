//! Which process holds the lock of a file, as far as Linux tells: for messages.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// `process 17 (feast)`, or `another process` where that cannot be known.
pub(crate) fn holder_of(file: &File) -> String {
    let process = file.metadata().ok().and_then(|metadata| process_with_lock(&metadata));
    process.map_or_else(|| "another process".to_owned(), process_in_words)
}

/// The process that holds the lock of a file as [`std::fs::File::lock`] takes it. The file is not opened, and its lock is not tried.
/// `None` when nobody does, as far as that can be known.
pub fn lock_holder(path: &Path) -> Option<u32> {
    process_with_lock(&std::fs::metadata(path).ok()?)
}

/// `process 17 (feast)`.
pub fn process_in_words(process: u32) -> String {
    match std::fs::read_to_string(format!("/proc/{process}/comm")) {
        Ok(name) => format!("process {process} ({})", name.trim()),
        Err(_) => format!("process {process}"),
    }
}

fn process_with_lock(file: &Metadata) -> Option<u32> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    process_in(&locks, file.dev(), file.ino())
}

/// The process that holds a lock of a file, in the text of `/proc/locks`: `1: FLOCK ADVISORY WRITE 17 fd:01:1234 0 EOF`.
fn process_in(locks: &str, device: u64, inode: u64) -> Option<u32> {
    // As glibc takes them apart.
    let major = ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff);
    let minor = (device & 0xff) | ((device >> 12) & !0xff);
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    let processes = locks.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        // After an arrow stands one that waits.
        let kind = words.next().filter(|kind| *kind == "FLOCK")?;
        let mut words = words.skip_while(|word| word.parse::<u32>().is_err());
        let (process, of) = (words.next()?, words.next()?);
        (kind == "FLOCK" && of == file).then(|| process.parse().ok())?
    });
    // In a container, those outside of it have no number.
    processes.into_iter().find(|process| *process != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_stands_in_the_list_of_locks() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fd:01:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 12 fd:01:77 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 fd:01:7 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 14 fd:01:7 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 0 00:31:8 0 EOF\n\
                     nonsense\n";
        let device = (0xfd << 8) | 1;
        assert_eq!(process_in(locks, device, 7), Some(13));
        assert_eq!(process_in(locks, device, 77), Some(12));
        assert_eq!(process_in(locks, 0x31, 8), None);
        assert_eq!(process_in(locks, device, 78), None);
        assert_eq!(process_in("", device, 7), None);
    }
}
