//! Makes connections to servers: TCP, TLS, the login, the database and the name.

use std::sync::Arc;
use std::time::Duration;

use feast_config::{RedisConfig, RedisLogin, RedisNode, RedisTopology};
use feast_model::error::Result;
use redis::aio::AsyncPushSender;
use redis::{Pipeline, Value};
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::link::Link;
use super::push_link::PushLink;
use super::replies::ReplyMemory;
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
    reply_memory: Arc<ReplyMemory>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reading and writing rows.
    Rows,
    /// Asking a sentinel, which has a login of its own, no databases, and no TLS in Feast.
    Sentinel,
}

enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dialer {
    /// # Errors
    /// `Invalid` when a certificate or key cannot be read.
    pub(super) fn new(config: &RedisConfig) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            reply_memory: ReplyMemory::new(config.reply_memory),
            master: KnownMaster::default(),
            tls: config.tls.as_ref().map(tls::connector).transpose()?,
        })
    }

    /// Connects to a server, within the time that a connection may take.
    pub(super) async fn dial(&self, node: &RedisNode, purpose: Purpose) -> Result<Link, Trouble> {
        let server: Arc<str> = self.name_of(node, purpose).into();
        let limit = self.config.connect_timeout;
        match timeout(limit, self.open(&server, node, purpose)).await {
            Ok(opened) => opened,
            Err(_) => Err(Trouble::new(&server, Reason::ConnectTimeout(limit))),
        }
    }

    /// The servers that the settings name.
    pub(super) fn addresses(&self) -> String {
        let nodes: Vec<_> = self.config.nodes.iter().map(ToString::to_string).collect();
        nodes.join(", ")
    }

    /// How messages name a server.
    pub(super) fn name_of(&self, node: &RedisNode, purpose: Purpose) -> String {
        match (&self.config.topology, purpose) {
            (RedisTopology::Sentinel { .. }, Purpose::Sentinel) => format!("the sentinel at {node}"),
            (RedisTopology::Sentinel { master }, _) => format!("Redis master {master} at {node}"),
            (RedisTopology::Cluster, _) => format!("Redis cluster node {node}"),
            _ => format!("Redis at {node}"),
        }
    }

    async fn open(&self, server: &Arc<str>, node: &RedisNode, purpose: Purpose) -> Result<Link, Trouble> {
        let link = match self.stream(server, node, purpose).await? {
            Stream::Tls(stream) => Link::open(*stream, server, node, &self.reply_memory),
            Stream::Tcp(stream) => Link::open(stream, server, node, &self.reply_memory),
        };
        self.greet(&link, purpose).await?;
        Ok(link)
    }

    /// Connects to a server for messages that come by themselves, within the time that a connection may take.
    pub(super) async fn dial_for_pushes(
        &self,
        node: &RedisNode,
        messages: Arc<dyn AsyncPushSender>,
    ) -> Result<PushLink, Trouble> {
        let server: Arc<str> = self.name_of(node, Purpose::Rows).into();
        let login = &self.config.login;
        let opened = async {
            let link = match self.stream(&server, node, Purpose::Rows).await? {
                Stream::Tls(stream) => PushLink::open(*stream, &server, login, messages).await?,
                Stream::Tcp(stream) => PushLink::open(stream, &server, login, messages).await?,
            };
            let greeting = self.greeting(None, Purpose::Rows);
            greeting.check(&server, &link.send(&greeting.commands).await?)?;
            Ok(link)
        };
        let limit = self.config.connect_timeout;
        let opened = timeout(limit, opened).await;
        opened.unwrap_or_else(|_| Err(Trouble::new(&server, Reason::ConnectTimeout(limit))))
    }

    async fn stream(&self, server: &Arc<str>, node: &RedisNode, purpose: Purpose) -> Result<Stream, Trouble> {
        let tcp = TcpStream::connect((node.host.as_str(), node.port))
            .await
            .and_then(|tcp| {
                tcp.set_nodelay(true)?;
                SockRef::from(&tcp).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
                Ok(tcp)
            })
            .map_err(|error| Trouble::io(server, &error))?;
        let Some(connector) = self.tls.as_ref().filter(|_| purpose == Purpose::Rows) else {
            return Ok(Stream::Tcp(tcp));
        };
        let host = ServerName::try_from(node.host.clone())
            .map_err(|error| Trouble::new(server, Reason::Tls(error.to_string())))?;
        let stream = connector.connect(host, tcp).await;
        let stream = stream.map_err(|error| Trouble::new(server, Reason::Tls(error.to_string())))?;
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Signs in, selects the database and gives the connection its name. An answer to `PING` shows that somebody is there, who
    /// takes commands.
    async fn greet(&self, link: &Link, purpose: Purpose) -> Result<(), Trouble> {
        let login = match purpose {
            Purpose::Rows => &self.config.login,
            Purpose::Sentinel => &self.config.sentinel_login,
        };
        let greeting = self.greeting(Some(login), purpose);
        let replies = link.send(&greeting.commands).await?.values(link.server())?;
        greeting.check(link.server(), &replies)
    }

    /// Without a login for a connection that has signed in.
    fn greeting(&self, login: Option<&RedisLogin>, purpose: Purpose) -> Greeting {
        let mut commands = Pipeline::new();
        if let Some(RedisLogin {
            username,
            password: Some(password),
        }) = login
        {
            commands.cmd("AUTH");
            // Servers before Redis 6 know no users.
            if let Some(username) = username {
                commands.arg(username);
            }
            commands.arg(password);
        }
        if self.config.database != 0 && purpose == Purpose::Rows {
            commands.cmd("SELECT").arg(self.config.database);
        }
        if self.config.topology == RedisTopology::Cluster && self.config.reads_from_replicas {
            commands.cmd("READONLY");
        }
        let must_succeed = commands.len();
        if let Some(name) = &self.config.client_name {
            commands.cmd("CLIENT").arg("SETNAME").arg(name);
        }
        commands.cmd("PING");
        Greeting { commands, must_succeed }
    }
}

/// What is sent first on a connection.
struct Greeting {
    commands: Pipeline,
    /// How many of its first commands must succeed.
    must_succeed: usize,
}

impl Greeting {
    fn check(&self, server: &Arc<str>, replies: &[Value]) -> Result<(), Trouble> {
        for (index, reply) in replies.iter().enumerate() {
            if let Value::ServerError(error) = reply {
                let is_last = index + 1 == replies.len();
                // Commands will say so themselves, and then no longer.
                let passes = ["LOADING", "MASTERDOWN", "NOPERM", "BUSY", "MISCONF"].contains(&error.code());
                if index < self.must_succeed || (is_last && !passes) {
                    return Err(Trouble::refusal(server, error));
                }
            }
        }
        Ok(())
    }
}
