//! Makes connections to servers: TCP, TLS, the login, the database and the name.

use std::sync::Arc;
use std::time::Duration;

use feast_config::{RedisConfig, RedisLogin, RedisNode, RedisTopology};
use feast_model::error::Result;
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Pipeline, ProtocolVersion, RedisConnectionInfo, Value};
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::link::Link;
use super::sentinel::KnownMaster;
use super::tls;
use super::trouble::{Reason, Trouble};

/// A connection that nobody uses is kept open through firewalls that forget about it.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Knows how to reach servers, and how to sign in.
pub(super) struct Dialer {
    pub(super) config: RedisConfig,
    /// With sentinels.
    pub(super) master: KnownMaster,
    tls: Option<TlsConnector>,
}

/// What a connection is for.
#[derive(Clone)]
pub(super) enum Purpose {
    /// Reading and writing rows.
    Rows,
    /// Asking a sentinel, which has a login of its own, no databases, and no TLS in Feast.
    Sentinel,
    /// Messages that come by themselves, over RESP3.
    Pushes(Arc<dyn AsyncPushSender>),
}

impl Dialer {
    /// # Errors
    /// `Invalid` when a certificate or key cannot be read.
    pub(super) fn new(config: &RedisConfig) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            master: KnownMaster::default(),
            tls: config.tls.as_ref().map(tls::connector).transpose()?,
        })
    }

    /// Connects to a server, within the time that a connection may take.
    pub(super) async fn dial(&self, node: &RedisNode, purpose: Purpose) -> Result<Link, Trouble> {
        let server: Arc<str> = self.name_of(node, &purpose).into();
        let limit = self.config.connect_timeout;
        match timeout(limit, self.open(&server, node, purpose)).await {
            Ok(opened) => opened,
            Err(_) => Err(Trouble::new(&server, Reason::ConnectTimeout(limit))),
        }
    }

    /// How messages name a server.
    pub(super) fn name_of(&self, node: &RedisNode, purpose: &Purpose) -> String {
        let RedisNode { host, port } = node;
        match (&self.config.topology, purpose) {
            (RedisTopology::Sentinel { .. }, Purpose::Sentinel) => format!("the sentinel at {host}:{port}"),
            (RedisTopology::Sentinel { master }, _) => format!("Redis master {master} at {host}:{port}"),
            (RedisTopology::Cluster, _) => format!("Redis cluster node {host}:{port}"),
            _ => format!("Redis at {host}:{port}"),
        }
    }

    async fn open(&self, server: &Arc<str>, node: &RedisNode, purpose: Purpose) -> Result<Link, Trouble> {
        let tcp = TcpStream::connect((node.host.as_str(), node.port))
            .await
            .and_then(|tcp| {
                tcp.set_nodelay(true)?;
                SockRef::from(&tcp).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
                Ok(tcp)
            })
            .map_err(|error| Trouble::io(server, &error))?;
        let link = match &self.tls {
            Some(connector) if !matches!(purpose, Purpose::Sentinel) => {
                let host = ServerName::try_from(node.host.clone())
                    .map_err(|error| Trouble::new(server, Reason::Tls(error.to_string())))?;
                let stream = connector
                    .connect(host, tcp)
                    .await
                    .map_err(|error| Trouble::new(server, Reason::Tls(error.to_string())))?;
                self.start(server, node, stream, &purpose).await?
            }
            _ => self.start(server, node, tcp, &purpose).await?,
        };
        self.greet(&link, &purpose).await?;
        Ok(link)
    }

    /// The library's part: a task on the runtime of the caller writes and reads the stream.
    async fn start<S>(&self, server: &Arc<str>, node: &RedisNode, stream: S, purpose: &Purpose) -> Result<Link, Trouble>
    where
        S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
    {
        let mut info = RedisConnectionInfo::default().set_skip_set_lib_name();
        // Each request has a bound of its own, which reconnecting is part of.
        let mut config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_connection_timeout(None);
        if let Purpose::Pushes(sender) = purpose {
            let RedisLogin { username, password } = &self.config.login;
            info = info.set_protocol(ProtocolVersion::RESP3);
            if let Some(username) = username {
                info = info.set_username(username);
            }
            if let Some(password) = password {
                info = info.set_password(password);
            }
            let sender = Arc::clone(sender);
            config = config.set_push_sender(move |message| sender.send(message));
        }
        let (connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config)
            .await
            .map_err(|error| Trouble::library(server, &error))?;
        Ok(Link::new(connection, tokio::spawn(driver), server, node))
    }

    /// Signs in, selects the database and gives the connection its name. An answer to `PING` shows that somebody is there, who
    /// takes commands.
    async fn greet(&self, link: &Link, purpose: &Purpose) -> Result<(), Trouble> {
        let login = match purpose {
            Purpose::Rows => Some(&self.config.login),
            Purpose::Sentinel => Some(&self.config.sentinel_login),
            Purpose::Pushes(_) => None,
        };
        let mut greeting = Pipeline::new();
        if let Some(RedisLogin {
            username,
            password: Some(password),
        }) = login
        {
            greeting.cmd("AUTH");
            // Servers before Redis 6 know no users.
            if let Some(username) = username {
                greeting.arg(username);
            }
            greeting.arg(password);
        }
        if self.config.database != 0 && !matches!(purpose, Purpose::Sentinel) {
            greeting.cmd("SELECT").arg(self.config.database);
        }
        if self.config.topology == RedisTopology::Cluster && self.config.reads_from_replicas {
            greeting.cmd("READONLY");
        }
        let must_succeed = greeting.len();
        if let Some(name) = &self.config.client_name {
            greeting.cmd("CLIENT").arg("SETNAME").arg(name);
        }
        greeting.cmd("PING");
        let replies = link.send(&greeting).await?;
        for (index, reply) in replies.iter().enumerate() {
            if let Value::ServerError(error) = reply {
                let is_last = index + 1 == replies.len();
                // Commands will say so themselves, and then no longer.
                let passes = ["LOADING", "MASTERDOWN", "NOPERM", "BUSY", "MISCONF"].contains(&error.code());
                if index < must_succeed || (is_last && !passes) {
                    return Err(Trouble::refusal(link.server(), error));
                }
            }
        }
        Ok(())
    }
}
