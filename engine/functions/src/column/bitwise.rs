//! `& | ^` of columns, as pandas has them: of two columns of integers they are integers, of all others flags.
//!
//! What is missing is false: in the column on the right before the operator, in the one on the left after it. Beside a single value
//! pandas first asks numpy, and if that refuses, takes whether the value holds.

use ruff_python_ast::Operator;

use super::{Column, Data, Operand, numbers_as_ints, zip};
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::Value;

pub(super) fn bitwise(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Data> {
    match (left, right) {
        (Operand::Column(left), Operand::Column(right)) => columns(operator, left, right),
        (Operand::Column(column), Operand::Value(value)) => with_value(operator, column, value, false),
        (Operand::Value(value), Operand::Column(column)) => with_value(operator, column, value, true),
        _ => Err(unknown("an operator of columns without a column")),
    }
}

/// Of a series and an array on the left, by the rules of the series.
pub(crate) fn bitwise_of_flags(operator: Operator, series: &Operand<'_>, array: &Operand<'_>) -> Outcome<Column> {
    match (series, array) {
        (Operand::Column(Data::Bool(_) | Data::Int(_)), Operand::Column(Data::Bool(_) | Data::Int(_))) => {
            bitwise(operator, series, array).map(Column::from)
        }
        _ => Err(not_known()),
    }
}

/// As numpy has them, of two columns of one kind.
pub(super) fn of_arrays(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Data> {
    match (left, right) {
        (Operand::Column(Data::Bool(_)), Operand::Column(Data::Bool(_)) | Operand::Value(Value::Bool(_)))
        | (Operand::Column(Data::Int(_)), Operand::Column(Data::Int(_)) | Operand::Value(Value::Int(_)))
        | (Operand::Value(Value::Bool(_)), Operand::Column(Data::Bool(_)))
        | (Operand::Value(Value::Int(_)), Operand::Column(Data::Int(_))) => bitwise(operator, left, right),
        _ => Err(unknown("`&`, `|` and `^` of these arrays are not known here")),
    }
}

fn of_ints(operator: Operator, left: i64, right: i64) -> i64 {
    match operator {
        Operator::BitAnd => left & right,
        Operator::BitOr => left | right,
        _ => left ^ right,
    }
}

/// Of integers and bools.
fn whole(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Option<Vec<i64>> {
    let (left, right) = (numbers_as_ints(left)?, numbers_as_ints(right)?);
    Some(zip(left.side(), right.side(), |left, right| {
        of_ints(operator, left, right)
    }))
}

fn not_known() -> Stop {
    unknown("`&`, `|` and `^` of these columns are not known here")
}

fn columns(operator: Operator, left: &Data, right: &Data) -> Outcome<Data> {
    let flags = match (left, right) {
        (Data::Bool(_), Data::Bool(_) | Data::Int(_)) | (Data::Int(_), Data::Bool(_) | Data::Int(_)) => None,
        (Data::Bool(_), Data::Float(_) | Data::Object(_)) => Some(Data::Bool(held(right)?)),
        _ => return row_by_row(operator, left, right).map(Data::Bool),
    };
    let right_operand = Operand::Column(flags.as_ref().unwrap_or(right));
    let numbers = whole(operator, &Operand::Column(left), &right_operand).ok_or_else(not_known)?;
    Ok(match (left, right) {
        (Data::Int(_), Data::Int(_)) => Data::Int(numbers),
        _ => Data::Bool(numbers.into_iter().map(|number| number != 0).collect()),
    })
}

/// Whether each value holds, of which a missing one does not.
fn held(data: &Data) -> Outcome<Vec<bool>> {
    let holds = |value: Value| match value {
        Value::None => Ok(false),
        Value::Float(number) if number.is_nan() => Ok(false),
        Value::Bool(_) | Value::Float(_) | Value::Text(_) => value.truth(),
        _ => Err(not_known()),
    };
    (0..data.len()).map(|row| holds(data.get(row))).collect()
}

/// Of objects or floats, as Python has it for the values of each row.
fn row_by_row(operator: Operator, left: &Data, right: &Data) -> Outcome<Vec<bool>> {
    let right_is_int = matches!(right, Data::Int(_) | Data::Bool(_));
    let row = |row: usize| {
        let (left, right) = (left.get(row), right.get(row));
        let right = match right {
            Value::NoTime => return Err(not_known()),
            right if !right_is_int && right.is_missing() => Value::Bool(false),
            right => right,
        };
        match (&left, &right) {
            (Value::None, Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_)) => Ok(false),
            (Value::Float(number), _) if number.is_nan() => Err(not_known()),
            (Value::Bool(_) | Value::Int(_), Value::Bool(_) | Value::Int(_)) => {
                let (left, right) = (left.as_int().unwrap_or(0), right.as_int().unwrap_or(0));
                Ok(of_ints(operator, left, right) != 0)
            }
            (
                Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_),
                Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_),
            ) => Err(type_error(format!(
                "unsupported operand type(s) for {}: '{}' and '{}'",
                operator.as_str(),
                left.type_name(),
                right.type_name()
            ))),
            _ => Err(not_known()),
        }
    };
    let is_known = |data: &Data| matches!(data, Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Object(_));
    match is_known(left) && is_known(right) && left.len() != 0 {
        true => (0..left.len()).map(row).collect(),
        false => Err(not_known()),
    }
}

