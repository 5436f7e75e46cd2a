//! Rows that are read for themselves, and not for an answer: those of some keys, and what lies in whole tables.

use std::collections::HashMap;

use feast_codec::packed_bytes::PackedBytes;
use feast_model::error::{Error, ErrorKind, Result};

use super::{OnlineStore, RowBatch, RowQueries, RowTotals};

impl OnlineStore {
    /// The row of each entity in a table, if it has one.
    ///
    /// # Errors
    /// `Data` when the store is damaged, `Unavailable` when it does not answer.
    pub(crate) fn rows_of(&self, table: u32, entities: &[PackedBytes; 1]) -> Result<RowBatch> {
        let tables = [vec![table]];
        let queries = RowQueries {
            tables: &tables,
            entities,
            features: None,
        };
        let mut lookup = self.prepare(queries)?;
        while let Some(missing) = lookup.missing(queries) {
            let reading = self.reading();
            let fetched = reading.fetch(missing)?;
            self.complete(&mut lookup, queries, fetched)?;
        }
        let batch = lookup.into_batches().pop();
        batch.ok_or_else(|| Error::internal("a lookup of one group gave no rows"))
    }

    /// What lies in each table, by its id. All rows are read: those of RocksDB at one moment, those of SQLite at one for each table.
    ///
    /// # Errors
    /// `Data` when the store is damaged, `Unavailable` when it does not answer, `Unsupported` for one that keeps rows of all views of an
    /// entity together.
    pub(crate) fn row_totals(&self) -> Result<HashMap<u32, RowTotals>> {
        match self {
            Self::RocksDb(storage) => storage.row_totals(),
            Self::Redis(_) => {
                let message =
                    "rows of feature views are not counted in Redis, which keeps those of an entity in one hash";
                Err(Error::new(ErrorKind::Unsupported, message).with_hint(
                    "INFO keyspace has the number of hashes; feast online-store scan VIEW --output json reads the rows of a view",
                ))
            }
            Self::Sqlite(sqlite) => sqlite.row_totals(),
        }
    }

    /// Bytes of the files that hold rows, compressed and with what was replaced; `None` where there are none.
    pub(crate) fn file_bytes(&self) -> Option<u64> {
        match self {
            Self::RocksDb(storage) => Some(storage.file_bytes()),
            Self::Redis(_) => None,
            Self::Sqlite(sqlite) => sqlite.file_bytes(),
        }
    }
}
