//! JSON values into an Arrow column of a given type, with the forms that Python's server accepts.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, ListArray, MapArray,
    StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Fields, TimeUnit, TimestampMicrosecondType};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use feast_engine::Error;
use feast_engine::model::Timestamp;
use serde_json::Value;

/// How numbers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// As Feast reads features and join keys: fractions of integers are dropped, timestamps are seconds.
    Feature,
    /// Integers must be whole; timestamps are seconds, milli-, micro- or nanoseconds by their magnitude.
    Time,
}

/// The microseconds that pandas can hold. An event time beyond it is a mistake, and no later row could replace that one.
const NANOSECOND_RANGE: RangeInclusive<i64> = i64::MIN / 1000..=i64::MAX / 1000;

/// A value that does not fit its column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    row: usize,
    problem: String,
}

impl Misfit {
    /// As an error of a write.
    pub(crate) fn of_column(&self, name: &str) -> Error {
        Error::invalid(format!("column {name}, row {}: {}", self.row, self.problem))
    }

    /// In the words of Python, whose value is the one that was given.
    fn out_of_range(self, values: &[&Value]) -> Self {
        let problem = match values.get(self.row) {
            Some(value) => format!("Value out of range: {value}"),
            None => self.problem,
        };
        Self { problem, ..self }
    }

    /// As an error of a read, in Feast's words.
    pub(crate) fn of_key(&self) -> Error {
        Error::invalid(self.problem.clone())
    }
}

/// Builds the column. `null` is null in every type.
pub(crate) fn column(values: &[&Value], data_type: &DataType, numbers: Numbers) -> Result<ArrayRef, Misfit> {
    match data_type {
        DataType::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(values.len());
            each(values, |value| read_bool(value).map(|flag| builder.append_option(flag)))?;
            Ok(Arc::new(builder.finish()))
        }
        integer if integer.is_integer() => {
            let mut builder = Int64Builder::with_capacity(values.len());
            each(values, |value| {
                read_integer(value, numbers).map(|number| builder.append_option(number))
            })?;
            narrowed(Arc::new(builder.finish()), data_type).map_err(|misfit| misfit.out_of_range(values))
        }
        float if float.is_floating() => {
            let mut builder = Float64Builder::with_capacity(values.len());
            each(values, |value| {
                read_float(value).map(|number| builder.append_option(number))
            })?;
            narrowed(Arc::new(builder.finish()), data_type)
        }
        DataType::Timestamp(unit, _) => {
            let in_seconds = numbers == Numbers::Feature && *unit == TimeUnit::Second;
            let mut builder = TimestampMicrosecondBuilder::with_capacity(values.len());
            each(values, |value| {
                read_time(value, in_seconds).map(|time| builder.append_option(time.map(Timestamp::micros)))
            })?;
            // A cast from a naive time to a zoned one would read it as local time there.
            let zoned = matches!(data_type, DataType::Timestamp(_, Some(_)));
            let micros = builder.finish().with_timezone_opt(zoned.then_some("UTC"));
            if in_seconds {
                // Rounded down, also before 1970; a cast would round towards zero.
                let seconds =
                    micros.unary::<_, arrow::datatypes::TimestampSecondType>(|micros| micros.div_euclid(1_000_000));
                return Ok(Arc::new(seconds));
            }
            narrowed(Arc::new(micros), data_type).map_err(|misfit| misfit.out_of_range(values))
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let mut builder = BinaryBuilder::new();
            each(values, |value| {
                read_bytes(value).map(|bytes| builder.append_option(bytes))
            })?;
            narrowed(Arc::new(builder.finish()), data_type)
        }
        DataType::List(item) => build_list(values, item, numbers),
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            narrowed(build_list(values, item, numbers)?, data_type)
        }
        DataType::Struct(fields) => build_struct(values, fields, numbers),
        DataType::Map(entries, sorted) => build_map(values, entries, *sorted, numbers),
        _ => {
            let mut builder = StringBuilder::new();
            each(values, |value| {
                builder.append_option(read_text(value));
                Ok(())
            })?;
            narrowed(Arc::new(builder.finish()), data_type)
        }
    }
}

