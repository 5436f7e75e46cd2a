//! Points in time and their text forms. The forms that are read are in `timestamp_forms`.

use std::fmt;

use chrono::{DateTime, TimeZone, Utc};

use super::time_range::{OutOfRange, TimeRange};
use super::timestamp_forms::{self, DateOrder};

/// A point in time in microseconds since 1970 in UTC, the resolution of Feast's registry and windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A string that is not a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseTimestampError {
    /// It is in none of the understood forms.
    #[error("{0:?} is not a date or time; write it like 2026-01-31T12:00:00 (UTC unless it carries an offset)")]
    UnknownForm(String),
    /// It is in one of them, but lies outside of [`TimeRange::CALENDAR`].
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z, which stands for "none" in responses.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since 1970; `None` when out of range.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        seconds.checked_mul(1_000_000).map(Self)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Later (or earlier, for a negative number) by that many microseconds, held at the ends of the range.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Reads a date or a date with time. Without an offset it is UTC; a date alone means its midnight. What is read lies in
    /// [`TimeRange::CALENDAR`].
    ///
    /// # Errors
    /// When the string is in none of the understood forms, or lies outside of the years 1 to 9999.
    pub fn parse(text: &str) -> Result<Self, ParseTimestampError> {
        Self::parse_with_offset(text).map(|(time, _)| time)
    }

    /// As [`Timestamp::parse`], for one of many strings that have day and month in the same order.
    ///
    /// # Errors
    /// When the string is in none of the understood forms, or has them in the other order.
    pub fn parse_in_order(text: &str, order: &mut DateOrder) -> Result<Self, ParseTimestampError> {
        Self::parse_whole(text, order).map(|(time, _)| time)
    }

    /// As [`Timestamp::parse`]; gives the offset too, in seconds east of UTC, if the string has one.
    ///
    /// # Errors
    /// When the string is in none of the understood forms.
    pub fn parse_with_offset(text: &str) -> Result<(Self, Option<i32>), ParseTimestampError> {
        Self::parse_whole(text, &mut DateOrder::default())
    }

    fn parse_whole(text: &str, order: &mut DateOrder) -> Result<(Self, Option<i32>), ParseTimestampError> {
        let (local, offset) =
            timestamp_forms::parse(text, order).ok_or_else(|| ParseTimestampError::UnknownForm(text.to_owned()))?;
        let micros = local.and_utc().timestamp_micros();
        let east = i64::from(offset.unwrap_or(0)) * 1_000_000;
        let time = TimeRange::CALENDAR.check(Self(micros.saturating_sub(east)))?;
        Ok((time, offset))
    }

    fn date_time(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }
}

/// RFC 3339 in UTC with `Z` and a fraction of 0, 3 or 6 digits, as short as exact: the form of Feast's JSON responses.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(32);
        TimestampWriter::default().write(*self, &mut text);
        formatter.write_str(&String::from_utf8_lossy(&text))
    }
}

impl Timestamp {
    /// The form of Feast's command line output, without fraction: `2026-11-22 06:28:34+00:00`.
    pub fn to_python(self) -> String {
        self.date_time().format("%Y-%m-%d %H:%M:%S+00:00").to_string()
    }
}

/// Writes many points in time, each as its `Display`. Responses hold one for each row, usually of the same day, whose text
/// is made once; a formatter would take twenty times as long.
#[derive(Debug, Default)]
pub struct TimestampWriter {
    /// Days since 1970, and their text.
    date: Option<(i64, String)>,
}

