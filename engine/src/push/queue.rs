//! Pushes that were answered while they are in the log only, and wait for their parquet source: how many and how long, when they are
//! tried, and when no more are taken. Knows nothing of what is in them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use feast_config::{OfflineBatching, PushQueueLimits, format_duration};
use feast_model::error::{Error, ErrorKind, Result};
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
    sources: HashMap<PathBuf, WaitingSource>,
    /// After a failure the number of rows does not count, and all are tried again at this time at the latest.
    retry_at: Option<Instant>,
    /// Whether what earlier processes have left in the log is counted too.
    has_leftovers: bool,
}

/// What waits for one source.
struct WaitingSource {
    size: PushSize,
    /// Since when the oldest of it waits.
    since: Instant,
    /// What has come since all was tried last.
    untried_rows: usize,
    untried_since: Option<Instant>,
    /// Whether nothing can be appended to the source, as far as the last try tells.
    is_failing: bool,
    /// What was said at the last try.
    problem: Option<String>,
}

/// Pushes that were answered and are not in their parquet source yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingPushes {
    /// Rows of all sources.
    pub rows: usize,
    /// Bytes of their records in the log.
    pub bytes: usize,
    /// How long the oldest waits; none when nothing does.
    pub oldest: Option<Duration>,
}

/// How much pushes are in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PushSize {
    pub(super) rows: usize,
    /// Of their records.
    pub(super) bytes: usize,
}

impl PushSize {
    pub(super) fn plus(self, more: Self) -> Self {
        Self {
            rows: self.rows + more.rows,
            bytes: self.bytes + more.bytes,
        }
    }

    /// A push that another process logged may not have been counted.
    fn minus(self, less: Self) -> Self {
        Self {
            rows: self.rows.saturating_sub(less.rows),
            bytes: self.bytes.saturating_sub(less.bytes),
        }
    }
}

/// Room for a push that is about to be logged. Given back if it is not [kept](Reservation::keep).
pub(super) struct Reservation<'a> {
    queue: &'a PushQueue,
    path: PathBuf,
    size: PushSize,
    is_kept: bool,
}

impl Reservation<'_> {
    /// The push is in the log.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.queue.done(&self.path, self.size);
        }
    }
}

impl PushQueue {
    /// Takes room for a push to the source of that name and path before it is logged: a replay may do it as soon as it is.
    ///
    /// # Errors
    /// `Unavailable` when too much waits for the source, or for too long. A push for which nothing else waits is always taken.
    pub(super) fn reserve(
        &self,
        source: &str,
        path: &Path,
        size: PushSize,
        limits: PushQueueLimits,
    ) -> Result<Reservation<'_>> {
        let mut waiting = self.waiting.lock();
        let now = Instant::now();
        if let Some(known) = waiting.sources.get(path)
            && let Some(reason) = known.refusal(size, limits, now)
        {
            return Err(known.refused(source, &reason));
        }
        let known = waiting.source(path, now);
        known.size = known.size.plus(size);
        known.untried_rows += size.rows;
        known.untried_since.get_or_insert(now);
        Ok(Reservation {
            queue: self,
            path: path.to_path_buf(),
            size,
            is_kept: false,
        })
    }

    /// A push is not in the log any more.
    pub(super) fn done(&self, path: &Path, size: PushSize) {
        let mut waiting = self.waiting.lock();
        if let Some(source) = waiting.sources.get_mut(path) {
            source.size = source.size.minus(size);
            if source.size == PushSize::default() {
                waiting.sources.remove(path);
            }
        }
    }

    /// What earlier processes have left in the log, by source: from now on it is counted with the rest.
    pub(super) fn add_leftovers(&self, left: HashMap<PathBuf, PushSize>) {
        let mut waiting = self.waiting.lock();
        let now = Instant::now();
        for (path, size) in left {
            let source = waiting.source(&path, now);
            source.size = source.size.plus(size);
        }
        waiting.has_leftovers = true;
    }

    /// All that waits.
    pub(super) fn waiting(&self) -> WaitingPushes {
        let waiting = self.waiting.lock();
        let sizes = waiting.sources.values().map(|source| source.size);
        let size = sizes.fold(PushSize::default(), PushSize::plus);
        WaitingPushes {
            rows: size.rows,
            bytes: size.bytes,
            oldest: waiting.sources.values().map(|source| source.since.elapsed()).max(),
        }
    }

    /// Whether what earlier processes have left is counted.
    pub(super) fn has_leftovers(&self) -> bool {
        self.waiting.lock().has_leftovers
    }

    /// Whether something waits for a source that is none of these.
    pub(super) fn waits_for_others(&self, sources: &HashSet<PathBuf>) -> bool {
        self.waiting.lock().sources.keys().any(|path| !sources.contains(path))
    }

    /// Nothing could be appended to a source.
    pub(super) fn failed(&self, path: &Path, problem: String) {
        if let Some(source) = self.waiting.lock().sources.get_mut(path) {
            source.is_failing = true;
            source.problem = Some(problem);
        }
    }

    /// All that was logged for a source before `started` was appended, but for what does not fit it.
    pub(super) fn succeeded(&self, path: &Path, started: Instant, problem: Option<String>) {
        if let Some(source) = self.waiting.lock().sources.get_mut(path) {
            source.since = started;
            source.is_failing = false;
            source.problem = problem;
        }
    }

    /// Waits until no other thread is replaying logged pushes.
    pub(super) fn wait_for_turn(&self) -> MutexGuard<'_, ()> {
        self.replaying.lock()
    }

    /// Whether enough rows wait for a source or some have waited long enough. If so, or with `all`, they count as tried: what is logged
    /// from here on waits for the next time.
    pub(super) fn take_due(&self, batching: OfflineBatching, all: bool) -> bool {
        let mut waiting = self.waiting.lock();
        let is_due = all || waiting.is_due(batching);
        if is_due {
            waiting.retry_at = None;
            for source in waiting.sources.values_mut() {
                source.untried_rows = 0;
                source.untried_since = None;
            }
        }
        is_due
    }

    /// There are pushes in the log that could not be done: they are tried again after the interval.
    pub(super) fn pause(&self, batching: OfflineBatching) {
        self.waiting.lock().retry_at = Instant::now().checked_add(batching.interval);
    }
}