/// Builds a column of event or created times: `Timestamp(Microsecond)`.
pub(crate) fn event_times(values: &[&Value]) -> Result<ArrayRef, Misfit> {
    let times = column(values, &DataType::Timestamp(TimeUnit::Microsecond, None), Numbers::Time)?;
    let micros = times.as_primitive::<TimestampMicrosecondType>();
    let outside = |row: &usize| micros.is_valid(*row) && !NANOSECOND_RANGE.contains(&micros.value(*row));
    match (0..micros.len()).find(outside) {
        None => Ok(times),
        Some(row) => Err(Misfit {
            row,
            problem: format!("Out of bounds nanosecond timestamp: {}", as_text(values[row])),
        }),
    }
}

fn each(values: &[&Value], mut read: impl FnMut(&Value) -> Result<(), String>) -> Result<(), Misfit> {
    values
        .iter()
        .enumerate()
        .try_for_each(|(row, value)| read(value).map_err(|problem| Misfit { row, problem }))
}

/// Casts to the exact type. The rows are cast one by one only to find the one that does not fit.
fn narrowed(column: ArrayRef, data_type: &DataType) -> Result<ArrayRef, Misfit> {
    if column.data_type() == data_type {
        return Ok(column);
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(&column, data_type, &options).map_err(|source| {
        let misfit = |row: usize| {
            Some((
                row,
                cast_with_options(&column.slice(row, 1), data_type, &options).err()?,
            ))
        };
        let (row, source) = (0..column.len()).find_map(misfit).unwrap_or((0, source));
        Misfit {
            row,
            problem: source.to_string(),
        }
    })
}

fn read_bool(value: &Value) -> Result<Option<bool>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Ok(Some(false)),
            Some(_) => Ok(Some(true)),
            None => Err(format!("{number} is not a bool")),
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(format!("{text:?} is not a bool")),
        },
        other => Err(format!("{other} is not a bool")),
    }
}

fn read_integer(value: &Value, numbers: Numbers) -> Result<Option<i64>, String> {
    let whole = |number: f64| {
        if numbers != Numbers::Feature && number.fract() != 0.0 {
            return Err(format!("Float value {number} was truncated converting to int64"));
        }
        // Both bounds are exact in f64; the upper one is already out of range.
        let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
        if in_range {
            Ok(Some(number.trunc() as i64))
        } else {
            Err(format!("Value out of range: {number:?}"))
        }
    };
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(i64::from(*flag))),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Ok(Some(integer)),
            None if number.is_u64() => Err(format!("Value out of range: {number}")),
            None => whole(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => {
            let digits = text.trim().replace('_', "");
            digits
                .parse()
                .map(Some)
                .map_err(|_| format!("invalid literal for int() with base 10: '{text}'"))
        }
        other => Err(format!("{other} is not an integer")),
    }
}

fn read_float(value: &Value) -> Result<Option<f64>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(f64::from(u8::from(*flag)))),
        Value::Number(number) => number
            .as_f64()
            .map(Some)
            .ok_or_else(|| format!("Value out of range: {number}")),
        Value::String(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| format!("could not convert string to float: '{text}'")),
        other => Err(format!("{other} is not a number")),
    }
}

/// A text without quotes, the rest as JSON.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn read_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        other => Some(other.to_string()),
    }
}

fn read_bytes(value: &Value) -> Result<Option<Vec<u8>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => BASE64_STANDARD
            .decode(text)
            .map(Some)
            .map_err(|_| format!("{text:?} is not base64, which bytes must be")),
        other => Err(format!("{other} is not base64 text, which bytes must be")),
    }
}

