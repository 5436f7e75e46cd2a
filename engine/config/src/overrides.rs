//! `serving.online_store` and `serving.registry`: what this binary does otherwise than Python Feast, which reads the blocks
//! `online_store` and `registry` of the same file.
//!
//! They are laid over those blocks in one step, before anything else reads the file, so that nothing else knows two places of a key.
//! What is kept is where each key was written, or would be: messages and [`SettingInForce`](super::SettingInForce) name that place.
//!
//! - A type that is another one than the block's takes the place of the whole block: keys of one store are not those of another.
//! - Else each key takes the place of that key. One that is null could mean either of two values, and is refused.
//! - From a block whose type is this project's class in Python nothing is taken: it says how Python reaches a server. Its store is an
//!   embedded one with the keys of the override.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use feast_model::error::{Error, Result};
use serde_json::{Map, Value};

use super::block::{bytes_in, flag_or, number_in, path_at, string_at};
use super::keys::{check_keys, unknown_key, unknown_keys};
use super::settings::{Block, ONLINE_STORE, ROCKSDB, SERVER_IN_PYTHON, keys_of};
use super::{online_store, registry};

/// A block that may have an override.
struct Kind {
    name: &'static str,
    /// Where the override is.
    over: &'static str,
    /// The key that a string in the place of the block stands for.
    short: &'static str,
    /// The key on which it depends what the others are.
    type_key: &'static str,
    default_type: &'static str,
    /// The one name of a type that has several.
    type_name: fn(&str) -> &str,
}

static ONLINE_STORE_KIND: Kind = Kind {
    name: "online_store",
    over: "serving.online_store",
    short: "type",
    type_key: "type",
    default_type: online_store::SQLITE,
    type_name: online_store::type_name,
};

static REGISTRY_KIND: Kind = Kind {
    name: "registry",
    over: "serving.registry",
    short: "path",
    type_key: "registry_type",
    default_type: registry::FILE,
    type_name: |name| name,
};

/// The settings as this binary reads them: overrides are in their places.
pub(super) struct Document {
    pub(super) root: Value,
    pub(super) overrides: Overrides,
}

/// Where the keys of blocks with overrides were written, by the names of the blocks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Overrides(BTreeMap<&'static str, Written>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    /// The path of the override.
    over: &'static str,
    /// The keys in it.
    keys: BTreeSet<String>,
    /// Whether all other keys would have to be written there too, save perhaps this one.
    is_whole: bool,
    below: Option<&'static str>,
}

/// A block that may have an override, as this binary reads it.
#[derive(Clone, Copy)]
pub(super) struct SharedBlock<'document> {
    name: &'static str,
    /// Null where it is not there.
    pub(super) value: &'document Value,
    overrides: &'document Overrides,
}

impl Document {
    /// Lays the overrides over the blocks of a mapping.
    ///
    /// # Errors
    /// `Invalid`, naming the key of the override, or the key of the block that does not go with it.
    pub(super) fn new(mut root: Value) -> Result<Self> {
        let mut overrides = Overrides::default();
        for kind in [&ONLINE_STORE_KIND, &REGISTRY_KIND] {
            let over = &root["serving"][kind.name];
            if over.is_null() && !kind.is_for_python(&root[kind.name]) {
                continue;
            }
            let (merged, written) = kind.merged(&root[kind.name], over)?;
            root[kind.name] = merged;
            overrides.0.insert(kind.name, written);
        }
        Ok(Self { root, overrides })
    }

    pub(super) fn online_store(&self) -> SharedBlock<'_> {
        self.shared(&ONLINE_STORE_KIND)
    }

    pub(super) fn registry(&self) -> SharedBlock<'_> {
        self.shared(&REGISTRY_KIND)
    }

    fn shared(&self, kind: &Kind) -> SharedBlock<'_> {
        SharedBlock {
            name: kind.name,
            value: &self.root[kind.name],
            overrides: &self.overrides,
        }
    }
}

impl Kind {
    /// The block with its override, and where its keys were written.
    fn merged(&self, block: &Value, over: &Value) -> Result<(Value, Written)> {
        let keys_over = self.members(over, self.over)?;
        let type_below = self.type_of(block).unwrap_or(self.default_type);
        let type_over = self.type_of(over).unwrap_or(type_below);
        let is_other = (self.type_name)(type_over) != (self.type_name)(type_below);
        let is_for_python = self.is_for_python(block);
        let mut merged = match (is_other, is_for_python) {
            (true, _) => Map::new(),
            (false, true) => {
                check_address(block)?;
                Map::from_iter([(self.type_key.to_owned(), type_below.into())])
            }
            (false, false) => self.members(block, self.name)?,
        };
        for (key, value) in &keys_over {
            if value.is_null() && merged.get(key).is_some_and(|below| !below.is_null()) {
                let (name, over) = (self.name, self.over);
                return Err(
                    Error::invalid(format!("{over}.{key} is null, and {name}.{key} is not")).with_hint(format!(
                        "give it the value that counts for this server, or leave it out to have that of {name}"
                    )),
                );
            }
            merged.insert(key.clone(), value.clone());
        }
        let has_type = keys_over.contains_key(self.type_key);
        let written = Written {
            over: self.over,
            keys: keys_over.into_iter().map(|(key, _)| key).collect(),
            is_whole: is_other || is_for_python,
            below: (!is_other && !has_type).then_some(self.type_key),
        };
        Ok((Value::Object(merged), written))
    }

