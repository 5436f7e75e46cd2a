//! The offline store: parquet files, read through DataFusion and appended to without decoding what is there.
//!
//! The only user of datafusion (and of the parquet crate behind it). Knows nothing of RocksDB, the registry file or HTTP.

mod append;
mod latest;
mod runtime;
mod source;

pub(crate) use append::Appender;
pub use append::create_parquet;
pub(crate) use latest::{LatestRows, Window};
pub(crate) use runtime::OfflineRuntime;
pub(crate) use source::{ParquetSource, SourceSchema};
