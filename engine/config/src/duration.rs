//! Durations as settings have them: whole seconds as a number, or `500ms`, `90s`, `15m`, `12h`, `1d`.

use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

/// A hundred years: more is a mistake.
const MAX_SECONDS: u64 = 100 * 365 * 86_400;

/// The value of `block.key`, if it is there.
///
/// # Errors
/// `Invalid`, naming key and value.
pub(super) fn duration_at(root: &Value, block: &str, key: &str) -> Result<Option<Duration>> {
    let value = match root.get(block).and_then(|block| block.get(key)) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let duration = match value {
        Value::Number(number) => number.as_u64().map(Duration::from_secs),
        Value::String(string) => parse_duration(string),
        _ => None,
    };
    match duration {
        Some(duration) if duration <= Duration::from_secs(MAX_SECONDS) => Ok(Some(duration)),
        Some(_) => Err(Error::invalid(format!(
            "{block}.{key} must be at most {} days, not {value}",
            MAX_SECONDS / 86_400
        ))),
        None => Err(Error::invalid(format!(
            "{block}.{key} must be a whole number of seconds or a string such as \"500ms\", \"90s\", \"15m\", \"12h\" or \"1d\", not {value}"
        ))),
    }
}

/// A duration as it would be written in the settings, in the largest unit that fits: `1d`, `36h`, `90s`, `1500ms`.
pub fn format_duration(duration: Duration) -> String {
    if duration.subsec_millis() != 0 {
        return format!("{}ms", duration.as_millis());
    }
    let seconds = duration.as_secs();
    let units = [(86_400, 'd'), (3600, 'h'), (60, 'm')];
    let fitting = units
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (unit, letter) = fitting.unwrap_or((1, 's'));
    format!("{}{letter}", seconds / unit)
}

fn parse_duration(string: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
    ];
    let string = string.trim();
    let with_unit = |(unit, millis)| string.strip_suffix(unit).map(|digits| (digits.trim_end(), millis));
    let (digits, millis) = UNITS.into_iter().find_map(with_unit)?;
    // Rust reads a sign too.
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| is_number)?;
    Some(Duration::from_millis(count.saturating_mul(millis)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: &Value, expected: &str) {
        let root = json!({ "serving": { "drop_after": value } });
        let answer = match duration_at(&root, "serving", "drop_after") {
            Ok(None) => "none".to_owned(),
            Ok(Some(duration)) => duration.as_secs_f64().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(answer.starts_with(expected), "{value}: {answer}");
    }

    #[test]
    fn numbers_are_seconds_and_strings_have_units() {
        check(&json!(90), "90");
        check(&json!(0), "0");
        check(&json!("90s"), "90");
        check(&json!(" 15 m "), "900");
        check(&json!("12h"), "43200");
        check(&json!("250ms"), "0.25");
        check(&json!("1d"), "86400");
        check(&Value::Null, "none");
    }

    #[test]
    fn spans_are_written_as_they_are_read() {
        for text in ["0s", "1500ms", "1s", "90s", "15m", "36h", "1d", "400d"] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(format_duration(duration), text);
        }
    }

    #[test]
    fn other_values_are_named_with_their_key() {
        for value in [
            json!("90"),
            json!(""),
            json!("s"),
            json!("-1s"),
            json!("+1s"),
            json!("1.5h"),
            json!("1w"),
            json!("1é"),
            json!(-1),
            json!(1.5),
            json!(true),
            json!([1]),
        ] {
            check(
                &value,
                "serving.drop_after must be a whole number of seconds or a string such as",
            );
        }
        check(
            &json!("36501d"),
            "serving.drop_after must be at most 36500 days, not \"36501d\"",
        );
        check(
            &json!("99999999999999999999d"),
            "serving.drop_after must be a whole number",
        );
        check(&json!(u64::MAX), "serving.drop_after must be at most 36500 days");
    }
}
