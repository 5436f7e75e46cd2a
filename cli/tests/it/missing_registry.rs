//! A registry whose file is not there: before the first `feast apply`, or where the path of it is wrong. One that is there and empty is
//! served as it is.

use crate::support::{Repository, Server, eventually};

const END: &str = "2100-01-01T00:00:00";
const MISSING: &str =
    "there is no registry at registry.db: run `feast apply`, or correct the path of the registry in feature_store.yaml";

fn ready(server: &Server) -> (u16, serde_json::Value) {
    let answer = server.send("GET", "/ready", &[], "");
    (answer.status, answer.json()["reasons"].take())
}

#[test]
fn a_server_is_not_ready_before_there_is_a_registry() {
    let repository = Repository::from_template();
    let server = repository.serve();
    assert_eq!(ready(&server), (503, serde_json::json!([MISSING])));
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    repository.succeed(&["apply"]);
    eventually("it is ready", || ready(&server) == (200, serde_json::json!([])));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    let warnings: Vec<_> = log
        .lines()
        .filter(|line| line.contains("there is no registry at "))
        .collect();
    let place = repository.path.join("data/registry.db").display().to_string();
    let expected = MISSING.replace("registry.db", &place);
    assert!(
        matches!(warnings.as_slice(), [line] if line.contains(&expected)),
        "{log}"
    );
    assert!(log.contains("condition registry_missing is over"), "{log}");
}

#[test]
fn nothing_is_materialized_without_a_registry() {
    let repository = Repository::from_template();
    let outcome = repository.feast(&["materialize-incremental", END]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    for part in ["there is no registry at ", "data/registry.db", "run `feast apply`"] {
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
    assert!(!repository.exists("data/registry.db"));
    let server = repository.serve();
    let between =
        format!(r#"{{"start_ts":"2020-01-01T00:00:00","end_ts":"{END}","feature_views":["driver_hourly_stats"]}}"#);
    let until = format!(r#"{{"end_ts":"{END}"}}"#);
    for (path, body) in [
        ("/materialize", &between),
        ("/materialize-incremental", &until),
        ("/materialize-incremental?async=true", &until),
    ] {
        let refused = server.post(path, body);
        assert_eq!(refused.status, 503, "{path}: {}", refused.body);
        assert!(
            refused.body.contains("there is no registry at registry.db"),
            "{path}: {}",
            refused.body
        );
    }
    repository.succeed(&["apply"]);
    let answer = server.post("/materialize-incremental", &until);
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
}

#[test]
fn a_registry_that_is_there_and_empty_is_served() {
    let repository = Repository::from_template();
    repository.write("data/registry.db", "");
    let server = repository.serve();
    assert_eq!(ready(&server), (200, serde_json::json!([])));
    let answer = server.post("/materialize-incremental", &format!(r#"{{"end_ts":"{END}"}}"#));
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
}
