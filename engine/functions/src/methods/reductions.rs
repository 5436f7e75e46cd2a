//! Sums, means and the like of a series, and of the rows of a frame.

use super::{Table, column_of, frame_of};
use crate::column::{self, Column, Data, OfRows};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

pub(super) const METHODS: Table = &[
    ("all", |run, object, arguments| flags(run, object, arguments, true)),
    ("any", |run, object, arguments| flags(run, object, arguments, false)),
    ("count", |run, object, arguments| {
        of(run, object, arguments, |column| {
            Ok(Value::scalar(Value::count(column::count(column))))
        })
    }),
    ("max", |run, object, arguments| {
        of(run, object, arguments, |column| column::extreme(column, true))
    }),
    ("mean", |run, object, arguments| {
        of(run, object, arguments, column::mean)
    }),
    ("median", |run, object, arguments| {
        of(run, object, arguments, column::median)
    }),
    ("min", |run, object, arguments| {
        of(run, object, arguments, |column| column::extreme(column, false))
    }),
    ("nunique", |run, object, arguments| of(run, object, arguments, distinct)),
    ("std", |run, object, arguments| {
        spread(run, object, arguments, |variance| variance.sqrt())
    }),
    ("sum", |run, object, arguments| of(run, object, arguments, column::sum)),
    ("var", |run, object, arguments| {
        spread(run, object, arguments, |variance| variance)
    }),
];

fn paid<'a>(run: &mut Run, object: &'a Value) -> Outcome<&'a Column> {
    let column = column_of(object)?;
    run.make(column.len().saturating_mul(3))?;
    run.step(column.len() / 4)?;
    Ok(column)
}

fn of(run: &mut Run, object: &Value, arguments: Arguments, reduce: fn(&Column) -> Outcome) -> Outcome {
    let [] = arguments.bind([])?;
    reduce(paid(run, object)?)
}

/// `std()` and `var()`.
fn spread(run: &mut Run, object: &Value, arguments: Arguments, make: fn(f64) -> f64) -> Outcome {
    let [fewer] = arguments.bind(["ddof"])?;
    let fewer = match fewer {
        None | Some(Value::Int(1)) => 1,
        Some(Value::Int(0)) => 0,
        Some(_) => return Err(unknown("this `ddof` is not known here")),
    };
    let column = paid(run, object)?;
    column::variance(column, fewer).map(|variance| Value::scalar(Value::Float(make(variance))))
}

/// `any()` and `all()`, of bools.
fn flags(run: &mut Run, object: &Value, arguments: Arguments, all: bool) -> Outcome {
    let [] = arguments.bind([])?;
    match &paid(run, object)?.data {
        // None is false to `any`, and is left out of `all`.
        Data::Object(values)
            if !values.is_empty() && values.iter().all(|value| matches!(value, Value::Bool(_) | Value::None)) =>
        {
            let decides = values
                .iter()
                .any(|value| matches!(value, Value::Bool(flag) if *flag != all));
            Ok(Value::scalar(Value::Bool(decides != all)))
        }
        Data::Bool(values) => Ok(Value::scalar(Value::Bool(values.contains(&!all) != all))),
        other => Err(unknown(format!(
            "any() of a column of {} is not known here",
            other.dtype()
        ))),
    }
}

/// `nunique()`: how many different values there are, without those that are missing.
fn distinct(column: &Column) -> Outcome {
    let count = match &column.data {
        Data::Int(values) => unique(values.clone()),
        // Adding zero makes one of the two zeros.
        Data::Float(values) => {
            let present = values.iter().filter(|value| !value.is_nan());
            unique(present.map(|value| (value + 0.0).to_bits()).collect())
        }
        Data::Object(values) if values.iter().all(|value| matches!(value, Value::Text(_) | Value::None)) => {
            let texts = values.iter().filter_map(|value| match value {
                Value::Text(text) => Some(text),
                _ => None,
            });
            unique(texts.collect())
        }
        other => return Err(unknown(format!("nunique() of {} is not known here", other.dtype()))),
    };
    Ok(Value::count(count))
}

fn unique<T: Ord>(mut values: Vec<T>) -> usize {
    values.sort_unstable();
    values.dedup();
    values.len()
}

/// Of the rows of a frame: `frame.sum(axis=1)`.
pub(super) const OF_ROWS: Table = &[
    ("max", |run, object, arguments| {
        of_rows(run, object, arguments, OfRows::Max)
    }),
    ("mean", |run, object, arguments| {
        of_rows(run, object, arguments, OfRows::Mean)
    }),
    ("min", |run, object, arguments| {
        of_rows(run, object, arguments, OfRows::Min)
    }),
    ("sum", |run, object, arguments| {
        of_rows(run, object, arguments, OfRows::Sum)
    }),
];

fn of_rows(run: &mut Run, object: &Value, arguments: Arguments, which: OfRows) -> Outcome {
    let [axis] = arguments.exactly(["axis"])?;
    if !matches!(&axis, Value::Int(1)) && !matches!(&axis, Value::Text(name) if &**name == "columns") {
        return Err(unknown("a reduction of a frame along this axis is not known here"));
    }
    let frame = frame_of(object)?.borrow();
    let columns: Vec<&Data> = frame.columns().iter().map(|(_, column)| &column.data).collect();
    run.make(frame.rows().saturating_mul(columns.len() + 1))?;
    column::of_rows(&columns, frame.rows(), which).map(Value::series)
}
