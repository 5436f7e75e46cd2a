//! A Redis that is filled in parts, and the receipts of the parts.

use std::process::{Command, Stdio};

use feast_fixtures::RedisServer;
use serde_json::Value;

use crate::redis_trouble::repository_on;
use crate::support::{Outcome, Repository};

const START: &str = "2020-01-01";
const END: &str = "2100-01-01";

/// All keys, fields and values as one hash.
fn digest(redis: &RedisServer) -> String {
    redis.cli(&["DEBUG", "DIGEST"])
}

fn shard(repository: &Repository, shard: &str, end: &str) -> String {
    let receipt = repository.succeed(&["materialize", "--shard", shard, START, end]);
    assert_eq!(receipt.lines().count(), 1, "{receipt}");
    let name = format!("{}.json", shard.replace('/', "_"));
    repository.write(&name, &receipt);
    name
}

fn finish(repository: &Repository, receipts: &[&str]) -> Outcome {
    repository.feast(&[&["materialize", "--finish"], receipts].concat())
}

fn intervals(repository: &Repository) -> Vec<Value> {
    let dump: Value = serde_json::from_str(&repository.succeed(&["registry-dump"])).unwrap();
    let views = dump["featureViews"].as_array().unwrap().iter();
    let intervals = views.filter_map(|view| view["meta"]["materializationIntervals"].as_array());
    intervals.flatten().cloned().collect()
}

#[test]
fn three_shards_and_their_end_are_one_plain_run() {
    let redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    let mut keys = 0;
    let mut names = Vec::new();
    for number in ["1/3", "2/3", "3/3"] {
        names.push(shard(&repository, number, END));
        let receipt: Value =
            serde_json::from_str(&std::fs::read_to_string(repository.path.join(names.last().unwrap())).unwrap())
                .unwrap();
        keys += receipt["views"][0]["rows"].as_u64().unwrap();
        assert_eq!(redis.cli(&["DBSIZE"]), keys.to_string());
    }
    assert!(intervals(&repository).is_empty());
    let in_shards = digest(&redis);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let outcome = finish(&repository, &names);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains(&format!("{keys} rows in 3 shards")),
        "{}",
        outcome.stdout
    );
    let recorded = intervals(&repository);
    assert_eq!(recorded.len(), 1);

    redis.cli(&["FLUSHALL"]);
    repository.succeed(&["materialize", START, END]);
    assert_eq!(digest(&redis), in_shards);
    let all = intervals(&repository);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|interval| *interval == recorded[0]), "{all:?}");
}

#[test]
fn receipts_that_do_not_belong_together_record_nothing() {
    let redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    let (first, second) = (shard(&repository, "1/2", END), shard(&repository, "2/2", END));
    let receipt = std::fs::read_to_string(repository.path.join(&second)).unwrap();
    repository.write("edited.json", &receipt.replace("\"shard\":2", "\"shard\":1"));
    let refused = |receipts: &[&str], expected: &str| {
        let outcome = finish(&repository, receipts);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stdout);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
        assert!(intervals(&repository).is_empty());
    };
    refused(&[&first], "receipts are missing: 2/2");
    refused(&[&first, &second, &second], "receipts are there more than once: 2/2");
    refused(
        &["edited.json", &second],
        "edited.json is a receipt that was changed after it was printed",
    );
    refused(&["nowhere.json"], "nowhere.json cannot be read");
    shard(&repository, "2/2", "2090-01-01");
    refused(&[&first, &second], "shards 1/2 and 2/2 do not belong together");

    // All of them, put together by cat.
    repository.write(
        "all.json",
        &format!(
            "{}{receipt}",
            std::fs::read_to_string(repository.path.join(&first)).unwrap()
        ),
    );
    let mut command = repository.command(&["materialize", "--finish", "-"]);
    let all = std::fs::File::open(repository.path.join("all.json")).unwrap();
    let output = command.stdin(Stdio::from(all)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(intervals(&repository).len(), 1);
}

#[test]
fn shards_of_a_first_incremental_run_agree_on_where_it_starts() {
    let redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    let now = Command::new("date")
        .args(["-u", "+%Y-%m-%dT%H:%M:%S"])
        .output()
        .unwrap()
        .stdout;
    let now = String::from_utf8(now).unwrap();
    for (shard, name) in [("1/2", "1.json"), ("2/2", "2.json")] {
        let receipt = repository.succeed(&["materialize-incremental", "--shard", shard, now.trim()]);
        repository.write(name, &receipt);
    }
    let outcome = finish(&repository, &["1.json", "2.json"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let later = repository.feast(&["materialize-incremental", "--shard", "1/2", END]);
    assert!(later.stderr.contains("has not come yet"), "{}", later.stderr);
}

#[test]
fn a_store_of_one_machine_is_not_filled_in_parts() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let outcome = repository.feast(&["materialize", "--shard", "1/2", START, END]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    assert!(
        outcome.stderr.contains("a rocksdb store is on one machine"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("Hint: leave --shard out"), "{}", outcome.stderr);
}
