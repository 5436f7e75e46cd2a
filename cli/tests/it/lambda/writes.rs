//! Writes in a function: none to an embedded store, and to Redis those that are done when they are answered.

use std::path::Path;

use feast_fixtures::RedisServer;
use serde_json::{Value, json};

use super::emulator::Function;
use super::events::{Asked, Gateway};
use super::{JSON, READ, comparable, configure, is_write, materialized};
use crate::golden::{Recorded, repository_on_redis};
use crate::redis_trouble::repository_on;
use crate::traces::Collector;

fn push(to: &str, trips: i64) -> String {
    let time = "2100-01-01T00:00:00";
    let df = json!({ "driver_id": [1001], "event_timestamp": [time], "created": [time],
        "conv_rate": [0.5], "acc_rate": [0.25], "avg_daily_trips": [trips] });
    json!({ "push_source_name": "driver_stats_push_source", "df": df, "to": to }).to_string()
}

/// Rows of a view.
fn write(trips: i64) -> String {
    let rows: Value = serde_json::from_str(&push("online", trips)).unwrap();
    json!({ "feature_view_name": "driver_hourly_stats", "df": rows["df"] }).to_string()
}

const MATERIALIZE: &str = r#"{"start_ts":"2020-01-01T00:00:00","end_ts":"2030-01-01T00:00:00"}"#;

fn files_of(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files_of(&path),
            path => vec![(path.display().to_string(), std::fs::read(&path).unwrap_or_default())],
        })
        .collect();
    files.sort();
    files
}

#[test]
fn an_embedded_store_is_only_read() {
    let repository = materialized();
    let mut function = Function::of(&repository, &[]);
    let before = files_of(&repository.path);
    for (target, body) in [
        ("/push", push("online", 777)),
        ("/push", push("offline", 777)),
        ("/push", push("online_and_offline", 777)),
        ("/write-to-online-store", write(777)),
        ("/materialize", MATERIALIZE.to_owned()),
        ("/materialize?async=true", MATERIALIZE.to_owned()),
        (
            "/materialize-incremental",
            r#"{"end_ts":"2030-01-01T00:00:00"}"#.to_owned(),
        ),
    ] {
        let refused = function.post(target, &body);
        assert_eq!(refused.status, 503, "{target}: {}", refused.body);
        let said = refused.json().as_str().unwrap().to_owned();
        assert!(
            said.contains("a function only reads its embedded online store"),
            "{target}: {said}"
        );
    }
    assert_eq!(function.post("/get-online-features", READ).status, 200);
    function.kill();
    assert!(files_of(&repository.path) == before, "files have changed");
}

#[test]
fn rows_are_in_redis_when_their_push_is_answered() {
    let redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    let parquet = files_of(&repository.path.join("data"));
    let server = repository.serve_with(&["--read-only"]);
    let read = || server.send("POST", "/get-online-features", JSON, READ);
    let trips = || read().json()["results"][1]["values"][0].clone();
    for (count, (target, body)) in [("/push", push("online", 778)), ("/write-to-online-store", write(779))]
        .iter()
        .enumerate()
    {
        let mut function = Function::of(&repository, &[]);
        let answer = function.post(target, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        // As a process that is frozen, and never goes on.
        function.kill();
        assert_eq!(trips(), json!(778 + count));
    }
    let mut function = Function::of(&repository, &[]);
    for (target, body, expected) in [
        ("/push", push("offline", 1), "does not push to the offline store"),
        (
            "/push",
            push("online_and_offline", 1),
            "does not push to the offline store",
        ),
        ("/materialize", MATERIALIZE.to_owned(), "does not materialize"),
        (
            "/materialize?async=true",
            MATERIALIZE.to_owned(),
            "does not materialize",
        ),
        (
            "/materialize-incremental",
            r#"{"end_ts":"2030-01-01T00:00:00"}"#.to_owned(),
            "does not materialize",
        ),
    ] {
        let refused = function.post(target, &body);
        assert_eq!(refused.status, 501, "{target}: {}", refused.body);
        assert!(refused.body.contains(expected), "{target}: {}", refused.body);
    }
    assert_eq!(trips(), json!(779));
    assert!(files_of(&repository.path.join("data")) == parquet, "files have changed");
}

/// All that is recorded, in its order: what is written is read by what comes later.
#[test]
fn the_answers_on_redis_are_those_of_a_server() {
    let (of_server, of_function) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let mut refused = 0;
    for answers in [feast_fixtures::GOLDEN_ANSWERS, feast_fixtures::CLIENT_ANSWERS] {
        let (first, second) = (
            repository_on_redis(&of_server, true, "{}"),
            repository_on_redis(&of_function, true, "{}"),
        );
        let server = first.serve();
        let mut function = Function::of(&second, &[]);
        for line in answers.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let recorded = Recorded::of(&record);
            let asked = Asked::of(&recorded);
            let answer = function.ask(Gateway::Url, &asked);
            if is_write(recorded.path) && answer.status == 501 && answer.body.contains("a function does not") {
                refused += 1;
                continue;
            }
            let expected = recorded.send(&server);
            assert_eq!(comparable(&answer), comparable(&expected), "{}", record["name"]);
        }
    }
    assert!(refused > 0);
}

/// A process that is never given time again after its answer.
#[test]
fn what_is_noted_of_a_request_is_written_before_its_answer() {
    let collector = Collector::start();
    let repository = materialized();
    configure(
        &repository,
        &format!(
            "serving: {{{}}}\nfeature_server: {{audit_logging: {{enabled: true, sink: file, file_path: data/audit.log}}}}",
            collector.traces("1.0")
        ),
    );
    let mut function = Function::of(&repository, &[]);
    assert_eq!(function.post("/get-online-features", READ).status, 200);
    let log = function.kill();
    assert!(log.contains("\"POST /get-online-features\" 200"), "{log}");
    let audit = std::fs::read_to_string(repository.path.join("data/audit.log")).unwrap();
    assert!(audit.contains("/get-online-features"), "{audit}");
    assert!(!collector.request("POST /get-online-features").is_empty());
}
