//! `where`, `mask`, `clip`, `replace` and `combine_first`: other values at some rows, and the kind that the column has then.

use ruff_python_ast::CmpOp;

use super::{Column, Data, Operand, compare, is_missing};
use crate::stop::{Outcome, type_error, unknown};
use crate::value::Value;

/// 2^63 as a float.
const INT_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// `column.where(keep, other)`: the column's values where they are kept.
///
/// pandas leaves the kind of the column alone where nothing is replaced, or where the column can hold the other values as they are: of
/// a column of them all, also those that are not put into it.
///
/// # Errors
/// Unknown where pandas would make a column of objects of one that was none.
pub(crate) fn choose(column: &Column, keep: &[bool], other: &Operand<'_>) -> Outcome<Column> {
    if keep.iter().all(|keep| *keep) {
        return Ok(column.clone());
    }
    let pick = |row: usize, keep: bool| if keep { column.get(row) } else { other.get(row) };
    let rows = || keep.iter().enumerate();
    Ok(Column::from(match (&column.data, kind(other)) {
        (Data::Int(_), Some(Kind::Int)) => {
            Data::Int(rows().filter_map(|(row, keep)| pick(row, *keep).as_int()).collect())
        }
        (Data::Int(values), Some(Kind::WholeFloat)) => {
            let whole = |(row, value): (usize, &i64)| match keep.get(row) {
                Some(true) => *value,
                // Within the limits of 64 bits, as `kind` has found.
                _ => other.get(row).as_float().unwrap_or(0.0) as i64,
            };
            Data::Int(values.iter().enumerate().map(whole).collect())
        }
        (Data::Int(_), Some(Kind::Float)) => {
            as_ints_again(rows().filter_map(|(row, keep)| pick(row, *keep).as_float()).collect())?
        }
        (Data::Float(_), Some(Kind::Int | Kind::WholeFloat | Kind::FarFloat | Kind::Float)) => {
            Data::Float(rows().filter_map(|(row, keep)| pick(row, *keep).as_float()).collect())
        }
        (Data::Bool(_), Some(Kind::Bool)) => Data::Bool(
            rows()
                .map(|(row, keep)| matches!(pick(row, *keep), Value::Bool(true)))
                .collect(),
        ),
        (Data::Object(_), Some(_)) => Data::Object(rows().map(|(row, keep)| pick(row, *keep)).collect()),
        (data, _) => {
            return Err(unknown(format!(
                "putting these values into a column of {} is not known here",
                data.dtype()
            )));
        }
    }))
}

