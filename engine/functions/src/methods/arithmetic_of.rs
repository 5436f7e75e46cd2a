//! Operators of `pandas.Series` as methods: `series.add(other, fill_value=None)` and the like, and `series.abs()`.
//!
//! Beside a single value they are the operators. Beside a series pandas hands the values to numpy as they are, which divides integers
//! by zero otherwise, and raises for objects.

use std::rc::Rc;

use super::{Table, column_of};
use crate::column::{Column, Data};
use crate::native::absolute_of;
use crate::program::{CmpOp, Operator};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

pub(super) const METHODS: Table = &[
    ("abs", abs),
    ("add", |run, it, arguments| operator(run, it, arguments, Operator::Add)),
    ("div", |run, it, arguments| operator(run, it, arguments, Operator::Div)),
    ("divide", |run, it, arguments| {
        operator(run, it, arguments, Operator::Div)
    }),
    ("eq", |run, it, arguments| comparison(run, it, arguments, CmpOp::Eq)),
    ("floordiv", |run, it, arguments| {
        operator(run, it, arguments, Operator::FloorDiv)
    }),
    ("ge", |run, it, arguments| comparison(run, it, arguments, CmpOp::GtE)),
    ("gt", |run, it, arguments| comparison(run, it, arguments, CmpOp::Gt)),
    ("le", |run, it, arguments| comparison(run, it, arguments, CmpOp::LtE)),
    ("lt", |run, it, arguments| comparison(run, it, arguments, CmpOp::Lt)),
    ("mod", |run, it, arguments| operator(run, it, arguments, Operator::Mod)),
    ("mul", |run, it, arguments| operator(run, it, arguments, Operator::Mult)),
    ("multiply", |run, it, arguments| {
        operator(run, it, arguments, Operator::Mult)
    }),
    ("ne", |run, it, arguments| comparison(run, it, arguments, CmpOp::NotEq)),
    ("pow", |run, it, arguments| operator(run, it, arguments, Operator::Pow)),
    ("radd", |run, it, arguments| {
        reflected(run, it, arguments, Operator::Add)
    }),
    ("rdiv", |run, it, arguments| {
        reflected(run, it, arguments, Operator::Div)
    }),
    ("rfloordiv", |run, it, arguments| {
        reflected(run, it, arguments, Operator::FloorDiv)
    }),
    ("rmod", |run, it, arguments| {
        reflected(run, it, arguments, Operator::Mod)
    }),
    ("rmul", |run, it, arguments| {
        reflected(run, it, arguments, Operator::Mult)
    }),
    ("rpow", |run, it, arguments| {
        reflected(run, it, arguments, Operator::Pow)
    }),
    ("rsub", |run, it, arguments| {
        reflected(run, it, arguments, Operator::Sub)
    }),
    ("rtruediv", |run, it, arguments| {
        reflected(run, it, arguments, Operator::Div)
    }),
    ("sub", |run, it, arguments| operator(run, it, arguments, Operator::Sub)),
    ("subtract", |run, it, arguments| {
        operator(run, it, arguments, Operator::Sub)
    }),
    ("truediv", |run, it, arguments| {
        operator(run, it, arguments, Operator::Div)
    }),
];

fn abs(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let column = column_of(object)?;
    run.make(column.len())?;
    Ok(Value::series(Column::from(absolute_of(&column.data)?)))
}

fn operator(run: &mut Run, object: &Value, arguments: Arguments, operator: Operator) -> Outcome {
    apply(run, object, arguments, operator, false)
}

fn reflected(run: &mut Run, object: &Value, arguments: Arguments, operator: Operator) -> Outcome {
    apply(run, object, arguments, operator, true)
}

fn apply(run: &mut Run, object: &Value, arguments: Arguments, operator: Operator, is_reflected: bool) -> Outcome {
    let [other, level, fill] = arguments.bind(["other", "level", "fill_value"])?;
    let (Some(other), None) = (other, level) else {
        return Err(unknown("this method with these arguments is not known here"));
    };
    let (object, other) = match fill {
        None | Some(Value::None) => (object.clone(), other),
        Some(fill) => filled(run, object, other, &fill)?,
    };
    match (&object, &other) {
        (Value::Series(column), Value::Series(other)) => {
            let (left, right) = if is_reflected { (other, column) } else { (column, other) };
            run.binary_of_arrays(left, operator, right).map(Value::series)
        }
        (_, Value::Array(_)) => Err(unknown("this method beside an array is not known here")),
        (object, other) if is_reflected => run.binary(other, operator, object),
        (object, other) => run.binary(object, operator, other),
    }
}

/// What is missing on one side only is filled.
fn filled(run: &mut Run, object: &Value, other: Value, fill: &Value) -> Outcome<(Value, Value)> {
    let (Value::Int(_) | Value::Float(_), Some(fill)) = (fill, fill.as_float()) else {
        return Err(unknown("filling with this is not known here"));
    };
    let is_missing = |value: &Value, row: usize| match value {
        Value::Series(column) => column.get(row).is_missing(),
        value => value.is_missing(),
    };
    let column = column_of(object)?;
    if !matches!(other, Value::Series(_) | Value::Int(_) | Value::Float(_)) || other.is_missing() || fill.is_nan() {
        return Err(unknown("filling beside this is not known here"));
    }
    let rows = column.len();
    run.make(rows.saturating_mul(2))?;
    let filled = |value: &Value, beside: &Value| match value {
        Value::Series(column) if column.len() == rows => match &column.data {
            Data::Float(numbers) => {
                let numbers = numbers.iter().enumerate();
                let numbers = numbers.map(|(row, number)| match number.is_nan() && !is_missing(beside, row) {
                    true => fill,
                    false => *number,
                });
                Ok(Value::series(Column::from(Data::Float(numbers.collect()))))
            }
            Data::Int(_) | Data::Bool(_) => Ok(Value::Series(Rc::clone(column))),
            _ => Err(unknown("filling such a column is not known here")),
        },
        Value::Series(_) => Err(unknown("columns of different lengths are not known here")),
        value => Ok(value.clone()),
    };
    let same_length = match &other {
        Value::Series(other) => other.len() == rows,
        _ => true,
    };
    match same_length {
        true => Ok((filled(object, &other)?, filled(&other, object)?)),
        false => Err(unknown("columns of different lengths are not known here")),
    }
}

fn comparison(run: &mut Run, object: &Value, arguments: Arguments, operator: CmpOp) -> Outcome {
    let [other] = arguments.exactly(["other"])?;
    match (object, &other) {
        // numpy compares objects itself, and raises for what pandas takes for missing.
        (Value::Series(left), Value::Series(right))
            if matches!(left.data, Data::Object(_)) || matches!(right.data, Data::Object(_)) =>
        {
            Err(unknown("comparing objects by a method is not known here"))
        }
        (_, Value::Array(_)) => Err(unknown("this method beside an array is not known here")),
        _ => run.compare(object, operator, &other),
    }
}
