//! The block `online_store`: which store, where it is, and what it may hold in memory.

use std::path::{Path, PathBuf};

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::machine::machine_memory;
use super::overrides::{Document, SharedBlock};
use super::redis::{self, RedisConfig};
use super::{settings, sqlite};

/// The online store of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnlineStoreConfig {
    /// Redis or Valkey (`online_store.type: redis`).
    Redis(Box<RedisConfig>),
    /// The SQLite file of a repository that Python Feast made (`online_store.type: sqlite`).
    Sqlite {
        /// The file (`online_store.path`).
        path: PathBuf,
    },
    /// An embedded RocksDB database (`online_store.type: rocksdb`).
    RocksDb {
        /// Its directory (`online_store.path`).
        path: PathBuf,
        /// What it may hold in memory.
        memory: OnlineStoreMemory,
    },
}

impl OnlineStoreConfig {
    /// The name of its type, as in the settings and in the output of commands.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::RocksDb { .. } => ROCKSDB,
            Self::Redis(_) => REDIS,
            Self::Sqlite { .. } => SQLITE,
        }
    }

    /// The directory in which the one process that has the store open and others leave files for each other. `None` for a store
    /// that many processes have open.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::RocksDb { path, .. } => Some(path),
            Self::Redis(_) | Self::Sqlite { .. } => None,
        }
    }
}

/// What the online store holds in memory at most, in bytes. Both grow with use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlineStoreMemory {
    /// Recently read rows (`online_store.row_cache_mib`).
    pub row_cache: usize,
    /// Blocks of the database's files (`online_store.block_cache_mib`).
    pub block_cache: usize,
}

impl Default for OnlineStoreMemory {
    fn default() -> Self {
        Self {
            row_cache: cache_share(),
            block_cache: cache_share(),
        }
    }
}

/// What one cache takes by default: a sixteenth of the memory, so that two of them leave room for requests, a materialization, and
/// the operating system's own cache of files.
pub(super) fn cache_share() -> usize {
    const MIN_BYTES: usize = 16 << 20;
    usize::try_from(machine_memory() / 16)
        .unwrap_or(usize::MAX)
        .max(MIN_BYTES)
}

const ROCKSDB: &str = "rocksdb";
pub(super) const REDIS: &str = "redis";
pub(super) const SQLITE: &str = "sqlite";
const DEFAULT_ROCKSDB_PATH: &str = "data/online_store";

/// The class of a store in Python that asks a server of this project, whose own store is an embedded one.
pub(super) const SERVER_CLASS: &str = "feast_server.RustOnlineStore";

/// The one name of a type that has several.
pub(super) fn type_name(name: &str) -> &str {
    match name {
        SERVER_CLASS => ROCKSDB,
        sqlite::CLASS => SQLITE,
        other => other,
    }
}

/// The store that the block names, relative paths starting at `directory`.
pub(super) fn online_store(document: &Document, directory: &Path) -> Result<OnlineStoreConfig> {
    let block = document.online_store();
    let name = match block.value {
        Value::Null => SQLITE,
        Value::String(name) => name,
        Value::Object(_) => block.string("type")?.unwrap_or(SQLITE),
        _ => return Err(Error::invalid("online_store must be a mapping with the key type")),
    };
    match type_name(name) {
        ROCKSDB => rocksdb(block, directory),
        REDIS => redis::redis(document, directory).map(|config| OnlineStoreConfig::Redis(Box::new(config))),
        SQLITE => sqlite::sqlite(block, directory),
        other => Err(
            Error::invalid(format!("{} {other:?} is not known", block.place("type"))).with_hint(
                "the types of online stores are rocksdb, redis and sqlite; serving.online_store is the store of this server alone",
            ),
        ),
    }
}

const RESERIALIZATION_HINT: &str = "write the store's keys anew as in Feast's guide \"Entity Key Serialization (v2 to v3)\" \
     (docs.feast.dev/how-to-guides/entity-reserialization-of-from-v2-to-v3), or materialize into an empty store, then set the \
     version to 3";

/// Refuses a store in Feast's layout whose entity keys are said to be of another version than this binary reads and writes.
///
/// # Errors
/// `Invalid`, pointing to Feast's guide.
pub(super) fn check_entity_keys(root: &Value, store: &OnlineStoreConfig) -> Result<()> {
    let version = match (store, root.get("entity_key_serialization_version")) {
        (OnlineStoreConfig::RocksDb { .. }, _) | (_, None | Some(Value::Null)) => return Ok(()),
        (_, Some(version)) => version,
    };
    let hint = match version.as_u64() {
        Some(3) => return Ok(()),
        Some(1 | 2) => RESERIALIZATION_HINT,
        _ => "Feast's versions are the whole numbers 1, 2 and 3: set it to 3",
    };
    Err(Error::invalid(format!(
        "entity_key_serialization_version is {version}, and this binary finds only entity keys of version 3 in a {} online store",
        store.type_name()
    ))
    .with_hint(hint))
}

fn rocksdb(block: SharedBlock<'_>, directory: &Path) -> Result<OnlineStoreConfig> {
    block.check_keys(ROCKSDB, &[&settings::ONLINE_STORE, &settings::ROCKSDB])?;
    if block.string("path")?.is_some_and(|path| path.contains("://")) {
        let message = format!("{} is a URL, and the store is a directory", block.place("path"));
        return Err(Error::invalid(message).with_hint(format!(
            "name a directory, such as {DEFAULT_ROCKSDB_PATH}; the address at which Python reaches this server is online_store.path \
             with online_store.type: {SERVER_CLASS}"
        )));
    }
    let default = OnlineStoreMemory::default();
    Ok(OnlineStoreConfig::RocksDb {
        path: directory.join(block.file("path")?.unwrap_or(DEFAULT_ROCKSDB_PATH)),
        memory: OnlineStoreMemory {
            row_cache: block.bytes("row_cache_mib", 0)?.unwrap_or(default.row_cache),
            block_cache: block.bytes("block_cache_mib", 1)?.unwrap_or(default.block_cache),
        },
    })
}
