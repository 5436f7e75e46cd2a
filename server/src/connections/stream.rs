//! What connections come over: TCP, TLS over it, or a Unix socket.

use std::fs::{File, TryLockError};
use std::io::{self, IoSlice};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::fs::Access;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::http::{Client, Peer};

/// Connections that wait to be taken.
const BACKLOG: i32 = 1024;
/// How long to wait for others that bind a socket in the same directory, which takes them some microseconds.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);
const TURN_INTERVAL: Duration = Duration::from_millis(5);
/// How many connections a listener takes that takes some beyond the limit.
const EXTRA_CONNECTIONS: usize = 16;

/// Where connections are taken.
pub struct Listener {
    /// The file of a Unix socket, which goes with it, and before it: as long as somebody listens, no other server takes its place.
    _file: Option<SocketFile>,
    kind: Kind,
    purpose: Purpose,
}

/// What the connections of a listener are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Requests of clients.
    Requests,
    /// Commands of those who may use the store.
    Commands,
    /// The page of metrics, whatever the path. It is spoken without TLS.
    Metrics,
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
            _file: None,
            kind: Kind::Tcp(listener),
            purpose: Purpose::Requests,
        })
    }

    /// Listens on a Unix socket of that mode, in the place of one that nobody listens on any more.
    ///
    /// # Errors
    /// Those of the socket; `AddrInUse` when another process listens on it.
    pub fn on_socket(path: &Path, mode: u32) -> io::Result<Self> {
        // Of two servers that find the same abandoned socket, the second would remove that of the first.
        let _turn = turn_in_directory_of(path)?;
        let listener = match bind(path, mode) {
            Err(source) if source.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                std::fs::remove_file(path)?;
                bind(path, mode)?
            }
            outcome => outcome?,
        };
        let file = SocketFile::new(path)?;
        // The mask of the process has taken some of it away.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        Ok(Self {
            _file: Some(file),
            kind: Kind::Unix(listener),
            purpose: Purpose::Requests,
        })
    }

    /// Whether [`Listener::on_port`] would get the port: gives the address that it would have. Nothing listens meanwhile, so that no
    /// client comes in vain, and a server that starts just then gets it. It waits for the name to be looked up.
    ///
    /// # Errors
    /// As [`Listener::on_port`].
    pub fn check_port(host: &str, port: u16) -> io::Result<SocketAddr> {
        let mut failure = None;
        for address in (host, port).to_socket_addrs()? {
            match bind_port(address) {
                Ok(()) => return Ok(address),
                Err(source) => failure = Some(source),
            }
        }
        Err(failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "its name has no address")))
    }

    /// Whether [`Listener::on_socket`] would get the path. Nothing is made; who listens there sees a connection that ends.
    ///
    /// # Errors
    /// As [`Listener::on_socket`].
    pub fn check_socket(path: &Path) -> io::Result<()> {
        // It says whether the path is too long.
        SockAddr::unix(path)?;
        let directory = directory_of(path);
        if !directory.is_dir() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let there = path.symlink_metadata().is_ok();
        if there && !is_abandoned(path) {
            return Err(rustix::io::Errno::ADDRINUSE.into());
        }
        Ok(rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK)?)
    }

    /// Is for something else than requests of clients.
    #[must_use]
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// How many connections it takes although the limit is reached: operators need theirs most when clients take all there are.
    pub(super) fn extra(&self) -> usize {
        match self.purpose {
            Purpose::Requests => 0,
            Purpose::Commands | Purpose::Metrics => EXTRA_CONNECTIONS,
        }
    }

    /// The address of the port.
    pub fn local_address(&self) -> Option<std::net::SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix(_) => None,
        }
    }

    fn peer(&self, client: Client, local: Option<std::net::IpAddr>) -> Peer {
        Peer {
            client,
            local,
            purpose: self.purpose,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Plain, Peer)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, client) = listener.accept().await?;
                // What is written in two pieces would wait for the client to confirm the first, which takes it 40 ms.
                stream.set_nodelay(true)?;
                let local = stream.local_addr().ok().map(|address| address.ip());
                let client = Client::Address(client);
                Ok((Plain::Tcp(stream), self.peer(client, local)))
            }
            Kind::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let credentials = stream.peer_cred()?;
                let client = Client::Process {
                    id: credentials.pid(),
                    user: credentials.uid(),
                };
                Ok((Plain::Unix(stream), self.peer(client, None)))
            }
        }
    }
}

