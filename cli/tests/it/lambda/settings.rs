//! What a function does not start with, and what it starts with and warns of.

use serde_json::json;

use super::emulator::{Function, Start};
use super::{READ, configure, materialized};
use crate::support::Repository;

/// What a function that does not start says, to AWS and in its log.
fn refusal(repository: &Repository, start: &Start<'_>) -> String {
    let refused = Function::start(repository, start).err().unwrap();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let told = refused.told.unwrap();
    let message = told["errorMessage"].as_str().unwrap();
    assert_eq!(told["errorType"], "Feast.CannotStart");
    // The log has the hint on a line of its own.
    for part in message.trim_end_matches(')').split(" (").flat_map(str::lines) {
        assert!(refused.stderr.contains(part), "{part:?} is not in {}", refused.stderr);
    }
    message.to_owned()
}

#[test]
fn what_keeps_a_function_from_starting_is_told() {
    let options = |options| Start {
        options,
        ..Start::default()
    };
    let snap_start = Start {
        variables: &[("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")],
        ..Start::default()
    };
    for (settings, start, expected) in [
        (
            "feature_server: {feature_logging: {enabled: true}}",
            options(&[]),
            "feature_server.feature_logging is on, and not offered in a function",
        ),
        ("serving: {nonsense: 1}", options(&[]), "nonsense"),
        ("", options(&["--restore", "none"]), "none"),
        (
            "",
            snap_start,
            "SnapStart is on for this function, and not supported (switch SnapStart off)",
        ),
        (
            "feature_server: {audit_logging: {enabled: true, sink: file, file_path: /proc/none/audit.log}}",
            options(&[]),
            "audit.log",
        ),
        (
            "serving: {traces: {endpoint: \"ftp://127.0.0.1\"}}",
            options(&[]),
            "ftp",
        ),
    ] {
        let repository = materialized();
        configure(&repository, settings);
        let said = refusal(&repository, &start);
        assert!(said.contains(expected), "{settings}: {said}");
    }
}

#[test]
fn a_store_that_is_not_there_is_told() {
    let repository = Repository::from_template();
    let said = refusal(&repository, &Start::default());
    assert!(said.contains("online_store"), "{said}");
}

#[test]
fn a_registry_that_is_not_there_is_told() {
    let repository = materialized();
    std::fs::remove_file(repository.path.join("data/registry.db")).unwrap();
    let said = refusal(&repository, &Start::default());
    assert!(said.contains("there is no registry at "), "{said}");
    assert!(said.contains("run `feast apply`"), "{said}");
}

#[test]
fn offline_batching_is_refused_where_something_is_written_redis() {
    let redis = feast_fixtures::RedisServer::start(&[]);
    let repository = crate::redis_trouble::repository_on(&redis, "");
    const BATCHING: &str = "feature_server: {offline_push_batching_enabled: true, offline_push_batching_batch_size: 10, \
         offline_push_batching_batch_interval_seconds: 10}";
    configure(&repository, BATCHING);
    let said = refusal(&repository, &Start::default());
    assert!(
        said.contains("feature_server.offline_push_batching_enabled is on"),
        "{said}"
    );
    // Nothing would wait.
    let repository = materialized();
    configure(&repository, BATCHING);
    let mut function = Function::of(&repository, &[]);
    assert_eq!(function.post("/get-online-features", READ).status, 200);
}

#[test]
fn metrics_have_a_route_and_no_port() {
    let repository = materialized();
    configure(
        &repository,
        "feature_server: {metrics: {enabled: true}}\nserving: {metrics_route: true, log_level: warn}",
    );
    let mut function = Function::of(&repository, &[]);
    assert_eq!(function.post("/get-online-features", READ).status, 200);
    let page = function.get("/metrics");
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("feast_feature_server_request_total"),
        "{}",
        page.body
    );
    let log = function.kill();
    assert!(log.contains("metrics have no port in a function"), "{log}");
    // The level of the settings.
    assert!(!log.contains("\"POST /get-online-features\" 200"), "{log}");
}

#[test]
fn a_log_in_json_is_whole() {
    let repository = materialized();
    let mut command = repository.command(&["--log-format", "json", "lambda"]);
    let ended = command.env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1").output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let stderr = String::from_utf8(ended.stderr).unwrap();
    let lines = stderr.lines().map(serde_json::from_str::<serde_json::Value>);
    let lines: Vec<_> = lines
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{error} in {stderr}"));
    assert!(
        lines
            .iter()
            .any(|line| line.to_string().contains("is ready and only reads")),
        "{stderr}"
    );
    assert!(
        lines
            .last()
            .unwrap()
            .to_string()
            .contains("the runtime API of AWS Lambda failed"),
        "{stderr}"
    );
}

#[test]
fn outside_of_lambda_it_says_what_to_do() {
    let repository = Repository::empty();
    for (value, expected) in [
        (
            None,
            "AWS_LAMBDA_RUNTIME_API is not set: this command is started by AWS Lambda",
        ),
        (Some("/x"), "AWS_LAMBDA_RUNTIME_API is not a host and a port"),
    ] {
        let mut command = repository.command(&["lambda"]);
        command.env_remove("AWS_LAMBDA_RUNTIME_API");
        command.envs(value.map(|value| ("AWS_LAMBDA_RUNTIME_API", value)));
        let ended = command.output().unwrap();
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(
            (ended.status.code(), json!(stderr.contains(expected))),
            (Some(1), json!(true)),
            "{stderr}"
        );
    }
}
