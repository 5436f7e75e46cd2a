//! What a pool has done, for metrics.
//!
//! Owns the numbers. Each is a relaxed atomic: they are sums, and nothing is decided by them.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) calls: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) deaths: AtomicU64,
    pub(crate) restarts: AtomicU64,
    pub(crate) in_flight: AtomicU64,
}

/// The counters of a pool at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Calls that came, whatever became of them.
    pub calls: u64,
    /// Calls that were turned away because too many waited.
    pub busy: u64,
    /// Calls that took too long.
    pub timeouts: u64,
    /// Processes that ended without being told to, those of calls that took too long not counted.
    pub deaths: u64,
    /// Processes started after the first one of their place.
    pub restarts: u64,
    /// Calls that workers run now.
    pub in_flight: u64,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            calls: self.calls.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed),
            timeouts: self.timeouts.load(Ordering::Relaxed),
            deaths: self.deaths.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
