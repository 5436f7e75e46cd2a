//! The offline store: parquet files, read through DataFusion and appended to without decoding what is there.
//!
//! The only user of datafusion (and of the parquet crate behind it). Knows nothing of RocksDB, the registry file or HTTP.

mod append;
mod guard;
mod latest;
mod marks;
mod pandas;
mod runtime;
mod source;

pub use append::create_parquet;
#[cfg(test)]
pub(crate) use append::read_integers;
pub(crate) use append::{AppendLog, Appender};
pub(crate) use latest::{LatestRows, Window};
pub(crate) use marks::{AppendsHeld, Mark};
pub use pandas::{PandasColumn, pandas_columns};
pub(crate) use runtime::OfflineRuntime;
pub(crate) use source::{ParquetSource, SourceSchema};
