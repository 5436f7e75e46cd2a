//! Python's `is`, and its order of values.

use std::cmp::Ordering;
use std::rc::Rc;

use super::data::Value;

/// Python's `is`; `None` where it is not known. It is known for singletons, for containers and for values of different kinds.
pub(crate) fn is_identical(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::None | Value::Bool(_), _) | (_, Value::None | Value::Bool(_)) => {
            Some(std::mem::discriminant(left) == std::mem::discriminant(right) && left.equals(right)?)
        }
        (Value::List(left), Value::List(right)) => Some(Rc::ptr_eq(left, right)),
        (Value::Dict(left), Value::Dict(right)) => Some(Rc::ptr_eq(left, right)),
        (Value::Object(left), Value::Object(right)) => Some(Rc::ptr_eq(left, right)),
        (Value::Class(left), Value::Class(right)) => Some(Rc::ptr_eq(left, right)),
        _ => match left.equals(right) {
            Some(true)
                if matches!(
                    left,
                    Value::EnumMember(_) | Value::Type(_) | Value::FeastClass(_) | Value::Builtin(_)
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
pub(crate) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::TimeDelta(left), Value::TimeDelta(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) | (Value::DateTime(left), Value::DateTime(right)) => {
            Some(left.cmp(right))
        }
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Int(right)) => left.partial_cmp(&(*right as f64)),
        // Only members of an `IntEnum` have an order in Python; it raises an error for others.
        (Value::EnumMember(left), Value::EnumMember(right)) => order(&left.value, &right.value),
        (Value::EnumMember(left), right) if left.is_its_value() => order(&left.value, right),
        (left, Value::EnumMember(right)) if right.is_its_value() => order(left, &right.value),
        (Value::Str(left), Value::Str(right)) | (Value::Path(left), Value::Path(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::List(_), Value::List(_))
        | (Value::Tuple(_) | Value::NamedTuple(_), Value::Tuple(_) | Value::NamedTuple(_)) => {
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
