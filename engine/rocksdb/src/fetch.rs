//! Rows by key. The rows of an entity lie together: where a request reads many of its tables, they are read from the first on as they
//! lie, where it reads few, by one batched get.

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::storage_key::{TABLE_ID_BYTES, end_row_key, row_key, start_row_key};
use feast_model::error::{Error, Result};
use feast_rows::MissingRows;
use rocksdb::{DBPinnableSlice, DEFAULT_COLUMN_FAMILY_NAME, ReadOptions};

use super::RocksDbStore;

/// Rows of so many tables of an entity are read one after the other, those of other tables between them included.
const MIN_SCANNED: usize = 4;

/// Between the tables of a request there may be so many times as many others.
const MAX_STRIDE: usize = 8;

/// Rows that were fetched.
pub struct DatabaseRows<'db> {
    /// For each row that was to be fetched, where it is.
    places: Vec<Place>,
    /// Rows where the database has them in memory.
    pinned: Vec<Option<DBPinnableSlice<'db>>>,
    copied: PackedBytes,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Nowhere,
    Pinned(usize),
    Copied(usize),
}

impl DatabaseRows<'_> {
    /// A row by its position in [`MissingRows::by_query`].
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        match self.places[position] {
            Place::Nowhere => None,
            Place::Pinned(rank) => self.pinned[rank].as_deref(),
            Place::Copied(number) => Some(self.copied.get(number)),
        }
    }
}

impl RocksDbStore {
    /// Reads rows from the database. A row is never older than what was acknowledged before the call.
    pub fn fetch(&self, missing: MissingRows<'_>) -> Result<DatabaseRows<'_>> {
        let mut fetched = DatabaseRows {
            places: vec![Place::Nowhere; missing.row_count()],
            pinned: Vec::new(),
            copied: PackedBytes::default(),
        };
        // Keys that a batched get reads, with their positions.
        let (mut keys, mut positions) = (PackedBytes::default(), Vec::new());
        let mut start = 0;
        for (tables, entities) in missing.by_query() {
            let count = entities.clone().count();
            match is_scanned(tables) {
                true => self.scan_entities(tables, entities, count, start, &mut fetched)?,
                false => {
                    for (number, entity) in entities.enumerate() {
                        for (table_number, table) in tables.iter().enumerate() {
                            keys.push_with(|out| {
                                start_row_key(out);
                                out.extend_from_slice(entity);
                                end_row_key(*table, out);
                            });
                            positions.push(start + table_number * count + number);
                        }
                    }
                }
            }
            start += tables.len() * count;
        }
        let (distinct, ranks) = distinct_in_order(&keys);
        fetched.pinned = self.get_many(distinct.iter().map(|position| keys.get(*position)))?;
        for (position, rank) in positions.into_iter().zip(ranks) {
            fetched.places[position] = Place::Pinned(rank);
        }
        Ok(fetched)
    }

    /// Reads the rows of `count` entities, which are ascending, from the first of the tables on; `start` is the position of the first.
    fn scan_entities<'key>(
        &self,
        tables: &[u32],
        entities: impl Iterator<Item = &'key [u8]>,
        count: usize,
        start: usize,
        fetched: &mut DatabaseRows<'_>,
    ) -> Result<()> {
        let mut options = ReadOptions::default();
        options.set_prefix_same_as_start(true);
        let mut rows = self.db.raw_iterator_opt(options);
        for (number, entity) in entities.enumerate() {
            let first = row_key(entity, tables[0]);
            let of_entity = &first[..first.len() - TABLE_ID_BYTES];
            rows.seek(&first);
            let mut next = 0;
            while let (Some(wanted), Some((key, row))) = (tables.get(next), rows.item()) {
                let Some(table) = key.strip_prefix(of_entity).and_then(|rest| rest.try_into().ok()) else {
                    break;
                };
                let table = u32::from_be_bytes(table);
                if table > *wanted {
                    next += 1;
                    continue;
                }
                if table == *wanted {
                    fetched.places[start + next * count + number] = Place::Copied(fetched.copied.len());
                    fetched.copied.push_with(|out| out.extend_from_slice(row));
                    next += 1;
                }
                rows.next();
            }
            if !rows.valid() {
                rows.status().map_err(|source| self.error(source))?;
            }
        }
        Ok(())
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

/// Whether the rows of these tables, which are ascending, are read one after the other.
fn is_scanned(tables: &[u32]) -> bool {
    let (Some(first), Some(last)) = (tables.first(), tables.last()) else {
        return false;
    };
    tables.len() >= MIN_SCANNED && ((last - first) as usize) < tables.len() * MAX_STRIDE
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

#[cfg(test)]
mod tests;
