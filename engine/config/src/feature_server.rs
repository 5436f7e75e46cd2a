//! The block `feature_server`, which is Feast's.

use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{flag_at, number_at, string_at};
use super::keys::check_keys;
use super::serving::{PushQueueLimits, push_queue_limits};
use super::settings::{FEATURE_SERVER, MCP, OFFLINE_BATCHING, blocks_at};

const BLOCK: &str = "feature_server";

/// The blocks inside.
const SUB_BLOCKS: [&str; 3] = ["feature_logging", "metrics", "audit_logging"];

/// When logged pushes are appended to their parquet source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfflineBatching {
    /// As soon as that many rows wait for one source.
    pub rows: usize,
    /// As soon as a row has waited that long.
    pub interval: Duration,
    /// How much may wait.
    pub limits: PushQueueLimits,
}

/// Refuses what Feast refuses too: unknown keys, in the blocks inside as well.
pub(super) fn check(root: &Value) -> Result<()> {
    let invalid_type = |name: &str| {
        Error::invalid(format!(
            "Feature server type was set to {name}, but this type is invalid"
        ))
        .with_hint("feature_server.type is local or mcp")
    };
    let block = match root.get(BLOCK) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(name)) if name == "local" || name == "mcp" => return Ok(()),
        Some(Value::String(name)) => return Err(invalid_type(name)),
        Some(block @ Value::Object(_)) => block,
        Some(other) => return Err(Error::invalid(format!("{BLOCK} must be a mapping, not {other}"))),
    };
    match string_at(block, BLOCK, "type")? {
        None | Some("local") => check_keys(BLOCK, block, &[&FEATURE_SERVER, &OFFLINE_BATCHING])?,
        Some("mcp") => check_keys(BLOCK, block, &[&FEATURE_SERVER, &OFFLINE_BATCHING, &MCP])?,
        Some(other) => return Err(invalid_type(other)),
    }
    for name in SUB_BLOCKS {
        let path = format!("{BLOCK}.{name}");
        match block.get(name) {
            None | Some(Value::Null) => {}
            Some(inner @ Value::Object(_)) => check_keys(&path, inner, &blocks_at(&path))?,
            Some(other) => {
                return Err(Error::invalid(format!("{path} must be a mapping, not {other}")));
            }
        }
    }
    Ok(())
}

/// As in Feast, batching without both of its numbers is none.
pub(super) fn offline_batching(root: &Value) -> Result<Option<OfflineBatching>> {
    let number = |key: &str| number_at(root, BLOCK, key, 1);
    let enabled = flag_at(root, BLOCK, "offline_push_batching_enabled")?;
    let rows = number("offline_push_batching_batch_size")?;
    let seconds = number("offline_push_batching_batch_interval_seconds")?;
    let Some((rows, seconds)) = rows.zip(seconds).filter(|_| enabled) else {
        return Ok(None);
    };
    let (rows, interval) = (
        usize::try_from(rows).unwrap_or(usize::MAX),
        Duration::from_secs(seconds),
    );
    Ok(Some(OfflineBatching {
        rows,
        interval,
        limits: push_queue_limits(root, rows, interval)?,
    }))
}
