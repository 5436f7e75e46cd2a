//! `datetime` and `timedelta`: fields and methods.

use chrono::{Datelike, Timelike};

use super::{Method, times_of};
use crate::native::{self, of_fields, time_fields};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown, value_error};
use crate::value::Value;

pub(super) const METHODS: &[(&str, Method)] = &[
    ("day_name", |run, object, arguments| {
        name_of(run, object, arguments, true)
    }),
    ("isocalendar", |_, object, arguments| {
        none(arguments)?;
        let numbers = native::iso_calendar(moment(object)?.0)?;
        Ok(Value::Calendar(std::rc::Rc::new(numbers)))
    }),
    ("isoformat", isoformat),
    ("isoweekday", |run, object, arguments| {
        match weekday(run, object, arguments)? {
            Value::Int(day) => Ok(Value::Int(day + 1)),
            other => Ok(other),
        }
    }),
    ("month_name", |run, object, arguments| {
        name_of(run, object, arguments, false)
    }),
    ("normalize", normalize),
    ("replace", replace),
    ("strftime", strftime),
    ("timestamp", timestamp),
    ("weekday", weekday),
];

pub(super) const DELTA_METHODS: &[(&str, Method)] = &[("total_seconds", total_seconds)];

const FIELDS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
const DAY: i64 = 86_400_000_000;

pub(super) fn is_field(name: &str) -> bool {
    FIELDS.contains(&name)
}

/// Microseconds, and whether the zone is UTC and not unknown.
fn moment(object: &Value) -> Outcome<(i64, bool)> {
    match object {
        Value::Time(micros) => Ok((*micros, true)),
        Value::NaiveTime(micros) => Ok((*micros, false)),
        _ => Err(unknown("this is no time")),
    }
}

fn numbers(micros: i64) -> Outcome<[i64; 7]> {
    let time = time_fields(micros)?;
    let date = [i64::from(time.year()), i64::from(time.month()), i64::from(time.day())];
    let [year, month, day] = date;
    let [hour, minute, second] = [time.hour(), time.minute(), time.second()].map(i64::from);
    Ok([year, month, day, hour, minute, second, micros.rem_euclid(1_000_000)])
}

/// What is asked of a missing time is missing itself.
pub(super) fn of_no_time(name: &str) -> Outcome {
    let is_number = is_field(name)
        || matches!(
            name,
            "weekday"
                | "isoweekday"
                | "total_seconds"
                | "days"
                | "seconds"
                | "microseconds"
                | "dayofweek"
                | "quarter"
                | "day_name"
                | "month_name"
        );
    match name {
        _ if is_number => Ok(Value::Float(f64::NAN)),
        "isoformat" => Ok(Value::text("NaT")),
        "date" | "replace" => Ok(Value::NoTime),
        "isocalendar" | "strftime" | "timestamp" => Err(value_error(format!("NaTType does not support {name}"))),
        _ => Err(unknown(format!("`{name}` of a missing time is not known here"))),
    }
}

pub(super) fn attribute(object: &Value, name: &str) -> Outcome {
    if let Value::Delta(micros) = object {
        return Ok(Value::Int(match name {
            "days" => micros.div_euclid(DAY),
            "seconds" => micros.rem_euclid(DAY) / 1_000_000,
            "microseconds" => micros.rem_euclid(1_000_000),
            _ => return Err(unknown(format!("the attribute `{name}` of a span is not known here"))),
        }));
    }
    let fields = numbers(moment(object)?.0)?;
    let mut named = FIELDS.iter().zip(fields);
    match named.find(|(known, _)| **known == name) {
        Some((_, number)) => Ok(Value::Int(number)),
        None => Err(unknown(format!("the attribute `{name}` of a time is not known here"))),
    }
}

fn none(arguments: Arguments) -> Outcome<()> {
    arguments.exactly([]).map(|[]| ())
}

fn name_of(run: &mut Run, object: &Value, arguments: Arguments, is_day: bool) -> Outcome {
    none(arguments)?;
    match run.is_pandas() {
        true => times_of::name_of_time(moment(object)?.0, is_day),
        false => Err(unknown("this method of a datetime is not known here")),
    }
}

/// The same day at midnight.
fn normalize(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    none(arguments)?;
    if !run.is_pandas() {
        return Err(unknown("this method of a datetime is not known here"));
    }
    let (micros, has_zone) = moment(object)?;
    let midnight = micros - micros.rem_euclid(DAY);
    time_fields(midnight)?;
    Ok(match has_zone {
        true => Value::Time(midnight),
        false => Value::NaiveTime(midnight),
    })
}

fn isoformat(_: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    none(arguments)?;
    let (micros, has_zone) = moment(object)?;
    native::shown_time(micros, has_zone, 'T').map(Value::text)
}

fn weekday(_: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    none(arguments)?;
    let time = time_fields(moment(object)?.0)?;
    Ok(Value::Int(native::weekday(time.weekday())))
}

fn strftime(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [form] = arguments.exactly(["format"])?;
    let Value::Text(form) = form else {
        return Err(unknown("strftime() of this is not known here"));
    };
    let (micros, has_zone) = moment(object)?;
    run.hold(form.len() * 6)?;
    native::strftime(micros, has_zone, &form).map(Value::text)
}

/// As Python divides: (days and seconds in microseconds) by a million, once rounded.
fn seconds(micros: i64) -> Outcome {
    match micros.unsigned_abs() <= 1 << 53 {
        true => Ok(Value::Float(micros as f64 / 1e6)),
        false => Err(unknown("times so far away are not known here")),
    }
}

fn timestamp(_: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    none(arguments)?;
    match moment(object)? {
        // A Timestamp of pandas rounds a fraction in another way.
        (micros, true) if micros % 1_000_000 == 0 => seconds(micros),
        // Without a zone it is one in the zone of the machine.
        _ => Err(unknown("the timestamp of this time is not known here")),
    }
}

fn total_seconds(_: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    none(arguments)?;
    match object {
        Value::Delta(micros) => seconds(*micros),
        _ => Err(unknown("this is no span")),
    }
}

fn replace(_: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let (micros, mut has_zone) = moment(object)?;
    let mut fields = numbers(micros)?;
    if !arguments.positional.is_empty() {
        return Err(unknown("this replace() of a time is not known here"));
    }
    for (name, value) in arguments.named {
        let field = FIELDS.iter().position(|known| **known == *name);
        match (field.and_then(|field| fields.get_mut(field)), &value) {
            (Some(field), Value::Int(number)) => *field = *number,
            (None, Value::None) if &*name == "tzinfo" => has_zone = false,
            _ => return Err(unknown("this replace() of a time is not known here")),
        }
    }
    let micros = of_fields(fields).ok_or_else(|| match fields {
        [1..=9999, 1..=12, _, 0..=23, 0..=59, 0..=59, 0..=999_999] => value_error("day is out of range for month"),
        _ => unknown("fields of a time out of their ranges are not known here"),
    })?;
    Ok(if has_zone {
        Value::Time(micros)
    } else {
        Value::NaiveTime(micros)
    })
}
