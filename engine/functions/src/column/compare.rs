//! `== != < <= > >=` of columns, row by row.

use std::cmp::Ordering;

use ruff_python_ast::CmpOp;

use super::numbers::Lent;
use super::{Column, Data, Operand, floats, numbers_as_floats, numbers_as_ints, zip};
use crate::native::point_of;
use crate::run::scalar_compare;
use crate::stop::{Outcome, unknown};
use crate::value::{Value, compare as order_of};

pub(crate) fn compare(operator: CmpOp, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Column> {
    let rows = match (left, right) {
        (Operand::Column(data), _) | (_, Operand::Column(data)) => data.len(),
        _ => return Err(unknown("a comparison of columns without a column")),
    };
    if let Some(flags) = super::times::compare_kinds(operator, left, right) {
        return flags.map(|flags| Column::from(Data::Bool(flags)));
    }
    let has_missing_times = |operand: &Operand<'_>| match operand {
        Operand::Column(Data::Object(values)) => values.iter().any(|value| matches!(value, Value::NoTime)),
        _ => false,
    };
    let is_empty =
        |operand: &Operand<'_>| matches!(operand, Operand::Column(Data::Object(values)) if values.is_empty());
    if !matches!(operator, CmpOp::Eq | CmpOp::NotEq) && (is_empty(left) || is_empty(right)) {
        return Err(unknown("comparing an empty column of objects is not known here"));
    }
    if has_missing_times(left) || has_missing_times(right) {
        return Err(unknown(
            "comparing what is made of nothing and a span of time is not known here",
        ));
    }
    // Python asks the column, which is on the left then.
    if let (Operand::Value(_), Operand::Column(_)) = (left, right) {
        return compare(mirrored(operator), right, left);
    }
    // A text beside times is read as one.
    if let (Operand::Column(Data::Time(_)), Operand::Value(Value::Text(text))) = (left, right)
        && let (micros, false) = point_of(text)?
    {
        return compare(operator, left, &Operand::Value(&Value::Time(micros)));
    }
    // Numbers are no texts.
    if let (true, Operand::Value(Value::Text(_)), CmpOp::Eq | CmpOp::NotEq) =
        (kind(left) == Some(ColumnKind::Number), right, operator)
    {
        return Ok(Column::from(Data::Bool(vec![operator == CmpOp::NotEq; rows])));
    }
    let flags = match numbers(operator, left, right)? {
        Some(flags) => flags,
        None => (0..rows)
            .map(|row| row_compare(operator, left, right, row))
            .collect::<Outcome<Vec<bool>>>()?,
    };
    Ok(Column::from(Data::Bool(flags)))
}

