//! `serving.api_keys`: keys of this server's own. The settings have their hashes, so that who reads them cannot sign in.

use feast_model::Timestamp;
use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{flag_or, string_at, strings_at};
use super::keys::check_keys;
use super::settings::API_KEY;

/// Each request is compared with all of them.
const MAX_KEYS: usize = 1000;

/// A key that clients may sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What its holder is called, in refusals and in the log.
    pub name: String,
    /// Of the key.
    pub sha256: [u8; 32],
    /// Roles of its holder.
    pub roles: Vec<String>,
    /// Groups of its holder.
    pub groups: Vec<String>,
    /// It may never write, whatever permissions say.
    pub is_read_only: bool,
    /// From then on it is none.
    pub expires: Option<Timestamp>,
}

pub(super) fn api_keys(root: &Value) -> Result<Vec<ApiKey>> {
    let list = match root.get("serving").and_then(|block| block.get("api_keys")) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => {
            return Err(Error::invalid(format!(
                "serving.api_keys must be a list of keys, not {other}"
            )));
        }
    };
    if list.len() > MAX_KEYS {
        return Err(Error::invalid(format!(
            "serving.api_keys has {} keys, and may have {MAX_KEYS}",
            list.len()
        ))
        .with_hint("give clients tokens of a provider instead: auth: {type: oidc, auth_discovery_url: ...}"));
    }
    let mut keys: Vec<ApiKey> = Vec::with_capacity(list.len());
    for (position, block) in list.iter().enumerate() {
        let key = api_key(block, &format!("serving.api_keys[{position}]"))?;
        if let Some(same) = keys
            .iter()
            .find(|known| known.name == key.name || known.sha256 == key.sha256)
        {
            let what = if same.name == key.name { "name" } else { "sha256" };
            return Err(Error::invalid(format!(
                "serving.api_keys has two keys with the same {what}: {} and {}",
                same.name, key.name
            )));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn api_key(block: &Value, path: &str) -> Result<ApiKey> {
    if !block.is_object() {
        return Err(Error::invalid(format!("{path} must be a mapping")).with_hint(MAKE_ONE));
    }
    check_keys(path, block, &[&API_KEY])?;
    let string = |key: &str| {
        string_at(block, path, key)?
            .filter(|string| !string.is_empty())
            .ok_or_else(|| Error::invalid(format!("{path}.{key} is missing")).with_hint(MAKE_ONE))
    };
    let name = string("name")?.to_owned();
    // It stands in lines of the log.
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(format!("{path}.name {name:?} has control characters")));
    }
    // The value may be the key itself, by mistake: it is not shown.
    let sha256 = from_hex(string("sha256")?)
        .ok_or_else(|| Error::invalid(format!("{path}.sha256 must be 64 hexadecimal digits")).with_hint(MAKE_ONE))?;
    let expires = string_at(block, path, "expires")?.map(|time| {
        Timestamp::parse(time).map_err(|problem| {
            Error::invalid(format!("{path}.expires: {problem}"))
                .with_hint("write it as 2027-01-31 or 2027-01-31T12:00:00Z")
        })
    });
    Ok(ApiKey {
        name,
        sha256,
        roles: strings_at(block, path, "roles")?,
        groups: strings_at(block, path, "groups")?,
        is_read_only: flag_or(block, path, "read_only", false)?,
        expires: expires.transpose()?,
    })
}

const MAKE_ONE: &str = "feast api-key NAME makes a key, and prints what stands for it here";

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(keys: Value) -> Result<Vec<ApiKey>, String> {
        let keys = api_keys(&json!({ "serving": { "api_keys": keys } }));
        keys.map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_read_strictly() {
        let hash = "00ff".repeat(16);
        let keys =
            read(json!([{"name": "a", "sha256": hash, "roles": ["r"], "read_only": true, "expires": "2027-01-31"}]));
        let key = keys.unwrap().remove(0);
        assert_eq!((key.sha256[0], key.sha256[1]), (0, 0xff));
        assert_eq!(key.expires.unwrap().to_string(), "2027-01-31T00:00:00Z");
        assert!(key.is_read_only && key.roles == ["r"] && key.groups.is_empty());

        let check = |keys: Value, expected: &str| assert_eq!(read(keys).unwrap_err(), expected);
        check(json!({}), "serving.api_keys must be a list of keys, not {}");
        check(json!(["secret"]), "serving.api_keys[0] must be a mapping");
        check(json!([{"name": "a"}]), "serving.api_keys[0].sha256 is missing");
        check(
            json!([{"name": "", "sha256": hash}]),
            "serving.api_keys[0].name is missing",
        );
        check(
            json!([{"name": "a\nb", "sha256": hash}]),
            "serving.api_keys[0].name \"a\\nb\" has control characters",
        );
        check(
            json!([{"name": "a", "sha256": "my-secret-key"}]),
            "serving.api_keys[0].sha256 must be 64 hexadecimal digits",
        );
        check(
            json!([{"name": "a", "sha256": hash, "role": ["r"]}]),
            "serving.api_keys[0].role is not known: did you mean roles?",
        );
        check(
            json!([{"name": "a", "sha256": hash, "roles": "r"}]),
            "serving.api_keys[0].roles must be a list of strings, not \"r\"",
        );
        check(
            json!([{"name": "a", "sha256": hash}, {"name": "b", "sha256": hash}]),
            "serving.api_keys has two keys with the same sha256: a and b",
        );
        check(
            json!([{"name": "a", "sha256": hash}, {"name": "a", "sha256": "11".repeat(32)}]),
            "serving.api_keys has two keys with the same name: a and a",
        );
        assert!(
            read(json!([{"name": "a", "sha256": hash, "expires": "soon"}]))
                .unwrap_err()
                .starts_with("serving.api_keys[0].expires: ")
        );
    }
}
