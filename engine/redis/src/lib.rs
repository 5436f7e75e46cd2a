//! The online store on Redis and Valkey, in the layout of Feast.
//!
//! Other programs read and write the same keys: Python, Go and Java. So the layout is Feast's, byte by byte, and nothing is kept
//! beside it. The only user of the redis crate. Knows neither HTTP nor the registry: views are told to it.

mod collisions;
mod connection;
mod deletion;
mod examine;
mod fetch;
mod former_keys;
mod hash_query;
mod row_encoder;
mod scan;
mod tracking;
mod views;
mod write;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::ToSocketAddrs;
use std::sync::Arc;

use arc_swap::ArcSwap;
use feast_config::{RedisConfig, RedisNode, RedisTopology};
use feast_model::error::{Error, Result};
use feast_rows::{RowCache, StoredView, Tables};

pub use collisions::name_collisions;
pub use deletion::KeySearch;
pub use examine::ExaminedServer;
pub use former_keys::FormerKeys;
pub use row_encoder::RowEncoder;
pub use tracking::TrackingCounts;
pub use write::RowWriter;

use connection::{Access, Connection};
use tracking::Tracking;
use views::Views;

/// A key to ask for, which need not be there: in a cluster a command goes where its key is.
const CHECKED_KEY: &str = "feast-check";

/// An online store on Redis. It connects when it is first used, and again whenever it must.
pub struct RedisStore {
    config: RedisConfig,
    project: String,
    identity: String,
    views: ArcSwap<Views>,
    tracking: Tracking,
    connection: Connection,
}

impl RedisStore {
    /// The store of a project. Does not connect yet.
    ///
    /// # Errors
    /// `Invalid` when certificates cannot be read.
    pub fn open(config: &RedisConfig, project: &str) -> Result<Self> {
        let connection = Connection::new(config)?;
        Ok(Self {
            identity: identity(config, project),
            config: config.clone(),
            project: project.to_owned(),
            views: ArcSwap::default(),
            tracking: Tracking::new(config, &connection, project),
            connection,
        })
    }

    /// Tells it from other stores.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The rows it has in memory, as far as a read may use them now.
    #[inline]
    pub fn row_cache(&self) -> &RowCache {
        self.tracking.rows()
    }

    /// What has happened to the rows in memory so far.
    pub fn tracking_counts(&self) -> &TrackingCounts {
        self.tracking.counts()
    }

    /// Asks Redis for something small.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer in time.
    pub fn check(&self) -> Result<()> {
        let mut small = redis::cmd("EXISTS");
        small.arg(CHECKED_KEY);
        // A refusal is an answer.
        self.connection.exchange_blocking(vec![small], Access::Read)??;
        Ok(())
    }

    /// The error for a stored value that cannot be read.
    pub fn corrupt(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.damaged(source.to_string()).with_source(source)
    }

    fn damaged(&self, problem: String) -> Error {
        Error::data(format!("online store redis: {problem}"))
            .with_hint("another program has written it: write the row again, for instance by materializing its view")
    }

    /// The tables of the project as they are now.
    pub fn tables(&self) -> Arc<Tables> {
        Arc::clone(self.views.load().tables().tables())
    }

    /// Takes the views of the registry into use.
    pub fn follow(&self, views: &[StoredView]) {
        if let Some(next) = self.views.load().follow(views) {
            self.tracking.follow(views);
            self.views.store(Arc::new(next));
        }
    }
}

/// Whether rows of these settings are in the same place, as far as the settings tell: one server may have several names, which are looked
/// up, and a cluster or a master is told by any node that both name.
pub fn reach_same_servers(one: &RedisConfig, other: &RedisConfig) -> bool {
    let is_same_node = |left: &RedisNode, right: &RedisNode| {
        let at = |node: &RedisNode| (node.host.as_str(), node.port).to_socket_addrs();
        let name = |node: &RedisNode| (node.host.to_ascii_lowercase(), node.port);
        name(left) == name(right)
            || at(left).is_ok_and(|left| {
                let right: Vec<_> = at(right).into_iter().flatten().collect();
                left.into_iter().any(|address| right.contains(&address))
            })
    };
    let shares_a_node = || {
        one.nodes
            .iter()
            .any(|node| other.nodes.iter().any(|known| is_same_node(node, known)))
    };
    one.topology == other.topology && one.database == other.database && shares_a_node()
}

/// The same for all that use these servers for this project. Clients see it, so it does not say where they are.
fn identity(config: &RedisConfig, project: &str) -> String {
    let mut hasher = DefaultHasher::new();
    for node in &config.nodes {
        node.hash(&mut hasher);
    }
    let master = match &config.topology {
        RedisTopology::Sentinel { master } => Some(master),
        RedisTopology::Single | RedisTopology::Cluster => None,
    };
    (master, config.database, project).hash(&mut hasher);
    format!("redis-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::connection::tests::config;
    use super::*;

    #[test]
    fn servers_are_the_same_whatever_they_are_called() {
        let named = |host: &str, port| RedisNode {
            host: host.to_owned(),
            port,
        };
        let single = |host: &str, port| RedisConfig {
            nodes: vec![named(host, port)],
            ..config(RedisTopology::Single, &[])
        };
        let one = single("127.0.0.1", 6379);
        for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
            assert!(reach_same_servers(&one, &single(host, 6379)), "{host}");
        }
        assert!(!reach_same_servers(&one, &single("127.0.0.1", 6380)));
        assert!(!reach_same_servers(&one, &single("127.0.0.2", 6379)));
        let database = RedisConfig {
            database: 1,
            ..one.clone()
        };
        assert!(!reach_same_servers(&one, &database));

        let cluster = |ports: &[u16]| config(RedisTopology::Cluster, ports);
        assert!(reach_same_servers(&cluster(&[1, 2]), &cluster(&[2, 3])));
        assert!(!reach_same_servers(&cluster(&[1, 2]), &cluster(&[3])));
        assert!(!reach_same_servers(
            &cluster(&[1]),
            &config(RedisTopology::Single, &[1])
        ));
        let sentinel = |master: &str, ports: &[u16]| {
            let master = master.to_owned();
            config(RedisTopology::Sentinel { master }, ports)
        };
        assert!(reach_same_servers(&sentinel("a", &[1, 2]), &sentinel("a", &[2])));
        assert!(!reach_same_servers(&sentinel("a", &[1]), &sentinel("b", &[1])));
    }
}
