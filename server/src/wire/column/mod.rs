//! JSON values into an Arrow column of a given type, with the forms that Python's server accepts.

mod cell;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, ListArray, MapArray,
    StringBuilder, StructArray, TimestampMicrosecondBuilder, TimestampSecondBuilder, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Fields, TimeUnit, TimestampMicrosecondType};
use feast_engine::Error;
use feast_engine::model::{DateOrder, TimeRange, Timestamp, ValueType};
use serde_json::Value;

use super::numbers::Numbers;
use cell::{Integers, Problem, Texts};

/// How the values of a column are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    integers: Integers,
    texts: Texts,
    /// Numbers are seconds since 1970, not milli-, micro- or nanoseconds by their magnitude.
    times_in_seconds: bool,
    numbers: Numbers,
}

impl Rules {
    /// For a column of a parquet source, and for event times.
    pub(crate) const SOURCE: Self = Self {
        integers: Integers::Whole,
        texts: Texts::Python,
        times_in_seconds: false,
        numbers: Numbers::Exact,
    };

    /// For a feature or a join key.
    pub(crate) fn of(value_type: &ValueType) -> Self {
        let texts = match value_type {
            ValueType::Array(element) | ValueType::Set(element) => Self::of(element).texts,
            ValueType::Json => Texts::Json,
            ValueType::Map | ValueType::ScalarMap | ValueType::Struct(_) => Texts::Object,
            ValueType::Decimal => Texts::Exact,
            _ => Texts::Python,
        };
        Self {
            integers: Integers::Cut,
            texts,
            times_in_seconds: true,
            numbers: Numbers::Exact,
        }
    }

    /// For values of a body of whose numbers that is known.
    pub(crate) const fn with(self, numbers: Numbers) -> Self {
        Self { numbers, ..self }
    }

    /// For the items of a list: Python cuts fractions off single integers only.
    const fn of_items(self) -> Self {
        Self {
            integers: Integers::Whole,
            ..self
        }
    }
}

/// A value that does not fit its column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    row: usize,
    problem: Problem,
}

impl Misfit {
    fn new(row: usize, problem: impl Into<String>) -> Self {
        Self {
            row,
            problem: Problem::Ours(problem.into()),
        }
    }

    /// As an error of a write.
    pub(crate) fn of_column(&self, name: &str) -> Error {
        Error::invalid(format!("column {name}, row {}: {}", self.row, self.problem))
    }

    /// As an error of a read: what Python says, it says without the place.
    pub(crate) fn of_key(&self, name: &str) -> Error {
        match &self.problem {
            Problem::Python(text) => Error::invalid(text.clone()),
            Problem::Ours(text) => Error::invalid(format!("join key {name}, row {}: {text}", self.row)),
        }
    }

    /// In the words of Python, whose value is the one that was given.
    fn out_of_range(self, values: &[&Value]) -> Self {
        match values.get(self.row) {
            Some(value) => Self {
                problem: Problem::Python(format!("Value out of range: {value}")),
                ..self
            },
            None => self,
        }
    }
}

/// Builds the column. `null` is null in every type.
pub(crate) fn column(values: &[&Value], data_type: &DataType, rules: Rules) -> Result<ArrayRef, Misfit> {
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
                cell::integer(value, rules.integers, rules.numbers).map(|number| builder.append_option(number))
            })?;
            narrowed(Arc::new(builder.finish()), data_type).map_err(|misfit| misfit.out_of_range(values))
        }
        float if float.is_floating() => {
            let mut builder = Float64Builder::with_capacity(values.len());
            each(values, |value| {
                cell::float(value).map(|number| builder.append_option(number))
            })?;
            narrowed(Arc::new(builder.finish()), data_type)
        }
        DataType::Timestamp(TimeUnit::Second, None) if rules.times_in_seconds => {
            let mut order = DateOrder::default();
            let mut builder = TimestampSecondBuilder::with_capacity(values.len());
            each(values, |value| {
                cell::seconds(value, &mut order, rules.numbers).map(|seconds| builder.append_option(seconds))
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
            Some(row) => Err(Misfit::new(
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
                cell::text(value, rules.texts, rules.numbers).map(|text| builder.append_option(text))
            })?;
            narrowed(Arc::new(builder.finish()), data_type)
        }
    }
}

