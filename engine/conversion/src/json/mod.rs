//! JSON values into an Arrow column of a given type, with the forms that Python's server accepts.
//!
//! Owns how columns are built, nested ones too, and which row a problem is in. Knows nothing of requests.

mod cell;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, ListArray, MapArray,
    StringBuilder, StructArray, TimestampMicrosecondBuilder, TimestampSecondBuilder, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use feast_model::DateOrder;
use serde_json::Value;

use crate::cast::strict_cast;
use crate::coerce::float32;
use crate::error::{ConversionError, Problem, first_failure};
use crate::event_time::first_out_of_range;
use crate::rules::{CoercionRules, NumericTimes, out_of_range};

/// Builds the column. `null` is null in every type.
///
/// # Errors
/// The first value that the type does not take, with its row.
pub fn column(values: &[&Value], data_type: &DataType, rules: CoercionRules) -> Result<ArrayRef, ConversionError> {
    match data_type {
        DataType::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(values.len());
            each(values, |value| {
                cell::boolean(value).map(|flag| builder.append_option(flag))
            })?;
            Ok(Arc::new(builder.finish()))
        }
        integer if integer.is_integer() => {
            let mut builder = Int64Builder::with_capacity(values.len());
            each(values, |value| {
                cell::integer(value, rules).map(|number| builder.append_option(number))
            })?;
            narrowed(Arc::new(builder.finish()), data_type).map_err(|error| beyond_the_type(error, values))
        }
        float if float.is_floating() => {
            let mut builder = Float64Builder::with_capacity(values.len());
            each(values, |value| {
                cell::float(value).map(|number| builder.append_option(number))
            })?;
            let doubles: ArrayRef = Arc::new(builder.finish());
            match data_type {
                DataType::Float32 => float32(&doubles, rules.beyond_float32).map_err(|source| misplaced(&source)),
                _ => narrowed(doubles, data_type),
            }
        }
        DataType::Timestamp(TimeUnit::Second, None) if rules.numeric_times == NumericTimes::Seconds => {
            let mut order = DateOrder::default();
            let mut builder = TimestampSecondBuilder::with_capacity(values.len());
            each(values, |value| {
                cell::seconds(value, &mut order, rules).map(|seconds| builder.append_option(seconds))
            })?;
            Ok(Arc::new(builder.finish()))
        }
        DataType::Timestamp(_, zone) => {
            let mut order = DateOrder::default();
            let mut builder = TimestampMicrosecondBuilder::with_capacity(values.len());
            each(values, |value| {
                cell::micros(value, &mut order).map(|micros| builder.append_option(micros))
            })?;
            // A cast from a naive time to a zoned one would read it as local time there.
            let micros = builder.finish().with_timezone_opt(zone.as_ref().map(|_| "UTC"));
            exact_times(&(Arc::new(micros) as ArrayRef), data_type, values)
        }
        DataType::Date32 | DataType::Date64 => {
            let times = column(values, &DataType::Timestamp(TimeUnit::Microsecond, None), rules)?;
            exact_times(&times, data_type, values)
        }
        DataType::Null => match values.iter().position(|value| !value.is_null()) {
            None => Ok(new_null_array(&DataType::Null, values.len())),
            Some(row) => Err(ConversionError::native(
                row,
                "the file has only nulls in this column, and no type for other values",
            )),
        },
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let mut builder = BinaryBuilder::new();
            each(values, |value| {
                cell::bytes(value).map(|bytes| builder.append_option(bytes))
            })?;
            narrowed(Arc::new(builder.finish()), data_type)
        }
        DataType::List(item) => build_list(values, item, rules),
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            narrowed(build_list(values, item, rules)?, data_type)
        }
        DataType::Struct(fields) => build_struct(values, fields, rules),
        DataType::Map(entries, sorted) => build_map(values, entries, *sorted, rules),
        _ => {
            let mut builder = StringBuilder::new();
            each(values, |value| {
                cell::string(value, rules).map(|string| builder.append_option(string))
            })?;
            narrowed(Arc::new(builder.finish()), data_type)
        }
    }
}

/// Builds a column of event or created times: `Timestamp(Microsecond)`.
///
/// # Errors
/// The first value that is not a time that an event may have, with its row.
pub fn event_times(values: &[&Value]) -> Result<ArrayRef, ConversionError> {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let times = column(values, &micros, CoercionRules::JSON_SOURCE)?;
    let micros = times.as_primitive::<TimestampMicrosecondType>();
    match first_out_of_range(&micros.reinterpret_cast::<Int64Type>()) {
        None => Ok(times),
        Some((row, _)) => {
            let message = format!("Out of bounds nanosecond timestamp: {}", as_given(values[row]));
            Err(ConversionError::native(row, message))
        }
    }
}

