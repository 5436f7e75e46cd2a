//! Operators on numbers and bools of numpy, which are those of a column of one row: they wrap, and a division by zero is no error.

use crate::column::{self, Data, Operand};
use crate::program::{CmpOp, Operator, UnaryOp};
use crate::run::Arguments;
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// Beyond it numpy compares an integer with a float after rounding it.
const MAX_EXACT: u64 = 1 << 53;

/// An operator of which at least one side is a scalar of numpy and none is a column.
///
/// # Errors
/// What numpy raises, and unknown for sides and operators of which its rules are not written down.
pub(super) fn binary(left: &Value, operator: Operator, right: &Value) -> Outcome {
    let (left, right) = (left.plain(), right.plain());
    let (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) = (left, right) else {
        return Err(unknown("an operator on this and a number of numpy is not known here"));
    };
    match operator {
        Operator::Add | Operator::Sub | Operator::Mult | Operator::Div => {}
        Operator::FloorDiv | Operator::Mod
            if right.as_float() != Some(0.0) && !(left.as_int() == Some(i64::MIN) && right.as_int() == Some(-1)) => {}
        _ => {
            return Err(unknown(format!(
                "`{}` of these numbers of numpy is not known here",
                operator.as_str()
            )));
        }
    }
    let result = column::binary_of_arrays(operator, &Operand::Column(&one(left)?), &Operand::Value(right))?;
    Ok(Value::scalar(result.get(0)))
}

/// As [`binary`], of a comparison.
///
/// # Errors
/// As [`binary`].
pub(super) fn compare(left: &Value, operator: CmpOp, right: &Value) -> Outcome {
    let (left, right) = (left.plain(), right.plain());
    let is_exact = |value: &Value| value.as_int().is_none_or(|number| number.unsigned_abs() <= MAX_EXACT);
    match (left, right) {
        (Value::Int(_), Value::Int(_)) | (Value::Float(_), Value::Float(_)) => {}
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) if is_exact(left) && is_exact(right) => {}
        _ => {
            return Err(unknown(
                "comparing this with a number or bool of numpy is not known here",
            ));
        }
    }
    super::scalar_compare(left, operator, right).map(|flag| Value::scalar(Value::Bool(flag)))
}

/// A sign before a scalar of numpy, or `~`.
///
/// # Errors
/// As [`binary`].
pub(super) fn unary(operator: UnaryOp, value: &Value) -> Outcome {
    let value = value.plain();
    match (operator, value) {
        (UnaryOp::USub | UnaryOp::UAdd, Value::Int(_) | Value::Float(_)) | (UnaryOp::Invert, Value::Bool(_)) => {
            let result = column::unary(operator, &one(value)?.into())?;
            Ok(Value::scalar(result.get(0)))
        }
        _ => Err(unknown("this sign of a number or bool of numpy is not known here")),
    }
}

/// `abs(number)` and `round(number, places)` of a number of numpy; nothing for another call.
pub(super) fn called(name: &str, arguments: &Arguments) -> Option<Outcome> {
    let ([Value::Scalar(number), rest @ ..], []) = (arguments.positional.as_slice(), arguments.named.as_slice()) else {
        return None;
    };
    match (name, &**number, rest) {
        ("abs", Value::Float(number), []) => Some(Ok(Value::scalar(Value::Float(number.abs())))),
        ("abs", Value::Int(number), []) => Some(Ok(Value::scalar(Value::Int(number.wrapping_abs())))),
        // Python's integer, as of a float of its own.
        ("round", Value::Float(number), []) if number.abs() < 9e18 => {
            Some(Ok(Value::Int(number.round_ties_even() as i64)))
        }
        ("round", Value::Float(number), [Value::Int(places)]) => {
            Some(column::round(&Data::Float(vec![*number]).into(), *places).map(|column| Value::scalar(column.get(0))))
        }
        _ => None,
    }
}

/// Its column of one row.
fn one(value: &Value) -> Outcome<Data> {
    Ok(match value {
        Value::Bool(flag) => Data::Bool(vec![*flag]),
        Value::Int(number) => Data::Int(vec![*number]),
        Value::Float(number) => Data::Float(vec![*number]),
        other => {
            return Err(unknown(format!(
                "{} as a number of numpy is not known here",
                other.type_name()
            )));
        }
    })
}

/// A scalar of numpy beside a column, as the value that acts as it does there.
///
/// # Errors
/// Unknown beside columns where it does not act as Python's number: those of fewer bits, and those of objects.
pub(super) fn beside<'a>(value: &'a Value, other: &Value, is_bitwise: bool) -> Outcome<&'a Value> {
    let (Value::Scalar(scalar), Value::Series(column) | Value::Array(column)) = (value, other) else {
        return Ok(value);
    };
    match (&**scalar, &column.data) {
        (Value::Bool(_), Data::Bool(_)) if is_bitwise => Ok(scalar),
        (Value::Int(_) | Value::Float(_), Data::Bool(_) | Data::Int(_) | Data::Float(_)) => Ok(scalar),
        (Value::Int(_) | Value::Float(_), Data::Object(values)) if values.iter().all(Value::is_missing) => Ok(scalar),
        (scalar, other) => Err(unknown(format!(
            "{} beside a column of {} is not known here",
            Value::scalar(scalar.clone()).type_name(),
            other.dtype()
        ))),
    }
}
