//! Single values, read as Python reads them.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use feast_engine::model::{DateOrder, Timestamp};
use feast_python_notation::{python_float, python_json};
use serde_json::{Number, Value};

use crate::wire::numbers::Numbers;

/// Why a value does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// In the words of Python's server.
    Python(String),
    /// In our own, where Python's say nothing or it would accept the value.
    Ours(String),
}

/// The value, or null.
type Cell<T> = Result<Option<T>, Problem>;

/// What becomes of the fraction of a number in a column of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integers {
    /// It is cut off.
    Cut,
    /// There must be none.
    Whole,
}

/// What becomes of a value that is no text in a column of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// What Python's `str` makes of it.
    Python,
    /// What Python's `json.dumps` makes of it.
    Json,
    /// As `Json`, and a text is an object that is parsed to be stored.
    Object,
    /// Its digits, if all of them are known.
    Exact,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python(text) | Self::Ours(text) => formatter.write_str(text),
        }
    }
}

fn ours<T>(text: String) -> Cell<T> {
    Err(Problem::Ours(text))
}

fn python<T>(text: String) -> Cell<T> {
    Err(Problem::Python(text))
}

pub(super) fn boolean(value: &Value) -> Cell<bool> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        Value::Number(number) => Ok(Some(number.as_f64() != Some(0.0))),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        other => ours(format!("{other} is not a bool")),
    }
}

pub(super) fn integer(value: &Value, integers: Integers, numbers: Numbers) -> Cell<i64> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(i64::from(*flag))),
        Value::String(text) => integer_of_text(text),
        // Of the negative ones, the nearest to zero has become the least integer that fits.
        Value::Number(number) if numbers.may_differ(number) => beyond_64_bits(number),
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or(f64::NAN);
            if integers == Integers::Whole && float.fract() != 0.0 {
                return python(format!("Float value {float} was truncated converting to int64"));
            }
            integer_of_float(float)
        }
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Ok(Some(integer)),
            None => out_of_range(number),
        },
        other => ours(format!("{other} is not an integer")),
    }
}

fn out_of_range<T>(value: impl fmt::Display) -> Cell<T> {
    python(format!("Value out of range: {value}"))
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
fn integer_of_text(text: &str) -> Cell<i64> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let is_group = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    if !digits.split('_').all(is_group) {
        return python(format!("invalid literal for int() with base 10: '{text}'"));
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
        Value::String(text) => match text.trim().parse() {
            Ok(float) => Ok(Some(float)),
            Err(_) => python(format!("could not convert string to float: '{text}'")),
        },
        other => ours(format!("{other} is not a number")),
    }
}

pub(super) fn text(value: &Value, texts: Texts, numbers: Numbers) -> Cell<String> {
    match (value, texts) {
        (Value::Null, _) => Ok(None),
        (Value::String(text), Texts::Object) if Numbers::of(text.as_bytes()) == Numbers::Rounded => {
            ours("an integer beyond 64 bits in it would lose its digits; write it as text".to_owned())
        }
        (Value::String(text), _) => Ok(Some(text.clone())),
        (value, _) if numbers.may_differ_in(value) => {
            let shown = match value {
                Value::Number(number) => shown_float(number),
                _ => "an integer beyond 64 bits in it".to_owned(),
            };
            ours(format!("{shown} may have had more digits; write it as text"))
        }
        (other, Texts::Json | Texts::Object) => Ok(Some(python_json(other))),
        (Value::Number(number), _) => text_of_number(number, texts),
        (Value::Bool(flag), Texts::Python) => Ok(Some(if *flag { "True" } else { "False" }.to_owned())),
        (other, Texts::Python) => Ok(Some(other.to_string())),
        (other, Texts::Exact) => ours(format!("{other} is not a number")),
    }
}

fn text_of_number(number: &Number, texts: Texts) -> Cell<String> {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return Ok(Some(number.to_string()));
    };
    if texts == Texts::Exact {
        return ours(format!(
            "{} may have had more digits; write it as text",
            python_float(float)
        ));
    }
    Ok(Some(python_float(float)))
}

pub(super) fn bytes(value: &Value) -> Cell<Vec<u8>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => match BASE64_STANDARD.decode(text) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => ours(format!("{text:?} is not base64, which bytes must be")),
        },
        other => ours(format!("{other} is not base64 text, which bytes must be")),
    }
}

/// Whole seconds since 1970, rounded down.
pub(super) fn seconds(value: &Value, order: &mut DateOrder, numbers: Numbers) -> Cell<i64> {
    match value {
        Value::Number(number) if numbers.may_differ(number) => beyond_64_bits(number),
        Value::Number(number) if number.is_f64() => integer_of_float(number.as_f64().unwrap_or(f64::NAN).floor()),
        Value::Null | Value::Bool(_) | Value::Number(_) => integer(value, Integers::Cut, numbers),
        Value::String(text) => match text.trim().parse() {
            Ok(seconds) => Ok(Some(seconds)),
            Err(_) => Ok(time_of_text(text, order)?.map(|time| time.micros().div_euclid(1_000_000))),
        },
        other => ours(format!("{other} is not a date or time")),
    }
}

/// Microseconds since 1970. Numbers are seconds, milli-, micro- or nanoseconds by their magnitude.
pub(super) fn micros(value: &Value, order: &mut DateOrder) -> Cell<i64> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => micros_of_number(number),
        Value::String(text) => Ok(time_of_text(text, order)?.map(Timestamp::micros)),
        other => ours(format!("{other} is not a date or time")),
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

fn time_of_text(text: &str, order: &mut DateOrder) -> Cell<Timestamp> {
    if ["now", "today"].contains(&text.trim()) {
        return Ok(Some(feast_engine::now()));
    }
    match Timestamp::parse_in_order(text, order) {
        Ok(time) => Ok(Some(time)),
        Err(_) if Timestamp::parse(text).is_ok() => ours(format!(
            "{text:?} has day and month in another order than the rows before it"
        )),
        Err(problem) => ours(problem.to_string()),
    }
}
