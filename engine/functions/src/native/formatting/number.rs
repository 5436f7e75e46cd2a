//! Numbers by a format specification. Rust writes a float with so many digits as exactly as Python does.

use feast_python_notation::python_float;

use super::specification::{Specification, padded};
use crate::stop::{Outcome, unknown, value_error};

pub(super) fn int_by(number: i64, specification: &Specification) -> Outcome<String> {
    let magnitude = number.unsigned_abs();
    let (prefix, digits) = match specification.kind {
        None | Some('d') => ("", magnitude.to_string()),
        Some('b') => ("0b", format!("{magnitude:b}")),
        Some('o') => ("0o", format!("{magnitude:o}")),
        Some('x') => ("0x", format!("{magnitude:x}")),
        Some('X') => ("0X", format!("{magnitude:X}")),
        Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => return float_by(number as f64, specification),
        Some(kind @ ('c' | 'n')) => return Err(unknown(format!("the format `{kind}` is not known here"))),
        Some(kind) => {
            return Err(value_error(format!(
                "Unknown format code '{kind}' for object of type 'int'"
            )));
        }
    };
    if specification.precision.is_some() {
        return Err(value_error("Precision not allowed in integer format specifier"));
    }
    let prefix = if specification.is_alternate { prefix } else { "" };
    let digits = match specification.grouping {
        None => digits,
        Some(separator) if matches!(specification.kind, None | Some('d')) => grouped(&digits, separator),
        Some(_) => return Err(unknown("groups of these digits are not known here")),
    };
    let sign = format!("{}{prefix}", sign_of(number < 0, specification));
    padded(&sign, &digits, specification, '>')
}

pub(super) fn float_by(number: f64, specification: &Specification) -> Outcome<String> {
    if specification.is_alternate {
        return Err(unknown("`#` in the format of a float is not known here"));
    }
    let magnitude = number.abs();
    let mut text = match specification.kind {
        None if specification.precision.is_none() => python_float(magnitude),
        None => general(magnitude, specification.precision.unwrap_or(6), true)?,
        Some('f' | 'F') => fixed(magnitude, specification.precision.unwrap_or(6)),
        Some('e' | 'E') => scientific(magnitude, specification.precision.unwrap_or(6))?,
        Some('g' | 'G') => general(magnitude, specification.precision.unwrap_or(6), false)?,
        Some('%') => {
            let percent = fixed(magnitude * 100.0, specification.precision.unwrap_or(6));
            format!("{percent}%")
        }
        Some('n') => return Err(unknown("the format `n` is not known here")),
        Some(kind) => {
            return Err(value_error(format!(
                "Unknown format code '{kind}' for object of type 'float'"
            )));
        }
    };
    if let Some('F' | 'E' | 'G') = specification.kind {
        text.make_ascii_uppercase();
    }
    if let Some(separator) = specification.grouping
        && number.is_finite()
    {
        let end = text.find(|character: char| !character.is_ascii_digit());
        let (whole, rest) = text.split_at(end.unwrap_or(text.len()));
        text = format!("{}{rest}", grouped(whole, separator));
    }
    // NaN has no sign.
    let is_negative = number.is_sign_negative() && !number.is_nan();
    padded(&sign_of(is_negative, specification), &text, specification, '>')
}

fn sign_of(is_negative: bool, specification: &Specification) -> String {
    match (is_negative, specification.sign) {
        (true, _) => "-".to_owned(),
        (false, Some(sign @ ('+' | ' '))) => sign.to_string(),
        (false, _) => String::new(),
    }
}

/// Digits in groups of three.
fn grouped(digits: &str, separator: char) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// What is not finite, as all kinds write it.
fn not_finite(number: f64) -> Option<String> {
    (!number.is_finite()).then(|| if number.is_nan() { "nan" } else { "inf" }.to_owned())
}

fn fixed(number: f64, precision: usize) -> String {
    not_finite(number).unwrap_or_else(|| format!("{number:.precision$}"))
}

/// Digits and the power of ten.
fn parts(number: f64, precision: usize) -> Outcome<(String, i32)> {
    let text = format!("{number:.precision$e}");
    let parts = text.split_once('e').and_then(|(digits, exponent)| {
        let exponent = exponent.parse().ok()?;
        Some((digits.to_owned(), exponent))
    });
    parts.ok_or_else(|| unknown("this format is not known here"))
}

fn with_exponent(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn scientific(number: f64, precision: usize) -> Outcome<String> {
    if let Some(text) = not_finite(number) {
        return Ok(text);
    }
    let (digits, exponent) = parts(number, precision)?;
    Ok(with_exponent(&digits, exponent))
}

/// So many digits in all, without zeros at the end. Without a kind a whole number has `.0`, and an exponent comes one earlier.
fn general(number: f64, precision: usize, has_no_kind: bool) -> Outcome<String> {
    if let Some(text) = not_finite(number) {
        return Ok(text);
    }
    let precision = precision.max(1);
    let (digits, exponent) = parts(number, precision - 1)?;
    let count = i32::try_from(precision).unwrap_or(i32::MAX);
    let without_zeros = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if exponent < -4 || exponent >= count - i32::from(has_no_kind) {
        return Ok(with_exponent(&without_zeros(&digits), exponent));
    }
    let places = usize::try_from(count - 1 - exponent).unwrap_or(0);
    let text = without_zeros(&format!("{number:.places$}"));
    Ok(match has_no_kind && !text.contains('.') {
        true => format!("{text}.0"),
        false => text,
    })
}
