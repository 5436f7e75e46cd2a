//! Connections: taking them, the requests of each through warp to the layers, and their end.
//!
//! The loop is our own, on warp's hyper: it knows what each connection is doing, so that those that only take room can be ended.
//! `stream.rs` is what they come over, `tls.rs` the certificate, `progress.rs` what one is doing (by `coarse_clock.rs`), and `table.rs`
//! which of them has to go. They know nothing of what requests mean.

mod coarse_clock;
mod progress;
mod stream;
mod table;
mod tls;

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use feast_engine::Error;
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use warp::http::{HeaderMap, HeaderValue, Method, Response};
use warp::{Filter, Reply};

use crate::ServeOptions;
use crate::admission::MemoryPermit;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Head, Peer};
use crate::layers;
use progress::{Answer, Exchange, Phase, Progress, Received, Watched, is_empty_lines};
pub use stream::{Listener, Purpose};
use stream::{Plain, Stream};
pub use table::ConnectionLimits;
pub(crate) use table::ConnectionTable;
pub(crate) use tls::Validity;
pub use tls::{Tls, TlsFiles, TlsVersion};

/// How long to wait when no connection can be taken: a lack of open files may be over by then.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The largest head of a request: its line and its headers. A larger one is answered with 431.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// What hyper holds of a body before it is asked for, and of what it reads ahead.
const MAX_BUFFER_BYTES: usize = 64 << 10;
/// Requests of one connection with HTTP/2 at once.
const MAX_STREAMS: u32 = 100;
/// What such a request takes beside its head and its body.
const STREAM_BYTES: usize = 4 << 10;
/// What a header takes beside its name and value.
const HEADER_BYTES: usize = 128;
/// Hyper takes no more with HTTP/1. With HTTP/2 a byte can stand for a header that was sent before.
const MAX_HEADERS: usize = 100;
/// What HTTP/2 may receive of one body, and of all on a connection, before they are read.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 512 << 10;
/// What is read of a connection before it gets buffers: most requests whole.
const FIRST_BYTES: usize = 512;
/// No method of HTTP/1 begins with it.
const HTTP2_START: &[u8] = b"PRI * HTTP/2";
/// A client with HTTP/2 that does not answer a ping is gone.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// What is told clients beyond the limit of connections, and how many of them at once. Others see their connection end.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n\
    content-length: 69\r\n\r\n\"The server is busy: too many connections are open. Try again later.\"";
const MAX_REFUSALS: usize = 16;
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// The connections of a server.
pub(crate) struct Connections {
    context: Arc<Context>,
    table: Arc<ConnectionTable>,
    tls: Option<Arc<Tls>>,
    /// HTTP/2 is also spoken without TLS.
    http2_in_clear: bool,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    refusals: Arc<Semaphore>,
}

