//! `datetime` and `timedelta`.

use crate::context::Site;
use crate::error::{Evaluated, Raised};
use crate::value::{CallArguments, DAY, DateTimeParts, HOUR, MINUTE, SECOND, TimeDelta, Value};

/// Year, month, day, hour, minute, second, microsecond.
type Parts = [i64; 7];

/// `None` when the result is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    match name {
        "datetime.timedelta" => timedelta(arguments, site),
        "datetime.datetime" => datetime(arguments, site),
        "datetime.datetime.strptime" => match arguments.positional.as_slice() {
            [Value::Str(string), Value::Str(form)] => match parsed(string, form) {
                Parsed::Parts(parts) => value_of_parts(parts, site).map(Some),
                Parsed::Differs => {
                    let message = format!("time data '{string}' does not match format '{form}'");
                    Err(site.raise("ValueError", message))
                }
                Parsed::Unknown => Ok(None),
            },
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn datetime(arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let names = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
    // A time zone is not kept.
    let is_unknown = |(name, _): &(String, Value)| !names.contains(&name.as_str());
    if arguments.positional.len() > names.len() || arguments.named.iter().any(is_unknown) {
        return Ok(None);
    }
    let mut parts = [0; 7];
    for (index, part) in parts.iter_mut().enumerate() {
        let named = arguments.named(names[index]);
        match arguments.positional.get(index).or(named) {
            None => {}
            Some(given) => match given.as_int() {
                Some(number) => *part = number,
                None => return Ok(None),
            },
        }
    }
    value_of_parts(parts, site).map(Some)
}

fn value_of_parts(parts: Parts, site: Site<'_>) -> Evaluated<Value> {
    let [year, month, day, hour, minute, second, microsecond] = parts;
    if !(1..=9999).contains(&year) {
        return Err(site.raise("ValueError", format!("year {year} is out of range")));
    }
    let parts = DateTimeParts {
        year,
        month,
        day,
        hour,
        minute,
        second,
        microsecond,
    };
    let micros = parts.to_micros().ok_or_else(|| {
        let (date, time) = (parts.date(), parts.time());
        site.raise(
            "ValueError",
            format!("{date}T{time}.{microsecond:06} is not a date and time"),
        )
    })?;
    Ok(Value::DateTime(micros))
}

/// What `strptime` makes of a string.
enum Parsed {
    Parts(Parts),
    Differs,
    /// The format has a directive that is not computed, or digits could be shared out in another way.
    Unknown,
}

/// The place of a directive of `strptime` among the parts, and how many digits it takes at most.
fn directive(letter: char) -> Option<(usize, usize)> {
    Some(match letter {
        'Y' => (0, 4),
        'm' => (1, 2),
        'd' => (2, 2),
        'H' => (3, 2),
        'M' => (4, 2),
        'S' => (5, 2),
        'f' => (6, 6),
        _ => return None,
    })
}

/// `strptime` with the usual directives, for strings that can be read in one way only.
fn parsed(string: &str, form: &str) -> Parsed {
    let mut parts = [1900, 1, 1, 0, 0, 0, 0];
    let mut rest = string;
    let mut characters = form.chars();
    let mut after_digits = false;
    while let Some(character) = characters.next() {
        if character.is_ascii_digit() || !character.is_ascii() {
            return Parsed::Unknown;
        }
        if character.is_whitespace() {
            let after = rest.trim_start();
            if after.len() == rest.len() {
                return Parsed::Differs;
            }
            rest = after;
            after_digits = false;
            // Blanks in a row stand for any number of them.
            while characters.clone().next().is_some_and(char::is_whitespace) {
                characters.next();
            }
            continue;
        }
        if character != '%' {
            match rest.chars().next() {
                Some(found) if found.eq_ignore_ascii_case(&character) => rest = &rest[1..],
                _ => return Parsed::Differs,
            }
            after_digits = false;
            continue;
        }
        let Some((index, width)) = characters.next().and_then(directive) else {
            return Parsed::Unknown;
        };
        let digits = rest.bytes().take(width).take_while(u8::is_ascii_digit).count();
        if after_digits && digits < width {
            return Parsed::Unknown;
        }
        if digits == 0 || (index == 0 && digits < width) {
            return Parsed::Differs;
        }
        let (number, after) = rest.split_at(digits);
        parts[index] = number.parse().unwrap_or_default();
        if index == 6 {
            parts[index] *= 10_i64.pow(u32::try_from(width - digits).unwrap_or_default());
        }
        rest = after;
        after_digits = true;
    }
    let [_, month, day, hour, minute, second, _] = parts;
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    match (rest.is_empty(), fits) {
        (true, true) => Parsed::Parts(parts),
        // Two digits that are too large may be read as two numbers of one digit.
        (_, false) => Parsed::Unknown,
        (false, true) => Parsed::Differs,
    }
}

/// In the order in which Python adds them up, with the microseconds of each unit.
const UNITS: [(&str, i128); 7] = [
    ("microseconds", 1),
    ("milliseconds", 1_000),
    ("seconds", SECOND),
    ("minutes", MINUTE),
    ("hours", HOUR),
    ("days", DAY),
    ("weeks", 7 * DAY),
];

/// The order of the parameters.
const PARAMETERS: [&str; 7] = [
    "days",
    "seconds",
    "microseconds",
    "milliseconds",
    "minutes",
    "hours",
    "weeks",
];

fn timedelta(arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let raise = |(exception, message): Raised| site.raise(exception, message);
    let unknown = arguments
        .named
        .iter()
        .find(|(name, _)| !PARAMETERS.contains(&name.as_str()));
    if let Some((name, _)) = unknown {
        let message = format!("'{name}' is an invalid keyword argument for timedelta");
        return Err(site.raise("TypeError", message));
    }
    if arguments.positional.len() > PARAMETERS.len() {
        let message = format!(
            "function takes at most 7 arguments ({} given)",
            arguments.positional.len()
        );
        return Err(site.raise("TypeError", message));
    }
    let mut total: i128 = 0;
    let mut leftover = 0.0;
    for (unit, micros) in UNITS {
        let position = PARAMETERS.iter().position(|parameter| *parameter == unit);
        let by_position = position.and_then(|position| arguments.positional.get(position));
        match by_position.or_else(|| arguments.named(unit)) {
            None => {}
            Some(Value::Int(number)) => total += i128::from(*number) * micros,
            Some(Value::Bool(flag)) => total += i128::from(*flag) * micros,
            Some(Value::Float(number)) => {
                let (whole, fraction) = scaled(*number, micros).map_err(raise)?;
                total += whole;
                leftover += fraction;
            }
            Some(opaque @ Value::Opaque(_)) => return Ok(Some(opaque.clone())),
            Some(other) => {
                let message = format!("unsupported type for timedelta {unit} component: {}", other.type_name());
                return Err(site.raise("TypeError", message));
            }
        }
    }
    let delta = TimeDelta::new(rounded(total, leftover)).map_err(raise)?;
    Ok(Some(Value::TimeDelta(delta)))
}

/// A float times a unit: whole microseconds, and the fraction of one that is left.
///
/// # Errors
/// As Python, for what is not a number and for what is too large.
fn scaled(number: f64, micros: i128) -> Result<(i128, f64), Raised> {
    // Even of the largest unit, this many are beyond the bounds.
    const MAX: f64 = 1e16;
    if number.is_nan() {
        return Err(("ValueError", "cannot convert float NaN to integer".to_owned()));
    }
    if number.is_infinite() {
        return Err(("OverflowError", "cannot convert float infinity to integer".to_owned()));
    }
    if number.abs() * (micros as f64) > MAX * 1e9 {
        return Err(("OverflowError", "timedelta is too long".to_owned()));
    }
    let whole = number.trunc();
    let rest = (number - whole) * micros as f64;
    Ok((whole as i128 * micros + rest.trunc() as i128, rest - rest.trunc()))
}

/// Adds the fractions that are left, rounded so that the sum is even where they are a half.
fn rounded(total: i128, leftover: f64) -> i128 {
    let nearest = leftover.round();
    let nearest = if (nearest - leftover).abs() == 0.5 {
        let odd = (total & 1) as f64;
        2.0 * ((leftover + odd) * 0.5).round() - odd
    } else {
        nearest
    };
    total + nearest as i128
}
