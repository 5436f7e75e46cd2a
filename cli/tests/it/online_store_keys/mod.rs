//! Rows of single entities through the binary: shown as they are stored, and removed for good, also from the memory and the files of a
//! server.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Repository, Server};

const VIEW: &str = "driver_hourly_stats";
/// Bytes that are nowhere else.
const MARK: i64 = 0x1b_5e_7a_c3_91_4d_e2_68;

fn materialized() -> Repository {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    repository
}

fn push(server: &Server, driver: i64, trips: i64, time: &str, to: &str) {
    let body = json!({
        "push_source_name": "driver_stats_push_source", "to": to,
        "df": {"driver_id": [driver], "event_timestamp": [time], "created": [time],
               "conv_rate": [0.5], "acc_rate": [0.25], "avg_daily_trips": [trips]}
    });
    let answer = server.post_json("/push", &body);
    assert!([200, 202].contains(&answer.status), "{}", answer.body);
}

fn trips(server: &Server, driver: i64) -> Value {
    let body = json!({"features": ["driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": [driver]}});
    let answer = server.post_json("/get-online-features", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["results"][1]["values"][0].clone()
}

/// Whether a file of the online store has these bytes.
fn files_hold(store: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "sst" || end == "log"));
    let mut contents = files.filter_map(|path| std::fs::read(path).ok());
    contents.any(|contents| contents.windows(bytes.len()).any(|part| part == bytes))
}

#[test]
fn a_row_is_shown_as_it_is_stored_with_and_without_a_server() {
    let repository = materialized();
    let server = repository.serve();
    push(&server, 50_000, 7, "2026-05-13T10:59:42Z", "online");
    let json = |repository: &Repository| -> Value {
        let printed = repository.succeed(&["online-store", "get", VIEW, "driver_id=50000", "--json"]);
        serde_json::from_str(&printed).unwrap()
    };
    let expected = json!({
        "features": {"conv_rate": 0.5, "acc_rate": 0.25, "avg_daily_trips": 7},
        "event_time": "2026-05-13T10:59:42Z", "created_time": "2026-05-13T10:59:42Z"
    });
    assert_eq!(json(&repository), expected);
    drop(server);
    assert_eq!(json(&repository), expected);
    let table = repository.succeed(&["online-store", "get", VIEW, "driver_id=50000"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "VALUE"]);
    assert!(lines.contains(&vec!["avg_daily_trips", "7"]), "{table}");
    assert!(lines.contains(&vec!["event_time", "2026-05-13T10:59:42Z"]), "{table}");
    let refused = |arguments: &[&str], expected: &str| {
        let outcome = repository.feast(&[&["online-store", "get"], arguments].concat());
        assert_ne!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    };
    refused(&[VIEW, "driver_id=60000"], "has no row of that key");
    refused(&[VIEW, "driver_id=x"], "\"x\" is no Int64");
    refused(&[VIEW, "driver=1"], "has no join key driver");
    refused(&[VIEW], "join key driver_id is missing");
    refused(&[VIEW, "driver_id"], "KEY=VALUE");
    refused(&["other", "driver_id=1"], "other does not exist");
}

