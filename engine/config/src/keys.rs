//! Which keys a block may have, and which one was probably meant.

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::settings::{Block, keys_of};

/// Names less similar than this are not suggested: clap's own limit for misspelt options.
const MIN_LIKENESS: f64 = 0.7;

/// Part of a name that is at least this long counts as the name.
const MIN_PART: usize = 5;

/// Refuses keys of a block that are not in the list of settings.
///
/// # Errors
/// `Invalid`, naming the first unknown key and the one that was probably meant.
pub(super) fn check_keys(path: &str, block: &Value, settings: &[&Block]) -> Result<()> {
    let known = keys_of(settings);
    match unknown_keys(block, &known).next() {
        None => Ok(()),
        Some(key) => Err(Error::invalid(unknown_key(path, key, &known, "is not known"))
            .with_hint(format!("the keys of {path} are {}", known.join(", ")))),
    }
}

/// The keys of a block that are not among `known`; none if it is not a mapping.
pub(super) fn unknown_keys<'block>(block: &'block Value, known: &[&str]) -> impl Iterator<Item = &'block str> {
    let keys = block.as_object().into_iter().flat_map(|members| members.keys());
    keys.map(String::as_str).filter(move |key| !known.contains(key))
}

/// Says `what` of an unknown key, and which one was probably meant. `path` is that of its block, empty at the top level.
pub(super) fn unknown_key(path: &str, key: &str, known: &[&str], what: &str) -> String {
    let place = if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    };
    match nearest(key, known) {
        Some(meant) => format!("{place} {what}: did you mean {meant}?"),
        None => format!("{place} {what}"),
    }
}

/// The name among `known` that was probably meant.
pub(super) fn nearest<'known>(key: &str, known: &[&'known str]) -> Option<&'known str> {
    let key = key.to_ascii_lowercase();
    let likeness = known.iter().map(|name| {
        let is_part = key.len() >= MIN_PART && name.contains(&key);
        let likeness = if is_part { 1.0 } else { strsim::jaro_winkler(&key, name) };
        (likeness, *name)
    });
    likeness
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let known = ["max_requests", "max_memory_mib", "allowed_hosts", "response_layout"];
        let check = |key, expected| assert_eq!(nearest(key, &known), expected, "{key}");
        check("max_request", Some("max_requests"));
        check("maxMemoryMib", Some("max_memory_mib"));
        check("alowed_host", Some("allowed_hosts"));
        check("hosts", Some("allowed_hosts"));
        check("memory_mib", Some("max_memory_mib"));
        check("zzz", None);
        check("", None);
    }
}
