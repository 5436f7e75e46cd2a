//! Methods of a series that make another one of its values: at some rows, along the column, or looked up.

use super::{Table, column_of};
use crate::column::{self, Column, Data, Operand};
use crate::program::{CmpOp, Operator};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

pub(super) const METHODS: Table = &[
    ("backfill", |run, object, arguments| {
        along(run, object, arguments, column::fill_backward)
    }),
    ("between", between),
    ("bfill", |run, object, arguments| {
        along(run, object, arguments, column::fill_backward)
    }),
    ("clip", clip),
    ("combine_first", combine_first),
    ("copy", |run, object, arguments| {
        along(run, object, arguments, |column| Ok(column.clone()))
    }),
    ("cummax", |run, object, arguments| {
        along(run, object, arguments, |column| {
            column::cumulative_extreme(column, true)
        })
    }),
    ("cummin", |run, object, arguments| {
        along(run, object, arguments, |column| {
            column::cumulative_extreme(column, false)
        })
    }),
    ("cumsum", |run, object, arguments| {
        along(run, object, arguments, column::cumsum)
    }),
    ("diff", |run, object, arguments| {
        by_places(run, object, arguments, column::diff)
    }),
    ("duplicated", |run, object, arguments| {
        along(run, object, arguments, column::duplicated)
    }),
    ("ffill", |run, object, arguments| {
        along(run, object, arguments, column::fill_forward)
    }),
    ("isin", isin),
    ("mask", |run, object, arguments| choose(run, object, arguments, false)),
    ("rank", |run, object, arguments| {
        along(run, object, arguments, column::rank)
    }),
    ("replace", replace),
    ("round", round),
    ("shift", |run, object, arguments| {
        by_places(run, object, arguments, column::shift)
    }),
    ("to_list", to_list),
    ("tolist", to_list),
    ("where", |run, object, arguments| choose(run, object, arguments, true)),
];

fn along(run: &mut Run, object: &Value, arguments: Arguments, make: fn(&Column) -> Outcome<Column>) -> Outcome {
    let [] = arguments.bind([])?;
    let column = column_of(object)?;
    run.make(column.len().saturating_mul(2))?;
    run.step(column.len())?;
    make(column).map(Value::series)
}

fn by_places(
    run: &mut Run,
    object: &Value,
    arguments: Arguments,
    make: fn(&Column, i64) -> Outcome<Column>,
) -> Outcome {
    let [places] = arguments.bind(["periods"])?;
    let places = match places {
        None => 1,
        Some(Value::Int(places)) => places,
        Some(_) => return Err(unknown("this many places are not known here")),
    };
    let column = column_of(object)?;
    run.make(column.len().saturating_mul(2))?;
    make(column, places).map(Value::series)
}

/// `series.between(low, high)`.
fn between(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [low, high] = arguments.exactly(["left", "right"])?;
    let above = run.compare(object, CmpOp::GtE, &low)?;
    let below = run.compare(object, CmpOp::LtE, &high)?;
    run.binary(&above, Operator::BitAnd, &below)
}

fn clip(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [lower, upper] = arguments.bind(["lower", "upper"])?;
    let (mut lower, mut upper) = (bound(lower)?, bound(upper)?);
    if let (Some(low), Some(high)) = (&lower, &upper)
        && crate::run::scalar_compare(low, CmpOp::Gt, high)?
    {
        std::mem::swap(&mut lower, &mut upper);
    }
    let column = column_of(object)?;
    run.make(column.len().saturating_mul(3))?;
    column::clip(column, lower.as_ref(), upper.as_ref()).map(Value::series)
}

/// A bound of `clip`; a missing one is none.
fn bound(value: Option<Value>) -> Outcome<Option<Value>> {
    let Some(value) = value else { return Ok(None) };
    match value.plain() {
        value if value.is_missing() => Ok(None),
        value @ (Value::Int(_) | Value::Float(_)) => Ok(Some(value.clone())),
        _ => Err(unknown("this bound of clip() is not known here")),
    }
}

fn combine_first(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [other] = arguments.exactly(["other"])?;
    let (column, Value::Series(other)) = (column_of(object)?, &other) else {
        return Err(unknown("combine_first() with this is not known here"));
    };
    run.make(column.len().saturating_mul(2))?;
    match other.len() == column.len() {
        true => column::combine_first(column, other).map(Value::series),
        false => Err(unknown("columns of different lengths are not known here")),
    }
}

/// `series.where(condition, other)`, and `mask`, which keeps where the condition does not hold.
fn choose(run: &mut Run, object: &Value, arguments: Arguments, keeps: bool) -> Outcome {
    let [condition, other] = arguments.bind(["cond", "other"])?;
    let column = column_of(object)?;
    run.make(column.len().saturating_mul(2))?;
    let flags = match &condition {
        Some(Value::Series(flags)) if flags.len() == column.len() => match &flags.data {
            Data::Bool(flags) => flags,
            _ => return Err(unknown("a condition that is no column of bool is not known here")),
        },
        _ => return Err(unknown("this condition is not known here")),
    };
    let keep: Vec<bool> = flags.iter().map(|flag| *flag == keeps).collect();
    let other = other.unwrap_or(Value::Float(f64::NAN));
    let other = Operand::of(other.plain(), column.len())?;
    column::choose(column, &keep, &other).map(Value::series)
}

fn isin(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [values] = arguments.exactly(["values"])?;
    let column = column_of(object)?;
    let values = match &values {
        Value::List(items) | Value::Set(items) => items.borrow().clone(),
        Value::Tuple(items) => items.to_vec(),
        _ => return Err(unknown("isin() of this is not known here")),
    };
    run.make(column.len().saturating_add(values.len().saturating_mul(4)))?;
    run.step(column.len())?;
    column::is_in(column, &values).map(Value::series)
}

/// `series.tolist()`: Python's own values.
fn to_list(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let column = column_of(object)?;
    run.make(column.len())?;
    match &column.data {
        Data::Time(_) | Data::NaiveTime(_) | Data::Delta(_) => {
            Err(unknown("a list of times of a column is not known here"))
        }
        data => column::map_values(data, Ok).map(Value::list),
    }
}

fn replace(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [old, new] = arguments.bind(["to_replace", "value"])?;
    let column = column_of(object)?;
    let pairs = match (old, new) {
        (Some(Value::Dict(pairs)), None) => pairs.borrow().members().to_vec(),
        (Some(old), Some(new)) => vec![(old, new)],
        _ => return Err(unknown("replace() of this is not known here")),
    };
    run.make(column.len().saturating_mul(pairs.len().saturating_mul(3)))?;
    column::replace(column, &pairs).map(Value::series)
}

fn round(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [places] = arguments.bind(["decimals"])?;
    let places = match places {
        None => 0,
        Some(Value::Int(places)) => places,
        Some(_) => return Err(unknown("round() to this many places is not known here")),
    };
    let column = column_of(object)?;
    run.make(column.len())?;
    column::round(column, places).map(Value::series)
}
