//! Maps and JSON that a function gives, as their text.

use crate::native::json_of;
use crate::stop::{Outcome, unknown};
use crate::value::{Value, is_shallow};

/// A dict of which Feast makes a map: keys are texts, and a value is a plain one, a list of plain ones of one kind, or such a dict.
pub(super) fn map(value: &Value) -> Outcome<Option<String>> {
    match value {
        Value::None => Ok(None),
        Value::Dict(_) if is_shallow(value) && is_plain(value) => json_of(value).map(Some),
        Value::Dict(_) => Err(unknown("such a dict as a map is not known here")),
        other => Err(unknown(format!("{} as a map is not known here", other.type_name()))),
    }
}

/// What `json.dumps()` makes of a value.
pub(super) fn json(value: &Value) -> Outcome<Option<String>> {
    match value {
        Value::None => Ok(None),
        // Feast keeps it as it is if it is JSON.
        Value::Text(_) => Err(unknown("a text as JSON is not known here")),
        Value::Array(_) | Value::Series(_) => Err(unknown("a column as JSON is not known here")),
        value => json_of(value).map(Some),
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Text(_) => true,
        Value::Float(number) => number.is_finite(),
        Value::List(items) => {
            let items = items.borrow();
            let kind = |value: &Value| std::mem::discriminant(value);
            let is_item = |item: &Value| {
                matches!(item, Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Float(_)) && is_plain(item)
            };
            items.iter().all(is_item)
                && items
                    .first()
                    .is_some_and(|first| items.iter().all(|item| kind(item) == kind(first)))
        }
        Value::Dict(dict) => {
            let dict = dict.borrow();
            let mut members = dict.members().iter();
            members.all(|(key, value)| matches!(key, Value::Text(_)) && is_plain(value))
        }
        _ => false,
    }
}
