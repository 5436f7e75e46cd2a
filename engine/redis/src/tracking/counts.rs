//! What has happened to the row cache, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the store was opened.
#[derive(Debug, Default)]
pub struct TrackingCounts {
    /// How often changes began to be tracked on all primaries, so that rows are held in memory.
    pub started: AtomicU64,
    /// How often that ended, for whatever reason: rows in memory were forgotten, and reads went to Redis.
    pub lost: AtomicU64,
    /// Entities of the project that Redis said were changed, by this process or another.
    pub changed_entities: AtomicU64,
    /// How often Redis said that a whole database was emptied.
    pub flushed: AtomicU64,
}

impl TrackingCounts {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
