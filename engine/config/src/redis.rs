//! The block `online_store` of type `redis`, and what `serving` says of it.
//!
//! Python Feast refuses keys in that block that it does not know, so what only this server understands is in `serving`.

mod connection_string;
mod parameters;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub(super) use connection_string::redact;
pub(super) use settings::{SERVING_KEYS, redis};

/// How to reach a Redis or Valkey, and how to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// What the nodes are (`redis_type`).
    pub topology: RedisTopology,
    /// The server (just one, as Feast uses only the first), the first nodes of the cluster to be asked, or the sentinels; at least
    /// one (`connection_string`).
    pub nodes: Vec<RedisNode>,
    /// The number of the database; 0 for a cluster (`db`).
    pub database: i64,
    /// Signs in at the servers (`username`, `password`).
    pub login: RedisLogin,
    /// Signs in at the sentinels (`sentinel_kwargs`).
    pub sentinel_login: RedisLogin,
    /// `None` for connections that are not encrypted (`ssl`).
    pub tls: Option<RedisTls>,
    /// The name of connections in `CLIENT LIST` (`client_name`).
    pub client_name: Option<String>,
    /// Whether a cluster's reads may go to replicas, which may be behind (`read_from_replicas`).
    pub reads_from_replicas: bool,
    /// How long an entity's hash lives after a write; for ever if `None` (`key_ttl_seconds`).
    pub key_ttl_seconds: Option<u64>,
    /// Whether the rows of a deleted view are searched for and removed (`full_scan_for_deletion`).
    pub scans_for_deletion: bool,
    /// How long a connection may take to be made (`socket_connect_timeout`).
    pub connect_timeout: Duration,
    /// How long an answer may take (`serving.redis_response_timeout`, or `socket_timeout`).
    pub response_timeout: Duration,
    /// How many bytes of replies may be in memory at once (`serving.max_memory_mib`).
    pub reply_memory: usize,
    /// Bytes of rows in memory; 0 if `cache_staleness` is `None` (`serving.redis_row_cache_mib`).
    pub row_cache: usize,
    /// How far a read may be behind writes of other clients; `None` when no rows are held in memory
    /// (`serving.redis_cache_staleness`).
    pub cache_staleness: Option<Duration>,
    /// Whether statuses are those of Python Feast on Redis: all `PRESENT` (`serving.redis_statuses`).
    pub python_statuses: bool,
    /// How many replicas must have a write before it is acknowledged (`serving.redis_wait_replicas`).
    pub wait_replicas: u32,
}

/// What the nodes of a [`RedisConfig`] are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisTopology {
    /// One server.
    Single,
    /// Nodes of a cluster.
    Cluster,
    /// Sentinels that know where the master is.
    Sentinel {
        /// The name under which they know it (`sentinel_master`).
        master: String,
    },
}

/// Where a server listens. It is shown as in a connection string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RedisNode {
    /// A name or an address; one of IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for RedisNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(formatter, "[{host}]:{port}"),
            false => write!(formatter, "{host}:{port}"),
        }
    }
}

/// Signs in at a server, if the server asks for it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RedisLogin {
    /// The user of its access control list; its default user if `None`.
    pub username: Option<String>,
    /// Never in messages.
    pub password: Option<String>,
}

impl fmt::Debug for RedisLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|_| "***");
        let mut login = formatter.debug_struct("RedisLogin");
        login
            .field("username", &self.username)
            .field("password", &password)
            .finish()
    }
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisTls {
    /// A file or directory of certificates to trust beside those of the system (`ssl_ca_certs`, `ssl_ca_path`).
    pub ca: Option<PathBuf>,
    /// Certificate and key of this client, which may be in one file (`ssl_certfile`, `ssl_keyfile`).
    pub client: Option<(PathBuf, PathBuf)>,
    /// Whether the server's certificate is checked (`ssl_cert_reqs` other than `none`).
    pub checks_certificate: bool,
    /// Whether its certificate must be for the name of the host (`ssl_check_hostname`).
    pub checks_hostname: bool,
}