impl Connections {
    pub(crate) fn new(context: Arc<Context>, options: &ServeOptions) -> Arc<Self> {
        let mut http1 = http1::Builder::new();
        http1.max_header_size(MAX_HEAD_BYTES).max_buf_size(MAX_BUFFER_BYTES);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_INTERVAL)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_BYTES as u32)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        Arc::new(Self {
            table: Arc::clone(&context.connections),
            tls: options.tls.clone(),
            http2_in_clear: context.store.config().connections.http2_in_clear,
            context,
            http1,
            http2,
            refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
        })
    }

    /// Takes connections and answers their requests, for ever.
    pub(crate) async fn accept(self: &Arc<Self>, listener: &Listener) {
        loop {
            while self.table.is_behind() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            match listener.accept().await {
                Ok((stream, _)) if !self.table.has_room(listener.extra()) => self.refuse(stream),
                Ok((stream, peer)) => self.open(stream, peer),
                Err(source) => pause_after(&source).await,
            }
        }
    }

    /// Ends connections that take longer than they may, for ever.
    pub(crate) async fn enforce_limits(self: Arc<Self>) {
        self.table.enforce_limits().await;
    }

    /// From now on each answer is the last of its connection.
    pub(crate) fn retire_all(&self) {
        self.table.retire_all();
    }

    /// Waits until none is open. Those that have no request under way are ended soon.
    pub(crate) async fn wait_until_closed(&self) {
        self.table.wait_until_empty().await;
    }

    /// Ends all, and says how many there were.
    pub(crate) fn end_all(&self) -> usize {
        self.table.end_all()
    }

    fn open(self: &Arc<Self>, stream: Plain, peer: Peer) {
        let speaks_tls = matches!(stream, Plain::Tcp(_)) && peer.purpose == Purpose::Requests;
        let tls = self.tls.as_ref().filter(|_| speaks_tls);
        let phase = if tls.is_some() { Phase::Handshake } else { Phase::Idle };
        let progress = Arc::new(Progress::new(phase));
        let (tls, this) = (tls.cloned(), Arc::clone(self));
        self.table.spawn(Arc::clone(&progress), async move {
            let ended = async {
                // In boxes, as the task of a connection that is idle should not be as large as that of a handshake or of HTTP/2.
                match (stream, tls) {
                    (Plain::Tcp(stream), Some(tls)) => {
                        let stream = Box::pin(tls.accept(stream)).await?;
                        progress.enter(Phase::Idle);
                        let is_http2 = tls::speaks_http2(&stream);
                        let stream = Stream::Tls(Box::new(stream));
                        this.converse(stream, Some(is_http2), peer, progress).await
                    }
                    (Plain::Tcp(stream), None) => {
                        let is_http2 = (!this.http2_in_clear).then_some(false);
                        this.converse(Stream::Tcp(stream), is_http2, peer, progress).await
                    }
                    (Plain::Unix(stream), _) => this.converse(Stream::Unix(stream), Some(false), peer, progress).await,
                }
            };
            if let Err(error) = ended.await {
                if error.downcast_ref().is_some_and(hyper::Error::is_parse) {
                    this.table.note_malformed();
                }
                tracing::debug!("{} - connection ended: {error}", peer.client);
            }
        });
    }

    /// Answers the requests of a connection. Whether it is HTTP/2 is found out if it is not known.
    ///
    /// Buffers belong to a connection only while it is used: hyper gets it when there are bytes, and gives it back when it has been
    /// idle for a while. A connection that has not been used takes 6 KiB like that instead of 28.
    async fn converse(&self, stream: Stream, is_http2: Option<bool>, peer: Peer, progress: Arc<Progress>) -> Ended {
        let mut stream = Watched::new(stream, Arc::clone(&progress), Arc::clone(&self.context));
        let lifetime = self.table.limits().lifetime;
        let service = service(Arc::clone(&self.context), peer, Arc::clone(&progress), lifetime);
        let mut ahead = Bytes::new();
        loop {
            if ahead.is_empty() && is_http2 != Some(true) {
                ahead = first_bytes(&mut stream, is_http2.is_none()).await?;
                if ahead.is_empty() {
                    return Ok(());
                }
            }
            let is_http2 = is_http2.unwrap_or_else(|| ahead.starts_with(HTTP2_START));
            stream.unread(ahead);
            if is_http2 {
                return Box::pin(self.converse_in_http2(stream, service, &progress)).await;
            }
            let connection = self.http1.serve_connection(TokioIo::new(stream), service.clone());
            let mut connection = Box::new(connection);
            progress.set_can_rest(true);
            loop {
                tokio::select! {
                    biased;
                    ended = &mut *connection => return Ok(ended?),
                    () = progress.retire.notified() => {}
                }
                if progress.can_rest() {
                    break;
                }
            }
            progress.set_can_rest(false);
            let parts = connection.into_parts();
            (stream, ahead) = (parts.io.into_inner(), parts.read_buf);
            // What came with the request before.
            if is_empty_lines(&ahead) {
                ahead = Bytes::new();
            } else {
                progress.received(&ahead);
            }
        }
    }

    async fn converse_in_http2<B: AnswerBody>(
        &self,
        stream: Watched<Stream>,
        service: impl Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>,
        progress: &Progress,
    ) -> Ended {
        progress.set_multiplexed();
        let mut connection = pin!(self.http2.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            ended = &mut connection => return Ok(ended?),
            () = progress.retire.notified() => {}
        }
        connection.as_mut().graceful_shutdown();
        Ok(connection.await?)
    }

    /// Tells a client without TLS that there is no room, if few others are being told.
    fn refuse(&self, stream: Plain) {
        let Plain::Tcp(mut stream) = stream else { return };
        if self.tls.is_some() {
            return;
        }
        if let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() {
            tokio::spawn(async move {
                let said = async {
                    // With its request unread, the client could lose the answer.
                    stream.readable().await?;
                    let _ = stream.try_read(&mut [0; 4 << 10]);
                    stream.write_all(NO_ROOM).await?;
                    stream.shutdown().await
                };
                // It was refused anyway.
                let _ = timeout(REFUSAL_TIMEOUT, said).await;
                drop(permit);
            });
        }
    }
}

