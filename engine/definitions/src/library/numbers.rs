//! Numbers: rounding, and other bases than ten.

use ruff_text_size::TextRange;

use super::super::Evaluated;
use super::super::scope::Scope;
use super::super::value::Value;

/// `None` when the answer is not known.
pub(super) fn call(name: &str, positional: &[Value], range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    Ok(match (name, positional) {
        ("int", [Value::Text(text), Value::Integer(base)]) => in_base(text, *base, range, scope)?,
        ("hex", [Value::Integer(number)]) => Some(written(*number, "0x", &format!("{:x}", number.unsigned_abs()))),
        ("oct", [Value::Integer(number)]) => Some(written(*number, "0o", &format!("{:o}", number.unsigned_abs()))),
        ("bin", [Value::Integer(number)]) => Some(written(*number, "0b", &format!("{:b}", number.unsigned_abs()))),
        ("round", [number @ (Value::Integer(_) | Value::Bool(_))]) => match number {
            Value::Bool(flag) => Some(Value::Integer(i64::from(*flag))),
            number => Some(number.clone()),
        },
        ("round", [Value::Integer(number), Value::Integer(places)]) => rounded_integer(*number, *places),
        ("round", [Value::Float(number)]) if number.abs() < 9e15 => {
            Some(Value::Integer(number.round_ties_even() as i64))
        }
        ("round", [Value::Float(number), Value::Integer(places)]) => rounded(*number, *places),
        _ => None,
    })
}

fn written(number: i64, prefix: &str, digits: &str) -> Value {
    let sign = if number < 0 { "-" } else { "" };
    Value::text(format!("{sign}{prefix}{digits}"))
}

fn in_base(text: &str, base: i64, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let Some(radix) = u32::try_from(base).ok().filter(|base| (2..=36).contains(base)) else {
        return Ok(None);
    };
    let lower = text.trim().to_lowercase();
    let (sign, digits) = lower.split_at(usize::from(lower.starts_with(['+', '-'])));
    let prefix = match radix {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let digits = digits.strip_prefix(prefix).unwrap_or(digits);
    let is_plain = digits.chars().all(|digit| digit.is_digit(radix));
    let number = i64::from_str_radix(&format!("{sign}{digits}"), radix);
    match (is_plain && !digits.is_empty(), number) {
        (true, Ok(number)) => Ok(Some(Value::Integer(number))),
        (true, Err(_)) => Ok(None),
        (false, _) if digits.contains('_') => Ok(None),
        (false, _) => Err(scope.raise(
            range,
            "ValueError",
            format!("invalid literal for int() with base {base}: '{text}'"),
        )),
    }
}

/// To tens, hundreds, ...: halves to even.
fn rounded_integer(number: i64, places: i64) -> Option<Value> {
    if places >= 0 {
        return Some(Value::Integer(number));
    }
    let unit = 10_i64.checked_pow(u32::try_from(places.checked_neg()?).ok()?)?;
    let (quotient, rest) = (number.div_euclid(unit), number.rem_euclid(unit));
    let rounds_up = rest > unit - rest || (rest == unit - rest && quotient % 2 != 0);
    Some(Value::Integer((quotient + i64::from(rounds_up)).checked_mul(unit)?))
}

/// To so many places; what lies in the middle between two answers is not known.
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
    let text = format!("{number:.places$}", places = usize::try_from(places).ok()?);
    text.parse().ok().map(Value::Float)
}
