//! A server whose store cannot be written for a while, or is moved, goes on without a restart. A store that one process writes is read by
//! another.

use std::time::{Duration, Instant};

use feast_engine::model::{FeatureSelection, ValueType};
use feast_engine::{Access, EntityRows, FeatureStore, FieldStatus, KeyColumn, RepositoryConfig};
use serde_json::{Value, json};

use crate::support::{Disk, Repository, Response, Server, eventually};

const STORE: &str = "data/online_store";

/// Pushes rows of these drivers to the online store.
fn push(server: &Server, drivers: &[i64]) -> Response {
    let of_each = |value: Value| Value::Array(vec![value; drivers.len()]);
    server.post_json(
        "/push",
        &json!({
            "push_source_name": "driver_stats_push_source", "to": "online",
            "df": {
                "driver_id": drivers, "event_timestamp": of_each(json!("2026-05-13T10:59:42+00:00")),
                "created": of_each(json!("2026-05-13 10:59:42")), "conv_rate": of_each(json!(1.0)), "acc_rate": of_each(json!(1.0)),
                "avg_daily_trips": drivers
            }
        }),
    )
}

/// Asserts that all rows are served that were answered for.
fn check_rows(server: &Server, drivers: &[i64]) {
    for drivers in drivers.chunks(2000) {
        let body = json!({"features": ["driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": drivers}});
        let answer = server.post_json("/get-online-features", &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["results"][1]["values"], json!(drivers));
    }
}

/// Pushes more and more rows until that is refused, and gives the answer.
fn push_until_refused(server: &Server, accepted: &mut Vec<i64>) -> Response {
    loop {
        let first = 10_000 + accepted.len() as i64;
        assert!(first < 2_000_000, "a disk has an end");
        let drivers: Vec<i64> = (first..first + 5000).collect();
        let answer = push(server, &drivers);
        if answer.status != 200 {
            return answer;
        }
        accepted.extend(drivers);
    }
}

fn check_refusal(answer: &Response, causes: &[&str]) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(
        causes.iter().any(|cause| answer.body.contains(cause)),
        "{}",
        answer.body
    );
}

#[test]
fn a_full_disk_that_has_room_again_needs_no_restart() {
    const CAUSES: [&str; 2] = ["the disk is full", "No space left on device"];
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let Some(disk) = Disk::at(&repository.path.join(STORE), "24m") else {
        return;
    };
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![0; 16 << 20]).unwrap();
    let server = repository.serve();
    let mut accepted = Vec::new();
    check_refusal(&push_until_refused(&server, &mut accepted), &CAUSES);
    assert!(!accepted.is_empty());
    // Attempts to bring it back fail meanwhile.
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        check_refusal(&push(&server, &[1]), &CAUSES);
        check_rows(&server, &accepted);
        std::thread::sleep(Duration::from_millis(100));
    }
    std::fs::remove_file(&filler).unwrap();
    eventually("it has room again", || push(&server, &[2]).status == 200);
    accepted.push(2);
    check_rows(&server, &accepted);
    server.kill();
    let server = repository.serve();
    check_rows(&server, &accepted);
    let (_, log) = server.stop();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_moved_store_refuses_pushes_until_it_is_back() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    assert_eq!(push(&server, &[1]).status, 200);
    let (store, aside) = (repository.path.join(STORE), repository.path.join("aside"));
    std::fs::rename(&store, &aside).unwrap();
    // For 200 ms the directory may not have been looked at.
    let moved = Instant::now();
    while push(&server, &[2]).status == 200 {
        assert!(moved.elapsed() < Duration::from_secs(5), "pushes are lost");
    }
    check_refusal(&push(&server, &[3]), &["is not there any more"]);
    check_rows(&server, &[1]);
    // A second server starts on the path, with a store of its own.
    let second = repository.serve();
    assert_eq!(push(&second, &[4]).status, 200);
    eventually("another one is seen", || {
        push(&server, &[3]).body.contains("is another directory now")
    });
    check_rows(&second, &[4]);
    assert_eq!(second.stop().0, Some(0));
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::rename(&aside, &store).unwrap();
    eventually("it is back", || push(&server, &[5]).status == 200);
    check_rows(&server, &[1, 5]);
    server.kill();
    check_rows(&repository.serve(), &[1, 5]);
}

#[test]
fn rows_that_a_server_writes_are_read_by_another_process_within_a_second() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    assert_eq!(push(&server, &[1]).status, 200);
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let config = RepositoryConfig::parse(&settings, &repository.path).unwrap();
    let reader = FeatureStore::open_with(config, Access::ReadOnly).unwrap();
    reader.open_online_store().unwrap();
    let features = vec!["driver_hourly_stats:avg_daily_trips".to_owned()];
    let plan = reader.plan(&FeatureSelection::Features(features), false).unwrap();
    let is_present = |driver: i64| {
        let keys = KeyColumn {
            name: "driver_id".to_owned(),
            value_type: ValueType::Int64,
            values: std::sync::Arc::new(arrow::array::Int64Array::from(vec![driver])),
        };
        let entities = EntityRows::new(1, vec![keys]).unwrap();
        let answer = reader.read(&plan, &entities).unwrap();
        answer.columns().nth(1).unwrap().statuses[0] == FieldStatus::Present
    };
    assert!(is_present(1));
    for driver in 2..12 {
        assert!(!is_present(driver));
        assert_eq!(push(&server, &[driver]).status, 200);
        let pushed = Instant::now();
        while !is_present(driver) {
            assert!(pushed.elapsed() < Duration::from_secs(20), "driver {driver}");
            std::thread::sleep(Duration::from_millis(200));
            reader.tend_online_store().unwrap();
        }
    }
    assert!(reader.online_store_trouble().is_none());
}
