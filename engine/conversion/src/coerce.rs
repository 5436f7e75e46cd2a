//! A column as a file or a stream has it, into the column of the feature's type that the engine stores and serves.
//!
//! The rules are those of Feast's materialization, without its losses: integers beside nulls stay exact, nulls in lists
//! stay nulls, Arrow maps are read. NaN is how pandas writes a missing value: it is null, except for the items of a list of
//! floats. A time is never taken for a number, because the number would be in the unit of the file.
//!
//! Maps and structs become JSON strings: Feast gives their values no fixed type, and a string is what is answered.
//!
//! Works on whole columns. Knows nothing of where they come from.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, PrimitiveArray, StringArray, StringBuilder,
    TimestampSecondArray, UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{nullif, take};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, TimeUnit};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use feast_model::{Timestamp, ValueType};
use feast_python_notation::python_float;

use crate::cast::strict_cast;
use crate::document::{json_strings, object_strings};
use crate::event_time::timestamp_seconds;
use crate::rules::{
    BeyondFloat32, CoercionRules, Integers, SecondFractions, Strings, boolean_string, seconds_in, whole_seconds,
};
use crate::zoned_time::zoned_times;

/// Changes a column into the canonical Arrow type of `value_type`, row by row the same.
///
/// # Errors
/// When a value cannot be one of that type; nothing is replaced by null silently.
pub fn coerce(column: &ArrayRef, value_type: &ValueType) -> Result<ArrayRef, ArrowError> {
    coerce_by(CoercionRules::for_column(value_type), column, value_type)
}

/// As [`coerce`], for a join key: a number with a fraction is not cut to the key of another entity.
///
/// # Errors
/// As [`coerce`].
pub fn coerce_key(column: &ArrayRef, value_type: &ValueType) -> Result<ArrayRef, ArrowError> {
    coerce_by(CoercionRules::for_key_column(value_type), column, value_type)
}

fn coerce_by(rules: CoercionRules, column: &ArrayRef, value_type: &ValueType) -> Result<ArrayRef, ArrowError> {
    let coerced = coerce_item(rules, column, value_type)?;
    Ok(match value_type {
        ValueType::Float32 => without_nan::<Float32Type>(&coerced, f32::is_nan)?,
        ValueType::Float64 => without_nan::<Float64Type>(&coerced, f64::is_nan)?,
        _ => coerced,
    })
}

/// As [`coerce`], but NaN stays NaN where the target is a float: inside lists Feast answers it.
fn coerce_item(rules: CoercionRules, column: &ArrayRef, value_type: &ValueType) -> Result<ArrayRef, ArrowError> {
    let is_float = matches!(value_type, ValueType::Float32 | ValueType::Float64);
    let column = &match column.data_type() {
        DataType::Null => return Ok(arrow::array::new_null_array(&value_type.arrow_type(), column.len())),
        DataType::Dictionary(_, values) => return coerce_item(rules, &strict_cast(column, values)?, value_type),
        DataType::Float16 => return coerce_item(rules, &strict_cast(column, &DataType::Float32)?, value_type),
        DataType::Float32 if !is_float => without_nan::<Float32Type>(column, f32::is_nan)?,
        DataType::Float64 if !is_float => without_nan::<Float64Type>(column, f64::is_nan)?,
        _ => Arc::clone(column),
    };
    if rules.integers == Integers::Whole && *value_type != ValueType::String {
        require_whole(column)?;
    }
    match value_type {
        ValueType::Uuid | ValueType::TimeUuid => uuid_strings(column),
        ValueType::ZonedTimestamp => zoned_times(column),
        ValueType::UnixTimestamp => seconds(column, rules.second_fractions),
        ValueType::Array(element) => list(rules, column, element),
        ValueType::Set(element) => distinct_items(&list(rules, column, element)?),
        _ if value_type.arrow_type() == DataType::Utf8 => match rules.strings {
            Strings::Python | Strings::Exact => strings(column),
            Strings::Json => json_strings(column),
            Strings::Object => object_strings(column),
        },
        _ if column.data_type().is_temporal() => Err(does_not_hold(column, value_type)),
        ValueType::Float32 => float32(column, rules.beyond_float32),
        _ => strict_cast(column, &value_type.arrow_type()),
    }
}

