//! Methods of lists, and of the other sequences.

use std::cell::RefCell;

use super::mutating::{changes, unclear};
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, Value, find_position, position_of_index};

/// `None` when the result is not known.
pub(super) fn call(object: &Value, name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let Value::List(items) = object else { return Ok(None) };
    if changes(object, name) {
        return change_list(items, name, arguments, site).map(Some);
    }
    let items = items.borrow();
    Ok(match (name, arguments.positional.as_slice()) {
        ("copy", []) => Some(Value::list(items.clone())),
        ("count", [item]) => {
            let same = items.iter().map(|known| known.equals(item)).collect::<Option<Vec<_>>>();
            same.map(|same| Value::count(same.into_iter().filter(|same| *same).count()))
        }
        ("index", [item]) => {
            let Some(position) = find_position(items.iter(), item) else {
                return Ok(None);
            };
            let missing = || site.raise("ValueError", "the item is not in list");
            Some(Value::count(position.ok_or_else(missing)?))
        }
        _ => None,
    })
}

/// Methods of immutable sequences; `None` when the result is not known.
pub(super) fn call_sequence(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    site: Site<'_>,
) -> Evaluated<Option<Value>> {
    if let Value::View(view) = object
        && !view.has_positions()
    {
        return Ok(None);
    }
    let items = object.items().unwrap_or_default();
    match (name, arguments.positional.as_slice()) {
        ("count" | "index", [_]) => call(&Value::list(items), name, arguments, site),
        _ => Ok(None),
    }
}

fn change_list(items: &RefCell<Vec<Value>>, name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Value> {
    let unknown = || unclear("list", site);
    if !arguments.named.is_empty() {
        return Err(unknown());
    }
    match (name, arguments.positional.as_slice()) {
        ("append", [item]) => items.borrow_mut().push(item.clone()),
        ("extend", [more]) => {
            let more = more.items().ok_or_else(unknown)?;
            items.borrow_mut().extend(more);
        }
        ("insert", [Value::Int(index), item]) => {
            let mut items = items.borrow_mut();
            let last = items.len();
            let position = position_of_index(*index, last).unwrap_or(if *index < 0 { 0 } else { last });
            items.insert(position, item.clone());
        }
        ("pop", index @ ([] | [Value::Int(_)])) => {
            let mut items = items.borrow_mut();
            let index = match index {
                [Value::Int(index)] => *index,
                _ => -1,
            };
            let position = position_of_index(index, items.len());
            return Ok(items.remove(position.ok_or_else(|| site.raise("IndexError", "pop index out of range"))?));
        }
        ("remove", [item]) => {
            let position = find_position(items.borrow().iter(), item).ok_or_else(unknown)?;
            let missing = || site.raise("ValueError", "list.remove(x): x not in list");
            items.borrow_mut().remove(position.ok_or_else(missing)?);
        }
        ("clear", []) => items.borrow_mut().clear(),
        ("reverse", []) => items.borrow_mut().reverse(),
        _ => return Err(unknown()),
    }
    Ok(Value::None)
}
