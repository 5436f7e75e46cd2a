//! Attributes and methods of `timedelta` and `datetime`.

use crate::value::{CallArguments, DateTimeParts, TimeDelta, Value, true_quotient};

/// `days`, `seconds` and `microseconds` of a `timedelta`.
pub(crate) fn timedelta_attribute(delta: TimeDelta, name: &str) -> Option<Value> {
    let (days, seconds, micros) = delta.parts();
    let part = match name {
        "days" => days,
        "seconds" => seconds,
        "microseconds" => micros,
        _ => return None,
    };
    i64::try_from(part).ok().map(Value::Int)
}

pub(super) fn timedelta_method(delta: TimeDelta, name: &str) -> Option<Value> {
    match name {
        "total_seconds" => true_quotient(delta.micros(), 1_000_000).map(Value::Float),
        "to_pytimedelta" if delta.is_pandas() => Some(Value::TimeDelta(delta.to_python())),
        _ => None,
    }
}

/// `year` to `microsecond` of a `datetime`.
pub(crate) fn datetime_attribute(micros: i64, name: &str) -> Option<Value> {
    let parts = DateTimeParts::from_micros(micros)?;
    let part = match name {
        "year" => parts.year,
        "month" => parts.month,
        "day" => parts.day,
        "hour" => parts.hour,
        "minute" => parts.minute,
        "second" => parts.second,
        "microsecond" => parts.microsecond,
        _ => return None,
    };
    Some(Value::Int(part))
}

pub(super) fn datetime_method(micros: i64, name: &str, arguments: &CallArguments) -> Option<Value> {
    let parts = DateTimeParts::from_micros(micros)?;
    match (name, arguments.positional.first()) {
        ("isoformat", None) if parts.microsecond == 0 => Some(Value::str(format!("{}T{}", parts.date(), parts.time()))),
        ("strftime", Some(Value::Str(form))) => strftime(parts, form).map(Value::str),
        _ => None,
    }
}

/// `strftime` with the usual directives; `None` for the rest, and for years whose digits the platforms of Python pad differently.
fn strftime(parts: DateTimeParts, form: &str) -> Option<String> {
    let mut string = String::new();
    let mut characters = form.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            string.push(character);
            continue;
        }
        string += &match characters.next()? {
            'Y' | 'F' if parts.year < 1_000 => return None,
            'Y' => format!("{:04}", parts.year),
            'm' => format!("{:02}", parts.month),
            'd' => format!("{:02}", parts.day),
            'H' => format!("{:02}", parts.hour),
            'M' => format!("{:02}", parts.minute),
            'S' => format!("{:02}", parts.second),
            'F' => parts.date(),
            'T' => parts.time(),
            '%' => "%".to_owned(),
            _ => return None,
        };
    }
    Some(string)
}