/// Makes sure that no number has a fraction.
fn require_whole(column: &ArrayRef) -> Result<(), ArrowError> {
    let data_type = column.data_type();
    if !data_type.is_floating() && !data_type.is_decimal() {
        return Ok(());
    }
    let strings = strict_cast(column, &DataType::Utf8)?;
    let has_fraction = |string: &&str| {
        let fraction = string.split_once('.').map_or("", |(_, fraction)| fraction);
        // 1.5e+300 is whole; a number with a negative exponent is not.
        match fraction.split_once('e') {
            Some((_, exponent)) => exponent.starts_with('-'),
            None => fraction.bytes().any(|digit| digit != b'0') || string.contains("e-"),
        }
    };
    match strings.as_string::<i32>().iter().flatten().find(has_fraction) {
        None => Ok(()),
        Some(string) => Err(ArrowError::CastError(format!(
            "{string} is not a whole number, as a join key must be"
        ))),
    }
}

/// Beyond the range the cast makes a number infinite, which is refused where the rules say so.
pub(crate) fn float32(column: &ArrayRef, beyond: BeyondFloat32) -> Result<ArrayRef, ArrowError> {
    let narrow = strict_cast(column, &DataType::Float32)?;
    if beyond == BeyondFloat32::Infinite {
        return Ok(narrow);
    }
    if narrow
        .as_primitive::<Float32Type>()
        .iter()
        .flatten()
        .any(f32::is_infinite)
    {
        let wide = strict_cast(column, &DataType::Float64)?;
        let pairs = wide
            .as_primitive::<Float64Type>()
            .iter()
            .zip(narrow.as_primitive::<Float32Type>());
        let mut pairs = pairs.filter_map(|(wide, narrow)| Some((wide?, narrow?)));
        if let Some((wide, _)) = pairs.find(|(wide, narrow)| wide.is_finite() && narrow.is_infinite()) {
            return Err(ArrowError::CastError(format!(
                "{wide:e} is beyond the range of Float32"
            )));
        }
    }
    Ok(narrow)
}

fn does_not_hold(column: &ArrayRef, value_type: &ValueType) -> ArrowError {
    ArrowError::CastError(format!(
        "a column of type {} does not hold {value_type}",
        column.data_type()
    ))
}

fn without_nan<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    is_nan: fn(T::Native) -> bool,
) -> Result<ArrayRef, ArrowError> {
    let floats = column.as_primitive::<T>();
    if !floats.values().iter().any(|value| is_nan(*value)) {
        return Ok(Arc::clone(column));
    }
    let nan: BooleanArray = floats.iter().map(|value| Some(value.is_some_and(is_nan))).collect();
    nullif(column, &nan)
}

fn strings(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Boolean => {
            let flags = column.as_boolean().iter();
            let words: StringArray = flags.map(|flag| flag.map(boolean_string)).collect();
            Ok(Arc::new(words))
        }
        // The day alone: its midnight is a matter of how the file keeps days.
        DataType::Date64 => strict_cast(&strict_cast(column, &DataType::Date32)?, &DataType::Utf8),
        DataType::Float64 => Ok(float_strings(column.as_primitive::<Float64Type>())),
        DataType::Float32 => Ok(float_strings(column.as_primitive::<Float32Type>())),
        nested if nested.is_nested() => json_strings(column),
        _ => strict_cast(column, &DataType::Utf8),
    }
}

fn float_strings<T: ArrowPrimitiveType>(floats: &PrimitiveArray<T>) -> ArrayRef
where
    T::Native: Into<f64> + std::fmt::LowerExp + std::fmt::Display,
{
    let strings = floats.iter().map(|float| float.map(python_float));
    Arc::new(strings.collect::<StringArray>())
}

/// UUIDs as strings; 16 raw bytes, as some writers keep them, in the usual form with hyphens.
fn uuid_strings(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let DataType::FixedSizeBinary(16) = column.data_type() else {
        return strings(column);
    };
    let mut builder = StringBuilder::new();
    for bytes in column.as_fixed_size_binary() {
        let uuid = bytes.and_then(|bytes| uuid::Uuid::from_slice(bytes).ok());
        builder.append_option(uuid.map(|uuid| uuid.to_string()));
    }
    Ok(Arc::new(builder.finish()))
}

