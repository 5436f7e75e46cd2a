//! Rows on their way into a store: as columns, and in the form that the store keeps them in.

use arrow::array::{Array, ArrayRef, Int64Array};
use feast_codec::packed_bytes::PackedBytes;

/// Rows of a view as columns of equal length.
pub struct RowColumns {
    /// Canonical join key columns, in view order; none for an entityless view.
    pub keys: Vec<ArrayRef>,
    /// Canonical feature columns, in view order.
    pub features: Vec<ArrayRef>,
    /// Microseconds since 1970, without nulls.
    pub event_times: Int64Array,
    /// Microseconds since 1970.
    pub created_times: Option<Int64Array>,
}

impl RowColumns {
    /// Whether any feature of any row is not null. Rows of a view without features have nothing else to say.
    pub fn has_values(&self) -> bool {
        self.features.is_empty() || self.features.iter().any(|column| column.null_count() < column.len())
    }
}

/// Rows in the form of the store, in order of arrival.
#[derive(Debug, Default)]
pub struct EncodedRows {
    /// What a row replaces: in the form of the store, as all of them.
    pub keys: PackedBytes,
    /// One for each key.
    pub rows: PackedBytes,
}

impl EncodedRows {
    /// Adds a row.
    #[inline]
    pub fn push(&mut self, key: &[u8], row: &[u8]) {
        self.keys.push(key);
        self.rows.push(row);
    }
}
