//! What is written to keys of a chunk while a file is made of it. All of this is behind the writer lock.

use feast_codec::storage_key::split_row_key;

use crate::{RocksDbStore, WriterGuard};

/// Keys of one watch, each of which is looked up under the writer lock; with more the whole range counts as written.
const MAX_WATCHED_KEYS: usize = 1 << 12;

/// Ranges of keys of some tables that somebody watches.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    watches: Vec<Watch>,
    next_id: u64,
}

/// A range of keys of some tables, and what was written to it since the watch began.
#[derive(Debug)]
pub(super) struct Watch {
    id: u64,
    /// Of the chunk, ascending.
    tables: Vec<u32>,
    first: Vec<u8>,
    last: Vec<u8>,
    /// Keys that were written, as long as they are not too many.
    pub(super) written: Vec<Vec<u8>>,
    /// Any key of the range may have been written.
    pub(super) all: bool,
}

/// A watch under way, which ends with this at the latest.
pub(super) struct Watching<'store> {
    store: &'store RocksDbStore,
    id: Option<u64>,
}

impl<'store> Watching<'store> {
    /// Begins to watch the keys of some tables from the first to the last.
    pub(super) fn start(store: &'store RocksDbStore, tables: &[u32], first: &[u8], last: &[u8]) -> Self {
        let id = store.lock_writer().start(tables, first, last);
        Self { store, id: Some(id) }
    }

    /// Ends it, and gives what was written.
    pub(super) fn end(mut self, writer: &mut WriterGuard<'_>) -> Option<Watch> {
        self.id.take().and_then(|id| writer.end(id))
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.store.lock_writer().end(id);
        }
    }
}

impl Watches {
    /// To be called for each row that is to be written, before it is.
    pub(crate) fn note(&mut self, key: &[u8]) {
        for watch in &mut self.watches {
            let has_table = || split_row_key(key).is_some_and(|(table, _)| watch.tables.binary_search(&table).is_ok());
            if watch.first.as_slice() <= key && key <= watch.last.as_slice() && !watch.all && has_table() {
                watch.written.push(key.to_vec());
                watch.all = watch.written.len() > MAX_WATCHED_KEYS;
            }
        }
    }

    /// To be called when it is not known what was written.
    pub(crate) fn note_all(&mut self) {
        self.watches.iter_mut().for_each(|watch| watch.all = true);
    }

    /// To be called where many rows of some tables between two keys are written.
    pub(super) fn note_range(&mut self, tables: &[u32], first: &[u8], last: &[u8]) {
        for watch in &mut self.watches {
            let has_range = watch.first.as_slice() <= last && first <= watch.last.as_slice();
            watch.all |= has_range && watch.tables.iter().any(|table| tables.binary_search(table).is_ok());
        }
    }

    fn start(&mut self, tables: &[u32], first: &[u8], last: &[u8]) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.watches.push(Watch {
            id,
            tables: tables.to_vec(),
            first: first.to_vec(),
            last: last.to_vec(),
            written: Vec::new(),
            all: false,
        });
        id
    }

    fn end(&mut self, id: u64) -> Option<Watch> {
        let position = self.watches.iter().position(|watch| watch.id == id)?;
        Some(self.watches.swap_remove(position))
    }
}
