//! `set`.

use super::{Method, check_key};
use crate::stop::unknown;
use crate::value::{Value, equals};

pub(super) const METHODS: &[(&str, Method)] = &[("add", |run, object, arguments| {
    let [item] = arguments.exactly(["elem"])?;
    let Value::Set(members) = object else {
        return Err(unknown("this is no set"));
    };
    check_key(&item)?;
    if item.is_missing() && !matches!(item, Value::None) {
        return Err(unknown("NaN in a set is not known here"));
    }
    run.make(1)?;
    let mut members = members.borrow_mut();
    run.step(members.len() / 8)?;
    if !members.iter().any(|known| equals(known, &item) == Some(true)) {
        members.push(item);
    }
    Ok(Value::None)
})];
