//! The connections that are open: how many there may be, which of them has to go, and what each may take its time for.
//!
//! One look a second at all of them takes the place of timers. It costs some 20 ns a connection, and a request nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::progress::{Phase, Progress};
use crate::log_limit::LogLimit;

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks while the server stops.
const LAST_LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// A connection that has been in the same phase for less is not closed for a newer one: its client is at work. One that is idle keeps
/// its buffers for so long.
const MIN_PHASE: Duration = Duration::from_secs(1);
/// A client whose connection has been idle for less is about to send a request, or its next one.
const MIN_IDLE: Duration = Duration::from_millis(200);
/// How long a client that keeps its connection may still send a request, and one that has begun a head complete it, while the server
/// stops.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Connections that were ended and have not let go of their file handles yet: with more, no new ones are taken.
const MAX_ENDING: usize = 16;
/// One line in so long: clients can cause as many as they like.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// How many connections there may be, and how long each of their phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Open at once.
    pub connections: usize,
    /// Without a request.
    pub keep_alive: Duration,
    /// From the first to the last byte of a head, and for a TLS handshake.
    pub head: Duration,
    /// After that the next answer is the last. None: for ever.
    pub lifetime: Option<Duration>,
    /// For nothing of an answer to be taken.
    pub send: Duration,
}

impl ConnectionLimits {
    /// Of who takes no connections.
    pub(crate) const NONE: Self = Self {
        connections: 0,
        keep_alive: Duration::ZERO,
        head: Duration::ZERO,
        lifetime: None,
        send: Duration::ZERO,
    };
}

/// Why a connection was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Handshake,
    Head,
    Idle,
    Send,
    Room,
    Stop,
}

impl Cause {
    const ALL: [Self; 6] = [
        Self::Handshake,
        Self::Head,
        Self::Idle,
        Self::Send,
        Self::Room,
        Self::Stop,
    ];

    /// What it is counted under.
    fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake_timeout",
            Self::Head => "head_timeout",
            Self::Idle => "keep_alive_timeout",
            Self::Send => "answer_not_taken",
            Self::Room => "room_for_others",
            Self::Stop => "server_stops",
        }
    }

    /// What is said of it. Nothing of those that are no one's fault.
    fn describe(self, limits: ConnectionLimits) -> Option<String> {
        let seconds = |limit: Duration| limit.as_secs_f64();
        match self {
            Self::Handshake => Some(format!("without a TLS handshake within {} s", seconds(limits.head))),
            Self::Head => Some(format!(
                "without a complete head of a request within {} s",
                seconds(limits.head)
            )),
            Self::Send => Some("whose clients took their answers too slowly".to_owned()),
            Self::Room => Some(format!(
                "to make room for newer ones: {} are open, more than that are not taken (--worker-connections)",
                limits.connections
            )),
            Self::Idle | Self::Stop => None,
        }
    }
}

struct Entry {
    progress: Arc<Progress>,
    task: AbortHandle,
}

/// All open connections.
pub(crate) struct ConnectionTable {
    limits: ConnectionLimits,
    open: Mutex<Open>,
    changed: Notify,
    ended: [AtomicU64; Cause::ALL.len()],
    /// How many of them were logged.
    logged: [AtomicU64; Cause::ALL.len()],
    refused: AtomicU64,
    malformed: AtomicU64,
    log: LogLimit,
}

#[derive(Default)]
struct Open {
    next: u64,
    entries: HashMap<u64, Entry>,
    /// Connections that were ended and still have their file handle, until a thread of the runtime drops them.
    ending: usize,
}

/// The place of a connection in the table, until it is dropped.
pub(super) struct Place {
    table: Arc<ConnectionTable>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.table.open.lock();
        if open.entries.remove(&self.id).is_none() {
            open.ending -= 1;
        }
        let is_empty = open.entries.is_empty();
        drop(open);
        if is_empty {
            self.table.changed.notify_waiters();
        }
    }
}

