//! One connection on which a server says what is changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use feast_config::{RedisConfig, RedisNode, RedisTopology};
use feast_model::error::Error;
use redis::aio::{AsyncPushSender, SendError};
use redis::{Cmd, Pipeline, PushInfo, PushKind, Value};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Shared;
use super::primaries;
use super::session::End;
use crate::connection::{PushLink, Trouble};

/// A server whose changes are tracked.
pub(super) struct TrackedServer {
    link: PushLink,
    address: RedisNode,
}

/// What a server says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerState {
    /// Whether it takes writes by itself. `None` when it does not say so.
    pub(super) is_primary: Option<bool>,
    /// The primaries that a node of a cluster knows.
    pub(super) primaries: Option<BTreeSet<RedisNode>>,
}

/// Where messages go: to the row cache, in the task that reads the connection, so that they are dealt with before any later answer.
struct Messages {
    shared: Arc<Shared>,
    session: u64,
    address: RedisNode,
    ended: mpsc::Sender<End>,
}

impl TrackedServer {
    /// Connects. Nothing is tracked yet.
    pub(super) async fn open(
        shared: &Arc<Shared>,
        session: u64,
        address: &RedisNode,
        ended: &mpsc::Sender<End>,
    ) -> Result<Self, End> {
        let messages = Messages {
            shared: Arc::clone(shared),
            session,
            address: address.clone(),
            ended: ended.clone(),
        };
        let opened = shared.connection.open_extra(address, Arc::new(messages)).await;
        Ok(Self {
            link: opened.map_err(End::of)?,
            address: address.clone(),
        })
    }

    /// Has changes of keys with these prefixes told from now on. Only once: Redis refuses a prefix that it has already.
    pub(super) async fn track(&self, shared: &Shared, prefixes: &BTreeSet<Vec<u8>>) -> Result<(), End> {
        let mut track = redis::cmd("CLIENT");
        track.arg("TRACKING").arg("ON").arg("BCAST");
        for prefix in prefixes {
            track.arg("PREFIX").arg(prefix.as_slice());
        }
        match self.send(&shared.config, track).await? {
            Value::ServerError(error) => Err(End::of(self.link.refused(&error))),
            _ => Ok(()),
        }
    }

    /// Asks for a sign of life, and for what may have changed about the server.
    pub(super) async fn ask(&self, config: &RedisConfig) -> Result<ServerState, End> {
        if !matches!(config.topology, RedisTopology::Cluster) {
            // An error is an answer too: not all that speak the protocol say their role.
            let role = self.send(config, redis::cmd("ROLE")).await?;
            return Ok(ServerState {
                is_primary: primaries::role_is_primary(&role),
                primaries: None,
            });
        }
        let mut nodes = redis::cmd("CLUSTER");
        nodes.arg("NODES");
        let nodes = match self.send(config, nodes).await? {
            Value::ServerError(error) => return Err(End::of(self.link.refused(&error))),
            reply => redis::from_redis_value::<String>(reply).map_err(|_| {
                End::Refused(format!(
                    "Redis at {} does not name the nodes of its cluster",
                    self.address
                ))
            })?,
        };
        let prefers_names = config.tls.as_ref().is_some_and(|tls| tls.checks_hostname);
        Ok(ServerState {
            is_primary: Some(primaries::is_primary(&nodes)),
            primaries: Some(primaries::of_cluster(&nodes, &self.address, prefers_names)),
        })
    }

    async fn send(&self, config: &RedisConfig, command: Cmd) -> Result<Value, End> {
        let mut commands = Pipeline::with_capacity(1);
        commands.add_command(command);
        // The session has a bound of its own for all servers together, which may be longer.
        let limit = config.response_timeout.max(config.cache_staleness.unwrap_or_default());
        match timeout(limit, self.link.send(&commands)).await {
            Ok(Ok(mut replies)) if replies.len() == 1 => Ok(replies.swap_remove(0)),
            Ok(Err(trouble)) => Err(End::of(trouble)),
            Ok(Ok(_)) | Err(_) => Err(End::Lost(format!("Redis at {} does not answer", self.address))),
        }
    }
}

impl AsyncPushSender for Messages {
    fn send(&self, message: PushInfo) -> Result<(), SendError> {
        match message.kind {
            PushKind::Invalidate => self.invalidate(&message.data),
            PushKind::Disconnection => {
                let end = End::Lost(format!("Redis at {} closed the connection", self.address));
                // Full when another connection has broken before.
                let _ = self.ended.try_send(end);
                self.shared.rows.end_session(self.session);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Messages {
    /// The message is a list of keys, or none at all when a database was emptied.
    fn invalidate(&self, data: &[Value]) {
        let keys = match data.first() {
            Some(Value::Array(keys)) => keys,
            _ => return self.shared.rows.flushed(),
        };
        for key in keys {
            match key {
                Value::BulkString(key) => self.shared.key_changed(key),
                _ => self.shared.rows.flushed(),
            }
        }
    }
}

impl End {
    fn of(trouble: Trouble) -> Self {
        let lasts = trouble.is_refusal_for_good();
        let message = Error::from(trouble).to_string();
        if lasts {
            Self::Refused(message)
        } else {
            Self::Lost(message)
        }
    }
}
