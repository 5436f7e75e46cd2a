//! `feast online-store scan` and `stats`: the rows of whole views through the binary, of each store.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use feast_fixtures::RedisServer;
use serde_json::{Value, json};

use crate::support::{Repository, Server};

const VIEW: &str = "driver_hourly_stats";

fn settings(store: &str) -> String {
    format!("project: feature_repo\nregistry: data/registry.db\nonline_store: {{{store}}}\n")
}

/// A repository with five rows in RocksDB.
fn materialized() -> Repository {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "--disable-event-timestamp"]);
    repository
}

fn lines(repository: &Repository, file: &str, more: &[&str]) -> Vec<Value> {
    let scan = ["-f", file, "online-store", "scan", VIEW, "--output", "json"];
    let printed = repository.succeed(&[&scan[..], more].concat());
    printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn stats(repository: &Repository, file: &str) -> Value {
    let printed = repository.succeed(&["-f", file, "online-store", "stats", "--output", "json"]);
    serde_json::from_str(&printed).unwrap()
}

/// Rows of so many more drivers.
fn push(server: &Server, drivers: std::ops::Range<i64>) {
    let all = |value: Value| vec![value; usize::try_from(drivers.end - drivers.start).unwrap()];
    let time = json!("2026-05-13T10:59:42Z");
    let body = json!({
        "push_source_name": "driver_stats_push_source", "to": "online",
        "df": {"driver_id": drivers.clone().collect::<Vec<_>>(), "event_timestamp": all(time.clone()), "created": all(time),
               "conv_rate": all(json!(0.5)), "acc_rate": all(Value::Null), "avg_daily_trips": all(json!(7))}
    });
    let answer = server.post_json("/push", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn rows_are_printed_as_they_are_stored_also_beside_a_server() {
    let repository = materialized();
    let file = "feature_store.yaml";
    let drivers = |rows: &[Value]| -> Vec<i64> {
        let ids = rows.iter().map(|row| row["keys"]["driver_id"].as_i64().unwrap());
        ids.collect()
    };
    let five = lines(&repository, file, &[]);
    assert_eq!(drivers(&five), [1001, 1002, 1003, 1004, 1005]);
    let one = repository.succeed(&["online-store", "get", VIEW, "driver_id=1001", "--json"]);
    let mut one: Value = serde_json::from_str(&one).unwrap();
    one["keys"] = json!({"driver_id": 1001});
    assert_eq!(five[0], one);
    let before = stats(&repository, file);
    assert_eq!(
        (
            &before["type"],
            &before["views"][0]["feature_view"],
            &before["views"][0]["rows"]
        ),
        (&json!("rocksdb"), &json!(VIEW), &json!(5))
    );

    let server = repository.serve();
    // More than two pages.
    push(&server, 100_000..102_500);
    let rows = lines(&repository, file, &[]);
    assert_eq!(rows.len(), 2505);
    let expected = json!({
        "keys": {"driver_id": 100_000},
        "features": {"conv_rate": 0.5, "acc_rate": null, "avg_daily_trips": 7},
        "event_time": "2026-05-13T10:59:42Z", "created_time": "2026-05-13T10:59:42Z"
    });
    assert!(rows.contains(&expected));
    let mut all = drivers(&rows);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 2505, "each row once");
    for limit in ["0", "1", "999", "1000", "1001", "2505", "9999"] {
        let found = lines(&repository, file, &["--limit", limit]);
        assert_eq!(found[..], rows[..limit.parse::<usize>().unwrap().min(2505)], "{limit}");
    }
    let now = stats(&repository, file);
    assert_eq!(now["views"][0]["rows"], json!(2505));
    assert_eq!(
        now["views"][0]["newest_event"].as_str().unwrap(),
        before["views"][0]["newest_event"]
            .as_str()
            .unwrap()
            .max("2026-05-13T10:59:42Z")
    );
    assert!(now["views"][0]["bytes"].as_u64() > before["views"][0]["bytes"].as_u64());
    server.stop();
}

#[test]
fn a_person_gets_a_table() {
    let repository = materialized();
    let server = repository.serve();
    push(&server, 100_000..100_200);
    server.stop();
    let outcome = repository.feast(&["online-store", "scan", VIEW]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let rows: Vec<Vec<&str>> = outcome
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 101);
    let mut headers = rows[0].clone();
    headers.sort_unstable();
    assert_eq!(
        headers,
        [
            "acc_rate",
            "avg_daily_trips",
            "conv_rate",
            "created_time",
            "driver_id",
            "event_time"
        ]
    );
    assert!(
        outcome.stderr.contains("These are 100 rows, and there may be more"),
        "{}",
        outcome.stderr
    );
    let all = repository.feast(&["online-store", "scan", VIEW, "--limit", "500"]);
    assert_eq!((all.stdout.lines().count(), &*all.stderr), (206, ""));
    let table = repository.succeed(&["online-store", "stats"]);
    let line: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line[..2], [VIEW, "205"], "{table}");
    let unknown = repository.feast(&["online-store", "scan", "nothing"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("nothing does not exist"), "{}", unknown.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it() {
    let repository = materialized();
    let server = repository.serve();
    for start in (100_000..200_000).step_by(20_000) {
        push(&server, start..start + 20_000);
    }
    server.stop();
    let mut command = repository.command(&["online-store", "scan", VIEW, "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.starts_with("{\"keys\":{\"driver_id\":"), "{first}");
    // The pipe is closed by now.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn sqlite_and_redis_have_the_same_rows() {
    let repository = materialized();
    let redis = RedisServer::start(&[]);
    repository.write("lite.yaml", &settings("type: sqlite, path: data/online.db"));
    let store = format!("type: redis, connection_string: \"{}\"", redis.address());
    repository.write("redis.yaml", &settings(&store));
    repository.succeed(&[
        "online-store",
        "copy",
        "--from",
        "feature_store.yaml",
        "--to",
        "lite.yaml",
    ]);
    repository.succeed(&["online-store", "copy", "--from", "lite.yaml", "--to", "redis.yaml"]);
    let of_lite = lines(&repository, "lite.yaml", &[]);
    assert_eq!(of_lite.len(), 5);
    let mut of_redis = lines(&repository, "redis.yaml", &[]);
    of_redis.sort_by_key(|row| row["keys"]["driver_id"].as_i64());
    let without_created = |rows: Vec<Value>| -> Vec<Value> {
        let rows = rows.into_iter().map(|mut row| {
            row["created_time"] = Value::Null;
            row
        });
        rows.collect()
    };
    assert_eq!(without_created(of_lite), without_created(of_redis));
    let counted = stats(&repository, "lite.yaml");
    assert_eq!(
        (&counted["views"][0]["rows"], &counted["type"]),
        (&json!(5), &json!("sqlite"))
    );
    assert!(
        counted["views"][0]["newest_event"].is_string() && counted["file_bytes"].as_u64() > Some(0),
        "{counted}"
    );
    let refused = repository.feast(&["-f", "redis.yaml", "online-store", "stats"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("are not counted in Redis"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_store_that_is_not_there_is_named_and_not_made() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.write("lite.yaml", &settings("type: sqlite, path: elsewhere/online.db"));
    let read = [
        "get-online-features",
        "-e",
        "driver_id=1001",
        "-f",
        "driver_hourly_stats:conv_rate",
    ];
    let commands: [&[&str]; 6] = [
        &["online-store", "get", VIEW, "driver_id=1001"],
        &["online-store", "scan", VIEW],
        &["online-store", "stats"],
        &["online-store", "delete", "--view", VIEW, "driver_id=1001"],
        &read,
        &["backup", "backups"],
    ];
    // A directory alone is a volume in which no store is yet.
    for has_directory in [false, true] {
        if has_directory {
            std::fs::create_dir(repository.path.join("data/online_store")).unwrap();
        }
        for command in commands {
            let outcome = repository.feast(command);
            assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{command:?}");
            for expected in [
                "Error: there is no online store in /",
                "/data/online_store yet\nHint: ",
                "feast materialize",
                "--chdir",
            ] {
                assert!(outcome.stderr.contains(expected), "{command:?}: {}", outcome.stderr);
            }
        }
        assert_eq!(repository.exists("data/online_store"), has_directory);
    }
    let left = std::fs::read_dir(repository.path.join("data/online_store")).unwrap();
    assert_eq!(left.count(), 0);
    for command in &commands[..3] {
        let outcome = repository.feast(&[&["-f", "lite.yaml"], *command].concat());
        assert!(
            outcome.stderr.contains("there is no online store in "),
            "{}",
            outcome.stderr
        );
        assert_eq!(outcome.code, Some(1));
    }
    assert!(!repository.exists("elsewhere") && !repository.exists("backups"));
    // What is missing is another thing once there is a store.
    repository.succeed(&["materialize", "--disable-event-timestamp"]);
    assert!(repository.succeed(&read).contains("conv_rate"));
    std::fs::rename(
        repository.path.join("data/registry.db"),
        repository.path.join("registry.db"),
    )
    .unwrap();
    let outcome = repository.feast(&["backup", "backups"]);
    assert!(
        outcome.stderr.contains("there is no registry at "),
        "{}",
        outcome.stderr
    );
    assert!(!repository.exists("backups"));
}
