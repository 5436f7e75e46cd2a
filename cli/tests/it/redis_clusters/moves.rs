//! Slots that go to other nodes, key by key.

use std::time::Duration;

use feast_fixtures::RedisCluster;

use super::load::{Load, Promise};
use super::{is_alive, repository_on};

const NO_ROWS_IN_MEMORY: &str = "    redis_row_cache_mib: 0\n";
/// Slots that are moved in each direction.
const SLOTS: usize = 4;

/// Moves some slots that have keys from each node to the next.
fn move_slots(cluster: &RedisCluster) {
    for from in 0..3 {
        let to = (from + 1) % 3;
        for slot in cluster.keys_by_slot(from).into_keys().take(SLOTS) {
            cluster.move_slot(slot, from, to, Duration::from_millis(30));
        }
    }
}

#[test]
fn from_apply_to_pushed_features_on_a_cluster() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let repository = repository_on(&cluster, NO_ROWS_IN_MEMORY);
    repository.succeed(&["materialize", "2020-01-01", "2100-01-01"]);
    let server = repository.serve();
    let keys: Vec<i64> = (1001..1006).collect();
    let body = serde_json::json!({ "features": ["driver_hourly_stats:acc_rate"], "entities": { "driver_id": keys } });
    let answer = server.post_json("/get-online-features", &body);
    assert_eq!(answer.body.matches("PRESENT").count(), 10, "{}", answer.body);
    Load::new().during(Promise::EveryPush, (&server, &server), || move_slots(&cluster));
    // Redis has sent commands from node to node.
    assert!(cluster.errors("ASK") > 0 && cluster.errors("MOVED") > 0);
    is_alive(&server);
}

#[test]
fn rows_in_memory_stay_true_while_slots_move() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let repository = repository_on(&cluster, "");
    let (server, other) = (repository.serve(), repository.serve());
    let load = Load::new();
    // A read is never behind a push through the same server, and by two seconds at most behind those through another.
    load.during(Promise::EveryPush, (&server, &server), || move_slots(&cluster));
    let behind = Promise::Within(Duration::from_secs(2));
    load.during(behind, (&other, &server), || move_slots(&cluster));
    let (_, log) = server.stop();
    assert!(log.contains("rows are held in memory"), "{log}");
}