/// Numbers, as numpy compares them: integers beside floats as floats, and a single value beside floats of 32 bits as one of them.
fn numbers(operator: CmpOp, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Option<Vec<bool>>> {
    if let (Some(left), Some(right)) = (numbers_as_ints(left), numbers_as_ints(right)) {
        return Ok(Some(zip(left.side(), right.side(), |left, right| {
            holds(operator, Some(left.cmp(&right)))
        })));
    }
    if let (Operand::Column(Data::Float32(left)), Operand::Value(right)) = (left, right) {
        return singles(operator, left, right);
    }
    let compared = |left: f64, right: f64| holds(operator, left.partial_cmp(&right));
    let wide = |operand| match operand {
        &Operand::Column(data @ Data::Float32(_)) => floats(data).map(Lent::Made),
        operand => numbers_as_floats(operand),
    };
    match (wide(left), wide(right)) {
        (Some(left), Some(right)) => Ok(Some(zip(left.side(), right.side(), compared))),
        _ => Ok(None),
    }
}

fn singles(operator: CmpOp, left: &[f32], right: &Value) -> Outcome<Option<Vec<bool>>> {
    let right = match right {
        Value::Float(number) => *number as f32,
        Value::Int(number) if number.unsigned_abs() < 1 << 53 => *number as f32,
        Value::Int(_) | Value::Bool(_) => {
            return Err(unknown("floats of 32 bits beside this are not known here"));
        }
        _ => return Ok(None),
    };
    let compared = |left: &f32| holds(operator, left.partial_cmp(&right));
    Ok(Some(left.iter().map(compared).collect()))
}

/// The operator with its sides exchanged.
pub(crate) fn mirrored(operator: CmpOp) -> CmpOp {
    match operator {
        CmpOp::Lt => CmpOp::Gt,
        CmpOp::LtE => CmpOp::GtE,
        CmpOp::Gt => CmpOp::Lt,
        CmpOp::GtE => CmpOp::LtE,
        other => other,
    }
}

/// Of arrays alone, which numpy compares: numbers, and texts with texts.
pub(crate) fn compare_arrays(operator: CmpOp, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Column> {
    let are_numbers = |operand: &Operand<'_>| kind(operand) == Some(ColumnKind::Number);
    let are_texts = |operand: &Operand<'_>| match operand {
        Operand::Column(Data::Object(values)) => values.iter().all(|value| matches!(value, Value::Text(_))),
        operand => kind(operand) == Some(ColumnKind::Text),
    };
    match (are_numbers(left) && are_numbers(right)) || (are_texts(left) && are_texts(right)) {
        true => compare(operator, left, right),
        false => Err(unknown("comparing these arrays is not known here")),
    }
}

fn holds(operator: CmpOp, order: Option<Ordering>) -> bool {
    match operator {
        CmpOp::Eq => order == Some(Ordering::Equal),
        CmpOp::NotEq => order != Some(Ordering::Equal),
        CmpOp::Lt => order == Some(Ordering::Less),
        CmpOp::LtE => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        CmpOp::Gt => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

fn row_compare(operator: CmpOp, left: &Operand<'_>, right: &Operand<'_>, row: usize) -> Outcome<bool> {
    if let (Some(left), Some(right)) = (kind(left), kind(right)) {
        check(left, right)?;
    }
    // numpy compares a column of numbers, and asks Python for each object on the right: also for None.
    let is_numpy = right.is_object() && !left.is_object();
    if is_numpy && kind(left) != Some(ColumnKind::Number) {
        return Err(unknown("comparing such a column with objects is not known here"));
    }
    let beside_times = |operand: &Operand<'_>| {
        matches!(
            operand,
            Operand::Column(Data::Time(_) | Data::NaiveTime(_) | Data::Delta(_))
        )
    };
    if let (true, Operand::Value(Value::None)) = (beside_times(left), right)
        && !matches!(operator, CmpOp::Eq | CmpOp::NotEq)
    {
        return Err(unknown("comparing times with None is not known here"));
    }
    let has_objects = left.is_object() || right.is_object();
    // numpy asks Python, which has no order of these.
    let is_bools = |operand: &Operand<'_>| matches!(operand, Operand::Column(Data::Bool(_)));
    if has_objects && (is_bools(left) || is_bools(right)) && !matches!(operator, CmpOp::Eq | CmpOp::NotEq) {
        return Err(unknown("comparing objects with a column of bools is not known here"));
    }
    let (left, right) = (left.get(row), right.get(row));
    if !is_numpy && (left.is_missing() || right.is_missing()) {
        return Ok(operator == CmpOp::NotEq);
    }
    match (&left, &right) {
        (Value::Text(_) | Value::Bool(_), Value::Text(_) | Value::Bool(_)) | (Value::Time(_), Value::Time(_)) => {
            scalar_compare(&left, operator, &right)
        }
        _ => match order_of(&left, &right) {
            Some(order) => Ok(holds(operator, order)),
            None if is_single(&left) && is_single(&right) => match operator {
                CmpOp::Eq | CmpOp::NotEq => Ok(operator == CmpOp::NotEq),
                _ => scalar_compare(&left, operator, &right),
            },
            None => Err(unknown("comparing these objects is not known here")),
        },
    }
}

fn is_single(value: &Value) -> bool {
    matches!(
        value,
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_)
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ColumnKind {
    Number,
    Time,
    NaiveTime,
    Delta,
    Text,
}

fn kind(operand: &Operand<'_>) -> Option<ColumnKind> {
    Some(match operand {
        Operand::Column(Data::Bool(_) | Data::Int(_) | Data::Int32(_) | Data::Float(_) | Data::Float32(_))
        | Operand::Value(Value::Bool(_) | Value::Int(_) | Value::Float(_)) => ColumnKind::Number,
        Operand::Column(Data::Time(_)) | Operand::Value(Value::Time(_)) => ColumnKind::Time,
        Operand::Column(Data::NaiveTime(_)) | Operand::Value(Value::NaiveTime(_)) => ColumnKind::NaiveTime,
        Operand::Column(Data::Delta(_)) | Operand::Value(Value::Delta(_)) => ColumnKind::Delta,
        Operand::Value(Value::Text(_)) => ColumnKind::Text,
        Operand::Column(Data::UInt32(_) | Data::Object(_) | Data::Nullable(_) | Data::Texts(_)) | Operand::Value(_) => {
            return None;
        }
    })
}

/// Kinds that are not compared, whatever their values are.
fn check(left: ColumnKind, right: ColumnKind) -> Outcome<()> {
    match (left, right) {
        _ if left == right => Ok(()),
        _ => Err(unknown("comparing columns of these kinds is not known here")),
    }
}
