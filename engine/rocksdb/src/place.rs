//! Whether the directory of a store is still the one that was opened.
//!
//! RocksDB goes on writing to open files of a directory that was moved or removed, and makes new ones wherever the path leads by then. So
//! the directory, and in it the file that is locked, are told by their numbers on the device. Other processes take the lock of the file
//! that is there: where it is another one, a second process may have opened the store.

use std::fs::metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};

use super::file_modes::LOCK_FILE;

/// Names the database's list of files.
pub(crate) const CURRENT_FILE: &str = "CURRENT";

/// Device and number of a file.
type FileId = (u64, u64);

/// Where a store was opened.
pub(crate) struct Place {
    path: PathBuf,
    files: ArcSwap<Files>,
}

/// What a store is told by.
pub(crate) struct Files {
    directory: FileId,
    /// A copy of a store may have none.
    lock: Option<FileId>,
}

impl Place {
    /// The place of a store that is open.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        Ok(Self {
            files: ArcSwap::from_pointee(Files::at(path)?),
            path: path.to_path_buf(),
        })
    }

    /// The files that are there now.
    pub(crate) fn files(&self) -> Result<Files> {
        Files::at(&self.path)
    }

    /// Takes these for the store from now on, as one that is only read does.
    pub(crate) fn renew(&self, files: Files) {
        self.files.store(Arc::new(files));
    }

    /// As [`Place::check`], by one look at the file that is locked: it tells a directory that was moved, removed or replaced. What else
    /// is missing is found from time to time.
    pub(crate) fn check_lock(&self) -> Result<()> {
        let lock = self.files.load().lock;
        if lock.is_some() && lock == self.lock_id() {
            return Ok(());
        }
        self.check()
    }

    /// # Errors
    /// `Unavailable` when the directory is not there, or another one is.
    pub(crate) fn check(&self) -> Result<()> {
        let store = error_path(&self.path);
        let error = match file_id(&self.path) {
            Ok(directory) if directory == self.files.load().directory => match self.has_same_files() {
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

    fn has_same_files(&self) -> bool {
        let lock = self.files.load().lock;
        let is_same = lock.is_none() || lock == self.lock_id();
        is_same && self.path.join(CURRENT_FILE).exists()
    }

    fn lock_id(&self) -> Option<FileId> {
        file_id(&self.path.join(LOCK_FILE)).ok()
    }
}

impl Files {
    fn at(path: &Path) -> Result<Self> {
        let looked_at = |source| Error::io("look at the online store directory", path, source);
        Ok(Self {
            directory: file_id(path).map_err(looked_at)?,
            lock: file_id(&path.join(LOCK_FILE)).ok(),
        })
    }
}

fn file_id(path: &Path) -> std::io::Result<FileId> {
    metadata(path).map(|found| (found.dev(), found.ino()))
}
