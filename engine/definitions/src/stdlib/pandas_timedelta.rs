//! `pandas.Timedelta` and `pandas.to_timedelta`, as far as all versions of pandas agree.

use crate::context::Site;
use crate::error::{Evaluated, Raised};
use crate::value::{CallArguments, DAY, HOUR, MINUTE, SECOND, TimeDelta, Value};

/// Nanoseconds of a microsecond.
const MICRO: i128 = 1_000;

/// Names of the units in lower case, and their nanoseconds.
const UNITS: [(&str, i128); 8] = [
    ("w", 7 * DAY * MICRO),
    ("d day days", DAY * MICRO),
    ("h hr hour hours", HOUR * MICRO),
    ("m t min minute minutes", MINUTE * MICRO),
    ("s sec second seconds", SECOND * MICRO),
    ("ms l milli millis millisecond milliseconds", 1_000_000),
    ("us µs u micro micros microsecond microseconds", 1_000),
    ("ns n nano nanos nanosecond nanoseconds", 1),
];

const KEYWORDS: [&str; 8] = [
    "weeks",
    "days",
    "hours",
    "minutes",
    "seconds",
    "milliseconds",
    "microseconds",
    "nanoseconds",
];

/// `None` when the result is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    if let Some(opaque) = arguments.values().find(|value| matches!(value, Value::Opaque(_))) {
        return Ok(Some(opaque.clone()));
    }
    let positional = &arguments.positional;
    let first = if name == "pandas.to_timedelta" { "arg" } else { "value" };
    let value = positional.first().or_else(|| arguments.named(first));
    let unit = positional.get(1).or_else(|| arguments.named("unit"));
    let delta = match value {
        Some(value) => from_value(value, unit),
        None if name == "pandas.Timedelta" => from_parts(arguments),
        None => Ok(None),
    };
    Ok(site.raised(delta)?.map(Value::TimeDelta))
}

fn from_value(value: &Value, unit: Option<&Value>) -> Result<Option<TimeDelta>, Raised> {
    let unit = match unit {
        None | Some(Value::None) => None,
        Some(unit) => match unit.as_str() {
            Some(string) => Some(string),
            None => return Ok(None),
        },
    };
    let nanos = || unit.as_ref().map_or(Ok(Some(1)), |unit| nanos_of_unit(unit));
    match value {
        Value::Str(_) if unit.is_some() => Err((
            "ValueError",
            "unit must not be specified if the value is a str".to_owned(),
        )),
        Value::Str(string) => match parse_nanos(string)? {
            Some(nanos) => TimeDelta::pandas(nanos),
            None => Ok(None),
        },
        Value::Int(number) => match nanos()? {
            Some(nanos) => TimeDelta::pandas(i128::from(*number) * nanos),
            None => Ok(None),
        },
        Value::Float(number) if number.is_infinite() => Err(("OverflowError", format!("cannot cast {number} to ns"))),
        Value::Float(number) => match nanos()? {
            Some(nanos) => from_float(*number, nanos),
            None => Ok(None),
        },
        Value::Bool(_) => Err((
            "ValueError",
            "Value must be Timedelta, string, integer, float, timedelta or convertible, not bool".to_owned(),
        )),
        // One that nanoseconds cannot hold has another unit.
        Value::TimeDelta(delta) if unit.is_none() => Ok(TimeDelta::pandas(delta.micros() * 1_000).unwrap_or(None)),
        _ => Ok(None),
    }
}

/// A float of a unit, by its shortest notation; `None` where that is not a whole number of microseconds.
fn from_float(number: f64, nanos: i128) -> Result<Option<TimeDelta>, Raised> {
    if number.is_nan() || number.abs() > 1e15 {
        return Ok(None);
    }
    let string = number.abs().to_string();
    let Some(total) = scaled(&string, nanos) else {
        return Ok(None);
    };
    TimeDelta::pandas(if number < 0.0 { -total } else { total })
}

/// A decimal number times the nanoseconds of a unit; `None` where that is not a whole number.
fn scaled(number: &str, nanos: i128) -> Option<i128> {
    const MAX_DIGITS: usize = 18;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > MAX_DIGITS || fraction.len() > MAX_DIGITS {
        return None;
    }
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let parts = fraction * nanos;
    (parts % scale == 0).then_some(whole.parse::<i128>().ok()? * nanos + parts / scale)
}

/// The nanoseconds of a unit; `None` for one that is not known here.
///
/// # Errors
/// For one that pandas refuses.
fn nanos_of_unit(unit: &str) -> Result<Option<i128>, Raised> {
    if matches!(unit, "M" | "Y" | "y") {
        let message = "Units 'M', 'Y' and 'y' do not represent unambiguous timedelta values and are not supported.";
        return Err(("ValueError", message.to_owned()));
    }
    let lower = unit.to_lowercase();
    let known = UNITS
        .iter()
        .find(|(names, _)| names.split(' ').any(|name| name == lower));
    match known {
        Some((_, nanos)) => Ok(Some(*nanos)),
        None => Err(("ValueError", format!("invalid unit abbreviation: {unit}"))),
    }
}

