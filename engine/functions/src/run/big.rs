//! Operators on integers of which one has more than 64 bits, as long as 128 bits hold the result.

use super::numbers::integer;
use crate::program::Operator;
use crate::stop::{Outcome, unknown};
use crate::value::Value;

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Big(number) => Some(**number),
        value => value.as_int().map(i128::from),
    }
}

/// `None` where none of both is such an integer.
pub(super) fn big_binary(left: &Value, operator: Operator, right: &Value) -> Option<Outcome> {
    if !matches!(left, Value::Big(_)) && !matches!(right, Value::Big(_)) {
        return None;
    }
    let result = number(left)
        .zip(number(right))
        .and_then(|(left, right)| computed(left, operator, right));
    Some(
        result
            .map(integer)
            .ok_or_else(|| unknown("this operator on an integer so large is not known here")),
    )
}

fn computed(left: i128, operator: Operator, right: i128) -> Option<i128> {
    let floor = || {
        let (quotient, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
        let is_rounded_up = rest != 0 && (rest < 0) != (right < 0);
        Some((
            quotient - i128::from(is_rounded_up),
            if is_rounded_up { rest + right } else { rest },
        ))
    };
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Sub => left.checked_sub(right),
        Operator::Mult => left.checked_mul(right),
        Operator::FloorDiv => floor().map(|(quotient, _)| quotient),
        Operator::Mod => floor().map(|(_, rest)| rest),
        Operator::BitAnd => Some(left & right),
        Operator::BitOr => Some(left | right),
        Operator::BitXor => Some(left ^ right),
        Operator::RShift => u32::try_from(right).ok().map(|count| left >> count.min(127)),
        _ => None,
    }
}
