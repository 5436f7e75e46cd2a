//! Methods of texts, lists, dicts, paths, times and views.

mod containers;
mod format;
mod paths;
mod records;
mod text;
mod times;

use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_text_size::TextRange;

use super::object::Thing;
use super::scope::Scope;
use super::value::{CallArguments, Value};
use super::{Evaluated, feast, library, table};

pub(super) use format::{formatted, percent_formatted};
pub(super) use paths::{joined_path, path_attribute};
pub(super) use records::make;
pub(super) use times::{duration_attribute, moment_attribute};

/// Whether a method changes the value it is called on.
pub(super) fn changes(object: &Value, name: &str) -> bool {
    match object {
        Value::List(_) => {
            matches!(
                name,
                "append" | "extend" | "insert" | "pop" | "remove" | "sort" | "reverse" | "clear"
            )
        }
        Value::Dict(_) => {
            matches!(
                name,
                "update" | "setdefault" | "pop" | "clear" | "popitem" | "move_to_end" | "subtract"
            )
        }
        Value::Set(_) => matches!(
            name,
            "add"
                | "update"
                | "discard"
                | "remove"
                | "pop"
                | "clear"
                | "difference_update"
                | "intersection_update"
                | "symmetric_difference_update"
        ),
        Value::Globals => matches!(name, "update" | "setdefault" | "pop" | "clear" | "popitem"),
        _ => false,
    }
}

/// `None` when the answer is not known.
pub(super) fn call(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    scope.spend(range, object.size(1_000_000))?;
    let takes_names = matches!(
        (object, name),
        (Value::Text(_), "format")
            | (Value::Dict(_) | Value::Globals, "update")
            | (Value::Object(_) | Value::Record(_) | Value::Table(_), _)
    );
    if !takes_names && !arguments.named.is_empty() && !changes(object, name) {
        return Ok(None);
    }
    match object {
        Value::Text(text) => Ok(text::call(text, name, arguments)),
        Value::List(_) => containers::of_list(object, name, arguments, range, scope),
        Value::Dict(_) => containers::of_dict(object, name, arguments, range, scope),
        Value::Table(table) => Ok(table.call(name, arguments)),
        Value::Dtypes(table) => Ok(table::call_dtypes(table, name, arguments)),
        Value::View(view) if view.type_name == "Index" => Ok(table::call_index(&view.items, name, arguments)),
        Value::Record(record) => records::call(record, name, arguments, range, scope),
        Value::Tuple(_) | Value::View(_) => containers::of_sequence(object, name, arguments, range, scope),
        Value::Set(items) => containers::of_set(items, name, arguments, range, scope),
        Value::Globals => containers::of_globals(name, arguments, range, scope),
        Value::Duration(duration) => Ok(times::of_duration(*duration, name)),
        Value::Moment(micros) => Ok(times::of_moment(*micros, name, arguments)),
        Value::File(path) if name == "read" => {
            library::read_text(path, range, scope).map(|text| Some(Value::text(text)))
        }
        Value::Path(path) if name == "read_text" => {
            library::read_text(&library::absolute(path, scope), range, scope).map(|text| Some(Value::text(text)))
        }
        Value::Path(path) if name == "open" => Ok(Some(Value::File(Rc::from(library::absolute(path, scope))))),
        Value::Path(path) => Ok(paths::call(path, name, arguments, scope)),
        Value::Object(known) => {
            let Some(projection) = known.projection() else {
                return Ok(None);
            };
            let named = arguments.named.first().map(|(_, value)| value);
            let Some(argument) = arguments.positional.first().or(named) else {
                return Ok(None);
            };
            let mut projection = projection;
            match name {
                "with_name" => {
                    let Some(alias) = argument.as_text() else {
                        return Ok(None);
                    };
                    projection.projection.alias = Some(alias.to_string());
                }
                "with_join_key_map" => {
                    let Some(keys) = text_members(argument) else {
                        return Ok(None);
                    };
                    projection.projection.join_key_map = keys;
                }
                _ => return Ok(None),
            }
            Ok(Some(feast::object(Thing::Projection(projection), range, scope)))
        }
        _ => Ok(None),
    }
}

fn text_members(value: &Value) -> Option<BTreeMap<String, String>> {
    let Value::Dict(members) = value else { return None };
    let members = members.borrow();
    let pairs = members
        .iter()
        .map(|(key, value)| Some((key.as_text()?.to_string(), value.as_text()?.to_string())));
    pairs.collect()
}
