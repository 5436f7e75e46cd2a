//! Attributes and methods of `timedelta` and `datetime`.

use feast_model::Timestamp;

use super::super::duration::{Duration, true_quotient};
use super::super::value::{CallArguments, Value};

/// `days`, `seconds` and `microseconds` of a `timedelta`.
pub(crate) fn duration_attribute(duration: Duration, name: &str) -> Option<Value> {
    let (days, seconds, micros) = duration.parts();
    let part = match name {
        "days" => days,
        "seconds" => seconds,
        "microseconds" => micros,
        _ => return None,
    };
    i64::try_from(part).ok().map(Value::Integer)
}

pub(super) fn of_duration(duration: Duration, name: &str) -> Option<Value> {
    match name {
        "total_seconds" => true_quotient(duration.micros(), 1_000_000).map(Value::Float),
        "to_pytimedelta" if duration.is_pandas() => Some(Value::Duration(duration.to_python())),
        _ => None,
    }
}

/// `year` to `microsecond` of a `datetime`.
pub(crate) fn moment_attribute(micros: i64, name: &str) -> Option<Value> {
    let text = Timestamp::from_micros(micros).to_python();
    let part = match name {
        "year" => text.get(..4),
        "month" => text.get(5..7),
        "day" => text.get(8..10),
        "hour" => text.get(11..13),
        "minute" => text.get(14..16),
        "second" => text.get(17..19),
        "microsecond" => return Some(Value::Integer(micros.rem_euclid(1_000_000))),
        _ => return None,
    };
    part?.parse().ok().map(Value::Integer)
}

pub(super) fn of_moment(micros: i64, name: &str, arguments: &CallArguments) -> Option<Value> {
    // `2026-05-17 08:30:00+00:00`
    let text = Timestamp::from_micros(micros).to_python();
    let (date, time) = (text.get(..10)?, text.get(11..19)?);
    match (name, arguments.positional.first()) {
        ("isoformat", None) if micros % 1_000_000 == 0 => Some(Value::text(format!("{date}T{time}"))),
        ("strftime", Some(Value::Text(form))) => {
            let mut answer = String::new();
            let mut characters = form.chars();
            while let Some(character) = characters.next() {
                if character != '%' {
                    answer.push(character);
                    continue;
                }
                answer.push_str(match characters.next()? {
                    'Y' => &date[..4],
                    'm' => &date[5..7],
                    'd' => &date[8..],
                    'H' => &time[..2],
                    'M' => &time[3..5],
                    'S' => &time[6..],
                    'F' => date,
                    'T' => time,
                    '%' => "%",
                    _ => return None,
                });
            }
            Some(Value::text(answer))
        }
        _ => None,
    }
}
