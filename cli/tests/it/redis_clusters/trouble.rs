//! Clusters of which a part is down or hangs.
//!
//! What holds: a request is answered completely, or with 503 within the response timeout. One whose entities lie on nodes that work
//! is answered also while another node hangs, if the cluster itself takes commands then (`cluster-require-full-coverage no`), and a
//! node that hangs holds up one request at a time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use feast_fixtures::{RedisCluster, RedisServer};

use super::load::{ENTITIES, is_refusal, read, write};
use super::{is_alive, repository_on};
use crate::support::{Server, eventually};

/// Reads ask Redis, and few may be under way.
const SERVING: &str = "    redis_row_cache_mib: 0\n    max_requests: 16\n";

fn fill(server: &Server) {
    eventually("pushes succeed", || write(server, 0..ENTITIES, 1).status == 200);
}

/// The entities that are read, and those that are refused.
fn sort(server: &Server) -> (Vec<i64>, Vec<i64>) {
    (0..ENTITIES).partition(|entity| {
        let response = read(server, *entity..entity + 1);
        if response.status != 200 {
            is_refusal(&response);
        }
        response.status == 200
    })
}

#[test]
fn a_cluster_that_is_down_is_told_and_used_again() {
    let mut cluster = RedisCluster::start(3, 0, &[]);
    let repository = repository_on(&cluster, SERVING);
    let server = repository.serve();
    fill(&server);
    cluster.node_mut(2).kill();
    // First the lost node is noticed, then the others take no commands.
    eventually("the cluster is down", || {
        let response = read(&server, 0..ENTITIES);
        is_refusal(&response);
        is_alive(&server);
        response.body.contains("the cluster is down")
    });
    let push = write(&server, 0..ENTITIES, 2);
    is_refusal(&push);
    cluster.node_mut(2).start_again();
    fill(&server);
    assert_eq!(sort(&server).0.len(), ENTITIES as usize);
}

#[test]
fn a_node_that_hangs_does_not_hold_up_the_others() {
    let cluster = RedisCluster::start(3, 0, &["--cluster-require-full-coverage", "no"]);
    let repository = repository_on(&cluster, SERVING);
    let server = repository.serve();
    fill(&server);
    cluster.nodes()[2].hang();
    // A node that notices it writes it to its disk first, and takes no commands meanwhile.
    eventually("the other nodes know it", || {
        let knows = |node: &RedisServer| node.cli(&["CLUSTER", "NODES"]).contains("master,fail ");
        cluster.nodes()[..2].iter().all(knows)
    });
    let (others, lost) = sort(&server);
    assert!(!others.is_empty() && !lost.is_empty());
    is_refusal(&read(&server, 0..ENTITIES));
    let (ends, refusals) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // More than may be under way, all for the node that hangs.
        for client in 0..24 {
            let entity = lost[client % lost.len()];
            let (server, ends, refusals) = (&server, &ends, &refusals);
            scope.spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    let response = match client {
                        0 => write(server, entity..entity + 1, 2),
                        _ => read(server, entity..entity + 1),
                    };
                    is_refusal(&response);
                    refusals.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
        }
        // At first all of them wait for an answer.
        eventually("the node is known to hang", || refusals.load(Ordering::Relaxed) > 100);
        let mut failed = Vec::new();
        for round in 0..100 {
            let entity = others[round % others.len()];
            let (read, write) = (read(&server, entity..entity + 1), write(&server, entity..entity + 1, 3));
            let bad = [read, write].into_iter().find(|response| response.status != 200);
            failed.extend(bad.map(|response| response.body));
            is_alive(&server);
            std::thread::sleep(Duration::from_millis(30));
        }
        ends.store(true, Ordering::Relaxed);
        // All of them wait together only until the node is known to hang. A busy machine may still let too many meet.
        assert!(failed.len() < 25, "entities on other nodes were refused: {failed:?}");
    });
    cluster.nodes()[2].go_on();
    eventually("all is read again", || read(&server, 0..ENTITIES).status == 200);
    assert_eq!(sort(&server).0.len(), ENTITIES as usize);
}
