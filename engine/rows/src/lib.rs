//! What all online stores have in common: tables of rows, rows held in memory, and the lookup of rows in three steps.
//!
//! Knows rows as bytes and entities as keys, neither what is in them nor how a store keeps them. The stores
//! (`feast-rocksdb`, `feast-redis`, `feast-sqlite`) build on it, and the engine's `OnlineStore` is what callers see.

mod batch;
mod cache;
mod columns;
mod key_page;
mod lookup;
mod name_collision;
mod newest;
mod registry_tables;
mod stored_view;
mod table_change;
mod tables;
mod totals;

pub use batch::RowBatch;
pub use cache::{CacheUsage, RowCache};
pub use columns::{EncodedRows, RowColumns};
pub use key_page::KeyPage;
pub use lookup::{MissingRows, RowLookup, RowQueries, rows_in_memory};
pub use name_collision::{NameCollision, version_collisions};
pub use newest::newest_of_each_key;
pub use registry_tables::RegistryTables;
pub use stored_view::StoredView;
pub use table_change::{RowCount, TableChange, TableFate};
pub use tables::{ColumnRef, FeatureColumns, HiddenTable, Table, TableView, Tables};
pub use totals::RowTotals;

/// Which rows a write may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// Those that are older or of the same version.
    OlderRows,
    /// All.
    AllRows,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteCount {
    /// Keys whose row was replaced or new.
    pub written: usize,
    /// Rows that lost against a newer one, stored or in the same batch.
    pub stale: usize,
}
