//! What one connection is doing and since when, and the stream that notes it.
//!
//! Each step is a store into an atomic number, so that a request pays for its time limits with neither a timer nor a lock. Who looks
//! at these numbers, and what follows, is in `table.rs`.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::coarse_clock;
use crate::admission::MemoryPermit;
use crate::context::Context as ServerContext;

/// A head that is larger counts as what hyper may hold of it.
const SMALL_HEAD_BYTES: u32 = 8 << 10;
/// What hyper holds at most while it reads a head: twice its limit, as buffers grow by doubling.
const LARGE_HEAD_BYTES: usize = 2 * super::MAX_HEAD_BYTES;

/// The least rate at which a client takes an answer, once it has made the server wait for `send_timeout`. Answers hold memory
/// that others wait for, so it is more than what the sender of a body owes.
const MIN_SEND_BYTES_PER_SECOND: u64 = 32 << 10;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// It has been taken, and TLS is not agreed on yet.
    Handshake,
    /// Between requests, or before the first.
    Idle,
    /// Some of the head of a request is there.
    Head,
    /// The body of a request is being received.
    Body,
    /// A request is there and being answered.
    Answer,
}

impl Phase {
    pub(super) const ALL: [Self; 5] = [Self::Handshake, Self::Idle, Self::Head, Self::Body, Self::Answer];
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Idle => "idle",
            Self::Head => "head",
            Self::Body => "body",
            Self::Answer => "answer",
        }
    }

    /// The bits of a state that hold the phase.
    const BITS: u32 = 3;

    fn of_state(state: u64) -> Self {
        Self::ALL[(state & ((1 << Self::BITS) - 1)) as usize]
    }
}

/// What one connection is doing. With HTTP/2 several requests may be under way, and heads are not seen.
#[derive(Debug)]
pub(super) struct Progress {
    /// When it was taken, on the coarse clock.
    opened: u64,
    /// The phase in the lower bits, above them the milliseconds from `opened` to its beginning.
    state: AtomicU64,
    /// Bytes of the head that is being received.
    head_bytes: AtomicU32,
    /// When the client stopped taking what is written, in milliseconds from `opened` and one more; 0 when it takes everything.
    blocked: AtomicU64,
    /// What it has taken since.
    sent_since_blocked: AtomicU64,
    is_multiplexed: AtomicBool,
    /// What hyper holds of the connection can be dropped when it is idle, and has not been yet.
    can_rest: AtomicBool,
    streams: Mutex<Streams>,
    /// Asks a connection with HTTP/2 to take no more requests, and one with HTTP/1 to give back its buffers while it is idle.
    pub(super) retire: Notify,
}

/// The requests that are under way on a connection with HTTP/2.
#[derive(Debug, Default)]
struct Streams {
    under_way: usize,
    /// Answers of which HTTP/2 holds some bytes: when each was complete, in milliseconds from `opened`, and its length.
    unsent: Vec<(u64, u64)>,
}

impl Progress {
    pub(super) fn new(phase: Phase) -> Self {
        Self {
            opened: coarse_clock::now(),
            state: AtomicU64::new(phase as u64),
            head_bytes: AtomicU32::new(0),
            blocked: AtomicU64::new(0),
            sent_since_blocked: AtomicU64::new(0),
            is_multiplexed: AtomicBool::new(false),
            can_rest: AtomicBool::new(false),
            streams: Mutex::default(),
            retire: Notify::new(),
        }
    }

    fn now(&self) -> u64 {
        coarse_clock::now().saturating_sub(self.opened)
    }

