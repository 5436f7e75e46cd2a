//! `dict`.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Method, check_key};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::{Dict, Value, check_acyclic};

pub(super) const METHODS: &[(&str, Method)] = &[
    ("copy", copy),
    ("get", get),
    ("items", |run, object, arguments| {
        view(run, object, arguments, |key, value| {
            Value::tuple(vec![key.clone(), value.clone()])
        })
    }),
    ("keys", |run, object, arguments| {
        view(run, object, arguments, |key, _| key.clone())
    }),
    ("setdefault", setdefault),
    ("update", update),
    ("values", |run, object, arguments| {
        view(run, object, arguments, |_, value| value.clone())
    }),
];

fn dict_of(object: &Value) -> Outcome<&Rc<RefCell<Dict>>> {
    match object {
        Value::Dict(dict) => Ok(dict),
        _ => Err(unknown("this is no dict")),
    }
}

fn copy(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.exactly([])?;
    let dict = dict_of(object)?.borrow();
    run.make(dict.len() * 3)?;
    Ok(Value::dict(dict.clone()))
}

fn get(_: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    if !arguments.named.is_empty() {
        return Err(unknown("dict.get() by names is not known here"));
    }
    let [key, default] = arguments.bind(["key", "default"])?;
    let key = key.ok_or_else(|| unknown("dict.get() of nothing is not known here"))?;
    check_key(&key)?;
    let found = dict_of(object)?.borrow().get(&key).cloned();
    Ok(found.or(default).unwrap_or(Value::None))
}

fn setdefault(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [key, default] = arguments.exactly(["key", "default"])?;
    check_key(&key)?;
    if let Some(known) = dict_of(object)?.borrow().get(&key) {
        return Ok(known.clone());
    }
    run.make(3)?;
    check_acyclic(object, &default)?;
    dict_of(object)?.borrow_mut().insert(key, default.clone());
    Ok(default)
}

fn update(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [other] = arguments.exactly(["other"])?;
    let members = dict_of(&other)?.borrow().members().to_vec();
    run.make(members.len() * 3)?;
    for (_, value) in &members {
        check_acyclic(object, value)?;
    }
    let mut dict = dict_of(object)?.borrow_mut();
    for (key, value) in members {
        dict.insert(key, value);
    }
    Ok(Value::None)
}

fn view(run: &mut Run, object: &Value, arguments: Arguments, item: fn(&Value, &Value) -> Value) -> Outcome {
    let [] = arguments.exactly([])?;
    let dict = dict_of(object)?.borrow();
    run.make(dict.len() * 3)?;
    // Python's changes with the dict, so it is not kept.
    let items = dict.members().iter().map(|(key, value)| item(key, value));
    Ok(Value::iterator(items.collect()))
}
