//! `datetime`: spans, points in time, and how they are written.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Weekday};

use super::Native;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown, value_error};
use crate::value::Value;

pub(super) static FUNCTIONS: &[Native] = &[
    Native::class("datetime.datetime", datetime),
    Native::function("datetime.datetime.fromtimestamp", from_timestamp),
    Native::class("datetime.timedelta", timedelta),
    Native::class("datetime.timezone", zone),
    Native::function("datetime.timezone.utc", zone),
];

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The end of the year 9999.
const MAX_SECONDS: i64 = 253_402_300_800;

fn zone(_: &mut Run, _: Arguments) -> Outcome {
    Err(unknown("zones of time besides UTC are not known here"))
}

/// A point in time by its fields. Beside columns its name in messages is not that of a Timestamp, so it is not known there.
fn datetime(run: &mut Run, arguments: Arguments) -> Outcome {
    if run.is_pandas() {
        return Err(unknown("datetime.datetime() in pandas mode is not known here"));
    }
    let [year, month, day, hour, minute, second, microsecond, zone] = arguments.bind([
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "microsecond",
        "tzinfo",
    ])?;
    let mut fields = [0; 7];
    let given = [year, month, day, hour, minute, second, microsecond];
    for (number, (field, value)) in fields.iter_mut().zip(given).enumerate() {
        *field = match value {
            Some(Value::Int(number)) => number,
            None if number > 2 => 0,
            _ => return Err(unknown("a point in time of these fields is not known here")),
        };
    }
    let micros = point_in_time(fields)?;
    match zone {
        None | Some(Value::None) => Ok(Value::NaiveTime(micros)),
        Some(Value::Native(zone)) if zone.name == "datetime.timezone.utc" => Ok(Value::Time(micros)),
        Some(_) => Err(unknown("this zone is not known here")),
    }
}

/// `datetime.fromtimestamp(seconds, tz=timezone.utc)`, of whole seconds: without a zone it is that of the machine.
fn from_timestamp(run: &mut Run, arguments: Arguments) -> Outcome {
    if run.is_pandas() {
        return Err(unknown("datetime.fromtimestamp() in pandas mode is not known here"));
    }
    let [seconds, zone] = arguments.bind(["timestamp", "tz"])?;
    let is_utc = matches!(&zone, Some(Value::Native(zone)) if zone.name == "datetime.timezone.utc");
    let seconds = match seconds {
        Some(Value::Int(seconds)) => seconds,
        Some(Value::Float(seconds)) if seconds.fract() == 0.0 && seconds.abs() < MAX_SECONDS as f64 => seconds as i64,
        _ => return Err(unknown("a point in time of this is not known here")),
    };
    match is_utc && (0..MAX_SECONDS).contains(&seconds) {
        true => Ok(Value::Time(seconds * SECOND)),
        false => Err(unknown("this point in time is not known here")),
    }
}

/// # Errors
/// Python's of the first field that is out of its range.
fn point_in_time(fields: [i64; 7]) -> Outcome<i64> {
    let [year, month, _, hour, minute, second, micro] = fields;
    if fields.iter().any(|field| i32::try_from(*field).is_err()) {
        return Err(unknown("fields of a time so large are not known here"));
    }
    let checks = [
        ((1..=9999).contains(&year), format!("year {year} is out of range")),
        ((1..=12).contains(&month), "month must be in 1..12".to_owned()),
        (date_of(fields).is_some(), "day is out of range for month".to_owned()),
        ((0..=23).contains(&hour), "hour must be in 0..23".to_owned()),
        ((0..=59).contains(&minute), "minute must be in 0..59".to_owned()),
        ((0..=59).contains(&second), "second must be in 0..59".to_owned()),
        (
            (0..=999_999).contains(&micro),
            "microsecond must be in 0..999999".to_owned(),
        ),
    ];
    match checks.into_iter().find(|(is_in_range, _)| !is_in_range) {
        Some((_, message)) => Err(value_error(message)),
        None => of_fields(fields).ok_or_else(|| unknown("this point in time is not known here")),
    }
}

/// The same point in time in an ISO calendar: year, week and day of the week.
pub(crate) fn iso_calendar(micros: i64) -> Outcome<[i64; 3]> {
    let time = fields(micros)?;
    let week = time.iso_week();
    let day = i64::from(time.weekday().number_from_monday());
    Ok([i64::from(week.year()), i64::from(week.week()), day])
}

