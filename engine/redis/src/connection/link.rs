//! One open connection to one server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use feast_config::RedisNode;
use feast_model::error::Result;
use redis::Pipeline;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::driver::{self, Exchange};
use super::replies::{Replies, ReplyMemory};
use super::trouble::{Reason, Trouble};

/// An open connection. Requests share it: their commands are in flight together and are answered in order. It ends when this is
/// dropped, whatever is in flight.
pub(crate) struct Link {
    requests: mpsc::Sender<Exchange>,
    /// Writes and reads the stream, on the runtime on which it was opened.
    driver: JoinHandle<()>,
    /// Why it has ended.
    end: Arc<OnceLock<Reason>>,
    server: Arc<str>,
    node: RedisNode,
    opened: Instant,
    /// When the last answer came, in microseconds after it was opened.
    answered: AtomicU64,
    /// How often [`Link::is_due`] has said so.
    dues: AtomicU64,
}

impl Link {
    /// Starts to use a stream, on the runtime of the caller.
    pub(super) fn open<S>(stream: S, server: &Arc<str>, node: &RedisNode, memory: &Arc<ReplyMemory>) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (requests, receiver) = mpsc::channel(driver::MAX_WAITING);
        let end = Arc::new(OnceLock::new());
        let driving = driver::drive(stream, receiver, Arc::clone(memory), Arc::clone(&end));
        Self {
            requests,
            driver: tokio::spawn(driving),
            end,
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
    pub(super) fn is_closed(&self) -> bool {
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

    /// Sends commands and gives their replies, errors among them. Waits without a bound of its own.
    pub(super) async fn send(&self, commands: &Pipeline) -> Result<Replies, Trouble> {
        if commands.is_empty() {
            return Ok(Replies::default());
        }
        let (sender, receiver) = oneshot::channel();
        let exchange = Exchange {
            commands: commands.get_packed_pipeline(),
            count: commands.len(),
            sender,
        };
        let sent = self.requests.send(exchange).await;
        let answered = match sent {
            Ok(()) => receiver.await.ok(),
            Err(_) => None,
        };
        let replies = answered.unwrap_or_else(|| Err(self.end.get().cloned().unwrap_or(Reason::Closed)));
        let age = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        let replies = replies.map_err(|reason| Trouble::new(&self.server, reason))?;
        self.answered.store(age, Ordering::Relaxed);
        Ok(replies)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
