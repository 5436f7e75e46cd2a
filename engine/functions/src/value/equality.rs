//! `==` and `<` of Python's own values. Those of columns are in `column`.

use std::cmp::Ordering;

use super::{Value, is_shallow};

/// `None` where it is not known.
pub(crate) fn equals(left: &Value, right: &Value) -> Option<bool> {
    (is_shallow(left) && is_shallow(right)).then(|| equals_shallow(left, right))?
}

fn equals_shallow(left: &Value, right: &Value) -> Option<bool> {
    Some(match (left, right) {
        (Value::None, Value::None) => true,
        // Two missing times are unequal, and equal in containers.
        (Value::NoTime, Value::NoTime) => return None,
        (Value::Int(left), Value::Int(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Bytes(left), Value::Bytes(right)) => left == right,
        (Value::List(left), Value::List(right)) => all_equal(&left.borrow(), &right.borrow())?,
        (Value::Tuple(left), Value::Tuple(right)) => all_equal(left, right)?,
        (Value::Set(left), Value::Set(right)) => {
            let (left, right) = (left.borrow(), right.borrow());
            left.len() == right.len()
                && left
                    .iter()
                    .all(|item| right.iter().any(|other| equals_shallow(item, other) == Some(true)))
        }
        (Value::Dict(left), Value::Dict(right)) => {
            let (left, right) = (left.borrow(), right.borrow());
            let mut same = left.len() == right.len();
            for (key, value) in left.members() {
                same = same
                    && match right.get(key) {
                        Some(other) => equals_shallow(value, other)?,
                        None => false,
                    };
            }
            same
        }
        (Value::Time(left), Value::Time(right))
        | (Value::NaiveTime(left), Value::NaiveTime(right))
        | (Value::Delta(left), Value::Delta(right)) => left == right,
        (Value::Native(left), Value::Native(right)) => left.name == right.name,
        (Value::ExceptionClass(left), Value::ExceptionClass(right)) => left == right,
        _ => match compare_numbers(left, right) {
            Some(order) => order == Some(Ordering::Equal),
            None if has_own_rules(left) || has_own_rules(right) => return None,
            None => false,
        },
    })
}

fn all_equal(left: &[Value], right: &[Value]) -> Option<bool> {
    if left.len() != right.len() {
        return Some(false);
    }
    for (left, right) in left.iter().zip(right) {
        if !equals_shallow(left, right)? {
            return Some(false);
        }
    }
    Some(true)
}

/// The order of two values. The outer `None`: they have none, Python raises. The inner: NaN.
pub(crate) fn compare(left: &Value, right: &Value) -> Option<Option<Ordering>> {
    (is_shallow(left) && is_shallow(right)).then(|| compare_shallow(left, right))?
}

fn compare_shallow(left: &Value, right: &Value) -> Option<Option<Ordering>> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(Some(left.cmp(right))),
        (Value::Bytes(left), Value::Bytes(right)) => Some(Some(left.cmp(right))),
        (Value::Time(left), Value::Time(right))
        | (Value::NaiveTime(left), Value::NaiveTime(right))
        | (Value::Delta(left), Value::Delta(right)) => Some(Some(left.cmp(right))),
        (Value::List(left), Value::List(right)) => compare_items(&left.borrow(), &right.borrow()),
        (Value::Tuple(left), Value::Tuple(right)) => compare_items(left, right),
        _ => compare_numbers(left, right),
    }
}

fn compare_items(left: &[Value], right: &[Value]) -> Option<Option<Ordering>> {
    for (left, right) in left.iter().zip(right) {
        if equals_shallow(left, right)? {
            continue;
        }
        return compare_shallow(left, right);
    }
    Some(Some(left.len().cmp(&right.len())))
}

/// Exact, also of an integer that a float cannot hold. `None` if it is not a number.
fn compare_numbers(left: &Value, right: &Value) -> Option<Option<Ordering>> {
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
        return Some(Some(left.cmp(&right)));
    }
    Some(match (left, right) {
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Float(left), right) => int_beside_float(right.as_int()?, *left).map(Ordering::reverse),
        (left, Value::Float(right)) => int_beside_float(left.as_int()?, *right),
        _ => return None,
    })
}

fn int_beside_float(int: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // 2^63 is a float, and no i64 reaches it.
    if float >= 9_223_372_036_854_775_808.0 {
        return Some(Ordering::Less);
    }
    if float < -9_223_372_036_854_775_808.0 {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    let order = int.cmp(&(whole as i64));
    Some(order.then_with(|| 0.0.partial_cmp(&(float - whole)).unwrap_or(Ordering::Equal)))
}

/// Whether it may be equal to what is of another kind here, or is equal by rules that are not written down.
fn has_own_rules(value: &Value) -> bool {
    matches!(
        value,
        Value::Series(_)
            | Value::Array(_)
            | Value::Categories(_)
            | Value::Scalar(_)
            | Value::Frame(_)
            | Value::Row(..)
            | Value::TextOf(_)
            | Value::TimesOf(_)
            | Value::Items(_)
            | Value::Iterator(_)
            | Value::Failing(_)
            | Value::Function(_)
            | Value::Exception(_)
            | Value::Calendar(_)
            | Value::Big(_)
            | Value::Pattern(_)
            | Value::Match(_)
    )
}
