//! Rows of removed views in a Redis that others use too: what goes, what stays, and what a broken run leaves.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use feast_fixtures::RedisServer;

use crate::redis_trouble::{pushed, repository_on, trips};
use crate::support::{Repository, Server};

const HASHES: u64 = 60_000;

/// Makes hashes of other entities from the only one there is, and as many of a project whose name ends with the name of this one. Names
/// of features are hashed, so the rows are those of any view.
fn fill(redis: &RedisServer) {
    let script = format!(
        "local k = redis.call('KEYS', '*')[1]
         local names = string.sub(k, 1, #k - #'feature_repo' - 8)
         for i = 1, {} do
           local entity = names .. struct.pack('<i8', 100000 + i)
           redis.call('COPY', k, entity .. 'feature_repo')
           redis.call('COPY', k, entity .. 'my_feature_repo')
         end
         redis.call('COPY', k, names .. struct.pack('<i8', 1) .. 'my_feature_repo')
         return redis.call('DBSIZE')",
        HASHES - 1
    );
    assert_eq!(redis.cli(&["EVAL", &script, "0"]), (2 * HASHES).to_string());
}

/// How many hashes the project has, and the other one.
fn hashes(redis: &RedisServer) -> (u64, u64) {
    let script = "local own, others = 0, 0
         for _, k in ipairs(redis.call('KEYS', '*')) do
           if string.find(k, 'my_feature_repo$') then others = others + 1 else own = own + 1 end
         end
         return own .. ' ' .. others";
    let counts = redis.cli(&["EVAL", script, "0"]);
    let (own, others) = counts.split_once(' ').unwrap();
    (own.parse().unwrap(), others.parse().unwrap())
}

/// With another view of the same entity in place of the one that has rows.
fn without_the_view(repository: &Repository) {
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    repository.write(
        "feature_definitions.py",
        &definitions.replace("name=\"driver_hourly_stats\"", "name=\"other\""),
    );
}

fn views(repository: &Repository) -> String {
    repository.succeed(&["feature-views", "list"])
}

fn filled() -> (RedisServer, Repository) {
    let redis = RedisServer::start(&[]);
    let (repository, server) = repository_on(&redis, "").serve_and_keep();
    pushed(&server, 9001, 1);
    fill(&redis);
    drop::<Server>(server);
    (redis, repository)
}

#[test]
fn an_apply_that_is_killed_is_done_by_the_next_one() {
    let (redis, repository) = filled();
    without_the_view(&repository);
    let mut command = repository.command(&["apply"]);
    let mut apply = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(apply.stderr.take().unwrap()).lines();
    let expected = format!(
        "Looking through {} keys of Redis for rows of driver_hourly_stats, to remove them",
        2 * HASHES
    );
    assert!(lines.any(|line| line.unwrap() == expected));
    while hashes(&redis).0 == HASHES {
        std::thread::sleep(Duration::from_millis(5));
    }
    apply.kill().unwrap();
    apply.wait().unwrap();
    let (own, others) = hashes(&redis);
    assert!(own > 0, "it was done before it was killed");
    assert_eq!(others, HASHES);
    assert!(views(&repository).contains("driver_hourly_stats"));

    let outcome = repository.feast(&["apply"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("Deleted feature view"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("Rows were removed from"), "{}", outcome.stderr);
    assert_eq!(hashes(&redis), (0, HASHES));
    assert!(!views(&repository).contains("driver_hourly_stats"));
}

#[test]
fn an_apply_that_cannot_remove_rows_leaves_the_registry_as_it_was() {
    let mut redis = RedisServer::start(&[]);
    let (repository, server) = repository_on(&redis, "").serve_and_keep();
    pushed(&server, 9001, 1);
    assert_eq!(redis.cli(&["SAVE"]), "OK");
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    redis.kill();
    without_the_view(&repository);
    let outcome = repository.feast(&["apply"]);
    assert_ne!(outcome.code, Some(0));
    for part in [
        "driver_hourly_stats",
        "the registry is as before",
        "refuses connections",
        "apply again",
    ] {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
    // Definitions that are wrong cost no rows.
    redis.start_again();
    repository.write(
        "wrong.py",
        "from feast import Entity\nwrong = Entity(name=\"driver\", join_keys=[\"a\", \"b\"])\n",
    );
    assert_ne!(repository.feast(&["apply"]).code, Some(0));
    std::fs::remove_file(repository.path.join("wrong.py")).unwrap();
    assert!(views(&repository).contains("driver_hourly_stats"));
    assert_eq!(trips(&server, 9001), 1);
    // The view stays after all.
    repository.write("feature_definitions.py", &definitions);
    repository.succeed(&["apply"]);
    assert_eq!(trips(&server, 9001), 1);
    without_the_view(&repository);
    repository.succeed(&["apply"]);
    assert_eq!(redis.cli(&["DBSIZE"]), "0");
}

#[test]
fn rows_under_former_join_keys_are_removed() {
    let redis = RedisServer::start(&[]);
    let (repository, server) = repository_on(&redis, "").serve_and_keep();
    pushed(&server, 9001, 1);
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    let renamed = definitions.replace("join_keys=[\"driver_id\"]", "join_keys=[\"pilot_id\"]");
    assert_ne!(renamed, definitions);
    repository.write("feature_definitions.py", &renamed);
    let outcome = repository.feast(&["apply", "--skip-source-validation"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(redis.cli(&["DBSIZE"]), "0");
}

#[test]
fn a_teardown_that_fails_is_repeated() {
    let (mut redis, repository) = filled();
    assert_eq!(redis.cli(&["SAVE"]), "OK");
    redis.kill();
    assert_ne!(repository.feast(&["teardown", "--yes"]).code, Some(0));
    assert!(views(&repository).contains("driver_hourly_stats"));
    redis.start_again();
    let outcome = repository.feast(&["teardown", "--yes"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let expected = format!("Rows were removed from {HASHES} hashes of Redis");
    assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
    assert_eq!(hashes(&redis), (0, HASHES));
}
