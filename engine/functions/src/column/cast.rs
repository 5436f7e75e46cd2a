//! `astype`.

use super::{Column, Data};
use crate::native::{float_of_text, int_of_text};
use crate::program::Text;
use crate::stop::{Outcome, Stop, raised, type_error, unknown, value_error};
use crate::value::{ExceptionClass, Value};

/// A column as one of another type, by numpy's name of it.
///
/// # Errors
/// What Python raises, or unknown.
pub(crate) fn cast(column: &Column, dtype: &str) -> Outcome<Column> {
    Ok(Column::from(match (dtype, &column.data) {
        ("int64", data) => Data::Int(ints(data)?),
        ("int32", Data::Time(_) | Data::NaiveTime(_) | Data::Delta(_)) => {
            return Err(unknown("times as integers of 32 bits are not known here"));
        }
        ("int32", data) => Data::Int32(small_ints(data)?),
        ("float64", data) => Data::Float(floats(data)?),
        ("float32", Data::Int(values)) => Data::Float32(values.iter().map(|number| *number as f32).collect()),
        ("float32", data) => Data::Float32(floats(data)?.into_iter().map(|number| number as f32).collect()),
        ("bool", data) => Data::Bool(flags(data)?),
        ("str", data) => Data::Object(texts(data)?),
        ("Int64", data) => Data::Nullable(nullable(data)?),
        ("string", data) => Data::Texts(nullable_texts(data)?),
        ("object", Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Object(_)) => {
            Data::Object(super::map_values(&column.data, Ok)?)
        }
        _ => {
            return Err(unknown(format!(
                "a column of {} as {dtype} is not known here",
                column.data.dtype()
            )));
        }
    }))
}

fn not_known(data: &Data, what: &str) -> Stop {
    unknown(format!("{} as {what} is not known here", data.dtype()))
}

fn ints(data: &Data) -> Outcome<Vec<i64>> {
    match data {
        Data::Int(values) => Ok(values.clone()),
        Data::Int32(values) => Ok(values.iter().map(|number| i64::from(*number)).collect()),
        Data::Bool(values) => Ok(values.iter().map(|flag| i64::from(*flag)).collect()),
        Data::Float(values) => {
            check_finite(values)?;
            let is_int = |number: &f64| number.abs() < 9_223_372_036_854_775_808.0;
            if !values.iter().all(is_int) {
                return Err(unknown("floats beyond 64 bits as integers are not known here"));
            }
            Ok(values.iter().map(|number| *number as i64).collect())
        }
        Data::Float32(_) => ints(&Data::Float(floats(data)?)),
        Data::Object(values) => values.iter().map(int).collect(),
        Data::UInt32(values) => Ok(values.iter().map(|number| i64::from(*number)).collect()),
        Data::Time(times) | Data::NaiveTime(times) | Data::Delta(times) => times.counts(),
        other => Err(not_known(other, "integers")),
    }
}

fn check_finite(values: &[f64]) -> Outcome<()> {
    match values.iter().all(|number| number.is_finite()) {
        true => Ok(()),
        false => Err(value_error("Cannot convert non-finite values (NA or inf) to integer")),
    }
}

/// An object as `int()` has it.
fn int(value: &Value) -> Outcome<i64> {
    match value {
        Value::None => Err(type_error(
            "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'",
        )),
        Value::Text(text) => match int_of_text(text)? {
            Value::Int(number) => Ok(number),
            _ => Err(unknown("this text as an integer is not known here")),
        },
        value => value
            .as_int()
            .ok_or_else(|| unknown("these objects as integers are not known here")),
    }
}

/// Integers of 32 bits. Of larger integers the lower bits are left.
fn small_ints(data: &Data) -> Outcome<Vec<i32>> {
    if let Data::Int(values) = data {
        let lower = |number: &i64| *number as i32;
        return Ok(values.iter().map(lower).collect());
    }
    let small = |number: i64| {
        i32::try_from(number).map_err(|_| unknown("values beyond 32 bits as integers are not known here"))
    };
    ints(data)?.into_iter().map(small).collect()
}

