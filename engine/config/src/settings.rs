//! Every key of `feature_store.yaml`, once: what a block may have, what a value means and when a change of it counts, and which value a
//! repository has. `docs/configuration.md` and `feast configuration --effective` show this list, and blocks are checked against it.
//!
//! A new key is a line in the list of its block, a new block one of [`BLOCKS`]. Says nothing of how a value is read: that is with the
//! field of [`RepositoryConfig`] which a line shows.

mod feature_server;
mod repository;
mod serving;
mod sign_in;
mod stores;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::RepositoryConfig;

pub(super) use feature_server::{FEATURE_SERVER, MCP, OFFLINE_BATCHING};
pub(super) use repository::{MATERIALIZATION, REGISTRY, REPOSITORY, is_set, is_true, kind};
pub(super) use serving::{BACKUPS, PYTHON, RATE_LIMIT, TRACES};
pub(super) use sign_in::{API_KEY, AUTH, OIDC};
pub(super) use stores::{
    ONLINE_STORE, PUSH_LOG, REDIS, REDIS_SENTINEL, REDIS_SERVING, ROCKSDB, SERVER_IN_PYTHON, SQLITE,
};

/// All blocks, in the order in which they are shown. Several may be about one block of the file, each with some of its keys.
pub static BLOCKS: &[&Block] = &[
    &REPOSITORY,
    &REGISTRY,
    &MATERIALIZATION,
    &ONLINE_STORE,
    &ROCKSDB,
    &REDIS,
    &REDIS_SENTINEL,
    &REDIS_SERVING,
    &SQLITE,
    &SERVER_IN_PYTHON,
    &stores::OVERRIDES,
    &PUSH_LOG,
    &AUTH,
    &OIDC,
    &sign_in::SERVING,
    &API_KEY,
    &serving::REQUESTS,
    &serving::CONNECTIONS,
    &RATE_LIMIT,
    &serving::ROWS,
    &FEATURE_SERVER,
    &MCP,
    &OFFLINE_BATCHING,
    &feature_server::PUSH_QUEUE,
    &feature_server::FEATURE_LOGGING,
    &feature_server::FEATURE_LOGGING_SERVING,
    &feature_server::AUDIT_LOG,
    &feature_server::AUDIT_LINES,
    &feature_server::AUDIT_FILE,
    &feature_server::AUDIT_SERVING,
    &feature_server::METRICS,
    &feature_server::AUDITED_FEATURES,
    &feature_server::METRICS_SERVING,
    &TRACES,
    &PYTHON,
    &BACKUPS,
];

/// Keys that stand together in the file.
#[derive(Debug)]
pub struct Block {
    /// What they are about: a heading of the documentation.
    pub title: &'static str,
    /// Where they are: `serving.python`; empty for the top level. A list of blocks ends with `[]`.
    pub path: &'static str,
    /// The key that is meant where the block is a string alone, as in `online_store: redis`.
    pub(super) short: Option<&'static str>,
    /// The least of a file in which they have an effect, beside `project` and `registry`. Defaults are those of this file.
    pub smallest: &'static str,
    /// Keys with an effect.
    pub settings: &'static [Setting],
    /// Keys of Feast that are taken and change nothing.
    pub ignored: &'static [Ignored],
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in its block.
    pub name: &'static str,
    /// The unit of its value, or the values that it may have.
    pub values: &'static str,
    /// What counts when it is not there.
    pub default: DefaultValue,
    /// What it does.
    pub meaning: &'static str,
    /// Whether SIGHUP has a server take a change over. Else it needs a restart.
    pub is_reloaded: bool,
    in_force: InForce,
}

/// The value that a repository has, in the unit of the key; null for none. `None` where the key means nothing, as those of another online
/// store. In a list of blocks an array with the value of each.
type InForce = fn(&RepositoryConfig) -> Option<Value>;

