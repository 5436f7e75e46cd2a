//! A repository whose online store is a SQLite file, as Feast makes it by default.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Repository, Server};

/// What `feast init` makes, with Feast's default online store, applied and materialized.
fn repository() -> Repository {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let (before, _) = settings.split_once("online_store:").unwrap();
    repository.write("feature_store.yaml", before);
    repository
}

/// The values of one driver, by `conv_rate` and `avg_daily_trips`, and the event time.
fn read(server: &Server, driver: i64) -> Value {
    let features = ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"];
    let response = server.post_json(
        "/get-online-features",
        &json!({ "features": features, "entities": { "driver_id": [driver] } }),
    );
    assert_eq!(response.status, 200, "{}", response.body);
    let results = &response.json()["results"];
    json!([
        results[1]["values"][0],
        results[2]["values"][0],
        results[2]["event_timestamps"][0]
    ])
}

fn push(server: &Server, to: &str, time: &str, trips: i64) -> (u16, String) {
    let df = json!({ "driver_id": [1001], "event_timestamp": [time], "created": [time],
        "conv_rate": [0.5], "acc_rate": [0.25], "avg_daily_trips": [trips] });
    let body = json!({ "push_source_name": "driver_stats_push_source", "df": df, "to": to });
    let response = server.post_json("/push", &body);
    (
        response.status,
        response.header("x-feast-stale-rows").unwrap_or_default().to_owned(),
    )
}

/// Rows of a query on the file, each as text.
fn sql(repository: &Repository, query: &str) -> Option<Vec<String>> {
    let script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as connection:\n    \
                  for row in connection.execute(sys.argv[2]): print(*row)";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(repository.path.join("data/online.db"))
        .arg(query)
        .output()
        .ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect(),
    )
}

#[test]
fn a_repository_with_feasts_default_store_is_applied_materialized_and_served() {
    let repository = repository();
    let applied = repository.succeed(&["apply"]);
    assert!(
        applied.contains("\nCreated sqlite table feature_repo_driver_hourly_stats\n"),
        "{applied}"
    );
    assert!(repository.exists("data/online.db"));
    let materialized = repository.succeed(&["materialize", "2000-01-01T00:00:00", "2100-01-01T00:00:00"]);
    assert!(materialized.contains("into the sqlite online store"), "{materialized}");
    let server = repository.serve();
    let before = read(&server, 1001);
    assert_ne!(before[1], Value::Null);
    assert_eq!(
        push(&server, "online", "2001-01-01T00:00:00Z", 1),
        (200, "1".to_owned())
    );
    assert_eq!(read(&server, 1001), before);
    assert_eq!(
        push(&server, "online", "2099-01-01T00:00:00.25Z", 2),
        (200, "0".to_owned())
    );
    assert_eq!(read(&server, 1001), json!([0.5, 2, "2099-01-01T00:00:00Z"]));
    // Within a second the later arrival.
    assert_eq!(
        push(&server, "online", "2099-01-01T00:00:00Z", 3),
        (200, "0".to_owned())
    );
    assert_eq!(read(&server, 1001), json!([0.5, 3, "2099-01-01T00:00:00Z"]));
    // What was acknowledged is there for another process, also when this one is killed.
    server.kill();
    let stored = "SELECT value_text, event_ts FROM feature_repo_driver_hourly_stats \
                  WHERE feature_name = 'avg_daily_trips' AND event_ts > 4000000000";
    if let Some(rows) = sql(&repository, stored) {
        assert_eq!(rows, ["3 4070908800"]);
    }
    assert_eq!(read(&repository.serve(), 1001), json!([0.5, 3, "2099-01-01T00:00:00Z"]));
}

#[test]
fn what_another_process_commits_is_read_at_once() {
    let repository = repository();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2000-01-01T00:00:00", "2100-01-01T00:00:00"]);
    let (first, second) = (repository.serve(), repository.serve());
    for trips in 1..20 {
        let (writer, reader) = if trips % 2 == 0 {
            (&first, &second)
        } else {
            (&second, &first)
        };
        assert_eq!(
            push(writer, "online", "2099-01-01T00:00:00Z", trips),
            (200, "0".to_owned())
        );
        assert_eq!(read(reader, 1001)[1], trips);
    }
    // A file that was removed has no rows, and the next write makes it again.
    std::fs::remove_file(repository.path.join("data/online.db")).unwrap();
    assert_eq!(read(&first, 1001)[1], Value::Null);
    assert_eq!(
        push(&second, "online", "2001-01-01T00:00:00Z", 5),
        (200, "0".to_owned())
    );
    assert_eq!(read(&first, 1001)[1], 5);
}

