//! Rows that are copied from and to a cluster, and materialized into one, while it changes.

use std::thread::sleep;
use std::time::Duration;

use feast_fixtures::RedisCluster;
use serde_json::json;

use super::repository_on;
use crate::support::{Outcome, Repository};

const START: &str = "2020-01-01";
const END: &str = "2100-01-01";
/// Those that are pushed to the source, after the five of the template.
const PUSHED: usize = 4_000;
const ROWS: usize = PUSHED + 5;

/// Adds rows to the source of the view.
fn push_offline(repository: &Repository) {
    let server = repository.serve();
    let of_each = |value: &str| vec![json!(value); PUSHED];
    let numbers: Vec<usize> = (0..PUSHED).collect();
    let keys: Vec<usize> = numbers.iter().map(|number| 10_000 + number).collect();
    let halves: Vec<f64> = numbers.iter().map(|number| *number as f64 / 2.0).collect();
    let time = of_each("2026-01-01T00:00:00");
    let df = json!({ "driver_id": keys, "event_timestamp": &time, "created": &time, "conv_rate": &halves,
        "acc_rate": &halves, "avg_daily_trips": numbers });
    let body = json!({ "push_source_name": "driver_stats_push_source", "df": df, "to": "offline" });
    let response = server.post_json("/push", &body);
    assert_eq!(response.status, 200, "{}", response.body);
    server.stop();
}

/// What each primary has, of those that are given.
fn digests(cluster: &RedisCluster, primaries: &[usize]) -> Vec<String> {
    let digest = |index: &usize| cluster.nodes()[*index].cli(&["DEBUG", "DIGEST"]);
    primaries.iter().map(digest).collect()
}

fn clear(cluster: &RedisCluster, primaries: &[usize]) {
    for index in primaries {
        assert_eq!(cluster.nodes()[*index].cli(&["FLUSHALL"]), "OK");
    }
}

fn write_settings(repository: &Repository, name: &str, store: &str) {
    let settings = format!("project: feature_repo\nregistry: data/registry.db\nonline_store: {{{store}}}\n");
    repository.write(name, &settings);
}

fn copy(repository: &Repository, from: &str, to: &str) -> Outcome {
    repository.feast(&["online-store", "copy", "--from", from, "--to", to])
}

fn copies_all(repository: &Repository, from: &str, to: &str) {
    let outcome = copy(repository, from, to);
    assert_eq!(outcome.code, Some(0), "{from} {to}: {}", outcome.stderr);
    let report = format!("driver_hourly_stats: {ROWS} rows copied, 0 newer there, 0 skipped");
    assert_eq!(outcome.stdout.lines().last(), Some(&report[..]), "{from} {to}");
}

/// A repository with its rows in RocksDB, and settings of other stores beside it.
fn repository_beside(cluster: &RedisCluster) -> Repository {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    push_offline(&repository);
    repository.succeed(&["materialize", START, END]);
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("rocks.yaml", &settings);
    let node = cluster.nodes()[1].address();
    let store = format!("type: redis, redis_type: redis_cluster, connection_string: \"{node}\"");
    write_settings(&repository, "cluster.yaml", &store);
    write_settings(&repository, "lite.yaml", "type: sqlite, path: data/lite.db");
    repository
}

#[test]
fn rows_are_copied_to_a_cluster_and_back() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let repository = repository_beside(&cluster);
    let primaries = [0, 1, 2];
    copies_all(&repository, "rocks.yaml", "cluster.yaml");
    let before = digests(&cluster, &primaries);
    copies_all(&repository, "cluster.yaml", "lite.yaml");
    clear(&cluster, &primaries);
    copies_all(&repository, "lite.yaml", "cluster.yaml");
    assert_eq!(digests(&cluster, &primaries), before);
}

#[test]
fn a_copy_from_a_cluster_misses_no_row_while_slots_move() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let repository = repository_beside(&cluster);
    copies_all(&repository, "rocks.yaml", "cluster.yaml");
    let complete = |number: usize| {
        let (target, copied) = (format!("target{number}.yaml"), format!("copied{number}.yaml"));
        write_settings(
            &repository,
            &target,
            &format!("type: rocksdb, path: data/target{number}"),
        );
        let outcome = copy(&repository, "cluster.yaml", &target);
        if outcome.code != Some(0) {
            assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
            assert!(outcome.stderr.contains("keys could be missed"), "{}", outcome.stderr);
            return false;
        }
        // A scan may give a key twice; what is in the target is counted.
        write_settings(
            &repository,
            &copied,
            &format!("type: sqlite, path: data/copied{number}.db"),
        );
        copies_all(&repository, &target, &copied);
        true
    };
    let mut number = 0;
    std::thread::scope(|scope| {
        let moves = scope.spawn(|| {
            for (from, to) in [(2, 0), (0, 1), (1, 2)] {
                cluster.reshard(from, to, 60);
                sleep(Duration::from_millis(100));
            }
        });
        while !moves.is_finished() {
            complete(number);
            number += 1;
        }
        moves.join().unwrap();
    });
    assert!(number > 1, "no copy while slots were moved");
    assert!(complete(number));
}

#[test]
fn a_run_during_a_failover_completes_or_fails_and_can_be_repeated() {
    let mut cluster = RedisCluster::start(3, 1, &[]);
    let repository = repository_on(&cluster, "");
    push_offline(&repository);
    let replica = cluster.replica_of(0);
    let mut shard = repository.command(&["materialize", "--shard", "1/2", START, END]);
    let run = std::thread::spawn(move || shard.output().unwrap());
    while cluster.nodes()[0].cli(&["DBSIZE"]) == "0" && !run.is_finished() {
        sleep(Duration::from_millis(1));
    }
    cluster.node_mut(0).kill();
    let output = run.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        Some(1) => assert!(said.contains("Redis"), "{said}"),
        code => panic!("{code:?}: {said}"),
    }
    cluster.wait_for_primary(replica);
    for number in ["1/2", "2/2"] {
        let receipt = repository.succeed(&["materialize", "--shard", number, START, END]);
        repository.write(&format!("{}.json", number.replace('/', "_")), &receipt);
    }
    repository.succeed(&["materialize", "--finish", "1_2.json", "2_2.json"]);
    let primaries = [replica, 1, 2];
    let in_shards = digests(&cluster, &primaries);
    clear(&cluster, &primaries);
    repository.succeed(&["materialize", START, END]);
    assert_eq!(digests(&cluster, &primaries), in_shards);
}
