//! The block `registry`.

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::keys::unknown_key;
use super::overrides::{Document, SharedBlock};
use super::settings::{REGISTRY, keys_of};

/// The type of a registry that is not said to be of another.
pub(super) const FILE: &str = "file";

const OVERRIDE_HINT: &str =
    "serving.registry is where this server alone has its registry: serving: {registry: data/registry.db}";

/// The registry file, as it is written.
///
/// # Errors
/// `Invalid`, naming the key.
pub(super) fn path(document: &Document) -> Result<&str> {
    let block = document.registry();
    let (path, place) = match block.value {
        Value::String(path) => (path.as_str(), "registry".to_owned()),
        Value::Object(_) => {
            check_override(block)?;
            check_type(block)?;
            let place = block.place("path");
            let missing = || Error::invalid(format!("the key {place} is missing"));
            (block.string("path")?.ok_or_else(missing)?, place)
        }
        Value::Null => {
            return Err(Error::invalid("the key registry is missing")
                .with_hint("Registry is not set, but is required: registry: data/registry.db"));
        }
        _ => return Err(Error::invalid("registry must be a path or a mapping")),
    };
    match path.split_once("://") {
        Some((scheme, _)) => Err(Error::invalid(format!(
            "{place}: {scheme}:// paths are not supported yet, use a file path"
        ))
        .with_hint(OVERRIDE_HINT)),
        None if path.is_empty() => {
            Err(Error::invalid(format!("{place} is empty"))
                .with_hint("name the registry file, such as data/registry.db"))
        }
        None => Ok(path),
    }
}

fn check_type(block: SharedBlock<'_>) -> Result<()> {
    match block.string("registry_type")? {
        None | Some(FILE) => Ok(()),
        Some(other) => Err(Error::invalid(format!(
            "{}: {other} is not supported yet, only file is",
            block.place("registry_type")
        ))
        .with_hint(OVERRIDE_HINT)),
    }
}

/// Feast takes keys of the block that it does not know. In an override, which nobody else reads, they are mistakes.
fn check_override(block: SharedBlock<'_>) -> Result<()> {
    let known = keys_of(&[&REGISTRY]);
    match block.unknown_keys(&known).find(|(path, _)| *path != "registry") {
        None => Ok(()),
        Some((path, key)) => Err(Error::invalid(unknown_key(path, key, &known, "is not known"))
            .with_hint(format!("the keys of {path} are {}", known.join(", ")))),
    }
}