/// Builds a column of event or created times: `Timestamp(Microsecond)`.
pub(crate) fn event_times(values: &[&Value]) -> Result<ArrayRef, Misfit> {
    let times = column(values, &DataType::Timestamp(TimeUnit::Microsecond, None), Rules::SOURCE)?;
    let micros = times.as_primitive::<TimestampMicrosecondType>();
    let outside = |row: &usize| {
        micros.is_valid(*row) && !TimeRange::EVENT_TIMES.contains(Timestamp::from_micros(micros.value(*row)))
    };
    match (0..micros.len()).find(outside) {
        None => Ok(times),
        Some(row) => {
            let given = values[row]
                .as_str()
                .map_or_else(|| values[row].to_string(), str::to_owned);
            Err(Misfit::new(row, format!("Out of bounds nanosecond timestamp: {given}")))
        }
    }
}

fn each(values: &[&Value], mut read: impl FnMut(&Value) -> Result<(), Problem>) -> Result<(), Misfit> {
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
        Misfit::new(row, source.to_string())
    })
}

/// Brings times in microseconds into the type of a file. One that would lose digits there would be another time when it is read
/// back, and of two the older could be the one that is kept.
fn exact_times(times: &ArrayRef, data_type: &DataType, values: &[&Value]) -> Result<ArrayRef, Misfit> {
    let narrow = narrowed(Arc::clone(times), data_type).map_err(|misfit| misfit.out_of_range(values))?;
    let back = narrowed(Arc::clone(&narrow), times.data_type())?;
    let (given, kept) = (
        times.as_primitive::<TimestampMicrosecondType>(),
        back.as_primitive::<TimestampMicrosecondType>(),
    );
    match given.iter().zip(kept).position(|(given, kept)| given != kept) {
        None => Ok(narrow),
        Some(row) => {
            let given = values[row]
                .as_str()
                .map_or_else(|| values[row].to_string(), str::to_owned);
            Err(Misfit::new(
                row,
                format!("{given} would lose digits: the column of the file is {data_type}"),
            ))
        }
    }
}

