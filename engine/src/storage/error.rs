use std::path::Path;

use rocksdb::ErrorKind as RocksKind;

use crate::error::{Error, ErrorKind};

/// The one place that reads RocksDB's error texts.
pub(super) fn from_rocksdb(source: rocksdb::Error, path: &Path) -> Error {
    let text = source.to_string();
    let store = path.display();
    let error = if text.contains("While lock file") || text.contains("lock hold") {
        Error::new(
            ErrorKind::Conflict,
            format!("online store {store} is in use by another process"),
        )
        .with_hint("a feast server probably has it open: stop it, or let it do the work (POST /materialize, /push)")
    } else if text.contains("No space left") {
        Error::new(
            ErrorKind::Unavailable,
            format!("online store {store}: the disk is full"),
        )
    } else {
        match source.kind() {
            RocksKind::Corruption | RocksKind::InvalidArgument | RocksKind::NotSupported => {
                Error::data(format!("online store {store} cannot be read: {text}"))
                    .with_hint("restore it, or remove the directory and materialize again")
            }
            RocksKind::Busy
            | RocksKind::TimedOut
            | RocksKind::TryAgain
            | RocksKind::ShutdownInProgress
            | RocksKind::IOError => Error::new(ErrorKind::Unavailable, format!("online store {store}: {text}")),
            _ => Error::internal(format!("online store {store}: {text}")),
        }
    };
    error.with_source(source)
}
