//! The offline store: parquet files, read through DataFusion and appended to without decoding what is there.
//!
//! The only user of datafusion (and of the parquet crate that comes with it). Knows nothing of RocksDB, the registry file or HTTP.
//!
//! | file | what it owns |
//! |---|---|
//! | `location/` | where a source is: its files listed, opened and known again |
//! | `source.rs`, `unify.rs`, `partition.rs` | the columns of a source: of all files together, and of folders |
//! | `snapshot.rs`, `footer.rs` | one state of the files, and what their footers say |
//! | `fingerprint.rs` | by what that state is known again on another machine |
//! | `scan.rs` | columns of row groups, brought into types |
//! | `positions.rs` | the order of rows with equal keys |
//! | `query/` | which rows are chosen: one file a query |
//! | `append.rs` and beside it | new rows into a file or a directory |
//! | `log_files.rs` | files of logged features: written in parts, put together later |
//! | `pandas.rs` | the columns of a file as pandas names them |
//! | `runtime.rs`, `spill.rs`, `guard.rs` | DataFusion's threads, memory and files; panics of the libraries |

mod append;
mod append_parts;
mod fingerprint;
mod footer;
mod guard;
mod location;
mod log_files;
mod pandas;
mod partition;
mod positions;
mod query;
mod runtime;
mod scan;
mod snapshot;
mod source;
mod spill;
mod unify;

pub use append::create_parquet;
pub use append::{FileNotes, pattern_is_read_only, prepend_rows, read_notes};
pub use append_parts::{DurableFolders, FolderRows, split_by_folder, visit_parts};
pub use location::SourceLayout;
pub use log_files::{join_log_parts, log_part_notes, write_log_parts};
pub use pandas::{PandasColumn, pandas_columns};
pub use query::{LatestEvent, LatestRows, ScanPlan, ScanReport, SelectedRows, Window};
pub use runtime::{OfflineThreads, QueryLimits, QueryRuntime};
pub use scan::TypedColumn;
pub use source::{ParquetSource, SchemaCache, SourceSchema, UnknownColumns, source_columns};
