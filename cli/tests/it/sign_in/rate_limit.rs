//! How often somebody may ask who signs in, and somebody who does not.

use serde_json::{Value, json};

use super::provider::Provider;
use super::token::{of_provider, reader};
use super::{api_keys, ask, library, read_of_members, status_of_read};
use crate::support::{Repository, eventually};

/// A token of somebody with role `reader`.
fn token_of(name: &str, more: &Value) -> String {
    let mut claims = reader();
    claims["preferred_username"] = json!(name);
    claims["more"] = more.clone();
    of_provider(&claims)
}

#[test]
fn a_limit_is_that_of_whoever_has_signed_in_and_guesses_are_those_of_their_address() {
    let provider = Provider::start();
    let (key, entry) = api_keys::make(&Repository::empty(), &["nightly", "--role", "reader"]);
    let limit = format!(
        "serving: {{rate_limit: {{requests_per_second: 1, burst: 3}}, api_keys: {}}}",
        json!([entry])
    );
    let (_repository, server) = library(&format!("{}\n{limit}", provider.auth(""))).serve_and_keep();
    // Asks until there is an answer of that kind: a slow machine may have got a token back meanwhile.
    let until = |token: &str, status: u16| {
        let mut statuses = (0..20).map(|_| status_of_read(&server, token));
        assert!(statuses.any(|found| found == status), "{status}");
    };
    // All from one address: each has what is theirs, whichever of their tokens they send.
    let ann = token_of("ann", &json!(1));
    assert_eq!([(); 3].map(|()| status_of_read(&server, &ann)), [200; 3]);
    until(&ann, 429);
    assert_eq!(status_of_read(&server, &token_of("ann", &json!(2))), 429);
    let ben = token_of("ben", &Value::Null);
    assert_eq!(status_of_read(&server, &ben), 200);
    // Refusals are those of the address.
    assert_eq!([(); 3].map(|()| status_of_read(&server, "guessed")), [401; 3]);
    until("guessed", 429);
    let refused = ask(&server, "/get-online-features", "", &read_of_members());
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    // While it is empty no token is checked, not even a good one; whoever is known goes on.
    until("guessed", 429);
    assert_eq!(status_of_read(&server, &token_of("cid", &Value::Null)), 429);
    assert_eq!([&ben, &key, &key].map(|token| status_of_read(&server, token)), [200; 3]);
    until("guessed", 429);
    assert_eq!(server.send("GET", "/docs", &[], "").status, 429);
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    eventually("a token has come back", || {
        status_of_read(&server, &token_of("cid", &Value::Null)) == 200
    });
    let (_, log) = server.stop();
    assert!(log.contains(" - ann \"POST /get-online-features\" 429 "), "{log}");
    assert!(log.contains(" - - \"POST /get-online-features\" 401 "), "{log}");
}
