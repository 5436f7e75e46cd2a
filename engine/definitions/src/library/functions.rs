//! Functions that Python has without an import, and those of small modules.

use ruff_text_size::TextRange;

use super::super::Evaluated;
use super::super::equality::position;
use super::super::expression::pairs;
use super::super::operators::{order, raised};
use super::super::scope::Scope;
use super::super::unknown::unknown_hiding;
use super::super::value::{CallArguments, DictKind, Value};
use super::numbers;

/// `None` when the answer is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let size: usize = arguments.positional.iter().map(|value| value.size(1_000_000)).sum();
    scope.spend(range, size)?;
    if matches!(name, "set" | "frozenset" | "dict") || name.starts_with("collections.") {
        let items = arguments.positional.first().and_then(Value::items);
        scope.spend(range, pairs(items.map_or(0, |items| items.len())))?;
    }
    match container(name, arguments, range, scope)? {
        Some(container) => Ok(Some(container)),
        None => plain(name, arguments, range, scope),
    }
}

/// Functions that give lists, dicts and sets.
fn container(name: &str, arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let positional = arguments.positional.as_slice();
    Ok(match (name, positional) {
        ("list", []) => Some(Value::list(Vec::new())),
        ("list", [value]) => value.items().map(Value::list),
        ("tuple", []) => Some(Value::tuple(Vec::new())),
        ("tuple", [value]) => value.items().map(Value::tuple),
        ("set" | "frozenset", []) => Some(Value::set(Vec::new())),
        ("set" | "frozenset", [value]) => value.items().map(Value::set),
        ("dict" | "collections.OrderedDict", [] | [_]) => {
            let members = positional.first().map_or_else(|| Some(Vec::new()), pairs_of);
            members.map(|mut members| {
                members.extend(named_members(arguments));
                Value::dict_of_kind(
                    members,
                    if name == "dict" {
                        DictKind::Plain
                    } else {
                        DictKind::Ordered
                    },
                )
            })
        }
        ("collections.defaultdict", []) => Some(Value::dict_of_kind(
            named_members(arguments),
            DictKind::Default(Value::None),
        )),
        ("collections.defaultdict", [factory] | [factory, _]) => {
            let members = positional.get(1).map_or_else(|| Some(Vec::new()), pairs_of);
            members.map(|mut members| {
                members.extend(named_members(arguments));
                Value::dict_of_kind(members, DictKind::Default(factory.clone()))
            })
        }
        ("collections.Counter", [] | [_]) => counter(arguments),
        ("range", bounds) => range_items(bounds, range, scope)?,
        ("zip", lists) => {
            let lists = lists.iter().map(Value::items).collect::<Option<Vec<_>>>();
            let is_strict = arguments.named("strict").map_or(Some(false), Value::truth);
            let (Some(lists), Some(is_strict)) = (lists, is_strict) else {
                return Ok(None);
            };
            if is_strict && lists.windows(2).any(|pair| pair[0].len() != pair[1].len()) {
                return Err(scope.raise(range, "ValueError", "zip() arguments are of different lengths"));
            }
            Some({
                let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
                let row = |index: usize| Value::tuple(lists.iter().map(|list| list[index].clone()).collect());
                Value::iterator((0..shortest).map(row).collect())
            })
        }
        ("enumerate", [value, ..]) => {
            let start = match positional
                .get(1)
                .or_else(|| arguments.named.first().map(|(_, value)| value))
            {
                Some(Value::Integer(start)) => *start,
                None => 0,
                Some(_) => return Ok(None),
            };
            value.items().map(|items| {
                let rows = (start..)
                    .zip(items)
                    .map(|(index, item)| Value::tuple(vec![Value::Integer(index), item]));
                Value::iterator(rows.collect())
            })
        }
        _ => None,
    })
}

