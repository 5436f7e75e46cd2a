//! One open connection to one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use feast_config::RedisNode;
use feast_model::error::Result;
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, ServerError, Value};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::trouble::Trouble;

/// An open connection. Requests share it: their commands are in flight together and are answered in order. It ends when this is
/// dropped, whatever is in flight.
pub(crate) struct Link {
    connection: MultiplexedConnection,
    /// Writes and reads the stream, on the runtime on which it was opened.
    driver: JoinHandle<()>,
    server: Arc<str>,
    node: RedisNode,
    opened: Instant,
    /// When the last answer came, in microseconds after it was opened.
    answered: AtomicU64,
    /// How often [`Link::is_due`] has said so.
    dues: AtomicU64,
}

impl Link {
    pub(super) fn new(
        connection: MultiplexedConnection,
        driver: JoinHandle<()>,
        server: &Arc<str>,
        node: &RedisNode,
    ) -> Self {
        Self {
            connection,
            driver,
            server: Arc::clone(server),
            node: node.clone(),
            opened: Instant::now(),
            answered: AtomicU64::new(0),
            dues: AtomicU64::new(0),
        }
    }

    /// The server, as messages name it.
    pub(super) fn server(&self) -> &Arc<str> {
        &self.server
    }

    /// Where the server listens.
    pub(super) fn node(&self) -> &RedisNode {
        &self.node
    }

    /// When it was opened.
    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    /// Whether it has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.driver.is_finished()
    }

    /// True once in every period of its life in which it is asked.
    pub(super) fn is_due(&self, now: Instant, period: Duration) -> bool {
        let periods = now.saturating_duration_since(self.opened).as_millis() / period.as_millis().max(1);
        let periods = u64::try_from(periods).unwrap_or(u64::MAX);
        periods > self.dues.load(Ordering::Relaxed) && self.dues.fetch_max(periods, Ordering::Relaxed) < periods
    }

    /// Whether any answer has come since then. A server that is only slow still answers something.
    pub(super) fn has_answered_since(&self, instant: Instant) -> bool {
        let then = instant.saturating_duration_since(self.opened).as_micros();
        u128::from(self.answered.load(Ordering::Relaxed)) > then
    }

    /// What is wrong when the server has replied with an error.
    pub(crate) fn refused(&self, error: &ServerError) -> Trouble {
        Trouble::refusal(&self.server, error)
    }

    /// Sends commands and gives their replies, errors among them. Waits without a bound of its own.
    pub(crate) async fn send(&self, commands: &Pipeline) -> Result<Vec<Value>, Trouble> {
        let mut connection = self.connection.clone();
        let replies = connection
            .send_packed_commands(commands, 0, commands.len())
            .await
            .map_err(|error| Trouble::library(&self.server, &error))?;
        let age = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.answered.store(age, Ordering::Relaxed);
        Ok(replies)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