impl TimestampWriter {
    /// Appends the text of a point in time.
    pub fn write(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let (day, micros) = (time.0.div_euclid(MICROS_PER_DAY), time.0.rem_euclid(MICROS_PER_DAY));
        match &self.date {
            // It stands for "no time" in responses, between other times.
            _ if day == 0 => out.extend_from_slice(b"1970-01-01"),
            Some((known, text)) if *known == day => out.extend_from_slice(text.as_bytes()),
            _ => {
                let text = time.date_time().date_naive().to_string();
                out.extend_from_slice(text.as_bytes());
                self.date = Some((day, text));
            }
        }
        let seconds = (micros / 1_000_000) as u32;
        let mut text = *b"T00:00:00";
        text[1..3].copy_from_slice(&digits::<2>(seconds / 3600));
        text[4..6].copy_from_slice(&digits::<2>(seconds / 60 % 60));
        text[7..9].copy_from_slice(&digits::<2>(seconds % 60));
        out.extend_from_slice(&text);
        match (micros % 1_000_000) as u32 {
            0 => {}
            micros if micros % 1000 == 0 => {
                out.push(b'.');
                out.extend_from_slice(&digits::<3>(micros / 1000));
            }
            micros => {
                out.push(b'.');
                out.extend_from_slice(&digits::<6>(micros));
            }
        }
        out.push(b'Z');
    }
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The last digits of a number.
fn digits<const COUNT: usize>(mut number: u32) -> [u8; COUNT] {
    let mut digits = [b'0'; COUNT];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

impl<Zone: TimeZone> From<DateTime<Zone>> for Timestamp {
    fn from(time: DateTime<Zone>) -> Self {
        Self(time.timestamp_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::{DateOrder, Timestamp, TimestampWriter};

    fn check(text: &str, expected: &str) {
        let answer = Timestamp::parse(text).map(|timestamp| timestamp.to_string());
        assert_eq!(answer.as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn reads_the_forms_pandas_and_dateutil_read() {
        check("2022-05-13 10:59:42", "2022-05-13T10:59:42Z");
        check("2022-05-13T10:59:42.5", "2022-05-13T10:59:42.500Z");
        check("2022-05-13T10:59:42.000001Z", "2022-05-13T10:59:42.000001Z");
        check("2022-05-13 10:59:42+00:00", "2022-05-13T10:59:42Z");
        check("2022-05-13 10:59:42+02:00", "2022-05-13T08:59:42Z");
        check("2022-05-13T10:59:42-0530", "2022-05-13T16:29:42Z");
        check("2022-05-13", "2022-05-13T00:00:00Z");
        check("20220513", "2022-05-13T00:00:00Z");
        check("05/13/2022 10:59", "2022-05-13T10:59:00Z");
        check("May 13, 2022 10:59am", "2022-05-13T10:59:00Z");
        check("May 13, 2022", "2022-05-13T00:00:00Z");
        check("July 25, 2026 10:59 PM", "2026-07-25T22:59:00Z");
        check("25/07/2026 10:59", "2026-07-25T10:59:00Z");
        check("07/08/2026", "2026-07-08T00:00:00Z");
        check("01/02/26", "2026-01-02T00:00:00Z");
        check("25/07/26 10:59", "2026-07-25T10:59:00Z");
        check("25.07.2026 10:59:42", "2026-07-25T10:59:42Z");
        check("02.07.2026", "2026-02-07T00:00:00Z");
        check("02-Jul-2026", "2026-07-02T00:00:00Z");
        check("2026-07-02 10:59:42,123", "2026-07-02T10:59:42.123Z");
        check("2026-07-02T10:59:42GMT", "2026-07-02T10:59:42Z");
        check("20260702105942", "2026-07-02T10:59:42Z");
        check("Thu Jul  2 10:59:42 2026", "2026-07-02T10:59:42Z");
        check("2026/07/25 10:59:42.5", "2026-07-25T10:59:42.500Z");
        check("20260725T105942", "2026-07-25T10:59:42Z");
        check("2026-07-25T10:59", "2026-07-25T10:59:00Z");
        check("Sat, 25 Jul 2026 10:59:42 GMT", "2026-07-25T10:59:42Z");
        check("25 July 2026", "2026-07-25T00:00:00Z");
        check("1969-12-31T23:59:58.5Z", "1969-12-31T23:59:58.500Z");
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "tomorrow",
            "2022-13-01",
            "2022-05-13T25:00:00",
            "12:00",
            "2022-05-13 10:59:42+99:00",
            "13/13/2022",
            "26-01-02",
            "0026-01",
            "01/02/0026",
            "July 2025",
            "May 5 26",
            "2022-05-13x",
            "2022-05-13T",
            "2022-05-13 10",
            "12345678901",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn years_are_those_of_python() {
        check("0001-01-01", "0001-01-01T00:00:00Z");
        check("0999-12-31T23:59:59Z", "0999-12-31T23:59:59Z");
        check("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z");
        check("9999-12-31T23:59:59+00:01", "9999-12-31T23:58:59Z");
        for text in [
            "+99999-01-01",
            "+10000-01-01T00:00:00Z",
            "+262142-12-31",
            "9999-12-31T23:59:59-00:01",
            "0001-01-01T00:00:00+00:01",
            "-0001-01-01",
            "0000-12-31",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
        let problem = Timestamp::parse("+99999-01-01").unwrap_err().to_string();
        assert_eq!(problem, "+99999-01-01T00:00:00Z is not in the years 1 to 9999");
    }

    #[test]
    fn the_first_date_of_numbers_decides_the_order() {
        let parse = |texts: &[&str]| {
            let mut order = DateOrder::default();
            let times = texts.iter().map(|text| Timestamp::parse_in_order(text, &mut order));
            let days =
                times.map(|time| time.map_or_else(|_| "-".to_owned(), |time| time.to_string()[5..10].to_owned()));
            days.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(parse(&["25/7/2026", "7/8/2026"]), "07-25 08-07");
        assert_eq!(parse(&["7/8/2026", "25/7/2026"]), "07-08 -");
        assert_eq!(parse(&["2026-07-01", "7/8/2026", "25/7/2026"]), "07-01 07-08 -");
    }

    #[test]
    fn prints_as_answers_do() {
        let check = |micros, expected: &str| assert_eq!(Timestamp::from_micros(micros).to_string(), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(-1, "1969-12-31T23:59:59.999999Z");
        check(1_795_328_914_123_000, "2026-11-22T06:28:34.123Z");
        check(1_795_328_914_000_456, "2026-11-22T06:28:34.000456Z");
        check(-62_135_596_800_000_000, "0001-01-01T00:00:00Z");
        check(253_402_300_800_000_000, "+10000-01-01T00:00:00Z");
    }

    #[test]
    fn many_are_printed_as_each_alone() {
        let mut writer = TimestampWriter::default();
        for micros in [
            0,
            86_399_999_999,
            86_400_000_000,
            86_400_000_001,
            -1,
            0,
            1_795_328_914_123_456,
        ] {
            let (time, mut text) = (Timestamp::from_micros(micros), Vec::new());
            writer.write(time, &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), time.to_string());
        }
    }

    #[test]
    fn prints_as_the_command_line_does() {
        assert_eq!(
            Timestamp::from_micros(1_795_328_914_123_456).to_python(),
            "2026-11-22 06:28:34+00:00"
        );
    }
}
