//! Tokens of an OpenID provider: which are accepted, and what happens while the provider changes its keys or is away.

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::provider::{Provider, published_keys};
use super::token::{in_seconds, of_provider, reader, signed};
use super::{ask, library, read_of_members, status_of_read};
use crate::support::{Server, eventually};

fn serve(provider: &Provider, more: &str) -> (crate::support::Repository, Server) {
    library(&provider.auth(more)).serve_and_keep()
}

/// What a token of the reader says, with some of it changed.
fn with(changes: Value) -> Value {
    let mut claims = reader();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// Sends tokens, each with what it is and the status that it gets.
fn check(server: &Server, cases: &[(&str, String, u16)]) {
    for (what, token, expected) in cases {
        assert_eq!(status_of_read(server, token), *expected, "{what}");
    }
}

#[test]
fn only_tokens_for_now_and_for_this_server_are_accepted() {
    let provider = Provider::start();
    let (_repository, server) = serve(&provider, ", audience: feast-server, issuer: \"https://provider\"");
    let token = |changes: Value| {
        let mut claims = with(json!({"aud": "feast-server", "iss": "https://provider"}));
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        of_provider(&claims)
    };
    let valid = token(json!({}));
    let cases = [
        ("valid", valid.clone(), 200),
        ("the same once more", valid, 200),
        ("several audiences", token(json!({"aud": ["x", "feast-server"]})), 200),
        ("expired", token(json!({"exp": in_seconds(-60)})), 401),
        ("expired within the leeway", token(json!({"exp": in_seconds(-4)})), 200),
        ("without end", token(json!({"exp": null})), 401),
        ("not yet valid", token(json!({"nbf": in_seconds(60)})), 401),
        ("from the future", token(json!({"iat": in_seconds(60)})), 401),
        ("wrong audience", token(json!({"aud": "other"})), 401),
        ("no audience", token(json!({"aud": null})), 401),
        ("wrong issuer", token(json!({"iss": "https://provider/"})), 401),
        ("nobody's", token(json!({"preferred_username": null})), 401),
    ];
    check(&server, &cases);
}

#[test]
fn only_signatures_of_the_providers_keys_are_accepted() {
    let provider = Provider::start();
    let (_repository, server) = serve(&provider, "");
    let claims = reader();
    let token = |alg: &str, named: &str, key: &str| signed(&json!({"alg": alg, "kid": named}), &claims, key);
    let critical = json!({"alg": "RS256", "kid": "test-key-1", "crit": ["b64"], "b64": false});
    let cases = [
        ("another published key", token("RS256", "test-key-2", "test-key-2"), 200),
        ("an elliptic curve", token("ES256", "test-ec", "test-ec"), 200),
        ("unsigned", token("none", "test-key-1", ""), 401),
        (
            "unsigned, with a signature",
            token("none", "test-key-1", "") + "AAAA",
            401,
        ),
        ("the public key as a secret", token("HS256", "test-key-1", ""), 401),
        (
            "an algorithm that the key is not for",
            token("RS512", "test-key-1", "test-key-1"),
            401,
        ),
        (
            "a signature for a key of another kind",
            token("ES256", "test-key-1", "test-ec"),
            401,
        ),
        ("an unknown key", token("RS256", "nobody", "stranger"), 401),
        (
            "a stranger's key under a known name",
            token("RS256", "test-key-1", "stranger"),
            401,
        ),
        (
            "no name of a key, where there are several",
            signed(&json!({"alg": "RS256"}), &claims, "test-key-1"),
            401,
        ),
        ("what must be understood", signed(&critical, &claims, "test-key-1"), 401),
    ];
    check(&server, &cases);
}

#[test]
fn tokens_that_were_changed_are_refused_and_in_no_log() {
    let provider = Provider::start();
    let (_repository, server) = serve(&provider, "");
    let token = of_provider(&reader());
    let parts: Vec<&str> = token.split('.').collect();
    let [head, claims, signature] = parts[..] else {
        panic!("{token}")
    };
    let other = of_provider(&with(json!({"roles": ["reader", "steward"]})));
    let other = other.split('.').nth(1).unwrap();
    let cases = [
        ("whole", token.clone(), 200),
        ("other claims", format!("{head}.{other}.{signature}"), 401),
        ("without signature", format!("{head}.{claims}."), 401),
        ("two parts", format!("{head}.{claims}"), 401),
        ("four parts", format!("{token}.{signature}"), 401),
        ("no JWT", "x".to_owned(), 401),
        ("only dots", "..".to_owned(), 401),
    ];
    check(&server, &cases);
    let (_, log) = server.stop();
    assert!(!log.contains(claims) && !log.contains(signature), "{log}");
    assert!(
        log.contains("requests were refused, the last: the token is not accepted"),
        "{log}"
    );
}

#[test]
fn refusals_say_how_to_sign_in_and_no_more() {
    let provider = Provider::start();
    let (_repository, server) = serve(&provider, "");
    let expired = of_provider(&with(json!({"exp": in_seconds(-60)})));
    for (token, challenge) in [("", "Bearer"), (expired.as_str(), "Bearer error=\"invalid_token\"")] {
        // The body is not looked at.
        let refused = ask(&server, "/get-online-features", token, &json!("no body for this"));
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, Some(challenge))
        );
        assert_eq!(refused.json(), json!({"detail": "Invalid or expired access token"}));
    }
    for (method, path, status) in [
        ("GET", "/health", 200),
        ("GET", "/ready", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/docs", 200),
        ("GET", "/nothing", 404),
        ("GET", "/push", 405),
        ("POST", "/push/", 307),
        ("GET", "/v1/vector_stores", 401),
        ("GET", "/v1/vector_stores/x", 401),
        ("POST", "/v1/vector_stores/x/search", 401),
        ("POST", "/push", 401),
        ("POST", "/write-to-online-store", 401),
        ("POST", "/materialize", 401),
        ("POST", "/materialize-incremental", 401),
        ("POST", "/search", 401),
        ("POST", "/retrieve-online-documents", 401),
    ] {
        assert_eq!(server.send(method, path, &[], "{}").status, status, "{method} {path}");
    }
    let (_, log) = server.stop();
    assert!(log.contains("Warning: auth.audience is not set"), "{log}");
}

