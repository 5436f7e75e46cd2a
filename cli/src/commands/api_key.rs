//! Makes an API key. It is printed once, and kept nowhere.

use feast_engine::model::Timestamp;
use feast_sign_in::new_api_key;
use serde_json::{Value, json};

use crate::args::ApiKeyArguments;
use crate::output::{Failure, Output};

/// Prints the settings of a new key to stdout, and the key to stderr: so the settings can go into a file without it.
pub(crate) fn run(options: &ApiKeyArguments, output: &Output) -> Result<(), Failure> {
    if let Some(end) = &options.expires {
        Timestamp::parse(end).map_err(|problem| Failure::new(format!("--expires {end}: {problem}")))?;
    }
    let made = new_api_key()?;
    let mut entry = json!({ "name": options.name, "sha256": made.sha256 });
    let lists = [("roles", &options.roles), ("groups", &options.groups)];
    for (key, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
        entry[key] = json!(names);
    }
    if options.read_only {
        entry["read_only"] = Value::Bool(true);
    }
    if let Some(end) = &options.expires {
        entry["expires"] = json!(end);
    }
    output.note(&format!("The key, which is shown only now: {}", made.key));
    output.note("Its entry in feature_store.yaml:");
    output.yaml(&json!({ "serving": { "api_keys": [entry] } }));
    Ok(())
}
