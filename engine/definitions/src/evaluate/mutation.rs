//! Changes in place: items of containers, attributes of instances and of Feast's objects.

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::{DefinitionError, Evaluated};
use crate::value::{Taint, Value, position_of_index, set_member};

impl Evaluator<'_> {
    /// `object.name = value`.
    pub(super) fn set_attribute(&self, object: &Value, name: &str, value: Value, site: Site<'_>) -> Evaluated<()> {
        match object {
            Value::Opaque(_) if value.taint() < Taint::Object => {}
            Value::DataFrame(table) => table.forget(),
            // Options of modules that are not part of the repository reach no definition.
            Value::Module(module) if !self.is_read(module) && value.taint() < Taint::Object => {}
            Value::Class(class) => {
                site.check_mutable(object)?;
                class.scope.bind(name, value);
                class.is_changed.set(true);
            }
            Value::Object(known) if !site.session.is_conditional() => {
                check_known(object, name, &value, site)?;
                let set = known.set_attribute(name, &value);
                set.map_err(|expected| unclear_change(object, name, expected, site))?;
            }
            known => return Err(unclear_change(known, name, None, site)),
        }
        Ok(())
    }
}

/// Sets an item of a list or dict.
pub(super) fn set_item(container: &Value, key: Value, value: Value, site: Site<'_>) -> Evaluated<()> {
    match container {
        Value::Opaque(_) if value.taint() < Taint::Object => return Ok(()),
        Value::DataFrame(table) => {
            site.use_fuel(table.len())?;
            if site.session.is_conditional() {
                table.forget();
            } else {
                table.set(&key);
            }
            return Ok(());
        }
        Value::Column(table, _) | Value::Dtypes(table) => {
            table.forget();
            return Ok(());
        }
        _ => site.check_mutable(container)?,
    }
    match (container, &key) {
        (Value::Dict(members), _) => {
            site.check_acyclic(container, &value)?;
            site.use_fuel(members.borrow().len())?;
            set_member(&mut members.borrow_mut(), key, value);
        }
        (Value::Globals, Value::Str(name)) => site.scope.module().bind(name, value),
        (Value::List(items), Value::Int(index)) => {
            site.check_acyclic(container, &value)?;
            let position = position_of_index(*index, items.borrow().len());
            let missing = || site.raise("IndexError", "list assignment index out of range");
            items.borrow_mut()[position.ok_or_else(missing)?] = value;
        }
        _ => {
            return Err(site.limit(format!(
                "changing this {} in place cannot be read without running Python",
                container.type_name()
            )));
        }
    }
    Ok(())
}

/// What an object is given must be known: it is stored.
pub(super) fn check_known(object: &Value, name: &str, value: &Value, site: Site<'_>) -> Evaluated<()> {
    let Value::Opaque(unknown) = value else { return Ok(()) };
    let message = format!(
        "{name} of {} depends on {}, which cannot be read without running Python",
        object.type_name(),
        unknown.reason
    );
    Err(site.limit(message))
}

/// A change of an object that is not followed, or that gives it what Feast could not store.
pub(super) fn unclear_change(object: &Value, name: &str, expected: Option<&str>, site: Site<'_>) -> DefinitionError {
    let kind = object.type_name();
    let message = match expected {
        Some(expected) => format!("{name} of {kind} is not {expected}"),
        None => format!(
            "changing this {kind} after it is made cannot be read without running Python; give the value where it is made"
        ),
    };
    site.limit(message)
}
