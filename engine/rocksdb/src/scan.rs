//! The entity keys of a table, in their order.

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::storage_key::{split_row_key, table_range};
use feast_model::error::Result;
use feast_rows::KeyPage;
use rocksdb::{Direction, IteratorMode, ReadOptions};

use super::RocksDbStore;

impl RocksDbStore {
    /// At most `limit` entity keys of a table that follow the last page.
    ///
    /// # Errors
    /// `Data` when the store is damaged.
    pub fn entity_keys(&self, table: u32, after: Option<&[u8]>, limit: usize) -> Result<KeyPage> {
        let (start, end) = table_range(table);
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(end);
        // A copy reads everything once.
        options.fill_cache(false);
        // The first key that is greater than the last one has a zero byte more.
        let first = match after {
            Some(last) => [&start[..], last, &[0]].concat(),
            None => start.to_vec(),
        };
        let mut page = KeyPage::default();
        let rows = self
            .db
            .iterator_opt(IteratorMode::From(&first, Direction::Forward), options);
        for row in rows.take(limit) {
            let (key, _) = row.map_err(|source| self.error(source))?;
            if let Some((_, entity)) = split_row_key(&key) {
                page.keys.push_with(|out| out.extend_from_slice(entity));
            }
        }
        page.next = last_of_full(&page.keys, limit);
        Ok(page)
    }

    /// A number that grows with every write, so that a store with the same number is as it was.
    pub fn write_count(&self) -> u64 {
        self.db.latest_sequence_number()
    }
}

/// The last key of a page after which there may be others.
fn last_of_full(keys: &PackedBytes, limit: usize) -> Option<Vec<u8>> {
    (keys.len() == limit && limit > 0).then(|| keys.get(limit - 1).to_vec())
}
