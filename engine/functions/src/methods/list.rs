//! `list`.

use std::rc::Rc;

use super::Method;
use crate::native;
use crate::program::CmpOp;
use crate::run::{Arguments, Run, scalar_compare};
use crate::stop::{Outcome, unknown, value_error};
use crate::value::{Items, Value, check_acyclic};

pub(super) const METHODS: &[(&str, Method)] = &[
    ("append", append),
    ("copy", copy),
    ("count", count),
    ("extend", extend),
    ("index", index),
    ("reverse", |_, object, arguments| {
        let [] = arguments.exactly([])?;
        list_of(object)?.borrow_mut().reverse();
        Ok(Value::None)
    }),
    ("sort", sort),
];

fn list_of(object: &Value) -> Outcome<&Rc<Items>> {
    match object {
        Value::List(items) => Ok(items),
        _ => Err(unknown("this is no list")),
    }
}

fn append(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [item] = arguments.exactly(["object"])?;
    run.make(2)?;
    check_acyclic(object, &item)?;
    list_of(object)?.borrow_mut().push(item);
    Ok(Value::None)
}

fn copy(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.exactly([])?;
    let items = list_of(object)?.borrow();
    run.make(items.len())?;
    Ok(Value::list(items.clone()))
}

fn count(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [item] = arguments.exactly(["value"])?;
    let items = list_of(object)?.borrow();
    run.step(items.len())?;
    let mut count = 0;
    for known in items.iter() {
        count += usize::from(is_equal(known, &item)?);
    }
    Ok(Value::count(count))
}

/// Equal, where it makes no difference whether it is the same object.
fn is_equal(known: &Value, item: &Value) -> Outcome<bool> {
    if matches!((known, item), (Value::Float(known), Value::Float(item)) if known.is_nan() && item.is_nan()) {
        return Err(unknown("whether two NaN are the same is not known here"));
    }
    scalar_compare(known, CmpOp::Eq, item)
}

fn extend(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [more] = arguments.exactly(["iterable"])?;
    if let Ok(count) = more.length() {
        run.make(count * 2)?;
    }
    let more = more.items()?;
    for item in &more {
        check_acyclic(object, item)?;
    }
    list_of(object)?.borrow_mut().extend(more);
    Ok(Value::None)
}

fn index(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [item] = arguments.exactly(["value"])?;
    let items = list_of(object)?.borrow();
    run.step(items.len())?;
    for (position, known) in items.iter().enumerate() {
        if is_equal(known, &item)? {
            return Ok(Value::count(position));
        }
    }
    Err(value_error(format!("{} is not in list", item.to_repr()?)))
}

fn sort(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let list = list_of(object)?;
    let items = list.borrow().clone();
    let sorted = native::sorted(run, items, arguments)?;
    *list.borrow_mut() = sorted;
    Ok(Value::None)
}
