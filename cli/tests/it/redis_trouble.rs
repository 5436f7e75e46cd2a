//! A Redis that is away, hangs or refuses, and hashes that hold what they should not: what clients are told, and that all is well
//! again without a restart.

use feast_fixtures::RedisServer;
use serde_json::{Value, json};

use crate::support::{Repository, Response, Server, eventually};

/// What `feast init` makes, applied, with its rows in a Redis. Rows are never held in memory, so every read asks it.
pub(crate) fn repository_on(redis: &RedisServer, parameters: &str) -> Repository {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let (before, _) = settings.split_once("online_store:").unwrap();
    let address = redis.address();
    let settings = format!(
        "{before}online_store:\n    type: redis\n    connection_string: {address}{parameters}\nserving:\n    \
         redis_response_timeout: 2s\n    redis_row_cache_mib: 0\n"
    );
    repository.write("feature_store.yaml", &settings);
    repository.succeed(&["apply"]);
    repository
}

fn read(server: &Server, driver: i64) -> Response {
    server.post_json(
        "/get-online-features",
        &json!({ "features": ["driver_hourly_stats:avg_daily_trips"], "entities": { "driver_id": [driver] } }),
    )
}

pub(crate) fn trips(server: &Server, driver: i64) -> Value {
    let response = read(server, driver);
    assert_eq!(response.status, 200, "{}", response.body);
    response.json()["results"][1]["values"][0].clone()
}

fn push(server: &Server, driver: i64, trips: i64) -> Response {
    let time = "2026-01-01T00:00:00";
    let df = json!({ "driver_id": [driver], "event_timestamp": [time], "created": [time],
        "conv_rate": [0.5], "acc_rate": [0.25], "avg_daily_trips": [trips] });
    let body = json!({ "push_source_name": "driver_stats_push_source", "df": df, "to": "online" });
    server.post_json("/push", &body)
}

pub(crate) fn pushed(server: &Server, driver: i64, trips: i64) {
    let response = push(server, driver, trips);
    assert_eq!(response.status, 200, "{}", response.body);
}

/// 503 with a time to come back, and a JSON string that names the store and says what is wrong, and the server is well.
fn is_unavailable(server: &Server, response: &Response, expected: &str) {
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(response.header("retry-after"), Some("1"));
    let body = response.json();
    let text = body.as_str().unwrap();
    assert!(text.contains("Redis") && text.contains(expected), "{text}");
    assert!(
        !text.contains("driver_id") && !text.contains("HMGET") && text.len() < 400,
        "{text}"
    );
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
}

/// Reads and pushes have connections of their own, each of which is tried again after a pause.
fn recovers(server: &Server, driver: i64, trips: i64) {
    eventually("reads succeed again", || read(server, driver).status == 200);
    assert_eq!(self::trips(server, driver), trips);
}

#[test]
fn a_redis_that_is_not_there_at_the_start_may_come_later() {
    let mut redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    redis.kill();
    let server = repository.serve();
    is_unavailable(&server, &read(&server, 9001), "refuses connections");
    is_unavailable(&server, &push(&server, 9001, 1), "refuses connections");
    redis.start_again();
    eventually("pushes succeed", || push(&server, 9001, 1).status == 200);
    recovers(&server, 9001, 1);
}

#[test]
fn a_killed_redis_is_used_again_when_it_is_back() {
    let mut redis = RedisServer::start(&[]);
    let server = repository_on(&redis, "").serve_and_keep();
    let server = &server.1;
    pushed(server, 9001, 1);
    // What is acknowledged is as durable as the Redis: this one is told to save.
    assert_eq!(redis.cli(&["SAVE"]), "OK");
    redis.kill();
    is_unavailable(server, &read(server, 9001), "refuses connections");
    is_unavailable(server, &push(server, 9001, 2), "refuses connections");
    redis.start_again();
    recovers(server, 9001, 1);
    eventually("pushes succeed", || push(server, 9001, 3).status == 200);
    recovers(server, 9001, 3);
}

