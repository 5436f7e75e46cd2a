//! Rows of single entities that are removed for good: from reads at once, and their bytes from the files soon after.
//!
//! A removed row leaves nothing that would keep a later one out: what is written under its key afterwards is new. So
//! it is for the caller to see to it that nothing is on its way that was written before.

use std::sync::atomic::Ordering;

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::storage_key::{push_key, row_key, rows_of_entities, split_row_key};
use feast_model::error::{Error, ErrorKind, Result};
use rocksdb::{BottommostLevelCompaction, CompactOptions, WriteBatch};

use super::RocksDbStore;
use super::scan::scan;

impl RocksDbStore {
    /// Removes the rows of entities from some tables, or from all that there ever were. Gives the tables in which there was a row. They are
    /// gone from all reads, and that is durable, when this returns.
    ///
    /// # Errors
    /// `Unavailable` when the store takes no writes for now, or while a load is under way, which may bring a row back.
    pub fn delete_entities(&self, entities: &PackedBytes, tables: Option<&[u32]>) -> Result<Vec<u32>> {
        self.heal_if_due();
        let mut writer = self.lock_writer();
        let db = self.writable()?;
        if self.loads.load(Ordering::SeqCst) > 0 {
            let message = "a materialization is under way, and may write the rows again";
            return Err(Error::new(ErrorKind::Unavailable, message).with_hint("delete them when it has ended"));
        }
        let mut batch = WriteBatch::default();
        let mut found = Vec::new();
        for entity in entities.iter() {
            let (first, end) = rows_of_entities(entity);
            for row in scan(&db, &first, end) {
                let (key, _) = row.map_err(|source| self.error(source))?;
                let table = split_row_key(&key)
                    .filter(|(_, of)| *of == entity)
                    .map(|(table, _)| table);
                if let Some(table) = table.filter(|table| tables.is_none_or(|tables| tables.contains(table))) {
                    batch.delete(&key);
                    writer.note(&key);
                    found.push(table);
                }
            }
        }
        if !batch.is_empty() {
            db.write(batch).map_err(|source| self.failed_write(&db, source))?;
        }
        entities.iter().for_each(|entity| self.row_cache.forget(entity));
        drop(writer);
        self.sync()?;
        Ok(found)
    }

    /// Writes the files anew in which removed rows of entities may lie, so that their bytes are gone from these and from the log of
    /// writes.
    ///
    /// # Errors
    /// `Unavailable` when the files cannot be written; the next compaction of these keys does it then.
    pub fn erase_deleted(&self, entities: &PackedBytes) -> Result<()> {
        let db = self.writable()?;
        // What is in the log of writes is in no file.
        db.flush().map_err(|source| self.failed_write(&db, source))?;
        let mut options = CompactOptions::default();
        options.set_exclusive_manual_compaction(false);
        // Also where the row lies in the last level.
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for entity in entities.iter() {
            let (first, last) = (row_key(entity, 0), row_key(entity, u32::MAX));
            db.compact_range_opt(Some(&first), Some(&last), &options);
        }
        // A push that is done may have had such a row.
        db.compact_range_opt(Some(push_key(0)), Some(push_key(u64::MAX)), &options);
        self.check_place()
    }
}
