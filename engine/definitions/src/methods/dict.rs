//! Methods of dicts.

use super::mutating::{changes, unclear};
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, Dict, DictKind, Value, find_key, pairs_of, set_member};

/// `None` when the result is not known.
pub(super) fn call(object: &Value, name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let Value::Dict(members) = object else { return Ok(None) };
    let unknown = || unclear("dict", site);
    if name != "update" && !arguments.named.is_empty() && changes(object, name) {
        return Err(unknown());
    }
    // The outer `None` means that it is not known.
    let find = |key: &Value| {
        let members = members.borrow();
        let position = find_key(&members, key)?;
        Some(position.map(|position| members[position].1.clone()))
    };
    let default = |index: usize| arguments.positional.get(index).cloned().unwrap_or(Value::None);
    Ok(match (name, arguments.positional.as_slice()) {
        ("items", []) => {
            let members = members.borrow();
            let pairs = members
                .iter()
                .map(|(key, value)| Value::tuple(vec![key.clone(), value.clone()]));
            Some(Value::view("dict_items", pairs.collect()))
        }
        ("keys", []) => object.items().map(|keys| Value::view("dict_keys", keys)),
        ("values", []) => Some(Value::view(
            "dict_values",
            members.borrow().iter().map(|(_, value)| value.clone()).collect(),
        )),
        ("most_common", [] | [Value::Int(_)]) if matches!(members.kind, DictKind::Counter) => {
            most_common(members, arguments)
        }
        ("get", [key] | [key, _]) => Some(match find(key) {
            Some(found) => found.unwrap_or_else(|| default(1)),
            None => site.unknown_with(object.taint()),
        }),
        ("copy", []) if members.is_plain() => Some(Value::dict(members.borrow().clone())),
        ("setdefault", [key] | [key, _]) => Some(find(key).ok_or_else(unknown)?.unwrap_or_else(|| {
            set_member(&mut members.borrow_mut(), key.clone(), default(1));
            default(1)
        })),
        ("pop", [key] | [key, _]) => {
            let found = find(key).ok_or_else(unknown)?;
            if found.is_none() && arguments.positional.len() == 1 {
                return Err(site.raise("KeyError", key.repr().unwrap_or_default()));
            }
            members
                .borrow_mut()
                .retain(|(known, _)| known.equals(key) != Some(true));
            Some(found.unwrap_or_else(|| default(1)))
        }
        // A counter adds up.
        ("update", rest) if rest.len() <= 1 && !matches!(members.kind, DictKind::Counter) => {
            let added = match rest.first() {
                None => Vec::new(),
                Some(Value::Dict(other)) => other.borrow().clone(),
                Some(pairs) => pairs_of(pairs).ok_or_else(unknown)?,
            };
            site.pay_for_added(members.borrow().len(), added.len() + arguments.named.len())?;
            for (key, value) in added.into_iter().chain(arguments.named_members()) {
                set_member(&mut members.borrow_mut(), key, value);
            }
            Some(Value::None)
        }
        ("clear", []) => {
            members.borrow_mut().clear();
            Some(Value::None)
        }
        _ if changes(object, name) => return Err(unknown()),
        _ => None,
    })
}

/// The members of a counter, the most frequent first.
fn most_common(members: &Dict, arguments: &CallArguments) -> Option<Value> {
    let mut counted = Vec::new();
    for (key, count) in members.borrow().iter() {
        match count {
            Value::Int(count) => counted.push((key.clone(), *count)),
            _ => return None,
        }
    }
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if let Some(Value::Int(count)) = arguments.positional.first() {
        counted.truncate(usize::try_from(*count).unwrap_or(0));
    }
    let pairs = counted
        .into_iter()
        .map(|(key, count)| Value::tuple(vec![key, Value::Int(count)]));
    Some(Value::list(pairs.collect()))
}
