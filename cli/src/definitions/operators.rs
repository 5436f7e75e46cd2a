//! Operators and comparisons.

use std::cmp::Ordering;
use std::rc::Rc;

use ruff_python_ast::{CmpOp, ExprCompare, Operator};
use ruff_text_size::TextRange;

use super::Evaluated;
use super::equality::position;
use super::methods;
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::{Hides, most, reason_of, unknown, unknown_hiding};
use super::value::Value;

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
        if let Some(value) = self.join(operator, left, right, range, scope)? {
            return Ok(value);
        }
        let overflow = || scope.limit(range, "a number beyond 64 bits");
        Ok(match (operator, left, right) {
            (Operator::Add, Value::Duration(left), Value::Duration(right)) => {
                Value::Duration(left.checked_add(*right).ok_or_else(overflow)?)
            }
            (Operator::Sub, Value::Duration(left), Value::Duration(right))
            | (Operator::Sub, Value::Moment(left), Value::Moment(right)) => {
                Value::Duration(left.checked_sub(*right).ok_or_else(overflow)?)
            }
            (Operator::Add, Value::Moment(moment), Value::Duration(span))
            | (Operator::Add, Value::Duration(span), Value::Moment(moment)) => {
                Value::Moment(moment.checked_add(*span).ok_or_else(overflow)?)
            }
            (Operator::Sub, Value::Moment(moment), Value::Duration(span)) => {
                Value::Moment(moment.checked_sub(*span).ok_or_else(overflow)?)
            }
            (Operator::Mult, Value::Duration(span), Value::Integer(factor))
            | (Operator::Mult, Value::Integer(factor), Value::Duration(span)) => {
                Value::Duration(span.checked_mul(*factor).ok_or_else(overflow)?)
            }
            (Operator::Mult, Value::Duration(span), Value::Float(factor))
            | (Operator::Mult, Value::Float(factor), Value::Duration(span)) => {
                Value::Duration((*span as f64 * factor).round_ties_even() as i64)
            }
            (Operator::FloorDiv, Value::Duration(span), Value::Integer(divisor)) if *divisor > 0 => {
                Value::Duration(span.div_euclid(*divisor))
            }
            (Operator::Div, Value::Duration(span), Value::Integer(divisor)) if *divisor > 0 => {
                Value::Duration(rounded_quotient(*span, *divisor))
            }
            (Operator::Div, Value::Duration(left), Value::Duration(right)) if *right != 0 => {
                Value::Float(*left as f64 / *right as f64)
            }
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
            (Operator::BitOr, Value::Dict(left), Value::Dict(right)) => {
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
            Some(true) if matches!(left, Value::Member(_) | Value::Type(_) | Value::FeastClass(_)) => Some(true),
            Some(false) => Some(false),
            _ => None,
        },
    }
}

/// Python's order of plain values; `None` where it has none or it is not known.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right))
        | (Value::Duration(left), Value::Duration(right))
        | (Value::Moment(left), Value::Moment(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Integer(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Integer(right)) => left.partial_cmp(&(*right as f64)),
        // Only members of an `IntEnum` have an order in Python; it raises an error for others.
        (Value::Member(left), Value::Member(right)) => order(&left.value, &right.value),
        (Value::Text(left), Value::Text(right)) | (Value::Path(left), Value::Path(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::List(_), Value::List(_)) | (Value::Tuple(_), Value::Tuple(_)) => {
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

/// A quotient rounded to the nearest, halves to even, as Python divides a `timedelta`. The divisor is positive.
fn rounded_quotient(span: i64, divisor: i64) -> i64 {
    let (quotient, rest) = (span.div_euclid(divisor), span.rem_euclid(divisor));
    let rounds_up = match rest.cmp(&(divisor - rest)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => quotient % 2 != 0,
    };
    quotient + i64::from(rounds_up)
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
        Operator::Div if right != 0 => return Some(Some(Value::Float(left as f64 / right as f64))),
        Operator::Pow if right < 0 && left != 0 => return Some(Some(Value::Float((left as f64).powf(right as f64)))),
        Operator::Pow => match u32::try_from(right) {
            Ok(exponent) => left.checked_pow(exponent),
            Err(_) => return None,
        },
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