/// Takes a port as the runtime does for a listener, and gives it back.
fn bind_port(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

/// A socket that refuses connections is what a process left that has ended. A file that is none refuses them too.
fn is_abandoned(path: &Path) -> bool {
    if !std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        return false;
    }
    let connected = std::os::unix::net::UnixStream::connect(path);
    connected.is_err_and(|source| source.kind() == io::ErrorKind::ConnectionRefused)
}

/// A socket that listens. Nobody can connect before it has its mode, or a stricter one.
fn bind(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let address = SockAddr::unix(path)?;
    // On Linux the file gets the mode of the socket. Elsewhere that may not have one.
    let _ = rustix::fs::fchmod(&socket, rustix::fs::Mode::from_raw_mode(mode));
    socket.bind(&address)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    UnixListener::from_std(std::os::unix::net::UnixListener::from(std::os::fd::OwnedFd::from(
        socket,
    )))
}

/// Waits until no other process binds a socket in the directory.
fn turn_in_directory_of(path: &Path) -> io::Result<File> {
    let directory = File::open(directory_of(path))?;
    let started = Instant::now();
    while let Err(TryLockError::WouldBlock) = directory.try_lock() {
        if started.elapsed() > TURN_TIMEOUT {
            let message = "another process has the lock of its directory";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        }
        std::thread::sleep(TURN_INTERVAL);
    }
    Ok(directory)
}

fn directory_of(path: &Path) -> &Path {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    directory.unwrap_or_else(|| Path::new("."))
}

/// Removed with its listener, unless another server has one of its own there by then.
struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            id: file_id(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if file_id(&self.path).is_ok_and(|id| id == self.id) {
            // If it stays, the next server finds that nobody listens on it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn file_id(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_stops_leaves_the_socket_of_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let first = Listener::on_socket(&path, 0o600).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let taken = Listener::on_socket(&path, 0o600).err().unwrap();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        std::fs::remove_file(&path).unwrap();
        let second = Listener::on_socket(&path, 0o660).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_could_be_listened_on_is_told_without_listening() {
        let held = Listener::on_port("127.0.0.1", 0, Duration::from_secs(1)).await.unwrap();
        let port = held.local_address().unwrap().port();
        let taken = Listener::check_port("127.0.0.1", port).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(held);
        let free = Listener::check_port("127.0.0.1", port).unwrap();
        assert!(std::net::TcpStream::connect(free).is_err());

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        assert!(Listener::check_socket(&path).is_ok() && !path.exists());
        let listener = Listener::on_socket(&path, 0o600).unwrap();
        let taken = Listener::check_socket(&path).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        // One that a killed process has left.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(Listener::check_socket(&path).is_ok());
        let below = Listener::check_socket(&directory.path().join("none/socket")).unwrap_err();
        assert_eq!(below.kind(), io::ErrorKind::NotFound);
        std::fs::write(directory.path().join("file"), "x").unwrap();
        let file = Listener::check_socket(&directory.path().join("file")).unwrap_err();
        assert_eq!(file.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn servers_that_find_the_same_abandoned_socket_do_not_take_it_from_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        for _ in 0..50 {
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            let start = std::sync::Barrier::new(4);
            let runtime = tokio::runtime::Handle::current();
            let won = std::thread::scope(|scope| {
                let servers: Vec<_> = (0..4)
                    .map(|_| {
                        scope.spawn(|| {
                            let _runtime = runtime.enter();
                            start.wait();
                            Listener::on_socket(&path, 0o600)
                        })
                    })
                    .collect();
                let won = servers.into_iter().filter_map(|server| server.join().unwrap().ok());
                won.collect::<Vec<_>>()
            });
            assert_eq!(won.len(), 1);
            assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
        }
    }
}