impl ConnectionTable {
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            open: Mutex::default(),
            changed: Notify::new(),
            ended: Default::default(),
            logged: Default::default(),
            refused: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            log: LogLimit::new(LOG_INTERVAL),
        })
    }

    pub(super) fn limits(&self) -> ConnectionLimits {
        self.limits
    }

    /// How many connections there are in each phase.
    pub(crate) fn by_phase(&self) -> [(&'static str, usize); Phase::ALL.len()] {
        let mut counts = Phase::ALL.map(|phase| (phase.name(), 0));
        for entry in self.open.lock().entries.values() {
            counts[entry.progress.phase() as usize].1 += 1;
        }
        counts
    }

    /// How many connections the server has ended, by the cause, and how many it has not taken.
    pub(crate) fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let count = |cause: Cause| (cause.name(), self.ended[cause as usize].load(Ordering::Relaxed));
        let others = [("no_room", &self.refused), ("malformed_head", &self.malformed)];
        let others = others.map(|(name, count)| (name, count.load(Ordering::Relaxed)));
        Cause::ALL.into_iter().map(count).chain(others)
    }

    /// Counts a connection that was ended by bytes that cannot be parsed as the head of a request.
    pub(super) fn note_malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes room for one more connection, and says whether there is any. `extra` may be open beyond the limit.
    pub(super) fn has_room(&self, extra: usize) -> bool {
        let most = self.limits.connections + extra;
        let mut open = self.open.lock();
        if open.entries.len() < most {
            return true;
        }
        // Several at once where there are many, as looking for them takes time with each.
        let wanted = open.entries.len() + 1 - most + self.limits.connections / 1024;
        let mut candidates: Vec<_> = open
            .entries
            .iter()
            .filter_map(|(id, entry)| Some((rank(&entry.progress)?, *id)))
            .collect();
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in candidates.into_iter().take(wanted) {
            if let Some(entry) = open.entries.remove(&id) {
                self.end(&entry, Cause::Room);
                open.ending += 1;
            }
        }
        let has_room = open.entries.len() < most;
        if !has_room {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        has_room
    }

    fn end(&self, entry: &Entry, cause: Cause) {
        self.ended[cause as usize].fetch_add(1, Ordering::Relaxed);
        entry.task.abort();
    }

    /// Spawns the task of a connection and holds its place while it lasts.
    pub(super) fn spawn(self: &Arc<Self>, progress: Arc<Progress>, task: impl Future<Output = ()> + Send + 'static) {
        let mut open = self.open.lock();
        let id = open.next;
        open.next += 1;
        let place = Place {
            table: Arc::clone(self),
            id,
        };
        // Under the lock, so that the entry is there before the task can take it away.
        let task = tokio::spawn(async move {
            let _place = place;
            task.await;
        });
        open.entries.insert(
            id,
            Entry {
                progress,
                task: task.abort_handle(),
            },
        );
    }

    /// Ends the connections that `cause` gives one for.
    fn end_where(&self, open: &mut Open, cause: impl Fn(&Progress) -> Option<Cause>) -> usize {
        let before = open.entries.len();
        open.entries.retain(|_, entry| {
            let cause = cause(&entry.progress);
            if let Some(cause) = cause {
                self.end(entry, cause);
            }
            cause.is_none()
        });
        let ended = before - open.entries.len();
        open.ending += ended;
        ended
    }

    /// Whether many connections that were ended still have their file handles.
    pub(super) fn is_behind(&self) -> bool {
        self.open.lock().ending > MAX_ENDING
    }

    /// Looks at all connections again and again.
    pub(super) async fn enforce_limits(&self) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            self.look();
            self.write_log();
        }
    }

    fn look(&self) {
        let limits = self.limits;
        let mut open = self.open.lock();
        for Entry { progress, .. } in open.entries.values() {
            let (phase, lasted) = progress.phase_and_time();
            let is_resting = progress.can_rest() && lasted > MIN_PHASE;
            let is_old = limits.lifetime.is_some_and(|lifetime| progress.age() > lifetime);
            let is_idle = phase == Phase::Idle && lasted > limits.keep_alive;
            if is_resting || (progress.is_multiplexed() && (is_old || is_idle)) {
                progress.retire.notify_one();
            }
        }
        // Clients with HTTP/2 are told first, so that they know which of their requests were not taken.
        let keep_alive_of = |progress: &Progress| match progress.is_multiplexed() {
            true => limits.keep_alive + 2 * LOOK_INTERVAL,
            false => limits.keep_alive,
        };
        self.end_where(&mut open, |progress| {
            let (phase, lasted) = progress.phase_and_time();
            match phase {
                _ if progress.is_read_too_slowly(limits.send) => Some(Cause::Send),
                Phase::Handshake if lasted > limits.head => Some(Cause::Handshake),
                Phase::Head if lasted > limits.head => Some(Cause::Head),
                Phase::Idle if lasted > keep_alive_of(progress) && !progress.is_sending() => Some(Cause::Idle),
                Phase::Handshake | Phase::Head | Phase::Idle | Phase::Body | Phase::Answer => None,
            }
        });
    }

    fn write_log(&self) {
        let news = Cause::ALL.into_iter().filter_map(|cause| {
            let what = cause.describe(self.limits)?;
            let (ended, logged) = (&self.ended[cause as usize], &self.logged[cause as usize]);
            let ended = ended.load(Ordering::Relaxed);
            let count = ended - logged.load(Ordering::Relaxed);
            (count > 0).then_some((logged, ended, count, what))
        });
        let news: Vec<_> = news.collect();
        if news.is_empty() || self.log.admit(0).is_none() {
            return;
        }
        for (logged, ended, count, what) in news {
            logged.store(ended, Ordering::Relaxed);
            tracing::warn!("{count} connections were ended {what}");
        }
    }

    /// Asks those with HTTP/2 to take no more requests. Others hear it with their next answer.
    pub(super) fn retire_all(&self) {
        for entry in self.open.lock().entries.values() {
            entry.progress.retire.notify_one();
        }
    }

    /// Waits until none is open. Those that have no request under way are ended soon.
    pub(super) async fn wait_until_empty(&self) {
        let asked = Instant::now();
        loop {
            let changed = self.changed.notified();
            if self.open.lock().entries.is_empty() {
                return;
            }
            let _ = tokio::time::timeout(LAST_LOOK_INTERVAL, changed).await;
            if asked.elapsed() > LAST_REQUEST_TIMEOUT {
                self.end_those_without_request();
            }
        }
    }

    fn end_those_without_request(&self) {
        self.end_where(&mut self.open.lock(), |progress| {
            let is_at_work = matches!(progress.phase(), Phase::Body | Phase::Answer) || progress.is_sending();
            (!is_at_work).then_some(Cause::Stop)
        });
    }

    /// Ends all, and says how many there were.
    pub(super) fn end_all(&self) -> usize {
        self.end_where(&mut self.open.lock(), |_| Some(Cause::Stop))
    }
}

/// In which order connections make room for others: the greatest first. `None` for those that stay.
fn rank(progress: &Progress) -> Option<(u8, Duration)> {
    let (phase, lasted) = progress.phase_and_time();
    if progress.is_sending() {
        return None;
    }
    match phase {
        Phase::Idle if lasted > MIN_IDLE => Some((2, lasted)),
        Phase::Handshake | Phase::Head if lasted > MIN_PHASE => Some((1, lasted)),
        // A body that is sent with any haste is there by then.
        Phase::Body if lasted > 10 * MIN_PHASE && !progress.is_multiplexed() => Some((0, lasted)),
        Phase::Handshake | Phase::Head | Phase::Idle | Phase::Body | Phase::Answer => None,
    }
}
