//! Who asked, in the audit log: who was let in and what they may not do, and who was not let in and why.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::provider::Provider;
use super::token::{in_seconds, of_provider, reader, signed};
use super::{api_keys, ask, library, read_of_members};
use crate::audit::shown;
use crate::support::{Repository, Server};

const AUDIT: &str = "feature_server: {audit_logging: {enabled: true, sink: file}}";

fn serve(auth: &str) -> (Repository, Server) {
    library(&format!("{auth}\n{AUDIT}")).serve_and_keep()
}

/// The lines of a server that was stopped.
fn lines(repository: &Repository, server: Server) -> Vec<Value> {
    server.stop();
    let file: PathBuf = repository.path.join("feast_audit.log");
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn who_is_let_in_is_named_with_roles_and_how() {
    let provider = Provider::start();
    let empty = Repository::empty();
    let (key, entry) = api_keys::make(&empty, &["nightly", "--role", "reader"]);
    let (repository, server) = serve(&format!(
        "{}\nserving: {{api_keys: {}}}",
        provider.auth(""),
        json!([entry])
    ));
    for token in [&of_provider(&reader()), &key] {
        assert_eq!(
            ask(&server, "/get-online-features", token, &read_of_members()).status,
            200
        );
    }
    let who: Vec<Value> = lines(&repository, server)
        .into_iter()
        .map(|line| line["principal"].clone())
        .collect();
    assert_eq!(
        who,
        [
            json!({"username": "ann", "roles": ["reader"], "auth_type": "oidc"}),
            json!({"username": "nightly", "roles": ["reader"], "auth_type": "api_key"}),
        ]
    );
}

#[test]
fn a_refusal_says_what_may_not_be_done_and_which_permission_decided() {
    let provider = Provider::start();
    let (repository, server) = serve(&provider.auth(""));
    let token = of_provider(&reader());
    let cases = [
        (
            "/get-online-features",
            json!({"features": ["book_stats:lent", "book_stats_archive:lent_ever"], "entities": {"book_id": [10]}}),
            "feature_view book_stats_archive READ_ONLINE",
            "feature_view book_stats,book_stats_archive READ_ONLINE",
        ),
        (
            "/push",
            json!({"push_source_name": "branch_push", "to": "online", "df": {"branch_id": [20], "visitors": [41],
                "event_timestamp": ["2026-02-01T00:00:00"], "created": ["2026-02-01T00:00:00"]}}),
            "feature_view branch_live WRITE_ONLINE",
            "push_source branch_push WRITE_ONLINE",
        ),
    ];
    let mut expected = Vec::new();
    for (path, body, denied, asked) in &cases {
        assert_eq!(ask(&server, path, &token, body).status, 403, "{path}");
        expected.push(format!("authz.decision | {denied} | denied"));
        expected.push(format!("http.request | {asked} | denied | POST {path} -> 403"));
    }
    let found = lines(&repository, server);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (line, expected) in found.iter().zip(&expected) {
        assert!(
            shown(line).starts_with(expected.as_str()),
            "{} is not {expected}",
            shown(line)
        );
        assert_eq!(line["principal"]["username"], "ann");
        assert_eq!(line["action"]["path"].as_str().map(str::is_empty), Some(false));
    }
    assert_eq!(
        found[0]["detail"],
        "Permission archive denied execution of ['READ_ONLINE'] to FeatureView:book_stats_archive: User must be in at least one of the \
         permitted groups or namespaces"
    );
}

#[test]
fn who_is_not_let_in_has_the_cause_and_never_the_token() {
    let provider = Provider::start();
    let (repository, server) = serve(&provider.auth(", audience: feast-server, issuer: \"https://provider\""));
    let with = |changes: Value| {
        let mut claims = reader();
        let usual = json!({"aud": "feast-server", "iss": "https://provider"});
        for (name, value) in [usual, changes].iter().flat_map(|some| some.as_object().unwrap()) {
            claims[name] = value.clone();
        }
        claims
    };
    let valid = with(json!({}));
    let head = |alg: &str, key: &str| json!({"alg": alg, "kid": key});
    let cases = [
        (String::new(), "the request has no bearer token"),
        (
            of_provider(&with(json!({"exp": in_seconds(-60)}))),
            "the token is not accepted: it has expired",
        ),
        (
            of_provider(&with(json!({"aud": "other"}))),
            "the token is not accepted: it is not for audience feast-server",
        ),
        (
            of_provider(&with(json!({"iss": "me\u{202e}"}))),
            "the token is not accepted: its issuer is \"me\\u{202e}\", not https://provider",
        ),
        (
            signed(&head("RS256", "test-key-1"), &valid, "stranger"),
            "the token is not accepted: InvalidSignature",
        ),
        (
            signed(&head("RS256", "nobody"), &valid, "stranger"),
            "the token is not accepted: the provider has no key \"nobody\"",
        ),
        (
            signed(&head("none", "test-key-1"), &valid, ""),
            "the token is not accepted: it is signed by \"none\", which is not accepted",
        ),
        (
            "guessed".to_owned(),
            "the token is not accepted: it is no API key of this server, and no JWT",
        ),
    ];
    for (token, cause) in &cases {
        assert_eq!(
            ask(&server, "/get-online-features", token, &read_of_members()).status,
            401,
            "{cause}"
        );
    }
    let found = lines(&repository, server);
    let nobody = json!({"username": "", "roles": [], "auth_type": ""});
    for (pair, (token, cause)) in found.chunks(2).zip(&cases) {
        assert_eq!(shown(&pair[0]), format!("authn.failure | - | failure | {cause}"));
        assert_eq!(
            shown(&pair[1]),
            "http.request | feature_service  READ_ONLINE | failure | POST /get-online-features -> 401"
        );
        assert_eq!(pair[0]["request_id"], pair[1]["request_id"]);
        for line in pair {
            assert_eq!(line["principal"], nobody);
            let text = line.to_string();
            let secret = token.split('.').nth(1).filter(|claims| !claims.is_empty());
            assert!(secret.is_none_or(|claims| !text.contains(claims)), "{text}");
        }
    }
    assert_eq!(found.len(), 2 * cases.len());
}

#[test]
fn a_token_that_cannot_be_checked_is_no_refusal_of_it() {
    let provider = Provider::start();
    provider.go_away(true);
    let (repository, server) = serve(&provider.auth(""));
    let answer = ask(&server, "/push", &of_provider(&reader()), &json!({}));
    assert_eq!(answer.status, 503, "{}", answer.body);
    let found: Vec<String> = lines(&repository, server).iter().map(shown).collect();
    assert!(
        found[0].starts_with("authn.failure | - | error | the token cannot be checked: "),
        "{found:?}"
    );
    assert_eq!(
        found[1],
        "http.request | push_source  WRITE_ONLINE+WRITE_OFFLINE | error | POST /push -> 503"
    );
}
