//! The keys of both blocks, and how they go together.

use std::path::Path;
use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::connection_string::ConnectionString;
use super::{RedisConfig, RedisTopology};
use crate::block::{bytes_at, number_at, string_at};
use crate::duration::duration_at;
use crate::online_store::{self, cache_share};
use crate::overrides::{Document, SharedBlock};
use crate::serving::limits;
use crate::settings::{ONLINE_STORE, REDIS, REDIS_SENTINEL};

const SERVING: &str = "serving";

const RESPONSE_TIMEOUT: &str = "redis_response_timeout";
const ROW_CACHE: &str = "redis_row_cache_mib";
const CACHE_STALENESS: &str = "redis_cache_staleness";
const STATUSES: &str = "redis_statuses";
const WAIT_REPLICAS: &str = "redis_wait_replicas";

const DEFAULT_CONNECTION: &str = "localhost:6379";
const DEFAULT_MASTER: &str = "mymaster";
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
const DEFAULT_STALENESS: Duration = Duration::from_secs(2);
/// A hundred years: more is a mistake.
const MAX_KEY_TTL_SECONDS: u64 = 100 * 365 * 86_400;
/// An hour: more is a mistake.
const MAX_RESPONSE_TIMEOUT: Duration = Duration::from_secs(3600);
/// Whether invalidations still arrive is found out by a round trip now and then, which takes its time.
const MIN_STALENESS: Duration = Duration::from_millis(100);
/// More is a mistake.
const MAX_WAIT_REPLICAS: u32 = 1000;

/// The settings of a store on Redis, relative paths starting at `directory`.
///
/// # Errors
/// `Invalid`, naming the key and the remedy, never a secret.
pub(crate) fn redis(document: &Document, directory: &Path) -> Result<RedisConfig> {
    let (root, block) = (&document.root, document.online_store());
    block.check_keys(online_store::REDIS, &[&ONLINE_STORE, &REDIS, &REDIS_SENTINEL])?;
    // Both mean the same here.
    one_of(block.value, block.path("client"), "client", &["redis", "glide"])?;
    let topology = topology(block)?;
    let place = block.place("connection_string");
    let connection = ConnectionString::parse(connection_string(block)?, &place)?;
    let (row_cache, cache_staleness) = row_cache(root, &connection)?;
    let config = RedisConfig {
        database: connection.database()?,
        login: connection.login(),
        sentinel_login: connection.sentinel_login()?,
        tls: connection.tls(directory)?,
        client_name: connection.client_name()?,
        reads_from_replicas: connection.reads_from_replicas()?,
        key_ttl_seconds: key_ttl_seconds(block)?,
        scans_for_deletion: scans_for_deletion(block)?,
        connect_timeout: connection.connect_timeout()?.unwrap_or(DEFAULT_TIMEOUT),
        response_timeout: response_timeout(root, &connection)?,
        reply_memory: limits(root)?.memory,
        row_cache,
        cache_staleness,
        python_statuses: python_statuses(root)?,
        wait_replicas: wait_replicas(root)?,
        nodes: match topology {
            RedisTopology::Single => connection.nodes.into_iter().take(1).collect(),
            RedisTopology::Cluster | RedisTopology::Sentinel { .. } => connection.nodes,
        },
        topology,
    };
    check_topology(&config, &place)?;
    Ok(config)
}

