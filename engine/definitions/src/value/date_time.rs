//! `datetime` without a time zone: its parts, and its microseconds since 1970.

use chrono::{DateTime, Datelike, NaiveDate, Timelike};

use super::data::Value;
use crate::error::Raised;

/// The first microsecond of year 1 and the last of year 9999, from 1970 on.
const MICROS: std::ops::RangeInclusive<i128> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// The parts of a `datetime`, in the order of its parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DateTimeParts {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) microsecond: i64,
}

impl DateTimeParts {
    /// The parts of microseconds since 1970.
    pub(crate) fn from_micros(micros: i64) -> Option<Self> {
        let time = DateTime::from_timestamp_micros(micros)?;
        Some(Self {
            year: i64::from(time.year()),
            month: i64::from(time.month()),
            day: i64::from(time.day()),
            hour: i64::from(time.hour()),
            minute: i64::from(time.minute()),
            second: i64::from(time.second()),
            microsecond: micros.rem_euclid(1_000_000),
        })
    }

    /// Microseconds since 1970; `None` when the parts are not a date and time.
    pub(crate) fn to_micros(self) -> Option<i64> {
        let part = |number: i64| u32::try_from(number).ok();
        let year = i32::try_from(self.year)
            .ok()
            .filter(|year| (1..=9_999).contains(year))?;
        let date = NaiveDate::from_ymd_opt(year, part(self.month)?, part(self.day)?)?;
        // Chrono has leap seconds, Python has not.
        let microsecond = part(self.microsecond).filter(|micros| *micros < 1_000_000)?;
        let time = date.and_hms_micro_opt(part(self.hour)?, part(self.minute)?, part(self.second)?, microsecond)?;
        Some(time.and_utc().timestamp_micros())
    }

    /// `2026-05-17`.
    pub(crate) fn date(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `08:30:00`.
    pub(crate) fn time(self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }
}

/// A `datetime` of microseconds since 1970.
///
/// # Errors
/// `OverflowError` outside of the years 1 to 9999.
pub(crate) fn datetime_from_micros(micros: i128) -> Result<Value, Raised> {
    if !MICROS.contains(&micros) {
        return Err(("OverflowError", "date value out of range".to_owned()));
    }
    Ok(Value::DateTime(i64::try_from(micros).unwrap_or_default()))
}