    /// Whether a block says how Python reaches a server.
    fn is_for_python(&self, block: &Value) -> bool {
        self.name == ONLINE_STORE_KIND.name && self.type_of(block) == Some(online_store::SERVER_CLASS)
    }

    /// The type of a block, or what a string in its place says of it.
    fn type_of<'block>(&self, block: &'block Value) -> Option<&'block str> {
        match block {
            Value::String(name) if self.short == self.type_key => Some(name),
            // A path alone is that of a file.
            Value::String(_) => Some(self.default_type),
            block => block.get(self.type_key)?.as_str(),
        }
    }

    /// The keys of a block, `path` being its own.
    fn members(&self, block: &Value, path: &str) -> Result<Map<String, Value>> {
        match block {
            Value::Null => Ok(Map::new()),
            Value::String(text) => Ok(Map::from_iter([(self.short.to_owned(), text.as_str().into())])),
            Value::Object(members) => {
                string_at(block, path, self.type_key)?;
                Ok(members.clone())
            }
            _ => Err(Error::invalid(format!(
                "{path} must be a mapping, or a string that is its {}",
                self.short
            ))),
        }
    }
}

/// Checks a block that says how Python reaches a server, in which something may be meant for this binary.
fn check_address(block: &Value) -> Result<()> {
    let (name, over) = (ONLINE_STORE_KIND.name, ONLINE_STORE_KIND.over);
    let (of_class, of_store) = (
        keys_of(&[&ONLINE_STORE, &SERVER_IN_PYTHON]),
        keys_of(&[&ONLINE_STORE, &ROCKSDB]),
    );
    if let Some(key) = unknown_keys(block, &of_class).find(|key| of_store.contains(key)) {
        return Err(
            Error::invalid(format!("{name}.{key} is for this server alone, and Python refuses it"))
                .with_hint(format!("write it as {over}.{key}")),
        );
    }
    check_keys(name, block, &[&ONLINE_STORE, &SERVER_IN_PYTHON])?;
    match string_at(block, name, "path")? {
        // A variable of the environment may be set only where Python runs.
        Some(address) if !["http://", "https://", "$"].iter().any(|start| address.starts_with(start)) => {
            Err(Error::invalid(format!("{name}.path is not the address of a server, which its type has Python ask"))
                .with_hint(format!(
                    "write where the server listens, such as http://localhost:6566; the directory of its store is {over}.path"
                )))
        }
        _ => Ok(()),
    }
}

impl Overrides {
    /// The path of the block in which a key of `block` was written, or would be. Of a key in a block of its own the path in `block`.
    pub(super) fn path<'path>(&self, block: &'path str, key: &str) -> &'path str {
        let key = key.split('.').next().unwrap_or(key);
        match self.0.get(block) {
            Some(written) if written.keys.contains(key) || (written.is_whole && written.below != Some(key)) => {
                written.over
            }
            _ => block,
        }
    }
}

impl<'document> SharedBlock<'document> {
    /// The path of the block in which a key was written, or would be.
    pub(super) fn path(self, key: &str) -> &'static str {
        self.overrides.path(self.name, key)
    }

    /// The path of a key.
    pub(super) fn place(self, key: &str) -> String {
        format!("{}.{key}", self.path(key))
    }

    pub(super) fn get(self, key: &str) -> Option<&'document Value> {
        self.value.get(key)
    }

    pub(super) fn string(self, key: &str) -> Result<Option<&'document str>> {
        string_at(self.value, self.path(key), key)
    }

    /// The path of a file or directory.
    pub(super) fn file(self, key: &str) -> Result<Option<&'document str>> {
        path_at(self.value, self.path(key), key)
    }

    pub(super) fn flag(self, key: &str) -> Result<bool> {
        flag_or(self.value, self.path(key), key, false)
    }

    pub(super) fn number(self, key: &str, least: u64) -> Result<Option<u64>> {
        number_in(self.value, self.path(key), key, least)
    }

    /// A number of MiB, in bytes.
    pub(super) fn bytes(self, key: &str, least: u64) -> Result<Option<usize>> {
        bytes_in(self.value, self.path(key), key, least)
    }

    /// The keys that are not among `known`, each with the path of the block in which it was written.
    pub(super) fn unknown_keys(self, known: &[&str]) -> impl Iterator<Item = (&'static str, &'document str)> {
        unknown_keys(self.value, known).map(move |key| (self.path(key), key))
    }

    /// As [`check_keys`], for an online store of the type `type_name`.
    pub(super) fn check_keys(self, type_name: &str, settings: &[&Block]) -> Result<()> {
        let known = keys_of(settings);
        let Some((path, key)) = self.unknown_keys(&known).next() else {
            return Ok(());
        };
        let keys = known.join(", ");
        let hint = match path != self.name && self.path("type") == self.name {
            true => {
                let name = self.name;
                format!("{path} has no type of its own, and that of {name} means {type_name}, whose keys are {keys}")
            }
            false => format!("the keys of {path} are {keys}"),
        };
        Err(Error::invalid(unknown_key(path, key, &known, "is not known")).with_hint(hint))
    }
}