impl Waiting {
    fn source(&mut self, path: &Path, now: Instant) -> &mut WaitingSource {
        self.sources.entry(path.to_path_buf()).or_insert_with(|| WaitingSource {
            size: PushSize::default(),
            since: now,
            untried_rows: 0,
            untried_since: None,
            is_failing: false,
            problem: None,
        })
    }

    fn is_due(&self, batching: OfflineBatching) -> bool {
        let are_many = || self.sources.values().any(|source| source.untried_rows >= batching.rows);
        let is_late = |since: Instant| since.elapsed() >= batching.interval;
        let mut untried = self.sources.values().filter_map(|source| source.untried_since);
        untried.any(is_late)
            || match self.retry_at {
                Some(time) => Instant::now() >= time,
                None => are_many(),
            }
    }
}

impl WaitingSource {
    /// Why no more is taken.
    fn refusal(&self, more: PushSize, limits: PushQueueLimits, now: Instant) -> Option<String> {
        let all = self.size.plus(more);
        if all.rows > limits.rows {
            return Some(format!(
                "with these {} rows, of {} (serving.push_queue_max_rows)",
                all.rows, limits.rows
            ));
        }
        if all.bytes > limits.bytes {
            let (all, limit) = (all.bytes >> 20, limits.bytes >> 20);
            return Some(format!(
                "with these {all} MiB, of {limit} MiB (serving.push_queue_max_mib)"
            ));
        }
        let age = now.saturating_duration_since(self.since);
        (self.is_failing && age > limits.age).then(|| {
            let limit = format_duration(limits.age);
            format!("some for more than {limit} (serving.push_queue_max_age)")
        })
    }

