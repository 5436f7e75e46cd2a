//! Operators and comparisons.

use std::cmp::Ordering;
use std::rc::Rc;

use ruff_python_ast::{CmpOp, ExprCompare, Operator};
use ruff_text_size::TextRange;

use super::duration::{Duration, Raised, true_quotient};
use super::equality::position;
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::{Hides, most, reason_of, unknown, unknown_hiding};
use super::value::Value;
use super::{Evaluated, library, methods};

impl Evaluator {
    /// `left operator right`; opaque where it cannot be known.
    pub(super) fn operate(
        &mut self,
        operator: Operator,
        left: &Value,
        right: &Value,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        if let Some(opaque) = [left, right]
            .into_iter()
            .find(|value| matches!(value, Value::Opaque(_)))
        {
            return Ok(match most([left, right]) {
                Hides::Nothing => opaque.clone(),
                hides => unknown_hiding(hides, range, scope),
            });
        }
        let (left, right) = (plain_value(left), plain_value(right));
        if let Some(value) = self.join(operator, left, right, range, scope)? {
            return Ok(value);
        }
        if let Some(value) = self.operate_on_times(operator, left, right, range, scope)? {
            return Ok(value);
        }
        let overflow = || scope.limit(range, "a number beyond 64 bits");
        Ok(match (operator, left, right) {
            (_, Value::Bool(flag), _) => {
                return self.operate(operator, &Value::Integer(i64::from(*flag)), right, range, scope);
            }
            (_, _, Value::Bool(flag)) => {
                return self.operate(operator, left, &Value::Integer(i64::from(*flag)), range, scope);
            }
            (_, Value::Integer(left), Value::Integer(right)) => match integers(operator, *left, *right) {
                Some(number) => number.ok_or_else(overflow)?,
                None if matches!(operator, Operator::Div | Operator::FloorDiv | Operator::Mod) && *right == 0 => {
                    return Err(scope.raise(range, "ZeroDivisionError", "division by zero"));
                }
                None => unknown(range, scope),
            },
            (_, Value::Integer(left), Value::Float(right)) => floats(operator, *left as f64, *right, range, scope),
            (_, Value::Float(left), Value::Integer(right)) => floats(operator, *left, *right as f64, range, scope),
            (_, Value::Float(left), Value::Float(right)) => floats(operator, *left, *right, range, scope),
            _ => unknown(range, scope),
        })
    }

    /// Operators on `datetime` and `timedelta`; `None` when it is none of them.
    fn operate_on_times(
        &mut self,
        operator: Operator,
        left: &Value,
        right: &Value,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        let divides = matches!(operator, Operator::Div | Operator::FloorDiv | Operator::Mod);
        let is_nothing = match right {
            Value::Duration(span) => span.micros() == 0,
            Value::Integer(number) => *number == 0,
            Value::Float(number) => *number == 0.0,
            Value::Bool(flag) => !flag,
            _ => false,
        };
        if divides && is_nothing && matches!(left, Value::Duration(_)) {
            return Err(scope.raise(range, "ZeroDivisionError", "division by zero"));
        }
        let plain = |duration: Duration| Some(Value::Duration(duration));
        let known = match (operator, left, right) {
            (Operator::Add, Value::Duration(left), Value::Duration(right)) => left.plus(*right).map(plain),
            (Operator::Sub, Value::Duration(left), Value::Duration(right)) => left.minus(*right).map(plain),
            (Operator::Sub, Value::Moment(left), Value::Moment(right)) => {
                Duration::new(i128::from(*left) - i128::from(*right)).map(plain)
            }
            // With a `Timedelta` it is a `Timestamp` of pandas.
            (Operator::Add, Value::Moment(moment), Value::Duration(span))
            | (Operator::Add, Value::Duration(span), Value::Moment(moment))
                if !span.is_pandas() =>
            {
                library::moment_of_micros(i128::from(*moment) + span.micros()).map(Some)
            }
            (Operator::Sub, Value::Moment(moment), Value::Duration(span)) if !span.is_pandas() => {
                library::moment_of_micros(i128::from(*moment) - span.micros()).map(Some)
            }
            (Operator::Mult, Value::Duration(span), Value::Integer(factor))
            | (Operator::Mult, Value::Integer(factor), Value::Duration(span)) => span.times(*factor).map(plain),
            (Operator::Mult, Value::Duration(span), Value::Float(factor))
            | (Operator::Mult, Value::Float(factor), Value::Duration(span)) => {
                span.times_float(*factor).map(|known| known.map(Value::Duration))
            }
            (Operator::FloorDiv, Value::Duration(span), Value::Integer(divisor)) => {
                span.floor_divided_by(*divisor).map(|known| known.map(Value::Duration))
            }
            (Operator::Div, Value::Duration(span), Value::Integer(divisor)) => {
                span.divided_by(*divisor).map(|known| known.map(Value::Duration))
            }
            (Operator::Div, Value::Duration(span), Value::Float(divisor)) => {
                span.divided_by_float(*divisor).map(|known| known.map(Value::Duration))
            }
            (Operator::Div, Value::Duration(left), Value::Duration(right)) => {
                Ok(true_quotient(left.micros(), right.micros()).map(Value::Float))
            }
            (Operator::FloorDiv, Value::Duration(left), Value::Duration(right)) => {
                Ok(i64::try_from(left.count_of(*right)).ok().map(Value::Integer))
            }
            (Operator::Mod, Value::Duration(left), Value::Duration(right)) => left.remainder(*right).map(plain),
            _ => return Ok(None),
        };
        let known = raised(known, range, scope)?;
        Ok(Some(known.unwrap_or_else(|| unknown(range, scope))))
    }

