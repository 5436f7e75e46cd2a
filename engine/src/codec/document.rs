//! JSON text of any Arrow value: the stored form of maps and structs.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampSecondType, UInt64Type};
use arrow::error::ArrowError;

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
                push_text(field.name(), out);
                out.push(':');
                push_json(column, row, out)
            })?;
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let keys = arrow::compute::cast(entries.column(0), &DataType::Utf8)?;
            let keys = keys.as_string::<i32>();
            push_separated('{', '}', 0..entries.len(), out, |entry, out| {
                push_text(keys.value(entry), out);
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
            push_text(&digits, out);
        }
        _ => push_text(cast(&DataType::Utf8)?.as_string::<i32>().value(0), out),
    }
    Ok(())
}

fn push_display(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// Shortest text that reads back to the same number; not-a-number and infinities as Feast's strings.
fn push_float(value: f64, out: &mut String) {
    match serde_json::Number::from_f64(value) {
        Some(number) => push_display(number, out),
        None if value.is_nan() => out.push_str("\"NaN\""),
        None => out.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }),
    }
}

fn push_text(text: &str, out: &mut String) {
    push_display(serde_json::Value::from(text), out);
}
