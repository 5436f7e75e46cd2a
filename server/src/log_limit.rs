//! Lines of the log that clients can cause as often as they like: one in an interval, with the number of those left out.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lets one line through in an interval.
pub(crate) struct LogLimit {
    interval: Duration,
    state: Mutex<State>,
}

struct State {
    last: Option<Instant>,
    suppressed: usize,
}

impl LogLimit {
    pub(crate) const fn new(interval: Duration) -> Self {
        let state = State {
            last: None,
            suppressed: 0,
        };
        Self {
            interval,
            state: Mutex::new(state),
        }
    }

    /// Whether `count` events are to be logged now. If so, says how many were left out since the last line.
    pub(crate) fn admit(&self, count: usize) -> Option<usize> {
        self.admit_at(count, Instant::now())
    }

    fn admit_at(&self, count: usize, now: Instant) -> Option<usize> {
        let mut state = self.state.lock();
        if state.last.is_some_and(|last| now.duration_since(last) < self.interval) {
            state.suppressed = state.suppressed.saturating_add(count);
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
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