/// Whole seconds, those of times rounded down. Numbers are seconds already, a day is its midnight in UTC, a string is read as a
/// date or time.
fn seconds(column: &ArrayRef, fractions: SecondFractions) -> Result<ArrayRef, ArrowError> {
    let target = DataType::Timestamp(TimeUnit::Second, None);
    let of_integers = |column: &ArrayRef| strict_cast(&strict_cast(column, &DataType::Int64)?, &target);
    match column.data_type() {
        DataType::Timestamp(unit, _) => Ok(Arc::new(timestamp_seconds(column, *unit)?)),
        DataType::Date32 | DataType::Date64 => strict_cast(&strict_cast(column, &DataType::Date32)?, &target),
        DataType::Float64 => {
            let floats = column.as_primitive::<Float64Type>();
            let whole: PrimitiveArray<Float64Type> = floats.unary(|seconds| fractions.cut_off(seconds));
            of_integers(&(Arc::new(whole) as ArrayRef))
        }
        DataType::Float32 => {
            let floats = column.as_primitive::<Float32Type>();
            // A whole number below a float of 32 bits is one too.
            let whole: PrimitiveArray<Float32Type> = floats.unary(|seconds| fractions.cut_off(seconds.into()) as f32);
            of_integers(&(Arc::new(whole) as ArrayRef))
        }
        number if number.is_numeric() => of_integers(column),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let strings = strict_cast(column, &DataType::Utf8)?;
            let parsed = strings
                .as_string::<i32>()
                .iter()
                .map(|string| string.map(parse_seconds).transpose());
            Ok(Arc::new(parsed.collect::<Result<TimestampSecondArray, _>>()?))
        }
        _ => Err(does_not_hold(column, &ValueType::UnixTimestamp)),
    }
}

fn parse_seconds(string: &str) -> Result<i64, ArrowError> {
    if let Some(seconds) = seconds_in(string) {
        return Ok(seconds);
    }
    let timestamp = Timestamp::parse(string).map_err(|error| ArrowError::CastError(error.to_string()))?;
    Ok(whole_seconds(timestamp.micros()))
}

fn list(rules: CoercionRules, column: &ArrayRef, element: &ValueType) -> Result<ArrayRef, ArrowError> {
    let source = match column.data_type() {
        DataType::List(_) => Arc::clone(column),
        DataType::LargeList(field) | DataType::FixedSizeList(field, _) | DataType::ListView(field) => {
            strict_cast(column, &DataType::List(Arc::clone(field)))?
        }
        other => {
            return Err(ArrowError::CastError(format!(
                "a column of type {other} does not hold lists"
            )));
        }
    };
    let lists = source.as_list::<i32>();
    // A slice shares the items of the whole array: only its own are changed.
    let (first, last) = (lists.value_offsets()[0], lists.value_offsets()[lists.len()]);
    let own_items = lists.values().slice(first as usize, (last - first) as usize);
    let items = coerce_item(rules.for_items(), &own_items, element)?;
    let offsets = lists.value_offsets().iter().map(|offset| offset - first).collect();
    list_array(items, OffsetBuffer::new(offsets), lists.nulls().cloned())
}

fn list_array(items: ArrayRef, offsets: OffsetBuffer<i32>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, items, nulls)?))
}

