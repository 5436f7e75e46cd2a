//! The block `online_store`.

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{bytes_at, text_at};

/// What the online store holds in memory at most, in bytes. Both grow with use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlineStoreMemory {
    /// Rows that were read lately (`online_store.row_cache_mib`).
    pub row_cache: usize,
    /// Blocks of the database's files (`online_store.block_cache_mib`).
    pub block_cache: usize,
}

impl Default for OnlineStoreMemory {
    fn default() -> Self {
        Self {
            row_cache: 256 << 20,
            block_cache: 512 << 20,
        }
    }
}

const ONLINE_STORE_KEYS: [&str; 5] = ["type", "path", "skip_dedup", "row_cache_mib", "block_cache_mib"];

pub(super) fn path(root: &Value) -> Result<&str> {
    let keys = root
        .get("online_store")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str());
    let (kind, path) = match root.get("online_store") {
        None | Some(Value::Null) => ("sqlite", None),
        Some(Value::String(kind)) => (kind.as_str(), None),
        Some(block @ Value::Object(_)) => (text_at(block, "type")?.unwrap_or("sqlite"), text_at(block, "path")?),
        Some(_) => return Err(Error::invalid("online_store must be a mapping with the key type")),
    };
    match kind {
        "rocksdb" => match keys.into_iter().find(|key| !ONLINE_STORE_KEYS.contains(key)) {
            None => Ok(path.unwrap_or("data/online_store")),
            Some(key) => Err(Error::invalid(format!("online_store.{key} is not known"))
                .with_hint(format!("the keys of a rocksdb online store are {}", ONLINE_STORE_KEYS.join(", ")))),
        },
        "sqlite" => Err(Error::invalid("online_store.type is sqlite (Feast's default), which this binary does not serve")
            .with_hint("this binary's embedded store is rocksdb: set type: rocksdb and path: data/online_store, then materialize again")),
        other => Err(Error::invalid(format!("online_store.type {other:?} is not known")).with_hint("set online_store to type: rocksdb")),
    }
}

pub(super) fn memory(root: &Value) -> Result<OnlineStoreMemory> {
    let default = OnlineStoreMemory::default();
    let bytes = |key: &str, least: u64| bytes_at(root, "online_store", key, least);
    Ok(OnlineStoreMemory {
        row_cache: bytes("row_cache_mib", 0)?.unwrap_or(default.row_cache),
        block_cache: bytes("block_cache_mib", 1)?.unwrap_or(default.block_cache),
    })
}