fn floats(data: &Data) -> Outcome<Vec<f64>> {
    if let Data::Object(values) = data {
        let number = |value: &Value| match value {
            Value::None => Ok(f64::NAN),
            Value::Text(text) => float_of_text(text),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => value
                .as_float()
                .ok_or_else(|| unknown("these objects as floats are not known here")),
            _ => Err(unknown("these objects as floats are not known here")),
        };
        return values.iter().map(number).collect();
    }
    super::floats(data).ok_or_else(|| not_known(data, "floats"))
}

fn flags(data: &Data) -> Outcome<Vec<bool>> {
    match data {
        Data::Bool(values) => Ok(values.clone()),
        Data::Int(values) => Ok(values.iter().map(|number| *number != 0).collect()),
        Data::Float(values) => Ok(values.iter().map(|number| *number != 0.0).collect()),
        Data::Object(values) => {
            let holds = |value: &Value| match value {
                Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => value.truth(),
                _ => Err(unknown("these objects as bools are not known here")),
            };
            values.iter().map(holds).collect()
        }
        other => Err(not_known(other, "bools")),
    }
}

fn texts(data: &Data) -> Outcome<Vec<Value>> {
    match data {
        Data::Bool(_) | Data::Int(_) | Data::Int32(_) | Data::Float(_) | Data::Object(_) => {
            super::map_values(data, |value| Ok(Value::text(value.to_text()?)))
        }
        Data::Time(_) | Data::NaiveTime(_) => super::times::texts(data),
        other => Err(not_known(other, "text")),
    }
}

/// Integers of which some may be missing. Floats that are none are refused by pandas.
fn nullable(data: &Data) -> Outcome<Vec<Option<i64>>> {
    match data {
        Data::Int(_) | Data::Bool(_) => Ok(ints(data)?.into_iter().map(Some).collect()),
        Data::Float(values)
            if values
                .iter()
                .any(|number| number.is_infinite() || number.fract() != 0.0 && !number.is_nan()) =>
        {
            Err(no_integers(values))
        }
        Data::Float(values) => {
            let int = |number: &f64| match *number {
                number if number.is_nan() => Ok(None),
                number if number.abs() < 9_223_372_036_854_775_808.0 => Ok(Some(number as i64)),
                _ => Err(unknown("floats beyond 64 bits as integers are not known here")),
            };
            values.iter().map(int).collect()
        }
        Data::Object(values) => {
            let is = |kind: fn(&Value) -> bool| values.iter().all(kind);
            match is(|value| matches!(value, Value::None | Value::Bool(_))) {
                true => Ok(values.iter().map(Value::as_int).collect()),
                false if is(|value| matches!(value, Value::Text(_))) => {
                    values.iter().map(|value| int(value).map(Some)).collect()
                }
                false => Err(not_known(data, "Int64")),
            }
        }
        other => Err(not_known(other, "Int64")),
    }
}

/// What pandas says of floats that are no integers. It first asks the greatest, and goes on with objects if that is none.
fn no_integers(values: &[f64]) -> Stop {
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let is_large = |number: &f64| number.abs() >= 9_223_372_036_854_775_808.0;
    let kind = match greatest {
        f64::INFINITY => {
            return raised(
                ExceptionClass::of("OverflowError"),
                "cannot convert float infinity to integer",
            );
        }
        _ if values.contains(&f64::NEG_INFINITY) => return unknown("infinite floats as Int64 are not known here"),
        greatest if greatest.fract() == 0.0 => "float64",
        _ if values.iter().any(is_large) => return unknown("floats beyond 64 bits as Int64 are not known here"),
        _ => "object",
    };
    type_error(format!("cannot safely cast non-equivalent {kind} to int64"))
}

fn nullable_texts(data: &Data) -> Outcome<Vec<Option<Text>>> {
    let text = |row: usize| match data.get(row) {
        value if value.is_missing() => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        value @ (Value::Bool(_) | Value::Int(_) | Value::Float(_)) => Ok(Some(Text::from(value.to_text()?))),
        _ => Err(not_known(data, "string")),
    };
    match data {
        Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Object(_) => (0..data.len()).map(text).collect(),
        other => Err(not_known(other, "string")),
    }
}
