//! Python's `==`, and looking for a value among others.

use std::rc::Rc;

use super::table;
use super::value::{Dict, Value};

impl Value {
    /// Whether two values are equal; `None` when it is not known.
    pub(super) fn same(&self, other: &Self) -> Option<bool> {
        Some(match (self, other) {
            (Self::Opaque(_), _) | (_, Self::Opaque(_)) => return None,
            (Self::None, Self::None) => true,
            (Self::Duration(left), Self::Duration(right)) => left == right,
            (Self::Moment(left), Self::Moment(right)) => left == right,
            (Self::Text(left), Self::Text(right)) | (Self::Path(left), Self::Path(right)) => left == right,
            (Self::Member(left), Self::Member(right)) => {
                let is_one = left.enumeration == right.enumeration && left.name == right.name;
                is_one || (left.is_its_value() && right.is_its_value() && left.value.same(&right.value)?)
            }
            (Self::Member(member), other) | (other, Self::Member(member)) => {
                member.is_its_value() && member.value.same(other)?
            }
            (Self::List(left), Self::List(right)) => {
                return if Rc::ptr_eq(left, right) {
                    Some(true)
                } else {
                    all_same(&left.borrow(), &right.borrow())
                };
            }
            (Self::Tuple(left), Self::Tuple(right)) => return all_same(left, right),
            (Self::Record(record), Self::Tuple(tuple)) | (Self::Tuple(tuple), Self::Record(record)) => {
                return all_same(&record.values, tuple);
            }
            (Self::Record(left), Self::Record(right)) => return all_same(&left.values, &right.values),
            (Self::Iterator(left), Self::Iterator(right)) => Rc::ptr_eq(left, right),
            (Self::View(left), Self::View(right)) if left.type_name == "range" && right.type_name == "range" => {
                return all_same(&left.items, &right.items);
            }
            // The keys of a dict are compared as a set, the columns of a table one by one.
            (Self::View(_), _) | (_, Self::View(_)) => return None,
            (Self::Set(left), Self::Set(right)) => return same_sets(&left.borrow(), &right.borrow()),
            (Self::Dict(left), Self::Dict(right)) if left.is_ordered() && right.is_ordered() => {
                let members = |dict: &Dict| {
                    dict.borrow()
                        .iter()
                        .flat_map(|(key, value)| [key.clone(), value.clone()])
                        .collect::<Vec<_>>()
                };
                return all_same(&members(left), &members(right));
            }
            (Self::Dict(left), Self::Dict(right)) => return same_dicts(&left.borrow(), &right.borrow()),
            (Self::Type(left), Self::Type(right)) => left == right,
            (Self::Dtype(left), Self::Dtype(right) | Self::Text(right)) => return table::same_dtype(left, right),
            (Self::Text(left), Self::Dtype(right)) => return table::same_dtype(right, left),
            (Self::Dtype(dtype), Self::Library(name)) | (Self::Library(name), Self::Dtype(dtype)) => {
                return table::same_dtype(dtype, table::dtype_of_type(name)?);
            }
            (Self::Dtype(_), _) | (_, Self::Dtype(_)) => return None,
            // Compared item by item.
            (Self::Table(_) | Self::Dtypes(_) | Self::Column(..), _)
            | (_, Self::Table(_) | Self::Dtypes(_) | Self::Column(..)) => return None,
            (Self::FeastClass(left), Self::FeastClass(right)) => left.name == right.name,
            (Self::FeastEnumeration(left), Self::FeastEnumeration(right))
            | (Self::Library(left), Self::Library(right)) => left == right,
            (Self::Module(left), Self::Module(right)) => left == right,
            (Self::Function(left), Self::Function(right)) => Rc::ptr_eq(left, right),
            // Feast compares its objects by what they hold; those with two names are not equal.
            (Self::Object(left), Self::Object(right)) if Rc::ptr_eq(left, right) => true,
            (Self::Object(left), Self::Object(right)) => {
                let names = (left.attribute("name")?, right.attribute("name")?);
                return (!names.0.same(&names.1)?).then_some(false);
            }
            // Classes may define what is equal.
            (Self::Class(left), Self::Class(right)) => {
                return match Rc::ptr_eq(left, right) {
                    true => Some(true),
                    false => (!left.is_instance && !right.is_instance).then_some(false),
                };
            }
            (left, right) => match (left.number(), right.number()) {
                (Some(Number::Integer(left)), Some(Number::Integer(right))) => left == right,
                (Some(left), Some(right)) => left.to_float() == right.to_float(),
                _ => false,
            },
        })
    }

    fn number(&self) -> Option<Number> {
        match self {
            Self::Bool(flag) => Some(Number::Integer(i64::from(*flag))),
            Self::Integer(number) => Some(Number::Integer(*number)),
            Self::Float(number) => Some(Number::Float(*number)),
            _ => None,
        }
    }
}

enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    fn to_float(&self) -> f64 {
        match self {
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
        }
    }
}

/// Position of the first value that is equal to `wanted`. The outer `None` means that it is not known, the inner one that
/// there is none.
pub(super) fn position<'a>(values: impl IntoIterator<Item = &'a Value>, wanted: &Value) -> Option<Option<usize>> {
    for (index, value) in values.into_iter().enumerate() {
        if value.same(wanted)? {
            return Some(Some(index));
        }
    }
    Some(None)
}

/// The member of a dict with a key; see [`position`].
pub(super) fn member(members: &[(Value, Value)], wanted: &Value) -> Option<Option<usize>> {
    // A dtype is equal to its name, but has another hash.
    let is_dtype = |value: &Value| matches!(value, Value::Dtype(_));
    if is_dtype(wanted) || members.iter().any(|(key, _)| is_dtype(key)) {
        return None;
    }
    position(members.iter().map(|(key, _)| key), wanted)
}

fn all_same(left: &[Value], right: &[Value]) -> Option<bool> {
    if left.len() != right.len() {
        return Some(false);
    }
    for (left, right) in left.iter().zip(right) {
        if !left.same(right)? {
            return Some(false);
        }
    }
    Some(true)
}

fn same_sets(left: &[Value], right: &[Value]) -> Option<bool> {
    for item in left {
        if position(right, item)?.is_none() {
            return Some(false);
        }
    }
    Some(left.len() == right.len())
}

fn same_dicts(left: &[(Value, Value)], right: &[(Value, Value)]) -> Option<bool> {
    for (key, value) in left {
        match member(right, key)? {
            Some(index) if value.same(&right[index].1)? => {}
            _ => return Some(false),
        }
    }
    Some(left.len() == right.len())
}