fn plain(name: &str, arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let positional = arguments.positional.as_slice();
    Ok(match (name, positional) {
        ("repr", [value]) => value.represented().map(Value::text),
        ("dir", []) => Some(Value::list(
            scope.bindings().iter().map(|(name, _)| Value::text(name)).collect(),
        )),
        ("enum.auto", []) => Some(Value::Library("enum.auto")),
        ("functools.lru_cache" | "functools.wraps", _) => Some(Value::Library("functools.wraps")),
        ("dataclasses.dataclass", []) => Some(Value::Library("dataclasses.dataclass")),
        ("str", []) => Some(Value::text("")),
        ("int", []) => Some(Value::Integer(0)),
        ("float", []) => Some(Value::Float(0.0)),
        ("bool", []) => Some(Value::Bool(false)),
        ("int", [value]) => integer(value, range, scope)?,
        ("float", [value]) => float(value, range, scope)?,
        ("bool", [value]) => value.truth().map(Value::Bool),
        // Unknown members may be equal to others.
        ("len", [value @ (Value::Set(_) | Value::Dict(_))])
            if value
                .items()
                .is_some_and(|items| items.iter().any(|item| matches!(item, Value::Opaque(_)))) =>
        {
            None
        }
        ("len", [Value::Iterator(_)]) => None,
        ("len", [value]) => value.items().map(|items| Value::count(items.len())),
        ("reversed", [value]) => value
            .items()
            .map(|items| Value::iterator(items.into_iter().rev().collect())),
        ("sorted", [value]) => value.items().and_then(|items| {
            let keys = items.clone();
            by_keys("sorted", items, &keys, arguments)
        }),
        ("min" | "max", [value]) => value.items().and_then(|items| {
            let keys = items.clone();
            by_keys(name, items, &keys, arguments)
        }),
        ("min" | "max", values) => by_keys(name, values.to_vec(), values, arguments),
        ("any", [value]) => value.items().and_then(|items| quantified(&items, true)),
        ("all", [value]) => value.items().and_then(|items| quantified(&items, false)),
        ("sum", [value]) => value.items().and_then(|items| sum(&items)),
        ("sum", [value, start]) => value.items().and_then(|mut items| {
            items.push(start.clone());
            sum(&items)
        }),
        ("abs", [Value::Integer(number)]) => number.checked_abs().map(Value::Integer),
        ("abs", [Value::Float(number)]) => Some(Value::Float(number.abs())),
        ("abs", [Value::Duration(duration)]) => Some(Value::Duration(raised(duration.absolute(), range, scope)?)),
        ("int" | "round" | "hex" | "oct" | "bin", positional) => numbers::call(name, positional, range, scope)?,
        ("print", _) => Some(Value::None),
        ("typing.cast", [_, value]) => Some(value.clone()),
        ("copy.copy", [value]) => Some(copied(value).unwrap_or_else(|| unknown_hiding(value.hides(), range, scope))),
        ("copy.deepcopy", [value]) => {
            Some(deeply_copied(value).unwrap_or_else(|| unknown_hiding(value.hides(), range, scope)))
        }
        ("itertools.chain", lists) => {
            let lists = lists.iter().map(Value::items).collect::<Option<Vec<_>>>();
            lists.map(|lists| Value::list(lists.concat()))
        }
        ("itertools.product", [left, right]) => {
            let (Some(left), Some(right)) = (left.items(), right.items()) else {
                return Ok(None);
            };
            scope.spend(range, left.len().saturating_mul(right.len()))?;
            let pairs = left
                .iter()
                .flat_map(|left| right.iter().map(move |right| vec![left.clone(), right.clone()]));
            Some(Value::list(pairs.map(Value::tuple).collect()))
        }
        _ => None,
    })
}

