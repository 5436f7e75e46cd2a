//! `int()` and `float()`.

use feast_python_notation::python_repr;

use super::math::to_int;
use crate::methods::is_space;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, type_error, unknown, value_error};
use crate::value::Value;

pub(super) fn float_of(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.bind(["x"])?;
    match value {
        None => Ok(Value::Float(0.0)),
        Some(Value::Text(text)) => float_of_text(&text).map(Value::Float),
        Some(value @ (Value::None | Value::List(_) | Value::Dict(_) | Value::Tuple(_))) => Err(type_error(format!(
            "float() argument must be a string or a real number, not '{}'",
            value.type_name()
        ))),
        Some(value) => match value.as_float() {
            Some(number) => Ok(Value::Float(number)),
            None => Err(unknown("float() of this is not known here")),
        },
    }
}

pub(crate) fn float_of_text(text: &str) -> Outcome<f64> {
    let number = text.trim_matches(is_space);
    if !number.is_ascii() || number.contains('_') {
        return Err(unknown("float() of such a text is not known here"));
    }
    // Rust reads the same texts: digits with a point and an exponent, `inf`, `infinity` and `nan`.
    number
        .parse()
        .map_err(|_| value_error(format!("could not convert string to float: {}", python_repr(text))))
}

pub(super) fn int_of(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.bind(["x"])?;
    match value {
        None => Ok(Value::Int(0)),
        Some(Value::Float(number)) => to_int(number.trunc()),
        Some(Value::Text(text)) => int_of_text(&text),
        Some(value @ (Value::None | Value::List(_) | Value::Dict(_) | Value::Tuple(_))) => Err(type_error(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            value.type_name()
        ))),
        Some(value) => match value.as_int() {
            Some(number) => Ok(Value::Int(number)),
            None => Err(unknown("int() of this is not known here")),
        },
    }
}

pub(crate) fn int_of_text(text: &str) -> Outcome {
    let number = text.trim_matches(is_space);
    if !number.is_ascii() || number.contains('_') || number.len() > 4000 {
        return Err(unknown("int() of such a text is not known here"));
    }
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(value_error(format!(
            "invalid literal for int() with base 10: {}",
            python_repr(text)
        )));
    }
    crate::run::small(number.parse().ok())
}
