//! The libraries that read parquet panic on some files. That is an error of the call, not the end of the process.
//!
//! Owns the boundary at which a panic becomes an error. Knows nothing of what is read.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use feast_model::error::{Error, Result};

/// Does what reads or writes the parquet of `path`. Nothing that is used afterwards may be left half changed by `work`.
pub(super) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        // A damaged file and a defect of the library look the same from here.
        let message = format!(
            "parquet file {}: the library that reads it failed: {}",
            path.display(),
            panic_message(panic.as_ref())
        );
        Err(Error::data(message)
            .with_hint("check that other programs can read the file; the place of the failure is in the log"))
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let string = panic.downcast_ref::<&str>().copied();
    string
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}