/// Of whole numbers: what Python does with fractions is more than a product.
fn timedelta(_: &mut Run, arguments: Arguments) -> Outcome {
    let names = [
        "days",
        "seconds",
        "microseconds",
        "milliseconds",
        "minutes",
        "hours",
        "weeks",
    ];
    let units = [DAY, SECOND, 1, 1_000, 60 * SECOND, 3_600 * SECOND, 7 * DAY];
    let mut micros: i64 = 0;
    for (value, unit) in arguments.bind(names)?.into_iter().zip(units) {
        let Some(value) = value else { continue };
        let Value::Int(number) = value else {
            return Err(unknown("timedelta() of this is not known here"));
        };
        let sum = number.checked_mul(unit).and_then(|span| micros.checked_add(span));
        micros = sum.ok_or_else(|| unknown("spans so long are not known here"))?;
    }
    Ok(Value::Delta(micros))
}

/// The fields of a point in time from year 1000 to 9999, in which all systems write the year alike.
pub(crate) fn fields(micros: i64) -> Outcome<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.naive_utc())
        .filter(|time| (1000..=9999).contains(&time.year()))
        .ok_or_else(|| unknown("times so far away are not known here"))
}

/// `isoformat()`; with a blank what `str()` gives.
pub(crate) fn shown_time(micros: i64, has_zone: bool, separator: char) -> Outcome<String> {
    let time = fields(micros)?;
    let mut text = format!("{}{separator}{}", time.format("%Y-%m-%d"), time.format("%H:%M:%S"));
    let fraction = micros.rem_euclid(SECOND);
    if fraction != 0 {
        text.push_str(&format!(".{fraction:06}"));
    }
    if has_zone {
        text.push_str("+00:00");
    }
    Ok(text)
}

/// `strftime`, of the fields that no locale changes and English names.
pub(crate) fn strftime(micros: i64, has_zone: bool, form: &str) -> Outcome<String> {
    let time = fields(micros)?;
    let (mut text, mut characters) = (String::new(), form.chars());
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let part = match characters.next() {
            Some('Y') => time.year().to_string(),
            Some('m') => format!("{:02}", time.month()),
            Some('d') => format!("{:02}", time.day()),
            Some('H') => format!("{:02}", time.hour()),
            Some('I') => format!("{:02}", time.hour12().1),
            Some('M') => format!("{:02}", time.minute()),
            Some('S') => format!("{:02}", time.second()),
            Some('y') => format!("{:02}", time.year() % 100),
            Some('j') => format!("{:03}", time.ordinal()),
            Some('f') => format!("{:06}", micros.rem_euclid(SECOND)),
            Some('F') => time.format("%Y-%m-%d").to_string(),
            Some('T') => time.format("%H:%M:%S").to_string(),
            Some('w') => time.weekday().num_days_from_sunday().to_string(),
            Some('u') => time.weekday().number_from_monday().to_string(),
            Some('z') if has_zone => "+0000".to_owned(),
            Some('Z') if has_zone => "UTC".to_owned(),
            Some('z' | 'Z') => String::new(),
            Some('%') => "%".to_owned(),
            _ => return Err(unknown("this field of strftime() is not known here")),
        };
        text.push_str(&part);
    }
    Ok(text)
}

fn date_of([year, month, day, ..]: [i64; 7]) -> Option<NaiveDate> {
    let small = |number: i64| u32::try_from(number).ok();
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, small(month)?, small(day)?)
}

/// The point in time with other fields.
pub(crate) fn of_fields(fields: [i64; 7]) -> Option<i64> {
    let [.., hour, minute, second, micro] = fields;
    let small = |number: i64| u32::try_from(number).ok();
    let date = date_of(fields)?;
    // No leap seconds.
    let micro = small(micro).filter(|micro| *micro < 1_000_000)?;
    let time = date.and_hms_micro_opt(small(hour)?, small(minute)?, small(second)?, micro)?;
    Some(time.and_utc().timestamp_micros())
}

/// Monday is 0.
pub(crate) fn weekday(day: Weekday) -> i64 {
    i64::from(day.num_days_from_monday())
}
