//! When the steps of one request ended: for its metrics, for the log of slow requests, and for its spans.
//!
//! Steps follow each other, so that one begins where the one before has ended, and a step costs one look at the clock, 25 to 60 ns. What
//! only the log and spans need is not looked at otherwise.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use feast_traces::TraceContext;

/// What a request does, one after the other. None of them does all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The caller is identified.
    SignIn,
    /// The body comes.
    Receive,
    /// It is admitted, and a thread that may wait takes it over.
    Wait,
    Parse,
    /// What it is about is looked up in the registry, and whether its caller may have it.
    Plan,
    /// Values are brought to the types of their columns.
    Convert,
    /// Rows come from memory, from the disk or over the network.
    LookUp,
    /// Rows become columns.
    Decode,
    /// Functions of on-demand views run, in this process or in Python.
    Functions,
    /// Rows are written, and durable.
    Store,
    /// The response is written.
    Respond,
}

impl Step {
    const ALL: [(Self, &'static str); 11] = [
        (Self::SignIn, "sign_in"),
        (Self::Receive, "receive"),
        (Self::Wait, "wait"),
        (Self::Parse, "parse"),
        (Self::Plan, "plan"),
        (Self::Convert, "convert"),
        (Self::LookUp, "look_up"),
        (Self::Decode, "decode"),
        (Self::Functions, "functions"),
        (Self::Store, "store"),
        (Self::Respond, "write"),
    ];

    /// Whether metrics are made of its time.
    fn is_counted(self) -> bool {
        matches!(self, Self::Wait | Self::Convert | Self::LookUp | Self::Respond)
    }
}

/// A step that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lap {
    pub(crate) name: &'static str,
    pub(crate) start: Duration,
    pub(crate) end: Duration,
}

/// What a request was about.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    /// The feature service, or the push source or view.
    pub(crate) name: Option<String>,
    pub(crate) rows: usize,
}

#[derive(Debug)]
pub(crate) struct Timeline {
    arrived: Instant,
    is_detailed: bool,
    pub(crate) trace: Option<TraceContext>,
    /// Nanoseconds from the arrival; 0 for what was not done.
    ends: [AtomicU64; Step::ALL.len()],
    subject: OnceLock<Subject>,
}

/// The timeline of a request, if anybody wants to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopwatch(Option<Arc<Timeline>>);

impl Stopwatch {
    /// `is_detailed`: all steps are asked for, not only those that are counted.
    pub(crate) fn start(is_detailed: bool, trace: Option<TraceContext>) -> Self {
        Self(Some(Arc::new(Timeline {
            arrived: Instant::now(),
            is_detailed,
            trace,
            ends: Default::default(),
            subject: OnceLock::new(),
        })))
    }

    /// Notes that a step has ended.
    pub(crate) fn end(&self, step: Step) {
        if let Some(timeline) = &self.0
            && (timeline.is_detailed || step.is_counted())
        {
            timeline.end_before(step, Duration::ZERO);
        }
    }

    /// Notes that rows were decoded, and then functions run for so long.
    pub(crate) fn end_decode(&self, functions: Option<Duration>) {
        if let Some(timeline) = self.0.as_ref().filter(|timeline| timeline.is_detailed) {
            timeline.end_before(Step::Decode, functions.unwrap_or_default());
            if functions.is_some() {
                timeline.end_before(Step::Functions, Duration::ZERO);
            }
        }
    }

    /// Notes what the request is about, if all is asked for.
    pub(crate) fn is_about(&self, subject: impl FnOnce() -> Subject) {
        if let Some(timeline) = self.0.as_ref().filter(|timeline| timeline.is_detailed) {
            timeline.subject.get_or_init(subject);
        }
    }

    pub(crate) fn timeline(&self) -> Option<&Timeline> {
        self.0.as_deref()
    }

    /// `None` when the request is not traced.
    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        self.timeline()?.trace.as_ref()
    }
}

impl Timeline {
    fn end_before(&self, step: Step, earlier: Duration) {
        let end = self.arrived.elapsed().saturating_sub(earlier);
        let nanoseconds = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.ends[step as usize].store(nanoseconds, Ordering::Relaxed);
    }

    fn end_of(&self, step: Step) -> Option<Duration> {
        match self.ends[step as usize].load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// How long rows were looked up.
    pub(crate) fn look_up(&self) -> Duration {
        let start = self
            .end_of(Step::Wait)
            .max(self.end_of(Step::Convert))
            .unwrap_or_default();
        self.end_of(Step::LookUp).unwrap_or_default().saturating_sub(start)
    }

    /// From the arrival until the response was written, or until now.
    pub(crate) fn elapsed(&self) -> Duration {
        self.end_of(Step::Respond).unwrap_or_else(|| self.arrived.elapsed())
    }

    /// Whether all steps are noted.
    pub(crate) fn is_detailed(&self) -> bool {
        self.is_detailed
    }

    pub(crate) fn subject(&self) -> Option<&Subject> {
        self.subject.get()
    }

    /// What was done, in the order in which it ended.
    pub(crate) fn laps(&self) -> Vec<Lap> {
        let ends = Step::ALL
            .iter()
            .filter_map(|(step, name)| Some((self.end_of(*step)?, *name)));
        let mut ends: Vec<_> = ends.collect();
        ends.sort_unstable();
        let mut start = Duration::ZERO;
        let laps = ends.into_iter().map(|(end, name)| Lap {
            name,
            start: std::mem::replace(&mut start, end),
            end,
        });
        laps.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stopwatch: &Stopwatch) -> Vec<&'static str> {
        stopwatch
            .timeline()
            .unwrap()
            .laps()
            .iter()
            .map(|lap| lap.name)
            .collect()
    }

    #[test]
    fn each_step_begins_where_the_one_before_has_ended() {
        let stopwatch = Stopwatch::start(true, None);
        // A large body is parsed after it has been handed over.
        for step in [
            Step::Receive,
            Step::Wait,
            Step::Parse,
            Step::Plan,
            Step::Convert,
            Step::LookUp,
        ] {
            stopwatch.end(step);
        }
        stopwatch.end_decode(Some(Duration::from_nanos(1)));
        stopwatch.end(Step::Respond);
        let timeline = stopwatch.timeline().unwrap();
        let expected = [
            "receive",
            "wait",
            "parse",
            "plan",
            "convert",
            "look_up",
            "decode",
            "functions",
            "write",
        ];
        assert_eq!(names(&stopwatch), expected);
        let laps = timeline.laps();
        assert!(
            laps.windows(2)
                .all(|pair| pair[0].end == pair[1].start && pair[0].start <= pair[0].end)
        );
        assert_eq!(laps[0].start, Duration::ZERO);
        assert_eq!(laps[8].end, timeline.elapsed());
        assert_eq!(timeline.look_up(), laps[5].end - laps[5].start);
    }

    #[test]
    fn metrics_need_few_steps() {
        let stopwatch = Stopwatch::start(false, None);
        Step::ALL.iter().for_each(|(step, _)| stopwatch.end(*step));
        stopwatch.end_decode(None);
        stopwatch.is_about(|| panic!("nobody asks for it"));
        assert_eq!(names(&stopwatch), ["wait", "convert", "look_up", "write"]);
        Stopwatch::default().end(Step::Parse);
    }

    #[test]
    fn steps_are_listed_in_their_order() {
        for (position, (step, _)) in Step::ALL.iter().enumerate() {
            assert_eq!(*step as usize, position);
        }
    }
}
