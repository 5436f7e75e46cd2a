//! Rows of views that leave the registry and come back, and the files of the store that holds them.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use feast_fixtures::copy_directory;
use serde_json::{Value, json};

use crate::support::{Repository, Server, eventually};

const VIEW: &str = "driver_hourly_stats";

fn push(driver: i64, time: &str) -> Value {
    json!({
        "push_source_name": "driver_stats_push_source", "to": "online",
        "df": {"driver_id": [driver], "event_timestamp": [time], "created": ["2026-05-13 10:59:42"],
               "conv_rate": [1.0], "acc_rate": [1.0], "avg_daily_trips": [driver]}
    })
}

/// What each driver has: its number, or nothing.
fn trips(server: &Server, drivers: &[i64]) -> Value {
    let body = json!({"features": [format!("{VIEW}:avg_daily_trips")], "entities": {"driver_id": drivers}});
    let answer = server.post_json("/get-online-features", &body);
    match answer.status {
        200 => answer.json()["results"][1]["values"].clone(),
        status => json!(status),
    }
}

/// A repository with one pushed row, its registry, and one that has everything but the view.
fn repository(settings: &str) -> (Repository, Vec<u8>, Vec<u8>) {
    let repository = Repository::from_template();
    let file = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{file}\n{settings}\n"));
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    repository.write(
        "feature_definitions.py",
        "from feast import Entity\ndriver = Entity(name=\"driver\")\n",
    );
    repository.succeed(&["apply"]);
    let wrong = std::fs::read(repository.path.join("data/registry.db")).unwrap();
    repository.write("feature_definitions.py", &definitions);
    repository.succeed(&["apply"]);
    let right = std::fs::read(repository.path.join("data/registry.db")).unwrap();
    (repository, right, wrong)
}

/// Puts another registry in place, as a copy of files does.
fn put(repository: &Repository, registry: &[u8]) {
    std::fs::write(repository.path.join("data/new"), registry).unwrap();
    std::fs::rename(
        repository.path.join("data/new"),
        repository.path.join("data/registry.db"),
    )
    .unwrap();
}

#[test]
fn a_wrong_registry_under_a_running_server_costs_no_rows() {
    let (repository, right, wrong) = repository("");
    let server = repository.serve();
    assert_eq!(server.post_json("/push", &push(1, "2026-05-13T10:59:42Z")).status, 200);
    put(&repository, &wrong);
    eventually("the wrong registry is seen", || trips(&server, &[1]) == json!(404));
    put(&repository, &right);
    eventually("the right one is seen", || trips(&server, &[1]) == json!([1]));
    let (_, log) = server.stop();
    assert!(
        log.contains("the table of driver_hourly_stats is hidden with 1 row"),
        "{log}"
    );
    assert!(
        log.contains("the view driver_hourly_stats is back: its table is served again with 1 row"),
        "{log}"
    );

    // The server does not have to be there to see it: any command that opens the store does.
    put(&repository, &wrong);
    let hidden = repository.feast(&["materialize", "2026-01-01", "2026-01-02"]);
    assert!(
        hidden
            .stderr
            .contains("The table of driver_hourly_stats is hidden with 1 row"),
        "{}",
        hidden.stderr
    );
    put(&repository, &right);
    assert_eq!(trips(&repository.serve(), &[1]), json!([1]));
}

#[test]
fn rows_are_dropped_when_their_time_is_over_and_a_later_run_says_so() {
    let (repository, right, wrong) = repository("serving: {drop_after: 1s}");
    repository.succeed(&["materialize", "2026-01-01", "2026-11-01"]);
    let loaded = std::fs::read(repository.path.join("data/registry.db")).unwrap();
    assert_ne!(loaded, right);
    let server = repository.serve();
    assert_eq!(server.post_json("/push", &push(1, "2026-05-13T10:59:42Z")).status, 200);
    put(&repository, &wrong);
    eventually("the wrong registry is seen", || trips(&server, &[1]) == json!(404));
    std::thread::sleep(Duration::from_millis(2_000));
    put(&repository, &loaded);
    eventually("the right one is seen", || trips(&server, &[1]) == json!([null]));
    let (_, log) = server.stop();
    assert!(
        log.contains("the table of driver_hourly_stats is dropped with"),
        "{log}"
    );
    let run = repository.feast(&["materialize-incremental", "2026-11-02"]);
    assert!(
        run.stderr
            .contains("Warning: driver_hourly_stats: the online store has no rows of it, but the registry says"),
        "{}",
        run.stderr
    );
}

#[test]
fn apply_hides_and_apply_now_drops_also_beside_a_server() {
    let (repository, _, _) = repository("");
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    let without = "from feast import Entity\ndriver = Entity(name=\"driver\")\n";
    let server = repository.serve();
    assert_eq!(server.post_json("/push", &push(1, "2026-05-13T10:59:42Z")).status, 200);
    for (arguments, expected) in [(&["apply"][..], json!([1])), (&["apply", "--now"], json!([null]))] {
        repository.write("feature_definitions.py", without);
        repository.succeed(arguments);
        eventually("the view is gone", || trips(&server, &[1]) == json!(404));
        eventually("what was asked for is done", || {
            !repository.exists("data/online_store/DROP_NOW")
        });
        repository.write("feature_definitions.py", &definitions);
        repository.succeed(&["apply"]);
        eventually("the view is back", || trips(&server, &[1]) != json!(404));
        assert_eq!(trips(&server, &[1]), expected, "{arguments:?}");
    }
    let (_, log) = server.stop();
    assert!(log.contains("is dropped with 1 row"), "{log}");
}

