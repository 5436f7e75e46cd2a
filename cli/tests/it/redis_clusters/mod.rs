//! Clusters and sets with sentinels, behind the real server: moved slots, lost nodes and failovers while clients read and push.
//!
//! - `load`: the clients, and what an answer may be.
//! - `moves`: slots that go to other nodes.
//! - `failovers`: replicas that become primaries.
//! - `copies`: rows that are copied from and to a cluster, and materialized into one.
//! - `trouble`: clusters of which a part is down or hangs.

mod copies;
mod failovers;
mod load;
mod moves;
mod trouble;

use feast_fixtures::RedisCluster;

use crate::support::{Repository, Server};

/// What `feast init` makes, applied, with its rows in a cluster.
fn repository_on(cluster: &RedisCluster, serving: &str) -> Repository {
    // One node is enough to find the others, and it may be the one that is lost.
    let nodes: Vec<String> = cluster.nodes()[..2].iter().map(|node| node.address()).collect();
    let store = format!("redis_type: redis_cluster\n    connection_string: {}", nodes.join(","));
    repository_with(&store, serving)
}

fn repository_with(store: &str, serving: &str) -> Repository {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let (before, _) = settings.split_once("online_store:").unwrap();
    let serving = format!("serving:\n    redis_response_timeout: 1s\n{serving}");
    repository.write(
        "feature_store.yaml",
        &format!("{before}online_store:\n    type: redis\n    {store}\n{serving}"),
    );
    repository.succeed(&["apply"]);
    repository
}

fn is_alive(server: &Server) {
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
}
