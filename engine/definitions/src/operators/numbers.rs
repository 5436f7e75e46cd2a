//! Arithmetic of integers of 64 bits and floats.

use ruff_python_ast::{Operator, UnaryOp};

use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{Value, true_quotient};

/// The outer `None` means that it cannot be known, the inner one that it is too large.
pub(super) fn integer_operation(operator: Operator, left: i64, right: i64) -> Option<Option<Value>> {
    let number = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Sub => left.checked_sub(right),
        Operator::Mult => left.checked_mul(right),
        Operator::FloorDiv if right != 0 => {
            let quotient = left.checked_div(right)?;
            let rounds_up = left % right != 0 && (left < 0) != (right < 0);
            Some(quotient - i64::from(rounds_up))
        }
        Operator::Mod if right != 0 => left.checked_rem(right).map(|rest| {
            if rest != 0 && (rest < 0) != (right < 0) {
                rest + right
            } else {
                rest
            }
        }),
        Operator::Div if right != 0 => {
            return true_quotient(i128::from(left), i128::from(right)).map(|quotient| Some(Value::Float(quotient)));
        }
        Operator::Pow if right < 0 && left != 0 => return Some(Some(Value::Float((left as f64).powf(right as f64)))),
        Operator::Pow => match u32::try_from(right) {
            Ok(exponent) => left.checked_pow(exponent),
            Err(_) => return None,
        },
        Operator::LShift => match u32::try_from(right) {
            Ok(places) if places < 63 => left.checked_mul(1 << places),
            _ => return None,
        },
        Operator::RShift if right >= 0 => Some(left >> right.min(63)),
        Operator::BitOr => Some(left | right),
        Operator::BitAnd => Some(left & right),
        Operator::BitXor => Some(left ^ right),
        _ => return None,
    };
    Some(number.map(Value::Int))
}

pub(super) fn float_operation(operator: Operator, left: f64, right: f64, site: Site<'_>) -> Value {
    match operator {
        Operator::Add => Value::Float(left + right),
        Operator::Sub => Value::Float(left - right),
        Operator::Mult => Value::Float(left * right),
        Operator::Div if right != 0.0 => Value::Float(left / right),
        Operator::Pow => Value::Float(left.powf(right)),
        _ => site.unknown(),
    }
}

/// `-value`, `+value`, `~value` and `not value`.
pub(crate) fn unary(operator: UnaryOp, operand: Value, site: Site<'_>) -> Evaluated<Value> {
    match (operator, operand) {
        (UnaryOp::USub, Value::TimeDelta(delta)) => site.raised(delta.negated()).map(Value::TimeDelta),
        (operator, operand) => Ok(sign(operator, operand).unwrap_or_else(|| site.unknown())),
    }
}

/// `-value`, `+value`, `~value` and `not value`; `None` where it is not known.
fn sign(operator: UnaryOp, operand: Value) -> Option<Value> {
    Some(match (operator, operand) {
        (UnaryOp::USub, Value::Int(number)) => Value::Int(number.checked_neg()?),
        (UnaryOp::USub, Value::Float(number)) => Value::Float(-number),
        (UnaryOp::Invert, Value::Int(number)) => Value::Int(!number),
        (UnaryOp::UAdd, value @ (Value::Int(_) | Value::Float(_) | Value::TimeDelta(_))) => value,
        (UnaryOp::Not, value) => Value::Bool(!value.truth()?),
        _ => return None,
    })
}
