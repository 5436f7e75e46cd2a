//! Operators on points in time and spans of time.

use chrono::NaiveDate;
use ruff_python_ast::{CmpOp, Operator};

use crate::run::{floor_quotient, floor_rest, quotient, small};
use crate::stop::{Outcome, Stop, raised, type_error, unknown};
use crate::value::{ExceptionClass, Value};

pub(crate) fn is_time(value: &Value) -> bool {
    matches!(value, Value::Time(_) | Value::NaiveTime(_) | Value::Delta(_))
}

/// What Python and pandas compute alike. `None` for what Python refuses.
pub(crate) fn time_binary(left: &Value, operator: Operator, right: &Value) -> Option<Outcome> {
    let (result, make): (Option<i64>, fn(i64) -> Value) = match (left, operator, right) {
        (Value::Time(left), Operator::Sub, Value::Time(right))
        | (Value::NaiveTime(left), Operator::Sub, Value::NaiveTime(right))
        | (Value::Delta(left), Operator::Sub, Value::Delta(right)) => (left.checked_sub(*right), Value::Delta),
        (Value::Delta(left), Operator::Add, Value::Delta(right)) => (left.checked_add(*right), Value::Delta),
        (Value::Time(time), Operator::Add, Value::Delta(delta))
        | (Value::Delta(delta), Operator::Add, Value::Time(time)) => {
            (in_calendar(time.checked_add(*delta)), Value::Time)
        }
        (Value::Time(time), Operator::Sub, Value::Delta(delta)) => (in_calendar(time.checked_sub(*delta)), Value::Time),
        (Value::NaiveTime(time), Operator::Add, Value::Delta(delta))
        | (Value::Delta(delta), Operator::Add, Value::NaiveTime(time)) => {
            (in_calendar(time.checked_add(*delta)), Value::NaiveTime)
        }
        (Value::NaiveTime(time), Operator::Sub, Value::Delta(delta)) => {
            (in_calendar(time.checked_sub(*delta)), Value::NaiveTime)
        }
        _ => return Some(Err(unknown("this operator on times is not known here"))),
    };
    Some(
        result
            .map(make)
            .ok_or_else(|| unknown("times so far away are not known here")),
    )
}

/// A point in time within the years that Python's calendar has.
fn in_calendar(micros: Option<i64>) -> Option<i64> {
    let first = NaiveDate::from_ymd_opt(1, 1, 1)?.and_hms_opt(0, 0, 0)?.and_utc();
    let end = NaiveDate::from_ymd_opt(10_000, 1, 1)?.and_hms_opt(0, 0, 0)?.and_utc();
    micros.filter(|micros| (first.timestamp_micros()..end.timestamp_micros()).contains(micros))
}

/// The same of Python's own `datetime` and `timedelta` alone, of which all rules are known.
pub(crate) fn own_time_binary(left: &Value, operator: Operator, right: &Value) -> Outcome {
    let span = |micros: Option<i64>| {
        micros
            .map(Value::Delta)
            .ok_or_else(|| unknown("spans so long are not known here"))
    };
    match (left, operator, right) {
        (Value::Delta(micros), Operator::Mult, number) | (number, Operator::Mult, Value::Delta(micros))
            if number.as_int().is_some() =>
        {
            span(number.as_int().and_then(|number| micros.checked_mul(number)))
        }
        (Value::Delta(left), Operator::Div | Operator::FloorDiv | Operator::Mod, Value::Delta(right)) => {
            of_spans(*left, operator, *right)
        }
        (Value::Delta(micros), Operator::Div | Operator::FloorDiv, number) if number.as_int().is_some() => {
            match (operator, number.as_int().unwrap_or(0)) {
                (_, 0) => Err(zero_division("integer division or modulo by zero")),
                (Operator::FloorDiv, number) => span(floor_quotient(*micros, number)),
                (_, number) => span(even_quotient(*micros, number)),
            }
        }
        (Value::Delta(_), Operator::Div | Operator::Mult, Value::Float(_))
        | (Value::Float(_), Operator::Mult, Value::Delta(_)) => {
            Err(unknown("spans of time and floats are not known here"))
        }
        (Value::Time(_), Operator::Sub, Value::NaiveTime(_)) | (Value::NaiveTime(_), Operator::Sub, Value::Time(_)) => {
            Err(type_error("can't subtract offset-naive and offset-aware datetimes"))
        }
        _ => match time_binary(left, operator, right) {
            Some(Err(Stop::Unknown(_))) if !is_computed(left, operator, right) => {
                Err(unsupported(left, operator, right))
            }
            Some(outcome) => outcome,
            None => Err(unsupported(left, operator, right)),
        },
    }
}

