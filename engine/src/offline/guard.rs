//! The libraries that read parquet end in a panic on some damaged files: that is an error of the file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::error::{Error, Result};

/// Does what reads the parquet of `path`. Nothing that is used afterwards may be left half changed by `read`.
pub(super) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(
            Error::data(format!("parquet file {} is damaged: it cannot be read", path.display()))
                .with_hint("restore the file; its panic is in the log"),
        )
    })
}
