//! SQLite's errors as ours: what is locked, what is damaged, what the system cannot do for now, each with its remedy.

use std::path::Path;

use feast_model::error::{Error, ErrorKind, detail, path};
use rusqlite::ErrorCode;

/// A connection that may only read has found the journal of a writer that was killed, and may not roll it back.
const READ_ONLY_ROLLBACK: i32 = rusqlite::ffi::SQLITE_READONLY_ROLLBACK;

/// The one place that reads SQLite's error codes.
pub(super) fn from_rusqlite(source: rusqlite::Error, store: &Path) -> Error {
    let (message, store) = (source.to_string(), path(store));
    let unavailable = |what: &str, hint: &str| {
        let error = Error::new(ErrorKind::Unavailable, format!("online store {store}: {what}"));
        error.with_hint(hint)
    };
    let error = match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => unavailable(
            "another process has it locked for writing",
            "try again; if it stays locked, end the process that holds the lock",
        ),
        Some(ErrorCode::DiskFull) => unavailable("the disk is full", "make room on the disk"),
        Some(code @ (ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly)) => unavailable(
            &match code {
                ErrorCode::ReadOnly => "it cannot be written".to_owned(),
                _ => format!("it cannot be opened: {}", detail(&message)),
            },
            "let the user that runs this process read and write the file and its directory",
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::OperationInterrupted) => {
            unavailable(&detail(&message).to_string(), "look at the log of the system")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            let error = Error::data(format!("online store {store} cannot be read: {}", detail(&message)));
            error.with_hint("restore it, or remove the file, apply and materialize again")
        }
        _ => Error::internal(format!("online store {store}: {}", detail(&message))),
    };
    error.with_source(source)
}

/// Whether a writer was killed, so that a connection which may write has to roll its journal back first.
pub(super) fn needs_rollback(source: &rusqlite::Error) -> bool {
    matches!(source, rusqlite::Error::SqliteFailure(failure, _) if failure.extended_code == READ_ONLY_ROLLBACK)
}

/// Whether a statement names a table that the file does not have. SQLite says so in words alone.
pub(super) fn is_missing_table(source: &rusqlite::Error) -> bool {
    source.to_string().contains("no such table")
}
