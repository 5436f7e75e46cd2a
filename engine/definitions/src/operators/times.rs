//! Operators on `datetime` and `timedelta`.

use ruff_python_ast::Operator;

use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{TimeDelta, Value, datetime_from_micros, true_quotient};

/// Operators on `datetime` and `timedelta`; `None` for other operands.
pub(super) fn time_operation(
    operator: Operator,
    left: &Value,
    right: &Value,
    site: Site<'_>,
) -> Evaluated<Option<Value>> {
    let divides = matches!(operator, Operator::Div | Operator::FloorDiv | Operator::Mod);
    let is_zero = match right {
        Value::TimeDelta(span) => span.micros() == 0,
        Value::Int(number) => *number == 0,
        Value::Float(number) => *number == 0.0,
        Value::Bool(flag) => !flag,
        _ => false,
    };
    if divides && is_zero && matches!(left, Value::TimeDelta(_)) {
        return Err(site.raise("ZeroDivisionError", "division by zero"));
    }
    let plain = |delta: TimeDelta| Some(Value::TimeDelta(delta));
    let known = match (operator, left, right) {
        (Operator::Add, Value::TimeDelta(left), Value::TimeDelta(right)) => left.plus(*right).map(plain),
        (Operator::Sub, Value::TimeDelta(left), Value::TimeDelta(right)) => left.minus(*right).map(plain),
        (Operator::Sub, Value::DateTime(left), Value::DateTime(right)) => {
            TimeDelta::new(i128::from(*left) - i128::from(*right)).map(plain)
        }
        // With a `Timedelta` it is a `Timestamp` of pandas.
        (Operator::Add, Value::DateTime(time), Value::TimeDelta(span))
        | (Operator::Add, Value::TimeDelta(span), Value::DateTime(time))
            if !span.is_pandas() =>
        {
            datetime_from_micros(i128::from(*time) + span.micros()).map(Some)
        }
        (Operator::Sub, Value::DateTime(time), Value::TimeDelta(span)) if !span.is_pandas() => {
            datetime_from_micros(i128::from(*time) - span.micros()).map(Some)
        }
        (Operator::Mult, Value::TimeDelta(span), Value::Int(factor))
        | (Operator::Mult, Value::Int(factor), Value::TimeDelta(span)) => span.times(*factor).map(plain),
        (Operator::Mult, Value::TimeDelta(span), Value::Float(factor))
        | (Operator::Mult, Value::Float(factor), Value::TimeDelta(span)) => {
            span.times_float(*factor).map(|known| known.map(Value::TimeDelta))
        }
        (Operator::FloorDiv, Value::TimeDelta(span), Value::Int(divisor)) => {
            span.floor_divided_by(*divisor).map(|known| known.map(Value::TimeDelta))
        }
        (Operator::Div, Value::TimeDelta(span), Value::Int(divisor)) => {
            span.divided_by(*divisor).map(|known| known.map(Value::TimeDelta))
        }
        (Operator::Div, Value::TimeDelta(span), Value::Float(divisor)) => {
            span.divided_by_float(*divisor).map(|known| known.map(Value::TimeDelta))
        }
        (Operator::Div, Value::TimeDelta(left), Value::TimeDelta(right)) => {
            Ok(true_quotient(left.micros(), right.micros()).map(Value::Float))
        }
        (Operator::FloorDiv, Value::TimeDelta(left), Value::TimeDelta(right)) => {
            Ok(i64::try_from(left.count_of(*right)).ok().map(Value::Int))
        }
        (Operator::Mod, Value::TimeDelta(left), Value::TimeDelta(right)) => left.remainder(*right).map(plain),
        _ => return Ok(None),
    };
    let known = site.raised(known)?;
    Ok(Some(known.unwrap_or_else(|| site.unknown())))
}
