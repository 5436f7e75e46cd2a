//! Constants of pandas that are times and spans of time, and columns that become times or numbers.
//!
//! What pandas counts in nanoseconds is known as far as these reach, from 1678 to 2261.

use chrono::{Datelike, NaiveDate};

use super::Native;
use crate::column::{Column, Data, NO_TIME, Times, Unit};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

const SECOND: i64 = 1_000_000;
/// Microseconds that fit into 64 bits as nanoseconds.
const MAX_MICROS: i64 = i64::MAX / 1000;

pub(super) static FUNCTIONS: &[Native] = &[
    Native::function("numpy.timedelta64", numpy_span),
    Native::function("pandas.Timedelta", timedelta),
    Native::function("pandas.Timestamp", timestamp),
    Native::function("pandas.to_datetime", to_datetime),
    Native::function("pandas.to_numeric", to_numeric),
];

fn is_utc(zone: Option<&Value>) -> Outcome<bool> {
    match zone {
        None | Some(Value::None) => Ok(false),
        Some(Value::Text(zone)) if &**zone == "UTC" => Ok(true),
        Some(_) => Err(unknown("this zone is not known here")),
    }
}

fn timestamp(_: &mut Run, arguments: Arguments) -> Outcome {
    let [text, zone] = arguments.bind(["ts_input", "tz"])?;
    let is_utc = is_utc(zone.as_ref())?;
    match text {
        Some(Value::Text(text)) => match point_of(&text)? {
            (micros, is_aware) if is_utc || is_aware => Ok(Value::Time(micros)),
            (micros, _) => Ok(Value::NaiveTime(micros)),
        },
        _ => Err(unknown("a Timestamp of this is not known here")),
    }
}

/// The time that a text in the form of ISO names, and whether it names UTC.
///
/// # Errors
/// Unknown for other forms.
pub(crate) fn point_of(text: &str) -> Outcome<(i64, bool)> {
    parse(text).ok_or_else(|| unknown("a time in this form is not known here"))
}

fn parse(text: &str) -> Option<(i64, bool)> {
    if !text.is_ascii() {
        return None;
    }
    let (date, clock) = (text.get(..10)?, text.get(10..)?);
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u32>().ok(),
        false => None,
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || parts.next().is_some() {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, number(month)?, number(day)?)?;
    if !(1678..=2261).contains(&date.year()) {
        return None;
    }
    let midnight = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros();
    if clock.is_empty() {
        return Some((midnight, false));
    }
    let clock = clock.strip_prefix([' ', 'T'])?;
    let (clock, is_aware) = clock.strip_suffix('Z').map_or((clock, false), |clock| (clock, true));
    let (clock, fraction) = clock
        .split_once('.')
        .map_or((clock, None), |(clock, rest)| (clock, Some(rest)));
    let parts: Vec<&str> = clock.split(':').collect();
    let (hour, minute, second) = match parts[..] {
        [hour, minute] if fraction.is_none() => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    if (hour.len(), minute.len(), second.len()) != (2, 2, 2) {
        return None;
    }
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match fraction {
        None => 0,
        Some(digits) if (1..=6).contains(&digits.len()) => number(&format!("{digits:0<6}"))?,
        Some(_) => return None,
    };
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some((midnight + seconds * SECOND + i64::from(micros), is_aware))
}

fn unit_of(name: &str) -> Outcome<i64> {
    Ok(match name {
        "weeks" => 7 * 86_400 * SECOND,
        "D" | "day" | "days" => 86_400 * SECOND,
        "h" | "hour" | "hours" => 3600 * SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * SECOND,
        "s" | "second" | "seconds" => SECOND,
        "ms" | "milliseconds" => 1000,
        "us" | "microseconds" => 1,
        _ => return Err(unknown("this unit of time is not known here")),
    })
}

fn span(count: i64, unit: i64) -> Outcome<i64> {
    let micros = count
        .checked_mul(unit)
        .filter(|micros| micros.unsigned_abs() < MAX_MICROS.unsigned_abs());
    micros.ok_or_else(|| unknown("spans of time of that length are not known here"))
}

/// Whole ones only, of units that are always of the same length.
fn numpy_span(run: &mut Run, arguments: Arguments) -> Outcome {
    let [Value::Int(count), Value::Text(unit)] = arguments.exactly(["value", "unit"])? else {
        return Err(unknown("a timedelta64 of this is not known here"));
    };
    let size = match &*unit {
        "W" => 7 * 86_400 * SECOND,
        "D" => 86_400 * SECOND,
        "h" => 3600 * SECOND,
        "m" => 60 * SECOND,
        "s" => SECOND,
        "ms" => 1000,
        "us" => 1,
        _ => return Err(unknown("this unit of time is not known here")),
    };
    match run.is_pandas() {
        true => Ok(Value::Delta(span(count, size)?)),
        false => Err(unknown("a timedelta64 in python mode is not known here")),
    }
}

fn timedelta(_: &mut Run, arguments: Arguments) -> Outcome {
    let no_span = || unknown("a Timedelta of this is not known here");
    if arguments.positional.is_empty() && !arguments.named.is_empty() {
        let mut all = 0i64;
        for (name, value) in &arguments.named {
            let is_long = name.len() > 3 && name.ends_with('s');
            let Value::Int(count) = value else {
                return Err(no_span());
            };
            if !is_long {
                return Err(no_span());
            }
            all = span(all.checked_add(span(*count, unit_of(name)?)?).ok_or_else(no_span)?, 1)?;
        }
        return Ok(Value::Delta(all));
    }
    match arguments.bind(["value", "unit"])? {
        [Some(Value::Int(count)), Some(Value::Text(unit))] if &*unit != "weeks" => {
            Ok(Value::Delta(span(count, unit_of(&unit)?)?))
        }
        [Some(Value::Text(text)), None] => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let (count, unit) = text.split_at(digits);
            let unit = unit.strip_prefix(' ').unwrap_or(unit);
            match count.parse() {
                Ok(count) if unit != "weeks" => Ok(Value::Delta(span(count, unit_of(unit)?)?)),
                _ => Err(no_span()),
            }
        }
        _ => Err(no_span()),
    }
}

