//! What connections come over: TCP, TLS over it, or a Unix socket.

use std::io::{self, IoSlice};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::http::{Client, Peer};

/// How many connections a listener takes that takes some beyond the limit.
const EXTRA_CONNECTIONS: usize = 16;

/// Where connections are taken.
pub struct Listener {
    kind: Kind,
    /// Connections that it takes beyond the limit.
    extra: usize,
    /// The file of a Unix socket, which goes with it.
    _file: Option<SocketFile>,
}

enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens on a host and a port.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn on_port(host: &str, port: u16, send_timeout: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((host, port)).await?;
        // Before the first connection, as connections take over the options that their listener has when they come.
        limit_sending(&listener, send_timeout);
        Ok(Self {
            kind: Kind::Tcp(listener),
            extra: 0,
            _file: None,
        })
    }

    /// Listens on a Unix socket of that mode, in the place of one that nobody listens on any more.
    ///
    /// # Errors
    /// Those of the socket; `AddrInUse` when another process listens on it.
    pub fn on_socket(path: &Path, mode: u32) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(source) if source.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            outcome => outcome?,
        };
        let file = SocketFile(path.to_owned());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        Ok(Self {
            kind: Kind::Unix(listener),
            extra: 0,
            _file: Some(file),
        })
    }

    /// Takes some connections although the limit is reached: for commands, which are needed most when clients take all there are.
    #[must_use]
    pub fn beyond_limit(self) -> Self {
        Self {
            extra: EXTRA_CONNECTIONS,
            ..self
        }
    }

    pub(super) fn extra(&self) -> usize {
        self.extra
    }

    /// The address of the port.
    pub fn local_address(&self) -> Option<std::net::SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix(_) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Plain, Peer)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, client) = listener.accept().await?;
                let local = stream.local_addr().ok().map(|address| address.ip());
                let client = Client::Address(client);
                Ok((Plain::Tcp(stream), Peer { client, local }))
            }
            Kind::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let credentials = stream.peer_cred()?;
                let client = Client::Process {
                    id: credentials.pid(),
                    user: credentials.uid(),
                };
                Ok((Plain::Unix(stream), Peer { client, local: None }))
            }
        }
    }
}

/// A socket that refuses connections is what a process left that has ended. A file that is none refuses them too.
fn is_abandoned(path: &Path) -> bool {
    if !std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        return false;
    }
    let connected = std::os::unix::net::UnixStream::connect(path);
    connected.is_err_and(|source| source.kind() == io::ErrorKind::ConnectionRefused)
}

/// Removed with its listener.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // If it stays, the next server finds that nobody listens on it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Ends connections whose client has taken nothing of what was sent for `timeout`: it would hold the memory of its response, and what
/// lies in the kernel's buffers the table of connections cannot see.
#[cfg(target_os = "linux")]
fn limit_sending(listener: &TcpListener, timeout: Duration) {
    if let Err(source) = socket2::SockRef::from(listener).set_tcp_user_timeout(Some(timeout)) {
        tracing::warn!("connections of clients that do not read their responses are not ended: {source}");
    }
}

/// Only Linux has the option.
#[cfg(not(target_os = "linux"))]
fn limit_sending(_listener: &TcpListener, _timeout: Duration) {}

/// A connection as it was taken.
pub(super) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection on which requests come.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    // In a box: a session of TLS takes a kilobyte, which others need not.
    Tls(Box<TlsStream<TcpStream>>),
}

/// The same call on whichever it is.
macro_rules! on_each {
    ($stream:expr, $call:ident($($argument:expr),*)) => {
        match &mut *$stream {
            Self::Tcp(stream) => Pin::new(stream).$call($($argument),*),
            Self::Unix(stream) => Pin::new(stream).$call($($argument),*),
            Self::Tls(stream) => Pin::new(stream).$call($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_each!(self, poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_each!(self, poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_each!(self, poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(self, poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(self, poll_shutdown(context))
    }
}