    /// Operators on texts and containers; `None` when it is none of them.
    fn join(
        &mut self,
        operator: Operator,
        left: &Value,
        right: &Value,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        let value = match (operator, left, right) {
            (Operator::Add, Value::Text(left), Value::Text(right)) => Value::text(format!("{left}{right}")),
            (Operator::Add, Value::List(left), Value::List(right)) => {
                Value::list([left.borrow().as_slice(), &right.borrow()].concat())
            }
            (Operator::Add, Value::Tuple(left), Value::Tuple(right)) => Value::tuple([left.as_slice(), right].concat()),
            (Operator::Mult, Value::Text(_) | Value::List(_), Value::Integer(count))
            | (Operator::Mult, Value::Integer(count), Value::Text(_) | Value::List(_)) => {
                let repeated = if matches!(right, Value::Integer(_)) {
                    left
                } else {
                    right
                };
                let count = usize::try_from(*count).unwrap_or(0);
                scope.spend(range, repeated.size(usize::MAX / 2).saturating_mul(count))?;
                match repeated {
                    Value::Text(text) => Value::text(text.repeat(count)),
                    other => {
                        let items = other.items().unwrap_or_default();
                        Value::list((0..count).flat_map(|_| items.clone()).collect())
                    }
                }
            }
            (Operator::Div, Value::Path(left), Value::Text(right) | Value::Path(right)) => {
                Value::path(methods::joined_path(&[left, right]))
            }
            (Operator::Div, Value::Text(left), Value::Path(right)) => Value::path(methods::joined_path(&[left, right])),
            (Operator::BitOr, Value::Dict(left), Value::Dict(right)) if left.is_plain() && right.is_plain() => {
                Value::dict([left.borrow().as_slice(), &right.borrow()].concat())
            }
            (_, Value::Set(left), Value::Set(right)) => {
                let (left, right) = (left.borrow(), right.borrow());
                scope.spend(range, left.len().saturating_mul(right.len()))?;
                match combined(operator, &left, &right) {
                    Some(items) => Value::set(items),
                    None => unknown(range, scope),
                }
            }
            (Operator::Mod, Value::Text(_), Value::Record(record)) => {
                let tuple = Value::tuple(record.values.clone());
                return self.join(operator, left, &tuple, range, scope);
            }
            (Operator::Mod, Value::Text(form), arguments) => match methods::percent_formatted(form, arguments) {
                Some(text) => Value::text(text),
                None => unknown(range, scope),
            },
            _ => return Ok(None),
        };
        scope.spend(range, value.size(1_000_000))?;
        Ok(Some(value))
    }

