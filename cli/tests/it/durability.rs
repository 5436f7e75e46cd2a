//! What is promised of rows that were answered for, where a disk, a file or the process fails.

use feast_fixtures::copy_directory;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

use crate::support::{Repository, Server, eventually};

const BATCHING: &str = "feature_server:\n    offline_push_batching_enabled: true\n";

fn push(driver: i64, to: &str) -> Value {
    json!({
        "push_source_name": "driver_stats_push_source", "to": to,
        "df": {"driver_id": [driver], "event_timestamp": ["2026-05-13T10:59:42+00:00"], "created": ["2026-05-13 10:59:42"],
               "conv_rate": [1.0], "acc_rate": [1.0], "avg_daily_trips": [driver]}
    })
}

/// The repository of `feast init`, applied, with offline batching.
fn batching_repository(rows: u32, seconds: u32) -> Repository {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let numbers = format!(
        "    offline_push_batching_batch_size: {rows}\n    offline_push_batching_batch_interval_seconds: {seconds}\n"
    );
    repository.write("feature_store.yaml", &format!("{settings}\n{BATCHING}{numbers}"));
    repository.succeed(&["apply"]);
    repository
}

/// Rows of pushed drivers that a materialization finds in the parquet file, by loading them into an online store of its own.
fn in_file(repository: &Repository, drivers: &[i64]) -> Vec<bool> {
    let copy = Repository::empty();
    copy_directory(&repository.path, &copy.path);
    std::fs::remove_dir_all(copy.path.join("data/online_store")).unwrap();
    copy.succeed(&["materialize", "2026-05-13", "2026-05-14"]);
    present(&copy.serve(), drivers)
}

fn present(server: &Server, drivers: &[i64]) -> Vec<bool> {
    let body = json!({"features": ["driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": drivers}});
    let answer = server.post_json("/get-online-features", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let values = answer.json()["results"][1]["values"].clone();
    let expected = drivers.iter().map(|driver| json!(driver));
    values
        .as_array()
        .unwrap()
        .iter()
        .zip(expected)
        .map(|(value, driver)| *value == driver)
        .collect()
}

fn file_bytes(repository: &Repository) -> u64 {
    std::fs::metadata(repository.path.join("data/driver_stats.parquet"))
        .unwrap()
        .len()
}

#[test]
fn batched_pushes_reach_the_file_by_number_and_by_time() {
    let by_number = batching_repository(3, 3600);
    let server = by_number.serve();
    let before = file_bytes(&by_number);
    for driver in [2001, 2002] {
        let answer = server.post_json("/push", &push(driver, "offline"));
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    }
    assert_eq!(server.post_json("/push", &push(2003, "online_and_offline")).status, 202);
    assert_eq!(
        present(&server, &[2001, 2003]),
        [false, true],
        "the online part is there at once"
    );
    eventually("three rows are a batch", || file_bytes(&by_number) != before);
    assert_eq!(
        in_file(&by_number, &[2001, 2002, 2003, 2004]),
        [true, true, true, false]
    );
    assert_eq!(server.post_json("/push", &push(2004, "online")).status, 200);

    let by_time = batching_repository(1000, 1);
    let server = by_time.serve();
    let before = file_bytes(&by_time);
    assert_eq!(server.post_json("/push", &push(2001, "offline")).status, 202);
    eventually("a second is the interval", || file_bytes(&by_time) != before);
    assert_eq!(in_file(&by_time, &[2001]), [true]);
}

#[test]
fn batched_pushes_outlive_the_process() {
    let repository = batching_repository(1000, 3600);
    let before = file_bytes(&repository);
    let server = repository.serve();
    assert_eq!(server.post_json("/push", &push(2001, "offline")).status, 202);
    server.kill();
    assert_eq!(file_bytes(&repository), before);
    let server = repository.serve();
    assert_ne!(file_bytes(&repository), before, "completed before anything is answered");
    assert_eq!(in_file(&repository, &[2001]), [true]);

    assert_eq!(server.post_json("/push", &push(2002, "online_and_offline")).status, 202);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("Completed 1 pushes that were cut off"), "{log}");
    assert_eq!(
        in_file(&repository, &[2001, 2002]),
        [true, true],
        "appended at the stop"
    );
}

#[test]
fn a_bad_push_is_refused_before_it_is_accepted() {
    let repository = batching_repository(1, 1);
    let server = repository.serve();
    let mut wrong = push(2001, "offline");
    wrong["df"]["zz"] = json!([1]);
    assert_eq!(server.post_json("/push", &wrong).status, 400);
    let mut wrong = push(2001, "offline");
    wrong["push_source_name"] = json!("nope");
    assert_eq!(server.post_json("/push", &wrong).status, 422);
    let mut wrong = push(2001, "online_and_offline");
    wrong["df"]["avg_daily_trips"] = json!([1.5]);
    assert_eq!(server.post_json("/push", &wrong).status, 400);
    assert_eq!(present(&server, &[2001]), [false]);
}

