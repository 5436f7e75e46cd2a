//! The only reader of the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{TimeRange, Timestamp};

/// Now, in UTC. A clock before 1970 is read like any other; one beyond the years 1 to 9999 as the nearest of their ends.
pub fn now() -> Timestamp {
    TimeRange::CALENDAR.clamp(from_system_time(SystemTime::now()))
}

/// Whether the clock can be worked with where libraries read it too: DataFusion panics before 1970, the HTTP server also after the
/// year 9999.
///
/// # Errors
/// `Unavailable` when it says such a time.
pub fn check_clock() -> Result<()> {
    check(now())
}

fn check(now: Timestamp) -> Result<()> {
    // Later times were brought to the last one.
    if (Timestamp::EPOCH..TimeRange::CALENDAR.last).contains(&now) {
        return Ok(());
    }
    let message = format!("the clock of this machine says {now}, which is not in the years 1970 to 9999");
    Err(Error::new(ErrorKind::Unavailable, message).with_hint("set the clock, then try again"))
}

fn from_system_time(time: SystemTime) -> Timestamp {
    // chrono's own conversion panics before 1970.
    let micros = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos().div_ceil(1000)).map_or(i64::MIN, |micros| -micros),
    };
    Timestamp::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_libraries_cannot_read_is_told() {
        assert!(check(Timestamp::EPOCH).is_ok());
        assert!(check(TimeRange::CALENDAR.clamp(Timestamp::from_micros(i64::MAX))).is_err());
        assert_eq!(
            check(Timestamp::from_micros(-1)).unwrap_err().to_string(),
            "the clock of this machine says 1969-12-31T23:59:59.999999Z, which is not in the years 1970 to 9999"
        );
    }

    #[test]
    fn clocks_before_1970_are_read() {
        let check = |time: Option<SystemTime>, expected: &str| {
            assert_eq!(from_system_time(time.unwrap()).to_string(), expected);
        };
        check(Some(UNIX_EPOCH), "1970-01-01T00:00:00Z");
        check(
            UNIX_EPOCH.checked_sub(Duration::from_nanos(1)),
            "1969-12-31T23:59:59.999999Z",
        );
        check(
            UNIX_EPOCH.checked_sub(Duration::from_secs(86_400 * 365)),
            "1969-01-01T00:00:00Z",
        );
        check(
            UNIX_EPOCH.checked_add(Duration::from_nanos(1_999)),
            "1970-01-01T00:00:00.000001Z",
        );
    }
}
