//! `sorted()` and `list.sort()`: stable, by `<` alone.

use std::cmp::Ordering;

use super::iterators::{all_items, items_in_any_order};
use crate::program::CmpOp;
use crate::run::{Arguments, Run, scalar_compare};
use crate::stop::{Outcome, Stop, unknown};
use crate::value::{Value, compare, is_shallow};

pub(super) fn sorted_of(run: &mut Run, mut arguments: Arguments) -> Outcome {
    let [value] = <[Value; 1]>::try_from(std::mem::take(&mut arguments.positional))
        .map_err(|_| unknown("sorted() of this is not known here"))?;
    if matches!(value, Value::Set(_)) && !arguments.named.is_empty() {
        return Err(unknown("the order of a set is not known here"));
    }
    let items = match &value {
        Value::Failing(_) => all_items(run, &value)?,
        value => items_in_any_order(run, value)?,
    };
    let sorted = sorted(run, items, arguments).map(Value::list);
    match (sorted, value) {
        (Err(Stop::Raised(_)), Value::Set(_)) => Err(unknown("which items of a set have no order is not known here")),
        (sorted, _) => sorted,
    }
}

/// Sorts by the arguments `key` and `reverse`.
///
/// # Errors
/// Python's of two items without an order, where they are the ones that it compares first; else unknown.
pub(crate) fn sorted(run: &mut Run, items: Vec<Value>, arguments: Arguments) -> Outcome<Vec<Value>> {
    if !arguments.positional.is_empty() {
        return Err(unknown("sorting by this is not known here"));
    }
    let [key, reverse] = arguments.bind(["key", "reverse"])?;
    let is_reverse = reverse.map_or(Ok(false), |flag| flag.truth())?;
    run.make(items.len() * 2)?;
    run.step(items.len())?;
    let mut ranked = Vec::with_capacity(items.len());
    for item in items {
        let rank = match &key {
            None | Some(Value::None) => item.clone(),
            Some(key) => run.call(key, Arguments::positional(vec![item.clone()]))?,
        };
        ranked.push((rank, item));
    }
    // Equal items keep their order, also backwards.
    if is_reverse {
        ranked.reverse();
    }
    if let [(first, _), (second, _), ..] = ranked.as_slice() {
        scalar_compare(second, CmpOp::Lt, first)?;
    }
    let mut kinds = ranked.iter().map(|(rank, _)| kind(rank));
    let first = kinds.next().flatten();
    if ranked.len() > 1 && (first.is_none() || kinds.any(|kind| kind != first)) {
        return Err(unknown("sorting these values is not known here"));
    }
    let mut is_known = true;
    ranked.sort_by(|(left, _), (right, _)| match compare(left, right) {
        Some(Some(order)) => order,
        _ => {
            is_known = false;
            Ordering::Equal
        }
    });
    if !is_known {
        return Err(unknown("sorting these values is not known here"));
    }
    let mut items: Vec<Value> = ranked.into_iter().map(|(_, item)| item).collect();
    if is_reverse {
        items.reverse();
    }
    Ok(items)
}

/// A name for values among which `<` is an order. Two values of different names may have none.
fn kind(value: &Value) -> Option<String> {
    match value {
        deep if !is_shallow(deep) => None,
        Value::Float(number) if number.is_nan() => None,
        Value::Float(_) | Value::Int(_) | Value::Bool(_) => Some("number".to_owned()),
        Value::Text(_) | Value::Time(_) | Value::NaiveTime(_) | Value::Delta(_) => Some(value.type_name().to_owned()),
        Value::Tuple(items) => kinds(items).map(|kinds| format!("({kinds})")),
        Value::List(items) => kinds(&items.borrow()).map(|kinds| format!("[{kinds}]")),
        _ => None,
    }
}

fn kinds(items: &[Value]) -> Option<String> {
    items
        .iter()
        .map(kind)
        .collect::<Option<Vec<_>>>()
        .map(|kinds| kinds.join(","))
}
