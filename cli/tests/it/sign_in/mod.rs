//! Clients that have to sign in, and what each of them may do.

mod api_keys;
mod audit;
mod cluster;
mod kubernetes;
mod objects;
mod oidc;
mod provider;
mod rate_limit;
mod recorded;
mod token;

use std::path::Path;

use feast_fixtures::copy_directory;
use serde_json::{Value, json};

use crate::support::{Repository, Response, Server};

/// The library of the recorded decisions: views, services and permissions, and an online store that Python has filled.
fn library(auth: &str) -> Repository {
    let repository = Repository::empty();
    copy_directory(Path::new(feast_fixtures::PERMISSIONS_REPOSITORY), &repository.path);
    let settings = "project: library\nregistry: data/registry.db\nonline_store: {type: sqlite, path: data/online_store.db}\n\
                    offline_store: {type: file}\nentity_key_serialization_version: 3\n";
    repository.write("feature_store.yaml", &format!("{settings}{auth}\n"));
    repository
}

/// A read that role `reader` may do.
fn read_of_members() -> Value {
    json!({"features": ["member_profile:loans"], "entities": {"member_id": [1, 2]}})
}

/// Asks with a token, or without one.
fn ask(server: &Server, path: &str, token: &str, body: &Value) -> Response {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("content-type", "application/json")];
    if !token.is_empty() {
        headers.push(("authorization", &authorization));
    }
    server.send("POST", path, &headers, &body.to_string())
}

/// The status of the usual read.
fn status_of_read(server: &Server, token: &str) -> u16 {
    ask(server, "/get-online-features", token, &read_of_members()).status
}