    pub(super) fn enter(&self, phase: Phase) {
        let state = self.now() << Phase::BITS | phase as u64;
        self.state.store(state, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::of_state(self.state.load(Ordering::Relaxed))
    }

    /// The phase, and for how long it has lasted.
    pub(super) fn phase_and_time(&self) -> (Phase, Duration) {
        let state = self.state.load(Ordering::Relaxed);
        let lasted = self.now().saturating_sub(state >> Phase::BITS);
        (Phase::of_state(state), Duration::from_millis(lasted))
    }

    pub(super) fn age(&self) -> Duration {
        Duration::from_millis(self.now())
    }

    /// From now on it is HTTP/2, and what was received is not a head.
    pub(super) fn set_multiplexed(&self) {
        self.is_multiplexed.store(true, Ordering::Relaxed);
        self.enter(Phase::Idle);
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.is_multiplexed.load(Ordering::Relaxed)
    }

    /// What hyper holds can be dropped from now on, or not.
    pub(super) fn set_can_rest(&self, can_rest: bool) {
        self.can_rest.store(can_rest, Ordering::Relaxed);
    }

    /// Whether nothing of a request or an answer is in the buffers of the connection.
    pub(super) fn can_rest(&self) -> bool {
        self.can_rest.load(Ordering::Relaxed) && self.phase() == Phase::Idle && !self.is_sending()
    }

    pub(super) fn received(&self, received: &[u8]) {
        let bytes = u32::try_from(received.len()).unwrap_or(u32::MAX);
        match self.phase() {
            // Some clients end a body with an empty line, which is not the head of a request.
            Phase::Idle if is_empty_lines(received) => {}
            Phase::Idle if !self.is_multiplexed() => {
                self.head_bytes.store(bytes, Ordering::Relaxed);
                self.enter(Phase::Head);
            }
            Phase::Head => {
                self.head_bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// What of a head is held beyond a usual one, in bytes.
    fn large_head(&self) -> usize {
        let is_large = self.head_bytes.load(Ordering::Relaxed) > SMALL_HEAD_BYTES && self.phase() == Phase::Head;
        if is_large { LARGE_HEAD_BYTES } else { 0 }
    }

    fn write_blocked(&self) {
        if self.blocked.load(Ordering::Relaxed) == 0 {
            self.sent_since_blocked.store(0, Ordering::Relaxed);
            self.blocked.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    fn written(&self, bytes: usize) {
        if self.is_sending() {
            self.sent_since_blocked.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    fn all_written(&self) {
        if self.is_sending() {
            self.blocked.store(0, Ordering::Relaxed);
            if self.phase() == Phase::Idle {
                self.enter(Phase::Idle);
            }
        }
    }

    /// Whether an answer waits for its client to take it. To hyper such a connection is between requests already.
    pub(super) fn is_sending(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) != 0
    }

    /// Whether its client takes an answer more slowly than it may.
    pub(super) fn is_read_too_slowly(&self, timeout: Duration) -> bool {
        let (now, timeout) = (self.now(), u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let blocked = self.blocked.load(Ordering::Relaxed);
        if blocked != 0 {
            let waited = (now + 1).saturating_sub(blocked);
            let sent = self.sent_since_blocked.load(Ordering::Relaxed);
            if waited > timeout.saturating_add(milliseconds_for(sent)) {
                return true;
            }
        }
        let streams = self.streams.lock();
        let mut unsent = streams.unsent.iter();
        unsent.any(|(since, length)| now.saturating_sub(*since) > timeout.saturating_add(milliseconds_for(*length)))
    }
}

/// Whether these bytes say nothing between two requests.
pub(super) fn is_empty_lines(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// How long a client may take for so many bytes.
const fn milliseconds_for(bytes: u64) -> u64 {
    bytes.saturating_mul(1000) / MIN_SEND_BYTES_PER_SECOND
}

/// A request that is under way, until its answer is sent or given up.
pub(super) struct Exchange {
    progress: Arc<Progress>,
    /// What HTTP/2 holds of the answer.
    unsent: Option<(u64, u64)>,
}

impl Exchange {
    pub(super) fn start(progress: &Arc<Progress>, has_body: bool) -> Self {
        if progress.is_multiplexed() {
            progress.streams.lock().under_way += 1;
        }
        progress.enter(if has_body { Phase::Body } else { Phase::Answer });
        Self {
            progress: Arc::clone(progress),
            unsent: None,
        }
    }

    fn answered(&mut self, bytes: u64) {
        let unsent = (self.progress.now(), bytes);
        self.progress.streams.lock().unsent.push(unsent);
        self.unsent = Some(unsent);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.progress.is_multiplexed() {
            if self.progress.phase() == Phase::Body {
                // The rest of its body may still come, and is not the head of a request.
                self.progress.set_can_rest(false);
            }
            // Hyper has the response, and has not written it yet.
            self.progress.write_blocked();
            return self.progress.enter(Phase::Idle);
        }
        let mut streams = self.progress.streams.lock();
        streams.under_way = streams.under_way.saturating_sub(1);
        if let Some(place) = streams.unsent.iter().position(|unsent| Some(*unsent) == self.unsent) {
            streams.unsent.swap_remove(place);
        }
        if streams.under_way == 0 {
            self.progress.enter(Phase::Idle);
        }
    }
}

/// The body of a request, which notes its end.
pub(super) struct Received<B> {
    body: B,
    progress: Arc<Progress>,
}

impl<B> Received<B> {
    pub(super) fn new(body: B, progress: Arc<Progress>) -> Self {
        Self { body, progress }
    }
}

impl<B: Body + Unpin> Body for Received<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if (frame.is_none() || self.body.is_end_stream()) && self.progress.phase() == Phase::Body {
            self.progress.enter(Phase::Answer);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer. Its exchange ends with it, with HTTP/2 when the client has taken the last byte.
pub(super) struct Answer<B> {
    body: B,
    /// It is only described: the request was HEAD, which hyper minds with HTTP/1 alone.
    is_left_out: bool,
    exchange: Option<Exchange>,
}

impl<B> Answer<B> {
    pub(super) fn new(body: B, is_left_out: bool, exchange: Exchange) -> Self {
        Self {
            body,
            is_left_out,
            exchange: Some(exchange),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.is_left_out {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        // Answers are of one piece, so the exchange goes with it.
        let is_multiplexed = |exchange: &Exchange| exchange.progress.is_multiplexed();
        match frame {
            Some(Ok(frame)) if self.exchange.as_ref().is_some_and(is_multiplexed) => {
                let exchange = &mut self.exchange;
                Poll::Ready(Some(Ok(frame.map_data(|bytes| match exchange.take() {
                    Some(exchange) => unsent(bytes, exchange),
                    None => bytes,
                }))))
            }
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_left_out || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes whose exchange ends when nothing refers to them any more.
fn unsent(bytes: Bytes, mut exchange: Exchange) -> Bytes {
    struct Unsent {
        bytes: Bytes,
        _exchange: Exchange,
    }
    impl AsRef<[u8]> for Unsent {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    exchange.answered(bytes.len() as u64);
    Bytes::from_owner(Unsent {
        bytes,
        _exchange: exchange,
    })
}

/// A stream of which each read and write is noted.
pub(super) struct Watched<S> {
    stream: S,
    /// Bytes that were read before hyper asked for them.
    ahead: Bytes,
    progress: Arc<Progress>,
    context: Arc<ServerContext>,
    /// Counts the memory of a large head.
    head: Option<MemoryPermit>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>, context: Arc<ServerContext>) -> Self {
        Self {
            stream,
            ahead: Bytes::new(),
            progress,
            context,
            head: None,
        }
    }

    /// Gives back bytes that were read already.
    pub(super) fn unread(&mut self, bytes: Bytes) {
        self.ahead = bytes;
    }

    fn count_head(&mut self) -> io::Result<()> {
        match (self.progress.large_head(), &self.head) {
            (0, None) | (1.., Some(_)) => {}
            (0, Some(_)) => self.head = None,
            (bytes, None) => {
                let mut permit = self.context.admission.memory_permit();
                permit
                    .resize_to(bytes)
                    .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
                self.head = Some(permit);
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let length = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let received = &buffer.filled()[before..];
        if !received.is_empty() {
            self.progress.received(received);
            self.count_head()?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    fn note(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &outcome {
            Poll::Pending => self.progress.write_blocked(),
            Poll::Ready(Ok(bytes)) => self.progress.written(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.note(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => {
                self.progress.write_blocked();
                Poll::Pending
            }
            Poll::Ready(outcome) => {
                self.progress.all_written();
                // Its response is sent.
                if self.head.is_some() && self.progress.large_head() == 0 {
                    self.head = None;
                }
                Poll::Ready(outcome)
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_under_way_until_it_is_written() {
        let progress = Arc::new(Progress::new(Phase::Idle));
        progress.received(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(progress.phase(), Phase::Head);
        let exchange = Exchange::start(&progress, false);
        assert_eq!(progress.phase(), Phase::Answer);
        // Hyper has taken it.
        drop(exchange);
        assert_eq!((progress.phase(), progress.is_sending()), (Phase::Idle, true));
        progress.written(100);
        assert!(progress.is_sending());
        progress.all_written();
        assert!(!progress.is_sending());
    }

    #[test]
    fn an_empty_line_is_not_a_head() {
        let progress = Progress::new(Phase::Idle);
        progress.received(b"\r\n");
        assert_eq!(progress.phase(), Phase::Idle);
        progress.received(b"\r\nG");
        assert_eq!(progress.phase(), Phase::Head);
    }
}
