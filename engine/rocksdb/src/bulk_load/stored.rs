//! The stored rows of the keys of a chunk, read in the order of the keys.
//!
//! Rows of other tables lie between them. Few of them are passed by reading them, which costs less than to seek. Many of them are not worth
//! it where most keys have no row, as when one view after another is loaded for the first time: then filters are asked.

use rocksdb::{DB, DBRawIteratorWithThreadMode, ReadOptions};

/// After so many keys it is decided anew how the next ones are looked for.
const DECIDED_AFTER: usize = if cfg!(test) { 8 } else { 256 };
/// So many stored rows between two keys are passed; after more the next key is sought.
const MAX_PASSED: usize = 16;
/// Filters are asked where as many rows would be passed for each key, and for as long as they spare most keys a look.
const MIN_PASSED_WITH_FILTERS: usize = 4;

/// Looks for one key after the other.
pub(super) struct StoredRows<'store> {
    db: &'store DB,
    rows: DBRawIteratorWithThreadMode<'store, DB>,
    of_filters: ReadOptions,
    asks_filters: bool,
    /// Since it was decided last: keys, those of them that may have a row, and stored rows that were passed.
    keys: usize,
    looked_for: usize,
    found: usize,
    passed: usize,
}

impl<'store> StoredRows<'store> {
    /// Begins before the first key.
    pub(super) fn new(db: &'store DB, first: &[u8]) -> Self {
        let mut options = ReadOptions::default();
        options.set_total_order_seek(true);
        options.fill_cache(false);
        let mut rows = db.raw_iterator_opt(options);
        rows.seek(first);
        Self {
            db,
            rows,
            of_filters: ReadOptions::default(),
            asks_filters: false,
            keys: 0,
            looked_for: 0,
            found: 0,
            passed: 0,
        }
    }

    /// The row of a key that is not before the last one. What is written meanwhile may be missing.
    pub(super) fn get(&mut self, key: &[u8]) -> Option<&[u8]> {
        if self.keys == DECIDED_AFTER {
            self.decide();
        }
        self.keys += 1;
        if self.asks_filters {
            if !self.db.key_may_exist_opt(key, &self.of_filters) {
                return None;
            }
            self.looked_for += 1;
            self.rows.seek(key);
        } else {
            self.pass_to(key);
        }
        if self.rows.key() != Some(key) {
            return None;
        }
        self.found += 1;
        self.rows.value()
    }

    /// Whether all of this could be read.
    pub(super) fn status(&self) -> Result<(), rocksdb::Error> {
        self.rows.status()
    }

    fn pass_to(&mut self, key: &[u8]) {
        for _ in 0..MAX_PASSED {
            match self.rows.key() {
                Some(stored) if stored < key => self.rows.next(),
                _ => return,
            }
            self.passed += 1;
        }
        self.rows.seek(key);
    }

    fn decide(&mut self) {
        self.asks_filters = match self.asks_filters {
            // Filters that are not in memory say nothing.
            true => self.looked_for < self.keys / 4,
            false => self.passed > self.keys * MIN_PASSED_WITH_FILTERS && self.found < self.keys / 4,
        };
        (self.keys, self.looked_for, self.found, self.passed) = (0, 0, 0, 0);
    }
}
