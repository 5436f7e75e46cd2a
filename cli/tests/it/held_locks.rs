//! Locks that other processes hold, and registries whose file system does not answer: waits end, with an error that says for what.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Repository, Response, Server, eventually};

fn push(server: &Server, to: &str) -> Response {
    let body = json!({
        "push_source_name": "driver_stats_push_source",
        "to": to,
        "df": {
            "driver_id": [77], "event_timestamp": ["2026-01-01T00:00:00"], "created": ["2026-01-01T00:00:00"],
            "conv_rate": [0.5], "acc_rate": [0.5], "avg_daily_trips": [7],
        },
    });
    server.post_json("/push", &body)
}

fn read(server: &Server, feature: &str) -> Response {
    let body = json!({ "features": [feature], "entities": { "driver_id": [77] } });
    server.post_json("/get-online-features", &body)
}

/// Who holds a lock, if the list of locks has the files of this file system by the numbers that they have elsewhere.
fn names_this_process(text: &str) -> bool {
    text.contains(&format!("process {} (", std::process::id())) || text.contains("another process")
}

/// As any process can do that may open the file.
fn held(path: &std::path::Path) -> File {
    let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn a_push_does_not_wait_for_ever_for_the_lock_of_its_source() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let lock = held(&repository.path.join("data/.driver_stats.parquet.lock"));
    std::thread::scope(|scope| {
        let refused = scope.spawn(|| push(&server, "online_and_offline"));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(push(&server, "online").status, 200);
        let refused = refused.join().unwrap();
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(
            refused.body.contains("cannot lock .driver_stats.parquet.lock: "),
            "{}",
            refused.body
        );
        assert!(
            refused.body.contains(" has held it for more than 10 s"),
            "{}",
            refused.body
        );
        assert!(names_this_process(&refused.body), "{}", refused.body);
    });
    drop(lock);
    assert_eq!(push(&server, "online_and_offline").status, 200);
}

#[test]
fn a_command_says_for_whom_it_waits() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let lock = held(&repository.path.join("data/.registry.db.lock"));
    let outcome = std::thread::scope(|scope| {
        let command = scope.spawn(|| repository.feast(&["feature-views", "disable", "driver_hourly_stats"]));
        // It says so after three.
        std::thread::sleep(Duration::from_secs(5));
        drop(lock);
        command.join().unwrap()
    });
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(".registry.db.lock: "), "{}", outcome.stderr);
    assert!(names_this_process(&outcome.stderr), "{}", outcome.stderr);
}

/// Opening a FIFO waits until another process opens its other end, as opening a file of a server that is away does.
#[test]
fn a_registry_whose_file_system_does_not_answer_stops_writes_only() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    assert_eq!(push(&server, "online").status, 200);
    let registry = repository.path.join("data/registry.db");
    let (kept, fifo) = (repository.path.join("data/kept"), repository.path.join("data/fifo"));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    std::fs::rename(&registry, &kept).unwrap();
    std::fs::rename(&fifo, &registry).unwrap();
    let refused = push(&server, "online");
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(
        refused
            .body
            .contains("the registry registry.db could not be read within 5 s: its file system does not answer"),
        "{}",
        refused.body
    );
    let start = Instant::now();
    for _ in 0..20 {
        let known = read(&server, "driver_hourly_stats:avg_daily_trips");
        assert_eq!(
            (known.status, &known.json()["results"][1]["values"]),
            (200, &json!([7]))
        );
        assert_eq!(read(&server, "unknown:feature").status, 404);
    }
    assert!(start.elapsed() < Duration::from_secs(20), "reads do not wait for it");

    std::fs::rename(&registry, &fifo).unwrap();
    std::fs::rename(&kept, &registry).unwrap();
    // Lets the thread go on that has it open.
    drop(OpenOptions::new().write(true).open(&fifo).unwrap());
    eventually("pushes go on", || push(&server, "online").status == 200);
    let stored: Value = read(&server, "driver_hourly_stats:avg_daily_trips").json();
    assert_eq!(stored["results"][1]["values"], json!([7]));
}

#[test]
fn a_server_waits_for_the_one_before_it_to_end() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let former = repository.serve();
    assert_eq!(push(&former, "online").status, 200);
    let holder = format!("process {} (feast) has closed ", former.process_id());
    // Not for longer than it is told to.
    let refused = repository.feast(&["serve", "--port", "0", "--lock-wait-seconds", "1"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in ["Waiting for 1s at most until ", &holder, "is in use by another process"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    let next = std::thread::scope(|scope| {
        let next = scope.spawn(|| repository.serve_with(&["--lock-wait-seconds", "60"]));
        std::thread::sleep(Duration::from_secs(1));
        // Nothing has come of it for the one that is there.
        assert_eq!(push(&former, "online").status, 200);
        assert_eq!(former.stop().0, Some(0));
        next.join().unwrap()
    });
    let known = read(&next, "driver_hourly_stats:avg_daily_trips");
    assert_eq!(known.json()["results"][1]["values"], json!([7]));
    let (code, log) = next.stop();
    assert_eq!(code, Some(0));
    let lines: Vec<_> = log.lines().filter(|line| line.starts_with("Waiting for ")).collect();
    assert!(matches!(lines.as_slice(), [line] if line.contains(&holder)), "{log}");
}

/// Several servers may have a SQLite file open, but each log of pushes is of one.
#[test]
fn a_server_waits_for_the_log_of_pushes_too() {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let (before, _) = settings.split_once("online_store:").unwrap();
    repository.write("feature_store.yaml", before);
    repository.succeed(&["apply"]);
    let former = repository.serve();
    assert_eq!(push(&former, "online_and_offline").status, 200);
    let (_, log) = repository.serve_with(&["--lock-wait-seconds", "1"]).stop();
    let waits = format!("until process {} (feast) has closed ", former.process_id());
    let line = log.lines().find(|line| line.contains(&waits));
    assert!(line.is_some_and(|line| line.ends_with("data/push_log")), "{log}");
    assert!(
        log.contains("pushes to both stores are refused by this server"),
        "{log}"
    );
    assert_eq!(former.stop().0, Some(0));
    let (_, log) = repository.serve_with(&["--lock-wait-seconds", "60"]).stop();
    assert!(!log.contains("Waiting for") && !log.contains("refused"), "{log}");
}

#[test]
fn a_server_that_waits_can_be_stopped() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let _holder = repository.serve();
    let waiting = repository
        .command(&["serve", "--port", "0", "--lock-wait-seconds", "600"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut waiting = waiting.unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("Waiting for 10m at most")));
    let id = waiting.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    assert_eq!(lines.last().as_deref(), Some("Feature server stopped"));
}
