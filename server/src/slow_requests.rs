//! The log of slow requests, which says where their time went.

use std::fmt::Write;
use std::time::Duration;

use crate::log_limit::LogLimit;
use crate::timeline::Timeline;

/// One line a second: where everything is slow, some examples tell as much as all.
const INTERVAL: Duration = Duration::from_secs(1);

/// Logs requests that take longer than they should.
pub(crate) struct SlowRequests {
    threshold: Duration,
    limit: LogLimit,
}

/// What is said of a request beside its steps.
pub(crate) struct Described<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) request_id: &'a str,
}

impl SlowRequests {
    pub(crate) fn new(threshold: Duration) -> Self {
        Self {
            threshold,
            limit: LogLimit::new(INTERVAL),
        }
    }

    /// Logs a request that was slow, unless there was one a moment ago.
    pub(crate) fn note(&self, timeline: &Timeline, time: Duration, request: &Described<'_>) {
        if time < self.threshold {
            return;
        }
        let Some(left_out) = self.limit.admit(1) else {
            return;
        };
        let Described {
            method,
            path,
            status,
            request_id,
        } = request;
        let (milliseconds, steps) = (time.as_secs_f64() * 1e3, steps(timeline));
        let (subject, rows) = match timeline.subject() {
            Some(subject) => (subject.name.as_deref().unwrap_or_default(), subject.rows),
            None => ("", 0),
        };
        let about = match (subject, rows) {
            ("", 0) => String::new(),
            ("", rows) => format!(" (rows: {rows})"),
            (subject, rows) => format!(" ({subject}, rows: {rows})"),
        };
        let others = match left_out {
            0 => String::new(),
            more => format!(" ({more} more slow ones were not logged)"),
        };
        let trace = timeline.trace.as_ref().map(|trace| trace.trace_id().to_string());
        tracing::warn!(
            target: "feast::slow",
            method,
            path,
            status,
            duration_ms = milliseconds,
            request_id,
            trace_id = trace.as_deref(),
            subject,
            rows,
            steps = steps.as_str(),
            left_out,
            "slow: \"{method} {path}\" {status} {milliseconds:.1}ms {request_id}{about}: {steps}{others}"
        );
    }
}

/// `parse 0.10ms, look_up 240.00ms`.
fn steps(timeline: &Timeline) -> String {
    let mut text = String::new();
    for lap in timeline.laps() {
        let milliseconds = (lap.end - lap.start).as_secs_f64() * 1e3;
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma}{} {milliseconds:.2}ms", lap.name);
    }
    text
}
