//! What lies in a table, counted.

use feast_model::Timestamp;

/// The rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowTotals {
    /// How many there are.
    pub rows: u64,
    /// Bytes of their keys and values, as they are before a store compresses them.
    pub bytes: u64,
    /// The newest event time; `None` without rows.
    pub newest_event: Option<Timestamp>,
}
