//! Numbers: rounding, and other bases than ten.

use crate::context::Site;
use crate::error::Evaluated;
use crate::value::Value;

/// `None` when the result is not known.
pub(super) fn call(name: &str, positional: &[Value], site: Site<'_>) -> Evaluated<Option<Value>> {
    Ok(match (name, positional) {
        ("int", [Value::Str(string), Value::Int(base)]) => int_of_str(string, *base, site)?,
        ("hex", [Value::Int(number)]) => Some(written(*number, "0x", &format!("{:x}", number.unsigned_abs()))),
        ("oct", [Value::Int(number)]) => Some(written(*number, "0o", &format!("{:o}", number.unsigned_abs()))),
        ("bin", [Value::Int(number)]) => Some(written(*number, "0b", &format!("{:b}", number.unsigned_abs()))),
        ("round", [number @ (Value::Int(_) | Value::Bool(_))]) => number.as_int().map(Value::Int),
        ("round", [Value::Int(number), Value::Int(places)]) => rounded_integer(*number, *places),
        ("round", [Value::Float(number)]) if number.abs() < 9e15 => Some(Value::Int(number.round_ties_even() as i64)),
        ("round", [Value::Float(number), Value::Int(places)]) => rounded(*number, *places),
        _ => None,
    })
}

/// `int(value)`; `None` when the result is not known.
pub(super) fn to_int(value: &Value, site: Site<'_>) -> Evaluated<Option<Value>> {
    Ok(match value {
        Value::Float(number) if number.abs() < 9e18 => Some(Value::Int(number.trunc() as i64)),
        Value::Str(string) => int_of_str(string, 10, site)?,
        other => other.as_int().map(Value::Int),
    })
}

/// `float(value)`; `None` when the result is not known.
pub(super) fn to_float(value: &Value, site: Site<'_>) -> Evaluated<Option<Value>> {
    Ok(match value {
        Value::Int(number) => Some(Value::Float(*number as f64)),
        Value::Float(number) => Some(Value::Float(*number)),
        // Python takes digits of other scripts.
        Value::Str(string) if !string.is_ascii() => None,
        Value::Str(string) => match without_underscores(string.trim()).map(|number| number.parse()) {
            Some(Ok(number)) => Some(Value::Float(number)),
            _ => {
                let message = format!("could not convert string to float: '{string}'");
                return Err(site.raise("ValueError", message));
            }
        },
        _ => None,
    })
}

fn written(number: i64, prefix: &str, digits: &str) -> Value {
    let sign = if number < 0 { "-" } else { "" };
    Value::str(format!("{sign}{prefix}{digits}"))
}

fn int_of_str(string: &str, base: i64, site: Site<'_>) -> Evaluated<Option<Value>> {
    let Some(radix) = u32::try_from(base).ok().filter(|base| (2..=36).contains(base)) else {
        return Ok(None);
    };
    if !string.is_ascii() {
        // Python takes digits of other scripts.
        return Ok(None);
    }
    let lower = string.trim().to_lowercase();
    let (sign, digits) = lower.split_at(usize::from(lower.starts_with(['+', '-'])));
    let prefix = match radix {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let digits = match digits.strip_prefix(prefix) {
        Some(digits) if !prefix.is_empty() => digits.strip_prefix('_').unwrap_or(digits),
        _ => digits,
    };
    let digits = without_underscores(digits).filter(|digits| digits.chars().all(|digit| digit.is_digit(radix)));
    match digits.filter(|digits| !digits.is_empty()) {
        Some(digits) => Ok(i64::from_str_radix(&format!("{sign}{digits}"), radix)
            .ok()
            .map(Value::Int)),
        None => Err(site.raise(
            "ValueError",
            format!("invalid literal for int() with base {base}: '{string}'"),
        )),
    }
}

/// The string of a number without the underscores that Python takes between digits; `None` where one stands elsewhere.
fn without_underscores(string: &str) -> Option<String> {
    let is_digit = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    let parts: Vec<&str> = string.split('_').collect();
    let between = parts
        .windows(2)
        .all(|pair| is_digit(pair[0].chars().last()) && is_digit(pair[1].chars().next()));
    between.then(|| parts.concat())
}

/// To tens, hundreds, ...: halves to even.
fn rounded_integer(number: i64, places: i64) -> Option<Value> {
    if places >= 0 {
        return Some(Value::Int(number));
    }
    let unit = 10_i64.checked_pow(u32::try_from(places.checked_neg()?).ok()?)?;
    let (quotient, rest) = (number.div_euclid(unit), number.rem_euclid(unit));
    let rounds_up = rest > unit - rest || (rest == unit - rest && quotient % 2 != 0);
    Some(Value::Int((quotient + i64::from(rounds_up)).checked_mul(unit)?))
}

/// Rounded to `places` decimals; a value in the middle between two results is not known.
fn rounded(number: f64, places: i64) -> Option<Value> {
    const MAX_PLACES: i64 = 15;
    if !(0..=MAX_PLACES).contains(&places) || number.abs() >= 1e15 || number.is_nan() {
        return None;
    }
    let places = i32::try_from(places).ok()?;
    let doubled = number * 2_f64.powi(places + 1);
    if doubled.fract() == 0.0 && doubled % 2.0 != 0.0 {
        return None;
    }
    let string = format!("{number:.places$}", places = usize::try_from(places).ok()?);
    string.parse().ok().map(Value::Float)
}
