//! RocksDB's errors as ours: what was damaged, what is in use, what the system cannot do for now, each with its remedy.

use std::path::Path;

use feast_model::error::{Error, ErrorKind, OPEN_FILES_HINT, detail, path as error_path};
use rocksdb::ErrorKind as RocksKind;

/// Another process has the lock.
pub(super) fn in_use(store: &Path) -> Error {
    let message = format!("online store {} is in use by another process", error_path(store));
    Error::new(ErrorKind::Conflict, message)
        .with_hint("a feast server probably has it open: stop it, or let it do the work (POST /materialize, /push)")
}

/// The one place that reads RocksDB's error messages.
pub(super) fn from_rocksdb(source: rocksdb::Error, store: &Path) -> Error {
    let message = source.to_string();
    if message.contains("While lock file") || message.contains("lock hold") {
        return in_use(store).with_source(source);
    }
    let store = error_path(store);
    let error = if message.contains("No space left") {
        Error::new(
            ErrorKind::Unavailable,
            format!("online store {store}: the disk is full"),
        )
        .with_hint("make room on the disk")
    } else if message.contains("Too many open files") {
        let message = format!("online store {store}: too many files are open");
        Error::new(ErrorKind::Unavailable, message).with_hint(OPEN_FILES_HINT)
    } else if message.contains("Read-only file system") {
        let message = format!("online store {store} cannot be written: Read-only file system");
        Error::new(ErrorKind::Unavailable, message).with_hint("mount the file system so that it can be written")
    } else if message.contains("Permission denied") {
        let message = format!("online store {store}: permission denied: {}", detail(&message));
        Error::new(ErrorKind::Unavailable, message)
            .with_hint("let the user that runs this process read and write the directory")
    } else {
        match source.kind() {
            RocksKind::Corruption | RocksKind::InvalidArgument | RocksKind::NotSupported => {
                Error::data(format!("online store {store} cannot be read: {}", detail(&message)))
                    .with_hint("restore it, or remove the directory and materialize again")
            }
            RocksKind::Busy
            | RocksKind::TimedOut
            | RocksKind::TryAgain
            | RocksKind::ShutdownInProgress
            | RocksKind::IOError => Error::new(
                ErrorKind::Unavailable,
                format!("online store {store}: {}", detail(&message)),
            ),
            _ => Error::internal(format!("online store {store}: {}", detail(&message))),
        }
    };
    error.with_source(source)
}