#[test]
fn by_default_a_token_must_not_be_of_another_issuer() {
    let provider = Provider::start();
    let own = "http://127.0.0.1:18085/realms/golden";
    for (settings, issuer, expected) in [
        ("", json!(own), 200),
        ("", json!("https://elsewhere"), 401),
        (", issuer: \"\"", json!("https://elsewhere"), 200),
    ] {
        let (_repository, server) = serve(&provider, settings);
        let token = of_provider(&with(json!({"iss": issuer})));
        assert_eq!(status_of_read(&server, &token), expected, "{settings} {issuer}");
    }
}

#[test]
fn a_lone_key_needs_no_name() {
    let provider = Provider::start();
    provider.publish(&["test-key-1"]);
    let (_repository, server) = serve(&provider, "");
    assert_eq!(
        status_of_read(&server, &signed(&json!({"alg": "RS256"}), &reader(), "test-key-1")),
        200
    );
    assert_eq!(
        status_of_read(&server, &signed(&json!({"alg": "RS256"}), &reader(), "stranger")),
        401
    );
}

#[test]
fn a_new_key_is_known_at_once_and_a_removed_one_goes() {
    let provider = Provider::start();
    provider.publish(&["test-key-1"]);
    let (_repository, server) = serve(&provider, ", jwks_cache_lifespan_seconds: 2");
    let second = |claims: &Value| signed(&json!({"alg": "RS256", "kid": "test-key-2"}), claims, "test-key-2");
    assert_eq!(status_of_read(&server, &of_provider(&reader())), 200);
    assert_eq!(status_of_read(&server, &second(&reader())), 401);
    provider.publish(&["test-key-2"]);
    // Meanwhile requests whose key is known are answered.
    provider.be_slow(Duration::from_millis(500));
    assert_eq!(status_of_read(&server, &second(&reader())), 200);
    let asked = Cell::new(0);
    eventually("the removed key is refused", || {
        asked.set(asked.get() + 1);
        // Another token each time, as an outcome is remembered for seconds.
        status_of_read(&server, &of_provider(&with(json!({"jti": asked.get()})))) == 401
    });
    assert_eq!(status_of_read(&server, &second(&reader())), 200);
}

