//! Rows from one online store into another.

use feast_fixtures::RedisServer;

use crate::support::Repository;

const FEATURES: &str = "driver_hourly_stats:conv_rate";

fn settings(store: &str) -> String {
    format!("project: feature_repo\nregistry: data/registry.db\nonline_store: {{{store}}}\n")
}

/// A repository with rows in RocksDB, and settings files of other stores beside it.
fn materialized() -> Repository {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "--disable-event-timestamp"]);
    let old = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("old.yaml", &old);
    repository.write("rocks.yaml", &settings("type: rocksdb, path: data/other"));
    repository.write("lite.yaml", &settings("type: sqlite, path: data/online.db"));
    repository.write("back.yaml", &settings("type: rocksdb, path: data/back"));
    repository
}

fn copy(repository: &Repository, from: &str, to: &str) -> String {
    let copied = repository.succeed(&["online-store", "copy", "--from", from, "--to", to]);
    copied.lines().last().unwrap_or_default().to_owned()
}

fn features(repository: &Repository, file: &str) -> String {
    let entities = ["-e", "driver_id=1001", "-e", "driver_id=1005", "-e", "driver_id=7"];
    repository.succeed(&[&["-f", file, "get-online-features"], &entities[..], &["-f", FEATURES]].concat())
}

fn refused(repository: &Repository, arguments: &[&str], expected: &str) {
    let outcome = repository.feast(&[&["online-store", "copy"], arguments].concat());
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
}

#[test]
fn rows_go_between_rocksdb_sqlite_and_redis_and_back() {
    let repository = materialized();
    let before = features(&repository, "old.yaml");
    let five = "driver_hourly_stats: 5 rows copied, 0 newer there, 0 skipped";
    let servers = [RedisServer::start(&[]), RedisServer::start(&[])];
    for (file, server) in ["redis.yaml", "second.yaml"].into_iter().zip(&servers) {
        let store = format!("type: redis, connection_string: \"{}\"", server.address());
        repository.write(file, &settings(&store));
    }
    let copies = [
        ("old.yaml", "rocks.yaml"),
        ("rocks.yaml", "lite.yaml"),
        ("lite.yaml", "redis.yaml"),
        ("redis.yaml", "second.yaml"),
        ("second.yaml", "back.yaml"),
        ("old.yaml", "redis.yaml"),
    ];
    for (from, to) in copies {
        assert_eq!(copy(&repository, from, to), five, "{from} {to}");
        assert_eq!(features(&repository, to), before, "{to}");
    }
    // Rows of the same version are written again.
    assert_eq!(copy(&repository, "old.yaml", "lite.yaml"), five);
    // Of the same event time, a row with a created time is newer than one from Redis, which holds none.
    assert_eq!(
        copy(&repository, "redis.yaml", "lite.yaml"),
        "driver_hourly_stats: 0 rows copied, 5 newer there, 0 skipped"
    );
    let left = std::fs::read_dir(&repository.path).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert!(names.into_iter().all(|name| !name.starts_with(".feast-copy")));
}

fn push_one_row(repository: &Repository) {
    let server = repository.serve();
    let body = r#"{"push_source_name": "driver_stats_push_source", "to": "online", "df": {"driver_id": [1001],
        "event_timestamp": ["2100-01-01T00:00:00Z"], "created": ["2100-01-01T00:00:00"],
        "conv_rate": [9.5], "acc_rate": [9.5], "avg_daily_trips": [9]}}"#;
    assert_eq!(server.post("/push", body).status, 200);
    server.stop();
}

/// What `/ready` of a server on the store of a settings file says is missing.
fn missing_rows(repository: &Repository, file: &str) -> String {
    let settings = std::fs::read_to_string(repository.path.join(file)).unwrap();
    repository.write("feature_store.yaml", &settings);
    let server = repository.serve();
    let ready = server.send("GET", "/ready", &[], "");
    server.stop();
    ready.json()["reasons"].to_string()
}

#[test]
fn a_complete_copy_is_as_good_as_the_runs_that_filled_the_source() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", "2100-01-01"]);
    let old = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("old.yaml", &old);
    for (file, store) in [
        ("lite.yaml", "type: sqlite, path: data/online.db"),
        ("rocks.yaml", "type: rocksdb, path: data/other"),
        ("empty.yaml", "type: rocksdb, path: data/empty"),
        ("of_empty.yaml", "type: rocksdb, path: data/of_empty"),
    ] {
        repository.write(file, &settings(store));
    }
    copy(&repository, "old.yaml", "lite.yaml");
    copy(&repository, "lite.yaml", "rocks.yaml");
    for file in ["lite.yaml", "rocks.yaml"] {
        assert_eq!(missing_rows(&repository, file), "[]", "{file}");
    }
    // Rows that are not there are not there in a copy either.
    let empty = std::fs::read_to_string(repository.path.join("empty.yaml")).unwrap();
    repository.write("feature_store.yaml", &empty);
    push_one_row(&repository);
    copy(&repository, "empty.yaml", "of_empty.yaml");
    let missing = missing_rows(&repository, "of_empty.yaml");
    assert!(missing.contains("no materialization has filled its table"), "{missing}");
}

