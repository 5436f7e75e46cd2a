//! Pushes that were answered while they are in the log only, and wait for their parquet source. Knows only how many and how long.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use feast_config::OfflineBatching;
use parking_lot::{Mutex, MutexGuard};

/// The waiting pushes of one store.
#[derive(Default)]
pub(super) struct PushQueue {
    waiting: Mutex<Waiting>,
    /// Held while logged pushes are done, so that none is done twice.
    replaying: Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    rows: HashMap<PathBuf, usize>,
    /// Since when the first of them waits.
    since: Option<Instant>,
    /// After a failure the number of rows does not count.
    is_paused: bool,
}

impl PushQueue {
    /// Rows for the source at `path` are in the log.
    pub(super) fn add(&self, path: &Path, rows: usize) {
        let mut waiting = self.waiting.lock();
        *waiting.rows.entry(path.to_path_buf()).or_default() += rows;
        waiting.since.get_or_insert_with(Instant::now);
    }

    /// Waits until no other thread is replaying logged pushes.
    pub(super) fn wait_for_turn(&self) -> MutexGuard<'_, ()> {
        self.replaying.lock()
    }

    /// Takes all that waits if enough rows wait or some have waited long enough, or with `all`. What is logged from here on waits
    /// for the next time.
    pub(super) fn take_due(&self, batching: OfflineBatching, all: bool) -> bool {
        let mut waiting = self.waiting.lock();
        let is_due = all || waiting.is_due(batching);
        if is_due {
            *waiting = Waiting::default();
        }
        is_due
    }

    /// There are pushes in the log that could not be done: they are tried again after the interval.
    pub(super) fn pause(&self) {
        let mut waiting = self.waiting.lock();
        waiting.since.get_or_insert_with(Instant::now);
        waiting.is_paused = true;
    }
}

impl Waiting {
    fn is_due(&self, batching: OfflineBatching) -> bool {
        let are_many = self.rows.values().any(|rows| *rows >= batching.rows);
        let is_late = self.since.is_some_and(|since| since.elapsed() >= batching.interval);
        is_late || are_many && !self.is_paused
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn many_rows_are_due_at_once_but_not_right_after_a_failure() {
        let batching = OfflineBatching {
            rows: 5,
            interval: Duration::from_secs(3600),
        };
        let queue = PushQueue::default();
        let path = Path::new("data/stats.parquet");
        queue.add(path, 3);
        queue.add(Path::new("data/other.parquet"), 4);
        assert!(!queue.take_due(batching, false));
        queue.add(path, 2);
        assert!(queue.take_due(batching, false));
        // They are taken.
        assert!(!queue.take_due(batching, false));
        queue.pause();
        queue.add(path, 100);
        assert!(!queue.take_due(batching, false));
        assert!(queue.take_due(batching, true));
    }
}
