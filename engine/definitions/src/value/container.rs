//! What dicts, sets and lists do with their members: find, set, index. Members are looked for one by
//! one: definitions are small, and callers pay for the comparisons.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use super::data::{Dict, DictKind, Value, View};

impl Deref for Dict {
    type Target = RefCell<Vec<(Value, Value)>>;

    fn deref(&self) -> &Self::Target {
        &self.members
    }
}

impl Dict {
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.kind, DictKind::Plain)
    }

    pub(crate) fn is_ordered(&self) -> bool {
        matches!(self.kind, DictKind::Ordered)
    }
}

impl View {
    /// Whether `view[0]` is an item, as in a range, and unlike the keys of a dict.
    pub(crate) fn has_positions(&self) -> bool {
        matches!(self.type_name, "range" | "Index")
    }
}

/// Sets a member of a dict.
pub(crate) fn set_member(members: &mut Vec<(Value, Value)>, key: Value, value: Value) {
    match members.iter_mut().find(|(known, _)| known.equals(&key) == Some(true)) {
        Some((_, old)) => *old = value,
        None => members.push((key, value)),
    }
}

/// Adds an item to a set.
pub(crate) fn insert_distinct(items: &mut Vec<Value>, item: Value) {
    if items.iter().all(|known| known.equals(&item) != Some(true)) {
        items.push(item);
    }
}

/// The pairs that make a dict; `None` when they are not known.
pub(crate) fn pairs_of(value: &Value) -> Option<Vec<(Value, Value)>> {
    if let Value::Dict(members) = value {
        return Some(members.borrow().clone());
    }
    let pairs = value.items()?.into_iter().map(|pair| match pair.items()?.as_slice() {
        [key, value] => Some((key.clone(), value.clone())),
        _ => None,
    });
    pairs.collect()
}

/// The position in a list that an index means, which is counted from the end where it is negative.
pub(crate) fn position_of_index(index: i64, length: usize) -> Option<usize> {
    let position = if index < 0 {
        index.saturating_add(i64::try_from(length).unwrap_or(i64::MAX))
    } else {
        index
    };
    usize::try_from(position).ok().filter(|position| *position < length)
}

/// Whether two values are one container.
fn is_same_container(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) | (Value::Set(left), Value::Set(right)) => Rc::ptr_eq(left, right),
        (Value::Dict(left), Value::Dict(right)) => Rc::ptr_eq(left, right),
        _ => false,
    }
}

/// Whether a value is a container or holds it.
pub(crate) fn holds(value: &Value, container: &Value) -> bool {
    is_same_container(value, container)
        || match value {
            Value::List(items) | Value::Set(items) => items.borrow().iter().any(|item| holds(item, container)),
            Value::Tuple(items) => items.iter().any(|item| holds(item, container)),
            Value::View(view) => view.items.iter().any(|item| holds(item, container)),
            Value::NamedTuple(tuple) => tuple.values.iter().any(|item| holds(item, container)),
            Value::Iterator(items) => items.borrow().iter().any(|item| holds(item, container)),
            Value::Dict(members) => members
                .borrow()
                .iter()
                .any(|(key, value)| holds(key, container) || holds(value, container)),
            _ => false,
        }
}

/// Where a container lies in memory; `None` for other values.
pub(crate) fn address(container: &Value) -> Option<usize> {
    match container {
        Value::List(items) | Value::Set(items) => Some(Rc::as_ptr(items).addr()),
        Value::Dict(members) => Some(Rc::as_ptr(members).addr()),
        _ => None,
    }
}
