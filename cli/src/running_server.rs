//! A server that has the online store open, and handing work to it.
//!
//! A server listens on a Unix socket of its own for commands beside it, whatever it speaks on its ports, and leaves the path of it in
//! the directory of its store. Another server may listen there by now, so its store is checked before it is given work. The only
//! module that uses ureq.

use std::io::{ErrorKind, Read, Write};
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_engine::{
    BackupReport, Error, FeatureStore, ForgottenRows, MaterializeRange, MaterializeRequest, RepositoryConfig,
    RowsToForget, open_plain,
};
use feast_server::{Listener, Purpose, STORE_HEADER};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Agent, Body};

use crate::output::{Failure, Output};

/// For the response to a request that takes no work.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// More than any response to these requests: an error's message is cut at 16 KiB.
const MAX_RESPONSE_BYTES: u64 = 1 << 20;
/// More than two paths and an address.
const MAX_FILE_BYTES: u64 = 16 << 10;
/// In the directory of the store.
const FILE_NAME: &str = "SERVER";
const SOCKET_NAME: &str = "SERVER.sock";

/// The socket for commands beside this process, while it serves, and the file that says where it is.
pub(crate) struct CommandSocket {
    file: PathBuf,
    /// Of a socket that could not be in the directory of the store.
    _directory: Option<TempDir>,
}

impl CommandSocket {
    /// Listens for commands of processes that find the same store in use. `None` for a store that many processes have open: none of
    /// them has to do the work of others. `server` is what commands call this process in messages.
    ///
    /// # Errors
    /// When there can be no socket, or the file cannot be written.
    pub(crate) fn listen(store: &FeatureStore, server: &str) -> Result<Option<(Self, Listener)>, Failure> {
        let Some(directory) = store.config().online_store.directory() else {
            return Ok(None);
        };
        let beside = directory.join(SOCKET_NAME);
        let mode = socket_mode(directory);
        // The path of a socket has 107 bytes at most, and some file systems have no sockets.
        let (listener, path, elsewhere) = match Listener::on_socket(&beside, mode) {
            Ok(listener) => (listener, beside, None),
            Err(_) => {
                let failed = |source| Failure::new(format!("cannot listen for commands: {source}"));
                let elsewhere = TempDir::with_prefix("feast-").map_err(failed)?;
                let path = elsewhere.path().join(SOCKET_NAME);
                (Listener::on_socket(&path, mode).map_err(failed)?, path, Some(elsewhere))
            }
        };
        let path = std::path::absolute(&path).unwrap_or(path);
        let contents = format!("{}\n{}\n{server}\n", path.display(), store.online_store_identity()?);
        store.write_beside_online_store(FILE_NAME, contents.as_bytes())?;
        let socket = Self {
            file: directory.join(FILE_NAME),
            _directory: elsewhere,
        };
        Ok(Some((socket, listener.with_purpose(Purpose::Commands))))
    }
}

/// Who may write the store may also ask its server.
fn socket_mode(directory: &Path) -> u32 {
    let of_directory = std::fs::metadata(directory).map_or(0, |directory| directory.permissions().mode());
    if of_directory & 0o020 == 0 { 0o600 } else { 0o660 }
}

