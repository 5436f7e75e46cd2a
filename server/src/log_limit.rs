//! Lines of the log that clients can cause as often as they like, said now and then with the number of those between.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one line through in an interval.
pub(crate) struct LogLimit {
    interval: Duration,
    state: Mutex<State>,
}

struct State {
    last: Option<Instant>,
    unsaid: usize,
}

impl LogLimit {
    pub(crate) const fn new(interval: Duration) -> Self {
        let state = State { last: None, unsaid: 0 };
        Self {
            interval,
            state: Mutex::new(state),
        }
    }

    /// How much was not said before this, if this is to be said.
    pub(crate) fn admit(&self, count: usize) -> Option<usize> {
        self.admit_at(count, Instant::now())
    }

    fn admit_at(&self, count: usize, now: Instant) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.duration_since(last) < self.interval) {
            state.unsaid = state.unsaid.saturating_add(count);
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_counted() {
        let (limit, start) = (LogLimit::new(Duration::from_secs(10)), Instant::now());
        let at = |seconds, count| limit.admit_at(count, start + Duration::from_secs(seconds));
        assert_eq!(
            [at(0, 5), at(1, 2), at(9, 3), at(10, 1), at(11, 1), at(30, 1)],
            [Some(0), None, None, Some(5), None, Some(1)]
        );
    }
}
