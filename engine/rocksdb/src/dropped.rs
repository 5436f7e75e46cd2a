//! Rows of dropped tables: nothing reads them from the moment at which their table is gone, as ids of tables are never used again, and
//! they go when the files that they are in are written anew.
//!
//! They lie between the rows of other tables, so to drop a table is to look at every row of the store. Compactions do that anyway, and
//! leave them out ([`DroppedRows`]); what no compaction comes to is compacted file by file, in steps that take a second
//! ([`RocksDbStore::reclaim`]). A server takes them; how far it came is not kept, but what is left to do is.

use std::collections::HashSet;
use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use feast_codec::record::{self, DroppedTables};
use feast_codec::storage_key::{KeyTag, rows_of_entities, split_row_key};
use feast_model::error::Result;
use rocksdb::compaction_filter::{CompactionFilter, Decision};
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};
use rocksdb::{BottommostLevelCompaction, CompactOptions, WriteBatch};

use super::RocksDbStore;

/// Which tables are dropped, for compactions. Empty until the store has read it.
#[derive(Clone, Default)]
pub(super) struct DroppedRows(Arc<ArcSwap<HashSet<u32>>>);

/// Leaves out the rows of tables that were dropped when a compaction began.
pub(super) struct WithoutDropped(Arc<HashSet<u32>>);

/// How far the files were compacted, and without which tables.
#[derive(Debug, Default)]
pub(super) struct Reclaiming {
    tables: Vec<u32>,
    /// The key at which the next step begins.
    next: Vec<u8>,
}

impl CompactionFilterFactory for DroppedRows {
    type Filter = WithoutDropped;

    fn create(&mut self, _: CompactionFilterContext) -> WithoutDropped {
        WithoutDropped(self.0.load_full())
    }

    fn name(&self) -> &CStr {
        c"dropped tables"
    }
}

impl CompactionFilter for WithoutDropped {
    fn filter(&mut self, _: u32, key: &[u8], _: &[u8]) -> Decision {
        match split_row_key(key) {
            Some((table, _)) if self.0.contains(&table) => Decision::Remove,
            _ => Decision::Keep,
        }
    }

    fn name(&self) -> &CStr {
        c"dropped tables"
    }
}

impl RocksDbStore {
    /// Adds to a batch that tables are dropped. To be called under the writer lock; once the batch is durable,
    /// [`RocksDbStore::publish_dropped`] follows.
    pub(super) fn note_dropped(&self, table_ids: &[u32], batch: &mut WriteBatch) -> Result<()> {
        let mut dropped = self.dropped_tables()?;
        dropped.table_ids.extend(table_ids);
        dropped.table_ids.sort_unstable();
        let bytes = record::encode(&dropped).map_err(|source| self.corrupt(source))?;
        batch.put(KeyTag::DroppedTables.single(), bytes);
        Ok(())
    }

    /// Adds to a batch that no table is left.
    pub(super) fn delete_all_rows(&self, batch: &mut WriteBatch) -> Result<()> {
        let (first, end) = rows_of_entities(b"");
        batch.delete_range(first, end);
        batch.delete(KeyTag::DroppedTables.single());
        Ok(())
    }

    /// Tells compactions which tables are dropped.
    pub(super) fn publish_dropped(&self) -> Result<()> {
        let table_ids = self.dropped_tables()?.table_ids;
        self.dropped.0.store(Arc::new(table_ids.into_iter().collect()));
        Ok(())
    }

    fn dropped_tables(&self) -> Result<DroppedTables> {
        Ok(self.read_record(KeyTag::DroppedTables)?.unwrap_or_default())
    }

    /// Takes a step towards the end of the rows of dropped tables: compacts one file. Says whether there is more to do.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be written.
    pub fn reclaim(&self) -> Result<bool> {
        // A load may still bring rows of a table that was dropped after it began.
        let has_work = !self.dropped.0.load().is_empty() && self.loads.load(Ordering::SeqCst) == 0;
        if !has_work || self.trouble().is_some() {
            return Ok(false);
        }
        let mut reclaiming = self.reclaiming.lock();
        let (first, end) = rows_of_entities(b"");
        if reclaiming.tables.is_empty() {
            *reclaiming = Reclaiming {
                tables: self.dropped_tables()?.table_ids,
                next: first,
            };
            // What is in the log of writes is in no file.
            self.db().flush().map_err(|source| self.error(source))?;
        }
        let Some((start, last)) = self.file_after(&reclaiming.next, &end)? else {
            self.forget_dropped(&std::mem::take(&mut *reclaiming).tables)?;
            return Ok(true);
        };
        let mut options = CompactOptions::default();
        options.set_exclusive_manual_compaction(false);
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db().compact_range_opt(Some(&start), Some(&last), &options);
        reclaiming.next = [&last[..], &[0]].concat();
        Ok(true)
    }

    /// The first and the last key of the part of the next file that lies from `next` on and before `end`.
    fn file_after(&self, next: &[u8], end: &[u8]) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let files = self.db().live_files().map_err(|source| self.error(source))?;
        let parts = files.into_iter().filter_map(|file| {
            let (first, last) = (file.start_key?, file.end_key?);
            let is_ahead = last.as_slice() >= next && first.as_slice() < end;
            is_ahead.then(|| (first.max(next.to_vec()), last))
        });
        Ok(parts.min())
    }

    fn forget_dropped(&self, table_ids: &[u32]) -> Result<()> {
        let _writer = self.lock_writer();
        let mut dropped = self.dropped_tables()?;
        dropped.table_ids.retain(|table| !table_ids.contains(table));
        self.write_record(KeyTag::DroppedTables, &dropped)?;
        self.publish_dropped()
    }
}

#[cfg(test)]
mod tests;
