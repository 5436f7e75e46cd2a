//! Methods of lists, dicts, sets and `globals()`.

use std::cell::RefCell;
use std::rc::Rc;

use ruff_python_ast::Operator;

use super::mutating::changes;
use crate::context::Site;
use crate::error::{DefinitionError, Evaluated};
use crate::operators::set_operation;
use crate::value::{
    CallArguments, Dict, DictKind, Value, find_key, find_position, insert_distinct, pairs_of, position_of_index,
    set_member,
};

/// `None` when the answer is not known.
pub(super) fn of_list(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    site: Site<'_>,
) -> Evaluated<Option<Value>> {
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

/// Methods of what has items in an order and cannot be changed; `None` when the answer is not known.
pub(super) fn of_sequence(
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
        ("count" | "index", [_]) => of_list(&Value::list(items), name, arguments, site),
        _ => Ok(None),
    }
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

/// What a change does cannot be known.
fn unclear(container: &str, site: Site<'_>) -> DefinitionError {
    let text = site.text();
    site.limit(format!(
        "what `{text}` does to the {container} cannot be known without running Python"
    ))
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

/// `None` when the answer is not known.
pub(super) fn of_dict(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    site: Site<'_>,
) -> Evaluated<Option<Value>> {
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

/// `None` when the answer is not known.
pub(super) fn of_set(
    items: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    arguments: &CallArguments,
    site: Site<'_>,
) -> Evaluated<Option<Value>> {
    let unknown = || unclear("set", site);
    let object = Value::Set(Rc::clone(items));
    if changes(&object, name) {
        match (name, arguments.positional.as_slice()) {
            ("add", [item]) => insert_distinct(&mut items.borrow_mut(), item.clone()),
            ("update", [more]) => {
                for item in more.items().ok_or_else(unknown)? {
                    insert_distinct(&mut items.borrow_mut(), item);
                }
            }
            ("discard" | "remove", [item]) => {
                let position = find_position(items.borrow().iter(), item).ok_or_else(unknown)?;
                match position {
                    Some(position) => drop(items.borrow_mut().remove(position)),
                    None if name == "discard" => {}
                    None => return Err(site.raise("KeyError", site.text())),
                }
            }
            ("clear", []) => items.borrow_mut().clear(),
            _ => return Err(unknown()),
        }
        return Ok(Some(Value::None));
    }
    let operator = match name {
        "copy" if arguments.positional.is_empty() => return Ok(Some(Value::set(items.borrow().clone()))),
        "union" => Operator::BitOr,
        "intersection" => Operator::BitAnd,
        "difference" => Operator::Sub,
        "symmetric_difference" => Operator::BitXor,
        _ => return Ok(None),
    };
    let [other] = arguments.positional.as_slice() else {
        return Ok(None);
    };
    let Some(other) = other.items() else { return Ok(None) };
    site.use_fuel(items.borrow().len().saturating_mul(other.len()))?;
    let Value::Set(other) = Value::set(other) else {
        return Ok(None);
    };
    Ok(set_operation(operator, &items.borrow(), &other.borrow()).map(Value::set))
}

/// Methods of `globals()`.
pub(super) fn of_globals(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let file = site.scope.of_module();
    match (name, arguments.positional.as_slice()) {
        ("update", [] | [Value::Dict(_)]) => {
            let given = arguments.positional.first();
            let given = given.map_or_else(Vec::new, |given| match given {
                Value::Dict(members) => members.borrow().clone(),
                _ => Vec::new(),
            });
            for (name, value) in given {
                let name = name.as_str().ok_or_else(|| unclear("file", site))?;
                file.bind(&name, value);
            }
            for (name, value) in &arguments.named {
                file.bind(name, value.clone());
            }
            Ok(Some(Value::None))
        }
        ("get", [Value::Str(name)]) => Ok(Some(file.own(name).unwrap_or(Value::None))),
        _ if changes(&Value::Globals, name) => Err(unclear("names of the file", site)),
        _ => Ok(None),
    }
}