/// A column and a value, which may be on the left.
fn with_value(operator: Operator, column: &Data, value: &Value, is_reflected: bool) -> Outcome<Data> {
    let (operand, scalar) = (Operand::Column(column), Operand::Value(value));
    match (column, value) {
        (Data::Int(_), Value::Int(_)) => whole(operator, &operand, &scalar).map(Data::Int).ok_or_else(not_known),
        (Data::Bool(_) | Data::Int(_), Value::Bool(_) | Value::Int(_)) => {
            let numbers = whole(operator, &operand, &scalar).ok_or_else(not_known)?;
            Ok(Data::Bool(numbers.into_iter().map(|number| number != 0).collect()))
        }
        (Data::Bool(_) | Data::Int(_) | Data::Float(_), Value::None | Value::Bool(_) | Value::Int(_))
        | (Data::Bool(_) | Data::Int(_) | Data::Float(_), Value::Float(_) | Value::Text(_)) => {
            Err(cannot(operator, column, value, is_reflected))
        }
        (Data::Object(values), Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_)) => {
            objects(operator, column, values, value, is_reflected).map(Data::Bool)
        }
        _ => Err(not_known()),
    }
}

fn objects(
    operator: Operator,
    column: &Data,
    values: &[Value],
    value: &Value,
    is_reflected: bool,
) -> Outcome<Vec<bool>> {
    let is_plain = |value: &Value| matches!(value, Value::None | Value::Bool(_) | Value::Text(_));
    // Of no rows there comes a column of another kind.
    if values.is_empty() || !values.iter().all(is_plain) {
        return Err(not_known());
    }
    if matches!(value, Value::NoTime) {
        return Err(not_known());
    }
    if value.is_missing() {
        return Ok(vec![false; values.len()]);
    }
    let are_flags = values.iter().all(|value| matches!(value, Value::Bool(_)));
    // numpy does it with the value itself where it can: without anything missing.
    let number = match value.as_int() {
        Some(number) if are_flags => number,
        _ => i64::from(value.truth()?),
    };
    let flag = |of_row: &Value| match of_row {
        Value::Bool(flag) => Ok(of_ints(operator, i64::from(*flag), number) != 0),
        Value::None => Ok(false),
        _ => Err(cannot(operator, column, value, is_reflected)),
    };
    values.iter().map(flag).collect()
}

/// What pandas says when neither numpy nor Python do it.
fn cannot(operator: Operator, column: &Data, value: &Value, is_reflected: bool) -> Stop {
    let name = match (operator, is_reflected) {
        (Operator::BitAnd, false) => "and_",
        (Operator::BitAnd, true) => "rand_",
        (Operator::BitOr, false) => "or_",
        (Operator::BitOr, true) => "ror_",
        (_, false) => "xor",
        (_, true) => "rxor",
    };
    let kind = match value.is_missing() {
        true => value.type_name(),
        false => "bool",
    };
    type_error(format!(
        "Cannot perform '{name}' with a dtyped [{}] array and scalar of type [{kind}]",
        column.dtype()
    ))
}
