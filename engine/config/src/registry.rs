//! The block `registry`.

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{path_at, string_at};

pub(super) fn path(root: &Value) -> Result<&str> {
    let missing = || {
        Error::invalid("the key registry is missing")
            .with_hint("Registry is not set, but is required: registry: data/registry.db")
    };
    let path = match root.get("registry") {
        Some(Value::String(path)) => path,
        Some(block @ Value::Object(_)) => {
            let kind = string_at(block, "registry", "registry_type")?.unwrap_or("file");
            if kind != "file" {
                return Err(Error::invalid(format!(
                    "registry.registry_type: {kind} is not supported yet, only file is"
                )));
            }
            path_at(block, "registry", "path")?.ok_or_else(|| Error::invalid("the key registry.path is missing"))?
        }
        None | Some(Value::Null) => return Err(missing()),
        Some(_) => return Err(Error::invalid("registry must be a path or a mapping")),
    };
    match path.split_once("://") {
        Some((scheme, _)) => Err(Error::invalid(format!(
            "registry: {scheme}:// paths are not supported yet, use a file path"
        ))),
        None => Ok(path),
    }
}
