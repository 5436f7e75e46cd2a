//! Cells of Arrow columns into values.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampSecondType};
use feast_model::ValueType;
use feast_python_notation::python_float;

use super::decode::{ITEMS, NULL_SECONDS};
use super::document_writer::push_document;
use super::shape::{Form, Number, STRING, Shape};
use super::wire::{
    BYTES, FIXED32, FIXED64, VARINT, push_bytes, push_message, push_tag, push_varint, signed, varint_length,
};
use super::{MAX_DEPTH, zone};

/// Writes the values of one feature. Made once a feature.
#[derive(Debug, Clone)]
pub struct ValueEncoder {
    shape: Shape,
}

/// A value that `feast.types.Value` has no form for. Python refuses it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Feast has no form for the value in row {row}: {reason}")]
pub struct UnstorableValue {
    /// Its row in the column.
    pub row: usize,
    /// What it cannot hold.
    pub reason: &'static str,
}

/// `Err` says what a Value cannot hold.
pub(super) type Written = Result<(), &'static str>;

impl ValueEncoder {
    /// For a feature of this type.
    pub fn new(value_type: &ValueType) -> Self {
        Self {
            shape: Shape::of(value_type),
        }
    }

    /// Whether there is a form for every value of a canonical column. To be asked before the first of them is written. Costs nothing
    /// for most types: only documents, times with a zone, and lists of integers or of documents have values without a form.
    ///
    /// # Errors
    /// For the first value without a form.
    pub fn check(&self, column: &ArrayRef) -> Result<(), UnstorableValue> {
        if !may_be_unstorable(&self.shape.form) {
            return Ok(());
        }
        let mut scratch = Vec::new();
        for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
            scratch.clear();
            push_value(&self.shape, column, row, &mut scratch).map_err(|reason| UnstorableValue { row, reason })?;
        }
        Ok(())
    }

    /// Appends the serialized `feast.types.Value` of one cell of a canonical column. Nothing for a null, which is how Feast keeps it;
    /// a float that is not a number is a null to Feast too. Nothing either for a value that [`ValueEncoder::check`] refuses.
    ///
    /// A null item of a list is what Python writes in its place: an empty string, `false`, not-a-number.
    pub fn encode(&self, column: &ArrayRef, row: usize, out: &mut Vec<u8>) {
        if column.is_null(row) {
            return;
        }
        let start = out.len();
        if push_value(&self.shape, column, row, out).is_err() {
            out.truncate(start);
        }
    }

    /// What Feast keeps beside a value in SQLite's column `value_text`: of strings, numbers and flags alone, as Python's `str` writes
    /// them. `None` for a null too.
    pub fn text_of(&self, column: &ArrayRef, row: usize) -> Option<String> {
        if column.is_null(row) {
            return None;
        }
        match &self.shape.form {
            Form::String if self.shape.member == STRING => Some(column.as_string::<i32>().value(row).to_owned()),
            Form::Number(Number::Bool) => Some(
                if column.as_boolean().value(row) {
                    "True"
                } else {
                    "False"
                }
                .to_owned(),
            ),
            Form::Number(Number::Int32) => Some(column.as_primitive::<Int32Type>().value(row).to_string()),
            Form::Number(Number::Int64) => Some(column.as_primitive::<Int64Type>().value(row).to_string()),
            // Python has no narrower float, so 0.1 is 0.10000000149011612.
            Form::Number(Number::Float32) => float_text(column.as_primitive::<Float32Type>().value(row).into()),
            Form::Number(Number::Float64) => float_text(column.as_primitive::<Float64Type>().value(row)),
            _ => None,
        }
    }
}

fn float_text(value: f64) -> Option<String> {
    (!value.is_nan()).then(|| python_float(value))
}

fn may_be_unstorable(form: &Form) -> bool {
    match form {
        Form::Document | Form::ScalarMap | Form::ZonedTime | Form::Documents => true,
        Form::Numbers(number) => matches!(number, Number::Int32 | Number::Int64),
        Form::Values(items) => may_be_unstorable(&items.form),
        _ => false,
    }
}

