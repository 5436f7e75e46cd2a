//! `+ - /` of times and spans of time.

use ruff_python_ast::Operator;

use super::{Data, NO_TIME, Operand, Side, Times, Unit, zip};
use crate::native::check_reach;
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::Value;

/// Times and spans of time.
pub(super) fn times(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Data> {
    let difference = |left: i64, right: i64| match left == NO_TIME || right == NO_TIME {
        true => NO_TIME,
        false => left.wrapping_sub(right),
    };
    let sum = |left: i64, right: i64| match left == NO_TIME || right == NO_TIME {
        true => NO_TIME,
        false => left.wrapping_add(right),
    };
    let (left_operand, right_operand) = (left, right);
    // The messages differ by a full stop.
    let message = match (left, right) {
        (Operand::Column(Data::NaiveTime(_)), Operand::Value(_)) => {
            Some("Cannot subtract tz-naive and tz-aware datetime-like objects.")
        }
        (Operand::Column(Data::Time(_)), Operand::Value(_)) | (Operand::Value(_), Operand::Column(Data::Time(_))) => {
            Some("Cannot subtract tz-naive and tz-aware datetime-like objects")
        }
        _ => None,
    };
    let (Some(left), Some(right)) = (Moments::of(left), Moments::of(right)) else {
        return Err(unmatched(operator));
    };
    let unit = unit_of(left_operand, right_operand);
    let times = |micros: Vec<i64>| Times::new(micros, unit);
    let data = match (operator, left, right) {
        (Operator::Sub, Moments::Time(left), Moments::Time(right))
        | (Operator::Sub, Moments::NaiveTime(left), Moments::NaiveTime(right)) => {
            Data::Delta(times(zip(left, right, difference)))
        }
        (Operator::Sub, Moments::Time(_), Moments::NaiveTime(_))
        | (Operator::Sub, Moments::NaiveTime(_), Moments::Time(_)) => {
            return Err(message.map_or_else(|| unmatched(operator), type_error));
        }
        (Operator::Sub, Moments::Time(left), Moments::Delta(right)) => Data::Time(times(zip(left, right, difference))),
        (Operator::Sub, Moments::NaiveTime(left), Moments::Delta(right)) => {
            Data::NaiveTime(times(zip(left, right, difference)))
        }
        (Operator::Sub, Moments::Delta(left), Moments::Delta(right)) => {
            Data::Delta(times(zip(left, right, difference)))
        }
        (Operator::Add, Moments::Delta(left), Moments::Delta(right)) => Data::Delta(times(zip(left, right, sum))),
        (Operator::Add, Moments::Time(left), Moments::Delta(right))
        | (Operator::Add, Moments::Delta(left), Moments::Time(right)) => Data::Time(times(zip(left, right, sum))),
        (Operator::Add, Moments::NaiveTime(left), Moments::Delta(right))
        | (Operator::Add, Moments::Delta(left), Moments::NaiveTime(right)) => {
            Data::NaiveTime(times(zip(left, right, sum)))
        }
        (Operator::Div, Moments::Delta(left), Moments::Delta(right)) => {
            let quotients = zip(left, right, |left, right| match left == NO_TIME || right == NO_TIME {
                true => Some(f64::NAN),
                false => Some(nanoseconds(left)? / nanoseconds(right)?),
            });
            let quotients: Option<Vec<f64>> = quotients.into_iter().collect();
            return quotients
                .map(Data::Float)
                .ok_or_else(|| unknown("dividing spans of that length is not known here"));
        }
        _ => return Err(unmatched(operator)),
    };
    // A span that is a constant is counted in nanoseconds, and so is what is computed with it, and what is beside that.
    for times in [Operand::Column(&data)].iter().chain([left_operand, right_operand]) {
        match times {
            Operand::Column(Data::Time(times) | Data::NaiveTime(times) | Data::Delta(times)) => check_reach(times)?,
            Operand::Value(Value::Time(micros) | Value::NaiveTime(micros) | Value::Delta(micros)) => {
                check_reach(&[*micros])?
            }
            _ => {}
        }
    }
    Ok(data)
}

/// The finer of both, where both are known. A value alone has a unit that is not.
fn unit_of(left: &Operand<'_>, right: &Operand<'_>) -> Option<Unit> {
    let unit = |operand: &Operand<'_>| match operand {
        Operand::Column(Data::Time(times) | Data::NaiveTime(times) | Data::Delta(times)) => times.unit(),
        _ => None,
    };
    Some(unit(left)?.max(unit(right)?))
}

/// Nanoseconds as a float that is exact, so that the quotient is the same in whichever unit pandas computes it.
fn nanoseconds(micros: i64) -> Option<f64> {
    let nanos = micros.checked_mul(1000)?;
    let spare = nanos.trailing_zeros().min(62);
    ((nanos >> spare).unsigned_abs() <= 1 << 53).then_some(nanos as f64)
}

pub(super) enum Moments<'a> {
    Time(Side<'a, i64>),
    NaiveTime(Side<'a, i64>),
    Delta(Side<'a, i64>),
}

impl<'a> Moments<'a> {
    pub(super) fn of(operand: &Operand<'a>) -> Option<Self> {
        Some(match operand {
            Operand::Column(Data::Time(values)) => Self::Time(Side::All(values)),
            Operand::Column(Data::NaiveTime(values)) => Self::NaiveTime(Side::All(values)),
            Operand::Column(Data::Delta(values)) => Self::Delta(Side::All(values)),
            Operand::Value(Value::Time(micros)) => Self::Time(Side::One(*micros)),
            Operand::Value(Value::NaiveTime(micros)) => Self::NaiveTime(Side::One(*micros)),
            Operand::Value(Value::Delta(micros)) => Self::Delta(Side::One(*micros)),
            _ => return None,
        })
    }
}

fn unmatched(operator: Operator) -> Stop {
    unknown(format!("`{}` of these columns is not known here", operator.as_str()))
}