    fn refused(&self, source: &str, reason: &str) -> Error {
        let last = self.problem.as_ref().map(|problem| {
            // It may begin as this message does.
            let problem = problem
                .strip_prefix(&format!("data source {source}: "))
                .unwrap_or(problem);
            format!("; the last append has failed: {problem}")
        });
        let last = last.unwrap_or_default();
        let message = format!("data source {source}: too many pushes wait for it, {reason}{last}");
        Error::new(ErrorKind::Unavailable, message)
            .with_hint("pushes to the online store alone go on; those to the source go on when it can be written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCHING: OfflineBatching = OfflineBatching {
        rows: 5,
        interval: Duration::from_secs(3600),
        limits: LIMITS,
    };
    const LIMITS: PushQueueLimits = PushQueueLimits {
        rows: 100,
        bytes: 8 << 20,
        age: Duration::from_secs(3600),
    };
    const PATH: &str = "data/stats.parquet";

    fn rows(rows: usize) -> PushSize {
        PushSize { rows, bytes: rows }
    }

    fn add(queue: &PushQueue, path: &str, size: PushSize) -> std::result::Result<(), String> {
        let reserved = queue.reserve("stats", Path::new(path), size, LIMITS);
        reserved.map(Reservation::keep).map_err(|error| error.to_string())
    }

    #[test]
    fn many_rows_are_due_at_once_but_not_right_after_a_failure() {
        let queue = PushQueue::default();
        add(&queue, PATH, rows(3)).unwrap();
        add(&queue, "data/other.parquet", rows(4)).unwrap();
        assert!(!queue.take_due(BATCHING, false));
        add(&queue, PATH, rows(2)).unwrap();
        assert!(queue.take_due(BATCHING, false));
        // They are taken.
        assert!(!queue.take_due(BATCHING, false));
        queue.pause(BATCHING);
        add(&queue, PATH, rows(90)).unwrap();
        assert!(!queue.take_due(BATCHING, false));
        assert!(queue.take_due(BATCHING, true));
    }

    #[test]
    fn what_failed_is_tried_again_after_the_interval() {
        let batching = OfflineBatching {
            interval: Duration::from_millis(20),
            ..BATCHING
        };
        let queue = PushQueue::default();
        add(&queue, PATH, rows(1)).unwrap();
        assert!(queue.take_due(batching, true));
        queue.pause(batching);
        assert!(!queue.take_due(batching, false));
        std::thread::sleep(Duration::from_millis(25));
        assert!(queue.take_due(batching, false));
        assert!(!queue.take_due(batching, false));
    }

    #[test]
    fn no_more_than_the_limits_wait_and_what_is_done_makes_room() {
        let queue = PushQueue::default();
        let path = Path::new(PATH);
        // Alone, any push is taken.
        add(&queue, PATH, rows(150)).unwrap();
        queue.failed(path, "no room".to_owned());
        let refused = "data source stats: too many pushes wait for it, with these 151 rows, of 100 \
                       (serving.push_queue_max_rows); the last append has failed: no room";
        assert_eq!(add(&queue, PATH, rows(1)).unwrap_err(), refused);
        assert!(add(&queue, "data/other.parquet", rows(90)).is_ok(), "another source");
        queue.done(path, rows(60));
        add(&queue, PATH, rows(10)).unwrap();
        let bytes = add(
            &queue,
            PATH,
            PushSize {
                rows: 0,
                bytes: 9 << 20,
            },
        )
        .unwrap_err();
        assert!(
            bytes.contains("with these 9 MiB, of 8 MiB (serving.push_queue_max_mib)"),
            "{bytes}"
        );
        // What was not logged after all.
        drop(
            queue
                .reserve(
                    "stats",
                    path,
                    PushSize {
                        rows: 0,
                        bytes: 7 << 20,
                    },
                    LIMITS,
                )
                .unwrap(),
        );
        add(
            &queue,
            PATH,
            PushSize {
                rows: 0,
                bytes: 7 << 20,
            },
        )
        .unwrap();
        queue.done(
            path,
            PushSize {
                rows: 100,
                bytes: 100 << 20,
            },
        );
        assert!(add(&queue, PATH, rows(150)).is_ok(), "nothing waits any more");
    }

    #[test]
    fn what_waits_too_long_for_a_source_that_cannot_be_written_keeps_others_out() {
        let limits = PushQueueLimits {
            age: Duration::ZERO,
            ..LIMITS
        };
        let queue = PushQueue::default();
        let path = Path::new(PATH);
        let push = || queue.reserve("stats", path, rows(1), limits).map(Reservation::keep);
        push().unwrap();
        std::thread::sleep(Duration::from_millis(2));
        push().unwrap();
        queue.failed(path, "no room".to_owned());
        let refused = push().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert!(refused.to_string().contains("serving.push_queue_max_age"), "{refused}");
        // One that does not fit stays in the log, and keeps nothing out.
        queue.succeeded(path, Instant::now(), Some("it does not fit".to_owned()));
        push().unwrap();
    }

    #[test]
    fn leftovers_of_earlier_processes_count() {
        let queue = PushQueue::default();
        assert!(!queue.has_leftovers());
        queue.add_leftovers(HashMap::from([(PathBuf::from(PATH), rows(99))]));
        assert!(queue.has_leftovers());
        add(&queue, PATH, rows(1)).unwrap();
        assert!(add(&queue, PATH, rows(1)).is_err());
        assert!(queue.waits_for_others(&HashSet::new()));
        assert!(!queue.waits_for_others(&HashSet::from([PathBuf::from(PATH)])));
    }
}
