//! Python's `==`, and looking for a value among others.

use std::rc::Rc;

use super::data::{Dict, Value};
use super::data_frame::{dtype_of_type, is_same_dtype};

impl Value {
    /// Whether two values are equal; `None` when it is not known.
    pub(crate) fn equals(&self, other: &Self) -> Option<bool> {
        Some(match (self, other) {
            (Self::Opaque(_), _) | (_, Self::Opaque(_)) => return None,
            (Self::None, Self::None) => true,
            (Self::TimeDelta(left), Self::TimeDelta(right)) => left == right,
            (Self::DateTime(left), Self::DateTime(right)) => left == right,
            (Self::Str(left), Self::Str(right)) | (Self::Path(left), Self::Path(right)) => left == right,
            (Self::EnumMember(left), Self::EnumMember(right)) => {
                let is_one = left.enumeration == right.enumeration && left.name == right.name;
                is_one || (left.is_its_value() && right.is_its_value() && left.value.equals(&right.value)?)
            }
            (Self::EnumMember(member), other) | (other, Self::EnumMember(member)) => {
                member.is_its_value() && member.value.equals(other)?
            }
            (Self::List(left), Self::List(right)) => {
                return if Rc::ptr_eq(left, right) {
                    Some(true)
                } else {
                    all_equal(&left.borrow(), &right.borrow())
                };
            }
            (Self::Tuple(left), Self::Tuple(right)) => return all_equal(left, right),
            (Self::NamedTuple(record), Self::Tuple(tuple)) | (Self::Tuple(tuple), Self::NamedTuple(record)) => {
                return all_equal(&record.values, tuple);
            }
            (Self::NamedTuple(left), Self::NamedTuple(right)) => return all_equal(&left.values, &right.values),
            (Self::Iterator(left), Self::Iterator(right)) => Rc::ptr_eq(left, right),
            (Self::View(left), Self::View(right)) if left.type_name == "range" && right.type_name == "range" => {
                return all_equal(&left.items, &right.items);
            }
            // The keys of a dict are compared as a set, the columns of a table one by one.
            (Self::View(_), _) | (_, Self::View(_)) => return None,
            (Self::Set(left), Self::Set(right)) => return equal_sets(&left.borrow(), &right.borrow()),
            (Self::Dict(left), Self::Dict(right)) if left.is_ordered() && right.is_ordered() => {
                let members = |dict: &Dict| {
                    dict.borrow()
                        .iter()
                        .flat_map(|(key, value)| [key.clone(), value.clone()])
                        .collect::<Vec<_>>()
                };
                return all_equal(&members(left), &members(right));
            }
            (Self::Dict(left), Self::Dict(right)) => return equal_dicts(&left.borrow(), &right.borrow()),
            (Self::Type(left), Self::Type(right)) => left == right,
            (Self::Dtype(left), Self::Dtype(right) | Self::Str(right)) => return is_same_dtype(left, right),
            (Self::Str(left), Self::Dtype(right)) => return is_same_dtype(right, left),
            (Self::Dtype(dtype), Self::Builtin(name)) | (Self::Builtin(name), Self::Dtype(dtype)) => {
                return is_same_dtype(dtype, dtype_of_type(name)?);
            }
            (Self::Dtype(_), _) | (_, Self::Dtype(_)) => return None,
            // Compared item by item.
            (Self::DataFrame(_) | Self::Dtypes(_) | Self::Column(..), _)
            | (_, Self::DataFrame(_) | Self::Dtypes(_) | Self::Column(..)) => return None,
            (Self::FeastClass(left), Self::FeastClass(right)) => left.name == right.name,
            (Self::FeastEnum(left), Self::FeastEnum(right)) | (Self::Builtin(left), Self::Builtin(right)) => {
                left == right
            }
            (Self::Module(left), Self::Module(right)) => left == right,
            (Self::Function(left), Self::Function(right)) => Rc::ptr_eq(left, right),
            // Feast compares its objects by what they hold; those with two names are not equal.
            (Self::Object(left), Self::Object(right)) if Rc::ptr_eq(left, right) => true,
            (Self::Object(left), Self::Object(right)) => {
                let (left, right) = (left.object(), right.object());
                return (left.name()? != right.name()?).then_some(false);
            }
            // Classes may define what is equal.
            (Self::Class(left), Self::Class(right)) => {
                return match Rc::ptr_eq(left, right) {
                    true => Some(true),
                    false => (!left.is_instance && !right.is_instance).then_some(false),
                };
            }
            (left, right) => match (left.number(), right.number()) {
                (Some(Number::Int(left)), Some(Number::Int(right))) => left == right,
                (Some(left), Some(right)) => left.to_float() == right.to_float(),
                _ => false,
            },
        })
    }

    fn number(&self) -> Option<Number> {
        match self {
            Self::Bool(flag) => Some(Number::Int(i64::from(*flag))),
            Self::Int(number) => Some(Number::Int(*number)),
            Self::Float(number) => Some(Number::Float(*number)),
            _ => None,
        }
    }
}

enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn to_float(&self) -> f64 {
        match self {
            Self::Int(number) => *number as f64,
            Self::Float(number) => *number,
        }
    }
}

/// Position of the first value that is equal to `sought`. The outer `None` means that it is not known, the inner one that
/// there is none.
pub(crate) fn find_position<'a>(values: impl IntoIterator<Item = &'a Value>, sought: &Value) -> Option<Option<usize>> {
    for (index, value) in values.into_iter().enumerate() {
        if value.equals(sought)? {
            return Some(Some(index));
        }
    }
    Some(None)
}

/// The member of a dict with a key; see [`find_position`].
pub(crate) fn find_key(members: &[(Value, Value)], sought: &Value) -> Option<Option<usize>> {
    // A dtype is equal to its name, but has another hash.
    let is_dtype = |value: &Value| matches!(value, Value::Dtype(_));
    if is_dtype(sought) || members.iter().any(|(key, _)| is_dtype(key)) {
        return None;
    }
    find_position(members.iter().map(|(key, _)| key), sought)
}

fn all_equal(left: &[Value], right: &[Value]) -> Option<bool> {
    if left.len() != right.len() {
        return Some(false);
    }
    for (left, right) in left.iter().zip(right) {
        if !left.equals(right)? {
            return Some(false);
        }
    }
    Some(true)
}

fn equal_sets(left: &[Value], right: &[Value]) -> Option<bool> {
    for item in left {
        if find_position(right, item)?.is_none() {
            return Some(false);
        }
    }
    Some(left.len() == right.len())
}

fn equal_dicts(left: &[(Value, Value)], right: &[(Value, Value)]) -> Option<bool> {
    for (key, value) in left {
        match find_key(right, key)? {
            Some(index) if value.equals(&right[index].1)? => {}
            _ => return Some(false),
        }
    }
    Some(left.len() == right.len())
}
