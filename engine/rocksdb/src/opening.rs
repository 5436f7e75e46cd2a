//! One opening of the files of a store: to read and write them, or to follow what another opening writes.
//!
//! A store may come to be opened anew while it is in use ([`health`](super::health)). So whoever works on the database first takes the
//! opening that is in use, and the database stays open until they have let it go. To take it is a load of a pointer: no lock, and no count
//! that readers share.
//!
//! A follower is RocksDB's secondary instance. It takes no lock and writes nothing, so that it can be had beside an opening that writes, of
//! this process or of another one, and where nobody can write. It sees what was written when it last caught up. RocksDB's read-only
//! instance would see what was written when it was opened, and opening reads the whole log of writes.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::Guard;
use parking_lot::RwLockReadGuard;
use rocksdb::{ColumnFamilyDescriptor, DB, DEFAULT_COLUMN_FAMILY_NAME, InfoLogger, LogLevel, Options};

use super::RocksDbStore;

/// An open database.
pub(crate) struct Opening {
    db: DB,
    pub(crate) is_writable: bool,
    /// Nothing is flushed or compacted any more.
    is_stopped: AtomicBool,
}

/// What a fetch reads from. Rows that it gives may lie in memory of the database, which stays open for them.
pub struct Reading<'store> {
    pub(crate) store: &'store RocksDbStore,
    opening: Guard<Arc<Opening>>,
}

impl Opening {
    /// Opens a database for this process alone.
    pub(crate) fn to_write(options: &Options, path: &Path) -> Result<Self, rocksdb::Error> {
        // Named, so that its handle can be had for batched reads.
        let family = ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, options.clone());
        DB::open_cf_descriptors(options, path, [family]).map(|db| Self::new(db, true))
    }

    /// As [`Opening::to_write`], of a database that is there.
    pub(crate) fn to_write_again(options: &Options, path: &Path) -> Result<Self, rocksdb::Error> {
        let mut options = options.clone();
        options.create_if_missing(false);
        Self::to_write(&options, path)
    }

    /// Opens a database that is there to follow it.
    pub(crate) fn to_follow(options: &Options, path: &Path) -> Result<Self, rocksdb::Error> {
        let mut options = options.clone();
        options.create_if_missing(false);
        // Without one RocksDB writes a log file, for which it needs a directory of the follower's own.
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| {}));
        let no_directory = std::env::temp_dir();
        let family = ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, options.clone());
        let opened = DB::open_cf_descriptors_as_secondary(&options, path, no_directory.as_path(), [family]);
        opened.map(|db| Self::new(db, false))
    }

    fn new(db: DB, is_writable: bool) -> Self {
        Self {
            db,
            is_writable,
            is_stopped: AtomicBool::new(false),
        }
    }

    /// Makes no more files: where they would be made is not the directory that was opened. What is open can still be read.
    pub(crate) fn stop(&self) {
        if self.is_writable && !self.is_stopped.swap(true, Ordering::SeqCst) {
            self.db.cancel_all_background_work(false);
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }
}

impl Deref for Opening {
    type Target = DB;

    fn deref(&self) -> &DB {
        &self.db
    }
}

impl RocksDbStore {
    /// The database, for one piece of work.
    #[inline]
    pub(crate) fn db(&self) -> Guard<Arc<Opening>> {
        self.opening.load()
    }

    /// The database as it is open now, for a fetch. To be taken after the row cache was asked.
    #[inline]
    pub fn reading(&self) -> Reading<'_> {
        Reading {
            store: self,
            opening: self.db(),
        }
    }
}

impl Reading<'_> {
    pub(crate) fn db(&self) -> &DB {
        &self.opening
    }

    /// To be held by one who reads from a follower, so that it does not catch up meanwhile.
    pub(crate) fn stand_still(&self) -> Option<RwLockReadGuard<'_, ()>> {
        (!self.opening.is_writable).then(|| self.store.catching_up.read())
    }
}