fn read_time(value: &Value, in_seconds: bool) -> Result<Option<Timestamp>, String> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_f64().ok_or_else(|| format!("Value out of range: {number}"))?,
        Value::String(text) if ["now", "today"].contains(&text.trim()) => return Ok(Some(feast_engine::now())),
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(seconds) if in_seconds => seconds as f64,
            _ => return Timestamp::parse(text).map(Some).map_err(|problem| problem.to_string()),
        },
        other => return Err(format!("{other} is not a date or time")),
    };
    // Seconds reach 1e11 in the year 5138, milliseconds are there since 1973.
    let micros_per_unit = match number.abs() {
        _ if in_seconds => 1e6,
        small if small < 1e11 => 1e6,
        small if small < 1e14 => 1e3,
        small if small < 1e17 => 1.0,
        _ => 1e-3,
    };
    let exact = value
        .as_i64()
        .filter(|_| micros_per_unit >= 1.0)
        .and_then(|integer| integer.checked_mul(micros_per_unit as i64));
    let micros = exact.unwrap_or((number * micros_per_unit) as i64);
    if micros.unsigned_abs() > 250_000_000_000_000_000 {
        return Err(format!("Value out of range: {value} is no point in time"));
    }
    Ok(Some(Timestamp::from_micros(micros)))
}

fn build_list(values: &[&Value], item: &arrow::datatypes::FieldRef, numbers: Numbers) -> Result<ArrayRef, Misfit> {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let before = items.len();
        match value {
            Value::Null => {}
            Value::Array(members) => items.extend(members),
            other => {
                return Err(Misfit {
                    row,
                    problem: format!("{other} is not a list"),
                });
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
    let items = column(&items, item.data_type(), numbers).map_err(|misfit| Misfit {
        row: row_of(misfit.row).unwrap_or_default(),
        problem: misfit.problem,
    })?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    // An item field that allows no nulls is found out here.
    ListArray::try_new(Arc::clone(item), offsets, items, Some(present(values)))
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|source| Misfit {
            row: 0,
            problem: source.to_string(),
        })
}

fn build_struct(values: &[&Value], fields: &Fields, numbers: Numbers) -> Result<ArrayRef, Misfit> {
    if let Some(row) = values.iter().position(|value| !value.is_null() && !value.is_object()) {
        return Err(Misfit {
            row,
            problem: format!("{} is not an object", values[row]),
        });
    }
    let members = fields.iter().map(|field| {
        let members: Vec<&Value> = values
            .iter()
            .map(|value| value.get(field.name()).unwrap_or(&Value::Null))
            .collect();
        column(&members, field.data_type(), numbers)
    });
    let members = members.collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new(fields.clone(), members, Some(present(values)))
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|source| Misfit {
            row: 0,
            problem: source.to_string(),
        })
}

