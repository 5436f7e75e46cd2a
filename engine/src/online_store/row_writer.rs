//! Many rows of several views into a store, batch by batch.

use feast_codec::storage_key::split_row_key;
use feast_config::MaterializationLimits;
use feast_model::error::Result;
use feast_rocksdb::BulkLoad;
use feast_rows::{EncodedRows, Replace, WriteCount};

use super::OnlineStore;

/// Writes batches of rows. Those of each view are counted by themselves: a view is named by a number, from 0 on.
pub(crate) enum RowWriter<'store> {
    /// Gathers them, and writes them in the end.
    RocksDb {
        load: BulkLoad<'store>,
        /// The table of each view that had rows.
        tables: Vec<Option<u32>>,
    },
    /// Works on one batch while the next is made.
    Redis(feast_redis::RowWriter<'store>),
    /// Writes each batch when it is given.
    Sqlite {
        store: &'store OnlineStore,
        replace: Replace,
        counts: Vec<WriteCount>,
    },
}

impl OnlineStore {
    /// For many batches, in order of arrival.
    pub(crate) fn row_writer(&self, replace: Replace, limits: MaterializationLimits) -> RowWriter<'_> {
        match self {
            Self::RocksDb(storage) => RowWriter::RocksDb {
                load: storage.bulk_load(replace, limits),
                tables: Vec::new(),
            },
            Self::Redis(redis) => RowWriter::Redis(redis.row_writer(replace)),
            Self::Sqlite(_) => RowWriter::Sqlite {
                store: self,
                replace,
                counts: Vec::new(),
            },
        }
    }
}

impl RowWriter<'_> {
    /// Takes a batch of rows of a view.
    ///
    /// # Errors
    /// As [`OnlineStore::write_rows`], of this batch or of an earlier one.
    pub(crate) fn write(&mut self, view: usize, rows: EncodedRows) -> Result<()> {
        match self {
            Self::RocksDb { load, tables } => {
                let table = rows.keys.last().and_then(split_row_key).map(|(table, _)| table);
                *entry(tables, view) = entry(tables, view).or(table);
                load.add(rows)
            }
            Self::Redis(writer) => writer.write(view, rows),
            Self::Sqlite { store, replace, counts } => {
                let written = store.write_rows(&rows.keys, &rows.rows, *replace)?;
                let count = entry(counts, view);
                count.written += written.written;
                count.stale += written.stale;
                Ok(())
            }
        }
    }

    /// Waits until all batches are written, and gives the counts of each view, of those that had rows at least. They are durable after
    /// the next [`OnlineStore::sync`]. `watch` hears how many rows are written, where that takes long, and ends it with an error of
    /// its own.
    ///
    /// # Errors
    /// As [`RowWriter::write`], and those of `watch`.
    pub(crate) fn finish(self, watch: &mut dyn FnMut(usize) -> Result<()>) -> Result<Vec<WriteCount>> {
        match self {
            Self::RocksDb { load, tables } => {
                let mut counts = load.finish(watch)?;
                // Of two views with one table the first has the counts.
                let count_of = |table: Option<u32>| table.and_then(|table| counts.remove(&table));
                Ok(tables
                    .into_iter()
                    .map(count_of)
                    .map(Option::unwrap_or_default)
                    .collect())
            }
            Self::Redis(writer) => writer.finish(),
            Self::Sqlite { counts, .. } => Ok(counts),
        }
    }
}

/// The entry at a position, made if it is not there.
fn entry<T: Default + Clone>(entries: &mut Vec<T>, position: usize) -> &mut T {
    if position >= entries.len() {
        entries.resize(position + 1, T::default());
    }
    &mut entries[position]
}
