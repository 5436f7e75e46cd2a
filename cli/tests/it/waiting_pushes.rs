//! Pushes that are answered while they wait for their parquet source: how many may, and that none is lost.

use serde_json::{Value, json};

use crate::support::{Repository, Response, Server, eventually};

const SETTINGS: &str = "feature_server:\n    offline_push_batching_enabled: true\n    offline_push_batching_batch_size: 4\n    \
                        offline_push_batching_batch_interval_seconds: 1\nserving:\n    push_queue_max_rows: 10\n";

fn push(server: &Server, driver: u32, to: &str) -> Response {
    let body = json!({
        "push_source_name": "driver_stats_push_source",
        "to": to,
        "df": {
            "driver_id": [driver], "event_timestamp": ["2026-01-01T00:00:00"], "created": ["2026-01-01T00:00:00"],
            "conv_rate": [0.5], "acc_rate": [0.5], "avg_daily_trips": [driver],
        },
    });
    server.post_json("/push", &body)
}

fn stored(server: &Server, drivers: &[u32]) -> Vec<Value> {
    let body = json!({ "features": ["driver_hourly_stats:avg_daily_trips"], "entities": { "driver_id": drivers } });
    let answer = server.post_json("/get-online-features", &body).json();
    answer["results"][1]["values"].as_array().unwrap().clone()
}

#[test]
fn pushes_wait_for_a_source_that_cannot_be_written_up_to_a_limit_and_none_is_lost() {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{settings}\n{SETTINGS}"));
    repository.succeed(&["apply"]);
    // Where the lock of the source cannot be opened, nothing can be appended to it, also as root.
    let lock = repository.path.join("data/.driver_stats.parquet.lock");
    std::os::unix::fs::symlink(&lock, &lock).unwrap();
    let server = repository.serve();
    let mut accepted = Vec::new();
    let refused = (5001..5100).find_map(|driver| {
        let answer = push(&server, driver, "online_and_offline");
        if answer.status == 202 {
            accepted.push(driver);
            // So that some appends fail on the way.
            std::thread::sleep(std::time::Duration::from_millis(50));
            return None;
        }
        Some((driver, answer))
    });
    let (refused_driver, refused) = refused.unwrap();
    assert_eq!((accepted.len(), refused.status), (10, 503), "{}", refused.body);
    for part in [
        "data source driver_stats_source: too many pushes wait for it",
        "with these 11 rows, of 10 (serving.push_queue_max_rows)",
        "the last append has failed: cannot lock ",
    ] {
        assert!(refused.body.contains(part), "{}", refused.body);
    }
    assert!(
        !refused.body.contains(repository.path.to_str().unwrap()),
        "{}",
        refused.body
    );
    assert_eq!(push(&server, refused_driver, "offline").status, 503);
    assert_eq!(stored(&server, &[refused_driver]), [Value::Null], "in neither store");
    assert_eq!(push(&server, 1, "online").status, 200, "the online store alone goes on");

    // What waits is there after the end of the process, and counts again.
    server.kill();
    let server = repository.serve();
    assert_eq!(push(&server, refused_driver, "offline").status, 503);
    std::fs::remove_file(&lock).unwrap();
    eventually("there is room again", || {
        push(&server, refused_driver, "offline").status == 202
    });
    server.stop();
    repository.succeed(&["materialize", "2025-12-31", "2026-01-02"]);
    let server = repository.serve();
    accepted.push(refused_driver);
    let expected: Vec<Value> = accepted.iter().map(|driver| json!(driver)).collect();
    assert_eq!(stored(&server, &accepted), expected);
    let (_, log) = server.stop();
    assert!(!log.contains("panicked"), "{log}");
}
