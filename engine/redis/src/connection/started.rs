//! Commands that are sent while their caller goes on.

use redis::Cmd;
use tokio::task::JoinHandle;

use feast_model::error::{Error, Result};

use super::replies::Replies;
use super::trouble::Trouble;
use super::{Access, Connection};

/// Commands on their way. They go on when this is dropped.
pub(crate) struct Started(JoinHandle<Result<Replies, Trouble>>);

impl Connection {
    /// Sends commands as [`Connection::exchange_blocking`] does, without waiting for their replies.
    ///
    /// # Errors
    /// `Internal` when there is no thread for it.
    pub(crate) fn start(&self, commands: Vec<Cmd>, access: Access) -> Result<Started> {
        let blocking = self.blocking()?;
        let Some(runtime) = &blocking.runtime else {
            return Err(Error::internal("the thread for Redis has ended"));
        };
        let deadline = self.deadline();
        let shared = std::sync::Arc::clone(&self.shared);
        Ok(Started(runtime.spawn(async move {
            match shared.blocking.get() {
                Some(blocking) => blocking.servers.exchange(commands, access, deadline).await,
                // It is set, since this runs on it.
                None => Ok(Replies::default()),
            }
        })))
    }

    /// Waits for the replies: never on a thread that runs asynchronous code, where it panics.
    ///
    /// # Errors
    /// As [`Connection::exchange`].
    pub(crate) fn finish(&self, started: Started) -> Result<Replies> {
        let ended = self.blocking()?.wait(started.0)?;
        let replies = ended.map_err(|error| Error::internal(format!("a request to Redis ended by itself: {error}")))?;
        Ok(replies?)
    }
}
