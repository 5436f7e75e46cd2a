//! Methods of lists and dicts.

use std::cell::RefCell;
use std::cmp::Ordering;

use ruff_text_size::TextRange;

use super::super::Evaluated;
use super::super::operators::order;
use super::super::scope::Scope;
use super::super::value::{CallArguments, Value, put};
use super::changes;

/// `None` when the answer is not known.
pub(super) fn of_list(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    let Value::List(items) = object else { return Ok(None) };
    if changes(object, name) {
        return change_list(items, name, arguments, range, scope).map(Some);
    }
    let items = items.borrow();
    Ok(match (name, arguments.positional.as_slice()) {
        ("copy", []) => Some(Value::list(items.clone())),
        ("count", [item]) => Some(Value::count(items.iter().filter(|known| *known == item).count())),
        ("index", [item]) => {
            let position = items.iter().position(|known| known == item);
            let missing = || scope.raise(range, "ValueError", "the item is not in list");
            Some(Value::count(position.ok_or_else(missing)?))
        }
        _ => None,
    })
}

/// Where Python counts an index from, that may be negative.
fn position(index: i64, length: usize) -> i64 {
    if index < 0 {
        index.saturating_add(i64::try_from(length).unwrap_or(i64::MAX))
    } else {
        index
    }
}

fn change_list(
    items: &RefCell<Vec<Value>>,
    name: &str,
    arguments: &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Value> {
    let unknown = || {
        let text = scope.text(range);
        scope.limit(
            range,
            format!("what `{text}` does to the list cannot be known without running Python"),
        )
    };
    match (name, arguments.positional.as_slice()) {
        ("append", [item]) => items.borrow_mut().push(item.clone()),
        ("extend", [more]) => {
            let more = more.items().ok_or_else(unknown)?;
            items.borrow_mut().extend(more);
        }
        ("insert", [Value::Integer(index), item]) => {
            let mut items = items.borrow_mut();
            let position = usize::try_from(position(*index, items.len()))
                .unwrap_or(0)
                .min(items.len());
            items.insert(position, item.clone());
        }
        ("pop", index @ ([] | [Value::Integer(_)])) => {
            let mut items = items.borrow_mut();
            let index = match index {
                [Value::Integer(index)] => *index,
                _ => -1,
            };
            let position = usize::try_from(position(index, items.len())).ok();
            let position = position.filter(|position| *position < items.len());
            return Ok(
                items.remove(position.ok_or_else(|| scope.raise(range, "IndexError", "pop index out of range"))?)
            );
        }
        ("remove", [item]) => {
            let position = items.borrow().iter().position(|known| known == item);
            let missing = || scope.raise(range, "ValueError", "list.remove(x): x not in list");
            items.borrow_mut().remove(position.ok_or_else(missing)?);
        }
        ("clear", []) => items.borrow_mut().clear(),
        ("reverse", []) => items.borrow_mut().reverse(),
        ("sort", []) if arguments.named.is_empty() => {
            let known = items.borrow().clone();
            if known.windows(2).any(|pair| order(&pair[0], &pair[1]).is_none()) {
                return Err(unknown());
            }
            let compare = |left: &Value, right: &Value| order(left, right).unwrap_or(Ordering::Equal);
            items.borrow_mut().sort_by(compare);
        }
        _ => return Err(unknown()),
    }
    Ok(Value::None)
}

/// `None` when the answer is not known.
pub(super) fn of_dict(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    let Value::Dict(members) = object else { return Ok(None) };
    let find = |key: &Value| {
        members
            .borrow()
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.clone())
    };
    let default = |index: usize| arguments.positional.get(index).cloned().unwrap_or(Value::None);
    Ok(match (name, arguments.positional.as_slice()) {
        ("items", []) => {
            let members = members.borrow();
            let pairs = members
                .iter()
                .map(|(key, value)| Value::tuple(vec![key.clone(), value.clone()]));
            Some(Value::list(pairs.collect()))
        }
        ("keys", []) => object.items().map(Value::list),
        ("values", []) => Some(Value::list(
            members.borrow().iter().map(|(_, value)| value.clone()).collect(),
        )),
        ("get", [Value::Opaque(_), ..]) => None,
        ("get", [key] | [key, _]) => Some(find(key).unwrap_or_else(|| default(1))),
        ("copy", []) => Some(Value::dict(members.borrow().clone())),
        ("setdefault", [key] | [key, _]) => Some(find(key).unwrap_or_else(|| {
            put(&mut members.borrow_mut(), key.clone(), default(1));
            default(1)
        })),
        ("pop", [key] | [key, _]) => {
            let found = find(key);
            if found.is_none() && arguments.positional.len() == 1 {
                return Err(scope.raise(range, "KeyError", key.to_text().unwrap_or_default()));
            }
            members.borrow_mut().retain(|(known, _)| known != key);
            Some(found.unwrap_or_else(|| default(1)))
        }
        ("update", rest) if rest.len() <= 1 => {
            let added = match rest.first() {
                None => Vec::new(),
                Some(Value::Dict(other)) => other.borrow().clone(),
                Some(_) => {
                    return Err(scope.limit(
                        range,
                        format!(
                            "what `{}` adds to the dict cannot be known without running Python",
                            scope.text(range)
                        ),
                    ));
                }
            };
            let named = arguments
                .named
                .iter()
                .map(|(name, value)| (Value::text(name), value.clone()));
            for (key, value) in added.into_iter().chain(named) {
                put(&mut members.borrow_mut(), key, value);
            }
            Some(Value::None)
        }
        ("clear", []) => {
            members.borrow_mut().clear();
            Some(Value::None)
        }
        _ if changes(object, name) => {
            return Err(scope.limit(
                range,
                format!(
                    "what `{}` does to the dict cannot be known without running Python",
                    scope.text(range)
                ),
            ));
        }
        _ => None,
    })
}
