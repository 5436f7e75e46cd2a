//! Secrets in settings that are shown.

use serde_json::Value;

use super::redis;

const HIDDEN: &str = "***";

/// What keys of secrets are called in Feast's settings, or end with.
const SECRETS: [&str; 6] = ["password", "token", "secret", "secret_key", "access_key", "api_key"];

/// Replaces values of secrets wherever they are.
pub(super) fn hide_secrets(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide_secrets),
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| hide_secret(key, value)),
        _ => {}
    }
}

/// Replaces the value of a key if it is a secret, and secrets inside it.
pub(super) fn hide_secret(key: &str, value: &mut Value) {
    match value {
        Value::String(string) if key == "connection_string" => *string = redis::redact(string),
        Value::String(_) | Value::Number(_) if is_secret(key) => *value = HIDDEN.into(),
        _ => hide_secrets(value),
    }
}

fn is_secret(key: &str) -> bool {
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
