//! Materializations that go on after their responses: the state of their views, and what is refused meanwhile.

use serde_json::{Value, json};

use crate::support::{Repository, Response, Server, eventually};

const VIEW: &str = "driver_hourly_stats";

fn state_of(repository: &Repository) -> String {
    let described = repository.succeed(&["feature-views", "describe", VIEW]);
    let state = described.lines().find_map(|line| line.strip_prefix("state: "));
    state.unwrap().to_owned()
}

/// Waits until no run is under way.
fn settled(repository: &Repository) -> String {
    eventually("the run ends", || state_of(repository) != "MATERIALIZING");
    state_of(repository)
}

fn materialize(server: &Server, query: &str, views: &Value) -> Response {
    let body = json!({"start_ts": "2020-01-01", "end_ts": "2030-01-01", "feature_views": views});
    server.post_json(&format!("/materialize{query}"), &body)
}

fn status(server: &Server) -> Value {
    let body = json!({"features": [format!("{VIEW}:conv_rate")], "entities": {"driver_id": [1001]}});
    let answer = server.post_json("/get-online-features", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["results"][1]["statuses"][0].clone()
}

#[test]
fn a_run_goes_on_after_its_response() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    assert_eq!(status(&server), "NOT_FOUND");
    let answer = materialize(&server, "?async=true", &Value::Null);
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.json(), json!({"status": "accepted", "feature_views": [VIEW]}));
    assert_eq!(settled(&repository), "AVAILABLE_ONLINE");
    assert_eq!(status(&server), "PRESENT");

    let answer = server.post_json("/materialize-incremental?async=yes", &json!({"end_ts": "2030-02-01"}));
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(settled(&repository), "AVAILABLE_ONLINE");
    let nothing = materialize(&server, "?async=true", &json!([]));
    assert_eq!(
        (nothing.status, nothing.json()["feature_views"].clone()),
        (202, json!([]))
    );
}

#[test]
fn views_being_materialized_are_served_but_not_taken_twice() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    assert_eq!(materialize(&server, "", &json!([VIEW])).status, 200);
    // As another process would leave it while it is at work.
    repository.succeed(&["feature-views", "set-state", VIEW, "MATERIALIZING"]);
    assert_eq!(status(&server), "PRESENT");
    let refused = materialize(&server, "?async=true", &json!([VIEW]));
    assert_eq!(refused.status, 409);
    assert_eq!(
        refused.json(),
        json!({
            "error": "Cannot start async materialization — the following feature views are already in MATERIALIZING state: \
                      ['driver_hourly_stats']. Use ?force=true to override.",
            "feature_views": [VIEW]
        })
    );
    assert_eq!(
        materialize(&server, "?async=true&force=true", &json!([VIEW])).status,
        202
    );
    assert_eq!(settled(&repository), "AVAILABLE_ONLINE");
    assert_eq!(materialize(&server, "?async=true", &json!([VIEW])).status, 202);
    assert_eq!(settled(&repository), "AVAILABLE_ONLINE");
}

#[test]
fn a_failed_run_leaves_what_was() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    std::fs::remove_file(repository.path.join("data/driver_stats.parquet")).unwrap();
    assert_eq!(materialize(&server, "?async=true", &json!([VIEW])).status, 202);
    assert_eq!(settled(&repository), "STATE_UNSPECIFIED");
    assert_eq!(status(&server), "NOT_FOUND");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("materialization in the background failed"), "{log}");
    assert!(log.contains("there is no parquet file"), "{log}");
}

#[test]
fn views_that_are_marked_at_the_start_are_logged() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    repository.succeed(&["feature-views", "set-state", VIEW, "MATERIALIZING"]);
    let server = repository.serve();
    assert_eq!(status(&server), "PRESENT");
    // It may be at work elsewhere, so the mark stays until a request overrides it.
    assert_eq!(materialize(&server, "?async=true", &json!([VIEW])).status, 409);
    let (_, log) = server.stop();
    assert!(
        log.contains("driver_hourly_stats is marked as being materialized"),
        "{log}"
    );
    assert_eq!(state_of(&repository), "MATERIALIZING");
}

#[test]
fn a_stopping_server_takes_its_marks() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    let server = repository.serve();
    for _ in 0..5 {
        assert_eq!(
            materialize(&server, "?async=true&force=true", &json!([VIEW, VIEW])).status,
            202
        );
    }
    let (code, _) = server.stop();
    assert_eq!((code, state_of(&repository).as_str()), (Some(0), "AVAILABLE_ONLINE"));
}

#[test]
fn what_cannot_run_is_refused_before_anything_is_marked() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let check = |body: Value, status: u16, text: &str| {
        let answer = server.post_json("/materialize?async=true", &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(answer.body.contains(text), "{body}: {}", answer.body);
        assert_eq!(state_of(&repository), "STATE_UNSPECIFIED");
    };
    check(json!({}), 400, "start_ts and end_ts are required");
    check(
        json!({"start_ts": "x", "end_ts": "2030-01-01"}),
        400,
        "start_ts: \\\"x\\\" is not a date or time",
    );
    check(json!({"feature_views": ["nope"]}), 404, "FeatureViewNotFoundException");
    check(json!({"version": "v1"}), 501, "version v1");
    repository.succeed(&["feature-views", "set-state", VIEW, "CREATED"]);
    let body = json!({"start_ts": "2020-01-01", "end_ts": "2030-01-01", "feature_views": [VIEW]});
    let answer = server.post_json("/materialize", &body);
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("cannot transition from CREATED to MATERIALIZING"),
        "{}",
        answer.body
    );
}

#[test]
fn a_view_that_is_named_twice_is_materialized_once() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let twice = json!({"feature_views": [VIEW, VIEW], "disable_event_timestamp": true});
    let answer = server.post_json("/materialize?async=true", &twice);
    assert_eq!(
        (answer.status, answer.json()["feature_views"].clone()),
        (202, json!([VIEW]))
    );
    assert_eq!(settled(&repository), "AVAILABLE_ONLINE");
}

#[test]
fn a_failed_run_gives_the_former_state_back() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    for state in ["CREATED", "GENERATED"] {
        repository.succeed(&["feature-views", "set-state", VIEW, state]);
    }
    let server = repository.serve();
    std::fs::remove_file(repository.path.join("data/driver_stats.parquet")).unwrap();
    assert_eq!(materialize(&server, "?async=true", &json!([VIEW])).status, 202);
    assert_eq!(settled(&repository), "GENERATED");
}