#[test]
fn a_row_is_gone_from_the_memory_of_a_server_and_from_the_files_of_its_store() {
    let repository = materialized();
    let store = repository.path.join("data/online_store");
    let server = repository.serve();
    push(&server, 50_000, MARK, "2026-05-13T10:59:42Z", "online");
    push(&server, 50_001, 8, "2026-05-13T10:59:42Z", "online");
    // Twice, so that it is in memory.
    assert_eq!(trips(&server, 50_000), json!(MARK));
    assert_eq!(trips(&server, 50_000), json!(MARK));
    assert!(files_hold(&store, &MARK.to_le_bytes()));
    let outcome = repository.feast(&["online-store", "delete", "--view", VIEW, "driver_id=50000"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(
        outcome.stdout,
        "1 rows removed from the online store, of driver_hourly_stats\n"
    );
    assert!(
        outcome.stderr.contains("has the online store open and does it"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("data/driver_stats.parquet"),
        "{}",
        outcome.stderr
    );
    assert_eq!(trips(&server, 50_000), Value::Null);
    assert_eq!(trips(&server, 50_001), json!(8), "others stay");
    assert!(!files_hold(&store, &MARK.to_le_bytes()));
    // An older row than the removed one is new data.
    push(&server, 50_000, 5, "2026-05-12T10:59:42Z", "online");
    assert_eq!(trips(&server, 50_000), json!(5));
    // A route for commands only.
    let body = json!({"view": VIEW, "keys": [["driver_id", "50000"]]});
    assert_eq!(server.post_json("/forget-rows", &body).status, 404);
    server.kill();
    let server = repository.serve();
    assert_eq!(trips(&server, 50_000), json!(5));
    assert_eq!(trips(&server, 50_001), json!(8));
}

#[test]
fn all_rows_of_an_entity_go_and_a_push_that_waits_does_not_bring_one_back() {
    let repository = materialized();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let batching = "feature_server:\n    offline_push_batching_enabled: true\n    offline_push_batching_batch_size: 1000\n    \
                    offline_push_batching_batch_interval_seconds: 600\n";
    repository.write("feature_store.yaml", &format!("{settings}\n{batching}"));
    let server = repository.serve();
    push(&server, 50_000, MARK, "2026-05-13T10:59:42Z", "online_and_offline");
    assert_eq!(trips(&server, 50_000), json!(MARK));
    let printed = repository.succeed(&["online-store", "delete", "--entity", "driver_id=50000"]);
    assert!(printed.contains(VIEW), "{printed}");
    assert_eq!(trips(&server, 50_000), Value::Null);
    let store = repository.path.join("data/online_store");
    assert!(
        !files_hold(&store, &MARK.to_le_bytes()),
        "neither the row nor the push that waited"
    );
    server.kill();
    let server = repository.serve();
    assert_eq!(trips(&server, 50_000), Value::Null);
    drop(server);
    // The parquet file has it, as the command said.
    repository.succeed(&["materialize", "2026-05-13", "2026-05-14"]);
    assert_eq!(trips(&repository.serve(), 50_000), json!(MARK));
    // Without a server, and a row that a materialization has written.
    let printed = repository.succeed(&["online-store", "delete", "--entity", "driver_id=50000"]);
    assert!(printed.starts_with("1 rows removed"), "{printed}");
    assert_eq!(trips(&repository.serve(), 50_000), Value::Null);
}

#[test]
fn a_view_without_entities_has_one_row_that_needs_no_key() {
    let repository = Repository::empty();
    repository.write(
        "feature_store.yaml",
        "project: p\nregistry: data/registry.db\nonline_store: {type: rocksdb}\n",
    );
    repository.write(
        "definitions.py",
        r#"
from feast import FeatureView, Field, FileSource, PushSource
from feast.types import Int64

file = FileSource(name="file", path="data/rates.parquet", timestamp_field="event_timestamp")
rates = FeatureView(
    name="rates", entities=[], schema=[Field(name="rate", dtype=Int64)], source=PushSource(name="rates_push", batch_source=file)
)
"#,
    );
    let outcome = repository.feast(&["apply", "--skip-source-validation"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let server = repository.serve();
    let rows = json!({"rate": [7], "event_timestamp": ["2026-05-13T10:59:42Z"]});
    let pushed = server.post_json(
        "/push",
        &json!({"push_source_name": "rates_push", "to": "online", "df": rows}),
    );
    assert_eq!(pushed.status, 200, "{}", pushed.body);
    let shown = repository.succeed(&["online-store", "get", "rates", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&shown).unwrap()["features"],
        json!({"rate": 7})
    );
    let refused = repository.feast(&["online-store", "get", "rates", "driver_id=1"]);
    assert!(refused.stderr.contains("it has no entities"), "{}", refused.stderr);
    repository.succeed(&["online-store", "delete", "--view", "rates"]);
    let gone = repository.feast(&["online-store", "get", "rates"]);
    assert!(gone.stderr.contains("has no row of that key"), "{}", gone.stderr);
}

#[test]
fn what_is_to_be_removed_must_be_said() {
    let repository = materialized();
    let refused = |arguments: &[&str], expected: &str| {
        let outcome = repository.feast(&[&["online-store", "delete"], arguments].concat());
        assert_ne!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    };
    refused(&["driver_id=1001"], "--entity");
    refused(&["--entity", "--view", VIEW, "driver_id=1001"], "--view");
    refused(
        &["--entity", "rider_id=1001"],
        "no feature view has the join keys rider_id",
    );
    refused(&["--view", VIEW, "driver_id=1", "driver_id=2"], "is given twice");
    assert!(
        repository
            .succeed(&["online-store", "get", VIEW, "driver_id=1001"])
            .contains("conv_rate")
    );
}
