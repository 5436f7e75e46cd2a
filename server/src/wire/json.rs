//! Single values as JSON, in Feast's encodings: 64-bit integers as numbers, bytes as base64, timestamps as whole seconds,
//! numbers that JSON cannot hold as strings.

use std::ops::Range;

use arrow::array::{
    Array, ArrayAccessor, ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, TimestampSecondArray,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampSecondType};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use feast_engine::model::{Timestamp, TimestampWriter, ValueType};

/// A column, typed once, whose cells can be written as JSON.
pub(super) enum JsonColumn<'a> {
    Bool(&'a BooleanArray),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Seconds(&'a TimestampSecondArray),
    String(&'a StringArray),
    /// Strings that are JSON already.
    Document(&'a StringArray),
    Bytes(&'a BinaryArray),
    List(&'a ListArray, Box<JsonColumn<'a>>),
    /// A type that no feature has: all cells are null.
    Unknown,
}

impl<'a> JsonColumn<'a> {
    pub(super) fn new(values: &'a ArrayRef, value_type: &ValueType) -> Self {
        match values.data_type() {
            DataType::Boolean => Self::Bool(values.as_boolean()),
            DataType::Int32 => Self::Int32(values.as_primitive::<Int32Type>()),
            DataType::Int64 => Self::Int64(values.as_primitive::<Int64Type>()),
            DataType::Float32 => Self::Float32(values.as_primitive::<Float32Type>()),
            DataType::Float64 => Self::Float64(values.as_primitive::<Float64Type>()),
            DataType::Timestamp(..) => Self::Seconds(values.as_primitive::<TimestampSecondType>()),
            DataType::Utf8 if value_type.is_document() => Self::Document(values.as_string::<i32>()),
            DataType::Utf8 => Self::String(values.as_string::<i32>()),
            DataType::Binary => Self::Bytes(values.as_binary::<i32>()),
            DataType::List(_) => {
                let list = values.as_list::<i32>();
                let element = match value_type {
                    ValueType::Array(element) | ValueType::Set(element) => element,
                    other => other,
                };
                Self::List(list, Box::new(JsonColumn::new(list.values(), element)))
            }
            _ => Self::Unknown,
        }
    }

    /// Appends the cells of those rows with commas between them.
    pub(super) fn write(&self, rows: Range<usize>, out: &mut Vec<u8>) {
        match self {
            Self::Bool(array) => write_cells(*array, rows, out, |flag, out| {
                out.extend_from_slice(if flag { b"true" } else { b"false" });
            }),
            Self::Int32(array) => write_cells(*array, rows, out, write_integer),
            Self::Int64(array) => write_cells(*array, rows, out, write_integer),
            Self::Seconds(array) => write_cells(*array, rows, out, write_integer),
            Self::Float32(array) => write_cells(*array, rows, out, |number, out| write_float(f64::from(number), out)),
            Self::Float64(array) => write_cells(*array, rows, out, write_float),
            Self::String(array) => write_cells(*array, rows, out, write_string),
            Self::Document(array) => write_cells(*array, rows, out, |json, out| out.extend_from_slice(json.as_bytes())),
            Self::Bytes(array) => write_cells(*array, rows, out, |bytes, out| {
                out.push(b'"');
                out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
                out.push(b'"');
            }),
            Self::List(array, items) => {
                let offsets = array.value_offsets();
                write_items(rows, out, |row, out| {
                    if array.is_null(row) {
                        return write_null(out);
                    }
                    out.push(b'[');
                    items.write(offsets[row] as usize..offsets[row + 1] as usize, out);
                    out.push(b']');
                });
            }
            Self::Unknown => write_items(rows, out, |_, out| write_null(out)),
        }
    }
}

/// The cells of an array, each written by `write` unless it is null.
fn write_cells<Array: ArrayAccessor>(
    array: Array,
    rows: Range<usize>,
    out: &mut Vec<u8>,
    write: impl Fn(Array::Item, &mut Vec<u8>),
) {
    if array.null_count() == 0 {
        return write_items(rows, out, |row, out| write(array.value(row), out));
    }
    write_items(rows, out, |row, out| {
        if array.is_null(row) {
            write_null(out);
        } else {
            write(array.value(row), out);
        }
    });
}

fn write_null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

/// Whatever `write` appends for each item, with commas between.
pub(super) fn write_items<T>(
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    // Inner iteration keeps the loop in one function. A call for each column of a response cost 5 % of a small read.
    items.fold(false, |follows, item| {
        if follows {
            out.push(b',');
        }
        write(item, out);
        true
    });
}

/// As [`write_items`], in brackets.
pub(super) fn write_list<T>(items: impl Iterator<Item = T>, out: &mut Vec<u8>, write: impl FnMut(T, &mut Vec<u8>)) {
    out.push(b'[');
    write_items(items, out, write);
    out.push(b']');
}

pub(super) fn write_string(string: &str, out: &mut Vec<u8>) {
    // Writing a string into memory cannot fail.
    let _ = serde_json::to_writer(out, string);
}

pub(super) fn write_integer(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn write_float(number: f64, out: &mut Vec<u8>) {
    if number.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(number).as_bytes());
    } else if number.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if number > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        });
    }
}

pub(super) fn write_time(time: Timestamp, writer: &mut TimestampWriter, out: &mut Vec<u8>) {
    out.push(b'"');
    writer.write(time, out);
    out.push(b'"');
}
