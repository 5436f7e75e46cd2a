//! What a function gives, as columns of the types that its view declares.
//!
//! By the rules of Feast: integers are cut off, text is what `str()` makes of anything. What Feast answers although it is not what the
//! schema says (a missing column, too few rows) is an error here, which names the column.

mod documents;
mod values;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampSecondArray};
use feast_model::ValueType;

use crate::column::{Column, Data, NO_TIME, Times, Unit};
use crate::function::Output;
use crate::native::shown_time;
use crate::stop::{Outcome, Stop, attribute_error, type_error, unknown};
use crate::value::Value;

pub use values::is_given;
use values::of_values;

const MICROS: i64 = 1_000_000;

/// The number of an output, and its values.
type Numbered = (usize, ArrayRef);

/// Of a frame.
pub(crate) fn from_frame(result: &Value, outputs: &[Output<'_>], rows: usize) -> Outcome<Vec<Numbered>> {
    let frame = match result {
        Value::Frame(frame) => frame.borrow(),
        other => return Err(attribute_error(other.type_name(), "columns")),
    };
    let columns = frame
        .columns()
        .iter()
        .filter_map(|(name, column)| Some((position(outputs, name)?, column)));
    let columns = columns.map(|(number, column)| {
        let output = &outputs[number];
        check_rows(output, column.len(), rows)?;
        Ok((number, of_column(column, output)?))
    });
    all_of(outputs, columns.collect::<Outcome<_>>()?)
}

/// Of a dict of lists.
pub(crate) fn from_lists(result: &Value, outputs: &[Output<'_>], rows: usize) -> Outcome<Vec<Numbered>> {
    let columns = order_of(result, outputs)?.into_iter().map(|number| {
        let output = &outputs[number];
        let values = match member(result, output)? {
            Value::List(items) => items.borrow().clone(),
            // Feast takes a single value for the only row.
            single if rows == 1 && !matches!(single, Value::Tuple(_) | Value::Array(_) | Value::Series(_)) => {
                vec![single]
            }
            other => {
                return Err(Stop::WrongOutput(format!(
                    "{} of the function's result is a {}, not a list with a value for each row",
                    output.name,
                    other.type_name()
                )));
            }
        };
        check_rows(output, values.len(), rows)?;
        Ok((number, of_values(&values, output.value_type)?))
    });
    all_of(outputs, columns.collect::<Outcome<_>>()?)
}

/// Of a dict of values for each row.
pub(crate) fn from_single(results: &[Value], outputs: &[Output<'_>]) -> Outcome<Vec<Numbered>> {
    let order = match results.first() {
        Some(first) => order_of(first, outputs)?,
        None => (0..outputs.len()).collect(),
    };
    let columns = order.into_iter().map(|number| {
        let output = &outputs[number];
        let values = results.iter().map(|result| member(result, output));
        Ok((
            number,
            of_values(&values.collect::<Outcome<Vec<_>>>()?, output.value_type)?,
        ))
    });
    all_of(outputs, columns.collect::<Outcome<_>>()?)
}

fn position(outputs: &[Output<'_>], name: &str) -> Option<usize> {
    outputs.iter().position(|output| output.name == name)
}

/// The numbers of the outputs that a dict has, in its order.
fn order_of(result: &Value, outputs: &[Output<'_>]) -> Outcome<Vec<usize>> {
    let Value::Dict(dict) = result else {
        return Err(type_error(format!("'{}' object is not a mapping", result.type_name())));
    };
    let dict = dict.borrow();
    let names = dict.members().iter().filter_map(|(name, _)| match name {
        Value::Text(name) => position(outputs, name),
        _ => None,
    });
    Ok(names.collect())
}

/// The columns, if none of the outputs is missing.
fn all_of(outputs: &[Output<'_>], columns: Vec<Numbered>) -> Outcome<Vec<Numbered>> {
    let is_given = |wanted: usize| columns.iter().any(|(number, _)| *number == wanted);
    match (0..outputs.len()).find(|number| !is_given(*number)) {
        Some(number) => Err(missing(&outputs[number])),
        None => Ok(columns),
    }
}

fn member(result: &Value, output: &Output<'_>) -> Outcome {
    let Value::Dict(dict) = result else {
        return Err(type_error(format!("'{}' object is not a mapping", result.type_name())));
    };
    dict.borrow()
        .get(&Value::text(output.name))
        .cloned()
        .ok_or_else(|| missing(output))
}

fn missing(output: &Output<'_>) -> Stop {
    Stop::WrongOutput(format!("the function gives no column {}", output.name))
}

fn check_rows(output: &Output<'_>, given: usize, rows: usize) -> Outcome<()> {
    match given == rows {
        true => Ok(()),
        false => Err(Stop::WrongOutput(format!(
            "the function gives {given} values of {} for {rows} rows",
            output.name
        ))),
    }
}

fn of_column(column: &Column, output: &Output<'_>) -> Outcome<ArrayRef> {
    if let Some(plain) = through_arrow(&column.data) {
        return of_column(&Column::from(plain), output);
    }
    check_known(output.value_type, &column.data)?;
    Ok(match (output.value_type, &column.data) {
        (ValueType::Int64, Data::Int(values)) => Arc::new(Int64Array::from(values.clone())),
        (ValueType::Float64, Data::Float(values)) => {
            let some = |number: &f64| Some(*number).filter(|number| !number.is_nan());
            Arc::new(values.iter().map(some).collect::<Float64Array>())
        }
        (ValueType::Float64, Data::Int(values)) => Arc::new(
            values
                .iter()
                .map(|number| Some(*number as f64))
                .collect::<Float64Array>(),
        ),
        (ValueType::Bool, Data::Bool(values)) => Arc::new(BooleanArray::from(values.clone())),
        (ValueType::UnixTimestamp, Data::Time(values) | Data::NaiveTime(values)) => {
            let seconds = |micros: &i64| (*micros != NO_TIME).then(|| micros.div_euclid(MICROS));
            Arc::new(values.iter().map(seconds).collect::<TimestampSecondArray>())
        }
        (ValueType::Int64, Data::Time(times) | Data::NaiveTime(times) | Data::Delta(times))
            if times.unit() == Some(Unit::Micro) && times.iter().any(|micros| *micros != NO_TIME) =>
        {
            let name = if let Data::Delta(_) = column.data {
                "timedelta"
            } else {
                "datetime"
            };
            return Err(type_error(format!(
                "int() argument must be a string, a bytes-like object or a real number, not 'datetime.{name}'"
            )));
        }
        (ValueType::String, Data::Time(times) | Data::NaiveTime(times)) if times.unit() == Some(Unit::Micro) => {
            Arc::new(numpy_texts(times)?)
        }
        (value_type, Data::Object(values)) => {
            // In a column of Arrow a tuple is a list.
            let value = |value: &Value| match value {
                Value::Tuple(items) => Value::list(items.to_vec()),
                value => value.clone(),
            };
            let values: Vec<Value> = values.iter().map(value).collect();
            return of_values(&of_one_type(&values)?, value_type);
        }
        (value_type, data) => {
            let values: Vec<Value> = (0..column.len()).map(|row| data.get(row)).collect();
            return of_values(&values, value_type);
        }
    })
}

/// Whether it is known what Feast makes of such a column.
fn check_known(value_type: &ValueType, data: &Data) -> Outcome<()> {
    let are_missing = |times: &Times| !times.is_empty() && times.iter().all(|micros| *micros == NO_TIME);
    let problem = match (value_type, data) {
        (ValueType::Float64 | ValueType::Bool, Data::Int32(_) | Data::UInt32(_) | Data::Float32(_))
        | (ValueType::Float32 | ValueType::String, Data::UInt32(_)) => {
            return Err(unknown(format!(
                "a column of {} for one of {} is not known here",
                data.dtype(),
                value_type.feast_name()
            )));
        }
        (ValueType::Bool, Data::Float(numbers))
            if !numbers.is_empty() && numbers.iter().all(|number| number.is_nan()) =>
        {
            "floats that are all missing as bools are not known here"
        }
        (ValueType::String, Data::Float32(_)) => "floats of 32 bits as texts are not known here",
        (ValueType::UnixTimestamp, Data::Time(_) | Data::NaiveTime(_)) => return Ok(()),
        (_, Data::Time(times) | Data::NaiveTime(times)) if are_missing(times) => {
            "times that are all missing as an output of another type are not known here"
        }
        (_, Data::Delta(times)) if are_missing(times) => {
            "spans of time that are all missing as an output are not known here"
        }
        // Of dicts Arrow makes structs, which have each key of any row.
        (ValueType::Map | ValueType::Struct(_) | ValueType::Json, Data::Object(values))
            if values.iter().any(|value| !value.is_missing()) =>
        {
            "objects of pandas as maps and JSON are not known here"
        }
        _ => return Ok(()),
    };
    Err(unknown(problem))
}

/// Columns of pandas' own kinds as they come out of Arrow.
fn through_arrow(data: &Data) -> Option<Data> {
    Some(match data {
        Data::Nullable(values) => match values.iter().copied().collect::<Option<Vec<i64>>>() {
            Some(values) => Data::Int(values),
            None => Data::Float(
                values
                    .iter()
                    .map(|number| number.map_or(f64::NAN, |number| number as f64))
                    .collect(),
            ),
        },
        Data::Texts(_) => Data::Object((0..data.len()).map(|row| data.get(row)).collect()),
        _ => return None,
    })
}

/// Objects as Arrow has them, through which they go: numbers of one type, integers beside a missing value as floats.
fn of_one_type(values: &[Value]) -> Outcome<Cow<'_, [Value]>> {
    let present = || values.iter().filter(|value| !value.is_missing());
    let has = |kind: fn(&Value) -> bool| present().any(kind);
    let has_bools = has(|value| matches!(value, Value::Bool(_)));
    let has_ints = has(|value| matches!(value, Value::Int(_)));
    let has_floats = has(|value| matches!(value, Value::Float(_)));
    let has_others = has(|value| !matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_)));
    let kinds = [has_bools, has_ints || has_floats, has_others];
    if kinds.into_iter().filter(|has| *has).count() > 1 {
        return Err(unknown("a column of objects of several kinds is not known here"));
    }
    let is_missing = |value: &Value| value.is_missing();
    if !has_ints || (!has_floats && !values.iter().any(is_missing)) {
        return Ok(Cow::Borrowed(values));
    }
    let number = |value: &Value| match value {
        // Arrow refuses those that are not exact beside floats.
        Value::Int(number) if has_floats && number.unsigned_abs() > 1 << 53 => {
            Err(unknown("such integers beside floats are not known here"))
        }
        Value::Int(number) => Ok(Value::Float(*number as f64)),
        other => Ok(other.clone()),
    };
    Ok(Cow::Owned(values.iter().map(number).collect::<Outcome<_>>()?))
}

/// Points in time as numpy writes them.
fn numpy_texts(times: &Times) -> Outcome<StringArray> {
    let text = |micros: &i64| match *micros {
        NO_TIME => Ok(None),
        micros => {
            let seconds = shown_time(micros - micros.rem_euclid(MICROS), false, 'T')?;
            Ok(Some(format!("{seconds}.{:06}", micros.rem_euclid(MICROS))))
        }
    };
    times.iter().map(text).collect()
}