/// A key that has one of a few values, the first by default.
fn one_of<'value>(block: &'value Value, path: &str, key: &str, values: &[&'value str]) -> Result<&'value str> {
    match string_at(block, path, key)? {
        None => Ok(values[0]),
        Some(value) if values.contains(&value) => Ok(value),
        Some(other) => Err(Error::invalid(format!(
            "{path}.{key} {other:?} is not one of {}",
            values.join(", ")
        ))),
    }
}

fn topology(block: SharedBlock<'_>) -> Result<RedisTopology> {
    let types = ["redis", "redis_cluster", "redis_sentinel"];
    let master = block.string("sentinel_master")?.unwrap_or(DEFAULT_MASTER);
    if master.is_empty() {
        return Err(Error::invalid(format!("{} is empty", block.place("sentinel_master")))
            .with_hint("it is the name after `sentinel monitor` in the settings of the sentinels"));
    }
    let topology = match one_of(block.value, block.path("redis_type"), "redis_type", &types)? {
        "redis_cluster" => RedisTopology::Cluster,
        "redis_sentinel" => RedisTopology::Sentinel {
            master: master.to_owned(),
        },
        _ => RedisTopology::Single,
    };
    Ok(topology)
}

/// A value of another type is not shown, as it may hold a password.
fn connection_string(block: SharedBlock<'_>) -> Result<&str> {
    match block.get("connection_string") {
        None => Ok(DEFAULT_CONNECTION),
        Some(Value::String(string)) => Ok(string),
        Some(_) => Err(
            Error::invalid(format!("{} must be a string", block.place("connection_string")))
                .with_hint("write it in quotes: \"localhost:6379,db=0\""),
        ),
    }
}

/// `place` is that of the connection string.
fn check_topology(config: &RedisConfig, place: &str) -> Result<()> {
    let is_cluster = config.topology == RedisTopology::Cluster;
    if is_cluster && config.database != 0 {
        return Err(
            Error::invalid(format!("{place}: db must be 0, as a cluster has one database"))
                .with_hint("remove db, or set redis_type: redis"),
        );
    }
    if config.reads_from_replicas && !is_cluster {
        return Err(
            Error::invalid(format!("{place}: read_from_replicas is for clusters only"))
                .with_hint("remove it, or set redis_type: redis_cluster"),
        );
    }
    Ok(())
}

/// As in Feast, 0 is the same as none.
fn key_ttl_seconds(block: SharedBlock<'_>) -> Result<Option<u64>> {
    match block.number("key_ttl_seconds", 0)? {
        None | Some(0) => Ok(None),
        Some(seconds) if seconds > MAX_KEY_TTL_SECONDS => Err(Error::invalid(format!(
            "{} must be at most {MAX_KEY_TTL_SECONDS}, not {seconds}",
            block.place("key_ttl_seconds")
        ))),
        seconds => Ok(seconds),
    }
}

/// As in Feast, null is the same as false.
fn scans_for_deletion(block: SharedBlock<'_>) -> Result<bool> {
    match block.get("full_scan_for_deletion") {
        None | Some(Value::Bool(true)) => Ok(true),
        Some(Value::Bool(false) | Value::Null) => Ok(false),
        Some(other) => Err(Error::invalid(format!(
            "{} must be true or false, not {other}",
            block.place("full_scan_for_deletion")
        ))),
    }
}

fn response_timeout(root: &Value, connection: &ConnectionString<'_>) -> Result<Duration> {
    let of_connection = connection.response_timeout()?;
    match duration_at(root, SERVING, RESPONSE_TIMEOUT)? {
        None => Ok(of_connection.unwrap_or(DEFAULT_TIMEOUT)),
        Some(timeout) if timeout.is_zero() || timeout > MAX_RESPONSE_TIMEOUT => Err(Error::invalid(format!(
            "{SERVING}.{RESPONSE_TIMEOUT} must be from 1ms to 1h, not {}",
            root[SERVING][RESPONSE_TIMEOUT]
        ))),
        Some(timeout) => Ok(timeout),
    }
}

/// Bytes of rows in memory, and how far they may be behind: both or none. Only version 3 of the protocol tells a client what other
/// clients have written.
fn row_cache(root: &Value, connection: &ConnectionString<'_>) -> Result<(usize, Option<Duration>)> {
    let protocol = connection.protocol()?;
    let bytes = bytes_at(root, SERVING, ROW_CACHE, 0)?.unwrap_or_else(cache_share);
    let given = cache_staleness(root)?;
    if protocol == Some(2) && matches!(given, Some(Some(_))) {
        return Err(Error::invalid(format!(
            "{SERVING}.{CACHE_STALENESS} is set, but {} has protocol=2",
            connection.place
        ))
        .with_hint("remove protocol=2: only version 3 tells a client what others have written"));
    }
    let default = Some(DEFAULT_STALENESS).filter(|_| protocol != Some(2));
    match given.unwrap_or(default) {
        Some(staleness) if bytes > 0 => Ok((bytes, Some(staleness))),
        _ => Ok((0, None)),
    }
}

/// What is given, if something is: a duration, or `off`, which is `false` to YAML 1.1.
fn cache_staleness(root: &Value) -> Result<Option<Option<Duration>>> {
    let value = root.get(SERVING).and_then(|serving| serving.get(CACHE_STALENESS));
    if matches!(value, Some(Value::Bool(false))) || value.and_then(Value::as_str) == Some("off") {
        return Ok(Some(None));
    }
    match duration_at(root, SERVING, CACHE_STALENESS)? {
        Some(staleness) if staleness < MIN_STALENESS => Err(Error::invalid(format!(
            "{SERVING}.{CACHE_STALENESS} must be at least 100ms, not {}",
            root[SERVING][CACHE_STALENESS]
        ))
        .with_hint("off reads every row from Redis")),
        staleness => Ok(staleness.map(Some)),
    }
}

fn python_statuses(root: &Value) -> Result<bool> {
    let serving = root.get(SERVING).unwrap_or(&Value::Null);
    Ok(one_of(serving, SERVING, STATUSES, &["default", "python"])? == "python")
}

fn wait_replicas(root: &Value) -> Result<u32> {
    let number = number_at(root, SERVING, WAIT_REPLICAS, 0)?.unwrap_or_default();
    let replicas = u32::try_from(number)
        .ok()
        .filter(|replicas| *replicas <= MAX_WAIT_REPLICAS);
    replicas.ok_or_else(|| {
        Error::invalid(format!(
            "{SERVING}.{WAIT_REPLICAS} must be at most {MAX_WAIT_REPLICAS}, not {number}"
        ))
    })
}
