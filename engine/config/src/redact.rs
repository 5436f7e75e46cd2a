//! Secrets in settings that are shown.

use serde_json::Value;

use super::redis;

const HIDDEN: &str = "***";

/// What keys of secrets are called in Feast's settings, or end with.
const SECRETS: [&str; 13] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "token",
    "secret",
    "secret_key",
    "access_key",
    "api_key",
    "private_key",
    "account_key",
    "ssecustomerkey",
    "credentials",
];

/// Replaces values of secrets wherever they are.
pub(super) fn hide_secrets(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide_secrets),
        Value::String(string) => *string = without_secrets(string),
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| hide_secret(key, value)),
        _ => {}
    }
}

/// Replaces the value of a key if it is a secret, and secrets inside it.
pub(super) fn hide_secret(key: &str, value: &mut Value) {
    match value {
        Value::String(string) if key == "connection_string" => *string = redis::redact(string),
        Value::String(_) | Value::Number(_) if is_secret(key) => *value = HIDDEN.into(),
        Value::String(string) => *string = without_secrets(string),
        _ => hide_secrets(value),
    }
}

/// A string without the parts in which others have secrets: the user and the query of an address, and a login among words.
pub(super) fn without_secrets(string: &str) -> String {
    if string.to_ascii_lowercase().contains("password=") || string.to_ascii_lowercase().contains("pwd=") {
        return HIDDEN.to_owned();
    }
    let Some((scheme, rest)) = string.split_once("://") else {
        return string.to_owned();
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, _)) => (rest, format!("?{HIDDEN}")),
        None => (rest, String::new()),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{path}{query}"),
        None => format!("{scheme}://{authority}{path}{query}"),
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRETS.iter().any(|secret| {
        let before = key.strip_suffix(secret);
        before.is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(mut settings: Value) -> Value {
        hide_secrets(&mut settings);
        settings
    }

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let settings = json!({
            "auth": {"type": "oidc", "client_secret": "s3cret", "token": "s3cret", "token_env_var": "NAME"},
            "offline_store": {"type": "x", "password": 1234, "user": "me", "nested": [{"api_key": "s3cret"}]},
            "passwords": 1,
        });
        let expected = json!({
            "auth": {"type": "oidc", "client_secret": "***", "token": "***", "token_env_var": "NAME"},
            "offline_store": {"type": "x", "password": "***", "user": "me", "nested": [{"api_key": "***"}]},
            "passwords": 1,
        });
        assert_eq!(shown(settings), expected);
    }

    #[test]
    fn addresses_and_words_are_shown_without_their_secrets() {
        let check = |string: &str, expected: &str| {
            assert_eq!(
                shown(json!({ "x": [string], "url": string })),
                json!({ "x": [expected], "url": expected })
            );
        };
        check("s3://bucket/path", "s3://bucket/path");
        check("https://user:pw@h:1/a?b=c", "https://***@h:1/a?***");
        check("https://h/a@b", "https://h/a@b");
        check("host=h Password=x", "***");
        check("postgresql://u:p@h/db", "postgresql://***@h/db");
        check("a plain word", "a plain word");
        let settings = json!({"x": {"SSECustomerKey": "k", "private_key_passphrase": "p", "partition_key": "c"}});
        let expected = json!({"x": {"SSECustomerKey": "***", "private_key_passphrase": "***", "partition_key": "c"}});
        assert_eq!(shown(settings), expected);
    }

    #[test]
    fn a_connection_string_keeps_what_is_not_secret() {
        let check = |string: &str, expected: &str| {
            let shown = shown(json!({ "online_store": { "connection_string": string } }));
            assert_eq!(shown["online_store"]["connection_string"], expected, "{string}");
        };
        check("h:6379", "h:6379");
        check("a:1,b:2,db=3,password=x=y", "a:1,b:2,db=3,password=***");
        check("password=x,a:1", "password=***,***");
        check("a:1,password=x,y,db=1", "a:1,password=***,***,db=1");
        check("a:1,password=x,y=z", "a:1,password=***,***");
        check("a:1,sentinel_kwargs={\"password\":\"x\"}", "a:1,sentinel_kwargs=***");
        check("redis://u:x@h:6379", "***");
        check("a:1,pasword=x", "a:1,***");
    }
}
