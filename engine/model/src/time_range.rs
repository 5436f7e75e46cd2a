//! The spans of time that the parties to a repository can hold, each in one place.

use std::fmt;
use std::ops::RangeInclusive;

use super::Timestamp;

/// Points in time from a first to a last one, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first point in time.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    is_of_events: bool,
}

/// [`TimeRange::EVENT_TIMES`] in nanoseconds since 1970: its last microsecond ends with its last nanosecond.
pub const EVENT_TIME_NANOS: RangeInclusive<i64> =
    TimeRange::EVENT_TIMES.first.micros() * 1_000..=TimeRange::EVENT_TIMES.last.micros() * 1_000 + 999;

/// A point in time that lies outside of a [`TimeRange`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfRange {
    time: Timestamp,
    range: TimeRange,
}

impl TimeRange {
    /// The years 1 to 9999: what Python's `datetime` and protobuf's `Timestamp` hold. Python Feast cannot read a registry with
    /// any other time in it.
    pub const CALENDAR: Self = Self {
        first: Timestamp::from_micros(-62_135_596_800_000_000),
        last: Timestamp::from_micros(253_402_300_799_999_999),
        is_of_events: false,
    };

    /// 1677-09-21T00:12:43.145225Z to 2262-04-11T23:47:16.854774Z: the microseconds that pandas' `Timestamp` holds, but for the
    /// last one, which stands for "for ever". An event time beyond it is a mistake, and as the newest row wins, nothing could
    /// ever replace the row.
    pub const EVENT_TIMES: Self = Self {
        first: Timestamp::from_micros(i64::MIN / 1000),
        last: Timestamp::from_micros(i64::MAX / 1000 - 1),
        is_of_events: true,
    };

    /// Whether a point in time lies in it.
    pub const fn contains(&self, time: Timestamp) -> bool {
        self.first.micros() <= time.micros() && time.micros() <= self.last.micros()
    }

    /// The point in time itself.
    ///
    /// # Errors
    /// When it lies outside.
    pub const fn check(self, time: Timestamp) -> Result<Timestamp, OutOfRange> {
        if self.contains(time) {
            Ok(time)
        } else {
            Err(OutOfRange { time, range: self })
        }
    }

    /// The nearest point in time that lies in it.
    #[must_use]
    pub fn clamp(&self, time: Timestamp) -> Timestamp {
        time.clamp(self.first, self.last)
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, range } = self;
        if range.is_of_events {
            let (first, last) = (range.first, range.last);
            write!(
                formatter,
                "{time} is not between {first} and {last}, as an event time must be"
            )
        } else {
            write!(formatter, "{time} is not in the years 1 to 9999")
        }
    }
}

impl std::error::Error for OutOfRange {}

/// The longest span of time that protobuf's `Duration` holds, and Python's with it: 10,000 years, in microseconds. It may be
/// negative.
const MAX_DURATION_MICROS: i64 = 315_576_000_000 * 1_000_000;

/// Whether the registry can hold a span of time, in microseconds.
pub const fn is_storable_duration(micros: i64) -> bool {
    -MAX_DURATION_MICROS <= micros && micros <= MAX_DURATION_MICROS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_python_ends() {
        let check = |range: TimeRange, first, last| {
            assert_eq!(
                [range.first.to_string().as_str(), range.last.to_string().as_str()],
                [first, last]
            );
            assert!(range.contains(range.first) && range.contains(range.last));
            assert!(!range.contains(range.first.plus_micros(-1)) && !range.contains(range.last.plus_micros(1)));
            assert_eq!(range.clamp(Timestamp::from_micros(i64::MIN)), range.first);
            assert_eq!(range.clamp(Timestamp::from_micros(i64::MAX)), range.last);
        };
        check(
            TimeRange::CALENDAR,
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
        );
        check(
            TimeRange::EVENT_TIMES,
            "1677-09-21T00:12:43.145225Z",
            "2262-04-11T23:47:16.854774Z",
        );
    }

    #[test]
    fn what_lies_outside_is_named() {
        let late = TimeRange::CALENDAR.last.plus_micros(1);
        let string = |range: TimeRange| range.check(late).err().map(|problem| problem.to_string());
        assert_eq!(
            string(TimeRange::CALENDAR).as_deref(),
            Some("+10000-01-01T00:00:00Z is not in the years 1 to 9999")
        );
        assert_eq!(
            string(TimeRange::EVENT_TIMES).as_deref(),
            Some(
                "+10000-01-01T00:00:00Z is not between 1677-09-21T00:12:43.145225Z and 2262-04-11T23:47:16.854774Z, as an \
                 event time must be"
            )
        );
    }
}
