//! What lists, sets, tuples and iterators hold.
//!
//! A function may put lists into lists as deep as it has steps for. Letting them go one inside the other would take as much of the
//! stack, so a sequence lets go what is in it one after the other.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use super::Value;
use crate::stop::{Outcome, unknown};

/// How many values are looked through before a value is put into a list or dict.
const MAX_SEARCHED: usize = 10_000;

/// The items of a list or a set.
#[derive(Debug, Default)]
pub(crate) struct Items(RefCell<Vec<Value>>);

/// The items of a tuple, or of another sequence that does not change.
#[derive(Debug, Default)]
pub(crate) struct FixedItems(Vec<Value>);

impl From<Vec<Value>> for Items {
    fn from(items: Vec<Value>) -> Self {
        Self(RefCell::new(items))
    }
}

impl Deref for Items {
    type Target = RefCell<Vec<Value>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        release(std::mem::take(self.0.get_mut()));
    }
}

impl From<Vec<Value>> for FixedItems {
    fn from(items: Vec<Value>) -> Self {
        Self(items)
    }
}

impl FromIterator<Value> for FixedItems {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl Deref for FixedItems {
    type Target = [Value];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for FixedItems {
    fn drop(&mut self) {
        release(std::mem::take(&mut self.0));
    }
}

/// Lets values go, those inside of others too, without a level of the stack for each.
pub(super) fn release(mut waiting: Vec<Value>) {
    if !waiting.iter().any(holds_values) {
        return;
    }
    while let Some(value) = waiting.pop() {
        match value {
            Value::List(items) | Value::Set(items) => {
                if let Some(items) = Rc::into_inner(items) {
                    waiting.append(&mut items.0.take());
                }
            }
            Value::Tuple(items) | Value::Items(items) => {
                if let Some(mut items) = Rc::into_inner(items) {
                    waiting.append(&mut items.0);
                }
            }
            Value::Dict(dict) => {
                if let Some(dict) = Rc::into_inner(dict) {
                    waiting.extend(dict.take().take_values());
                }
            }
            _ => {}
        }
    }
}

/// Whether other values are in it.
pub(super) fn holds_values(value: &Value) -> bool {
    matches!(
        value,
        Value::List(_)
            | Value::Set(_)
            | Value::Tuple(_)
            | Value::Items(_)
            | Value::Dict(_)
            | Value::Iterator(_)
            | Value::Failing(_)
    )
}

/// Whether a value may be put into a list or dict that is there already.
///
/// # Errors
/// Unknown for one in which the container is itself: it could not be looked through, nor let go.
pub(crate) fn check_acyclic(container: &Value, added: &Value) -> Outcome<()> {
    if !holds_values(added) {
        return Ok(());
    }
    let mut waiting = vec![added.clone()];
    let mut searched = 0;
    while let Some(value) = waiting.pop() {
        searched += 1;
        if searched > MAX_SEARCHED || is_same_container(&value, container) {
            return Err(unknown(
                "a list or dict within so many others, or within itself, is not known here",
            ));
        }
        match &value {
            Value::List(items) | Value::Set(items) => {
                waiting.extend(items.borrow().iter().filter(|item| holds_values(item)).cloned());
            }
            Value::Tuple(items) | Value::Items(items) => {
                waiting.extend(items.iter().filter(|item| holds_values(item)).cloned());
            }
            Value::Dict(dict) => {
                let dict = dict.borrow();
                let values = dict.members().iter().map(|(_, value)| value);
                waiting.extend(values.filter(|value| holds_values(value)).cloned());
            }
            Value::Iterator(_) | Value::Failing(_) => {
                return Err(unknown("an iterator in a list or dict is not known here"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_same_container(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) | (Value::Set(left), Value::Set(right)) => Rc::ptr_eq(left, right),
        (Value::Dict(left), Value::Dict(right)) => Rc::ptr_eq(left, right),
        _ => false,
    }
}