/// Drops repeated items of each list. Numbers and times are put in ascending order, others keep their first order:
/// Feast answers sets in Python's hash order, which for small integers is the ascending one.
fn distinct_items(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let lists = column.as_list::<i32>();
    let items = lists.values();
    let sorted = items.data_type().is_primitive();
    let converter = RowConverter::new(vec![SortField::new(items.data_type().clone())])?;
    let rows = converter.convert_columns(std::slice::from_ref(items))?;
    let mut kept: Vec<u32> = Vec::with_capacity(items.len());
    let mut lengths = Vec::with_capacity(lists.len());
    for (index, window) in lists.offsets().windows(2).enumerate() {
        let before = kept.len();
        let mut seen = HashSet::new();
        for item in (window[0]..window[1]).filter(|_| lists.is_valid(index)) {
            if seen.insert(rows.row(item as usize)) {
                kept.push(item as u32);
            }
        }
        if sorted {
            kept[before..].sort_by_key(|item| rows.row(*item as usize));
        }
        lengths.push(kept.len() - before);
    }
    let items = take(items, &UInt32Array::from(kept), None)?;
    list_array(items, OffsetBuffer::from_lengths(lengths), lists.nulls().cloned())
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Float64Array, Int32Array, Int64Array, Int64Builder, ListBuilder, StructArray, TimestampMicrosecondArray,
    };

    use super::*;
    use crate::document::push_json;

    /// The coerced column as JSON, one item a row.
    fn check(column: ArrayRef, value_type: &ValueType, expected: &str) {
        let coerced = coerce(&column, value_type).unwrap();
        assert_eq!(coerced.data_type(), &value_type.arrow_type());
        let mut json = String::new();
        for row in 0..coerced.len() {
            json.push_str(if row == 0 { "" } else { " " });
            push_json(&coerced, row, &mut json).unwrap();
        }
        assert_eq!(json, expected);
    }

    #[test]
    fn scalars_change_as_in_feast_but_without_loss() {
        check(
            Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None])),
            &ValueType::Int64,
            "9007199254740993 null",
        );
        check(
            Arc::new(Float64Array::from(vec![Some(1.9), Some(f64::NAN), None])),
            &ValueType::Float64,
            "1.9 null null",
        );
        check(Arc::new(Float64Array::from(vec![1.9, -1.9])), &ValueType::Int64, "1 -1");
        check(Arc::new(Int32Array::from(vec![5])), &ValueType::String, "\"5\"");
        check(Arc::new(BooleanArray::from(vec![true])), &ValueType::String, "\"True\"");
        check(Arc::new(StringArray::from(vec!["12"])), &ValueType::Int32, "12");
    }

    #[test]
    fn values_out_of_range_are_errors() {
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![1_i64 << 40]));
        assert!(coerce(&wide, &ValueType::Int32).is_err());
        let large: ArrayRef = Arc::new(Float64Array::from(vec![1e300]));
        assert!(coerce(&large, &ValueType::Float32).is_err());
        let infinite: ArrayRef = Arc::new(Float64Array::from(vec![f64::INFINITY]));
        assert!(coerce(&infinite, &ValueType::Float32).is_ok());
        assert!(coerce(&infinite, &ValueType::Int64).is_err());
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![5]));
        for numbers in [ValueType::Int64, ValueType::Int32, ValueType::Float64, ValueType::Bool] {
            assert!(coerce(&times, &numbers).is_err());
        }
        let words: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        assert!(coerce(&words, &ValueType::Int64).is_err());
        assert!(coerce(&words, &ValueType::Json).is_err());
        assert!(coerce(&words, &ValueType::UnixTimestamp).is_err());
        assert!(coerce(&words, &ValueType::Array(Box::new(ValueType::String))).is_err());
    }

    #[test]
    fn nulls_without_a_type_are_nulls_in_documents() {
        let nothing: ArrayRef = Arc::new(arrow::array::NullArray::new(1));
        let items = ListArray::new(
            Arc::new(Field::new("item", DataType::Null, true)),
            OffsetBuffer::from_lengths([1]),
            Arc::clone(&nothing),
            None,
        );
        let fields = vec![
            Field::new("a", DataType::Null, true),
            Field::new("b", items.data_type().clone(), true),
        ];
        let record: ArrayRef = Arc::new(StructArray::new(fields.into(), vec![nothing, Arc::new(items)], None));
        for value_type in [ValueType::Map, ValueType::Json, ValueType::String] {
            let coerced = coerce(&record, &value_type).unwrap();
            assert_eq!(coerced.as_string::<i32>().value(0), r#"{"a":null,"b":[null]}"#);
        }
    }

    #[test]
    fn documents_keep_the_digits_of_their_numbers() {
        let json = "{ \"a b\" : [100000000000000000000, 0.10 ,\t-9223372036854775809],\n\"\\\"q \\\\\": \" x \" }";
        let column: ArrayRef = Arc::new(StringArray::from(vec![json]));
        let coerced = coerce(&column, &ValueType::Map).unwrap();
        assert_eq!(
            coerced.as_string::<i32>().value(0),
            "{\"a b\":[100000000000000000000,0.10,-9223372036854775809],\"\\\"q \\\\\":\" x \"}"
        );
    }

    #[test]
    fn timestamps_are_rounded_down() {
        let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![
            Some(-1_500_000),
            Some(1_999_999),
            None,
        ]));
        check(micros, &ValueType::UnixTimestamp, "-2 1 null");
        check(
            Arc::new(StringArray::from(vec!["1970-01-02", "7"])),
            &ValueType::UnixTimestamp,
            "86400 7",
        );
    }

    #[test]
    fn sets_lose_repeated_items_only() {
        let mut builder = ListBuilder::new(Int64Builder::new());
        builder.append_value([Some(3), Some(1), None, Some(3), None, Some(2)]);
        builder.append_null();
        builder.append_value([]);
        let set = ValueType::Set(Box::new(ValueType::Int64));
        check(Arc::new(builder.finish()), &set, "[null,1,2,3] null []");
    }

    #[test]
    fn structs_become_documents() {
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a\"b"), None]));
        let ages: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(9_007_199_254_740_993)]));
        let fields = vec![
            Field::new("name", DataType::Utf8, true),
            Field::new("age", DataType::Int64, true),
        ];
        let column = StructArray::new(fields.into(), vec![names, ages], Some(vec![true, true].into()));
        let coerced = coerce(&(Arc::new(column) as ArrayRef), &ValueType::Map).unwrap();
        let strings: Vec<_> = coerced.as_string::<i32>().iter().flatten().collect();
        assert_eq!(
            strings,
            [r#"{"name":"a\"b","age":5}"#, r#"{"name":null,"age":9007199254740993}"#]
        );
    }
}
