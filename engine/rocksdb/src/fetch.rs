//! Rows by key: one batched get of the database.

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::storage_key::row_prefix;
use feast_model::error::{Error, Result};
use feast_rows::MissingRows;
use rocksdb::{DBPinnableSlice, DEFAULT_COLUMN_FAMILY_NAME};

use super::RocksDbStore;

/// Fetched rows, where the database has them in memory.
pub struct PinnedRows<'db> {
    /// Of each distinct key.
    values: Vec<Option<DBPinnableSlice<'db>>>,
    /// For each row that was to be fetched, its position in `values`.
    ranks: Vec<usize>,
}

impl PinnedRows<'_> {
    /// A row by its position in [`MissingRows::by_query`].
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        self.values[self.ranks[position]].as_deref()
    }
}

impl RocksDbStore {
    /// Reads rows from the database. A row is never older than what was acknowledged before the call.
    pub fn fetch(&self, missing: MissingRows<'_>) -> Result<PinnedRows<'_>> {
        let keys = keys_of(missing);
        let (distinct, ranks) = distinct_in_order(&keys);
        let values = self.get_many(distinct.iter().map(|position| keys.get(*position)))?;
        Ok(PinnedRows { values, ranks })
    }

    /// Reads the values of distinct keys in ascending order from the database, in one batch. One value for each key, in key order.
    pub fn get_many<'key>(
        &self,
        keys: impl ExactSizeIterator<Item = &'key [u8]>,
    ) -> Result<Vec<Option<DBPinnableSlice<'_>>>> {
        let Some(family) = self.db.cf_handle(DEFAULT_COLUMN_FAMILY_NAME) else {
            return Err(Error::internal("the online store has no default column family"));
        };
        let keys: Vec<&[u8]> = keys.collect();
        let values = self.db.batched_multi_get_cf(&family, keys, true);
        values
            .into_iter()
            .map(|value| value.map_err(|source| self.error(source)))
            .collect()
    }
}

/// The storage keys of missing rows, in their order. Within a query they are in key order.
fn keys_of(missing: MissingRows<'_>) -> PackedBytes {
    let rows = missing.row_count();
    let mut keys = PackedBytes::with_capacity(rows, rows * 48);
    for (tables, entities) in missing.by_query() {
        for table in tables {
            let prefix = row_prefix(*table);
            for entity in entities.clone() {
                keys.push_with(|out| {
                    out.extend_from_slice(&prefix);
                    out.extend_from_slice(entity);
                });
            }
        }
    }
    keys
}

/// Positions of the distinct keys in ascending order, and for each key its rank among them.
fn distinct_in_order(keys: &PackedBytes) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    // Stable, as that sort makes use of the runs that are there.
    order.sort_by(|left, right| keys.get(*left).cmp(keys.get(*right)));
    let mut ranks = vec![0; keys.len()];
    let mut distinct: Vec<usize> = Vec::with_capacity(order.len());
    for position in order {
        if distinct.last().is_none_or(|last| keys.get(*last) != keys.get(position)) {
            distinct.push(position);
        }
        ranks[position] = distinct.len() - 1;
    }
    (distinct, ranks)
}