#[test]
fn batching_without_its_numbers_is_none() {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{settings}\n{BATCHING}"));
    repository.succeed(&["apply"]);
    assert_eq!(
        repository.serve().post_json("/push", &push(2001, "offline")).status,
        200
    );
    repository.write(
        "feature_store.yaml",
        &format!("{settings}\n{BATCHING}    offline_push_batching_batch_size: 0\n"),
    );
    let outcome = repository.feast(&["serve"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome
            .stderr
            .contains("offline_push_batching_batch_size must be a whole number of at least 1"),
        "{}",
        outcome.stderr
    );
}

/// `feast serve` in a shell that lets no file grow beyond so many blocks of 1024 bytes: as on a full disk, writes fail.
fn serve_with_small_files(repository: &Repository, blocks: u32) -> Server {
    let mut command = Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" serve --port 0");
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_feast")])
        .current_dir(&repository.path);
    Server::start(command)
}

#[test]
fn a_full_disk_refuses_writes_and_keeps_reads() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    let request = json!({"features": ["driver_hourly_stats:acc_rate"], "entities": {"driver_id": [1001]}});
    let read = |server: &Server| {
        let answer = server.post_json("/get-online-features", &request);
        (answer.status, answer.json()["results"][1]["statuses"].clone())
    };
    let server = serve_with_small_files(&repository, 64);
    assert_eq!(read(&server), (200, json!(["PRESENT"])));
    // Pushes until the log of the store is full.
    let mut accepted = Vec::new();
    let mut refused = None;
    for batch in 0..200_i64 {
        let drivers: Vec<i64> = (0..40).map(|row| 10_000 + batch * 40 + row).collect();
        let mut body = push(0, "online");
        body["df"]["driver_id"] = json!(drivers);
        body["df"]["avg_daily_trips"] = json!(drivers);
        for name in ["event_timestamp", "created", "conv_rate", "acc_rate"] {
            body["df"][name] = body["df"][name][0].clone();
        }
        let answer = server.post_json("/push", &body);
        match answer.status {
            200 => accepted.extend(drivers),
            _ => {
                refused = Some(answer);
                break;
            }
        }
    }
    let refused = refused.expect("the limit is reached");
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("online store"), "{}", refused.body);
    let directory = repository.path.to_str().unwrap();
    assert!(!refused.body.contains(directory), "{}", refused.body);
    assert_eq!(read(&server), (200, json!(["PRESENT"])), "reads go on");
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    let (_, log) = server.stop();
    assert!(!log.contains("panicked"), "{log}");
    // With space again, nothing that was answered for is missing.
    assert!(!accepted.is_empty());
    let server = repository.serve();
    assert!(present(&server, &accepted).into_iter().all(|is_there| is_there));
    assert_eq!(server.post_json("/push", &push(2001, "online_and_offline")).status, 200);
}

#[test]
fn a_push_that_does_not_fit_leaves_the_file_as_it_was() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let path = repository.path.join("data/driver_stats.parquet");
    let before = std::fs::read(&path).unwrap();
    let blocks = u32::try_from(before.len() / 1024).unwrap();
    let server = serve_with_small_files(&repository, blocks);
    let answer = server.post_json("/push", &push(2001, "offline"));
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("driver_stats"), "{}", answer.body);
    assert!(
        !answer.body.contains(repository.path.to_str().unwrap()),
        "{}",
        answer.body
    );
    drop(server);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let left = std::fs::read_dir(repository.path.join("data")).unwrap();
    let left: Vec<String> = left
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(!left.iter().any(|name| name.ends_with(".tmp")), "{left:?}");
}

/// Sets below which number a process may open files; without one, it can open none.
fn limit_open_files(server: &Server, limit: Option<usize>) {
    let id = server.process_id();
    let is_free = |number: &usize| std::fs::symlink_metadata(format!("/proc/{id}/fd/{number}")).is_err();
    let limit = limit.unwrap_or_else(|| (0..).find(is_free).unwrap());
    let limit = format!("--nofile={limit}:4096");
    let status = Command::new("prlimit")
        .args(["--pid", &id.to_string(), &limit])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_registry_that_could_not_be_opened_for_a_while_is_read_then() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    limit_open_files(&server, None);
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    repository.write(
        "feature_definitions.py",
        &format!(
            "{definitions}\nlater = FeatureView(name=\"later\", entities=[driver], schema=[Field(name=\"acc_rate\", dtype=Float32)], \
             source=driver_stats_source)\n"
        ),
    );
    repository.succeed(&["apply"]);
    // The server looks at the file five times meanwhile.
    std::thread::sleep(std::time::Duration::from_secs(1));
    limit_open_files(&server, Some(1024));
    eventually("the new view is served", || {
        let body = json!({"features": ["later:acc_rate"], "entities": {"driver_id": [1001]}});
        server.post_json("/get-online-features", &body).status == 200
    });
    let (_, log) = server.stop();
    assert!(
        log.contains("cannot read the registry") && log.contains("Too many open files"),
        "{log}"
    );
    assert!(!log.contains("is not a Feast registry"), "{log}");
}

