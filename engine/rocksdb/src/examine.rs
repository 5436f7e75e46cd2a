//! What is found of a database by a process that does nothing with it: nothing on disk is changed, no lock is taken or tried, and one
//! that has it open does not notice.

use std::io::ErrorKind as IoKind;
use std::path::Path;

use feast_codec::record::STORE_FORMAT;
use feast_codec::storage_key::KeyTag;
use feast_config::OnlineStoreMemory;
use feast_files::open_plain;
use feast_model::error::{Error, Result};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::RocksDbStore;
use super::file_modes::LOCK_FILE;
use super::format::BY_TABLE;
use super::place::CURRENT_FILE;
use super::replacement;
use super::statistics::Statistics;

/// Rows are not read.
const MEMORY: OnlineStoreMemory = OnlineStoreMemory {
    row_cache: 0,
    block_cache: 1 << 20,
};

/// A database as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its format.
    pub format: u32,
    /// Whether it is moved over to this version's format when it is opened to write.
    pub is_moved_first: bool,
    /// What it says of itself.
    pub statistics: Statistics,
    /// Bytes of the files that hold rows, as [`RocksDbStore::file_bytes`].
    pub file_bytes: u64,
}

/// The process that has a database open to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its number; `None` for one outside of this container.
    pub process: Option<u32>,
}

impl RocksDbStore {
    /// Whether there is a database in `path`. A directory alone is none: it may be a volume that is mounted there.
    ///
    /// # Errors
    /// `Unavailable` while another one is put into its place, and those of the directory.
    pub fn is_made(path: &Path) -> Result<bool> {
        replacement::check_whole(path)?;
        let made = path.join(CURRENT_FILE).try_exists();
        made.map_err(|source| Error::io("look at the online store directory", path, source))
    }

    /// Looks at the database in `path`. `None` when there is none yet.
    ///
    /// # Errors
    /// Those of [`RocksDbStore::open_read_only`], but for a format of an older version.
    pub fn examine(path: &Path, project: &str) -> Result<Option<Examined>> {
        if !Self::is_made(path)? {
            return Ok(None);
        }
        let follower = Self::open_follower(path, project, MEMORY)?;
        let is_moved_first = follower.read_record(KeyTag::Format)? == Some(BY_TABLE);
        if !is_moved_first {
            follower.check_format_to_read(&follower.db())?;
            // All tables can be read.
            follower.read_directory()?;
        }
        Ok(Some(Examined {
            format: if is_moved_first { BY_TABLE } else { STORE_FORMAT },
            is_moved_first,
            statistics: follower.statistics(),
            file_bytes: follower.file_bytes(),
        }))
    }

    /// The process that has the database in `path` open to write, or is about to. This process must not be one that has: closing the
    /// locked file, which is opened here, gives all of its locks up.
    ///
    /// # Errors
    /// Those of the file.
    pub fn holder(path: &Path) -> Result<Option<Holder>> {
        let lock = path.join(LOCK_FILE);
        let failed = |source| Error::io("look at the lock of", &lock, source);
        let file = match open_plain(&lock) {
            Err(source) if source.kind() == IoKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let conflicting = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock));
        let conflicting = conflicting.map_err(|source| failed(source.into()))?;
        Ok(conflicting.map(|lock| Holder {
            process: lock.pid.map(|process| process.as_raw_nonzero().get().unsigned_abs()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use super::*;

    /// Each file with its size and the time of its last change.
    fn files(directory: &Path) -> BTreeMap<String, (u64, SystemTime)> {
        let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
        let file = |entry: std::fs::DirEntry| {
            let metadata = entry.metadata().unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, (metadata.len(), metadata.modified().unwrap()))
        };
        entries.map(file).collect()
    }

    #[test]
    fn a_store_is_looked_at_without_a_trace() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        assert_eq!(RocksDbStore::examine(&path, "shop").unwrap(), None);
        assert_eq!(RocksDbStore::holder(&path).unwrap(), None);
        assert!(!path.exists());
        // A volume that is new.
        std::fs::create_dir(&path).unwrap();
        assert!(!RocksDbStore::is_made(&path).unwrap());
        assert_eq!(RocksDbStore::examine(&path, "shop").unwrap(), None);
        std::fs::write(directory.path().join("file"), "").unwrap();
        assert!(RocksDbStore::is_made(&directory.path().join("file")).is_err());
        drop(RocksDbStore::open(&path, "shop", MEMORY).unwrap());
        let before = files(&path);
        let examined = RocksDbStore::examine(&path, "shop").unwrap().unwrap();
        assert_eq!((examined.format, examined.is_moved_first), (STORE_FORMAT, false));
        // What is in the log of writes alone has its bytes there.
        assert_eq!(examined.statistics.files.iter().sum::<u64>(), 0);
        let logs = before.iter().filter(|(name, _)| name.ends_with(".log"));
        assert_eq!(examined.file_bytes, logs.map(|(_, (bytes, _))| bytes).sum::<u64>());
        assert!(examined.file_bytes > 0);
        // The lock is given up with the store.
        assert_eq!(RocksDbStore::holder(&path).unwrap(), None);
        assert_eq!(files(&path), before);
        // It can be opened as before.
        drop(RocksDbStore::open(&path, "shop", MEMORY).unwrap());
    }

    #[test]
    fn a_store_of_the_first_format_is_found_as_such() {
        let directory = tempfile::tempdir().unwrap();
        let store = RocksDbStore::open(directory.path(), "shop", MEMORY).unwrap();
        store.write_record(KeyTag::Format, &BY_TABLE).unwrap();
        drop(store);
        let examined = RocksDbStore::examine(directory.path(), "shop").unwrap().unwrap();
        assert_eq!((examined.format, examined.is_moved_first), (BY_TABLE, true));
        let store = RocksDbStore::open(directory.path(), "shop", MEMORY).unwrap();
        store.write_record(KeyTag::Format, &99_u32).unwrap();
        drop(store);
        let refused = RocksDbStore::examine(directory.path(), "shop").unwrap_err();
        assert!(refused.to_string().contains("has format 99"), "{refused}");
    }
}