fn build_list(values: &[&Value], item: &arrow::datatypes::FieldRef, rules: Rules) -> Result<ArrayRef, Misfit> {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let before = items.len();
        match value {
            Value::Null => {}
            Value::Array(members) => items.extend(members),
            other => {
                return Err(Misfit::new(row, format!("{other} is not a list")));
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
    let items = column(&items, item.data_type(), rules.of_items()).map_err(|misfit| Misfit {
        row: row_of(misfit.row).unwrap_or_default(),
        problem: misfit.problem,
    })?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    // An item field that allows no nulls is found out here.
    ListArray::try_new(Arc::clone(item), offsets, items, Some(present(values)))
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|source| Misfit::new(0, source.to_string()))
}

fn build_struct(values: &[&Value], fields: &Fields, rules: Rules) -> Result<ArrayRef, Misfit> {
    if let Some(row) = values.iter().position(|value| !value.is_null() && !value.is_object()) {
        return Err(Misfit::new(row, format!("{} is not an object", values[row])));
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
        .map_err(|source| Misfit::new(0, source.to_string()))
}

fn build_map(
    values: &[&Value],
    entries: &arrow::datatypes::FieldRef,
    sorted: bool,
    rules: Rules,
) -> Result<ArrayRef, Misfit> {
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(Misfit::new(0, "the map column of the source has no entries".to_owned()));
    };
    let (mut keys, mut members, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(values.len()));
    for (row, value) in values.iter().enumerate() {
        let object = match value {
            Value::Null => None,
            Value::Object(object) => Some(object),
            other => {
                return Err(Misfit::new(row, format!("{other} is not an object")));
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
    let failed = |source: arrow::error::ArrowError| Misfit::new(0, source.to_string());
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
    fn check(values: &Value, data_type: &DataType, rules: Rules, expected: &str) {
        let answer = match column(&values.as_array().unwrap().iter().collect::<Vec<_>>(), data_type, rules) {
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
        let feature = |values, expected| check(&values, &DataType::Int64, Rules::of(&ValueType::String), expected);
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
        feature(json!([1e300]), "row 0: Value out of range: 1e+300");
        feature(json!([-9_223_372_036_854_775_808.0]), "-9223372036854775808");
        feature(
            json!(["-9223372036854775809"]),
            "row 0: Value out of range: -9223372036854775809",
        );
        check(
            &json!([1.5]),
            &DataType::Int64,
            Rules::SOURCE,
            "row 0: Float value 1.5 was truncated converting to int64",
        );
    }

    #[test]
    fn integers_beyond_64_bits_are_never_taken_for_others() {
        let values: Value = serde_json::from_str("[-9223372036854775809]").unwrap();
        let lists: Value = serde_json::from_str("[[1, -9223372036854775809]]").unwrap();
        let objects: Value = serde_json::from_str(r#"[{"a": [100000000000000000000]}]"#).unwrap();
        let rules = |value_type| Rules::of(&value_type).with(Numbers::Rounded);
        let out_of_range = "row 0: Value out of range: about -9.223372036854776e+18, which is beyond 64 bits";
        check(&values, &DataType::Int64, rules(ValueType::Int64), out_of_range);
        check(&values, &DataType::Int32, rules(ValueType::Int32), out_of_range);
        check(
            &lists,
            &DataType::new_list(DataType::Int64, true),
            rules(ValueType::Int64),
            out_of_range,
        );
        let seconds = DataType::Timestamp(TimeUnit::Second, None);
        check(&values, &seconds, rules(ValueType::UnixTimestamp), out_of_range);
        let digits = "may have had more digits; write it as text";
        let shown = format!("row 0: -9.223372036854776e+18 {digits}");
        check(&values, &DataType::Utf8, rules(ValueType::String), &shown);
        let nested = format!("row 0: an integer beyond 64 bits in it {digits}");
        check(&objects, &DataType::Utf8, rules(ValueType::Map), &nested);
        check(&objects, &DataType::Utf8, rules(ValueType::String), &nested);
        // The nearest float is what a float is.
        check(
            &values,
            &DataType::Float64,
            rules(ValueType::Float64),
            "-9.223372036854776e18",
        );
    }

    #[test]
    fn numbers_out_of_a_narrow_type_name_their_row() {
        let values = json!([1, 3_000_000_000_i64]);
        let Err(misfit) = column(
            &values.as_array().unwrap().iter().collect::<Vec<_>>(),
            &DataType::Int32,
            Rules::of(&ValueType::String),
        ) else {
            panic!("it fits")
        };
        assert_eq!(misfit.row, 1);
    }

    #[test]
    fn times_are_read_by_form_and_magnitude() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let time = |values, expected| check(&values, &micros, Rules::SOURCE, expected);
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
            Rules::of(&ValueType::String),
            "1970-01-01T00:00:05 1970-01-01T00:00:07 1970-01-02T00:00:00",
        );
    }

    #[test]
    fn bytes_are_base64() {
        check(
            &json!(["AAH+", null]),
            &DataType::Binary,
            Rules::of(&ValueType::String),
            "0001fe ",
        );
        check(
            &json!(["?"]),
            &DataType::Binary,
            Rules::of(&ValueType::String),
            "row 0: \"?\" is not base64, which bytes must be",
        );
    }

    #[test]
    fn nested_values_keep_their_nulls() {
        let list = DataType::new_list(DataType::Int64, true);
        check(
            &json!([[1, null], [], null]),
            &list,
            Rules::of(&ValueType::String),
            "[1, ] [] ",
        );
        check(
            &json!([[1], [2, "x"]]),
            &list,
            Rules::of(&ValueType::String),
            "row 1: invalid literal for int() with base 10: 'x'",
        );
        check(
            &json!([5]),
            &list,
            Rules::of(&ValueType::String),
            "row 0: 5 is not a list",
        );
        check(
            &json!([{"b": 1}, "t", 5, true]),
            &DataType::Utf8,
            Rules::of(&ValueType::String),
            "{\"b\":1} t 5 True",
        );
    }

    #[test]
    fn times_that_the_file_does_not_hold_are_refused() {
        let read = |time: &str, data_type: &DataType| {
            let value = Value::from(time);
            let read = column(&[&Value::Null, &value], data_type, Rules::SOURCE);
            read.map(|_| ()).map_err(|misfit| misfit.of_column("t").to_string())
        };
        let millis = DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Paris".into()));
        assert_eq!(read("2026-11-25T10:00:00.001Z", &millis), Ok(()));
        assert_eq!(
            read("2026-11-25T10:00:00.0001Z", &millis).unwrap_err(),
            "column t, row 1: 2026-11-25T10:00:00.0001Z would lose digits: the column of the file is Timestamp(ms, \"Europe/Paris\")"
        );
        assert_eq!(read("2026-11-25", &DataType::Date32), Ok(()));
        assert!(read("2026-11-25T10:00:00Z", &DataType::Date32).is_err());
    }
}