#[test]
fn processes_that_change_one_registry_lose_nothing() {
    const VIEWS: usize = 12;
    let repository = Repository::from_template();
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    repository.write(
        "feature_definitions.py",
        &format!(
            "{definitions}\nmore = [FeatureView(name=f\"view_{{i}}\", entities=[driver], schema=[Field(name=\"acc_rate\", \
             dtype=Float32)], source=driver_stats_source) for i in range({VIEWS})]\nfor view in more:\n    globals()[view.name] = view\n"
        ),
    );
    repository.succeed(&["apply"]);
    let server = repository.serve();
    std::thread::scope(|scope| {
        for index in 0..VIEWS {
            let repository = &repository;
            scope.spawn(move || repository.succeed(&["feature-views", "disable", &format!("view_{index}")]));
        }
        for _ in 0..4 {
            let body =
                json!({"start_ts": "2020-01-01", "end_ts": "2030-01-01", "feature_views": ["driver_hourly_stats"]});
            assert_eq!(server.post_json("/materialize", &body).status, 200);
        }
    });
    let list = repository.succeed(&["feature-views", "list"]);
    let disabled = list
        .lines()
        .filter(|line| line.starts_with("view_") && line.contains("  No "))
        .count();
    assert_eq!(disabled, VIEWS, "{list}");
    let state = list.lines().find(|line| line.starts_with("driver_hourly_stats"));
    assert!(state.is_some_and(|line| line.contains("AVAILABLE_ONLINE")), "{list}");
    let dump: Value = serde_json::from_str(&repository.succeed(&["registry-dump"])).unwrap();
    let views = dump["featureViews"].as_array().unwrap();
    let view = views
        .iter()
        .find(|view| view["spec"]["name"] == "driver_hourly_stats")
        .unwrap();
    assert_eq!(
        view["meta"]["materializationIntervals"].as_array().map(Vec::len),
        Some(4)
    );
}

/// Every file below a directory whose name ends so.
fn files(directory: &Path, suffix: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect()
}

#[test]
fn damage_is_noticed() {
    let sound = Repository::from_template();
    sound.succeed(&["apply"]);
    sound.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    // Twice, so that the rows are in a table file and not in the log of writes.
    for _ in 0..2 {
        sound.serve().stop();
    }
    let check = |damage: &dyn Fn(&Repository), command: &[&str], names: &str| {
        let repository = Repository::empty();
        copy_directory(&sound.path, &repository.path);
        damage(&repository);
        let outcome = repository.feast(command);
        assert_eq!(outcome.code, Some(1), "{names}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains(names), "{names}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    };
    let cut = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let flip = |path: &Path| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        std::fs::write(path, bytes).unwrap();
    };
    let parquet = |repository: &Repository| repository.path.join("data/driver_stats.parquet");
    let registry = |repository: &Repository| repository.path.join("data/registry.db");
    let store = |repository: &Repository| repository.path.join("data/online_store");
    let materialize = ["materialize", "2020-01-01", "2030-01-01"];
    check(
        &|repository| cut(&parquet(repository)),
        &materialize,
        "driver_stats.parquet",
    );
    check(&|repository| cut(&registry(repository)), &materialize, "registry");
    let read = [
        "get-online-features",
        "-e",
        "driver_id=1001",
        "--features",
        "driver_hourly_stats:conv_rate",
    ];
    for suffix in [".sst", "CURRENT"] {
        assert!(!files(&store(&sound), suffix).is_empty(), "{suffix}");
        check(
            &|repository| files(&store(repository), suffix).iter().for_each(|path| cut(path)),
            &read,
            "online_store",
        );
    }
    check(
        &|repository| files(&store(repository), ".sst").iter().for_each(|path| flip(path)),
        &read,
        "online_store",
    );
}

#[test]
fn a_store_of_this_format_opens_for_ever() {
    let repository = Repository::from_template();
    copy_directory(Path::new(feast_fixtures::STORES), &repository.path.join("data"));
    repository.succeed(&["apply"]);
    std::fs::rename(
        repository.path.join("data/format-1"),
        repository.path.join("data/online_store"),
    )
    .unwrap();
    let server = repository.serve();
    let request = json!({
        "features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:acc_rate", "driver_hourly_stats:avg_daily_trips"],
        "entities": {"driver_id": [1, 2, 3]}
    });
    let answer = server.post_json("/get-online-features", &request).json();
    let column = |index: usize| answer["results"][index]["values"].clone();
    assert_eq!(column(1), json!([0.5, null, null]));
    assert_eq!(column(2), json!([0.25, 1.0, null]));
    assert_eq!(column(3), json!([9007199254740993_i64, -1, null]));
    assert_eq!(
        answer["results"][1]["event_timestamps"],
        json!([
            "2026-05-13T10:59:42.123456Z",
            "2026-05-13T00:00:00Z",
            "1970-01-01T00:00:00Z"
        ])
    );
    // A push that had been logged, but was not in its file.
    assert_eq!(in_file(&repository, &[4]), [true]);
}