/// The body of an answer, whose type warp does not name.
trait AnswerBody: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static {}

impl<B> AnswerBody for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static
{
}

/// How a connection ended.
type Ended = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Answers the requests of one connection.
fn service(
    context: Arc<Context>,
    peer: Peer,
    progress: Arc<Progress>,
    lifetime: Option<Duration>,
) -> impl Service<Request<Incoming>, Response = Response<impl AnswerBody>, Error = Infallible, Future: Send + 'static> + Clone
{
    service_fn(move |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let (is_multiplexed, is_head) = (progress.is_multiplexed(), head.method == Method::HEAD);
        let memory = match is_multiplexed {
            true => memory_of_stream(&context, &head.headers),
            false => Ok(context.admission.memory_permit()),
        };
        let exchange = Exchange::start(&progress, !body.is_end_stream());
        let head = Head::of_request(&context, peer, head);
        // For warp the body alone: its filters would copy what they give of a head.
        let request = Request::new(Received::new(body, Arc::clone(&progress)));
        let filter = answered(Arc::clone(&context), head, memory);
        let answering = TowerToHyperService::new(warp::service(filter)).call(request);
        let (context, progress) = (Arc::clone(&context), Arc::clone(&progress));
        async move {
            let mut response = answering.await?;
            let is_last = context.is_draining() || lifetime.is_some_and(|lifetime| progress.age() > lifetime);
            if is_last && !is_multiplexed {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert("connection", close);
            }
            Ok(response.map(|body| Answer::new(body, is_head && is_multiplexed, exchange)))
        }
    })
}

/// Counts the memory of a request that came with others on its connection.
fn memory_of_stream(context: &Context, headers: &HeaderMap) -> Result<MemoryPermit, ApiError> {
    if headers.len() > MAX_HEADERS {
        return Err(ApiError::LargeHead(MAX_HEADERS));
    }
    let headers = headers.iter();
    let bytes = headers.map(|(name, value)| HEADER_BYTES + name.as_str().len() + value.len());
    context
        .admission
        .memory_permit_with(STREAM_BYTES + bytes.sum::<usize>())
}

/// Waits for the first bytes after a pause, as many as tell whether they are those of HTTP/2. Empty when the client has closed.
async fn first_bytes(stream: &mut Watched<Stream>, may_be_http2: bool) -> io::Result<Bytes> {
    let mut buffer = [0; FIRST_BYTES];
    let mut length = 0;
    loop {
        let read = stream.read(&mut buffer[length..]).await?;
        length += read;
        let is_open_question = may_be_http2 && length < HTTP2_START.len() && HTTP2_START.starts_with(&buffer[..length]);
        if read == 0 || !is_open_question {
            return Ok(Bytes::copy_from_slice(&buffer[..length]));
        }
    }
}

/// The filter of one request, whose head it has. One that there is no memory for is refused. A filter may be called again and again, so
/// the head is taken out of it: to copy one takes longer than this does.
fn answered(
    context: Arc<Context>,
    head: Box<Head>,
    memory: Result<MemoryPermit, ApiError>,
) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone + Send + Sync + 'static {
    let request = Arc::new(Mutex::new(Some((head, memory))));
    warp::body::stream()
        .then(move |body| {
            let (context, request) = (Arc::clone(&context), request.lock().take());
            async move {
                match request {
                    Some((head, memory)) => layers::answer(context, head, memory, body).await,
                    None => ApiError::from(Error::internal("a request was taken twice")).into_response(),
                }
            }
        })
        // Nothing above rejects a request.
        .recover(|_| async { Ok::<_, Infallible>(ApiError::NoSuchPath.into_response()) })
        .unify()
}

/// A connection that was gone before it was taken is not a reason to wait; a lack of open files is.
async fn pause_after(source: &io::Error) {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(source.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset) {
        tracing::error!("no connection can be taken for now: {source}");
        tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
    }
}
