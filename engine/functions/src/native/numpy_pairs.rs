//! numpy's functions of two columns, or of a column and a value, row by row.

use super::numpy_elementwise::truth_of;
use crate::column::{Column, Data, Operand, Side, numbers_as_floats, numbers_as_ints, zip};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, Stop, attribute_error, type_error, unknown};
use crate::value::{Value, compare};

/// Which of two values is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extreme {
    Greatest,
    Least,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logic {
    And,
    Or,
    Xor,
}

/// Of two arguments of which one is a column; what comes of it is paid for.
fn with_pair(
    run: &mut Run,
    arguments: Arguments,
    compute: impl FnOnce(&Operand<'_>, &Operand<'_>, usize) -> Outcome<Data>,
) -> Outcome {
    let [left, right] = arguments.exactly(["x1", "x2"])?;
    let rows = match (&left, &right) {
        (Value::Series(column) | Value::Array(column), _) | (_, Value::Series(column) | Value::Array(column)) => {
            column.len()
        }
        _ => return Err(unknown("a function of numpy without a column is not known here")),
    };
    check_series(&left)?;
    check_series(&right)?;
    // The numbers of a side may be made anew.
    run.make(rows.saturating_mul(3))?;
    let data = compute(&Operand::of(&left, rows)?, &Operand::of(&right, rows)?, rows)?;
    Ok(
        match matches!(left, Value::Series(_)) || matches!(right, Value::Series(_)) {
            true => Value::series(Column::from(data)),
            false => Value::array(Column::from(data)),
        },
    )
}

/// An array of texts is of another kind in numpy than a series of them.
fn check_series(value: &Value) -> Outcome<()> {
    match value {
        Value::Array(column) if matches!(column.data, Data::Object(_)) => {
            Err(unknown("a function of numpy of an array of objects is not known here"))
        }
        _ => Ok(()),
    }
}

/// Numbers that numpy has functions of.
fn is_number(operand: &Operand<'_>) -> bool {
    matches!(
        operand,
        Operand::Column(Data::Bool(_) | Data::Int(_) | Data::Float(_))
            | Operand::Value(Value::Bool(_) | Value::Int(_) | Value::Float(_))
    )
}

fn is_bool(operand: &Operand<'_>) -> bool {
    matches!(operand, Operand::Column(Data::Bool(_)) | Operand::Value(Value::Bool(_)))
}

/// `np.hypot` and the like.
pub(super) fn of_floats(run: &mut Run, arguments: Arguments, name: &str, compute: fn(f64, f64) -> f64) -> Outcome {
    with_pair(run, arguments, |left, right, rows| {
        if left.is_object() || right.is_object() {
            return match (rows, left) {
                (0, _) => Ok(Data::Object(Vec::new())),
                // It asks the first value on the left.
                (_, Operand::Column(_)) => Err(attribute_error(own_type(&left.get(0))?, name)),
                _ => Err(unknown(format!("np.{name}() of these is not known here"))),
            };
        }
        if is_bool(left) && is_bool(right) {
            return Err(unknown(format!("np.{name}() of bools is not known here")));
        }
        match (numbers_as_floats(left), numbers_as_floats(right)) {
            (Some(left), Some(right)) => Ok(Data::Float(zip(left.side(), right.side(), compute))),
            _ => Err(unknown(format!("np.{name}() of these is not known here"))),
        }
    })
}

/// The name of a type of Python itself.
fn own_type(value: &Value) -> Outcome<&'static str> {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => Ok(value.type_name()),
        _ => Err(unknown("these objects are not known here")),
    }
}

