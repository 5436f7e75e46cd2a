//! Columns as bytes, which Python reads with `struct` and `array` alone.
//!
//! A column is a byte that says whether any value is missing, if so a byte for each row that says whether it is there, and the values
//! in this machine's order: numbers and times (seconds) of their width, a byte for a bool; for texts, bytes and lists first all
//! lengths (4 bytes each), then the bytes, or the items as a column. A missing value is 0 or empty. Costs some bytes more than Arrow
//! and none of its 10 ms and 40 MB to import.
//!
//! Must not know requests. What Python wrote is not trusted: functions can reach everything of their process.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, ListArray, PrimitiveArray, StringArray, TimestampSecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowNativeType, ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type,
    TimestampSecondType, ToByteSlice,
};

/// Appends a column.
///
/// # Errors
/// Which type of Arrow is not known.
pub(crate) fn write(array: &dyn Array, into: &mut Vec<u8>) -> Result<(), String> {
    write_flags(array, into);
    match array.data_type() {
        DataType::Int64 => write_numbers::<Int64Type>(array, into),
        DataType::Int32 => write_numbers::<Int32Type>(array, into),
        DataType::Float64 => write_numbers::<Float64Type>(array, into),
        DataType::Float32 => write_numbers::<Float32Type>(array, into),
        DataType::Timestamp(arrow::datatypes::TimeUnit::Second, _) => write_numbers::<TimestampSecondType>(array, into),
        DataType::Boolean => {
            let values = array.as_boolean();
            into.extend((0..array.len()).map(|row| u8::from(values.is_valid(row) && values.value(row))));
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            write_bytes(texts.iter().map(|text| text.map(str::as_bytes)), into)?;
        }
        DataType::Binary => write_bytes(array.as_binary::<i32>().iter(), into)?,
        DataType::List(_) => write_lists(array.as_list::<i32>(), into)?,
        other => return Err(format!("columns of {other} are not known")),
    }
    Ok(())
}

fn write_flags(array: &dyn Array, into: &mut Vec<u8>) {
    let has_nulls = array.null_count() > 0;
    into.push(u8::from(has_nulls));
    if has_nulls {
        into.extend((0..array.len()).map(|row| u8::from(array.is_valid(row))));
    }
}

fn write_numbers<T: ArrowPrimitiveType>(array: &dyn Array, into: &mut Vec<u8>) {
    let values = array.as_primitive::<T>();
    match values.null_count() {
        0 => into.extend_from_slice(values.values().inner().as_slice()),
        // What lies under a null is anything, also a time that is none.
        _ => {
            let zero = T::Native::default();
            for row in 0..values.len() {
                let value = if values.is_valid(row) { values.value(row) } else { zero };
                into.extend_from_slice(value.to_byte_slice());
            }
        }
    }
}

fn write_bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>> + Clone, into: &mut Vec<u8>) -> Result<(), String> {
    for value in values.clone() {
        write_length(value.map_or(0, <[u8]>::len), into)?;
    }
    for value in values.flatten() {
        into.extend_from_slice(value);
    }
    Ok(())
}

fn write_lists(lists: &ListArray, into: &mut Vec<u8>) -> Result<(), String> {
    let mut items: Vec<ArrayRef> = Vec::new();
    for row in 0..lists.len() {
        let list = lists.is_valid(row).then(|| lists.value(row));
        write_length(list.as_ref().map_or(0, |list| list.len()), into)?;
        items.extend(list.filter(|list| !list.is_empty()));
    }
    let all: Vec<&dyn Array> = items.iter().map(AsRef::as_ref).collect();
    match all.is_empty() {
        true => write(&lists.values().slice(0, 0), into),
        false => write(
            &arrow::compute::concat(&all).map_err(|problem| problem.to_string())?,
            into,
        ),
    }
}

fn write_length(length: usize, into: &mut Vec<u8>) -> Result<(), String> {
    let length = u32::try_from(length).map_err(|_| format!("a value of {length} bytes is too long"))?;
    into.extend_from_slice(&length.to_ne_bytes());
    Ok(())
}

