//! API keys of the server: made by `feast api-key`, with roles and ends.

use serde_json::json;

use super::{ask, library, status_of_read};
use crate::support::Repository;

/// Makes a key, and gives it with its entry in the settings.
pub(super) fn make(repository: &Repository, arguments: &[&str]) -> (String, serde_json::Value) {
    let made = repository.feast(&[&["api-key"], arguments].concat());
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let key = made
        .stderr
        .lines()
        .find_map(|line| line.split_once("shown only now: "))
        .unwrap()
        .1;
    let entry = made.stdout.trim_end();
    // Each line is `name: value`, or an item of a list.
    let mut settings = json!({});
    let mut list = String::new();
    for line in entry.lines().skip(2) {
        let line = line.trim_start_matches([' ', '-']);
        match line.split_once(": ") {
            Some((name, value)) => {
                settings[name] = serde_json::from_str(value).unwrap_or_else(|_| json!(value.trim_matches('\'')))
            }
            None if line.ends_with(':') => list = line.trim_end_matches(':').to_owned(),
            None => {
                let names = settings[&list].as_array().cloned().unwrap_or_default();
                settings[&list] = json!([names, vec![json!(line)]].concat());
            }
        }
    }
    (key.to_owned(), settings)
}

#[test]
fn a_key_signs_in_with_its_roles_until_it_ends() {
    let empty = Repository::empty();
    let (reader, mut reader_entry) = make(&empty, &["nightly", "--role", "reader", "--expires", "2999-01-01"]);
    assert_eq!(reader_entry["expires"], "2999-01-01");
    let (ended, mut ended_entry) = make(&empty, &["old", "--role", "reader", "--expires", "2020-01-01"]);
    let (nobody, nobody_entry) = make(&empty, &["nobody"]);
    let (writer, mut writer_entry) = make(
        &empty,
        &["looks", "--role", "writer", "--role", "reader", "--read-only"],
    );
    for (entry, roles) in [
        (&mut reader_entry, json!(["reader"])),
        (&mut ended_entry, json!(["reader"])),
        (&mut writer_entry, json!(["writer", "reader"])),
    ] {
        assert_eq!(entry["roles"], roles);
    }
    assert_eq!(writer_entry["read_only"], true);
    let keys = json!([reader_entry, ended_entry, nobody_entry, writer_entry]);
    // Without `auth` too, keys make that everybody has to sign in.
    let (_repository, server) = library(&format!("serving: {{api_keys: {keys}}}")).serve_and_keep();
    for (token, expected) in [
        (reader.as_str(), 200),
        (&ended, 401),
        (&nobody, 403),
        (&writer, 200),
        ("", 401),
        ("feast_guessed", 401),
        (&reader[1..], 401),
    ] {
        assert_eq!(status_of_read(&server, token), expected, "{token}");
    }
    let push = json!({
        "push_source_name": "branch_push", "to": "online",
        "df": {"branch_id": [20], "visitors": [41], "event_timestamp": ["2026-02-01T00:00:00"], "created": ["2026-02-01T00:00:00"]},
    });
    let refused = ask(&server, "/push", &writer, &push);
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("Permission error:\\\\nlooks may only read"),
        "{}",
        refused.body
    );
    let (_, log) = server.stop();
    assert!(
        log.contains("Warning: API key old ended at 2020-01-01T00:00:00Z: nobody can sign in with it"),
        "{log}"
    );
    assert!(
        !log.contains("nobody has to sign in") && !log.contains(&reader),
        "{log}"
    );
}

#[test]
fn commands_beside_the_store_need_no_key() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let (_, entry) = make(&repository, &["somebody"]);
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let keys = json!([entry]);
    repository.write(
        "feature_store.yaml",
        &format!("{settings}\nserving: {{api_keys: {keys}}}\n"),
    );
    let socket = repository.path.join("http.sock");
    let server = repository.serve_with(&["--socket", socket.to_str().unwrap()]);
    let outcome = repository.feast(&["materialize-incremental", "2026-01-01"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    // The socket for clients is another one.
    use std::io::{Read, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    let request = "POST /materialize HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let (_, log) = server.stop();
    assert!(
        log.contains("there are no permissions: whoever signs in may do everything"),
        "{log}"
    );
}

#[test]
fn settings_of_clients_do_not_configure_a_server() {
    for (auth, shown) in [
        ("auth: {type: oidc, token: x}", "(token)"),
        ("auth: oidc", "(no auth_discovery_url)"),
        (
            "auth: {type: oidc, auth_discovery_url: \"https://x\", client_id: a, client_secret: b}",
            "(client_secret)",
        ),
    ] {
        let repository = library(auth);
        let outcome = repository.feast(&["serve", "--port", "0"]);
        assert_eq!(outcome.code, Some(1));
        let expected =
            format!("auth is how a client signs in {shown}, and says nothing of whose tokens a server accepts");
        assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
        // Other commands do.
        repository.succeed(&["permissions", "list"]);
    }
    let repository = library("auth: {type: oidc, auth_discovery_url: nowhere}");
    let outcome = repository.feast(&["serve", "--port", "0"]);
    assert!(
        outcome
            .stderr
            .contains("auth.auth_discovery_url \"nowhere\" is not a URL"),
        "{}",
        outcome.stderr
    );
}
