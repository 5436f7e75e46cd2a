//! What all online stores have in common: tables of rows, rows held in memory, and the lookup of rows in three steps.
//!
//! Knows rows as bytes and entities as keys, neither what is in them nor how a store keeps them. The modules that keep rows
//! (`storage`) build on it, and `OnlineStore` is what callers see.

mod batch;
mod cache;
mod lookup;
mod table_change;
mod tables;

pub(crate) use batch::RowBatch;
pub(crate) use cache::RowCache;
pub(crate) use lookup::{MissingRows, RowLookup, RowQueries, rows_in_memory};
pub use table_change::{RowCount, TableChange, TableFate};
pub(crate) use tables::{HiddenTable, Table, TableView, Tables};

/// Which rows a write may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    /// Those that are older or of the same version.
    OlderRows,
    /// All.
    AllRows,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WriteCount {
    /// Keys whose row was replaced or new.
    pub(crate) written: usize,
    /// Rows that lost against a newer one, stored or in the same batch.
    pub(crate) stale: usize,
}
