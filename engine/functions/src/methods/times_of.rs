//! `series.dt`: the parts of times, and times cut off, of a column.
//!
//! A part beside a missing time is a float, a flag of one is false. Times outside of the years that calendars know are unknown.

use std::rc::Rc;

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::{Table, strftime_of};
use crate::column::{Column, Data, NO_TIME, Times};
use crate::native::check_reach;
use crate::program::Text;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, Stop, raised, type_error, unknown};
use crate::value::{ExceptionClass, Frame, Value};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
pub(super) const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const METHODS: Table = &[
    ("ceil", |run, object, arguments| {
        rounded(
            run,
            object,
            arguments,
            |rest, unit, _| if rest == 0 { 0 } else { unit - rest },
        )
    }),
    ("day_name", |run, object, arguments| {
        named(run, object, arguments, |time| DAYS.get(weekday(time)).copied())
    }),
    ("floor", |run, object, arguments| {
        rounded(run, object, arguments, |rest, _, _| -rest)
    }),
    ("isocalendar", isocalendar),
    ("month_name", |run, object, arguments| {
        named(run, object, arguments, |time| {
            MONTHS.get(time.month0() as usize).copied()
        })
    }),
    ("normalize", normalize),
    ("round", |run, object, arguments| {
        rounded(run, object, arguments, to_even)
    }),
    ("strftime", strftime_of::strftime),
    ("total_seconds", total_seconds),
    ("tz_convert", tz_convert),
    ("tz_localize", tz_localize),
];

/// `series.dt`.
///
/// # Errors
/// What Python raises for a column of anything else.
pub(super) fn of(column: &Rc<Column>) -> Outcome {
    match &column.data {
        Data::Time(_) | Data::NaiveTime(_) | Data::Delta(_) => Ok(Value::TimesOf(Rc::clone(column))),
        _ => Err(raised(
            ExceptionClass::of("AttributeError"),
            "Can only use .dt accessor with datetimelike values",
        )),
    }
}

/// `series.dt.name`.
pub(super) fn part(run: &mut Run, column: &Rc<Column>, name: &Text) -> Outcome {
    run.make(column.len())?;
    run.step(column.len())?;
    let data = match &column.data {
        Data::Delta(spans) => span_part(spans, name)?,
        Data::Time(times) | Data::NaiveTime(times) => match part_of(name) {
            Some(Part::Number(number)) => numbers(times, number)?,
            Some(Part::Flag(flag)) => Data::Bool(each(times, false, |time| Ok(flag(time)))?),
            None => return Err(unknown(format!("the attribute `{name}` of `.dt` is not known here"))),
        },
        _ => return Err(unknown("`.dt` of this column is not known here")),
    };
    Ok(Value::series(Column::from(data)))
}

pub(super) type Moment = DateTime<Utc>;

enum Part {
    Number(fn(&Moment) -> u32),
    Flag(fn(&Moment) -> bool),
}

pub(super) fn weekday(time: &Moment) -> usize {
    time.weekday().num_days_from_monday() as usize
}

fn part_of(name: &str) -> Option<Part> {
    Some(match name {
        "hour" => Part::Number(Timelike::hour),
        "minute" => Part::Number(Timelike::minute),
        "second" => Part::Number(Timelike::second),
        "microsecond" => Part::Number(|time| time.timestamp_subsec_micros()),
        "day" => Part::Number(Datelike::day),
        "month" => Part::Number(Datelike::month),
        "year" => Part::Number(|time| time.year().unsigned_abs()),
        "dayofweek" | "day_of_week" | "weekday" => Part::Number(|time| time.weekday().num_days_from_monday()),
        "dayofyear" | "day_of_year" => Part::Number(Datelike::ordinal),
        "quarter" => Part::Number(|time| time.month0() / 3 + 1),
        "days_in_month" | "daysinmonth" => Part::Number(days_in_month),
        "is_month_start" => Part::Flag(|time| time.day() == 1),
        "is_month_end" => Part::Flag(|time| time.day() == days_in_month(time)),
        "is_year_start" => Part::Flag(|time| time.ordinal() == 1),
        "is_year_end" => Part::Flag(|time| time.month() == 12 && time.day() == 31),
        "is_leap_year" => Part::Flag(is_leap),
        _ => return None,
    })
}

