//! The log of served features: what is refused, what is logged of which requests, and that rows outlive destinations and processes.
//! What is in the files is read by Python Feast in `fixtures/interop/feature_logs.py`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Repository, Response, Server, eventually};

const DEFINITIONS: &str = r#"
from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.feature_logging import LoggingConfig
from feast.infra.offline_stores.bigquery_source import BigQueryLoggingDestination
from feast.infra.offline_stores.file_source import FileLoggingDestination
from feast.types import Int64, Map, String

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
history = FileSource(name="history", path="data/history.parquet", timestamp_field="ts")
pushed = PushSource(name="pushed", batch_source=history)
stats = FeatureView(
    name="stats",
    entities=[driver],
    source=pushed,
    schema=[Field(name="driver_id", dtype=Int64), Field(name="trips", dtype=Int64), Field(name="note", dtype=String)],
)
maps = FeatureView(
    name="maps", entities=[driver], source=pushed, schema=[Field(name="driver_id", dtype=Int64), Field(name="m", dtype=Map)]
)
"#;

/// A repository with a service `service` of these features and this logging configuration.
fn repository(features: &str, logging: &str, feature_logging: &str, serving: &str) -> Repository {
    let repository = Repository::empty();
    repository.write(
        "feature_store.yaml",
        &format!(
            "project: logs\nregistry: data/registry.db\nonline_store: {{type: rocksdb, path: data/online_store}}\n\
             feature_server: {{feature_logging: {{{feature_logging}}}}}\nserving: {{metrics_route: true{serving}}}\n"
        ),
    );
    define(&repository, features, logging);
    repository
}

fn define(repository: &Repository, features: &str, logging: &str) {
    let service =
        format!("service = FeatureService(name=\"service\", features=[{features}], logging_config={logging})\n");
    repository.write("definitions.py", &format!("{DEFINITIONS}{service}"));
    repository.succeed(&["apply"]);
}

const TO_FILES: &str = r#"LoggingConfig(destination=FileLoggingDestination(path="logs"))"#;
/// Nothing goes to its destination before the server stops.
const ON: &str = "enabled: true, write_to_disk_interval_secs: 1, flush_interval_secs: 3600";
const EAGER: &str = "enabled: true, write_to_disk_interval_secs: 1, flush_interval_secs: 1";

fn read(server: &Server, drivers: &[i64]) -> Response {
    let body = json!({"feature_service": "service", "entities": {"driver_id": drivers}});
    let response = server.post_json("/get-online-features", &body);
    assert_eq!(response.status, 200, "{}", response.body);
    response
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let found = paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    found
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect()
}

/// The samples of the log on the page of metrics, without those that are 0.
fn counted(server: &Server) -> BTreeMap<String, u64> {
    let page = server.send("GET", "/metrics", &[], "");
    let samples = page.body.lines().filter_map(|line| {
        let (sample, value) = line.strip_prefix("feast_feature_log_")?.rsplit_once(' ')?;
        // Gauges are written with a point.
        Some((sample.to_owned(), value.parse::<f64>().unwrap() as u64))
    });
    samples.filter(|(_, value)| *value > 0).collect()
}

fn count(server: &Server, sample: &str) -> u64 {
    counted(server).get(sample).copied().unwrap_or_default()
}

const ROWS: &str = r#"rows_total{feature_service="service"}"#;
const FAILURES: &str = r#"failures_total{step="destination"}"#;

