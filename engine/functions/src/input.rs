//! Columns of Arrow as a function sees them.
//!
//! Feast makes Python values of what is stored, and pandas makes columns of these by what they are. So a column of integers with a null
//! is one of floats, and one of nulls alone is one of objects; in python mode a null is None and nothing else changes.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampSecondType};
use feast_model::ValueType;

use crate::column::{Column, Data, NO_TIME, Times, Unit};
use crate::function::{Input, Mode};
use crate::native::read_json;
use crate::run::Run;
use crate::stop::{Outcome, unknown};
use crate::value::Value;

const MICROS: i64 = 1_000_000;

/// Whether values of a type are known as an input: what [`value_at`] gives.
pub(crate) fn is_known(value_type: &ValueType, mode: Mode) -> bool {
    use ValueType::{Bool, Bytes, Float32, Float64, ImageBytes, Int32, Int64, PdfBytes, String, UnixTimestamp};
    match value_type {
        Bool | Bytes | Float32 | Float64 | ImageBytes | Int32 | Int64 | PdfBytes | String | UnixTimestamp => true,
        ValueType::Uuid | ValueType::TimeUuid => mode == Mode::Pandas,
        ValueType::Json | ValueType::Map | ValueType::Struct(_) => mode != Mode::Pandas,
        ValueType::Array(element) => is_known(element, mode),
        _ => false,
    }
}

/// A column of the frame of pandas mode. What no run looks at is in its place, and empty: a column of objects, as those of the types
/// that are not known here are.
pub(crate) fn column_of(run: &mut Run, input: &Input<'_>, is_read: bool) -> Outcome<Column> {
    let array = &input.values;
    let rows = array.len();
    if !is_read || array.null_count() == rows {
        return Ok(Column::from(Data::Object(vec![Value::None; rows])));
    }
    let has_nulls = array.null_count() > 0;
    Ok(Column::from(match input.value_type {
        ValueType::Int64 if !has_nulls => Data::Int(array.as_primitive::<Int64Type>().values().to_vec()),
        ValueType::Int64 => {
            let numbers = array.as_primitive::<Int64Type>().iter();
            Data::Float(
                numbers
                    .map(|number| number.map_or(f64::NAN, |number| number as f64))
                    .collect(),
            )
        }
        ValueType::Int32 if !has_nulls => {
            let numbers = array.as_primitive::<Int32Type>().values().iter();
            Data::Int(numbers.map(|number| i64::from(*number)).collect())
        }
        ValueType::Int32 => {
            let numbers = array.as_primitive::<Int32Type>().iter();
            Data::Float(numbers.map(|number| number.map_or(f64::NAN, f64::from)).collect())
        }
        ValueType::Float64 => {
            let numbers = array.as_primitive::<Float64Type>().iter();
            Data::Float(numbers.map(|number| number.unwrap_or(f64::NAN)).collect())
        }
        ValueType::Float32 => {
            let numbers = array.as_primitive::<Float32Type>().iter();
            Data::Float(numbers.map(|number| number.map_or(f64::NAN, f64::from)).collect())
        }
        ValueType::Bool if !has_nulls => Data::Bool(array.as_boolean().values().iter().collect()),
        ValueType::UnixTimestamp => {
            let times = array.as_primitive::<TimestampSecondType>().iter();
            let micros = times.map(|seconds| seconds.map_or(Some(NO_TIME), |seconds| seconds.checked_mul(MICROS)));
            // Feast's own unit of them.
            let micros = micros.collect::<Option<_>>().ok_or_else(too_far)?;
            Data::Time(Times::new(micros, Some(Unit::Micro)))
        }
        _ => Data::Object(values_of(run, array, input.value_type, Lists::Arrays)?),
    }))
}

/// A list of python mode.
pub(crate) fn list_of(run: &mut Run, input: &Input<'_>, is_read: bool) -> Outcome<Vec<Value>> {
    if !is_read {
        return Ok(vec![Value::None; input.values.len()]);
    }
    values_of(run, &input.values, input.value_type, Lists::Lists)
}

/// The value of a row, of singleton mode.
pub(crate) fn value_of(run: &mut Run, input: &Input<'_>, row: usize, is_read: bool) -> Outcome {
    if !is_read {
        return Ok(Value::None);
    }
    let values = values_of(run, &input.values.slice(row, 1), input.value_type, Lists::Lists)?;
    Ok(values.into_iter().next().unwrap_or(Value::None))
}

/// What lists become.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lists {
    /// Arrays of numpy, in pandas mode.
    Arrays,
    Lists,
}

fn values_of(run: &mut Run, array: &ArrayRef, value_type: &ValueType, lists: Lists) -> Outcome<Vec<Value>> {
    let value = |row: usize| match array.is_null(row) {
        true => Ok(Value::None),
        false => value_at(run, array, value_type, row, lists),
    };
    (0..array.len()).map(value).collect()
}

fn value_at(run: &mut Run, array: &ArrayRef, value_type: &ValueType, row: usize, lists: Lists) -> Outcome {
    Ok(match value_type {
        ValueType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        ValueType::Int32 => Value::Int(i64::from(array.as_primitive::<Int32Type>().value(row))),
        ValueType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        ValueType::Float32 => Value::Float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        ValueType::Bool => Value::Bool(array.as_boolean().value(row)),
        ValueType::String => Value::text(array.as_string::<i32>().value(row)),
        ValueType::Bytes | ValueType::PdfBytes | ValueType::ImageBytes => {
            Value::Bytes(array.as_binary::<i32>().value(row).into())
        }
        // In python mode these are objects of the class UUID.
        ValueType::Uuid | ValueType::TimeUuid if lists == Lists::Arrays => {
            Value::text(array.as_string::<i32>().value(row))
        }
        // In pandas mode Arrow makes structs of them, which have each key of any row.
        ValueType::Json | ValueType::Map | ValueType::Struct(_) if lists == Lists::Lists => {
            read_json(run, array.as_string::<i32>().value(row))?
        }
        ValueType::UnixTimestamp => {
            let seconds = array.as_primitive::<TimestampSecondType>().value(row);
            Value::Time(seconds.checked_mul(MICROS).ok_or_else(too_far)?)
        }
        ValueType::Array(element) => {
            let items = values_of(run, &array.as_list::<i32>().value(row), element, lists)?;
            match lists {
                Lists::Arrays => Value::array(Column::of_values(&items)?),
                Lists::Lists => Value::list(items),
            }
        }
        other => {
            return Err(unknown(format!("an input of type {other} is not known here")));
        }
    })
}

fn too_far() -> crate::stop::Stop {
    unknown("times so far away are not known here")
}
