//! Values of one key of a block, checked.

use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

/// The string of a key, of which `block` is the value of `path`; `path` is empty for the whole file.
pub(super) fn string_at<'a>(block: &'a Value, path: &str, key: &str) -> Result<Option<&'a str>> {
    match block.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(string)) => Ok(Some(string)),
        Some(other) => {
            let dot = if path.is_empty() { "" } else { "." };
            Err(Error::invalid(format!(
                "{path}{dot}{key} must be a string, not {other}"
            )))
        }
    }
}

/// As [`string_at`], for the path of a file or directory, which is not the directory that it starts from.
pub(super) fn path_at<'a>(block: &'a Value, path: &str, key: &str) -> Result<Option<&'a str>> {
    match string_at(block, path, key)? {
        Some("") => {
            Err(Error::invalid(format!("{path}.{key} is empty")).with_hint("name a path, or leave the key out"))
        }
        // Not shown: it may have a login in it.
        Some(url) if url.contains("://") => Err(Error::invalid(format!("{path}.{key} is a URL, not a path"))
            .with_hint("name a file or directory of this machine, without a scheme")),
        given => Ok(given),
    }
}

/// Whether a URL has a user or a password in it, which would be in lines of the log.
pub fn has_login(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@')
}

pub(super) fn flag_at(root: &Value, block: &str, key: &str) -> Result<bool> {
    flag_or(root.get(block).unwrap_or(&Value::Null), block, key, false)
}

/// True or false of a key, of which `block` is the value of `path`.
pub(super) fn flag_or(block: &Value, path: &str, key: &str, default: bool) -> Result<bool> {
    match block.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Error::invalid(format!(
            "{path}.{key} must be true or false, not {other}"
        ))),
    }
}

/// Seconds of a key, one at least, of which `block` is the value of `path`.
pub(super) fn seconds_or(block: &Value, path: &str, key: &str, most: u64, default: Duration) -> Result<Duration> {
    match block.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => match value.as_u64().filter(|seconds| (1..=most).contains(seconds)) {
            Some(seconds) => Ok(Duration::from_secs(seconds)),
            None => Err(Error::invalid(format!(
                "{path}.{key} must be a whole number from 1 to {most}, not {value}"
            ))),
        },
    }
}

/// The strings of a list, of which `block` is the value of `path`; none if the key is not there.
pub(super) fn strings_at(block: &Value, path: &str, key: &str) -> Result<Vec<String>> {
    let not_strings = |value: &Value| Error::invalid(format!("{path}.{key} must be a list of strings, not {value}"));
    match block.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(list @ Value::Array(items)) => {
            let strings = items.iter().map(|item| item.as_str().map(str::to_owned));
            strings.collect::<Option<_>>().ok_or_else(|| not_strings(list))
        }
        Some(other) => Err(not_strings(other)),
    }
}

/// A number of MiB, in bytes.
pub(super) fn bytes_at(root: &Value, block: &str, key: &str, least: u64) -> Result<Option<usize>> {
    bytes_in(&root[block], block, key, least)
}

/// As [`bytes_at`], of a key of which `block` is the value of `path`.
pub(super) fn bytes_in(block: &Value, path: &str, key: &str, least: u64) -> Result<Option<usize>> {
    // A pebibyte: more is a mistake.
    const MAX_MIB: u64 = 1 << 30;
    match number_in(block, path, key, least)? {
        Some(mib) if mib > MAX_MIB => Err(Error::invalid(format!(
            "{path}.{key} must be at most {MAX_MIB}, not {mib}"
        ))),
        mib => Ok(mib.map(|mib| (mib as usize) << 20)),
    }
}

/// A whole number that is at least `least`.
pub(super) fn number_at(root: &Value, block: &str, key: &str, least: u64) -> Result<Option<u64>> {
    number_in(&root[block], block, key, least)
}

/// As [`number_at`], of a key of which `block` is the value of `path`.
pub(super) fn number_in(block: &Value, path: &str, key: &str, least: u64) -> Result<Option<u64>> {
    match block.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|number| *number >= least) {
            Some(number) => Ok(Some(number)),
            None => Err(Error::invalid(format!(
                "{path}.{key} must be a whole number of at least {least}, not {value}"
            ))),
        },
    }
}
