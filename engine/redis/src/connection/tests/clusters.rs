//! Clusters: moves of slots and lost nodes under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use feast_fixtures::RedisCluster;

use super::*;

const KEYS: usize = 300;

fn name(index: usize) -> String {
    format!("key {index}")
}

fn connect(cluster: &RedisCluster) -> Connection {
    // One of the nodes is enough to find the others.
    Connection::new(&config(RedisTopology::Cluster, &[cluster.nodes()[1].port()])).unwrap()
}

async fn fill(connection: &Connection) {
    let commands = (0..KEYS).map(|index| set(&name(index), &index.to_string())).collect();
    let written = connection.run(commands, Access::Write).await.unwrap();
    assert!(written.iter().all(|reply| *reply == Value::Okay), "{written:?}");
}

/// Reads all keys.
async fn read(connection: &Connection) -> feast_model::error::Result<Vec<Value>> {
    connection
        .run((0..KEYS).map(|index| get(&name(index))).collect(), Access::Read)
        .await
}

fn all() -> Vec<Value> {
    (0..KEYS).map(|index| bulk(&index.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn commands_go_to_the_nodes_of_their_keys() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let connection = connect(&cluster);
    fill(&connection).await;
    assert_eq!(read(&connection).await.unwrap(), all());
    let primaries = connection.primaries().await.unwrap();
    assert_eq!(primaries.len(), 3);
    let mut keys = 0;
    for primary in &primaries {
        let replies =
            tokio::task::block_in_place(|| connection.run_on_blocking(primary, vec![cmd("DBSIZE")], Access::Read))
                .unwrap();
        let Value::Int(count) = replies[0] else {
            panic!("{replies:?}");
        };
        assert!(count > 0);
        keys += count;
    }
    assert_eq!(usize::try_from(keys).unwrap(), KEYS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_wrong_or_missing_while_slots_move() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let connection = connect(&cluster);
    fill(&connection).await;
    let ends = Arc::new(AtomicBool::new(false));
    let rounds = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (connection, ends, rounds) = (connection.clone(), Arc::clone(&ends), Arc::clone(&rounds));
            tokio::spawn(async move {
                while !ends.load(Ordering::Relaxed) {
                    if client == 0 {
                        fill(&connection).await;
                    } else {
                        assert_eq!(read(&connection).await.unwrap(), all());
                    }
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let moved = tokio::task::spawn_blocking(move || {
        cluster.reshard(0, 1, 500);
        cluster.reshard(1, 2, 1_000);
        cluster
    });
    let cluster = moved.await.unwrap();
    ends.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(rounds.load(Ordering::Relaxed) > 10);
    assert_eq!(read(&connection).await.unwrap(), all());
    drop(cluster);
}

#[tokio::test]
async fn a_slot_that_is_moving_is_read_at_both_nodes() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let connection = connect(&cluster);
    let keys = ["{slot}a", "{slot}b", "{slot}c"];
    connection
        .run(keys.iter().map(|key| set(key, key)).collect(), Access::Write)
        .await
        .unwrap();
    let read = || connection.run(keys.iter().map(|key| get(key)).collect(), Access::Read);
    let expected: Vec<_> = keys.iter().map(|key| bulk(key)).collect();
    let slot = cluster.slot(keys[0]);
    let from = cluster.owner(slot);
    let to = (from + 1) % 3;
    cluster.open_move(slot, from, to);
    assert_eq!(read().await.unwrap(), expected);
    cluster.move_keys(&keys[1..2], from, to);
    assert_eq!(read().await.unwrap(), expected);
    // A key that is nowhere yet is made at the new node.
    connection.run(vec![set("{slot}d", "d")], Access::Write).await.unwrap();
    assert_eq!(
        connection.run(vec![get("{slot}d")], Access::Read).await.unwrap(),
        [bulk("d")]
    );
    cluster.move_keys(&[keys[0], keys[2]], from, to);
    assert_eq!(read().await.unwrap(), expected);
    cluster.close_move(slot, from, to);
    assert_eq!(read().await.unwrap(), expected);
    assert_eq!(
        cluster.nodes()[to].cli(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]),
        "4"
    );
}

#[tokio::test]
async fn a_replica_takes_over_from_a_primary_that_is_killed() {
    let mut cluster = RedisCluster::start(3, 1, &[]);
    let connection = connect(&cluster);
    fill(&connection).await;
    assert_eq!(read(&connection).await.unwrap(), all());
    // The replicas have everything.
    for index in 0..3 {
        cluster.wait_for_replica(index);
    }
    cluster.node_mut(0).kill();
    let mut last = None;
    for _ in 0..600 {
        match read(&connection).await {
            Ok(replies) => {
                assert_eq!(replies, all());
                fill(&connection).await;
                return;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                last = Some(error);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no replica takes over: {last:?}");
}

#[tokio::test]
async fn a_node_that_hangs_costs_the_others_no_connection() {
    let cluster = RedisCluster::start(3, 0, &["--cluster-require-full-coverage", "no"]);
    let mut config = config(RedisTopology::Cluster, &[cluster.nodes()[0].port()]);
    config.response_timeout = Duration::from_millis(500);
    let connection = Connection::new(&config).unwrap();
    fill(&connection).await;
    let connections = |index: usize| {
        let info = cluster.nodes()[index].cli(&["INFO", "stats"]);
        let count = info
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:"));
        count.unwrap().trim_end().parse::<usize>().unwrap()
    };
    // The cluster itself opens some while it comes up, and each question is one.
    let before = [connections(0), connections(1)];
    cluster.nodes()[2].hang();
    for _ in 0..6 {
        assert_eq!(read(&connection).await.unwrap_err().kind(), ErrorKind::Unavailable);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (index, before) in before.into_iter().enumerate() {
        assert!(connections(index) <= before + 1, "node {index} was connected to anew");
    }
}

#[tokio::test]
async fn reads_go_to_replicas_where_the_settings_say_so() {
    let cluster = RedisCluster::start(3, 1, &[]);
    fill(&connect(&cluster)).await;
    for index in 0..3 {
        cluster.wait_for_replica(index);
    }
    let mut config = config(RedisTopology::Cluster, &[cluster.nodes()[0].port()]);
    config.reads_from_replicas = true;
    let connection = Connection::new(&config).unwrap();
    assert_eq!(read(&connection).await.unwrap(), all());
    let gets = |index: usize| {
        cluster.nodes()[index]
            .cli(&["INFO", "commandstats"])
            .contains("cmdstat_get:")
    };
    let reads: Vec<_> = (0..6).map(gets).collect();
    assert_eq!(
        reads,
        [false, false, false, true, true, true],
        "{}",
        cluster.cli(&["CLUSTER", "SLOTS"])
    );
    // Writes go to primaries.
    fill(&connection).await;
}

#[tokio::test]
async fn a_single_server_is_not_a_cluster_and_the_other_way_round() {
    let server = RedisServer::start(&[]);
    let connection = Connection::new(&config(RedisTopology::Cluster, &[server.port()])).unwrap();
    let error = connection.run(vec![get("a")], Access::Read).await.unwrap_err();
    assert!(
        error.hint().unwrap_or_default().contains("redis_type: redis"),
        "{error} {:?}",
        error.hint()
    );
    let cluster = RedisCluster::start(3, 0, &[]);
    let connection = Connection::new(&config(RedisTopology::Single, &[cluster.nodes()[0].port()])).unwrap();
    let commands = (0..KEYS).map(|index| get(&name(index))).collect();
    let error = connection.run(commands, Access::Read).await.unwrap_err();
    assert!(
        error.hint().unwrap_or_default().contains("redis_type: redis_cluster"),
        "{error}"
    );
}