fn build_map(
    values: &[&Value],
    entries: &arrow::datatypes::FieldRef,
    sorted: bool,
    numbers: Numbers,
) -> Result<ArrayRef, Misfit> {
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(Misfit {
            row: 0,
            problem: "the map column of the source has no entries".to_owned(),
        });
    };
    let (mut keys, mut members, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(values.len()));
    for (row, value) in values.iter().enumerate() {
        let object = match value {
            Value::Null => None,
            Value::Object(object) => Some(object),
            other => {
                return Err(Misfit {
                    row,
                    problem: format!("{other} is not an object"),
                });
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
    let keys = column(&keys.iter().collect::<Vec<_>>(), fields[0].data_type(), numbers)?;
    let members = column(&members, fields[1].data_type(), numbers)?;
    let failed = |source: arrow::error::ArrowError| Misfit {
        row: 0,
        problem: source.to_string(),
    };
    let pairs = StructArray::try_new(fields.clone(), vec![keys, members], None).map_err(failed)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let map = MapArray::try_new(Arc::clone(entries), offsets, pairs, Some(present(values)), sorted).map_err(failed)?;
    Ok(Arc::new(map))
}

fn present(values: &[&Value]) -> NullBuffer {
    values.iter().map(|value| !value.is_null()).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;
    use serde_json::json;

    use super::*;

    /// The column as text, one item a row, or the problem with its row.
    fn check(values: &Value, data_type: &DataType, numbers: Numbers, expected: &str) {
        let answer = match column(
            &values.as_array().unwrap().iter().collect::<Vec<_>>(),
            data_type,
            numbers,
        ) {
            Ok(column) => {
                let cells: Vec<_> = (0..column.len())
                    .map(|row| array_value_to_string(&column, row).unwrap())
                    .collect();
                cells.join(" ")
            }
            Err(misfit) => format!("row {}: {}", misfit.row, misfit.problem),
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn integers_are_read_as_pythons_int_does() {
        let feature = |values, expected| check(&values, &DataType::Int64, Numbers::Feature, expected);
        feature(
            json!([1001, "1002", " 1_003 ", 1004.9, true, null]),
            "1001 1002 1003 1004 1 ",
        );
        feature(
            json!([9_223_372_036_854_775_807_i64, -9_223_372_036_854_775_808_i64]),
            "9223372036854775807 -9223372036854775808",
        );
        feature(json!([1, "x"]), "row 1: invalid literal for int() with base 10: 'x'");
        feature(
            json!([9_223_372_036_854_775_808_u64]),
            "row 0: Value out of range: 9223372036854775808",
        );
        feature(json!([1e300]), "row 0: Value out of range: 1e300");
        check(
            &json!([1.5]),
            &DataType::Int64,
            Numbers::Time,
            "row 0: Float value 1.5 was truncated converting to int64",
        );
    }

    #[test]
    fn numbers_out_of_a_narrow_type_name_their_row() {
        let values = json!([1, 3_000_000_000_i64]);
        let Err(misfit) = column(
            &values.as_array().unwrap().iter().collect::<Vec<_>>(),
            &DataType::Int32,
            Numbers::Feature,
        ) else {
            panic!("it fits")
        };
        assert_eq!(misfit.row, 1);
    }

    #[test]
    fn times_are_read_by_form_and_magnitude() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let time = |values, expected| check(&values, &micros, Numbers::Time, expected);
        time(
            json!(["2022-05-13 10:59:42", "2022-05-13T10:59:42Z", null]),
            "2022-05-13T10:59:42 2022-05-13T10:59:42 ",
        );
        time(
            json!([1_652_439_582, 1_652_439_582_000_i64]),
            "2022-05-13T10:59:42 2022-05-13T10:59:42",
        );
        time(
            json!([1_652_439_582_000_000_i64, 1_652_439_582_000_000_000_i64]),
            "2022-05-13T10:59:42 2022-05-13T10:59:42",
        );
        let seconds = DataType::Timestamp(TimeUnit::Second, None);
        check(
            &json!([5, "7", "1970-01-02"]),
            &seconds,
            Numbers::Feature,
            "1970-01-01T00:00:05 1970-01-01T00:00:07 1970-01-02T00:00:00",
        );
    }

    #[test]
    fn bytes_are_base64() {
        check(&json!(["AAH+", null]), &DataType::Binary, Numbers::Feature, "0001fe ");
        check(
            &json!(["?"]),
            &DataType::Binary,
            Numbers::Feature,
            "row 0: \"?\" is not base64, which bytes must be",
        );
    }

    #[test]
    fn nested_values_keep_their_nulls() {
        let list = DataType::new_list(DataType::Int64, true);
        check(&json!([[1, null], [], null]), &list, Numbers::Feature, "[1, ] [] ");
        check(
            &json!([[1], [2, "x"]]),
            &list,
            Numbers::Feature,
            "row 1: invalid literal for int() with base 10: 'x'",
        );
        check(&json!([5]), &list, Numbers::Feature, "row 0: 5 is not a list");
        check(
            &json!([{"b": 1}, "t", 5, true]),
            &DataType::Utf8,
            Numbers::Feature,
            "{\"b\":1} t 5 True",
        );
    }
}
