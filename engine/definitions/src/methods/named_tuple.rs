//! Methods of named tuples.

use std::rc::Rc;

use crate::context::Site;
use crate::error::Evaluated;
use crate::stdlib::make_named_tuple;
use crate::value::{CallArguments, NamedTuple, Value, find_position};

/// `None` when the result is not known.
pub(super) fn call(
    known: &NamedTuple,
    name: &str,
    arguments: &CallArguments,
    site: Site<'_>,
) -> Evaluated<Option<Value>> {
    let fields = || known.class.fields.iter().cloned().zip(known.values.iter().cloned());
    Ok(match (name, arguments.positional.as_slice()) {
        ("_asdict", []) => Some(Value::dict(
            fields().map(|(field, value)| (Value::str(field), value)).collect(),
        )),
        ("_replace", []) => {
            let mut values = known.values.clone();
            site.use_fuel(values.len().saturating_mul(1 + arguments.named.len()))?;
            for (field, value) in &arguments.named {
                let Some(position) = known.class.fields.iter().position(|known| known == field) else {
                    let message = format!("Got unexpected field names: ['{field}']");
                    return Err(site.raise("ValueError", message));
                };
                values[position] = value.clone();
            }
            Some(Value::NamedTuple(Rc::new(NamedTuple {
                class: Rc::clone(&known.class),
                values,
            })))
        }
        ("_make", [items]) => make_named_tuple(&known.class, items, site)?,
        ("index", [item]) => match find_position(&known.values, item) {
            Some(Some(position)) => Some(Value::count(position)),
            Some(None) => return Err(site.raise("ValueError", "tuple.index(x): x not in tuple")),
            None => None,
        },
        _ => None,
    })
}