/// Appends a cell that is not null.
#[inline]
fn push_value(shape: &Shape, column: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Written {
    let member = shape.member;
    match &shape.form {
        Form::Number(number) => push_number(*number, member, column, row, out),
        Form::Bytes => push_bytes(member, column.as_binary::<i32>().value(row), out),
        Form::String => push_bytes(member, column.as_string::<i32>().value(row).as_bytes(), out),
        Form::Document => {
            let json = column.as_string::<i32>().value(row);
            push_message(member, out, |out| push_document(json, MAX_DEPTH - 1, out))?;
        }
        Form::ScalarMap => push_scalar_map(member, column.as_string::<i32>().value(row), out)?,
        Form::ZonedTime => {
            let string = column.as_string::<i32>().value(row);
            push_message(member, out, |out| match zone::push_message(string, out) {
                true => Ok(()),
                false => Err("it is not a time"),
            })?;
        }
        list => push_list(list, member, &column.as_list::<i32>().value(row), out)?,
    }
    Ok(())
}

/// Feast's map with scalar keys has no string keys, and JSON has no others: which type a key has is nowhere said.
fn push_scalar_map(member: u32, json: &str, out: &mut Vec<u8>) -> Written {
    if json.split_whitespace().collect::<String>() != "{}" {
        return Err("the keys of a ScalarMap are not strings, and JSON has no others");
    }
    push_bytes(member, &[], out);
    Ok(())
}

fn push_number(number: Number, member: u32, column: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match number {
        Number::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            if !value.is_nan() {
                push_tag(member, FIXED32, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        Number::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            if !value.is_nan() {
                push_tag(member, FIXED64, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        integer => {
            push_tag(member, VARINT, out);
            push_varint(varint_of(integer, column, row), out);
        }
    }
}

/// A flag, an integer or a time, of which that of a null is Python's.
fn varint_of(number: Number, column: &ArrayRef, row: usize) -> u64 {
    match number {
        Number::Seconds if column.is_null(row) => signed(NULL_SECONDS),
        _ if column.is_null(row) => 0,
        Number::Bool => u64::from(column.as_boolean().value(row)),
        Number::Int32 => signed(column.as_primitive::<Int32Type>().value(row).into()),
        Number::Seconds => signed(column.as_primitive::<TimestampSecondType>().value(row)),
        _ => signed(column.as_primitive::<Int64Type>().value(row)),
    }
}

fn push_list(form: &Form, member: u32, items: &ArrayRef, out: &mut Vec<u8>) -> Written {
    match form {
        Form::Numbers(number) => return push_numbers(*number, member, items, out),
        Form::ListOfBytes => {
            let items = items.as_binary::<i32>();
            push_byte_strings(member, items.iter().map(Option::unwrap_or_default), out);
        }
        Form::Strings => {
            let items = items.as_string::<i32>();
            push_byte_strings(
                member,
                items.iter().map(|item| item.unwrap_or_default().as_bytes()),
                out,
            );
        }
        Form::Documents => {
            let items = items.as_string::<i32>();
            return push_message(member, out, |out| {
                items.iter().try_for_each(|item| {
                    let json = item.ok_or("a list of documents has a null item")?;
                    push_message(ITEMS, out, |out| push_document(json, MAX_DEPTH - 2, out))
                })
            });
        }
        Form::Values(shape) => {
            return push_message(member, out, |out| {
                (0..items.len()).try_for_each(|item| match items.is_null(item) {
                    true => {
                        push_bytes(ITEMS, &[], out);
                        Ok(())
                    }
                    false => push_message(ITEMS, out, |out| push_value(shape, items, item, out)),
                })
            });
        }
        _ => {}
    }
    Ok(())
}

/// Numbers are packed into one field, which a list without any does not have.
fn push_numbers(number: Number, member: u32, items: &ArrayRef, out: &mut Vec<u8>) -> Written {
    if matches!(number, Number::Int32 | Number::Int64) && items.null_count() > 0 {
        return Err("a list of integers has a null item");
    }
    let count = items.len();
    let length = match number {
        Number::Float32 => count * 4,
        Number::Float64 => count * 8,
        integer => (0..count)
            .map(|item| varint_length(varint_of(integer, items, item)))
            .sum(),
    };
    push_tag(member, BYTES, out);
    if count == 0 {
        out.push(0);
        return Ok(());
    }
    push_varint((1 + varint_length(length as u64) + length) as u64, out);
    push_tag(ITEMS, BYTES, out);
    push_varint(length as u64, out);
    match number {
        Number::Float32 => {
            let items = items.as_primitive::<Float32Type>().iter();
            items.for_each(|item| out.extend_from_slice(&item.unwrap_or(f32::NAN).to_le_bytes()));
        }
        Number::Float64 => {
            let items = items.as_primitive::<Float64Type>().iter();
            items.for_each(|item| out.extend_from_slice(&item.unwrap_or(f64::NAN).to_le_bytes()));
        }
        integer => (0..count).for_each(|item| push_varint(varint_of(integer, items, item), out)),
    }
    Ok(())
}

fn push_byte_strings<'a>(member: u32, items: impl Iterator<Item = &'a [u8]> + Clone, out: &mut Vec<u8>) {
    let length: usize = items
        .clone()
        .map(|item| 1 + varint_length(item.len() as u64) + item.len())
        .sum();
    push_tag(member, BYTES, out);
    push_varint(length as u64, out);
    items.for_each(|item| push_bytes(ITEMS, item, out));
}