/// What was a column of integers becomes one again if the floats that it has become are all whole.
///
/// # Errors
/// Unknown for floats that are so close to integers that pandas rounds them.
fn as_ints_again(floats: Vec<f64>) -> Outcome<Data> {
    if floats.iter().any(|value| value.is_finite() && value.abs() >= INT_LIMIT) {
        return Err(unknown("floats beyond 64 bits that were integers are not known here"));
    }
    let is_near = |value: &f64| (value - value.round_ties_even()).abs() <= 1e-7;
    if !floats.iter().all(is_near) {
        return Ok(Data::Float(floats));
    }
    match floats.iter().all(|value| value.fract() == 0.0) {
        true => Ok(Data::Int(floats.iter().map(|value| *value as i64).collect())),
        false => Err(unknown("floats that are close to integers are not known here")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    /// Floats that are all integers of 64 bits.
    WholeFloat,
    /// Floats of which some are beyond 64 bits.
    FarFloat,
    Float,
    Object,
}

fn kind(operand: &Operand<'_>) -> Option<Kind> {
    let is_whole = |number: &f64| number.fract() == 0.0 && *number >= -INT_LIMIT && *number < INT_LIMIT;
    let is_far = |number: &f64| number.abs() >= INT_LIMIT;
    Some(match operand {
        Operand::Column(Data::Bool(_)) | Operand::Value(Value::Bool(_)) => Kind::Bool,
        Operand::Column(Data::Int(_)) | Operand::Value(Value::Int(_)) => Kind::Int,
        Operand::Column(Data::Float(values)) if values.iter().all(is_whole) => Kind::WholeFloat,
        Operand::Value(Value::Float(number)) if is_whole(number) => Kind::WholeFloat,
        Operand::Column(Data::Float(values)) if values.iter().any(is_far) => Kind::FarFloat,
        Operand::Value(Value::Float(number)) if is_far(number) => Kind::FarFloat,
        Operand::Column(Data::Float(_)) | Operand::Value(Value::Float(_)) => Kind::Float,
        Operand::Column(Data::Object(_)) | Operand::Value(Value::Text(_)) => Kind::Object,
        _ => return None,
    })
}

/// `clip(lower, upper)` with numbers, of which NaN is none.
///
/// # Errors
/// Unknown of a column without an order.
pub(crate) fn clip(column: &Column, lower: Option<&Value>, upper: Option<&Value>) -> Outcome<Column> {
    match &column.data {
        Data::Int(_) | Data::Float(_) => {}
        Data::Object(_) if super::is_all_missing(column) => return Ok(column.clone()),
        other => return Err(unknown(format!("clip() of {} is not known here", other.dtype()))),
    }
    let missing = is_missing(column);
    let mut clipped = column.clone();
    for (operator, bound) in [(CmpOp::GtE, lower), (CmpOp::LtE, upper)] {
        let Some(bound) = bound else { continue };
        check_exact(column, bound)?;
        let within = compare(operator, &Operand::Column(&column.data), &Operand::Value(bound))?;
        let Data::Bool(within) = within.data else { continue };
        let keep: Vec<bool> = within
            .iter()
            .zip(&missing)
            .map(|(within, missing)| *within || *missing)
            .collect();
        clipped = choose(&clipped, &keep, &Operand::Value(bound))?;
    }
    Ok(clipped)
}

/// numpy compares integers with floats after rounding them.
fn check_exact(column: &Column, bound: &Value) -> Outcome<()> {
    match (&column.data, bound) {
        (Data::Int(values), Value::Float(_)) if values.iter().any(|value| value.unsigned_abs() > 1 << 53) => {
            Err(unknown("integers beyond 2^53 beside a float are not known here"))
        }
        (Data::Float(_), Value::Int(number)) if number.unsigned_abs() > 1 << 53 => {
            Err(unknown("an integer beyond 2^53 beside floats is not known here"))
        }
        _ => Ok(()),
    }
}

/// `replace` of values by values.
///
/// # Errors
/// Unknown for values of which pandas would make another kind of column.
pub(crate) fn replace(column: &Column, pairs: &[(Value, Value)]) -> Outcome<Column> {
    let is_number =
        |value: &Value| matches!(value, Value::Int(_)) || matches!(value, Value::Float(number) if number.is_finite());
    let is_text = |value: &Value| matches!(value, Value::Text(_));
    let all = |test: &dyn Fn(&Value) -> bool| pairs.iter().all(|(old, new)| test(old) && test(new));
    match &column.data {
        Data::Int(_) if all(&|value| matches!(value, Value::Int(_))) => {}
        Data::Float(_) if all(&is_number) => {
            for (old, new) in pairs {
                check_exact(column, old)?;
                check_exact(column, new)?;
            }
        }
        Data::Object(values)
            if values.iter().all(|value| is_text(value) || value.is_missing())
                && (all(&is_text) || (super::is_all_missing(column) && all(&is_number))) => {}
        other => {
            return Err(unknown(format!(
                "replace() of this in {} is not known here",
                other.dtype()
            )));
        }
    }
    let mut replaced = column.clone();
    for (old, new) in pairs {
        let found = compare(CmpOp::NotEq, &Operand::Column(&column.data), &Operand::Value(old))?;
        let Data::Bool(keep) = found.data else { continue };
        let missing = is_missing(column);
        let keep: Vec<bool> = keep
            .iter()
            .zip(missing)
            .map(|(keep, missing)| *keep || missing)
            .collect();
        replaced = choose(&replaced, &keep, &Operand::Value(new))?;
    }
    Ok(replaced)
}

/// `combine_first(other)`: the other column's values where the first has none.
///
/// # Errors
/// Unknown of two columns of kinds of which the common one is not written down.
pub(crate) fn combine_first(column: &Column, other: &Column) -> Outcome<Column> {
    let keep: Vec<bool> = is_missing(column).into_iter().map(|missing| !missing).collect();
    let (kept, replaced) = (keep.contains(&true), keep.contains(&false));
    if column.len() == 0 {
        return Err(unknown("combine_first() of empty columns is not known here"));
    }
    let is_text = |values: &[Value]| values.iter().all(|value| matches!(value, Value::Text(_) | Value::None));
    Ok(match (&column.data, &other.data) {
        (Data::Time(_) | Data::NaiveTime(_) | Data::Delta(_), _) => {
            return Err(unknown("combine_first() of times is not known here"));
        }
        _ if !replaced => column.clone(),
        (Data::Float(_), Data::Float(_)) => choose(column, &keep, &Operand::Column(&other.data))?,
        (Data::Object(left), Data::Object(right)) if is_text(left) && is_text(right) => {
            choose(column, &keep, &Operand::Column(&other.data))?
        }
        // All that is missing in a column of objects adds nothing to the kind of the result.
        (Data::Object(_), Data::Object(_)) if super::is_all_missing(column) && super::is_all_missing(other) => {
            other.clone()
        }
        (Data::Object(_), Data::Int(_) | Data::Float(_) | Data::Bool(_)) if !kept => other.clone(),
        (Data::Float(_), Data::Int(_)) if kept => choose(column, &keep, &Operand::Column(&other.data))?,
        _ => return Err(unknown("combine_first() of columns of these kinds is not known here")),
    })
}

/// `round(places)` of pandas: scaled, rounded to the nearest, of two the even one, and scaled back.
///
/// # Errors
/// What pandas raises of objects; unknown of so many places that the scale is not exact.
pub(crate) fn round(column: &Column, places: i64) -> Outcome<Column> {
    let scale = match places.unsigned_abs() {
        places @ 0..=15 => (0..places).fold(1.0, |scale, _| scale * 10.0),
        _ => return Err(unknown("round() to so many places is not known here")),
    };
    let one = |value: &f64| match places {
        0 => value.round_ties_even(),
        1.. => (value * scale).round_ties_even() / scale,
        _ => (value / scale).round_ties_even() * scale,
    };
    Ok(Column::from(match &column.data {
        Data::Float(values) => Data::Float(values.iter().map(one).collect()),
        Data::Int(values) if places >= 0 => Data::Int(values.clone()),
        Data::Object(_) => return Err(type_error("Expected numeric dtype, got object instead.")),
        other => return Err(unknown(format!("round() of {} is not known here", other.dtype()))),
    }))
}
