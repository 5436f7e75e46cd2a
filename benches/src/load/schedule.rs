//! When requests are due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Shared by all connections.
pub(crate) struct Schedule {
    started: Instant,
    end: Instant,
    interval: Option<Duration>,
    next: AtomicU64,
}

impl Schedule {
    /// With a rate, requests are due that many times a second; without one, at once.
    pub(crate) fn new(rate: Option<f64>, duration: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            end: started + duration,
            interval: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
            next: AtomicU64::new(0),
        }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Waits until the next request is due. Returns the time from which it counts, `None` at the end.
    ///
    /// A connection that had to wait is timed from when it woke, as a late wake-up is not a fault of the server; one that came
    /// late is timed from when the request was due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let Some(interval) = self.interval else {
            let now = Instant::now();
            return (now < self.end).then_some(now);
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = self.started + Duration::from_nanos(interval.as_nanos() as u64 * number);
        if due >= self.end {
            return None;
        }
        let wait = due.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Some(due);
        }
        sleep(wait);
        Some(Instant::now())
    }
}
