//! Who may read the files of a store. RocksDB makes them with the process's own mask and has no option for it, so their modes are
//! set after they are made; until then the directory, which is 0700 if it is ours, keeps others out.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use feast_files::give_to;

/// The file that RocksDB locks, and the only one that another user of the group has to write to.
pub(super) const LOCK_FILE: &str = "LOCK";

/// Longer than a tick.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Mode, group and owner that all files of one directory are to have.
pub(super) struct FileModes {
    directory: PathBuf,
    mode: u32,
    group: u32,
    owner: u32,
    /// The directory as last looked at. It changes with each new file.
    last_change: Mutex<Option<SystemTime>>,
}

impl FileModes {
    /// Makes the directory if it is not there, for its owner alone. Of one that is there, the files belong to whom the directory
    /// does: its group may read and write them where it may the directory.
    pub(super) fn prepare(directory: &Path) -> std::io::Result<Self> {
        if let Some(parent) = directory.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {}
            outcome => {
                outcome?;
                // What root makes beside the files of another user is for that user.
                if let Some(parent) = directory.parent().and_then(|parent| std::fs::metadata(parent).ok()) {
                    give_to(&File::open(directory)?, parent.uid(), parent.gid());
                }
            }
        }
        let modes = Self::of(directory)?;
        // With its mode from the start: a process of another user could not open it to see whether the store is in use.
        let lock = directory.join(LOCK_FILE);
        let lock = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(modes.mode)
            .open(lock);
        if let Ok(lock) = lock {
            modes.give(&lock);
        }
        Ok(modes)
    }

    /// Of a directory that is there, which this does not change.
    pub(super) fn of(directory: &Path) -> std::io::Result<Self> {
        let metadata = std::fs::metadata(directory)?;
        Ok(Self {
            directory: directory.to_path_buf(),
            mode: file_mode(metadata.mode()),
            group: metadata.gid(),
            owner: metadata.uid(),
            last_change: Mutex::default(),
        })
    }

    /// Brings new files to the mode and group they are to have. Costs one look at the directory when there are none.
    pub(super) fn apply(&self) {
        let change = std::fs::metadata(&self.directory).and_then(|directory| directory.modified());
        let change = change.ok();
        let Ok(mut last_change) = self.last_change.try_lock() else {
            // Another thread is doing it.
            return;
        };
        if change.is_some() && *last_change == change {
            return;
        }
        // What is made in the same tick of the file system's clock does not change the time again.
        let is_settled = |change: &SystemTime| change.elapsed().is_ok_and(|elapsed| elapsed >= SETTLE_TIME);
        *last_change = change.filter(is_settled);
        self.apply_in(&self.directory);
    }

    /// Brings all files of a directory, such as a copy, to that mode and group.
    pub(super) fn apply_in(&self, directory: &Path) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            self.apply_to(&entry.path());
        }
    }

    /// Files of other users stay as they are: only their owner may change them.
    fn apply_to(&self, path: &Path) {
        // What locks a process has on that file are gone as soon as it closes it.
        let is_lock = path.file_name().is_some_and(|name| name == LOCK_FILE);
        let Ok(there) = std::fs::symlink_metadata(path) else {
            return;
        };
        if is_lock || !there.is_file() || self.is_given(&there) {
            return;
        }
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        if let Ok((found, file)) = opened {
            // A user who may write to the directory may have put a link to another file there meanwhile.
            if (found.dev(), found.ino()) == (there.dev(), there.ino()) {
                self.give(&file);
            }
        }
    }

    fn is_given(&self, metadata: &Metadata) -> bool {
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o777) == (self.owner, self.group, self.mode)
    }

    /// Not every file system has modes and owners; the directory keeps others out then, or nothing does.
    fn give(&self, file: &File) {
        give_to(file, self.owner, self.group);
        let _ = file.set_permissions(Permissions::from_mode(self.mode));
    }

    /// Writes a file of the store's directory that is not RocksDB's.
    pub(super) fn write_file(&self, name: &str, contents: &[u8]) -> std::io::Result<()> {
        let path = self.directory.join(name);
        let _ = std::fs::remove_file(&path);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(self.mode)
            .open(&path)?;
        self.give(&file);
        file.write_all(contents)
    }
}

/// The mode of files in a directory of this mode: its owner's, its group's as far as the group may use the directory, and
/// everybody's only where everybody may write to the directory anyway.
const fn file_mode(directory: u32) -> u32 {
    let others = if directory & 0o002 != 0 { 0o006 } else { 0 };
    0o600 | (directory & 0o060) | others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_for_those_who_may_use_the_directory() {
        let check = |directory, expected| assert_eq!(file_mode(directory), expected, "{directory:o}");
        check(0o700, 0o600);
        check(0o770, 0o660);
        check(0o2770, 0o660);
        check(0o775, 0o660);
        check(0o750, 0o640);
        check(0o755, 0o640);
        check(0o777, 0o666);
        check(0o500, 0o600);
    }
}