    /// `a < b <= c`: all comparisons, each operand evaluated once.
    pub(super) fn compare(&mut self, comparison: &ExprCompare, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut left = self.evaluate(&comparison.left, scope)?;
        for (operator, right) in comparison.ops.iter().zip(&comparison.comparators) {
            let right = self.evaluate(right, scope)?;
            scope.spend(comparison.range, left.size(1_000_000) + right.size(1_000_000))?;
            match compared(*operator, &left, &right) {
                Some(true) => {}
                Some(false) => return Ok(Value::Bool(false)),
                None => {
                    let opaque = if matches!(left, Value::Opaque(_)) {
                        &left
                    } else {
                        &right
                    };
                    return Ok(reason_of(opaque, comparison.range, scope));
                }
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }
}

fn compared(operator: CmpOp, left: &Value, right: &Value) -> Option<bool> {
    let is_unknown = |value: &Value| matches!(value, Value::Opaque(_));
    if is_unknown(left) || is_unknown(right) {
        return None;
    }
    let contains = || match (left, right) {
        // It would be used up to the item.
        (_, Value::Iterator(_)) => None,
        (Value::Text(part), Value::Text(whole)) => Some(whole.contains(&**part)),
        _ => position(&right.items()?, left).map(|found| found.is_some()),
    };
    match operator {
        CmpOp::Eq => left.same(right),
        CmpOp::NotEq => left.same(right).map(|same| !same),
        CmpOp::Is => identical(left, right),
        CmpOp::IsNot => identical(left, right).map(|same| !same),
        CmpOp::In => contains(),
        CmpOp::NotIn => contains().map(|found| !found),
        CmpOp::Lt => order(left, right).map(Ordering::is_lt),
        CmpOp::LtE => order(left, right).map(Ordering::is_le),
        CmpOp::Gt => order(left, right).map(Ordering::is_gt),
        CmpOp::GtE => order(left, right).map(Ordering::is_ge),
    }
}

/// Python's `is`: sure for what there is one of, and for values of different kinds.
fn identical(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::None | Value::Bool(_), _) | (_, Value::None | Value::Bool(_)) => {
            Some(std::mem::discriminant(left) == std::mem::discriminant(right) && left.same(right)?)
        }
        (Value::List(left), Value::List(right)) => Some(Rc::ptr_eq(left, right)),
        (Value::Dict(left), Value::Dict(right)) => Some(Rc::ptr_eq(left, right)),
        (Value::Object(left), Value::Object(right)) => Some(Rc::ptr_eq(left, right)),
        (Value::Class(left), Value::Class(right)) => Some(Rc::ptr_eq(left, right)),
        _ => match left.same(right) {
            Some(true)
                if matches!(
                    left,
                    Value::Member(_) | Value::Type(_) | Value::FeastClass(_) | Value::Library(_)
                ) =>
            {
                Some(true)
            }
            Some(false) => Some(false),
            _ => None,
        },
    }
}

/// Python's order of plain values; `None` where it has none or it is not known.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Value::Integer(right)) | (Value::Moment(left), Value::Moment(right)) => {
            Some(left.cmp(right))
        }
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Integer(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Integer(right)) => left.partial_cmp(&(*right as f64)),
        // Only members of an `IntEnum` have an order in Python; it raises an error for others.
        (Value::Member(left), Value::Member(right)) => order(&left.value, &right.value),
        (Value::Member(left), right) if left.is_its_value() => order(&left.value, right),
        (left, Value::Member(right)) if right.is_its_value() => order(left, &right.value),
        (Value::Text(left), Value::Text(right)) | (Value::Path(left), Value::Path(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::List(_), Value::List(_)) | (Value::Tuple(_) | Value::Record(_), Value::Tuple(_) | Value::Record(_)) => {
            let (left, right) = (left.items()?, right.items()?);
            for (left, right) in left.iter().zip(&right) {
                match order(left, right)? {
                    Ordering::Equal => {}
                    decided => return Some(decided),
                }
            }
            Some(left.len().cmp(&right.len()))
        }
        _ => None,
    }
}

/// What Python raises, at a place of the file.
pub(super) fn raised<T>(outcome: Result<T, Raised>, range: TextRange, scope: &Scope) -> Evaluated<T> {
    outcome.map_err(|(exception, message)| scope.raise(range, exception, message))
}

/// The value that a member of an enumeration is too, for operators.
fn plain_value(value: &Value) -> &Value {
    match value {
        Value::Member(member) if member.is_its_value() => &member.value,
        other => other,
    }
}

/// Operators on sets; `None` where the answer is not known.
pub(super) fn combined(operator: Operator, left: &[Value], right: &[Value]) -> Option<Vec<Value>> {
    let mut both = Vec::new();
    let mut only_left = Vec::new();
    for item in left {
        match position(right, item)? {
            Some(_) => both.push(item.clone()),
            None => only_left.push(item.clone()),
        }
    }
    let mut only_right = Vec::new();
    for item in right {
        if position(left, item)?.is_none() {
            only_right.push(item.clone());
        }
    }
    match operator {
        Operator::BitOr => Some([left, &only_right].concat()),
        Operator::BitAnd => Some(both),
        Operator::Sub => Some(only_left),
        Operator::BitXor => Some([only_left, only_right].concat()),
        _ => None,
    }
}

/// The outer `None` means that it cannot be known, the inner one that it is too large.
fn integers(operator: Operator, left: i64, right: i64) -> Option<Option<Value>> {
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
    Some(number.map(Value::Integer))
}

fn floats(operator: Operator, left: f64, right: f64, range: TextRange, scope: &Scope) -> Value {
    match operator {
        Operator::Add => Value::Float(left + right),
        Operator::Sub => Value::Float(left - right),
        Operator::Mult => Value::Float(left * right),
        Operator::Div if right != 0.0 => Value::Float(left / right),
        Operator::Pow => Value::Float(left.powf(right)),
        _ => unknown(range, scope),
    }
}