#[test]
fn a_slow_provider_keeps_nobody_waiting_whose_key_is_known() {
    let provider = Provider::start();
    let (_repository, server) = serve(&provider, ", jwks_cache_lifespan_seconds: 1");
    assert_eq!(status_of_read(&server, &of_provider(&reader())), 200);
    provider.be_slow(Duration::from_secs(3));
    let before = provider.fetches();
    eventually("it fetches", || provider.fetches() > before);
    let stranger = signed(&json!({"alg": "RS256", "kid": "nobody"}), &reader(), "stranger");
    std::thread::scope(|scope| {
        let stranger = scope.spawn(|| {
            let refused = status_of_read(&server, &stranger);
            (refused, Instant::now())
        });
        for number in 0..5 {
            assert_eq!(
                status_of_read(&server, &of_provider(&with(json!({"jti": number})))),
                200
            );
        }
        let answered = Instant::now();
        let (status, refused) = stranger.join().unwrap();
        assert!(matches!(status, 401 | 503) && answered < refused);
    });
}

#[test]
fn wrong_tokens_cause_no_more_than_a_fetch_a_second() {
    let provider = Provider::start();
    let (_repository, server) = serve(&provider, "");
    assert_eq!(status_of_read(&server, &of_provider(&reader())), 200);
    let (before, began) = (provider.fetches(), Instant::now());
    std::thread::scope(|scope| {
        for client in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..3 {
                    let head = json!({"alg": "RS256", "kid": format!("{client}-{number}")});
                    assert_eq!(status_of_read(server, &signed(&head, &reader(), "stranger")), 401);
                }
            });
        }
    });
    let most = began.elapsed().as_secs() as usize + 2;
    assert!(
        provider.fetches() - before <= most,
        "{} fetches",
        provider.fetches() - before
    );
}

#[test]
fn while_the_provider_is_away_its_last_keys_are_used_and_without_keys_the_server_says_so() {
    let provider = Provider::start();
    provider.go_away(true);
    let (_repository, server) = serve(&provider, ", jwks_cache_lifespan_seconds: 1");
    let refused = ask(
        &server,
        "/get-online-features",
        &of_provider(&reader()),
        &read_of_members(),
    );
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1")),
        "{}",
        refused.body
    );
    assert_eq!(
        refused.json(),
        "The server cannot check access tokens for now. Try again later."
    );
    assert_eq!(status_of_read(&server, ""), 401);
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    provider.go_away(false);
    eventually("the keys are there", || {
        status_of_read(&server, &of_provider(&reader())) == 200
    });
    provider.go_away(true);
    let before = provider.fetches();
    // Their time ends, and fetching fails.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(status_of_read(&server, &of_provider(&with(json!({"jti": 1})))), 200);
    let stranger = signed(&json!({"alg": "RS256", "kid": "nobody"}), &reader(), "stranger");
    assert_eq!(status_of_read(&server, &stranger), 503);
    assert_eq!(provider.fetches(), before);
    let (_, log) = server.stop();
    assert!(
        log.contains("the keys of the OpenID provider cannot be fetched: http://"),
        "{log}"
    );
    assert!(
        log.contains("the keys of the OpenID provider are fetched again"),
        "{log}"
    );
}

#[test]
fn keys_that_are_none_are_left_out() {
    let provider = Provider::start();
    let mut keys = published_keys();
    let list = keys["keys"].as_array_mut().unwrap();
    list[1]["use"] = json!("enc");
    list.push(json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"}));
    list.push(json!({"kty": "new", "kid": "unknown"}));
    list.push(json!("no key"));
    provider.publish_as(keys);
    let (_repository, server) = serve(&provider, "");
    assert_eq!(status_of_read(&server, &of_provider(&reader())), 200);
    let second = signed(&json!({"alg": "RS256", "kid": "test-key-2"}), &reader(), "test-key-2");
    assert_eq!(status_of_read(&server, &second), 401);
    let secret = signed(&json!({"alg": "HS256", "kid": "secret"}), &reader(), "");
    assert_eq!(status_of_read(&server, &secret), 401);
}
