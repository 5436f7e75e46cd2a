//! What a function may not do: give more than 6 MB, and take longer than its time.

use std::time::Duration;

use feast_fixtures::RedisServer;
use serde_json::json;

use super::emulator::{Function, Outcome};
use super::events::{Asked, Gateway};
use super::{READ, materialized};
use crate::redis_trouble::repository_on;

/// A read of so many rows.
fn rows(count: usize) -> String {
    let drivers = vec![1001; count];
    json!({
        "features": ["driver_hourly_stats:avg_daily_trips", "driver_hourly_stats:conv_rate"],
        "entities": {"driver_id": drivers},
    })
    .to_string()
}

#[test]
fn an_answer_that_is_too_large_is_an_error_with_the_remedy() {
    let repository = materialized();
    let mut function = Function::of(&repository, &[]);
    let (few, many) = (rows(8_000), rows(200_000));
    for (gateway, fitting, too_large, most) in [
        (Gateway::Url, &few, &many, "6291456"),
        (Gateway::HttpApi, &few, &many, "6291456"),
        (Gateway::RestApi, &few, &many, "6291456"),
        (Gateway::LoadBalancer, &rows(2_000), &few, "1000000"),
        (Gateway::LoadBalancerWithLists, &rows(2_000), &few, "1000000"),
    ] {
        let answer = function.ask(gateway, &Asked::post("/get-online-features", fitting));
        assert_eq!(answer.status, 200, "{gateway:?}: {}", answer.body);
        let refused = function.ask(gateway, &Asked::post("/get-online-features", too_large));
        assert_eq!(refused.status, 400, "{gateway:?}");
        let said = refused.json();
        let said = said.as_str().unwrap();
        assert!(
            said.contains(most) && said.contains("ask for fewer rows"),
            "{gateway:?}: {said}"
        );
    }
    // What is wrong with a body is repeated in the answer.
    let wrong = format!("[{}]", "1,".repeat(3 << 20) + "1");
    let refused = function.post("/get-online-features", &wrong);
    assert_eq!(refused.status, 400);
    let log = function.kill();
    assert!(log.contains("\"POST /get-online-features\" 400"), "{log}");
}

#[test]
fn what_takes_longer_than_there_is_time_is_an_error_before_the_end_redis() {
    let redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    let mut function = Function::of(&repository, &[]);
    assert_eq!(function.post("/get-online-features", READ).status, 200);
    redis.hang();
    let event = Gateway::Url.event(&Asked::post("/get-online-features", READ));
    let Outcome::Answer(answer) = function.invoke_within(&event, Duration::from_millis(1_200)) else {
        panic!("there is an answer before the process is killed")
    };
    let answer = Gateway::Url.response(&answer);
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains("the time of the function was over"),
        "{}",
        answer.body
    );
    redis.go_on();
    let mut attempts = 0;
    while function.post("/get-online-features", READ).status != 200 {
        attempts += 1;
        assert!(attempts < 1_000, "reads succeed again");
        std::thread::sleep(Duration::from_millis(20));
    }
}
