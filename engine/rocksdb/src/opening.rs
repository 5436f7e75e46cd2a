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
use std::thread;
use std::time::Duration;

use arc_swap::Guard;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use parking_lot::RwLockReadGuard;
use rocksdb::{ColumnFamilyDescriptor, DB, DEFAULT_COLUMN_FAMILY_NAME, InfoLogger, LogLevel, Options};

use super::RocksDbStore;
use super::error::from_rocksdb;
use super::place::CURRENT_FILE;

const FOLLOW_ATTEMPTS: u32 = 10;
const FOLLOW_PAUSE: Duration = Duration::from_millis(20);

/// An open database.
pub(crate) struct Opening {
    db: DB,
    /// Of a follower: the list of files that it follows.
    follows: Option<FileList>,
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
    pub(crate) fn to_write(options: &Options, path: &Path) -> Result<Self> {
        // Named, so that its handle can be had for batched reads.
        let family = ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, options.clone());
        let opened = DB::open_cf_descriptors(options, path, [family]);
        let db = opened.map_err(|source| from_rocksdb(source, path))?;
        Ok(Self::new(db, None))
    }

    /// As [`Opening::to_write`], of a database that is there.
    pub(crate) fn to_write_again(options: &Options, path: &Path) -> Result<Self> {
        let mut options = options.clone();
        options.create_if_missing(false);
        Self::to_write(&options, path)
    }

    /// Opens a database that is there to follow it, with files that are known to be whole, as what follows one that was followed.
    pub(crate) fn to_follow(options: &Options, path: &Path) -> Result<Self> {
        Self::following(options, path, |_| Ok(()))
    }

    /// As [`Opening::to_follow`], of files that may be cut or missing, such as those of a copy. A follower leaves out what it cannot open,
    /// since one who writes may be replacing it: it would take rows for missing, without an error. So the files are opened once more, as
    /// they are opened to write, which is an error then. That takes as long again.
    pub(crate) fn to_follow_if_whole(options: &Options, path: &Path) -> Result<Self> {
        Self::following(options, path, |options| {
            let family = ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, options.clone());
            DB::open_cf_descriptors_read_only(options, path, [family], false).map(drop)
        })
    }

    fn following(
        options: &Options,
        path: &Path,
        check: impl Fn(&Options) -> std::result::Result<(), rocksdb::Error>,
    ) -> Result<Self> {
        let mut options = options.clone();
        options.create_if_missing(false);
        // Without one RocksDB writes a log file, for which it needs a directory of the follower's own.
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| {}));
        let no_directory = std::env::temp_dir();
        let mut attempts = 1;
        loop {
            let files = FileList::at(path);
            let family = ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, options.clone());
            let opened = DB::open_cf_descriptors_as_secondary(&options, path, no_directory.as_path(), [family]);
            match opened.and_then(|db| check(&options).map(|()| db)) {
                // Rows that went from the log of writes into a file meanwhile would be in neither.
                Ok(db) if files.is_some() && files == FileList::at(path) => return Ok(Self::new(db, files)),
                Err(source) if attempts == FOLLOW_ATTEMPTS => return Err(from_rocksdb(source, path)),
                Ok(_) if attempts == FOLLOW_ATTEMPTS => {
                    let store = error_path(path);
                    let message = format!("the files of online store {store} change faster than they can be opened");
                    return Err(Error::new(ErrorKind::Unavailable, message).with_hint("try again"));
                }
                // Whoever writes may be replacing files just then.
                _ => thread::sleep(FOLLOW_PAUSE),
            }
            attempts += 1;
        }
    }

    fn new(db: DB, follows: Option<FileList>) -> Self {
        Self {
            db,
            follows,
            is_stopped: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.follows.is_none()
    }

    /// Whether the list of files is still the one that a follower was opened with.
    pub(crate) fn has_same_files(&self, path: &Path) -> bool {
        self.follows == FileList::at(path)
    }

    /// Makes no more files: where they would be made is not the directory that was opened. What is open can still be read.
    pub(crate) fn stop(&self) {
        if self.is_writable() && !self.is_stopped.swap(true, Ordering::SeqCst) {
            self.db.cancel_all_background_work(false);
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }
}

/// The state of a database's list of files. Whatever is flushed, compacted or taken in is appended to it.
#[derive(PartialEq, Eq)]
struct FileList {
    name: Vec<u8>,
    bytes: u64,
}

impl FileList {
    /// `None` where there is none for now.
    fn at(path: &Path) -> Option<Self> {
        let name = std::fs::read(path.join(CURRENT_FILE)).ok()?;
        let list = path.join(str::from_utf8(&name).ok()?.trim_end());
        let bytes = std::fs::metadata(list).ok()?.len();
        Some(Self { name, bytes })
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
        (!self.opening.is_writable()).then(|| self.store.catching_up.read())
    }
}
