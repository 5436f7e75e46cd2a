//! The entity keys of a table, in their order, and what lies in all tables.

use std::collections::HashMap;

use feast_codec::entity_key::names_prefix;
use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row::RowHeader;
use feast_codec::storage_key::{row_key, rows_of_entities, split_row_key};
use feast_model::error::Result;
use feast_rows::{KeyPage, RowTotals};
use rocksdb::{DB, DBIteratorWithThreadMode, Direction, IteratorMode, ReadOptions};

use super::RocksDbStore;

impl RocksDbStore {
    /// At most `limit` entity keys of a table that follow the last page.
    ///
    /// # Errors
    /// `Data` when the store is damaged.
    pub fn entity_keys(&self, table: u32, after: Option<&[u8]>, limit: usize) -> Result<KeyPage> {
        let (start, end) = self.rows_around(table);
        // The first key that is greater than the last one has a zero byte more.
        let first = match after {
            Some(last) => {
                let mut first = row_key(last, table);
                first.push(0);
                first
            }
            None => start,
        };
        let mut page = KeyPage::default();
        let db = self.db();
        for row in scan(&db, &first, end) {
            let (key, _) = row.map_err(|source| self.error(source))?;
            match split_row_key(&key) {
                Some((of, entity)) if of == table => page.keys.push_with(|out| out.extend_from_slice(entity)),
                _ => {}
            }
            if page.keys.len() == limit {
                break;
            }
        }
        page.next = last_of_full(&page.keys, limit);
        Ok(page)
    }

    /// What lies in each table, by its id, at one moment. All rows are read; those of tables that are dropped may be among them.
    ///
    /// # Errors
    /// `Data` when the store is damaged.
    pub fn row_totals(&self) -> Result<HashMap<u32, RowTotals>> {
        let (first, end) = rows_of_entities(b"");
        let mut totals: HashMap<u32, RowTotals> = HashMap::new();
        let db = self.db();
        for row in scan(&db, &first, end) {
            let (key, value) = row.map_err(|source| self.error(source))?;
            let Some((table, _)) = split_row_key(&key) else {
                continue;
            };
            let header = RowHeader::decode(&value).map_err(|source| self.corrupt(source))?;
            let of_table = totals.entry(table).or_default();
            of_table.rows += 1;
            of_table.bytes += (key.len() + value.len()) as u64;
            of_table.newest_event = of_table.newest_event.max(Some(header.version.event_time));
        }
        Ok(totals)
    }

    /// The half-open range in which all rows of a table are, between those of other tables: that of the entities with its join keys.
    pub(super) fn rows_around(&self, table: u32) -> (Vec<u8>, Vec<u8>) {
        let tables = self.tables();
        let in_use = tables.views().map(|(_, known)| known);
        let known = in_use.chain(tables.hidden().iter().map(|hidden| &hidden.table));
        let shape = known
            .filter(|known| known.id == table)
            .find_map(|known| known.shape().cloned());
        // A view without entities has a key of its own name.
        let join_keys = shape
            .map(|shape| shape.join_keys)
            .filter(|join_keys| !join_keys.is_empty());
        match join_keys {
            Some(join_keys) => rows_of_entities(&names_prefix(join_keys.iter().map(|(name, _)| name.as_str()))),
            None => rows_of_entities(b""),
        }
    }

    /// A number that grows with every write, so that a store with the same number is as it was.
    pub fn write_count(&self) -> u64 {
        self.db().latest_sequence_number()
    }
}

/// Everything in a range, once.
pub(super) fn scan<'db>(db: &'db DB, first: &[u8], end: Vec<u8>) -> DBIteratorWithThreadMode<'db, DB> {
    let mut options = ReadOptions::default();
    options.set_iterate_upper_bound(end);
    options.fill_cache(false);
    // Across entities.
    options.set_total_order_seek(true);
    db.iterator_opt(IteratorMode::From(first, Direction::Forward), options)
}

/// The last key of a page after which there may be others.
fn last_of_full(keys: &PackedBytes, limit: usize) -> Option<Vec<u8>> {
    (keys.len() == limit && limit > 0).then(|| keys.get(limit - 1).to_vec())
}