impl Drop for CommandSocket {
    fn drop(&mut self) {
        // If it stays, a command that reads it finds out that no server of the store answers there.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// A server as its file describes it.
pub(crate) struct RunningServer {
    name: String,
    store: String,
    agent: Agent,
}

impl RunningServer {
    /// The server that has left its file beside a store.
    pub(crate) fn find(config: &RepositoryConfig) -> Option<Self> {
        let directory = config.online_store.directory()?;
        // Others may write to the directory: a pipe in its place is not waited for.
        let file = open_plain(&directory.join(FILE_NAME)).ok()?;
        let mut contents = String::new();
        file.take(MAX_FILE_BYTES).read_to_string(&mut contents).ok()?;
        let mut lines = contents.lines();
        let (socket, store, name) = (lines.next()?, lines.next()?, lines.next()?);
        // Each request goes to this socket on a connection of its own, whatever proxy the environment names or redirect the
        // response.
        let config = Config::builder()
            .proxy(None)
            .max_redirects(0)
            .max_idle_connections(0)
            .http_status_as_error(false)
            .user_agent(concat!("feast/", env!("CARGO_PKG_VERSION")));
        Some(Self {
            name: name.to_owned(),
            store: store.to_owned(),
            agent: Agent::with_parts(config.build(), ToSocket(PathBuf::from(socket)), NoAddress),
        })
    }

    /// The server that does the work of a command which cannot open the store because of it, as `error` says. That is noted.
    ///
    /// # Errors
    /// `error`, when there is no such server, or it does not answer.
    pub(crate) fn instead_of(store: &FeatureStore, error: Error, output: &Output) -> Result<Self, Failure> {
        let server = Self::find(store.config()).filter(|_| error.kind() == feast_engine::ErrorKind::Conflict);
        let server = server.filter(Self::answers).ok_or(error)?;
        output.note(&format!(
            "The server at {} has the online store open and does it",
            server.name()
        ));
        Ok(server)
    }

    /// What it is called in messages: the address that it listens on.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the server of this store answers there.
    pub(crate) fn answers(&self) -> bool {
        let request = self
            .agent
            .get(url("/health"))
            .config()
            .timeout_recv_response(Some(HEALTH_TIMEOUT))
            .build();
        request.call().is_ok_and(|response| {
            let store = response.headers().get(STORE_HEADER);
            store.is_some_and(|store| store.as_bytes() == self.store.as_bytes())
        })
    }

    /// Has the server materialize, and waits until it has.
    ///
    /// # Errors
    /// What the server says, or that it does not answer any more.
    pub(crate) fn materialize(&self, request: &MaterializeRequest) -> Result<(), Failure> {
        let (path, body) = match request.range {
            MaterializeRange::Between { start, end } => (
                "/materialize",
                json!({"start_ts": start.to_string(), "end_ts": end.to_string(), "feature_views": request.views}),
            ),
            MaterializeRange::Until { end } => (
                "/materialize-incremental",
                json!({"end_ts": end.to_string(), "feature_views": request.views}),
            ),
            MaterializeRange::Anew { end } => (
                "/materialize-incremental?full=true",
                json!({"end_ts": end.to_string(), "feature_views": request.views}),
            ),
        };
        self.ask(path, &body).map(drop)
    }

    /// Has the server make a backup, and waits until it has.
    ///
    /// # Errors
    /// As [`RunningServer::materialize`].
    pub(crate) fn back_up(&self, directory: &Path, keep: Option<NonZero<usize>>) -> Result<BackupReport, Failure> {
        let Some(path) = directory.to_str() else {
            return Err(Failure::new(format!("{} is not UTF-8", directory.display())));
        };
        let body = self.ask("/backup", &json!({"directory": path, "keep": keep}))?;
        let read = || -> Option<BackupReport> {
            let report: Value = serde_json::from_str(&body).ok()?;
            let removed = report["removed"].as_array()?.iter();
            Some(BackupReport {
                path: PathBuf::from(report["path"].as_str()?),
                files: usize::try_from(report["files"].as_u64()?).ok()?,
                bytes: report["bytes"].as_u64()?,
                shared_bytes: report["shared_bytes"].as_u64()?,
                removed: removed
                    .map(|name| name.as_str().map(str::to_owned))
                    .collect::<Option<_>>()?,
                of_other_stores: usize::try_from(report["of_other_stores"].as_u64()?).ok()?,
            })
        };
        read().ok_or_else(|| self.unreadable_answer())
    }

    /// Has the server remove rows for good.
    ///
    /// # Errors
    /// As [`RunningServer::materialize`].
    pub(crate) fn forget_rows(&self, wanted: &RowsToForget) -> Result<ForgottenRows, Failure> {
        let keys = wanted.keys.iter().map(|(name, value)| json!([name, value]));
        let body = json!({"view": wanted.view, "keys": keys.collect::<Vec<_>>()});
        let body = self.ask("/forget-rows", &body)?;
        let read = || -> Option<ForgottenRows> {
            let report: Value = serde_json::from_str(&body).ok()?;
            let string = |value: &Value| value.as_str().map(str::to_owned);
            let source = |pair: &Value| Some((string(&pair[0])?, string(&pair[1])?));
            Some(ForgottenRows {
                rows: usize::try_from(report["rows"].as_u64()?).ok()?,
                views: report["views"].as_array()?.iter().map(string).collect::<Option<_>>()?,
                sources: report["sources"]
                    .as_array()?
                    .iter()
                    .map(source)
                    .collect::<Option<_>>()?,
            })
        };
        read().ok_or_else(|| self.unreadable_answer())
    }

    fn unreadable_answer(&self) -> Failure {
        Failure::new(format!(
            "the server at {} has sent an answer that cannot be read",
            self.name
        ))
    }

    /// The body of a response with status 200.
    fn ask(&self, path: &str, body: &Value) -> Result<String, Failure> {
        let says = |what: &str| Failure::new(format!("the server at {} {what}", self.name));
        let (status, body) = self.post(path, body).map_err(|error| match error {
            ureq::Error::Io(source) if source.kind() == ErrorKind::UnexpectedEof => says("has broken off"),
            ureq::Error::Io(source) => says(&format!("does not answer any more: {source}")),
            ureq::Error::Timeout(_) => says("does not answer any more"),
            other => says(&format!("has sent an answer that cannot be read: {other}")),
        })?;
        if status == 200 {
            return Ok(body);
        }
        let message = serde_json::from_str::<Value>(&body).ok();
        let message = message.as_ref().and_then(Value::as_str);
        Err(says(&format!("says: {}", message.unwrap_or(&body))))
    }

    /// The status and the body of the response. A materialization or a backup takes as long as it takes, so there is no time limit.
    fn post(&self, path: &str, body: &Value) -> Result<(u16, String), ureq::Error> {
        let request = self
            .agent
            .post(url(path))
            .header(STORE_HEADER, &self.store)
            .content_type("application/json");
        let mut response = request.send(body.to_string())?;
        let body = Body::with_config(response.body_mut()).limit(MAX_RESPONSE_BYTES);
        let body = body.read_to_string()?;
        Ok((response.status().as_u16(), body))
    }
}

/// The host is not looked at: the socket is where every request goes.
fn url(path: &str) -> String {
    format!("http://localhost{path}")
}

// ureq may change the traits below in a minor version, which Cargo.lock does not take by itself.

/// The socket of every request, whatever its URL says.
#[derive(Debug)]
struct ToSocket(PathBuf);

impl Connector for ToSocket {
    type Out = SocketTransport;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<SocketTransport>, ureq::Error> {
        let config = details.config;
        Ok(Some(SocketTransport {
            stream: UnixStream::connect(Path::new(&self.0))?,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
        }))
    }
}

/// Nothing is looked up for a socket.
#[derive(Debug)]
struct NoAddress;

impl Resolver for NoAddress {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

#[derive(Debug)]
struct SocketTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.set_write_timeout(time_left(timeout))?;
        let output = &self.buffers.output()[..amount];
        match self.stream.write_all(output) {
            // A server that refuses a request does not wait for its body: it has answered and is gone. If it has not, reading says so.
            Err(source) if source.kind() == ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome.map_err(|source| failed(source, timeout)),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.set_read_timeout(time_left(timeout))?;
        let amount = loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Err(source) if source.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome.map_err(|source| failed(source, timeout))?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // No connection is used twice.
        false
    }
}

fn time_left(timeout: NextTimeout) -> Option<Duration> {
    timeout.not_zero().map(|left| *left)
}

/// A socket says that its time is over as `WouldBlock`.
fn failed(source: std::io::Error, timeout: NextTimeout) -> ureq::Error {
    match source.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
        _ => ureq::Error::Io(source),
    }
}
