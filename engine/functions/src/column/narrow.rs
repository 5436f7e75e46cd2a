//! `+ - * / // %` of columns of integers and floats of 32 bits.

use ruff_python_ast::Operator;

use super::arithmetic::{floats, ints, wide};
use super::{Data, Operand, Side, numbers_as_ints, zip};
use crate::stop::{Outcome, Stop, raised, unknown};
use crate::value::{ExceptionClass, Value};

pub(super) fn is_narrow(operand: &Operand<'_>) -> bool {
    matches!(operand, Operand::Column(Data::Int32(_) | Data::Float32(_)))
}

/// Of integers of 32 bits: beside another integer that is one of 32 bits the result is one too.
pub(super) fn narrow(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Option<Data>> {
    if let (Operand::Column(Data::Float32(_)), _) | (_, Operand::Column(Data::Float32(_))) = (left, right) {
        return single(operator, left, right);
    }
    for operand in [left, right] {
        if let (Operator::FloorDiv | Operator::Mod, Operand::Column(Data::Bool(_)) | Operand::Value(Value::Bool(_))) =
            (operator, operand)
        {
            return Err(unknown("dividing integers of 32 bits by bools is not known here"));
        }
        if let Operand::Value(Value::Int(number)) = operand
            && i32::try_from(*number).is_err()
        {
            return Err(beyond_32_bits(operator, *number));
        }
    }
    let is_float = |operand: &Operand<'_>| {
        matches!(
            operand,
            Operand::Column(Data::Float(_)) | Operand::Value(Value::Float(_))
        )
    };
    if is_float(left) || is_float(right) || operator == Operator::Div {
        return wide(operator, left, right);
    }
    let (Some(left_ints), Some(right_ints)) = (numbers_as_ints(left), numbers_as_ints(right)) else {
        return Ok(None);
    };
    let is_wide = |operand: &Operand<'_>| matches!(operand, Operand::Column(Data::Int(_)));
    let stays_wide = is_wide(left) || is_wide(right);
    if operator == Operator::Pow {
        return Err(unknown("a power of integers of 32 bits is not known here"));
    }
    match (ints(operator, left_ints.side(), right_ints.side())?, operator) {
        (data, _) if stays_wide => Ok(Some(data)),
        (Data::Int(values), Operator::Add | Operator::Sub | Operator::Mult) => {
            // They wrap: of two of 32 bits none is beyond 64.
            let lower = |number: i64| number as i32;
            Ok(Some(Data::Int32(values.into_iter().map(lower).collect())))
        }
        (Data::Int(values), _) => {
            let small: Result<Vec<i32>, _> = values.into_iter().map(i32::try_from).collect();
            small
                .map(|values| Some(Data::Int32(values)))
                .map_err(|_| unknown("integers beyond 32 bits are not known here"))
        }
        (other, _) => Ok(Some(other)),
    }
}

fn beyond_32_bits(operator: Operator, number: i64) -> Stop {
    match operator {
        Operator::Add | Operator::Sub | Operator::Mult => raised(
            ExceptionClass::of("OverflowError"),
            format!("Python integer {number} out of bounds for int32"),
        ),
        _ => unknown("integers of 32 bits beside this integer are not known here"),
    }
}

/// Of floats of 32 bits. A single value and flags beside them are such floats too, other columns make them floats of 64 bits.
fn single(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Option<Data>> {
    let is_wide =
        |operand: &Operand<'_>| matches!(operand, Operand::Column(Data::Int(_) | Data::Int32(_) | Data::Float(_)));
    if is_wide(left) || is_wide(right) {
        let widened = |operand: &Operand<'_>| match operand {
            Operand::Column(data) => super::floats(data),
            Operand::Value(_) => None,
        };
        return match (widened(left), widened(right)) {
            (Some(left), Some(right)) => {
                floats(operator, Side::All(&left), Side::All(&right)).map(|values| Some(Data::Float(values)))
            }
            _ => Ok(None),
        };
    }
    let (Some(left), Some(right)) = (singles(left), singles(right)) else {
        return Err(unknown("floats of 32 bits beside these are not known here"));
    };
    let compute: fn(f32, f32) -> f32 = match operator {
        Operator::Add => |left, right| left + right,
        Operator::Sub => |left, right| left - right,
        Operator::Mult => |left, right| left * right,
        Operator::Div => |left, right| left / right,
        _ => return Err(unknown("this operator on floats of 32 bits is not known here")),
    };
    Ok(Some(Data::Float32(zip(left, right, compute))))
}

fn singles<'a>(operand: &Operand<'a>) -> Option<Side<'a, f32>> {
    match operand {
        Operand::Column(Data::Float32(values)) => Some(Side::All(values)),
        Operand::Value(value @ (Value::Float(_) | Value::Int(_))) => {
            // An integer is brought to 64 bits first, which this does not tell apart where it is exact.
            let number = value.as_float().filter(|number| number.abs() < 1e15)? as f32;
            Some(Side::One(number))
        }
        _ => None,
    }
}