/// `np.maximum`, `np.minimum`, and `np.fmax`, `np.fmin`, which pass over NaN.
pub(super) fn extreme(run: &mut Run, arguments: Arguments, which: Extreme, keeps_nan: bool) -> Outcome {
    with_pair(run, arguments, |left, right, rows| {
        if left.is_object() || right.is_object() {
            return match rows {
                0 => Ok(Data::Object(Vec::new())),
                _ => Err(no_order(left, right, rows, which)),
            };
        }
        if !is_number(left) || !is_number(right) {
            return Err(unknown("the greatest of these is not known here"));
        }
        if is_bool(left) && is_bool(right) {
            let (Some(left), Some(right)) = (numbers_as_ints(left), numbers_as_ints(right)) else {
                return Err(unknown("the greatest of these bools is not known here"));
            };
            let greatest = ints(left.side(), right.side(), which);
            return Ok(Data::Bool(greatest.into_iter().map(|number| number != 0).collect()));
        }
        if let (Some(left), Some(right)) = (numbers_as_ints(left), numbers_as_ints(right)) {
            return Ok(Data::Int(ints(left.side(), right.side(), which)));
        }
        match (numbers_as_floats(left), numbers_as_floats(right)) {
            (Some(left), Some(right)) => floats(left.side(), right.side(), which, keeps_nan).map(Data::Float),
            _ => Err(unknown("the greatest of these is not known here")),
        }
    })
}

fn ints(left: Side<'_, i64>, right: Side<'_, i64>, which: Extreme) -> Vec<i64> {
    match which {
        Extreme::Greatest => zip(left, right, i64::max),
        Extreme::Least => zip(left, right, i64::min),
    }
}

fn floats(left: Side<'_, f64>, right: Side<'_, f64>, which: Extreme, keeps_nan: bool) -> Outcome<Vec<f64>> {
    let of_two_zeros = |left: f64, right: f64| left == 0.0 && right == 0.0 && left.to_bits() != right.to_bits();
    if !keeps_nan && zip(left, right, of_two_zeros).contains(&true) {
        return Err(unknown("which of two zeros np.fmax() takes depends on their row"));
    }
    Ok(zip(left, right, |left: f64, right: f64| {
        match (left.is_nan(), right.is_nan()) {
            (true, _) if keeps_nan => return left,
            (_, true) if keeps_nan => return right,
            (true, _) => return right,
            (_, true) => return left,
            _ => {}
        }
        // Of two that are equal the right one, as the processor's instruction takes it: zeros differ by their sign.
        let is_left = match which {
            Extreme::Greatest => left > right,
            Extreme::Least => left < right,
        };
        if is_left { left } else { right }
    }))
}

/// What the first objects raise that have no order.
fn no_order(left: &Operand<'_>, right: &Operand<'_>, rows: usize, which: Extreme) -> Stop {
    let sign = match which {
        Extreme::Greatest => ">=",
        Extreme::Least => "<=",
    };
    for row in 0..rows {
        let (left, right) = (left.get(row), right.get(row));
        let (Ok(left_name), Ok(right_name)) = (own_type(&left), own_type(&right)) else {
            break;
        };
        if compare(&left, &right).is_none() {
            return type_error(format!(
                "'{sign}' not supported between instances of '{left_name}' and '{right_name}'"
            ));
        }
    }
    unknown("the greatest of these objects is not known here")
}

/// `np.logical_and` and the like. Of objects, as Python's `and` and `or`, one of the two.
pub(super) fn logical(run: &mut Run, arguments: Arguments, logic: Logic) -> Outcome {
    with_pair(run, arguments, |left, right, rows| {
        if left.is_object() || right.is_object() {
            let chosen = (0..rows).map(|row| of_two(&left.get(row), &right.get(row), logic));
            return Ok(Data::Object(chosen.collect::<Outcome<_>>()?));
        }
        if !is_number(left) || !is_number(right) {
            return Err(unknown("np.logical_and() and the like of these are not known here"));
        }
        match (numbers_as_floats(left), numbers_as_floats(right)) {
            (Some(left), Some(right)) => Ok(Data::Bool(zip(left.side(), right.side(), |left, right| {
                let (left, right) = (left != 0.0, right != 0.0);
                match logic {
                    Logic::And => left && right,
                    Logic::Or => left || right,
                    Logic::Xor => left != right,
                }
            }))),
            _ => Err(unknown("np.logical_and() and the like of these are not known here")),
        }
    })
}

fn of_two(left: &Value, right: &Value, logic: Logic) -> Outcome {
    let (holds, _) = (truth_of(left)?, truth_of(right)?);
    match logic {
        Logic::Xor => Err(unknown("np.logical_xor() of objects is not known here")),
        Logic::And => Ok(if holds { right.clone() } else { left.clone() }),
        Logic::Or => Ok(if holds { left.clone() } else { right.clone() }),
    }
}