/// Takes a column of a type off the front of bytes.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn read(bytes: &mut &[u8], data_type: &DataType, rows: usize) -> Result<ArrayRef, String> {
    let nulls = match take(bytes, 1)? {
        [0] => None,
        _ => Some(NullBuffer::from_iter(take(bytes, rows)?.iter().map(|flag| *flag != 0))),
    };
    Ok(match data_type {
        DataType::Int64 => Arc::new(read_numbers::<Int64Type>(bytes, rows, nulls)?),
        DataType::Int32 => Arc::new(read_numbers::<Int32Type>(bytes, rows, nulls)?),
        DataType::Float64 => Arc::new(read_numbers::<Float64Type>(bytes, rows, nulls)?),
        DataType::Float32 => Arc::new(read_numbers::<Float32Type>(bytes, rows, nulls)?),
        DataType::Timestamp(arrow::datatypes::TimeUnit::Second, None) => {
            let times: TimestampSecondArray = read_numbers::<TimestampSecondType>(bytes, rows, nulls)?;
            Arc::new(times)
        }
        DataType::Boolean => {
            let flags = BooleanBuffer::from_iter(take(bytes, rows)?.iter().map(|flag| *flag != 0));
            Arc::new(BooleanArray::new(flags, nulls))
        }
        DataType::Utf8 => {
            let (offsets, data) = read_bytes(bytes, rows)?;
            Arc::new(StringArray::try_new(offsets, data.into(), nulls).map_err(|problem| problem.to_string())?)
        }
        DataType::Binary => {
            let (offsets, data) = read_bytes(bytes, rows)?;
            Arc::new(BinaryArray::try_new(offsets, data.into(), nulls).map_err(|problem| problem.to_string())?)
        }
        DataType::List(item) => Arc::new(read_lists(bytes, item, rows, nulls)?),
        other => return Err(format!("columns of {other} are not known")),
    })
}

fn read_numbers<T: ArrowPrimitiveType>(
    bytes: &mut &[u8],
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<PrimitiveArray<T>, String> {
    let width = T::Native::get_byte_width();
    let data = take(bytes, rows.checked_mul(width).ok_or_else(too_short)?)?;
    // Copied, and by that aligned.
    let mut buffer = arrow::buffer::MutableBuffer::with_capacity(data.len());
    buffer.extend_from_slice(data);
    PrimitiveArray::try_new(
        arrow::buffer::ScalarBuffer::from(arrow::buffer::Buffer::from(buffer)),
        nulls,
    )
    .map_err(|problem| problem.to_string())
}

fn read_lengths(bytes: &mut &[u8], rows: usize) -> Result<(OffsetBuffer<i32>, usize), String> {
    let lengths = take(bytes, rows.checked_mul(4).ok_or_else(too_short)?)?;
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut end = 0_i32;
    offsets.push(end);
    for length in lengths.as_chunks::<4>().0 {
        let length = i32::try_from(u32::from_ne_bytes(*length)).map_err(|_| too_short())?;
        end = end.checked_add(length).ok_or_else(too_short)?;
        offsets.push(end);
    }
    let total = usize::try_from(end).map_err(|_| too_short())?;
    Ok((OffsetBuffer::new(offsets.into()), total))
}

fn read_bytes<'a>(bytes: &mut &'a [u8], rows: usize) -> Result<(OffsetBuffer<i32>, &'a [u8]), String> {
    let (offsets, total) = read_lengths(bytes, rows)?;
    Ok((offsets, take(bytes, total)?))
}

fn read_lists(
    bytes: &mut &[u8],
    item: &Arc<Field>,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ListArray, String> {
    let (offsets, total) = read_lengths(bytes, rows)?;
    let items = read(bytes, item.data_type(), total)?;
    ListArray::try_new(Arc::clone(item), offsets, items, nulls).map_err(|problem| problem.to_string())
}

/// So many bytes off the front.
///
/// # Errors
/// There are not as many.
pub(crate) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (front, rest) = bytes.split_at_checked(count).ok_or_else(too_short)?;
    *bytes = rest;
    Ok(front)
}

/// A number off the front.
///
/// # Errors
/// There are too few bytes.
pub(crate) fn take_u32(bytes: &mut &[u8]) -> Result<u32, String> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or_else(too_short)?;
    *bytes = rest;
    Ok(u32::from_ne_bytes(*number))
}

fn too_short() -> String {
    "the answer is too short".to_owned()
}

#[cfg(test)]
mod tests {
    use feast_fixtures::{Random, fuzz};

    use super::*;

    /// Functions can write anything to the socket.
    #[test]
    fn any_bytes_are_a_column_or_an_error() {
        let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
        let types = [
            DataType::Int64,
            DataType::Boolean,
            DataType::Utf8,
            DataType::Binary,
            list(DataType::Utf8),
            list(DataType::Int32),
        ];
        let mut random = Random::seeded();
        fuzz(|| {
            let data_type = &types[random.below(types.len())];
            // Mostly small, so that lengths are sometimes right.
            let bytes: Vec<u8> = (0..random.below(80))
                .map(|_| {
                    if random.below(4) == 0 {
                        random.byte()
                    } else {
                        u8::from(random.below(8) == 0)
                    }
                })
                .collect();
            let rows = random.below(6);
            if let Ok(array) = read(&mut bytes.as_slice(), data_type, rows) {
                assert_eq!((array.len(), array.data_type()), (rows, data_type));
            }
        });
    }
}
