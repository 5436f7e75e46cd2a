//! Methods of Feast's objects that definition files call: those that project views.

use std::collections::BTreeMap;

use super::object::object_at;
use crate::context::Site;
use crate::value::{CallArguments, DefinedObject, FeastObject, Value};

/// `None` when the result is not known.
pub(crate) fn call_method(
    object: &DefinedObject,
    name: &str,
    arguments: &CallArguments,
    site: Site<'_>,
) -> Option<Value> {
    let mut projection = object.projection()?;
    let named = arguments.named.first().map(|(_, value)| value);
    let argument = arguments.positional.first().or(named)?;
    match name {
        "with_name" => projection.projection.alias = Some(argument.as_str()?.to_string()),
        "with_join_key_map" => projection.projection.join_key_map = str_members(argument)?,
        _ => return None,
    }
    Some(object_at(FeastObject::Projection(projection), site))
}

fn str_members(value: &Value) -> Option<BTreeMap<String, String>> {
    let Value::Dict(members) = value else { return None };
    let members = members.borrow();
    let pairs = members
        .iter()
        .map(|(key, value)| Some((key.as_str()?.to_string(), value.as_str()?.to_string())));
    pairs.collect()
}
