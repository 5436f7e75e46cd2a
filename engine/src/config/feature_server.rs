//! The block `feature_server`, which is Feast's.

use std::time::Duration;

use serde_json::Value;

use super::block::{flag_at, number_at};
use crate::error::Result;

/// When logged pushes are appended to their parquet source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfflineBatching {
    /// As soon as that many rows wait for one source.
    pub rows: usize,
    /// As soon as a row has waited that long.
    pub interval: Duration,
}

/// As in Feast, batching without both of its numbers is none.
pub(super) fn offline_batching(root: &Value) -> Result<Option<OfflineBatching>> {
    const BLOCK: &str = "feature_server";
    let number = |key: &str| number_at(root, BLOCK, key, 1);
    let enabled = flag_at(root, BLOCK, "offline_push_batching_enabled")?;
    let rows = number("offline_push_batching_batch_size")?;
    let seconds = number("offline_push_batching_batch_interval_seconds")?;
    Ok(rows
        .zip(seconds)
        .filter(|_| enabled)
        .map(|(rows, seconds)| OfflineBatching {
            rows: usize::try_from(rows).unwrap_or(usize::MAX),
            interval: Duration::from_secs(seconds),
        }))
}