#[test]
fn newer_rows_of_the_target_stay() {
    let repository = materialized();
    copy(&repository, "old.yaml", "rocks.yaml");
    std::fs::copy(
        repository.path.join("rocks.yaml"),
        repository.path.join("feature_store.yaml"),
    )
    .unwrap();
    push_one_row(&repository);
    let after = features(&repository, "rocks.yaml");
    assert_eq!(
        copy(&repository, "old.yaml", "rocks.yaml"),
        "driver_hourly_stats: 4 rows copied, 1 newer there, 0 skipped"
    );
    assert_eq!(features(&repository, "rocks.yaml"), after);
}

#[test]
fn what_the_target_cannot_hold_is_said_before() {
    let repository = materialized();
    let outcome = repository.feast(&["online-store", "copy", "--from", "old.yaml", "--to", "lite.yaml"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("SQLite holds times in whole seconds"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn copies_that_would_go_wrong_are_refused() {
    let repository = materialized();
    let between = |from, to| ["--from", from, "--to", to];
    refused(
        &repository,
        &between("old.yaml", "old.yaml"),
        "both settings files name the same online store",
    );
    refused(
        &repository,
        &between("rocks.yaml", "old.yaml"),
        "--from: there is no online store in ",
    );
    refused(
        &repository,
        &[&between("old.yaml", "rocks.yaml")[..], &["--views", "nope"]].concat(),
        "feature view nope is not in the registry of --from",
    );
    let elsewhere = |project: &str, registry: &str, store: &str| {
        let text =
            format!("project: {project}\nregistry: {registry}\nonline_store: {{type: rocksdb, path: {store}}}\n");
        repository.write("elsewhere.yaml", &text);
    };
    // Each lacks what it names, and the other file lacks nothing.
    elsewhere("feature_repo", "data/none.db", "data/other");
    let hint = "correct registry in the file of --to";
    for expected in ["--to: there is no registry at ", "data/none.db", hint] {
        refused(&repository, &between("old.yaml", "elsewhere.yaml"), expected);
    }
    elsewhere("feature_repo", "data/none.db", "data/online_store");
    for views in [&[][..], &["--views", "driver_hourly_stats"]] {
        let arguments = [&between("elsewhere.yaml", "rocks.yaml")[..], views].concat();
        refused(&repository, &arguments, "--from: there is no registry at ");
    }
    elsewhere("another", "data/registry.db", "data/online_store");
    refused(
        &repository,
        &between("elsewhere.yaml", "rocks.yaml"),
        "has no feature views of project another, so there is nothing to copy",
    );
    elsewhere("another", "data/registry.db", "data/other");
    refused(
        &repository,
        &between("old.yaml", "elsewhere.yaml"),
        "feature view driver_hourly_stats is not in the registry of --to",
    );
    refused(
        &repository,
        &between("nowhere.yaml", "rocks.yaml"),
        "Can't find feature repo configuration file at nowhere.yaml",
    );
    assert!(!repository.exists("data/other"), "nothing may be made");
}

#[test]
fn a_store_is_the_same_however_its_path_is_spelled() {
    const SAME: &str = "both settings files name the same online store";
    let repository = materialized();
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, repository.path.join(name)).unwrap();
    link("online_store", "data/link");
    link("data", "linked");
    copy(&repository, "old.yaml", "lite.yaml");
    link("online.db", "data/link.db");
    std::fs::hard_link(
        repository.path.join("data/online.db"),
        repository.path.join("data/hard.db"),
    )
    .unwrap();
    let absolute = repository.path.join("data/online_store").display().to_string();
    for path in [
        "data/link",
        "./data/../data/online_store",
        "linked/online_store",
        &absolute,
    ] {
        repository.write("same.yaml", &settings(&format!("type: rocksdb, path: {path}")));
        refused(&repository, &["--from", "old.yaml", "--to", "same.yaml"], SAME);
        refused(&repository, &["--from", "same.yaml", "--to", "old.yaml"], SAME);
    }
    for path in ["data/link.db", "data/hard.db", "linked/online.db"] {
        repository.write("same.yaml", &settings(&format!("type: sqlite, path: {path}")));
        refused(&repository, &["--from", "lite.yaml", "--to", "same.yaml"], SAME);
    }
}

#[test]
fn a_store_that_is_served_is_refused_with_its_owner() {
    let repository = materialized();
    let server = repository.serve();
    let arguments = ["--from", "old.yaml", "--to", "lite.yaml"];
    refused(&repository, &arguments, "has the online store of old.yaml open");
    refused(&repository, &arguments, "stop that server, then copy again");
    server.stop();
    copy(&repository, "old.yaml", "lite.yaml");
}
