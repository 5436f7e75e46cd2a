//! Whether the directory of a store is still the one that was opened.
//!
//! RocksDB goes on writing to open files of a directory that was moved or removed, and makes new ones wherever the path leads by then. So
//! the directory, and in it the file that is locked, are told by their numbers on the device. Other processes take the lock of the file
//! that is there: where it is another one, a second process may have opened the store.

use std::fs::metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use parking_lot::Mutex;

use super::file_modes::LOCK_FILE;

/// Names the database's list of files.
const CURRENT_FILE: &str = "CURRENT";

/// Between two looks before a write is acknowledged. A look is three `stat`s.
const INTERVAL: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_millis(200)
};

/// Device and number of a file.
type FileId = (u64, u64);

/// Where a store was opened.
pub(crate) struct Place {
    path: PathBuf,
    directory: FileId,
    /// Not there in a store that nobody has opened to write yet.
    lock: Option<FileId>,
    looked_at: Mutex<Instant>,
}

impl Place {
    /// The place of a store that is open.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let looked_at = |source| Error::io("look at the online store directory", path, source);
        Ok(Self {
            directory: file_id(path).map_err(looked_at)?,
            lock: file_id(&path.join(LOCK_FILE)).ok(),
            path: path.to_path_buf(),
            looked_at: Mutex::new(Instant::now()),
        })
    }

    /// As [`Place::check`], unless that was done a short time ago.
    pub(crate) fn check_now_and_then(&self) -> Result<()> {
        {
            let mut looked_at = self.looked_at.lock();
            if looked_at.elapsed() < INTERVAL {
                return Ok(());
            }
            *looked_at = Instant::now();
        }
        self.check()
    }

    /// # Errors
    /// `Unavailable` when the directory is not there, or another one is.
    pub(crate) fn check(&self) -> Result<()> {
        let store = error_path(&self.path);
        let error = match file_id(&self.path) {
            Ok(directory) if directory == self.directory => match self.check_files() {
                true => return Ok(()),
                false => format!("files of online store {store} were removed or replaced while it is in use"),
            },
            Ok(_) => format!("online store {store} is another directory now than the one that is in use"),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                format!("online store {store} is not there any more: it was moved or removed while it is in use")
            }
            Err(source) => return Err(Error::io("look at the online store directory", &self.path, source)),
        };
        Err(Error::new(ErrorKind::Unavailable, error).with_hint(
            "bring it back to its place, then writes go on; or restart the process, which then uses what is there",
        ))
    }

    fn check_files(&self) -> bool {
        let lock = file_id(&self.path.join(LOCK_FILE)).ok();
        (self.lock.is_none() || lock == self.lock) && self.path.join(CURRENT_FILE).exists()
    }
}

fn file_id(path: &Path) -> std::io::Result<FileId> {
    metadata(path).map(|found| (found.dev(), found.ino()))
}
