//! Attributes and methods of `timedelta` and `datetime`.

use feast_engine::model::Timestamp;

use super::super::value::{CallArguments, Value};

/// `days`, `seconds` and `microseconds` of a `timedelta`, which are normalized as in Python.
pub(in crate::definitions) fn duration_attribute(micros: i64, name: &str) -> Option<Value> {
    const DAY: i64 = 86_400_000_000;
    let rest = micros.rem_euclid(DAY);
    Some(Value::Integer(match name {
        "days" => micros.div_euclid(DAY),
        "seconds" => rest / 1_000_000,
        "microseconds" => rest % 1_000_000,
        _ => return None,
    }))
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
