//! Replicas that become primaries while clients read and push.
//!
//! Redis copies to replicas after it has answered, so what a primary that is killed has acknowledged may be gone, unless
//! `serving.redis_wait_replicas` had the server wait for the replica. A failover on demand (`CLUSTER FAILOVER`) loses nothing.

use std::thread::sleep;
use std::time::Duration;

use feast_fixtures::{RedisCluster, RedisSentinels};

use super::load::{ENTITIES, Load, Promise};
use super::{is_alive, repository_on, repository_with};
use crate::support::eventually;

#[test]
fn a_primary_of_a_cluster_that_is_killed_takes_no_replicated_push_with_it() {
    let mut cluster = RedisCluster::start(3, 1, &[]);
    let repository = repository_on(&cluster, "");
    let server = repository.serve();
    let servers = (&server, &server);
    let load = Load::new();
    let next = load.during(Promise::EveryPush, servers, || {
        let replica = cluster.replica_of(0);
        assert_eq!(cluster.nodes()[replica].cli(&["CLUSTER", "FAILOVER"]), "OK");
        cluster.wait_for_primary(replica);
        replica
    });
    cluster.wait_for_replica(next);
    load.mark();
    for primary in [1, 2, next] {
        cluster.wait_for_replica(primary);
    }
    load.during(Promise::BeforeMark, servers, || {
        let replica = cluster.replica_of(1);
        cluster.node_mut(1).kill();
        is_alive(&server);
        cluster.wait_for_primary(replica);
        is_alive(&server);
    });
}

#[test]
fn pushes_that_wait_for_a_replica_survive_the_primary_of_a_cluster() {
    let mut cluster = RedisCluster::start(3, 1, &[]);
    let repository = repository_on(&cluster, "    redis_wait_replicas: 1\n");
    let server = repository.serve();
    let load = Load::new();
    load.during(Promise::EveryPush, (&server, &server), || {
        let replica = cluster.replica_of(0);
        cluster.node_mut(0).kill();
        is_alive(&server);
        cluster.wait_for_primary(replica);
        // It has no replica now, so pushes to its keys are refused, and to those of other nodes are not.
        eventually("some pushes are acknowledged, and some are not", || {
            let mut seen = [false; 2];
            // A refusal takes its time: as long as the replica is waited for.
            (0..ENTITIES).any(|entity| {
                seen[usize::from(load.push(&server, entity..entity + 1))] = true;
                seen == [true; 2]
            })
        });
        cluster.node_mut(0).start_again();
        cluster.wait_for_replica(replica);
    });
}

#[test]
fn pushes_that_wait_for_all_replicas_survive_a_master_with_sentinels() {
    let mut set = RedisSentinels::start(2, &[], None);
    let sentinels: Vec<String> = set
        .sentinel_ports()
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    let store = format!(
        "redis_type: redis_sentinel\n    connection_string: {}",
        sentinels.join(",")
    );
    // Sentinels may choose either replica.
    let repository = repository_with(&store, "    redis_wait_replicas: 2\n");
    let server = repository.serve();
    let load = Load::new();
    load.during(Promise::EveryPush, (&server, &server), || {
        let before = set.master();
        set.server_mut(before).kill();
        is_alive(&server);
        set.wait_for_another_master(before);
        let port = set.servers()[set.master()].port().to_string();
        let replica = ["--replicaof", "127.0.0.1", &port];
        set.server_mut(before).start_again_with(&replica);
    });
    // One that is replaced while it works takes commands for some seconds more.
    load.during(Promise::EveryPush, (&server, &server), || {
        let before = set.master();
        set.fail_over();
        sleep(Duration::from_secs(2));
        let port = set.servers()[set.master()].port().to_string();
        assert_eq!(set.servers()[before].cli(&["REPLICAOF", "127.0.0.1", &port]), "OK");
    });
    is_alive(&server);
}