/// The arguments of `to_datetime` that are known. They have places of their own, of which only the first is known.
fn of_names(arguments: Arguments) -> Outcome<[Option<Value>; 5]> {
    match arguments.positional.len() > 1 {
        true => Err(unknown("these arguments of to_datetime() are not known here")),
        false => arguments.bind(["arg", "errors", "utc", "unit", "format"]),
    }
}

/// Of numbers by their unit, or of texts.
fn to_datetime(run: &mut Run, arguments: Arguments) -> Outcome {
    let [values, errors, utc, unit, format] = of_names(arguments)?;
    if !run.is_pandas() {
        return Err(unknown("to_datetime() in python mode is not known here"));
    }
    if unit.is_none() {
        return super::time_texts::to_datetime(run, values, errors, utc, format);
    }
    if errors.is_some() || format.is_some() {
        return Err(unknown("to_datetime() of numbers in this way is not known here"));
    }
    let unit = match unit {
        Some(Value::Text(unit)) if matches!(&*unit, "s" | "ms" | "us") => unit_of(&unit)?,
        _ => return Err(unknown("to_datetime() of these values is not known here")),
    };
    let Some(Value::Series(column)) = values else {
        return Err(unknown("to_datetime() of this is not known here"));
    };
    run.make(column.len())?;
    run.step(column.len())?;
    let Data::Int(numbers) = &column.data else {
        return Err(unknown("to_datetime() of a column of this kind is not known here"));
    };
    let times = numbers
        .iter()
        .map(|number| span(*number, unit))
        .collect::<Outcome<Vec<i64>>>()?;
    Ok(Value::series(Column::from(match utc {
        None | Some(Value::Bool(false)) => Data::NaiveTime(Times::new(times, Some(Unit::Nano))),
        Some(Value::Bool(true)) => Data::Time(Times::new(times, Some(Unit::Nano))),
        Some(_) => return Err(unknown("this `utc` is not known here")),
    })))
}

/// A text as a number, as far as this is known.
enum Number {
    Int(i64),
    Float(f64),
    None,
}

fn to_numeric(run: &mut Run, arguments: Arguments) -> Outcome {
    let [values, errors] = arguments.bind(["arg", "errors"])?;
    let coerces = match &errors {
        None => false,
        Some(Value::Text(errors)) if &**errors == "raise" => false,
        Some(Value::Text(errors)) if &**errors == "coerce" => true,
        Some(_) => return Err(unknown("this `errors` of to_numeric() is not known here")),
    };
    let Some(Value::Series(column)) = values else {
        return Err(unknown("to_numeric() of this is not known here"));
    };
    run.make(column.len().saturating_mul(2))?;
    run.step(column.len())?;
    let objects = match &column.data {
        Data::Int(_) | Data::Float(_) => return Ok(Value::Series(column)),
        Data::Object(objects) if !objects.is_empty() => objects,
        _ => return Err(unknown("to_numeric() of a column of this kind is not known here")),
    };
    let mut numbers = Vec::with_capacity(objects.len());
    for value in objects {
        numbers.push(match value {
            value if value.is_missing() => Number::None,
            Value::Text(text) => {
                run.step(text.len() / 8)?;
                match number_of(text)? {
                    Number::None if !coerces => return Err(unknown("to_numeric() of such a text is not known here")),
                    number => number,
                }
            }
            _ => return Err(unknown("to_numeric() of these objects is not known here")),
        });
    }
    let ints: Option<Vec<i64>> = numbers
        .iter()
        .map(|number| {
            if let Number::Int(int) = number {
                Some(*int)
            } else {
                None
            }
        })
        .collect();
    Ok(Value::series(Column::from(match ints {
        Some(ints) => Data::Int(ints),
        None => Data::Float(
            numbers
                .into_iter()
                .map(|number| match number {
                    Number::Int(int) => int as f64,
                    Number::Float(float) => float,
                    Number::None => f64::NAN,
                })
                .collect(),
        ),
    })))
}

/// Of 15 digits at most, which pandas reads without rounding twice; or a text that cannot be a number.
fn number_of(text: &str) -> Outcome<Number> {
    let is_possible =
        |it: char| it.is_ascii_digit() || it.is_whitespace() || "+-.,_eExXoO'\"infatyINFATYuUlLjJsSrR\0".contains(it);
    if text.is_empty() || !text.chars().all(is_possible) {
        return Ok(Number::None);
    }
    let not_known = || unknown("to_numeric() of such a text is not known here");
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !fraction.is_none_or(all_digits) || digits.len() > 16 {
        return Err(not_known());
    }
    match fraction {
        // A zero with a sign stays one only where there is a fraction.
        None if whole.len() <= 15 => text.parse().map(Number::Int).map_err(|_| not_known()),
        None => Err(not_known()),
        Some(_) => text.parse().map(Number::Float).map_err(|_| not_known()),
    }
}

/// What is counted in nanoseconds may be no further away.
pub(crate) fn check_reach(times: &[i64]) -> Outcome<()> {
    let is_near = |micros: &i64| *micros == NO_TIME || micros.unsigned_abs() < MAX_MICROS.unsigned_abs();
    match times.iter().all(is_near) {
        true => Ok(()),
        false => Err(unknown("times so far away are not known here")),
    }
}
