//! `series.apply`, `series.map` and `frame.apply(axis=1)`: a function for each value, or for each row.
//!
//! pandas gives the values of a column to the function as Python's own, and those of a row as numpy's where all of its columns are
//! numbers.

use std::rc::Rc;

use super::{Table, column_of, frame_of};
use crate::column::{self, Column, Data, NO_TIME};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::{Frame, Value};

pub(super) const METHODS: Table = &[("apply", apply), ("map", map)];

fn apply(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [function] = arguments.exactly(["func"])?;
    each(run, column_of(object)?, &function)
}

fn map(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [mapping] = arguments.exactly(["arg"])?;
    let column = column_of(object)?;
    match &mapping {
        Value::Dict(dict) => {
            let dict = dict.borrow();
            run.make(column.len() + dict.len())?;
            // Each row that is found is compared with the keys.
            run.step(column.len().saturating_mul(dict.len()) / 8)?;
            column::translate(column, &dict).map(Value::series)
        }
        function => each(run, column, function),
    }
}

/// What a function gives for each value, as a column.
fn each(run: &mut Run, column: &Rc<Column>, function: &Value) -> Outcome {
    match function {
        Value::Function(_) => {}
        // numpy's functions get the whole column.
        Value::Native(native) if !native.name.starts_with("numpy.") => {}
        _ => return Err(unknown("applying this to a column is not known here")),
    }
    run.make(column.len())?;
    if column.len() == 0 {
        return Ok(Value::Series(Rc::clone(column)));
    }
    if let Data::Int32(_) | Data::UInt32(_) | Data::Float32(_) = &column.data {
        return Err(unknown("a function of numbers of 32 bits is not known here"));
    }
    if let Data::Time(times) | Data::NaiveTime(times) | Data::Delta(times) = &column.data
        && times.contains(&NO_TIME)
    {
        return Err(unknown("a function of a missing time is not known here"));
    }
    let mut results = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        run.step(1)?;
        let result = run.call(function, Arguments::positional(vec![column.get(row)]))?;
        check_result(&result)?;
        results.push(result);
    }
    column_of_results(&results).map(Value::series)
}

/// A column of the results would be something else than a column of values with these.
fn check_result(result: &Value) -> Outcome<()> {
    match result {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => Ok(()),
        Value::Scalar(_) | Value::Dict(_) | Value::Array(_) => Ok(()),
        other => Err(unknown(format!(
            "a column of what a function gives, {}, is not known here",
            other.type_name()
        ))),
    }
}

fn column_of_results(results: &[Value]) -> Outcome<Column> {
    Column::of_values(results)
}

/// `frame.apply(function, axis=1)`.
pub(super) fn of_rows(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [function, axis] = arguments.exactly(["func", "axis"])?;
    if !matches!(&axis, Value::Int(1)) && !matches!(&axis, Value::Text(name) if &**name == "columns") {
        return Err(unknown("apply() of a frame along this axis is not known here"));
    }
    let Value::Function(_) = &function else {
        return Err(unknown("applying this to the rows of a frame is not known here"));
    };
    let frame = frame_of(object)?.borrow().clone();
    run.make(frame.rows().saturating_mul(frame.columns().len().max(1)))?;
    if frame.rows() == 0 || frame.columns().is_empty() {
        return Err(unknown("apply() of the rows of an empty frame is not known here"));
    }
    let rows = Rc::new(of_one_kind(&frame)?);
    let mut results = Vec::with_capacity(rows.rows());
    for row in 0..rows.rows() {
        run.step(1)?;
        let result = run.call(
            &function,
            Arguments::positional(vec![Value::Row(Rc::clone(&rows), row)]),
        )?;
        match &result {
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Scalar(_) | Value::Text(_) => {}
            Value::List(_) => {}
            _ => return Err(unknown("such values for each row of a frame are not known here")),
        }
        results.push(result);
    }
    let lists = results.iter().filter(|result| matches!(result, Value::List(_))).count();
    if lists != 0 && lists != results.len() {
        return Err(unknown("lists for some rows of a frame only are not known here"));
    }
    column_of_results(&results).map(Value::series)
}

/// The frame with columns of one kind, as a row of it is a column.
fn of_one_kind(frame: &Frame) -> Outcome<Frame> {
    let data = || frame.columns().iter().map(|(_, column)| &column.data);
    if data().all(|data| matches!(data, Data::Int(_)))
        || data().all(|data| matches!(data, Data::Float(_)))
        || data().all(|data| matches!(data, Data::Bool(_)))
    {
        return Ok(frame.clone());
    }
    let are_numbers = data().all(|data| matches!(data, Data::Int(_) | Data::Float(_)));
    let mut same = Frame::with_rows(frame.rows());
    for (name, column) in frame.columns() {
        let data = match &column.data {
            data @ (Data::Int(_) | Data::Float(_)) if are_numbers => column::floats(data).map(Data::Float),
            Data::Time(times) if times.contains(&NO_TIME) => None,
            Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Object(_) | Data::Time(_) => {
                Some(Data::Object(column::map_values(&column.data, Ok)?))
            }
            _ => None,
        };
        let data = data.ok_or_else(|| unknown("rows of such columns are not known here"))?;
        same.set(crate::program::Text::clone(name), Rc::new(Column::from(data)));
    }
    Ok(same)
}
