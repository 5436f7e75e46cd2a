//! Following what another opening of the store writes.
//!
//! A follower catches up from time to time; in between it stands still. Its readers take a lock, so that none of them sees rows of a table
//! that was changed before the tables are read again. Rows in memory are forgotten whenever anything has changed, so they are as old as the
//! last look at most.
//!
//! **A follower catches up with the log of writes only.** RocksDB's would take in changes of files too, but keeps rows of the log in memory
//! until the log that follows has its first write, and looks there first: it would give a row that was replaced just before it went
//! into a file, for as long as nobody writes. So when the list of files has changed, the store is opened to follow it anew. That is after
//! each 64 MiB of writes, and some times a second during a load; it takes as long as to open the files.

use std::path::Path;

use feast_codec::storage_key::KeyTag;
use feast_config::OnlineStoreMemory;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use rocksdb::properties::CURRENT_SUPER_VERSION_NUMBER;
use rocksdb::{DB, Options};

use super::RocksDbStore;
use super::file_modes::FileModes;
use super::opening::Opening;
use super::replacement;

impl RocksDbStore {
    /// Opens the database of `project` in `path` to read it, whoever writes to it meanwhile, and also where nobody can. Nothing on disk is
    /// changed. Rows are as they were when the store was last tended. A directory that is put into the place of this one is followed too.
    ///
    /// # Errors
    /// `Unavailable` when there is none yet, another one is put into its place, or it has the format of an older version, `Data` when it is damaged or of a newer version.
    pub fn open_read_only(path: &Path, project: &str, memory: OnlineStoreMemory) -> Result<Self> {
        if !Self::is_made(path)? {
            let message = format!("there is no online store in {} yet", error_path(path));
            return Err(Error::new(ErrorKind::Unavailable, message)
                .with_hint("it is made by the first process that may write it: `feast serve` or `feast materialize`"));
        }
        let mut storage = Self::open_follower(path, project, memory)?;
        storage.check_format_to_read(&storage.db())?;
        storage.identity = storage.read_record(KeyTag::Identity)?.unwrap_or_default();
        storage.publish(&storage.read_directory()?);
        Ok(storage)
    }

    /// Opens a database that is there, of whatever format.
    pub(super) fn open_follower(path: &Path, project: &str, memory: OnlineStoreMemory) -> Result<Self> {
        let modes = FileModes::of(path);
        let modes = modes.map_err(|source| Error::io("look at the online store directory", path, source))?;
        let storage = Self::open_with(Opening::to_follow_if_whole, modes, path, project, memory)?;
        replacement::check_whole(path)?;
        Ok(storage)
    }

    pub(crate) fn tend_follower(&self) {
        match self.follow() {
            Ok(()) if self.health.accept() => {
                tracing::info!(store = ?self.path, "the online store is followed again");
            }
            Ok(()) => {}
            Err(error) if self.health.refuse(&error, None) => {
                tracing::error!("rows are served as they were, until the online store can be followed again: {error}");
            }
            Err(_) => {}
        }
    }

    /// Brings a follower up to what was written since. Nothing is to be done for an opening that writes.
    pub(crate) fn follow(&self) -> Result<()> {
        let db = self.opening.load_full();
        if db.is_writable() {
            return Ok(());
        }
        if self.place.check().is_ok() && db.has_same_files(&self.path) {
            // Until it is sure that there is one state of one store to be seen.
            let _readers = self.catching_up.write();
            let caught_up = self.catch_up(&db);
            if caught_up.is_ok() && self.place.check().is_ok() && db.has_same_files(&self.path) {
                return Ok(());
            }
            return self.follow_anew();
        }
        self.follow_anew()
    }

    fn follow_anew(&self) -> Result<()> {
        // Another store may have come as a copy that is not complete.
        let open: fn(&Options, &Path) -> Result<Opening> = match self.place.check() {
            Ok(()) => Opening::to_follow,
            Err(_) if self.is_read_only => Opening::to_follow_if_whole,
            // Only one that never writes goes over to another store.
            Err(error) => return Err(error),
        };
        // Before and after, as no lock keeps a store from being replaced meanwhile.
        replacement::check_whole(&self.path)?;
        let place = self.place.files()?;
        let follower = open(&self.options, &self.path)?;
        replacement::check_whole(&self.path)?;
        self.check_format_to_read(&follower)?;
        self.replace_opening(follower)?;
        self.place.renew(place);
        Ok(())
    }

    fn catch_up(&self, db: &DB) -> Result<()> {
        let before = state_of(db);
        db.try_catch_up_with_primary().map_err(|source| self.error(source))?;
        if state_of(db) != before {
            self.publish(&self.read_directory_of(db)?);
            self.row_cache.clear();
        }
        Ok(())
    }
}

/// Grows with every change that a follower has seen.
fn state_of(db: &DB) -> (u64, Option<u64>) {
    let version = db.property_int_value(CURRENT_SUPER_VERSION_NUMBER);
    (db.latest_sequence_number(), version.ok().flatten())
}

#[cfg(test)]
mod tests;