#[test]
fn a_redis_that_hangs_is_not_waited_for() {
    let redis = RedisServer::start(&[]);
    let server = repository_on(&redis, "").serve_and_keep();
    let server = &server.1;
    pushed(server, 9001, 1);
    redis.hang();
    // No response, or none to an attempt to connect.
    is_unavailable(server, &read(server, 9001), "within ");
    assert_eq!(push(server, 9001, 2).status, 503);
    redis.go_on();
    eventually("reads succeed again", || read(server, 9001).status == 200);
    // The push may have been received, but nobody was told that it was.
    assert!([json!(1), json!(2)].contains(&trips(server, 9001)));
    // Pushes have a connection of their own, which is tried again after a pause.
    eventually("pushes succeed again", || push(server, 9001, 3).status == 200);
    recovers(server, 9001, 3);
}

#[test]
fn a_redis_that_loads_its_data_is_waited_for_by_clients() {
    let slowly = [
        "--key-load-delay",
        "500",
        "--loading-process-events-interval-bytes",
        "1024",
    ];
    let mut redis = RedisServer::start(&slowly);
    let server = repository_on(&redis, "").serve_and_keep();
    let server = &server.1;
    pushed(server, 9001, 1);
    redis.cli(&["DEBUG", "POPULATE", "40000"]);
    assert_eq!(redis.cli(&["SAVE"]), "OK");
    redis.kill();
    redis.start_again_with(&[]);
    eventually("it says that it is loading", || {
        read(server, 9001).body.contains("is loading its data")
    });
    is_unavailable(server, &read(server, 9001), "is loading its data");
    is_unavailable(server, &push(server, 9001, 2), "is loading its data");
    redis.cli(&["CONFIG", "SET", "key-load-delay", "0"]);
    recovers(server, 9001, 1);
}

#[test]
fn writes_that_are_refused_are_not_acknowledged_and_reads_go_on() {
    let redis = RedisServer::start(&[]);
    let server = repository_on(&redis, "").serve_and_keep();
    let server = &server.1;
    pushed(server, 9001, 1);
    let cases: [(&[&str], &str, &[&str]); 3] = [
        (
            &["REPLICAOF", "127.0.0.1", "1"],
            "is a replica, which takes no writes",
            &["REPLICAOF", "NO", "ONE"],
        ),
        (
            &["CONFIG", "SET", "maxmemory", "1"],
            "is out of memory",
            &["CONFIG", "SET", "maxmemory", "0"],
        ),
        (
            &["CONFIG", "SET", "min-replicas-to-write", "1"],
            "has too few replicas in step",
            &["CONFIG", "SET", "min-replicas-to-write", "0"],
        ),
    ];
    for (number, (breaks, expected, mends)) in (2..).zip(cases) {
        assert_eq!(redis.cli(breaks), "OK");
        is_unavailable(server, &push(server, 9001, -1), expected);
        assert_eq!(trips(server, 9001), number - 1);
        assert_eq!(redis.cli(mends), "OK");
        eventually("pushes succeed again", || push(server, 9001, number).status == 200);
        recovers(server, 9001, number);
    }
}

#[test]
fn a_password_that_is_missing_or_wrong_is_told_and_not_shown() {
    for (parameters, expected) in [
        ("", "asks for a password"),
        (",password=hunter2", "does not accept the user name and password"),
    ] {
        let redis = RedisServer::start(&["--requirepass", "secret"]);
        let (_repository, server) = repository_on(&redis, parameters).serve_and_keep();
        for response in [read(&server, 9001), push(&server, 9001, 1)] {
            is_unavailable(&server, &response, expected);
            assert!(!response.body.contains("hunter2"), "{}", response.body);
        }
        let password = if parameters.is_empty() { "" } else { "hunter2" };
        redis.cli(&["CONFIG", "SET", "requirepass", password]);
        eventually("pushes succeed", || push(&server, 9001, 1).status == 200);
        recovers(&server, 9001, 1);
    }
}

#[test]
fn a_password_or_database_that_redis_does_not_have_is_told() {
    let redis = RedisServer::start(&[]);
    for (parameters, expected) in [
        (",password=hunter2", "asks for no password, and one is given"),
        (",db=99", "has no database of that number"),
    ] {
        let (_repository, server) = repository_on(&redis, parameters).serve_and_keep();
        for response in [read(&server, 9001), push(&server, 9001, 1)] {
            is_unavailable(&server, &response, expected);
            assert!(!response.body.contains("hunter2"), "{}", response.body);
        }
    }
}

/// Runs a script with the only key of the Redis as `k`.
fn change(redis: &RedisServer, script: &str) {
    let script = format!("local k = redis.call('KEYS', '*')[1]; {script}; return 'done'");
    assert_eq!(redis.cli(&["EVAL", &script, "0"]), "done");
}

