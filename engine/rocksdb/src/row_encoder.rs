//! Rows of a view in the form of the database.

use std::sync::Arc;

use arrow::array::ArrayRef;
use feast_codec::record::SchemaRecord;
use feast_codec::row::{RowHeader, RowVersion};
use feast_codec::storage_key::{end_row_key, start_row_key};
use feast_model::error::Result;
use feast_rows::{Table, TableView};

use super::RocksDbStore;

/// Writes the keys and rows of one view.
pub struct RowEncoder {
    table: Arc<Table>,
    schema_id: u32,
}

impl RocksDbStore {
    /// An encoder for rows of a view, whose table is made or extended if needed.
    ///
    /// # Errors
    /// As [`RocksDbStore::ensure_table`].
    pub fn row_encoder(&self, view: &TableView, schema: &SchemaRecord) -> Result<RowEncoder> {
        let (table, schema_id) = self.ensure_table(view, schema)?;
        Ok(RowEncoder { table, schema_id })
    }
}

impl RowEncoder {
    /// Appends what stands before the entity key in a key of the database.
    #[inline]
    pub fn start_key(&self, out: &mut Vec<u8>) {
        start_row_key(out);
    }

    /// Appends what stands after it.
    #[inline]
    pub fn end_key(&self, out: &mut Vec<u8>) {
        end_row_key(self.table.id, out);
    }

    /// Appends the row `row` of `columns`, which are in the order of the view's features.
    #[inline]
    pub fn encode(&self, version: RowVersion, columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) {
        let header = RowHeader {
            schema_id: self.schema_id,
            version,
        };
        let layout = &self.table.schemas()[self.schema_id as usize].layout;
        layout.encode(header, columns, row, out);
    }
}