/// `1 day`, `1 days 02:30:00`, `1h30m`, `P7D`; `None` for forms that are not computed.
fn parse_nanos(string: &str) -> Result<Option<i128>, Raised> {
    let string = string.trim();
    if let Some(period) = string.strip_prefix('P') {
        return Ok(nanos_of_period(period));
    }
    let (is_negative, mut rest) = match string.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, string.strip_prefix('+').unwrap_or(string)),
    };
    let mut total: i128 = 0;
    if rest.is_empty() {
        return Ok(None);
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|next: char| !next.is_ascii_digit() && next != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if after.starts_with(':') {
            // After a sign, pandas takes a time of day for the opposite one.
            let clock = parse_clock(rest).filter(|_| !is_negative);
            return Ok(clock.map(|clock| total.saturating_add(clock)));
        }
        let after = after.trim_start();
        let letters = after.find(|next: char| !next.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        if number.is_empty() || unit.is_empty() {
            return Ok(None);
        }
        let Some(nanos) = nanos_of_unit(unit)?.and_then(|nanos| scaled(number, nanos)) else {
            return Ok(None);
        };
        total = total.saturating_add(nanos);
        rest = after.trim_start_matches([' ', ',']);
    }
    Ok(Some(if is_negative { -total } else { total }))
}

/// `HH:MM:SS` with a fraction of seconds.
fn parse_clock(string: &str) -> Option<i128> {
    let parts: Vec<&str> = string.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else {
        return None;
    };
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !parts.iter().all(|part| is_plain(part)) {
        return None;
    }
    Some(scaled(hours, HOUR * MICRO)? + scaled(minutes, MINUTE * MICRO)? + scaled(seconds, SECOND * MICRO)?)
}

/// What follows the `P` of an ISO 8601 duration, in whole numbers.
fn nanos_of_period(period: &str) -> Option<i128> {
    let (date, time) = period.split_once('T').unwrap_or((period, ""));
    let mut total: i128 = 0;
    for (string, units) in [
        (date, [('W', 0), ('D', 1)].as_slice()),
        (time, &[('H', 2), ('M', 3), ('S', 4)]),
    ] {
        let mut rest = string;
        let mut units = units.iter();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letter = rest[digits..].chars().next()?;
            let (_, unit) = units.find(|(known, _)| *known == letter)?;
            total += scaled(&rest[..digits], UNITS[*unit].1)?;
            rest = &rest[digits + 1..];
        }
    }
    (!period.is_empty() && !period.ends_with('T')).then_some(total)
}

/// `Timedelta(days=1, hours=2)`.
fn from_parts(arguments: &CallArguments) -> Result<Option<TimeDelta>, Raised> {
    let unknown = arguments
        .named
        .iter()
        .any(|(name, _)| !KEYWORDS.contains(&name.as_str()));
    if unknown || arguments.named.is_empty() {
        let message = "cannot construct a Timedelta without a value/unit or descriptive keywords (days,seconds....)";
        return Err(("ValueError", message.to_owned()));
    }
    let part = |name: &str| match arguments.named(name) {
        None => Ok(Some(Part::Integer(0))),
        Some(Value::Int(number)) => Ok(Some(Part::Integer(i128::from(*number)))),
        Some(Value::Float(number)) if number.is_finite() => Ok(Some(Part::Float(*number))),
        Some(Value::Float(number)) if number.is_nan() => {
            Err(("ValueError", "cannot convert float NaN to integer".to_owned()))
        }
        Some(Value::Float(_)) => Err(("OverflowError", "cannot convert float infinity to integer".to_owned())),
        Some(other) => Err((
            "TypeError",
            format!("Invalid type <class '{}'>. Must be int or float.", other.type_name()),
        )),
    };
    let mut parts = Vec::with_capacity(KEYWORDS.len());
    for name in KEYWORDS {
        match part(name)? {
            Some(part) => parts.push(part),
            None => return Ok(None),
        }
    }
    let [weeks, days, hours, minutes, seconds, millis, micros, nanos] = parts.as_slice() else {
        return Ok(None);
    };
    // The order of pandas, which matters for floats.
    let days = days.plus(weeks.times(7));
    let seconds = days
        .times(24)
        .plus(*hours)
        .times(3_600)
        .plus(minutes.times(60))
        .plus(*seconds);
    let total = [
        seconds.times(1_000_000_000),
        millis.times(1_000_000),
        micros.times(1_000),
        *nanos,
    ];
    let mut sum: i128 = 0;
    for part in total {
        sum += part.truncated()?;
    }
    TimeDelta::pandas(sum)
}

/// A number of a unit, computed as Python does.
#[derive(Clone, Copy)]
enum Part {
    Integer(i128),
    Float(f64),
}

impl Part {
    fn to_float(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Self::Integer(left + right),
            (left, right) => Self::Float(left.to_float() + right.to_float()),
        }
    }

    fn times(self, factor: i128) -> Self {
        match self {
            Self::Integer(number) => Self::Integer(number * factor),
            Self::Float(number) => Self::Float(number * factor as f64),
        }
    }

    fn truncated(self) -> Result<i128, Raised> {
        match self {
            Self::Integer(number) => Ok(number),
            Self::Float(number) if number.abs() < 1e30 => Ok(number.trunc() as i128),
            Self::Float(_) => Err(("OverflowError", "cannot convert float infinity to integer".to_owned())),
        }
    }
}
