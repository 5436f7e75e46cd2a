//! `min()` and `max()`.

use super::iterators::items_in_any_order;
use crate::column::Data;
use crate::program::CmpOp;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown, value_error};
use crate::value::Value;

pub(super) fn max(run: &mut Run, arguments: Arguments) -> Outcome {
    extreme(run, arguments, "max", CmpOp::Gt)
}

pub(super) fn min(run: &mut Run, arguments: Arguments) -> Outcome {
    extreme(run, arguments, "min", CmpOp::Lt)
}

/// The first item that no later one exceeds.
fn extreme(run: &mut Run, arguments: Arguments, name: &str, exceeds: CmpOp) -> Outcome {
    let (mut key, mut default) = (None, None);
    for (name, value) in arguments.named {
        match &*name {
            "key" if !matches!(value, Value::None) => key = Some(value),
            "key" => {}
            "default" => default = Some(value),
            _ => return Err(unknown(format!("its argument `{name}` is not known here"))),
        }
    }
    let items = match arguments.positional.as_slice() {
        [] => return Err(unknown("an extreme of nothing is not known here")),
        [Value::Set(_)] if key.is_some() => return Err(unknown("the order of a set is not known here")),
        [Value::Array(column)] if matches!(column.data, Data::Int(_) | Data::Float(_)) => {
            run.make(column.len())?;
            (0..column.len()).map(|row| column.item(row)).collect::<Outcome<_>>()?
        }
        [Value::Series(_) | Value::Array(_)] => return Err(unknown("an extreme of a column is not known here")),
        [one] => items_in_any_order(run, one)?,
        _ if default.is_some() => return Err(unknown("a default beside several arguments is not known here")),
        several => several.to_vec(),
    };
    let mut best: Option<(Value, Value)> = None;
    for item in items {
        run.step(1)?;
        let rank = match &key {
            Some(key) => run.call(key, Arguments::positional(vec![item.clone()]))?,
            None => item.clone(),
        };
        let is_better = match &best {
            None => true,
            Some((known, _)) => run.compare(&rank, exceeds, known)?.truth()?,
        };
        if is_better {
            best = Some((rank, item));
        }
    }
    match (best, default) {
        (Some((_, item)), _) | (None, Some(item)) => Ok(item),
        (None, None) => Err(value_error(format!("{name}() arg is an empty sequence"))),
    }
}