/// As it was given, without the quotation marks of a string.
fn as_given(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn each(values: &[&Value], mut read: impl FnMut(&Value) -> Result<(), Problem>) -> Result<(), ConversionError> {
    values
        .iter()
        .enumerate()
        .try_for_each(|(row, value)| read(value).map_err(|problem| ConversionError::new(row, problem)))
}

/// Casts to the exact type. The rows are cast one by one only to find the one that does not fit.
fn narrowed(column: ArrayRef, data_type: &DataType) -> Result<ArrayRef, ConversionError> {
    if column.data_type() == data_type {
        return Ok(column);
    }
    strict_cast(&column, data_type).map_err(|source| {
        let found = first_failure(&column, |one| strict_cast(one, data_type));
        let (row, source) = found.unwrap_or((0, source));
        ConversionError::native(row, source.to_string())
    })
}

/// In the words of Python, whose value is the one that was given.
fn beyond_the_type(error: ConversionError, values: &[&Value]) -> ConversionError {
    match error.row().and_then(|row| values.get(row)) {
        Some(value) => error.with_problem(Problem::Python(out_of_range(value))),
        None => error,
    }
}

/// What the library refuses without saying where.
fn misplaced(source: &ArrowError) -> ConversionError {
    ConversionError::native(0, source.to_string())
}

/// Brings times in microseconds into the type of a file. One that would lose digits there would be another time when it is read
/// back, and of two the older could be the one that is kept.
fn exact_times(times: &ArrayRef, data_type: &DataType, values: &[&Value]) -> Result<ArrayRef, ConversionError> {
    let narrow = narrowed(Arc::clone(times), data_type).map_err(|error| beyond_the_type(error, values))?;
    let back = narrowed(Arc::clone(&narrow), times.data_type())?;
    let (given, kept) = (
        times.as_primitive::<TimestampMicrosecondType>(),
        back.as_primitive::<TimestampMicrosecondType>(),
    );
    match given.iter().zip(kept).position(|(given, kept)| given != kept) {
        None => Ok(narrow),
        Some(row) => {
            let given = as_given(values[row]);
            Err(ConversionError::native(
                row,
                format!("{given} would lose digits: the column of the file is {data_type}"),
            ))
        }
    }
}

fn build_list(values: &[&Value], item: &FieldRef, rules: CoercionRules) -> Result<ArrayRef, ConversionError> {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let before = items.len();
        match value {
            Value::Null => {}
            Value::Array(members) => items.extend(members),
            other => {
                return Err(ConversionError::native(row, format!("{other} is not a list")));
            }
        }
        lengths.push(items.len() - before);
    }
    // A problem inside a list is reported at the row of the list.
    let row_of = |item: usize| {
        let mut end = 0;
        lengths.iter().position(|length| {
            end += length;
            item < end
        })
    };
    let items = column(&items, item.data_type(), rules.for_items()).map_err(|error| {
        let row = error.row().and_then(row_of).unwrap_or_default();
        error.with_row(row)
    })?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    // An item field that allows no nulls is found out here.
    ListArray::try_new(Arc::clone(item), offsets, items, Some(present(values)))
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|source| misplaced(&source))
}

fn build_struct(values: &[&Value], fields: &Fields, rules: CoercionRules) -> Result<ArrayRef, ConversionError> {
    if let Some(row) = values.iter().position(|value| !value.is_null() && !value.is_object()) {
        return Err(ConversionError::native(
            row,
            format!("{} is not an object", values[row]),
        ));
    }
    let members = fields.iter().map(|field| {
        let members: Vec<&Value> = values
            .iter()
            .map(|value| value.get(field.name()).unwrap_or(&Value::Null))
            .collect();
        column(&members, field.data_type(), rules)
    });
    let members = members.collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new(fields.clone(), members, Some(present(values)))
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|source| misplaced(&source))
}

fn build_map(
    values: &[&Value],
    entries: &FieldRef,
    sorted: bool,
    rules: CoercionRules,
) -> Result<ArrayRef, ConversionError> {
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(ConversionError::native(
            0,
            "the map column of the source has no entries".to_owned(),
        ));
    };
    let (mut keys, mut members, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(values.len()));
    for (row, value) in values.iter().enumerate() {
        let object = match value {
            Value::Null => None,
            Value::Object(object) => Some(object),
            other => {
                return Err(ConversionError::native(row, format!("{other} is not an object")));
            }
        };
        let pairs = object.into_iter().flatten();
        let before = keys.len();
        for (key, member) in pairs {
            keys.push(Value::from(key.as_str()));
            members.push(member);
        }
        lengths.push(keys.len() - before);
    }
    let keys = column(&keys.iter().collect::<Vec<_>>(), fields[0].data_type(), rules)?;
    let members = column(&members, fields[1].data_type(), rules)?;
    let failed = |source: ArrowError| misplaced(&source);
    let pairs = StructArray::try_new(fields.clone(), vec![keys, members], None).map_err(failed)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let map = MapArray::try_new(Arc::clone(entries), offsets, pairs, Some(present(values)), sorted).map_err(failed)?;
    Ok(Arc::new(map))
}

fn present(values: &[&Value]) -> NullBuffer {
    values.iter().map(|value| !value.is_null()).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests;
