//! Batches of rows into a store, one after the other.

use feast_rows::{EncodedRows, Replace, WriteCount};

use super::OnlineStore;
use feast_model::error::Result;

/// Writes batches of rows. A store on the network works on one while the next is made.
pub(crate) enum RowWriter<'store> {
    /// Each batch is written when it is given.
    Local {
        store: &'store OnlineStore,
        replace: Replace,
    },
    Redis(feast_redis::RowWriter<'store>),
}

impl OnlineStore {
    /// For many batches, in order of arrival.
    pub(crate) fn row_writer(&self, replace: Replace) -> RowWriter<'_> {
        match self {
            Self::Redis(redis) => RowWriter::Redis(redis.row_writer(replace)),
            Self::RocksDb(_) | Self::Sqlite(_) => RowWriter::Local { store: self, replace },
        }
    }
}

impl RowWriter<'_> {
    /// Takes a batch, and gives what is known of the counts by now.
    ///
    /// # Errors
    /// As [`OnlineStore::write_rows`], of this batch or of an earlier one.
    pub(crate) fn write(&mut self, rows: EncodedRows) -> Result<WriteCount> {
        match self {
            Self::Local { store, replace } => store.write_rows(&rows.keys, &rows.rows, *replace),
            Self::Redis(writer) => writer.write(rows),
        }
    }

    /// Waits until all batches are written, and gives the rest of the counts. They are durable after the next [`OnlineStore::sync`].
    ///
    /// # Errors
    /// As [`RowWriter::write`].
    pub(crate) fn finish(self) -> Result<WriteCount> {
        match self {
            Self::Local { .. } => Ok(WriteCount::default()),
            Self::Redis(writer) => writer.finish(),
        }
    }
}