/// What counts when a key is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// It must be there.
    Required,
    /// One value, which the smallest file of the block has.
    Value,
    /// Nothing, which means this.
    Nothing(&'static str),
    /// Something that follows from the machine or from other keys, in words.
    Computed(&'static str),
}

/// A key of Feast that is taken and changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Ignored {
    /// Its name in its block, or the path of one in a block of which nothing else is known.
    pub name: &'static str,
    /// Why it changes nothing.
    pub why: &'static str,
    /// Whether a value would change something in Python's server, so that it is to be said.
    pub is_missed: fn(&Value) -> bool,
}

/// A key whose default is one value, and whose change needs a restart.
const fn setting(name: &'static str, values: &'static str, meaning: &'static str, in_force: InForce) -> Setting {
    Setting {
        name,
        values,
        default: DefaultValue::Value,
        meaning,
        is_reloaded: false,
        in_force,
    }
}

impl Setting {
    const fn with_default(self, default: DefaultValue) -> Self {
        Self { default, ..self }
    }

    const fn required(self) -> Self {
        self.with_default(DefaultValue::Required)
    }

    const fn or_nothing(self, meaning: &'static str) -> Self {
        self.with_default(DefaultValue::Nothing(meaning))
    }

    const fn computed(self, words: &'static str) -> Self {
        self.with_default(DefaultValue::Computed(words))
    }

    const fn reloaded(self) -> Self {
        Self {
            is_reloaded: true,
            ..self
        }
    }
}

const fn ignored(name: &'static str, why: &'static str, is_missed: fn(&Value) -> bool) -> Ignored {
    Ignored { name, why, is_missed }
}

impl Block {
    const fn new(title: &'static str, path: &'static str, settings: &'static [Setting]) -> Self {
        Self {
            title,
            path,
            short: None,
            smallest: "",
            settings,
            ignored: &[],
        }
    }

    const fn short(self, key: &'static str) -> Self {
        Self {
            short: Some(key),
            ..self
        }
    }

    const fn with(self, smallest: &'static str) -> Self {
        Self { smallest, ..self }
    }

    const fn and_ignored(self, ignored: &'static [Ignored]) -> Self {
        Self { ignored, ..self }
    }

    /// The path of one of its keys.
    pub fn path_of(&self, name: &str) -> String {
        match self.path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    /// Its keys. Of one with a path the first name.
    fn keys(&self) -> impl Iterator<Item = &'static str> {
        let settings = self.settings.iter().map(|setting| setting.name);
        let names = settings.chain(self.ignored.iter().map(|key| key.name));
        names.map(|name| name.split('.').next().unwrap_or(name))
    }

    /// The key of another block that is this one, if it is inside `path`.
    fn key_in(&self, path: &str) -> Option<&'static str> {
        let inside = match path {
            "" => self.path,
            path => self.path.strip_prefix(path)?.strip_prefix('.')?,
        };
        inside.split(['.', '[']).next().filter(|name| !name.is_empty())
    }
}

/// The names that a block of the file may have which is made of these.
pub(super) fn keys_of(blocks: &[&Block]) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let own = blocks.iter().flat_map(|block| block.keys());
    let paths = blocks.first().map(|block| block.path);
    let inner = BLOCKS.iter().filter_map(|block| block.key_in(paths?));
    for key in own.chain(inner) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// All that are about the block of the file at `path`.
pub(super) fn blocks_at(path: &str) -> Vec<&'static Block> {
    BLOCKS.iter().copied().filter(|block| block.path == path).collect()
}

/// A key, with the value that a repository has.
#[derive(Debug, Clone)]
pub struct SettingInForce {
    /// Where it is written, or would be: `serving.api_keys[0].name`.
    pub path: String,
    /// The same without regard to overrides, so that a key which has moved is known again.
    plain_path: String,
    /// The value, in the unit of the key; null for none. Never a secret.
    pub value: Value,
    /// The key.
    pub setting: &'static Setting,
    /// The block that it is in.
    pub block: &'static Block,
}

