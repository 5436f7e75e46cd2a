//! JSON of any Arrow value: the stored form of maps and structs, and strings that must be JSON.
//!
//! Owns how a value is written in a document. Knows nothing of value types.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampSecondType, UInt64Type};
use arrow::error::ArrowError;
use serde_json::Value;

use crate::cast::strict_cast;

/// The JSON of each value. Strings are checked and kept.
pub(crate) fn json_strings(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if column.data_type().is_nested() {
        return documents(column);
    }
    checked_strings(column, |string, _| Ok(Cow::Borrowed(string)))
}

/// The JSON of each value. Strings must hold objects, and are written compactly.
pub(crate) fn object_strings(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if column.data_type().is_nested() {
        return documents(column);
    }
    checked_strings(column, |string, value| match value {
        Value::Object(_) => Ok(Cow::Owned(compact_json(string))),
        _ => Err(ArrowError::CastError(format!("{string:?} is not a JSON object"))),
    })
}

fn documents(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let mut builder = StringBuilder::new();
    let mut json = String::new();
    for row in 0..column.len() {
        json.clear();
        if column.is_null(row) {
            builder.append_null();
            continue;
        }
        push_json(column, row, &mut json)?;
        builder.append_value(&json);
    }
    Ok(Arc::new(builder.finish()))
}

/// What `form` makes of each string, which is given to it as it is and parsed.
fn checked_strings(
    column: &ArrayRef,
    form: for<'a> fn(&'a str, &Value) -> Result<Cow<'a, str>, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    let mut builder = StringBuilder::new();
    let strings = strict_cast(column, &DataType::Utf8)?;
    for string in strings.as_string::<i32>() {
        let Some(string) = string else {
            builder.append_null();
            continue;
        };
        let value: Value = serde_json::from_str(string)
            .map_err(|source| ArrowError::CastError(format!("{string:?} is not valid JSON: {source}")))?;
        builder.append_value(form(string, &value)?);
    }
    Ok(Arc::new(builder.finish()))
}

/// JSON without the blanks between its parts. Numbers keep their digits: parsed, those beyond 64 bits would lose some.
fn compact_json(json: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    let mut keep = |character: char| {
        let is_kept = in_string || !matches!(character, ' ' | '\n' | '\r' | '\t');
        if character == '"' && !is_escaped {
            in_string = !in_string;
        }
        is_escaped = in_string && character == '\\' && !is_escaped;
        is_kept
    };
    json.chars().filter(|character| keep(*character)).collect()
}

/// Appends the JSON form of one value. Timestamps become whole seconds and bytes lower-case hexadecimal digits,
/// as nothing in a document says what they were.
pub(crate) fn push_json(array: &ArrayRef, row: usize, out: &mut String) -> Result<(), ArrowError> {
    // An array of nulls alone has no bits that say so.
    if array.is_null(row) || *array.data_type() == DataType::Null {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Struct(fields) => {
            let members = array.as_struct();
            let pairs = fields.iter().zip(members.columns());
            push_separated('{', '}', pairs, out, |(field, column), out| {
                push_string(field.name(), out);
                out.push(':');
                push_json(column, row, out)
            })?;
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let keys = arrow::compute::cast(entries.column(0), &DataType::Utf8)?;
            let keys = keys.as_string::<i32>();
            push_separated('{', '}', 0..entries.len(), out, |entry, out| {
                push_string(keys.value(entry), out);
                out.push(':');
                push_json(entries.column(1), entry, out)
            })?;
        }
        DataType::List(_) => push_items(&array.as_list::<i32>().value(row), out)?,
        DataType::LargeList(_) => push_items(&array.as_list::<i64>().value(row), out)?,
        DataType::FixedSizeList(..) => push_items(&array.as_fixed_size_list().value(row), out)?,
        _ => push_scalar(&array.slice(row, 1), out)?,
    }
    Ok(())
}

fn push_items(items: &ArrayRef, out: &mut String) -> Result<(), ArrowError> {
    push_separated('[', ']', 0..items.len(), out, |item, out| push_json(items, item, out))
}

fn push_separated<T>(
    open: char,
    close: char,
    items: impl Iterator<Item = T>,
    out: &mut String,
    mut push: impl FnMut(T, &mut String) -> Result<(), ArrowError>,
) -> Result<(), ArrowError> {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        push(item, out)?;
    }
    out.push(close);
    Ok(())
}

/// `value` has one row, which is not null.
fn push_scalar(value: &ArrayRef, out: &mut String) -> Result<(), ArrowError> {
    let cast = |target: &DataType| arrow::compute::cast(value, target);
    match value.data_type() {
        kind if kind.is_unsigned_integer() => {
            push_display(cast(&DataType::UInt64)?.as_primitive::<UInt64Type>().value(0), out)
        }
        kind if kind.is_signed_integer() => {
            push_display(cast(&DataType::Int64)?.as_primitive::<Int64Type>().value(0), out)
        }
        DataType::Float32 => push_float(f64::from(value.as_primitive::<Float32Type>().value(0)), out),
        kind if kind.is_floating() => push_float(cast(&DataType::Float64)?.as_primitive::<Float64Type>().value(0), out),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            let seconds = cast(&DataType::Timestamp(TimeUnit::Second, None))?;
            push_display(seconds.as_primitive::<TimestampSecondType>().value(0), out);
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes = cast(&DataType::Binary)?;
            let digits = bytes
                .as_binary::<i32>()
                .value(0)
                .iter()
                .fold(String::new(), |mut digits, byte| {
                    // Writing to a string cannot fail.
                    let _ = write!(digits, "{byte:02x}");
                    digits
                });
            push_string(&digits, out);
        }
        _ => push_string(cast(&DataType::Utf8)?.as_string::<i32>().value(0), out),
    }
    Ok(())
}

fn push_display(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// Shortest digits that read back to the same number; not-a-number and infinities as Feast's strings.
fn push_float(value: f64, out: &mut String) {
    match serde_json::Number::from_f64(value) {
        Some(number) => push_display(number, out),
        None if value.is_nan() => out.push_str("\"NaN\""),
        None => out.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }),
    }
}

fn push_string(string: &str, out: &mut String) {
    push_display(Value::from(string), out);
}
