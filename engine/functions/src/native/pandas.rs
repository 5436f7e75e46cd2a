//! pandas: frames, and functions of columns.

use std::collections::BTreeSet;

use super::Native;
use crate::methods;
use crate::program::Text;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown, value_error};
use crate::value::{Frame, Value};

pub(super) static FUNCTIONS: &[Native] = &[
    Native::class("pandas.DataFrame", data_frame),
    Native::function("pandas.isna", |run, arguments| missing(run, arguments, "isna")),
    Native::function("pandas.isnull", |run, arguments| missing(run, arguments, "isna")),
    Native::function("pandas.notna", |run, arguments| missing(run, arguments, "notna")),
    Native::function("pandas.notnull", |run, arguments| missing(run, arguments, "notna")),
];

/// `pd.isna(value)` and `pd.notna(value)`, of a series or of a single value.
fn missing(run: &mut Run, arguments: Arguments, name: &'static str) -> Outcome {
    let [value] = arguments.exactly(["obj"])?;
    match &value {
        Value::Series(_) => methods::call(run, &value, name, Arguments::default()),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Time(_) => {
            Ok(Value::Bool(value.is_missing() == (name == "isna")))
        }
        _ => Err(unknown(format!("pd.{name}() of this is not known here"))),
    }
}

fn data_frame(run: &mut Run, arguments: Arguments) -> Outcome {
    let [data] = arguments.bind(["data"])?;
    let mut frame = Frame::default();
    match data {
        None => {}
        Some(Value::Dict(dict)) => {
            let dict = dict.borrow();
            // Values that are the same in every row take the rows of the columns, wherever those stand.
            let rows = rows_of(dict.members().iter().map(|(_, value)| value))?;
            match rows {
                Some(rows) => frame = Frame::with_rows(rows),
                None if !dict.members().iter().all(|(_, value)| is_single(value)) => {
                    return Err(unknown("a frame of such values is not known here"));
                }
                None if dict.len() > 0 => {
                    return Err(value_error("If using all scalar values, you must pass an index"));
                }
                None => {}
            }
            for (name, value) in dict.members() {
                let Value::Text(name) = name else {
                    return Err(unknown("a frame with names that are no text is not known here"));
                };
                run.set_column(&mut frame, &Text::clone(name), value)?;
            }
        }
        Some(_) => return Err(unknown("a frame of this is not known here")),
    }
    Ok(Value::frame(frame))
}

/// How many rows the columns among some values have, if there are any.
fn rows_of<'a>(values: impl Iterator<Item = &'a Value>) -> Outcome<Option<usize>> {
    let (mut of_series, mut of_lists) = (BTreeSet::new(), BTreeSet::new());
    for value in values {
        match value {
            Value::Series(column) => of_series.insert(column.len()),
            Value::Array(column) => of_lists.insert(column.len()),
            Value::List(items) => of_lists.insert(items.borrow().len()),
            _ => false,
        };
    }
    if of_series.len() > 1 {
        return Err(unknown("a frame of series of different lengths is not known here"));
    }
    if of_lists.len() > 1 {
        return Err(value_error("All arrays must be of the same length"));
    }
    match (of_series.first(), of_lists.first()) {
        (Some(series), Some(list)) if series != list => Err(value_error(format!(
            "array length {list} does not match index length {series}"
        ))),
        (series, list) => Ok(series.or(list).copied()),
    }
}

/// Whether pandas takes it for one value in every row.
fn is_single(value: &Value) -> bool {
    matches!(
        value,
        Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Scalar(_)
            | Value::Text(_)
            | Value::Time(_)
            | Value::NaiveTime(_)
            | Value::Delta(_)
    )
}