#[test]
fn a_hidden_table_of_this_format_comes_back_for_ever() {
    let repository = Repository::from_template();
    let file = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write(
        "feature_store.yaml",
        &format!("{file}\nserving: {{drop_after: 36500d}}\n"),
    );
    copy_directory(Path::new(feast_fixtures::STORES), &repository.path.join("data"));
    repository.succeed(&["apply"]);
    let store = repository.path.join("data/online_store");
    std::fs::rename(repository.path.join("data/format-1-hidden"), store).unwrap();
    let server = repository.serve();
    assert_eq!(trips(&server, &[1, 2, 3]), json!([9007199254740993_i64, -1, null]));
    let (_, log) = server.stop();
    assert!(log.contains("its table is served again with 2 rows"), "{log}");
}

/// Five times a second, under pushes and reads: what was answered for is there in the end.
#[test]
fn a_registry_that_changes_all_the_time_loses_nothing() {
    let (repository, right, wrong) = repository("");
    let server = repository.serve();
    let is_over = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..30 {
                put(&repository, if turn % 2 == 0 { &wrong } else { &right });
                std::thread::sleep(Duration::from_millis(100));
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let pushers: Vec<_> = (0..3)
            .map(|thread| {
                let (server, is_over) = (&server, &is_over);
                scope.spawn(move || {
                    let mut done = Vec::new();
                    for number in 0.. {
                        if is_over.load(Ordering::SeqCst) {
                            break;
                        }
                        let driver = 1 + thread * 100_000 + number;
                        match server.post_json("/push", &push(driver, "2026-05-13T10:59:42Z")).status {
                            200 => done.push(driver),
                            // There is no such source now.
                            status => assert_eq!(status, 422),
                        }
                        let read = trips(server, &[driver]);
                        assert!(
                            read == json!(404) || read == json!([null]) || read == json!([driver]),
                            "{read}"
                        );
                    }
                    done
                })
            })
            .collect();
        pushers
            .into_iter()
            .flat_map(|pusher| pusher.join().unwrap())
            .collect::<Vec<i64>>()
    });
    put(&repository, &right);
    eventually("the right registry is seen", || trips(&server, &[1]) != json!(404));
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    for drivers in acknowledged.chunks(500) {
        assert_eq!(trips(&server, drivers), json!(drivers));
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_new_store_is_for_its_owner_and_a_given_directory_for_its_group() {
    let (repository, _, _) = repository("");
    let store = repository.path.join("data/online_store");
    let modes = || {
        let entries = std::fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path());
        // RocksDB removes files at any moment.
        let modes = entries.filter_map(|path| Some(std::fs::metadata(path).ok()?.mode() & 0o777));
        modes.collect::<Vec<u32>>()
    };
    let check = |directory: u32, file: u32| {
        let server = repository.serve();
        assert_eq!(server.post_json("/push", &push(1, "2026-05-13T10:59:42Z")).status, 200);
        assert!(repository.exists("data/online_store/SERVER"));
        assert_eq!(mode(&store), directory);
        eventually("all files have the mode of the store", || {
            modes().iter().all(|mode| *mode == file)
        });
    };
    check(0o700, 0o600);
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::create_dir(&store).unwrap();
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o770)).unwrap();
    check(0o770, 0o660);
}

#[test]
fn leftovers_of_a_process_of_the_same_number_are_no_obstacle() {
    let (repository, _, _) = repository("");
    let data = repository.path.join("data");
    let abandoned = data.join(".driver_stats.parquet.0123456789abcdef0123456789abcdef.tmp");
    std::fs::write(&abandoned, "").unwrap();
    let server = repository.serve();
    assert!(!abandoned.exists(), "removed at the start");
    // In a container the number of the server is the same in each life: what the one before has left may have its number.
    for process in [server.process_id(), std::process::id()] {
        for number in 0..4 {
            std::fs::write(data.join(format!(".driver_stats.parquet.{process}-{number}.tmp")), "").unwrap();
            std::fs::write(data.join(format!(".driver_stats.parquet.{process}-{number}.scan")), "").unwrap();
        }
    }
    let mut offline = push(1, "2026-05-13T10:59:42Z");
    offline["to"] = json!("online_and_offline");
    let pushed = server.post_json("/push", &offline);
    assert_eq!(pushed.status, 200, "{}", pushed.body);
    let body = json!({"start_ts": "2026-05-13T00:00:00", "end_ts": "2026-05-14T00:00:00"});
    let materialized = server.post_json("/materialize", &body);
    assert_eq!(materialized.status, 200, "{}", materialized.body);
    let own = format!(".driver_stats.parquet.{}-", server.process_id());
    let left = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<String> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.starts_with(&own) || name.ends_with(".lease")),
        "{left:?}"
    );
}