/// Whether there is such an operator, so that an unknown result is one that is too large.
fn is_computed(left: &Value, operator: Operator, right: &Value) -> bool {
    match operator {
        Operator::Add => {
            matches!(left, Value::Delta(_)) && is_time(right) || is_time(left) && matches!(right, Value::Delta(_))
        }
        Operator::Sub => {
            is_time(left)
                && is_time(right)
                && !matches!((left, right), (Value::Delta(_), Value::Time(_) | Value::NaiveTime(_)))
        }
        _ => false,
    }
}

fn zero_division(text: &str) -> Stop {
    raised(ExceptionClass::of("ZeroDivisionError"), text)
}

fn of_spans(left: i64, operator: Operator, right: i64) -> Outcome {
    match (operator, right) {
        (Operator::Div, 0) => Err(zero_division("division by zero")),
        (Operator::Mod, 0) => Err(zero_division("integer modulo by zero")),
        (_, 0) => Err(zero_division("integer division or modulo by zero")),
        (Operator::Div, _) => Ok(Value::Float(quotient(left, right))),
        (Operator::Mod, _) => Ok(Value::Delta(floor_rest(left.wrapping_rem(right), right))),
        _ => small(floor_quotient(left, right)),
    }
}

/// Rounded to the nearest, half to even.
fn even_quotient(left: i64, right: i64) -> Option<i64> {
    let whole = floor_quotient(left, right)?;
    let rest = floor_rest(left.wrapping_rem(right), right).unsigned_abs();
    let twice = u128::from(rest) * 2;
    let size = u128::from(right.unsigned_abs());
    let is_up = twice > size || twice == size && whole % 2 != 0;
    whole.checked_add(i64::from(is_up))
}

/// What Python says of values that an operator does not take, for those that have none of their own for it.
fn unsupported(left: &Value, operator: Operator, right: &Value) -> Stop {
    let is_plain = |value: &Value| {
        is_time(value) || matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_))
    };
    let is_known = matches!(
        operator,
        Operator::Add | Operator::Sub | Operator::Mult | Operator::Div | Operator::FloorDiv | Operator::Mod
    );
    if !is_plain(left) || !is_plain(right) || !is_known {
        return unknown("this operator on times is not known here");
    }
    type_error(format!(
        "unsupported operand type(s) for {}: '{}' and '{}'",
        operator.as_str(),
        left.type_name(),
        right.type_name()
    ))
}

/// `<` and the like of Python's own points in time and spans.
///
/// # Errors
/// Python's error for values that have no order.
pub(crate) fn check_time_order(left: &Value, operator: CmpOp, right: &Value) -> Outcome<()> {
    let is_plain = |value: &Value| {
        is_time(value)
            || matches!(
                value,
                Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_)
            )
    };
    match (left, right) {
        (Value::Time(_), Value::NaiveTime(_)) | (Value::NaiveTime(_), Value::Time(_)) => {
            Err(type_error("can't compare offset-naive and offset-aware datetimes"))
        }
        (Value::Time(_), Value::Time(_))
        | (Value::NaiveTime(_), Value::NaiveTime(_))
        | (Value::Delta(_), Value::Delta(_)) => Ok(()),
        _ if (is_time(left) || is_time(right)) && is_plain(left) && is_plain(right) => Err(type_error(format!(
            "'{}' not supported between instances of '{}' and '{}'",
            operator.as_str(),
            left.type_name(),
            right.type_name()
        ))),
        _ => Ok(()),
    }
}
