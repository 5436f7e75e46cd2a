//! Python's `round()`, which rounds the decimal that a float is exactly.

use super::math::to_int;
use crate::stop::{Outcome, type_error, unknown};
use crate::value::Value;

/// `round(number)` and `round(number, places)`.
///
/// # Errors
/// Of a value that Python does not round, and unknown for others.
pub(super) fn round(value: &Value, places: Option<&Value>) -> Outcome {
    let places = match places {
        None | Some(Value::None) => None,
        Some(places) => match places.as_int() {
            Some(places) => Some(places),
            None => return Err(unknown("round() to this many places is not known here")),
        },
    };
    match (value, places) {
        (Value::Float(number), None) => to_int(number.round_ties_even()),
        (Value::Float(number), Some(places)) => float(*number, places).map(Value::Float),
        (Value::Int(_) | Value::Bool(_), places) => {
            int(value.as_int().unwrap_or(0), places.unwrap_or(0)).map(Value::Int)
        }
        (Value::None | Value::Text(_) | Value::List(_) | Value::Dict(_) | Value::Tuple(_) | Value::Set(_), _) => Err(
            type_error(format!("type {} doesn't define __round__ method", value.type_name())),
        ),
        _ => Err(unknown("round() of this is not known here")),
    }
}

fn float(number: f64, places: i64) -> Outcome<f64> {
    // So far down no float has digits.
    if !number.is_finite() || number == 0.0 || places > 330 {
        return Ok(number);
    }
    if places < -310 {
        return Ok(0.0f64.copysign(number));
    }
    let text = match usize::try_from(places) {
        Ok(places) => format!("{number:.places$}"),
        Err(_) => {
            let first = exponent(number)?;
            match usize::try_from(first + places) {
                Ok(digits) => format!("{number:.digits$e}"),
                Err(_) if first + places == -1 => return Ok(one_digit_above(number, first)),
                Err(_) => return Ok(0.0f64.copysign(number)),
            }
        }
    };
    let rounded: f64 = text.parse().map_err(|_| unknown("this rounding is not known here"))?;
    match rounded.is_finite() {
        true => Ok(rounded),
        false => Err(unknown("rounding beyond the largest float is not known here")),
    }
}

/// The power of ten of the first digit, which rounding does not change with so many digits.
fn exponent(number: f64) -> Outcome<i64> {
    let text = format!("{number:e}");
    let exponent = text.rsplit('e').next().and_then(|exponent| exponent.parse().ok());
    exponent.ok_or_else(|| unknown("this rounding is not known here"))
}

/// Rounded to the digit above its first: more than half is one, half is the even zero.
fn one_digit_above(number: f64, first: i64) -> f64 {
    let digits = format!("{:.800e}", number.abs());
    let digits = digits.split('e').next().unwrap_or_default().trim_end_matches('0');
    let rounded = match digits > "5." {
        true => format!("1e{}", first + 1).parse().unwrap_or(f64::NAN),
        false => 0.0,
    };
    f64::copysign(rounded, number)
}

fn int(number: i64, places: i64) -> Outcome<i64> {
    if places >= 0 {
        return Ok(number);
    }
    if places < -19 {
        return Ok(0);
    }
    let unit = 10i128.pow(u32::try_from(-places).unwrap_or(19));
    let number = i128::from(number);
    let (mut quotient, rest) = (number.div_euclid(unit), number.rem_euclid(unit));
    if rest * 2 > unit || (rest * 2 == unit && quotient % 2 != 0) {
        quotient += 1;
    }
    i64::try_from(quotient * unit).map_err(|_| unknown("integers beyond 64 bits are not known here"))
}
