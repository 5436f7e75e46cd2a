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
pub(super) use settings::redis;

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

impl RedisConfig {
    /// What is in force of a connection string, as one, without secrets: what differs from the defaults of its parameters.
    pub(super) fn shown(&self) -> String {
        let tls = self.tls.as_ref();
        let file = |path: &PathBuf| path.to_string_lossy().into_owned();
        let number = |number: f64| (number != settings::DEFAULT_TIMEOUT.as_secs_f64()).then(|| number.to_string());
        let flag = |is_set: bool, text: &str| is_set.then(|| text.to_owned());
        let hidden = |login: &RedisLogin| {
            let password = login.password.as_ref().filter(|password| !password.is_empty());
            password.map(|_| "***".to_owned())
        };
        let parameters = [
            ("db", (self.database != 0).then(|| self.database.to_string())),
            ("username", self.login.username.clone()),
            ("password", hidden(&self.login)),
            ("ssl", flag(tls.is_some(), "true")),
            ("ssl_ca_certs", tls.and_then(|tls| tls.ca.as_ref()).map(file)),
            (
                "ssl_certfile",
                tls.and_then(|tls| tls.client.as_ref())
                    .map(|(certificate, _)| file(certificate)),
            ),
            (
                "ssl_keyfile",
                tls.and_then(|tls| tls.client.as_ref()).map(|(_, key)| file(key)),
            ),
            (
                "ssl_cert_reqs",
                flag(tls.is_some_and(|tls| !tls.checks_certificate), "none"),
            ),
            (
                "ssl_check_hostname",
                flag(tls.is_some_and(|tls| !tls.checks_hostname), "false"),
            ),
            ("socket_connect_timeout", number(self.connect_timeout.as_secs_f64())),
            ("client_name", self.client_name.clone()),
            ("read_from_replicas", flag(self.reads_from_replicas, "true")),
            ("sentinel_kwargs", hidden(&self.sentinel_login)),
        ];
        let nodes = self.nodes.iter().map(ToString::to_string);
        let given = parameters
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
        nodes.chain(given).collect::<Vec<_>>().join(",")
    }
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