#[test]
fn a_feature_that_cannot_be_read_is_an_error_only_where_it_is_requested() {
    let repository = repository();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let status = |feature: &str| {
        let request =
            json!({ "features": [format!("driver_hourly_stats:{feature}")], "entities": { "driver_id": [1001] } });
        let response = server.post_json("/get-online-features", &request);
        (response.status, response.body)
    };
    let column =
        |change: &str| format!("UPDATE feature_repo_driver_hourly_stats SET {change} WHERE feature_name = 'conv_rate'");
    for change in [
        "value = x'ff'",
        "value = 'text'",
        "event_ts = 'yesterday'",
        "created_ts = 1.5",
    ] {
        assert_eq!(push(&server, "online", "2099-01-01T00:00:00Z", 7).0, 200, "{change}");
        let Some(_) = sql(&repository, &column(change)) else {
            return;
        };
        // Twice, as rows are held in memory.
        for _ in 0..2 {
            let (code, body) = status("avg_daily_trips");
            assert!(code == 200 && body.contains('7'), "{change}: {code} {body}");
            let (code, body) = status("conv_rate");
            assert!(code == 500 && body.contains("conv_rate"), "{change}: {code} {body}");
        }
        sql(&repository, "DELETE FROM feature_repo_driver_hourly_stats");
    }
}

#[test]
fn a_view_that_becomes_one_of_another_kind_keeps_its_rows() {
    let repository = repository();
    repository.succeed(&["apply"]);
    assert_eq!(push(&repository.serve(), "online", "2099-01-01T00:00:00Z", 7).0, 200);
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    let other_kind = definitions
        .replace("FeatureView", "BatchFeatureView")
        .replace("source=driver_stats_push_source", "source=driver_stats_source");
    repository.write("feature_definitions.py", &other_kind);
    repository.succeed(&["apply"]);
    assert_eq!(read(&repository.serve(), 1001)[1], 7);
}

#[test]
fn only_apply_drops_the_tables_of_removed_views() {
    const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let repository = repository();
    repository.succeed(&["apply"]);
    let definitions = repository.path.join("feature_definitions.py");
    repository.succeed(&["materialize", "2000-01-01T00:00:00", "2100-01-01T00:00:00"]);
    let server = repository.serve();
    std::fs::write(&definitions, "").unwrap();
    let applied = repository.succeed(&["apply"]);
    assert!(
        applied.contains("\nDeleted sqlite table feature_repo_driver_hourly_stats\n"),
        "{applied}"
    );
    if let Some(rows) = sql(&repository, TABLES) {
        assert!(rows.is_empty(), "{rows:?}");
    }
    server.kill();
    repository.succeed(&["teardown"]);
    assert!(!repository.exists("data/online.db"));
}

#[test]
fn a_locked_file_is_503_and_the_server_goes_on() {
    let repository = repository();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2000-01-01T00:00:00", "2100-01-01T00:00:00"]);
    let server = repository.serve();
    let before = read(&server, 1001);
    let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None)\ndb.execute('BEGIN EXCLUSIVE')\n\
                  print('locked', flush=True)\nsys.stdin.read()";
    let child = Command::new("python3")
        .args(["-c", script])
        .arg(repository.path.join("data/online.db"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return };
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    let body = json!({ "features": ["driver_hourly_stats:conv_rate"], "entities": { "driver_id": [1001] } });
    let response = server.post_json("/get-online-features", &body);
    assert_eq!(response.status, 503, "{}", response.body);
    assert!(response.header("retry-after").is_some());
    assert!(
        response
            .body
            .contains("online store online.db: another process has it locked"),
        "{}",
        response.body
    );
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(read(&server, 1001), before);
}
