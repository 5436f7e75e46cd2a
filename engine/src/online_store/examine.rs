//! What an online store is found to be by a process that does nothing with it: nothing is made, written or locked.

use std::path::Path;

use feast_config::OnlineStoreConfig;
use feast_files::{check_writable, check_writable_directory};
use feast_model::error::Result;
use feast_redis::RedisStore;
use feast_rocksdb::{Holder, RocksDbStore};
use feast_sqlite::SqliteStore;

use super::{DatabaseFound, RedisServerFound, SqliteFileFound};

/// An online store as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnlineStoreFound {
    /// An embedded database.
    RocksDb {
        /// What is in its directory; `None` when nothing is yet.
        database: Option<DatabaseFound>,
        /// The process that has it open to write.
        holder: Option<Holder>,
    },
    /// The servers that take writes.
    Redis(Vec<RedisServerFound>),
    /// A file; `None` when there is none yet.
    Sqlite(Option<SqliteFileFound>),
}

/// Looks at a store. `is_to_be_written`: whether the process that will open it writes to it, so that it must be let to.
///
/// # Errors
/// Those of opening it, and of what may not be written.
pub(crate) fn examine(config: &OnlineStoreConfig, project: &str, is_to_be_written: bool) -> Result<OnlineStoreFound> {
    match config {
        OnlineStoreConfig::RocksDb { path, .. } => {
            if is_to_be_written {
                check_writable_directory(path)?;
            }
            Ok(OnlineStoreFound::RocksDb {
                holder: RocksDbStore::holder(path)?,
                database: RocksDbStore::examine(path, project)?,
            })
        }
        OnlineStoreConfig::Redis(config) => RedisStore::open(config, project)?
            .examine()
            .map(OnlineStoreFound::Redis),
        OnlineStoreConfig::Sqlite { path } => {
            let file = SqliteStore::examine(path)?;
            if is_to_be_written {
                check_writable(path)?;
                // For its journal.
                path.parent().map_or(Ok(()), check_writable_directory)?;
            }
            Ok(OnlineStoreFound::Sqlite(file))
        }
    }
}

/// Looks at the log of pushes of a store that cannot hold it, as the server will write it: gives the process that has it open.
///
/// # Errors
/// What may not be written.
pub(crate) fn examine_push_log(config: &OnlineStoreConfig, path: &Path) -> Result<Option<Holder>> {
    if matches!(config, OnlineStoreConfig::RocksDb { .. }) {
        return Ok(None);
    }
    check_writable_directory(path)?;
    RocksDbStore::holder(path)
}
