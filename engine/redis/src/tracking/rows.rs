//! The row cache, and until when it may be used.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use feast_rows::RowCache;
use parking_lot::Mutex;

use super::TrackingCounts;

/// Rows that are used only while changes of them are known.
///
/// Changes are tracked in sessions. One begins before its connections are opened, and ends for good with the first of them that breaks.
pub(super) struct TrackedRows {
    rows: RowCache,
    /// In the place of `rows` while they may not be used.
    bypass: RowCache,
    /// How far a read may be behind. `None` when no rows are held at all.
    bound: Option<Duration>,
    start: Instant,
    /// Nanoseconds after `start`; 0 when they may not be used. Only changed with `session` held.
    valid_until: AtomicU64,
    session: Mutex<Session>,
    counts: TrackingCounts,
}

#[derive(Default)]
struct Session {
    /// Of the last one that has begun.
    number: u64,
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Ended,
    /// Changes are not tracked everywhere yet.
    Opening,
    /// Rows are used.
    On,
}

impl TrackedRows {
    /// For so many bytes.
    pub(super) fn new(capacity: usize, bound: Option<Duration>) -> Self {
        let bound = bound.filter(|_| capacity > 0);
        let rows = RowCache::new(if bound.is_some() { capacity } else { 0 });
        Self {
            bypass: rows.bypass(),
            rows,
            bound,
            start: Instant::now(),
            valid_until: AtomicU64::new(0),
            session: Mutex::default(),
            counts: TrackingCounts::default(),
        }
    }

    pub(super) fn counts(&self) -> &TrackingCounts {
        &self.counts
    }

    /// Whether there is room for rows.
    pub(super) fn may_hold_rows(&self) -> bool {
        self.bound.is_some()
    }

    pub(super) fn bound(&self) -> Duration {
        self.bound.unwrap_or_default()
    }

    /// The cache for a read that begins now. The clock is read once a request, which costs some 20 ns: a task that ends the validity
    /// may itself be late.
    #[inline]
    pub(super) fn for_reads(&self) -> &RowCache {
        let valid_until = self.valid_until.load(Ordering::Acquire);
        if valid_until > 0 && self.nanoseconds(Instant::now()) < valid_until {
            &self.rows
        } else {
            &self.bypass
        }
    }

    /// Forgets an entity, also while readers are given the other cache.
    pub(super) fn forget(&self, entity: &[u8]) {
        self.rows.forget(entity);
    }

    /// Forgets everything, as a database was emptied.
    pub(super) fn flushed(&self) {
        TrackingCounts::add(&self.counts.flushed);
        self.rows.clear();
    }

    /// Forgets a part of everything, see [`RowCache::clear_part`].
    pub(super) fn clear_part(&self, part: usize) {
        self.rows.clear_part(part);
    }

    pub(super) fn parts(&self) -> usize {
        self.rows.parts()
    }

    /// Begins a session and gives its number. To be called before the prefixes to track are read.
    pub(super) fn begin_session(&self) -> u64 {
        let mut session = self.session.lock();
        self.end(&mut session);
        session.number += 1;
        session.state = State::Opening;
        session.number
    }

    /// All connections of a session have answered a question that was sent at `asked`, so all changes before that are known.
    /// `false` when the session has ended.
    pub(super) fn confirm(&self, number: u64, asked: Instant) -> bool {
        let mut session = self.session.lock();
        if session.number != number || session.state == State::Ended {
            return false;
        }
        if session.state == State::Opening {
            // What has been fetched by now may be older than a change before tracking was on.
            self.rows.clear();
            session.state = State::On;
            TrackingCounts::add(&self.counts.started);
        }
        let until = self.nanoseconds(asked + self.bound());
        self.valid_until.store(until, Ordering::Release);
        true
    }

    /// Ends a session if it is the current one.
    pub(super) fn end_session(&self, number: u64) {
        let mut session = self.session.lock();
        if session.number == number {
            self.end(&mut session);
        }
    }

    /// Ends the current session.
    pub(super) fn end_any_session(&self) {
        self.end(&mut self.session.lock());
    }

    fn end(&self, session: &mut Session) {
        let before = std::mem::replace(&mut session.state, State::Ended);
        if before == State::On {
            // Readers first, so that none waits for the clearing.
            self.valid_until.store(0, Ordering::Release);
            self.rows.clear();
            TrackingCounts::add(&self.counts.lost);
        }
    }

    fn nanoseconds(&self, moment: Instant) -> u64 {
        let since_start = moment.saturating_duration_since(self.start).as_nanos();
        u64::try_from(since_start).unwrap_or(u64::MAX)
    }
}
