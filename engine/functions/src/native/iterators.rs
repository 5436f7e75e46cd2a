//! What takes and gives items one after the other: `map`, `zip`, `any` and the like.

use crate::run::{Arguments, Run};
use crate::stop::{Outcome, Stop, unknown};
use crate::value::Value;

/// The items of what is iterated, paid for.
pub(super) fn items(run: &mut Run, value: &Value) -> Outcome<Vec<Value>> {
    if let Ok(count) = value.length() {
        run.make(count)?;
    }
    match value {
        Value::Set(members) if members.borrow().len() > 1 => Err(unknown("the order of a set is not known here")),
        Value::Frame(_) | Value::Row(..) => Err(unknown("the items of this are not known here")),
        value => value.items(),
    }
}

/// The items where their order makes no difference.
pub(super) fn items_in_any_order(run: &mut Run, value: &Value) -> Outcome<Vec<Value>> {
    match value {
        Value::Set(members) => {
            let members = members.borrow();
            run.make(members.len())?;
            match members.iter().any(|member| matches!(member, Value::Float(_))) {
                true => Err(unknown("the order of a set of floats is not known here")),
                false => Ok(members.clone()),
            }
        }
        value => items(run, value),
    }
}

/// The items, and what is raised after them.
pub(super) fn items_and_failure(run: &mut Run, value: &Value) -> Outcome<(Vec<Value>, Outcome<()>)> {
    let Value::Failing(failing) = value else {
        return Ok((items(run, value)?, Ok(())));
    };
    match failing.take() {
        Some((items, stop)) => {
            run.make(items.len())?;
            Ok((items, Err(stop)))
        }
        None => Err(unknown("an iterator that is read twice is not known here")),
    }
}

/// The items for whoever takes all of them before anything else.
pub(crate) fn all_items(run: &mut Run, value: &Value) -> Outcome<Vec<Value>> {
    let (items, end) = items_and_failure(run, value)?;
    end.map(|()| items)
}

pub(super) fn all(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["iterable"])?;
    let (items, end) = items_and_failure(run, &value)?;
    for item in items {
        if !item.truth()? {
            return Ok(Value::Bool(false));
        }
    }
    end.map(|()| Value::Bool(true))
}

pub(super) fn any(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["iterable"])?;
    let (items, end) = items_and_failure(run, &value)?;
    for item in items {
        if item.truth()? {
            return Ok(Value::Bool(true));
        }
    }
    end.map(|()| Value::Bool(false))
}

pub(super) fn enumerate(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value, start] = arguments.bind(["iterable", "start"])?;
    let value = value.ok_or_else(|| unknown("enumerate() of nothing is not known here"))?;
    let start = match start {
        None => 0,
        Some(start) => start
            .as_int()
            .filter(|start| start.unsigned_abs() < 1 << 60)
            .ok_or_else(|| unknown("this start of enumerate() is not known here"))?,
    };
    let items = items(run, &value)?;
    run.make(items.len() * 3)?;
    let pairs = items
        .into_iter()
        .zip(start..)
        .map(|(item, number)| Value::tuple(vec![Value::Int(number), item]));
    Ok(Value::iterator(pairs.collect()))
}

pub(super) fn filter(run: &mut Run, arguments: Arguments) -> Outcome {
    let [function, value] = arguments.exactly(["function", "iterable"])?;
    let mut chosen = Vec::new();
    for item in items(run, &value)? {
        run.step(1)?;
        let is_chosen = match &function {
            Value::None => item.truth(),
            function => {
                let result = run.call(function, Arguments::positional(vec![item.clone()]));
                result.and_then(|result| result.truth())
            }
        };
        match is_chosen {
            Ok(true) => chosen.push(item),
            Ok(false) => {}
            // Whoever takes the items may stop before.
            Err(stop @ Stop::Raised(_)) => return Ok(Value::failing(chosen, stop)),
            Err(stop) => return Err(stop),
        }
    }
    Ok(Value::iterator(chosen))
}

pub(super) fn map(run: &mut Run, arguments: Arguments) -> Outcome {
    let [function, value] = arguments.exactly(["function", "iterable"])?;
    let mut results = Vec::new();
    for item in items(run, &value)? {
        run.step(1)?;
        match run.call(&function, Arguments::positional(vec![item])) {
            Ok(result) => results.push(result),
            // Whoever takes the items may stop before.
            Err(stop @ Stop::Raised(_)) => return Ok(Value::failing(results, stop)),
            Err(stop) => return Err(stop),
        }
    }
    Ok(Value::iterator(results))
}

pub(super) fn reversed(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["sequence"])?;
    let (Value::List(_) | Value::Tuple(_) | Value::Text(_)) = &value else {
        return Err(unknown("reversed() of this is not known here"));
    };
    let mut items = items(run, &value)?;
    items.reverse();
    Ok(Value::iterator(items))
}

pub(super) fn zip(run: &mut Run, arguments: Arguments) -> Outcome {
    if !arguments.named.is_empty() {
        return Err(unknown("zip() with `strict` is not known here"));
    }
    let lists = arguments
        .positional
        .iter()
        .map(|value| items(run, value))
        .collect::<Outcome<Vec<_>>>()?;
    let count = lists.iter().map(Vec::len).min().unwrap_or(0);
    run.make(count * lists.len())?;
    let tuple = |row: usize| Value::tuple(lists.iter().map(|list| list[row].clone()).collect());
    Ok(Value::iterator((0..count).map(tuple).collect()))
}
