//! A connection over RESP3, on which a server also sends messages by itself.
//!
//! The library reads it: it carries a question a second and the keys that others change, where a connection of rows carries all reads.

use std::sync::Arc;

use feast_model::error::Result;
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Pipeline, ProtocolVersion, RedisConnectionInfo, ServerError, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use feast_config::RedisLogin;

use super::trouble::Trouble;

/// An open connection with messages. It ends when this is dropped.
pub(crate) struct PushLink {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
    server: Arc<str>,
}

impl PushLink {
    /// Signs in and speaks RESP3. Messages go to `messages`, the last one is a disconnection.
    pub(super) async fn open<S>(
        stream: S,
        server: &Arc<str>,
        login: &RedisLogin,
        messages: Arc<dyn AsyncPushSender>,
    ) -> Result<Self, Trouble>
    where
        S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
    {
        let mut info = RedisConnectionInfo::default()
            .set_skip_set_lib_name()
            .set_protocol(ProtocolVersion::RESP3);
        if let Some(username) = &login.username {
            info = info.set_username(username);
        }
        if let Some(password) = &login.password {
            info = info.set_password(password);
        }
        // Whoever opens it has bounds of its own.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_connection_timeout(None)
            .set_push_sender(move |message| messages.send(message));
        let (connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config)
            .await
            .map_err(|error| Trouble::library(server, &error))?;
        Ok(Self {
            connection,
            driver: tokio::spawn(driver),
            server: Arc::clone(server),
        })
    }

    /// What is wrong when the server has replied with an error.
    pub(crate) fn refused(&self, error: &ServerError) -> Trouble {
        Trouble::refusal(&self.server, error)
    }

    /// Sends commands and gives their replies, errors among them. Waits without a bound of its own.
    pub(crate) async fn send(&self, commands: &Pipeline) -> Result<Vec<Value>, Trouble> {
        let mut connection = self.connection.clone();
        connection
            .send_packed_commands(commands, 0, commands.len())
            .await
            .map_err(|error| Trouble::library(&self.server, &error))
    }
}

impl Drop for PushLink {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