fn dropped(reason: &str) -> String {
    format!(r#"dropped_rows_total{{feature_service="service",reason="{reason}"}}"#)
}

#[test]
fn what_cannot_be_logged_is_refused_at_the_start() {
    let check = |features: &str, logging: &str, expected: &str| {
        let repository = repository(features, logging, ON, "");
        let outcome = repository.feast(&["serve", "--port", "0"]);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
        assert!(!repository.exists("logs"));
    };
    let start = "feature service service cannot be logged: ";
    check(
        "stats, maps",
        TO_FILES,
        &format!("{start}maps__m is of type Map, for which Feast's logs have no column"),
    );
    check(
        "stats",
        r#"LoggingConfig(destination=BigQueryLoggingDestination(table_ref="a.b.c"))"#,
        &format!("{start}its logging_config has a destination that is not a file"),
    );
    check(
        "stats",
        r#"LoggingConfig(destination=FileLoggingDestination(path="s3://bucket/logs"))"#,
        &format!("{start}its destination \"s3://bucket/logs\" is not a directory of this machine"),
    );
    check(
        "stats",
        r#"LoggingConfig(destination=FileLoggingDestination(path="logs", partition_by=["none"]))"#,
        &format!("{start}it is to be partitioned by none, which its log does not have"),
    );
}

#[test]
fn a_service_that_is_not_to_be_logged_may_have_features_of_any_type() {
    let never = r#"LoggingConfig(destination=FileLoggingDestination(path="logs"), sample_rate=0.0)"#;
    let repository = repository("maps", never, ON, "");
    let server = repository.serve();
    read(&server, &[1]);
    assert_eq!(counted(&server), BTreeMap::new());
    server.stop();
    assert!(!repository.exists("logs"));
}

#[test]
fn services_that_ask_for_a_log_are_named_where_there_is_none() {
    let repository = repository("maps", TO_FILES, "enabled: false", "");
    let server = repository.serve();
    read(&server, &[1]);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    let expected = "what is served of service is not logged, though there is a logging_config: \
                    feature_server.feature_logging.enabled is not true";
    assert_eq!(log.matches(expected).count(), 1, "{log}");
    assert!(!repository.exists("logs") && !repository.exists("data/feature_log"));
}

#[test]
fn all_rows_of_a_request_are_logged_once_when_the_server_stops() {
    let repository = repository("stats", TO_FILES, ON, "");
    let server = repository.serve();
    for _ in 0..5 {
        read(&server, &[1, 2, 3]);
    }
    // Neither features by their names nor what is refused.
    let by_name = json!({"features": ["stats:trips"], "entities": {"driver_id": [1]}});
    assert_eq!(server.post_json("/get-online-features", &by_name).status, 200);
    let wrong = json!({"feature_service": "service", "entities": {"x": [1]}});
    assert_eq!(server.post_json("/get-online-features", &wrong).status, 400);
    eventually("the rows are on disk", || count(&server, "waiting_rows") == 0);
    assert!(files(&repository.path.join("logs")).is_empty());
    assert!(!files(&repository.path.join("data/feature_log")).is_empty());
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(files(&repository.path.join("logs")).len(), 1);
    assert!(files(&repository.path.join("data/feature_log")).is_empty());
}

#[test]
fn each_flush_makes_a_file_and_nothing_makes_none() {
    let repository = repository("stats", TO_FILES, EAGER, "");
    let server = repository.serve();
    for round in 1..=2 {
        read(&server, &[1, 2]);
        eventually("the rows are logged", || count(&server, ROWS) == 2 * round);
    }
    let expected = [("files_total".to_owned(), 2), (ROWS.to_owned(), 4)];
    assert_eq!(counted(&server), expected.into());
    server.stop();
    assert_eq!(files(&repository.path.join("logs")).len(), 2);
}

#[test]
fn a_sample_of_the_requests_is_logged_with_all_of_their_rows() {
    let half = r#"LoggingConfig(destination=FileLoggingDestination(path="logs"), sample_rate=0.5)"#;
    let repository = repository("stats", half, EAGER, "");
    let server = repository.serve();
    for _ in 0..200 {
        read(&server, &[1, 2, 3]);
    }
    eventually("the rows are logged", || {
        counted(&server)
            .keys()
            .all(|name| name == ROWS || name == "files_total")
    });
    let rows = count(&server, ROWS);
    // Seven times the standard deviation on each side.
    assert!(rows.is_multiple_of(3) && (150..=450).contains(&rows), "{rows}");
}

#[test]
fn a_destination_that_cannot_be_written_gets_its_rows_when_it_can() {
    let repository = repository("stats", TO_FILES, EAGER, "");
    // A file where the directory should be.
    repository.write("logs", "");
    let server = repository.serve();
    read(&server, &[1, 2]);
    eventually("the hand-over fails", || count(&server, FAILURES) > 1);
    read(&server, &[3]);
    std::fs::remove_file(repository.path.join("logs")).unwrap();
    eventually("the rows are logged", || count(&server, ROWS) == 3);
    assert_eq!(count(&server, "spool_bytes"), 0);
    let (_, log) = server.stop();
    let expected = "the log of feature service service waits in the spool: cannot create the directory";
    assert_eq!(log.matches(expected).count(), 1, "{log}");
    assert!(
        log.contains("logged features that waited in the spool are in their destinations"),
        "{log}"
    );
}

#[test]
fn what_is_in_the_spool_outlives_the_process_and_its_service() {
    let repository = repository("stats", TO_FILES, ON, "");
    let server = repository.serve();
    read(&server, &[1, 2]);
    eventually("the rows are on disk", || count(&server, "waiting_rows") == 0);
    server.kill();
    assert!(!repository.exists("logs"));
    // Others may use the spool at the same time, each for itself.
    let (first, second) = (repository.serve(), repository.serve_with(&["--read-only"]));
    eventually("the rows are logged", || count(&first, ROWS) == 2);
    read(&second, &[3]);
    eventually("the rows are on disk", || count(&second, "waiting_rows") == 0);
    second.kill();
    first.stop();
    define(&repository, "stats", "None");
    let server = repository.serve();
    eventually("the row is logged", || count(&server, ROWS) == 1);
    server.stop();
    assert_eq!(files(&repository.path.join("logs")).len(), 2);
    assert!(files(&repository.path.join("data/feature_log")).is_empty());
}

/// The spool of a server that was killed with three rows in it, and their files in the order in which they were written.
fn killed_with_three_parts(repository: &Repository) -> (PathBuf, [PathBuf; 3]) {
    let server = repository.serve();
    for driver in 1..=3 {
        read(&server, &[driver]);
        eventually("the row is on disk", || count(&server, "waiting_rows") == 0);
    }
    server.kill();
    let spool = repository.path.join("data/feature_log");
    let mut parts = files(&spool);
    parts.sort();
    (spool, parts.try_into().unwrap())
}

#[test]
fn a_file_that_is_there_loses_no_row_when_some_of_its_parts_are_gone() {
    let repository = repository("stats", TO_FILES, ON, "");
    let (spool, [_, _, last]) = killed_with_three_parts(&repository);
    let left = std::fs::read(&last).unwrap();
    repository.serve().stop();
    let logged = files(&repository.path.join("logs"));
    let [file] = &logged[..] else { panic!("{logged:?}") };
    let whole = std::fs::read(file).unwrap();
    assert!(files(&spool).is_empty());

    // As a process leaves it that is killed while it removes parts.
    std::fs::create_dir_all(last.parent().unwrap()).unwrap();
    std::fs::write(&last, left).unwrap();
    repository.serve().stop();
    assert!(files(&spool).is_empty());
    assert_eq!(files(&repository.path.join("logs")), logged);
    assert!(std::fs::read(file).unwrap() == whole);
}

#[test]
fn a_damaged_part_is_set_aside_and_the_others_are_logged() {
    let repository = repository("stats", TO_FILES, ON, "");
    let (spool, [_, second, _]) = killed_with_three_parts(&repository);
    std::fs::write(second, "torn").unwrap();
    let server = repository.serve();
    eventually("the others are logged", || count(&server, ROWS) == 2);
    let (_, log) = server.stop();
    assert!(log.contains(".damaged, and its rows are not logged"), "{log}");
    assert!(files(&spool).is_empty());
    let place = std::fs::read_dir(spool.join("logs/0")).unwrap();
    let names = place.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.ends_with(".damaged")).count(), 1);
}

