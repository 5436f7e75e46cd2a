//! Functions that Python has without an import, and those of small modules: `collections`, `copy`, `itertools`.

use super::numbers;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, DictKind, Value, find_position, order, pairs_of};

/// `None` when the result is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    site.pay_for(&arguments.positional)?;
    if matches!(name, "set" | "frozenset" | "dict") || name.starts_with("collections.") {
        let items = arguments.positional.first().and_then(Value::items);
        site.pay_for_distinct(items.map_or(0, |items| items.len()))?;
    }
    match container(name, arguments, site)? {
        Some(container) => Ok(Some(container)),
        None => plain(name, arguments, site),
    }
}

/// Functions that return lists, dicts and sets.
fn container(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
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
                members.extend(arguments.named_members());
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
            arguments.named_members(),
            DictKind::Default(Value::None),
        )),
        ("collections.defaultdict", [factory] | [factory, _]) => {
            let members = positional.get(1).map_or_else(|| Some(Vec::new()), pairs_of);
            members.map(|mut members| {
                members.extend(arguments.named_members());
                Value::dict_of_kind(members, DictKind::Default(factory.clone()))
            })
        }
        ("collections.Counter", [] | [_]) => counter(arguments),
        ("range", bounds) => range_items(bounds, site)?,
        ("zip", lists) => {
            let lists = lists.iter().map(Value::items).collect::<Option<Vec<_>>>();
            let is_strict = arguments.named("strict").map_or(Some(false), Value::truth);
            let (Some(lists), Some(is_strict)) = (lists, is_strict) else {
                return Ok(None);
            };
            if is_strict && lists.windows(2).any(|pair| pair[0].len() != pair[1].len()) {
                return Err(site.raise("ValueError", "zip() arguments are of different lengths"));
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
                Some(Value::Int(start)) => *start,
                None => 0,
                Some(_) => return Ok(None),
            };
            value.items().map(|items| {
                let rows = (start..)
                    .zip(items)
                    .map(|(index, item)| Value::tuple(vec![Value::Int(index), item]));
                Value::iterator(rows.collect())
            })
        }
        _ => None,
    })
}

fn plain(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let positional = arguments.positional.as_slice();
    Ok(match (name, positional) {
        ("repr", [value]) => value.repr().map(Value::str),
        ("dir", []) => Some(Value::list(
            site.scope.bindings().iter().map(|(name, _)| Value::str(name)).collect(),
        )),
        ("enum.auto", []) => Some(Value::Builtin("enum.auto")),
        ("functools.lru_cache" | "functools.wraps", _) => Some(Value::Builtin("functools.wraps")),
        ("dataclasses.dataclass", []) => Some(Value::Builtin("dataclasses.dataclass")),
        ("str", []) => Some(Value::str("")),
        ("int", []) => Some(Value::Int(0)),
        ("float", []) => Some(Value::Float(0.0)),
        ("bool", []) => Some(Value::Bool(false)),
        ("int", [value]) => numbers::to_int(value, site)?,
        ("float", [value]) => numbers::to_float(value, site)?,
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
        ("any", [value]) => value.items().and_then(|items| any_or_all(&items, true)),
        ("all", [value]) => value.items().and_then(|items| any_or_all(&items, false)),
        ("sum", [value]) => value.items().and_then(|items| sum(&items)),
        ("sum", [value, start]) => value.items().and_then(|mut items| {
            items.push(start.clone());
            sum(&items)
        }),
        ("abs", [Value::Int(number)]) => number.checked_abs().map(Value::Int),
        ("abs", [Value::Float(number)]) => Some(Value::Float(number.abs())),
        ("abs", [Value::TimeDelta(delta)]) => Some(Value::TimeDelta(site.raised(delta.absolute())?)),
        ("int" | "round" | "hex" | "oct" | "bin", positional) => numbers::call(name, positional, site)?,
        ("print", _) => Some(Value::None),
        ("typing.cast", [_, value]) => Some(value.clone()),
        ("copy.copy", [value]) => Some(copied(value).unwrap_or_else(|| site.unknown_with(value.taint()))),
        ("copy.deepcopy", [value]) => Some(deeply_copied(value).unwrap_or_else(|| site.unknown_with(value.taint()))),
        ("itertools.chain", lists) => {
            let lists = lists.iter().map(Value::items).collect::<Option<Vec<_>>>();
            lists.map(|lists| Value::list(lists.concat()))
        }
        ("itertools.product", [left, right]) => {
            let (Some(left), Some(right)) = (left.items(), right.items()) else {
                return Ok(None);
            };
            site.use_fuel(left.len().saturating_mul(right.len()))?;
            let pairs = left
                .iter()
                .flat_map(|left| right.iter().map(move |right| vec![left.clone(), right.clone()]));
            Some(Value::list(pairs.map(Value::tuple).collect()))
        }
        _ => None,
    })
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
        match find_position(members.iter().map(|(known, _)| known), &item)? {
            Some(index) => match &mut members[index].1 {
                Value::Int(count) => *count += 1,
                _ => return None,
            },
            None => members.push((item, Value::Int(1))),
        }
    }
    if !arguments.named.is_empty() {
        return None;
    }
    Some(Value::dict_of_kind(members, DictKind::Counter))
}

fn range_items(bounds: &[Value], site: Site<'_>) -> Evaluated<Option<Value>> {
    let (start, end, step) = match bounds {
        [Value::Int(end)] => (0, *end, 1),
        [Value::Int(start), Value::Int(end)] => (*start, *end, 1),
        [Value::Int(start), Value::Int(end), Value::Int(step)] if *step != 0 => (*start, *end, *step),
        _ => return Ok(None),
    };
    let (low, high) = if step > 0 { (start, end) } else { (end, start) };
    let count = u64::try_from(high.saturating_sub(low))
        .unwrap_or(0)
        .div_ceil(step.unsigned_abs());
    site.use_fuel(usize::try_from(count).unwrap_or(usize::MAX))?;
    let numbers = (0..count).map(|index| {
        let offset = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(step);
        Value::Int(start.saturating_add(offset))
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

fn any_or_all(items: &[Value], decisive: bool) -> Option<Value> {
    let truths = items.iter().map(Value::truth).collect::<Option<Vec<_>>>()?;
    Some(Value::Bool(truths.contains(&decisive) == decisive))
}

fn sum(items: &[Value]) -> Option<Value> {
    let mut total: i64 = 0;
    let mut fraction = 0.0;
    let mut is_float = false;
    for item in items {
        match item {
            Value::Int(number) => total = total.checked_add(*number)?,
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
        Value::Int(total)
    })
}