#[test]
fn what_is_damaged_fails_its_own_request_alone() {
    const EVERY_FIELD: &str = "for _, f in ipairs(redis.call('HKEYS', k)) do redis.call('HSET', k, f, VALUE) end";
    let redis = RedisServer::start(&[]);
    let (_repository, server) = repository_on(&redis, "").serve_and_keep();
    let of_key = [
        "redis.call('DEL', k); redis.call('SET', k, 'x')",
        "redis.call('DEL', k); redis.call('RPUSH', k, 'x')",
    ];
    let values = [
        r"'\255'",
        r"'\018\255\255\255\255\255'",
        r"string.rep('\255', 20)",
        r"'\008\255\255\255\255\255\255\255\255\255\255\255\001'",
        r"'*\003abc'",
        "'not a value'",
        "string.rep('x', 100 * 1024 * 1024)",
    ];
    let scripts = of_key.iter().map(|script| (*script).to_owned());
    for script in scripts.chain(values.map(|value| EVERY_FIELD.replace("VALUE", value))) {
        redis.cli(&["FLUSHALL"]);
        pushed(&server, 9001, 1);
        change(&redis, &script);
        // The largest value takes Redis seconds, in which a server that looks whether it answers has given up its connections.
        eventually("others are written", || push(&server, 9002, 2).status == 200);
        let response = read(&server, 9001);
        assert!(
            [500, 503].contains(&response.status),
            "{script}: {} {}",
            response.status,
            response.body
        );
        assert!(response.json().is_string(), "{script}: {}", response.body);
        assert!(response.body.len() < 1000, "{script}: {} bytes", response.body.len());
        eventually("others are read", || read(&server, 9002).status == 200);
        assert_eq!(trips(&server, 9002), 2, "{script}");
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_feature_that_cannot_be_read_is_an_error_only_where_it_is_requested() {
    // The conversion rate of the pushed rows, as Feast stores it.
    const CONV_RATE: &str =
        r"for _, f in ipairs(redis.call('HKEYS', k)) do if redis.call('HGET', k, f) == '5\0\0\0?' then FIELD end end";
    let redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    for settings in [settings.clone(), settings.replace("    redis_row_cache_mib: 0\n", "")] {
        repository.write("feature_store.yaml", &settings);
        let server = repository.serve();
        let status = |feature: &str| {
            let feature = format!("driver_hourly_stats:{feature}");
            let request = json!({ "features": [feature], "entities": { "driver_id": [9001] } });
            let response = server.post_json("/get-online-features", &request);
            (response.status, response.body)
        };
        for value in [r"'\255'", r"string.rep('\255', 20)", "'not a value'"] {
            redis.cli(&["FLUSHALL"]);
            pushed(&server, 9001, 7);
            assert_eq!(status("conv_rate").0, 200);
            change(
                &redis,
                &CONV_RATE.replace("FIELD", &format!("redis.call('HSET', k, f, {value})")),
            );
            eventually("the change is read", || status("conv_rate").0 == 500);
            for _ in 0..3 {
                assert_eq!(trips(&server, 9001), 7, "{value}");
                let (code, body) = status("conv_rate");
                assert!(
                    code == 500 && body.contains("driver_hourly_stats:conv_rate"),
                    "{code} {body}"
                );
            }
        }
    }
}

#[test]
fn replies_that_are_too_large_for_memory_are_refused() {
    let redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{settings}    max_memory_mib: 2\n"));
    let server = repository.serve();
    pushed(&server, 9001, 1);
    // Of another view, in a hash that is small by what the registry says: it is read as a whole, and then field by field.
    change(
        &redis,
        "redis.call('HSET', k, 'another field', string.rep('x', 3 * 1024 * 1024))",
    );
    pushed(&server, 9002, 2);
    assert_eq!(trips(&server, 9001), 1);
    // One of its own.
    let every_field =
        "for _, f in ipairs(redis.call('HKEYS', k)) do redis.call('HSET', k, f, string.rep('x', 3 * 1024 * 1024)) end";
    redis.cli(&["FLUSHALL"]);
    pushed(&server, 9001, 1);
    change(&redis, every_field);
    pushed(&server, 9002, 2);
    for _ in 0..3 {
        is_unavailable(&server, &read(&server, 9001), "hold up to 2 MiB in memory");
        assert_eq!(trips(&server, 9002), 2);
    }
}
