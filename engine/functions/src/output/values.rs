//! Single values, each of whatever kind, to an array of the declared type, as Feast converts them.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryArray, BooleanArray, BooleanBuilder, Float32Array, Float32Builder, Float64Array,
    Float64Builder, Int32Array, Int32Builder, Int64Array, Int64Builder, ListBuilder, StringArray, StringBuilder,
    TimestampSecondArray, new_empty_array,
};
use arrow::datatypes::DataType;
use feast_model::ValueType;

use super::MICROS;
use super::documents;
use crate::stop::{Outcome, raised, unknown, value_error};
use crate::value::{ExceptionClass, Value};

/// Whether functions can give values of a type here. What they do give may still be something else.
pub fn is_given(value_type: &ValueType) -> bool {
    use ValueType::{Bool, Bytes, Decimal, Float32, Float64, Int32, Int64, Json, Map, String, TimeUuid, Uuid};
    match value_type {
        ValueType::UnixTimestamp | ValueType::Struct(_) => true,
        ValueType::Array(item) => matches!(**item, Bool | Float32 | Float64 | Int32 | Int64 | String),
        Bool | Bytes | Decimal | Float32 | Float64 | Int32 | Int64 | Json | Map | String | TimeUuid | Uuid => true,
        _ => false,
    }
}

