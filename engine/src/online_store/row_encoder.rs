//! Rows of a view in the form of a store.

use arrow::array::ArrayRef;
use feast_codec::row::RowVersion;
use feast_model::error::Result;

/// Writes keys and rows of one view as its store keeps them.
pub(crate) enum RowEncoder {
    RocksDb(feast_rocksdb::RowEncoder),
    Redis(feast_redis::RowEncoder),
    Sqlite(feast_sqlite::RowEncoder),
}

impl RowEncoder {
    /// Checks that the store can hold every value of `columns`, which are in the order of the view's features. To be called before
    /// the first row of them is encoded.
    ///
    /// # Errors
    /// `Invalid`, naming feature and row.
    pub(crate) fn check(&self, columns: &[ArrayRef]) -> Result<()> {
        match self {
            Self::RocksDb(_) => Ok(()),
            Self::Redis(encoder) => encoder.check(columns),
            Self::Sqlite(encoder) => encoder.check(columns),
        }
    }

    /// Appends what stands before the entity key in a key of the store.
    #[inline]
    pub(crate) fn start_key(&self, out: &mut Vec<u8>) {
        match self {
            Self::RocksDb(encoder) => encoder.start_key(out),
            Self::Redis(encoder) => encoder.start_key(out),
            Self::Sqlite(encoder) => encoder.start_key(out),
        }
    }

    /// Appends what stands after it.
    #[inline]
    pub(crate) fn end_key(&self, out: &mut Vec<u8>) {
        match self {
            Self::RocksDb(encoder) => encoder.end_key(out),
            Self::Sqlite(_) => {}
            Self::Redis(encoder) => encoder.end_key(out),
        }
    }

    /// Appends the row `row` of `columns`, which are in the order of the view's features.
    #[inline]
    pub(crate) fn encode(&self, version: RowVersion, columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) {
        match self {
            Self::RocksDb(encoder) => encoder.encode(version, columns, row, out),
            Self::Redis(encoder) => encoder.encode(version, columns, row, out),
            Self::Sqlite(encoder) => encoder.encode(version, columns, row, out),
        }
    }
}
