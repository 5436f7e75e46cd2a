//! One opening of the files of a store.
//!
//! A store may come to be opened anew while it is in use. So whoever works on the database first takes the opening that is in use, and the
//! database stays open until they have let it go. To take it is a load of a pointer: no lock, and no count that readers share.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use arc_swap::Guard;
use rocksdb::{ColumnFamilyDescriptor, DB, DEFAULT_COLUMN_FAMILY_NAME, Options};

use super::RocksDbStore;

/// An open database.
pub(crate) struct Opening {
    db: DB,
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
        DB::open_cf_descriptors(options, path, [family]).map(|db| Self { db })
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
}