fn named_members(arguments: &CallArguments) -> Vec<(Value, Value)> {
    arguments
        .named
        .iter()
        .map(|(name, value)| (Value::text(name), value.clone()))
        .collect()
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

fn copied(value: &Value) -> Option<Value> {
    Some(match value {
        Value::List(items) => Value::list(items.borrow().clone()),
        Value::Set(items) => Value::set(items.borrow().clone()),
        Value::Dict(members) if members.is_plain() => Value::dict(members.borrow().clone()),
        Value::Dict(_) | Value::Iterator(_) => return None,
        // A copy of an object would be another object, which Feast registers again.
        Value::Object(_) | Value::Class(_) | Value::Globals => return None,
        other => other.clone(),
    })
}

fn deeply_copied(value: &Value) -> Option<Value> {
    let all = |items: &[Value]| items.iter().map(deeply_copied).collect::<Option<Vec<_>>>();
    Some(match value {
        Value::List(items) => Value::list(all(&items.borrow())?),
        Value::Set(items) => Value::set(all(&items.borrow())?),
        Value::Tuple(items) => Value::tuple(all(items)?),
        Value::Dict(members) if members.is_plain() => {
            let members = members.borrow();
            let members = members
                .iter()
                .map(|(key, value)| Some((deeply_copied(key)?, deeply_copied(value)?)));
            Value::dict(members.collect::<Option<Vec<_>>>()?)
        }
        other => copied(other)?,
    })
}

/// `Counter(items)`.
fn counter(arguments: &CallArguments) -> Option<Value> {
    let mut members: Vec<(Value, Value)> = Vec::new();
    let counted = match arguments.positional.first() {
        None => Vec::new(),
        Some(Value::Dict(known)) => {
            members.extend(known.borrow().iter().cloned());
            Vec::new()
        }
        Some(items) => items.items()?,
    };
    for item in counted {
        match position(members.iter().map(|(known, _)| known), &item)? {
            Some(index) => match &mut members[index].1 {
                Value::Integer(count) => *count += 1,
                _ => return None,
            },
            None => members.push((item, Value::Integer(1))),
        }
    }
    if !arguments.named.is_empty() {
        return None;
    }
    Some(Value::dict_of_kind(members, DictKind::Counter))
}

/// `load_dotenv`: a variable that is not set may be set by a file, one that is set stays.
pub(super) fn open_environment(scope: &Scope) -> Value {
    if let Value::Dict(variables) = scope.environment() {
        let unknown = || Value::opaque("the variables that load_dotenv() sets");
        variables.borrow_mut().push((unknown(), unknown()));
    }
    Value::Bool(true)
}

fn integer(value: &Value, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    Ok(match value {
        Value::Integer(number) => Some(Value::Integer(*number)),
        Value::Bool(flag) => Some(Value::Integer(i64::from(*flag))),
        Value::Float(number) if number.abs() < 9e18 => Some(Value::Integer(number.trunc() as i64)),
        Value::Text(text) => Some(Value::Integer(text.trim().replace('_', "").parse().map_err(|_| {
            scope.raise(
                range,
                "ValueError",
                format!("invalid literal for int() with base 10: '{text}'"),
            )
        })?)),
        _ => None,
    })
}

fn float(value: &Value, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    Ok(match value {
        Value::Integer(number) => Some(Value::Float(*number as f64)),
        Value::Float(number) => Some(Value::Float(*number)),
        Value::Text(text) => Some(Value::Float(text.trim().parse().map_err(|_| {
            scope.raise(
                range,
                "ValueError",
                format!("could not convert string to float: '{text}'"),
            )
        })?)),
        _ => None,
    })
}

fn range_items(bounds: &[Value], range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let (start, end, step) = match bounds {
        [Value::Integer(end)] => (0, *end, 1),
        [Value::Integer(start), Value::Integer(end)] => (*start, *end, 1),
        [Value::Integer(start), Value::Integer(end), Value::Integer(step)] if *step != 0 => (*start, *end, *step),
        _ => return Ok(None),
    };
    let (low, high) = if step > 0 { (start, end) } else { (end, start) };
    let count = u64::try_from(high.saturating_sub(low))
        .unwrap_or(0)
        .div_ceil(step.unsigned_abs());
    scope.spend(range, usize::try_from(count).unwrap_or(usize::MAX))?;
    let numbers = (0..count).map(|index| {
        let offset = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(step);
        Value::Integer(start.saturating_add(offset))
    });
    Ok(Some(Value::view("range", numbers.collect())))
}

/// `sorted`, `min` or `max` of items by their keys; `None` when the keys have no known order.
pub(crate) fn by_keys(name: &str, items: Vec<Value>, keys: &[Value], arguments: &CallArguments) -> Option<Value> {
    if keys.windows(2).any(|pair| order(&pair[0], &pair[1]).is_none()) {
        return None;
    }
    // Of equal keys the first item comes first, in descending order too.
    let descends = match arguments.named("reverse") {
        Some(reverse) => reverse.truth()?,
        None => name == "max",
    };
    let mut rows: Vec<(Value, Value)> = keys.iter().cloned().zip(items).collect();
    rows.sort_by(|left, right| {
        let order = order(&left.0, &right.0).unwrap_or(std::cmp::Ordering::Equal);
        if descends { order.reverse() } else { order }
    });
    let sorted: Vec<Value> = rows.into_iter().map(|(_, item)| item).collect();
    match name {
        "min" | "max" if sorted.is_empty() => arguments.named("default").cloned(),
        "min" | "max" => sorted.into_iter().next(),
        _ => Some(Value::list(sorted)),
    }
}

fn quantified(items: &[Value], wanted: bool) -> Option<Value> {
    let truths = items.iter().map(Value::truth).collect::<Option<Vec<_>>>()?;
    Some(Value::Bool(truths.contains(&wanted) == wanted))
}

fn sum(items: &[Value]) -> Option<Value> {
    let mut total: i64 = 0;
    let mut fraction = 0.0;
    let mut is_float = false;
    for item in items {
        match item {
            Value::Integer(number) => total = total.checked_add(*number)?,
            Value::Float(number) => {
                fraction += number;
                is_float = true;
            }
            _ => return None,
        }
    }
    Some(if is_float {
        Value::Float(total as f64 + fraction)
    } else {
        Value::Integer(total)
    })
}