#[test]
fn rows_for_which_there_is_no_room_are_counted_and_their_requests_answered() {
    let small = "enabled: true, write_to_disk_interval_secs: 3600, flush_interval_secs: 3600, queue_capacity: 4";
    let repository = repository("stats", TO_FILES, small, "");
    let server = repository.serve();
    read(&server, &[1, 2, 3, 4, 5]);
    assert_eq!(count(&server, &dropped("queue_full")), 5);
    read(&server, &[1]);
    let (_, log) = server.stop();
    assert!(
        log.contains("5 rows of feature service service were not logged (queue_full)"),
        "{log}"
    );
    assert_eq!(files(&repository.path.join("logs")).len(), 1);
}

#[test]
fn the_spool_takes_no_more_than_it_may() {
    let repository = repository("stats", TO_FILES, EAGER, ", feature_log_spool_mib: 1");
    repository.write("logs", "");
    let server = repository.serve();
    // Numbers that do not compress, by a linear congruence.
    let mut number = 1_u64;
    let mut drivers = Vec::new();
    for _ in 0..50_000 {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        drivers.push((number >> 2) as i64);
    }
    let full = dropped("spool_full");
    eventually("the spool is full", || {
        read(&server, &drivers);
        count(&server, &full) >= 50_000
    });
    assert!(count(&server, "spool_bytes") < 8 << 20);
    std::fs::remove_file(repository.path.join("logs")).unwrap();
    eventually("the rows are logged", || {
        count(&server, "spool_bytes") == 0 && count(&server, "waiting_rows") == 0
    });
    let lost = count(&server, &full);
    read(&server, &[1]);
    let (_, log) = server.stop();
    let expected = "as much waits for destinations as may: more logged features are lost until some can be written";
    assert!(log.contains(expected), "{log}");
    assert_eq!(lost % 50_000, 0);
}

#[test]
fn a_service_that_becomes_one_that_cannot_be_logged_is_served_all_the_same() {
    let repository = repository("stats", TO_FILES, EAGER, "");
    let server = repository.serve();
    read(&server, &[1]);
    eventually("the row is logged", || count(&server, ROWS) == 1);
    define(&repository, "stats, maps", TO_FILES);
    eventually("the registry is read again", || {
        read(&server, &[1]);
        count(&server, &dropped("not_loggable")) > 0
    });
    define(&repository, "stats", TO_FILES);
    let before = count(&server, ROWS);
    eventually("it is logged again", || {
        read(&server, &[1]);
        count(&server, ROWS) > before
    });
    let (_, log) = server.stop();
    let expected = "feature service service cannot be logged: maps__m is of type Map";
    assert_eq!(log.matches(expected).count(), 1, "{log}");
}
