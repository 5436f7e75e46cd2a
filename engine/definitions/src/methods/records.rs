//! Methods of named tuples.

use std::rc::Rc;

use ruff_text_size::TextRange;

use super::super::Evaluated;
use super::super::class::record;
use super::super::equality::position;
use super::super::scope::Scope;
use super::super::user_class::{Class, Record};
use super::super::value::{CallArguments, Value};

/// `None` when the answer is not known.
pub(super) fn call(
    known: &Record,
    name: &str,
    arguments: &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    let fields = || known.class.fields.iter().cloned().zip(known.values.iter().cloned());
    Ok(match (name, arguments.positional.as_slice()) {
        ("_asdict", []) => Some(Value::dict(
            fields().map(|(field, value)| (Value::text(field), value)).collect(),
        )),
        ("_replace", []) => {
            let mut values = known.values.clone();
            scope.spend(range, values.len().saturating_mul(1 + arguments.named.len()))?;
            for (field, value) in &arguments.named {
                let Some(position) = known.class.fields.iter().position(|known| known == field) else {
                    let text = format!("Got unexpected field names: ['{field}']");
                    return Err(scope.raise(range, "ValueError", text));
                };
                values[position] = value.clone();
            }
            Some(Value::Record(Rc::new(Record {
                class: Rc::clone(&known.class),
                values,
            })))
        }
        ("_make", [items]) => make(&known.class, items, range, scope)?,
        ("index", [item]) => match position(&known.values, item) {
            Some(Some(position)) => Some(Value::count(position)),
            Some(None) => return Err(scope.raise(range, "ValueError", "tuple.index(x): x not in tuple")),
            None => None,
        },
        _ => None,
    })
}

/// `Class._make(items)`.
pub(crate) fn make(class: &Rc<Class>, items: &Value, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let Some(positional) = items.items() else {
        return Ok(None);
    };
    let arguments = CallArguments {
        positional,
        named: Vec::new(),
    };
    record(class, arguments, range, scope).map(Some)
}
