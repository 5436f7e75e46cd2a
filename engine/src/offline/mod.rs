//! The offline store: parquet files, read through DataFusion and appended to without decoding what is there.
//!
//! The only user of datafusion (and of the parquet crate behind it). Knows nothing of RocksDB, the registry file or HTTP.

mod append;
mod append_parts;
mod footer;
mod guard;
mod latest;
mod listing;
mod pandas;
mod partition;
mod positions;
mod ranks;
mod runtime;
mod scan;
mod source;
mod unify;

pub use append::create_parquet;
#[cfg(test)]
pub(crate) use append::read_integers;
pub(crate) use append::{FileNotes, pattern_is_read_only, prepend_rows, read_notes};
pub(crate) use append_parts::{DurableFolders, split_by_folder, visit_parts};
pub(crate) use latest::{LatestRows, Window};
pub(crate) use listing::SourceLayout;
pub use pandas::{PandasColumn, pandas_columns};
pub(crate) use runtime::OfflineRuntime;
pub(crate) use scan::TypedColumn;
pub(crate) use source::{ParquetSource, SchemaCache, SourceSchema};
