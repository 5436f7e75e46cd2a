//! How commands get to Redis and their replies back, whatever the topology: one server, a cluster, or a master that sentinels
//! name.
//!
//! Connects when it is first used, and again whenever a connection is lost; an attempt that fails is followed by a pause, in which
//! requests fail at once. Every request has a bound, the response timeout, which waiting for a connection is part of. Knows
//! nothing of keys, rows and views.

mod cluster;
mod dialer;
mod driver;
mod link;
mod node;
mod push_link;
mod replies;
mod reply;
mod sentinel;
mod slots;
mod started;
mod tls;
mod trouble;

use std::future::Future;
use std::sync::{Arc, OnceLock};

use feast_config::{RedisConfig, RedisNode, RedisTopology};
use feast_model::error::{Error, Result};
use redis::aio::AsyncPushSender;
use redis::{Cmd, Pipeline, ServerError, Value};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use cluster::Cluster;
use dialer::Dialer;
use node::{Node, Place};
use trouble::is_of_server;

pub(crate) use push_link::PushLink;
pub(crate) use replies::Replies;
pub(crate) use reply::{Reply, Strings};
pub(crate) use started::Started;
pub(crate) use trouble::Trouble;

/// Whether commands may be sent a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// They change nothing: when their connection breaks, they are sent once more on the next one. In a cluster that reads from
    /// replicas, they may go to a replica.
    Read,
    /// Sent once only, to the primary: whether a broken connection has taken them with it is not known.
    Write,
}

/// The way to a Redis. Cheap to clone: clones share their connections.
#[derive(Clone)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    dialer: Arc<Dialer>,
    /// Its connections are on the runtime of the requests, so that an answer is not passed between threads.
    servers: Servers,
    blocking: OnceLock<Blocking>,
}

/// The connections of one runtime.
enum Servers {
    One(Arc<Node>),
    Cluster(Arc<Cluster>),
}

/// For threads that may wait: connections of their own, on a runtime of one thread.
struct Blocking {
    servers: Servers,
    runtime: Option<Runtime>,
}

impl Connection {
    /// The way to the Redis of these settings. Does not connect yet.
    ///
    /// # Errors
    /// `Invalid` when certificates cannot be read.
    pub(crate) fn new(config: &RedisConfig) -> Result<Self> {
        let dialer = Arc::new(Dialer::new(config)?);
        Ok(Self {
            shared: Arc::new(Shared {
                servers: Servers::new(&dialer)?,
                dialer,
                blocking: OnceLock::new(),
            }),
        })
    }

    /// Sends commands, all in flight at once, each to the node of its key, and gives their replies in order. The first argument
    /// after the command's name is its key, for `EVAL`, `EVALSHA` and their like the third.
    ///
    /// A reply may be an error, where it is about this one command: `NOSCRIPT`, or a key of another type. [`Connection::refused`] makes
    /// an error of it.
    ///
    /// # Errors
    /// `Unavailable` when not every command was answered within the response timeout, or the server cannot take them at present;
    /// some may have been carried out then.
    pub(crate) async fn exchange(&self, commands: Vec<Cmd>, access: Access) -> Result<Replies, Trouble> {
        let deadline = self.deadline();
        self.shared.servers.exchange(commands, access, deadline).await
    }

    /// As [`Connection::exchange`], on a thread that may wait: never on one that runs asynchronous code, where it panics.
    ///
    /// # Errors
    /// As [`Connection::exchange`].
    pub(crate) fn exchange_blocking(&self, commands: Vec<Cmd>, access: Access) -> Result<Result<Replies, Trouble>> {
        let blocking = self.blocking()?;
        let deadline = self.deadline();
        blocking.wait(blocking.servers.exchange(commands, access, deadline))
    }

    /// As [`Connection::exchange`], with the replies read into values.
    ///
    /// # Errors
    /// As [`Connection::exchange`].
    #[cfg(test)]
    pub(crate) async fn run(&self, commands: Vec<Cmd>, access: Access) -> Result<Vec<Value>> {
        let replies = self.exchange(commands, access).await?;
        Ok(replies.values(&self.shared.servers.name())?)
    }

    /// As [`Connection::exchange_blocking`], with the replies read into values.
    ///
    /// # Errors
    /// As [`Connection::exchange`].
    pub(crate) fn run_blocking(&self, commands: Vec<Cmd>, access: Access) -> Result<Vec<Value>> {
        let replies = self.exchange_blocking(commands, access)??;
        Ok(replies.values(&self.shared.servers.name())?)
    }

    /// The servers that take writes: one, or the primaries of a cluster, as they are now.
    ///
    /// # Errors
    /// `Unavailable` when no server says it.
    pub(crate) async fn primaries(&self) -> Result<Vec<RedisNode>> {
        Ok(self.shared.servers.primaries(self.deadline()).await?)
    }

    /// As [`Connection::primaries`], on a thread that may wait.
    ///
    /// # Errors
    /// As [`Connection::primaries`].
    pub(crate) fn primaries_blocking(&self) -> Result<Vec<RedisNode>> {
        let blocking = self.blocking()?;
        Ok(blocking.wait(blocking.servers.primaries(self.deadline()))??)
    }