/// `time.name` of a Timestamp alone.
pub(super) fn part_of_time(micros: i64, name: &str) -> Option<Outcome> {
    // These are methods there.
    if matches!(name, "weekday") {
        return None;
    }
    let part = part_of(name)?;
    Some(moment(micros).map(|time| match part {
        Part::Number(number) => Value::Int(i64::from(number(&time))),
        Part::Flag(flag) => Value::Bool(flag(&time)),
    }))
}

/// `time.day_name()` and `time.month_name()` of a Timestamp alone.
pub(super) fn name_of_time(micros: i64, is_day: bool) -> Outcome {
    let time = moment(micros)?;
    let name = match is_day {
        true => DAYS.get(weekday(&time)),
        false => MONTHS.get(time.month0() as usize),
    };
    name.map(Value::text)
        .ok_or_else(|| unknown("this name is not known here"))
}

fn is_leap(time: &Moment) -> bool {
    let year = time.year();
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(time: &Moment) -> u32 {
    match time.month() {
        2 if is_leap(time) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// # Errors
/// Unknown outside of the years that Python's own calendar has.
fn moment(micros: i64) -> Outcome<Moment> {
    DateTime::from_timestamp_micros(micros)
        .filter(|time| (1..=9999).contains(&time.year()))
        .ok_or_else(|| unknown("times so far away are not known here"))
}

/// A value for each time, and one for what is missing.
fn each<T: Clone>(times: &[i64], missing: T, value: impl Fn(&Moment) -> Outcome<T>) -> Outcome<Vec<T>> {
    let value = |micros: &i64| match *micros {
        NO_TIME => Ok(missing.clone()),
        micros => value(&moment(micros)?),
    };
    times.iter().map(value).collect()
}

fn numbers(times: &[i64], number: fn(&Moment) -> u32) -> Outcome<Data> {
    if times.contains(&NO_TIME) {
        return Ok(Data::Float(each(times, f64::NAN, |time| Ok(f64::from(number(time))))?));
    }
    let small = |time: &Moment| i32::try_from(number(time)).map_err(|_| unknown("a part of a time is too large"));
    Ok(Data::Int32(each(times, 0, small)?))
}

fn span_part(spans: &[i64], name: &str) -> Outcome<Data> {
    let number: fn(i64) -> i64 = match name {
        "days" => |micros| micros.div_euclid(DAY),
        "seconds" => |micros| micros.rem_euclid(DAY) / SECOND,
        "microseconds" => |micros| micros.rem_euclid(SECOND),
        _ => return Err(unknown(format!("the attribute `{name}` of `.dt` is not known here"))),
    };
    if spans.contains(&NO_TIME) {
        let float = |micros: &i64| {
            if *micros == NO_TIME {
                f64::NAN
            } else {
                number(*micros) as f64
            }
        };
        return Ok(Data::Float(spans.iter().map(float).collect()));
    }
    let all = spans.iter().map(|micros| number(*micros));
    Ok(match name {
        "days" => Data::Int(all.collect()),
        _ => Data::Int32(all.map(|number| i32::try_from(number).unwrap_or(0)).collect()),
    })
}

/// The column of a method, which is paid for.
pub(super) fn column_of<'a>(run: &mut Run, object: &'a Value) -> Outcome<&'a Data> {
    match object {
        Value::TimesOf(column) => {
            run.make(column.len().saturating_mul(2))?;
            run.step(column.len())?;
            Ok(&column.data)
        }
        other => Err(unknown(format!("{} is no `.dt`", other.type_name()))),
    }
}

fn no_such_method() -> Stop {
    unknown("this method of `.dt` of such a column is not known here")
}

pub(super) fn times_of(data: &Data) -> Outcome<&Times> {
    match data {
        Data::Time(times) | Data::NaiveTime(times) => Ok(times),
        _ => Err(no_such_method()),
    }
}

/// Other times of the same kind.
fn with(data: &Data, times: Vec<i64>) -> Outcome {
    Ok(Value::series(Column::from(match data {
        Data::Time(before) => Data::Time(before.with(times)),
        Data::NaiveTime(before) => Data::NaiveTime(before.with(times)),
        _ => return Err(no_such_method()),
    })))
}

/// The half goes to the even multiple.
fn to_even(rest: i64, unit: i64, quotient: i64) -> i64 {
    match (rest * 2).cmp(&unit) {
        std::cmp::Ordering::Less => -rest,
        std::cmp::Ordering::Greater => unit - rest,
        std::cmp::Ordering::Equal if quotient % 2 == 0 => -rest,
        std::cmp::Ordering::Equal => unit - rest,
    }
}

/// `change` says by how much, of what is beyond a multiple of the unit.
fn rounded(run: &mut Run, object: &Value, arguments: Arguments, change: fn(i64, i64, i64) -> i64) -> Outcome {
    let [unit] = arguments.exactly(["freq"])?;
    let unit = match &unit {
        Value::Text(name) => match &**name {
            "D" => DAY,
            "h" => 3600 * SECOND,
            "min" => 60 * SECOND,
            "s" => SECOND,
            _ => return Err(unknown("this unit of time is not known here")),
        },
        _ => return Err(unknown("this unit of time is not known here")),
    };
    let data = column_of(run, object)?;
    to_unit(data, unit, change)
}

fn to_unit(data: &Data, unit: i64, change: fn(i64, i64, i64) -> i64) -> Outcome {
    let value = |micros: &i64| match *micros {
        NO_TIME => Ok(NO_TIME),
        micros => {
            moment(micros)?;
            let result = micros + change(micros.rem_euclid(unit), unit, micros.div_euclid(unit));
            // Times that are counted in nanoseconds do not reach beyond these.
            match check_reach(&[micros]).is_ok() == check_reach(&[result]).is_ok() {
                true => Ok(result),
                false => Err(unknown("times so far away are not known here")),
            }
        }
    };
    with(data, times_of(data)?.iter().map(value).collect::<Outcome<_>>()?)
}

fn normalize(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let data = column_of(run, object)?;
    to_unit(data, DAY, |rest, _, _| -rest)
}

/// A frame of years, weeks and days of the week.
fn isocalendar(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let data = column_of(run, object)?;
    let times = times_of(data)?;
    if times.contains(&NO_TIME) {
        return Err(unknown("the calendar of a missing time is not known here"));
    }
    run.make(times.len().saturating_mul(3))?;
    let mut frame = Frame::with_rows(times.len());
    for name in ["year", "week", "day"] {
        let part = |time: &Moment| match name {
            "year" => time.iso_week().year().unsigned_abs(),
            "week" => time.iso_week().week(),
            _ => time.weekday().number_from_monday(),
        };
        let numbers = each(times, 0, |time| Ok(part(time)))?;
        frame.set(Text::from(name), Rc::new(Column::from(Data::UInt32(numbers))));
    }
    Ok(Value::frame(frame))
}

pub(super) fn objects(data: &Data, value: impl Fn(&Moment) -> Outcome) -> Outcome {
    let values = each(times_of(data)?, Value::Float(f64::NAN), value)?;
    Ok(Value::series(Column::from(Data::Object(values))))
}

fn named(run: &mut Run, object: &Value, arguments: Arguments, name: fn(&Moment) -> Option<&'static str>) -> Outcome {
    let [] = arguments.bind([])?;
    let data = column_of(run, object)?;
    objects(data, |time| {
        name(time)
            .map(Value::text)
            .ok_or_else(|| unknown("this name is not known here"))
    })
}

fn total_seconds(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let Data::Delta(spans) = column_of(run, object)? else {
        return Err(no_such_method());
    };
    let seconds = |micros: &i64| match *micros {
        NO_TIME => Ok(f64::NAN),
        micros if micros.unsigned_abs() <= 1 << 53 => Ok(micros as f64 / 1e6),
        _ => Err(unknown("spans of time of that length are not known here")),
    };
    let seconds = spans.iter().map(seconds).collect::<Outcome<_>>()?;
    Ok(Value::series(Column::from(Data::Float(seconds))))
}

fn tz_localize(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [zone] = arguments.exactly(["tz"])?;
    let data = match (column_of(run, object)?, &zone) {
        (Data::Time(times) | Data::NaiveTime(times), Value::None) => Data::NaiveTime(times.clone()),
        (Data::NaiveTime(times), Value::Text(zone)) if &**zone == "UTC" => Data::Time(times.clone()),
        (Data::Time(_), Value::Text(zone)) if &**zone == "UTC" => {
            return Err(type_error("Already tz-aware, use tz_convert to convert."));
        }
        _ => return Err(unknown("this zone is not known here")),
    };
    Ok(Value::series(Column::from(data)))
}

fn tz_convert(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [zone] = arguments.exactly(["tz"])?;
    let data = match (column_of(run, object)?, &zone) {
        (Data::Time(times), Value::None) => Data::NaiveTime(times.clone()),
        (Data::Time(times), Value::Text(zone)) if &**zone == "UTC" => Data::Time(times.clone()),
        _ => return Err(unknown("this zone is not known here")),
    };
    Ok(Value::series(Column::from(data)))
}
