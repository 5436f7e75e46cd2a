//! Single values, read as Python reads them.
//!
//! Owns what a JSON value is in a column of each kind, and what is said of one that is nothing there. Knows nothing of rows.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use feast_model::{DateOrder, Timestamp};
use feast_python_notation::{python_float, python_json};
use serde_json::{Number, Value};

use crate::error::Problem;
use crate::numbers::Numbers;
use crate::rules::{CoercionRules, Integers, Strings, boolean_string, seconds_in, whole_seconds};

/// The value, or null.
type Cell<T> = Result<Option<T>, Problem>;

fn native<T>(message: String) -> Cell<T> {
    Err(Problem::Native(message))
}

fn python<T>(message: String) -> Cell<T> {
    Err(Problem::Python(message))
}

pub(super) fn boolean(value: &Value) -> Cell<bool> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        Value::Number(number) => Ok(Some(number.as_f64() != Some(0.0))),
        Value::String(string) if string.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Value::String(string) if string.eq_ignore_ascii_case("false") => Ok(Some(false)),
        other => native(format!("{other} is not a bool")),
    }
}

pub(super) fn integer(value: &Value, rules: CoercionRules) -> Cell<i64> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(i64::from(*flag))),
        Value::String(string) => integer_of_string(string),
        // Of the negative ones, the nearest to zero has become the least integer that fits.
        Value::Number(number) if rules.numbers.may_differ(number) => beyond_64_bits(number),
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or(f64::NAN);
            if rules.integers == Integers::Whole && float.fract() != 0.0 {
                return python(format!("Float value {float} was truncated converting to int64"));
            }
            integer_of_float(float)
        }
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Ok(Some(integer)),
            None => out_of_range(number),
        },
        other => native(format!("{other} is not an integer")),
    }
}

fn out_of_range<T>(value: impl fmt::Display) -> Cell<T> {
    python(crate::rules::out_of_range(value))
}

/// Its digits are not all known any more.
fn beyond_64_bits<T>(number: &Number) -> Cell<T> {
    out_of_range(format_args!("about {}, which is beyond 64 bits", shown_float(number)))
}

/// A float as Python writes it.
fn shown_float(number: &Number) -> String {
    python_float(number.as_f64().unwrap_or(f64::NAN))
}

fn integer_of_float(float: f64) -> Cell<i64> {
    // Both bounds are exact in f64; the upper one is already out of range.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float) {
        Ok(Some(float.trunc() as i64))
    } else {
        out_of_range(python_float(float))
    }
}

/// Python's `int`: blanks around it, a sign, and single underscores between digits.
fn integer_of_string(string: &str) -> Cell<i64> {
    let trimmed = string.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let is_group = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    if !digits.split('_').all(is_group) {
        return python(format!("invalid literal for int() with base 10: '{string}'"));
    }
    let plain = trimmed.replace('_', "");
    match plain.parse() {
        Ok(integer) => Ok(Some(integer)),
        Err(_) => out_of_range(plain),
    }
}

pub(super) fn float(value: &Value) -> Cell<f64> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(f64::from(u8::from(*flag)))),
        Value::Number(number) => Ok(number.as_f64()),
        Value::String(string) => match string.trim().parse() {
            Ok(float) => Ok(Some(float)),
            Err(_) => python(format!("could not convert string to float: '{string}'")),
        },
        other => native(format!("{other} is not a number")),
    }
}

pub(super) fn string(value: &Value, rules: CoercionRules) -> Cell<String> {
    match (value, rules.strings) {
        (Value::Null, _) => Ok(None),
        (Value::String(string), Strings::Object) if Numbers::scan(string.as_bytes()) == Numbers::Rounded => {
            native("an integer beyond 64 bits in it would lose its digits; write it as text".to_owned())
        }
        (Value::String(string), _) => Ok(Some(string.clone())),
        (value, _) if rules.numbers.may_differ_in(value) => {
            let shown = match value {
                Value::Number(number) => shown_float(number),
                _ => "an integer beyond 64 bits in it".to_owned(),
            };
            native(format!("{shown} may have had more digits; write it as text"))
        }
        (other, Strings::Json | Strings::Object) => Ok(Some(python_json(other))),
        (Value::Number(number), strings) => string_of_number(number, strings),
        (Value::Bool(flag), Strings::Python) => Ok(Some(boolean_string(*flag).to_owned())),
        (other, Strings::Python) => Ok(Some(other.to_string())),
        (other, Strings::Exact) => native(format!("{other} is not a number")),
    }
}

fn string_of_number(number: &Number, strings: Strings) -> Cell<String> {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return Ok(Some(number.to_string()));
    };
    if strings == Strings::Exact {
        return native(format!(
            "{} may have had more digits; write it as text",
            python_float(float)
        ));
    }
    Ok(Some(python_float(float)))
}

pub(super) fn bytes(value: &Value) -> Cell<Vec<u8>> {
    match value {
        Value::Null => Ok(None),
        Value::String(string) => match BASE64_STANDARD.decode(string) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => native(format!("{string:?} is not base64, which bytes must be")),
        },
        other => native(format!("{other} is not base64 text, which bytes must be")),
    }
}

/// Whole seconds since 1970.
pub(super) fn seconds(value: &Value, order: &mut DateOrder, rules: CoercionRules) -> Cell<i64> {
    match value {
        Value::Number(number) if rules.numbers.may_differ(number) => beyond_64_bits(number),
        Value::Number(number) if number.is_f64() => {
            integer_of_float(rules.second_fractions.cut_off(number.as_f64().unwrap_or(f64::NAN)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => integer(value, rules),
        Value::String(string) => match seconds_in(string) {
            Some(seconds) => Ok(Some(seconds)),
            None => Ok(time_of_string(string, order)?.map(|time| whole_seconds(time.micros()))),
        },
        other => native(format!("{other} is not a date or time")),
    }
}

/// Microseconds since 1970. Numbers are seconds, milli-, micro- or nanoseconds by their magnitude.
pub(super) fn micros(value: &Value, order: &mut DateOrder) -> Cell<i64> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => micros_of_number(number),
        Value::String(string) => Ok(time_of_string(string, order)?.map(Timestamp::micros)),
        other => native(format!("{other} is not a date or time")),
    }
}

fn micros_of_number(number: &Number) -> Cell<i64> {
    let float = number.as_f64().unwrap_or(f64::NAN);
    // Seconds reach 1e11 in the year 5138, milliseconds are there since 1973.
    let micros_per_unit = match float.abs() {
        small if small < 1e11 => 1e6,
        small if small < 1e14 => 1e3,
        small if small < 1e17 => 1.0,
        _ => 1e-3,
    };
    let exact = number.as_i64().and_then(|integer| match micros_per_unit >= 1.0 {
        true => integer.checked_mul(micros_per_unit as i64),
        false => Some(integer.div_euclid(1_000)),
    });
    let micros = exact.unwrap_or((float * micros_per_unit) as i64);
    if micros.unsigned_abs() > 250_000_000_000_000_000 {
        return out_of_range(format_args!("{number} is no point in time"));
    }
    Ok(Some(micros))
}

fn time_of_string(string: &str, order: &mut DateOrder) -> Cell<Timestamp> {
    if ["now", "today"].contains(&string.trim()) {
        return Ok(Some(feast_clock::now()));
    }
    match Timestamp::parse_in_order(string, order) {
        Ok(time) => Ok(Some(time)),
        Err(_) if Timestamp::parse(string).is_ok() => native(format!(
            "{string:?} has day and month in another order than the rows before it"
        )),
        Err(problem) => native(problem.to_string()),
    }
}