    /// Sends commands to one of [`Connection::primaries`], whatever their keys are: `SCAN`, `SCRIPT LOAD`. On a thread that may wait.
    ///
    /// # Errors
    /// As [`Connection::exchange`].
    pub(crate) fn run_on_blocking(
        &self,
        primary: &RedisNode,
        commands: Vec<Cmd>,
        access: Access,
    ) -> Result<Vec<Value>> {
        let blocking = self.blocking()?;
        let deadline = self.deadline();
        let replies = blocking.wait(blocking.servers.run_on(primary, commands, access, deadline))??;
        Ok(replies.values(&self.shared.servers.name())?)
    }

    /// Opens a further connection to one of [`Connection::primaries`], over RESP3 and with the same login and TLS, whose pushed
    /// messages go to `messages`: the last one is a disconnection. It ends when it is dropped, and nobody opens it again.
    ///
    /// # Errors
    /// When it cannot be opened, or the server does not speak RESP3.
    pub(crate) async fn open_extra(
        &self,
        primary: &RedisNode,
        messages: Arc<dyn AsyncPushSender>,
    ) -> Result<PushLink, Trouble> {
        self.shared.dialer.dial_for_pushes(primary, messages).await
    }

    /// The error for a reply of [`Connection::exchange`] that is one: `Data` for a key of another type.
    pub(crate) fn refused(&self, error: &ServerError) -> Error {
        Trouble::refusal(&self.shared.servers.name(), error).into()
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.shared.dialer.config.response_timeout
    }

    fn blocking(&self) -> Result<&Blocking> {
        if let Some(blocking) = self.shared.blocking.get() {
            return Ok(blocking);
        }
        let made = Blocking::new(&self.shared.dialer)?;
        Ok(self.shared.blocking.get_or_init(|| made))
    }
}

impl Servers {
    fn new(dialer: &Arc<Dialer>) -> Result<Self> {
        let Some(first) = dialer.config.nodes.first() else {
            return Err(Error::invalid("connection_string names no server")
                .with_hint("such as connection_string: \"localhost:6379\""));
        };
        Ok(match &dialer.config.topology {
            RedisTopology::Single => Self::One(Node::new(dialer, Place::At(first.clone()))),
            RedisTopology::Sentinel { master } => Self::One(Node::new(dialer, Place::Master(master.clone()))),
            RedisTopology::Cluster => Self::Cluster(Cluster::new(dialer)),
        })
    }

    async fn exchange(&self, commands: Vec<Cmd>, access: Access, deadline: Instant) -> Result<Replies, Trouble> {
        if commands.is_empty() {
            return Ok(Replies::default());
        }
        match self {
            Self::One(node) => {
                let replies = node.run(&pipeline_of(commands), access, deadline).await?;
                check(replies, || node.name())
            }
            Self::Cluster(cluster) => cluster.run(commands, access, deadline).await,
        }
    }

    async fn run_on(
        &self,
        primary: &RedisNode,
        commands: Vec<Cmd>,
        access: Access,
        deadline: Instant,
    ) -> Result<Replies, Trouble> {
        let pipeline = pipeline_of(commands);
        match self {
            Self::One(node) => check(node.run(&pipeline, access, deadline).await?, || node.name()),
            Self::Cluster(cluster) => {
                let replies = cluster.run_on(primary, &pipeline, access, deadline).await?;
                check(replies, || cluster.name())
            }
        }
    }

    async fn primaries(&self, deadline: Instant) -> Result<Vec<RedisNode>, Trouble> {
        match self {
            Self::One(node) => Ok(vec![node.link(deadline).await?.node().clone()]),
            Self::Cluster(cluster) => cluster.primaries(deadline).await,
        }
    }

    fn name(&self) -> Arc<str> {
        match self {
            Self::One(node) => node.name(),
            Self::Cluster(cluster) => cluster.name(),
        }
    }
}

fn pipeline_of(commands: Vec<Cmd>) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    for command in commands {
        pipeline.add_command(command);
    }
    pipeline
}

/// Replies, unless one is an error that other commands would meet too.
fn check(replies: Replies, server: impl Fn() -> Arc<str>) -> Result<Replies, Trouble> {
    for reply in replies.iter() {
        if let Some(error) = reply.error()
            && is_of_server(&error)
        {
            return Err(Trouble::refusal(&server(), &error));
        }
    }
    Ok(replies)
}

impl Blocking {
    fn new(dialer: &Arc<Dialer>) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("redis")
            .enable_all()
            .build()
            .map_err(|error| Error::internal(format!("cannot start a thread for Redis: {error}")))?;
        Ok(Self {
            servers: Servers::new(dialer)?,
            runtime: Some(runtime),
        })
    }

    fn wait<T>(&self, request: impl Future<Output = T>) -> Result<T> {
        match &self.runtime {
            Some(runtime) => Ok(runtime.block_on(request)),
            None => Err(Error::internal("the thread for Redis has ended")),
        }
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        // Waiting for it would panic where the last clone is dropped by asynchronous code.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