pub(super) fn of_values(values: &[Value], value_type: &ValueType) -> Outcome<ArrayRef> {
    if values.is_empty() {
        return Ok(new_empty_array(&value_type.arrow_type()));
    }
    Ok(match value_type {
        ValueType::Int64 => Arc::new(each(values, integer)?.into_iter().collect::<Int64Array>()),
        ValueType::Int32 => {
            let small = |value: &Value| integer(value)?.map(narrow).transpose();
            Arc::new(each(values, small)?.into_iter().collect::<Int32Array>())
        }
        ValueType::Float64 => Arc::new(each(values, float)?.into_iter().collect::<Float64Array>()),
        ValueType::Float32 => {
            let numbers = each(values, float)?.into_iter();
            Arc::new(
                numbers
                    .map(|number| number.map(|number| number as f32))
                    .collect::<Float32Array>(),
            )
        }
        // Feast asks the first value that is there for its type, and NaN has one.
        ValueType::Bool if values.iter().any(|value| matches!(value.plain(), Value::Float(_))) => {
            return Err(unknown("a float as a bool is not known here"));
        }
        ValueType::Bool => Arc::new(each(values, flag)?.into_iter().collect::<BooleanArray>()),
        ValueType::String => Arc::new(each(values, text)?.into_iter().collect::<StringArray>()),
        ValueType::UnixTimestamp => Arc::new(each(values, time)?.into_iter().collect::<TimestampSecondArray>()),
        // As of bools.
        ValueType::Bytes | ValueType::Uuid | ValueType::TimeUuid | ValueType::Decimal
            if values.iter().any(|value| matches!(value.plain(), Value::Float(_))) =>
        {
            return Err(unknown(format!(
                "a float as {} is not known here",
                value_type.feast_name()
            )));
        }
        ValueType::Bytes => {
            let values = each(values, bytes)?;
            Arc::new(values.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
        ValueType::Uuid | ValueType::TimeUuid | ValueType::Decimal => {
            Arc::new(each(values, own_text)?.into_iter().collect::<StringArray>())
        }
        ValueType::Map | ValueType::Struct(_) => {
            let maps = values.iter().map(documents::map).collect::<Outcome<Vec<_>>>()?;
            Arc::new(maps.into_iter().collect::<StringArray>())
        }
        ValueType::Json => {
            let texts = values.iter().map(documents::json).collect::<Outcome<Vec<_>>>()?;
            Arc::new(texts.into_iter().collect::<StringArray>())
        }
        ValueType::Array(element) => lists(values, element)?,
        other => {
            return Err(unknown(format!(
                "an output of type {} is not known here",
                other.feast_name()
            )));
        }
    })
}

fn each<T>(values: &[Value], convert: impl Fn(&Value) -> Outcome<Option<T>>) -> Outcome<Vec<Option<T>>> {
    let convert = |value: &Value| match value.is_missing() {
        true => Ok(None),
        false => convert(value),
    };
    values.iter().map(convert).collect()
}

fn integer(value: &Value) -> Outcome<Option<i64>> {
    match value {
        Value::Float(number) if number.is_infinite() => Err(raised(
            ExceptionClass::of("OverflowError"),
            "cannot convert float infinity to integer",
        )),
        Value::Float(number) if number.abs() < 9_223_372_036_854_775_808.0 => Ok(Some(*number as i64)),
        Value::Float(_) => Err(unknown("a number beyond 64 bits as an output is not known here")),
        Value::List(_) | Value::Array(_) => Ok(None),
        Value::Big(number) => Err(value_error(format!("Value out of range: {number}"))),
        value => match value.as_int() {
            Some(number) => Ok(Some(number)),
            None => Err(unknown(format!(
                "{} as an integer is not known here",
                value.type_name()
            ))),
        },
    }
}

fn narrow(number: i64) -> Outcome<i32> {
    i32::try_from(number).map_err(|_| value_error(format!("Value out of range: {number}")))
}

fn float(value: &Value) -> Outcome<Option<f64>> {
    match value {
        Value::Float(number) => Ok(Some(*number)),
        Value::Int(number) => Ok(Some(*number as f64)),
        Value::List(_) | Value::Array(_) => Ok(None),
        other => Err(unknown(format!("{} as a float is not known here", other.type_name()))),
    }
}

fn flag(value: &Value) -> Outcome<Option<bool>> {
    match value {
        Value::Bool(flag) => Ok(Some(*flag)),
        Value::Int(number) => Ok(Some(*number != 0)),
        other => Err(unknown(format!("{} as a bool is not known here", other.type_name()))),
    }
}

fn text(value: &Value) -> Outcome<Option<String>> {
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Array(_) => Ok(None),
        // Feast writes these in its own way.
        Value::Time(_)
        | Value::NaiveTime(_)
        | Value::Delta(_)
        | Value::Set(_)
        | Value::Bytes(_)
        | Value::Calendar(_)
        | Value::Match(_)
        | Value::Pattern(_) => Err(unknown(format!("{} as a text is not known here", value.type_name()))),
        value => value.to_text().map(Some),
    }
}

/// What Feast writes as it is.
fn own_text(value: &Value) -> Outcome<Option<String>> {
    match value {
        Value::Text(text) => Ok(Some(text.to_string())),
        other => Err(unknown(format!(
            "{} as such a text is not known here",
            other.type_name()
        ))),
    }
}

fn bytes(value: &Value) -> Outcome<Option<Arc<[u8]>>> {
    match value {
        Value::Bytes(bytes) => Ok(Some(Arc::clone(bytes))),
        other => Err(unknown(format!("{} as bytes is not known here", other.type_name()))),
    }
}

fn time(value: &Value) -> Outcome<Option<i64>> {
    match value {
        // Feast cuts in python mode and floors in pandas mode.
        Value::Time(micros) | Value::NaiveTime(micros) if *micros < 0 && micros % MICROS != 0 => Err(unknown(
            "a fraction of a second before 1970 as a time is not known here",
        )),
        Value::Time(micros) | Value::NaiveTime(micros) => Ok(Some(micros.div_euclid(MICROS))),
        Value::Int(seconds) => Ok(Some(*seconds)),
        other => Err(unknown(format!("{} as a time is not known here", other.type_name()))),
    }
}

fn lists(values: &[Value], element: &ValueType) -> Outcome<ArrayRef> {
    match element.arrow_type() {
        // Of a missing item Feast makes a zero.
        DataType::Int64 => lists_of(values, "integers", Int64Builder::new(), |builder, item| {
            let Value::Int(number) = item else { return Ok(false) };
            builder.append_value(*number);
            Ok(true)
        }),
        DataType::Int32 => lists_of(values, "integers", Int32Builder::new(), |builder, item| {
            let Value::Int(number) = item else { return Ok(false) };
            builder.append_value(narrow(*number)?);
            Ok(true)
        }),
        DataType::Float64 => lists_of(values, "floats", Float64Builder::new(), |builder, item| {
            let Value::Float(number) = item else { return Ok(false) };
            builder.append_value(*number);
            Ok(true)
        }),
        DataType::Float32 => lists_of(values, "floats", Float32Builder::new(), |builder, item| {
            let Value::Float(number) = item else { return Ok(false) };
            builder.append_value(*number as f32);
            Ok(true)
        }),
        DataType::Boolean => lists_of(values, "bools", BooleanBuilder::new(), |builder, item| {
            let Value::Bool(flag) = item else { return Ok(false) };
            builder.append_value(*flag);
            Ok(true)
        }),
        DataType::Utf8 => lists_of(values, "texts", StringBuilder::new(), |builder, item| {
            let Value::Text(text) = item else { return Ok(false) };
            builder.append_value(text);
            Ok(true)
        }),
        other => Err(unknown(format!("lists of {other} as an output are not known here"))),
    }
}

/// Lists of which `append` adds an item to a builder, or says that it is not of that kind.
fn lists_of<Items: ArrayBuilder>(
    values: &[Value],
    kind: &str,
    items: Items,
    append: impl Fn(&mut Items, &Value) -> Outcome<bool>,
) -> Outcome<ArrayRef> {
    let mut builder = ListBuilder::new(items);
    for value in values {
        let items = items_of(value)?;
        for item in items.iter().flatten() {
            if !append(builder.values(), item.plain())? {
                return Err(unknown(format!("this item of a list of {kind} is not known here")));
            }
        }
        builder.append(items.is_some());
    }
    Ok(Arc::new(builder.finish()))
}

/// The items of a list; none of a missing value.
fn items_of(value: &Value) -> Outcome<Option<Vec<Value>>> {
    match value {
        Value::None => Ok(None),
        Value::List(_) | Value::Tuple(_) | Value::Array(_) => value.items().map(Some),
        other => Err(unknown(format!("{} as a list is not known here", other.type_name()))),
    }
}
