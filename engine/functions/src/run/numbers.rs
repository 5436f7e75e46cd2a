//! `+ - * / // % **` and `<< >> & | ^` of single numbers, as Python computes them.

use std::rc::Rc;

use crate::program::Operator;
use crate::stop::{Outcome, Stop, raised, unknown, value_error};
use crate::value::{ExceptionClass, Value};

/// An integer that 64 bits hold.
pub(crate) fn small(number: Option<i64>) -> Outcome {
    number
        .map(Value::Int)
        .ok_or_else(|| unknown("integers beyond 64 bits are not known here"))
}

/// An integer of whatever size.
pub(crate) fn integer(number: i128) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Big(Rc::new(number)), Value::Int)
}

fn zero_division(text: &str) -> Stop {
    raised(ExceptionClass::of("ZeroDivisionError"), text)
}

pub(super) fn int_binary(left: i64, operator: Operator, right: i64, are_bools: bool) -> Outcome {
    Ok(match operator {
        Operator::Add => integer(i128::from(left) + i128::from(right)),
        Operator::Sub => integer(i128::from(left) - i128::from(right)),
        Operator::Mult => integer(i128::from(left) * i128::from(right)),
        Operator::Div if right == 0 => return Err(zero_division("division by zero")),
        Operator::Div => Value::Float(quotient(left, right)),
        Operator::FloorDiv if right == 0 => return Err(zero_division("integer division or modulo by zero")),
        Operator::Mod if right == 0 => return Err(zero_division("integer modulo by zero")),
        Operator::FloorDiv => return small(floor_quotient(left, right)),
        Operator::Mod => return small(left.checked_rem(right).map(|rest| floor_rest(rest, right))),
        Operator::Pow if right < 0 && left == 0 => {
            return Err(zero_division("0.0 cannot be raised to a negative power"));
        }
        Operator::Pow if right < 0 => Value::Float((left as f64).powf(right as f64)),
        Operator::Pow => {
            let exponent = u32::try_from(right).ok();
            return match exponent.and_then(|exponent| i128::from(left).checked_pow(exponent)) {
                Some(power) => Ok(integer(power)),
                None => small(None),
            };
        }
        Operator::LShift | Operator::RShift if right < 0 => return Err(value_error("negative shift count")),
        Operator::LShift => {
            let factor = u32::try_from(right)
                .ok()
                .filter(|right| *right < 63)
                .map(|right| 1i64 << right);
            return small(factor.and_then(|factor| left.checked_mul(factor)));
        }
        Operator::RShift => Value::Int(left >> right.min(63)),
        Operator::BitAnd if are_bools => Value::Bool(left & right != 0),
        Operator::BitOr if are_bools => Value::Bool(left | right != 0),
        Operator::BitXor if are_bools => Value::Bool(left != right),
        Operator::BitAnd => Value::Int(left & right),
        Operator::BitOr => Value::Int(left | right),
        Operator::BitXor => Value::Int(left ^ right),
        Operator::MatMult => return Err(unknown("`@` is not known here")),
    })
}

/// The quotient of integers, rounded once as Python does. The divisor is not zero.
pub(crate) fn quotient(left: i64, right: i64) -> f64 {
    // Floats hold both, so that a division of floats rounds once too.
    if left == 0 || left.unsigned_abs() <= 1 << 53 && right.unsigned_abs() <= 1 << 53 {
        return left as f64 / right as f64;
    }
    // Of 128 bits divided by 64 at most: the quotient has so many that a last one, which says whether something is left, makes the
    // conversion round as the whole would.
    let (left_size, right_size) = (u128::from(left.unsigned_abs()), u128::from(right.unsigned_abs()));
    let shift = left_size.leading_zeros();
    let whole = (left_size << shift) / right_size;
    let is_exact = (left_size << shift) % right_size == 0;
    let magnitude = (whole | u128::from(!is_exact)) as f64 * 0.5f64.powi(shift.cast_signed());
    if (left < 0) == (right < 0) {
        magnitude
    } else {
        -magnitude
    }
}

/// Rounded toward minus infinity. `None` beyond 64 bits.
pub(crate) fn floor_quotient(left: i64, right: i64) -> Option<i64> {
    let quotient = left.checked_div(right)?;
    let is_rounded_up = left % right != 0 && (left < 0) != (right < 0);
    Some(quotient - i64::from(is_rounded_up))
}

/// The remainder with the sign of the divisor.
pub(crate) fn floor_rest(rest: i64, divisor: i64) -> i64 {
    match rest != 0 && (rest < 0) != (divisor < 0) {
        true => rest + divisor,
        false => rest,
    }
}

/// `None` for an operator that floats do not have.
pub(super) fn float_binary(left: f64, operator: Operator, right: f64) -> Option<Outcome> {
    Some(Ok(Value::Float(match operator {
        Operator::Add => left + right,
        Operator::Sub => left - right,
        Operator::Mult => left * right,
        Operator::Div if right == 0.0 => return Some(Err(zero_division("float division by zero"))),
        Operator::Div => left / right,
        Operator::FloorDiv if right == 0.0 => return Some(Err(zero_division("float floor division by zero"))),
        Operator::Mod if right == 0.0 => return Some(Err(zero_division("float modulo"))),
        Operator::FloorDiv => divmod(left, right).0,
        Operator::Mod => divmod(left, right).1,
        Operator::Pow if left == 0.0 && right < 0.0 => {
            return Some(Err(zero_division("0.0 cannot be raised to a negative power")));
        }
        Operator::Pow if left < 0.0 && right.is_finite() && right.fract() != 0.0 => {
            return Some(Err(unknown("complex numbers are not known here")));
        }
        Operator::Pow => {
            let power = left.powf(right);
            if power.is_infinite() && left.is_finite() && right.is_finite() {
                let text = "(34, 'Numerical result out of range')";
                return Some(Err(raised(ExceptionClass::of("OverflowError"), text)));
            }
            power
        }
        _ => return None,
    })))
}

/// Python's `divmod` of floats, of which the divisor is not zero.
pub(crate) fn divmod(left: f64, right: f64) -> (f64, f64) {
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0.0f64.copysign(right);
    } else if (right < 0.0) != (rest < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    let whole = if quotient == 0.0 {
        0.0f64.copysign(left / right)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 { floor + 1.0 } else { floor }
    };
    (whole, rest)
}
