//! Methods of `globals()`: the names of a file as a dict.

use super::mutating::{changes, unclear};
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, Value};

/// Methods of `globals()`.
pub(super) fn call(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let file = site.scope.module();
    match (name, arguments.positional.as_slice()) {
        ("update", [] | [Value::Dict(_)]) => {
            let given = arguments.positional.first();
            let given = given.map_or_else(Vec::new, |given| match given {
                Value::Dict(members) => members.borrow().clone(),
                _ => Vec::new(),
            });
            for (name, value) in given {
                let name = name.as_str().ok_or_else(|| unclear("file", site))?;
                file.bind(&name, value);
            }
            for (name, value) in &arguments.named {
                file.bind(name, value.clone());
            }
            Ok(Some(Value::None))
        }
        ("get", [Value::Str(name)]) => Ok(Some(file.own(name).unwrap_or(Value::None))),
        _ if changes(&Value::Globals, name) => Err(unclear("names of the file", site)),
        _ => Ok(None),
    }
}