impl SettingInForce {
    /// The value as a line shows it: strings without quotes unless they are empty, and what none means in words.
    pub fn text(&self) -> String {
        match (&self.value, self.setting.default) {
            (Value::Null, DefaultValue::Nothing(words) | DefaultValue::Computed(words)) => without_marks(words),
            (Value::Null, _) => "none".to_owned(),
            (Value::String(text), _) if !text.is_empty() => text.clone(),
            (Value::Array(items), _) if items.is_empty() => "none".to_owned(),
            (value, _) => value.to_string(),
        }
    }
}

impl RepositoryConfig {
    /// Every key that means something in this repository, with its value, in the order of [`BLOCKS`].
    pub fn settings(&self) -> Vec<SettingInForce> {
        let mut found = Vec::new();
        for block in BLOCKS {
            let values = block.settings.iter().filter_map(|setting| {
                let value = (setting.in_force)(self)?;
                Some((setting, value))
            });
            let mut in_block: Vec<(usize, SettingInForce)> = Vec::new();
            for (setting, value) in values {
                let in_force = |plain_path: String, value| SettingInForce {
                    path: match self.overrides.path(block.path, setting.name) {
                        path if path == block.path => plain_path.clone(),
                        path => format!("{path}.{}", setting.name),
                    },
                    plain_path,
                    value,
                    setting,
                    block,
                };
                match (block.path.strip_suffix("[]"), value) {
                    (Some(list), Value::Array(values)) => {
                        in_block.extend(values.into_iter().enumerate().map(|(index, value)| {
                            let path = format!("{list}[{index}].{}", setting.name);
                            (index, in_force(path, value))
                        }));
                    }
                    (_, value) => in_block.push((0, in_force(block.path_of(setting.name), value))),
                }
            }
            // The keys of one element of a list stand together.
            in_block.sort_by_key(|(index, _)| *index);
            found.extend(in_block.into_iter().map(|(_, setting)| setting));
        }
        found
    }

    /// The paths of keys that have another value in `later`, and whose change needs a restart: where they are written in `later`, if
    /// they mean something there.
    pub fn changes_for_a_restart(&self, later: &Self) -> Vec<String> {
        let (before, after) = (self.settings(), later.settings());
        let found_in = |settings: &[SettingInForce], path: &str| {
            let found = settings.iter().find(|setting| setting.plain_path == path);
            found.cloned()
        };
        let all = before
            .iter()
            .chain(&after)
            .filter(|setting| !setting.setting.is_reloaded);
        let mut changed: Vec<String> = all
            .filter_map(|setting| {
                let (was, is) = (
                    found_in(&before, &setting.plain_path),
                    found_in(&after, &setting.plain_path),
                );
                let value = |found: &Option<SettingInForce>| found.as_ref().map(|setting| setting.value.clone());
                (value(&was) != value(&is)).then_some(is.or(was)?.path)
            })
            .collect();
        // Passwords are in no value that is shown.
        if stores::logins(self) != stores::logins(later) {
            let block = later.overrides.path("online_store", "connection_string");
            changed.push(format!("{block}.connection_string"));
        }
        let mut seen = std::collections::BTreeSet::new();
        changed.retain(|path| seen.insert(path.clone()));
        changed
    }
}

/// Words of the documentation as plain text.
pub fn without_marks(words: &str) -> String {
    words.replace('`', "")
}

/// A value that is there.
fn some(value: impl Into<Value>) -> Option<Value> {
    Some(value.into())
}

/// A value that may be none.
fn or_null<T: Into<Value>>(value: Option<T>) -> Option<Value> {
    Some(value.map_or(Value::Null, Into::into))
}

fn mib(bytes: usize) -> Option<Value> {
    some(bytes >> 20)
}

/// A path of a file or directory.
fn place(path: &std::path::Path) -> Option<Value> {
    some(path.to_string_lossy().into_owned())
}
