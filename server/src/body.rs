//! Reading the body of a request, and its limits.
//!
//! A body counts as what it will be parsed into, by its number of commas and brackets: `[1,1,1]` takes thirty times its length
//! in memory. So it is refused before it is large.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::{FutureExt, Stream, StreamExt};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use crate::admission::MemoryPermit;
use crate::error::ApiError;
use crate::wire::{arrow_stream, encoding};

/// The largest accepted body.
const MAX_BODY_BYTES: usize = 256 << 20;
/// The most commas and brackets of a JSON body. Each of its values but the first comes after one of them, so that they take two
/// gigabytes at most, however short they are.
const MAX_SEPARATORS: usize = 10_000_000;
/// How long the next piece of a body may take to come.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body may come at any rate, and the least rate after that: a client that sends byte by byte holds a connection, and
/// the memory for what it has sent.
const FREE_TIME: Duration = Duration::from_secs(10);
const MIN_BYTES_PER_SECOND: usize = 1 << 10;

/// A request's body.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// The most that it takes together with what it is parsed into.
    pub(crate) parsed_bytes: usize,
}

/// What a body is parsed as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Arrow,
}

impl Body {
    /// Reads a body to its end, within `limit`; `permit` counts what is there so far.
    ///
    /// # Errors
    /// `TooLarge`, `Overloaded` when other requests hold too much memory, `Unreadable` when it ends early, `TooSlow`.
    pub(crate) async fn read(
        stream: impl Stream<Item = Result<impl Buf, warp::Error>> + Send,
        format: Format,
        limit: Duration,
        permit: &mut MemoryPermit,
    ) -> Result<Self, ApiError> {
        let mut stream = std::pin::pin!(stream);
        let started = Instant::now();
        // Most bodies come in one piece, which is not copied.
        let mut bytes = Bytes::new();
        let mut separators = 0;
        while let Some(chunk) = next_piece(&mut stream, started, limit, bytes.len()).await? {
            let mut chunk = chunk.map_err(|_| ApiError::Unreadable)?;
            let chunk = chunk.copy_to_bytes(chunk.remaining());
            let length = bytes.len() + chunk.len();
            if format == Format::Json {
                separators += chunk.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
            }
            let accepted = check(length, separators).and_then(|()| permit.resize_to(length));
            if let Err(error) = accepted {
                drop(std::mem::take(&mut bytes));
                permit.resize_to(0)?;
                // A client that is still sending would see its connection break instead of the response.
                let rest = async { while let Some(Ok(_)) = stream.next().await {} };
                let _ = timeout(PIECE_TIMEOUT, rest).await;
                return Err(error);
            }
            bytes = if bytes.is_empty() { chunk } else { joined(bytes, &chunk) };
        }
        let parsed_bytes = match format {
            // Lists grow by doubling. One value has no separator before it.
            Format::Json => {
                let as_utf8 = if encoding::is_utf8(&bytes) {
                    0
                } else {
                    bytes.len() * encoding::MAX_GROWTH
                };
                bytes.len() + as_utf8 + (separators + 1) * 2 * size_of::<Value>()
            }
            Format::Arrow => bytes.len() * arrow_stream::MAX_GROWTH,
        };
        Ok(Self { bytes, parsed_bytes })
    }
}

/// The next piece of a body of which so many bytes have come since `started`.
async fn next_piece<T>(
    stream: &mut (impl Stream<Item = T> + Unpin),
    started: Instant,
    limit: Duration,
    received: usize,
) -> Result<Option<T>, ApiError> {
    let at_least_rate = FREE_TIME + Duration::from_secs((received / MIN_BYTES_PER_SECOND) as u64);
    let whole = limit.min(at_least_rate);
    // No clock is read for a body that is there already.
    let Some(piece) = stream.next().now_or_never() else {
        let deadline = (started + whole).min(Instant::now() + PIECE_TIMEOUT);
        return timeout_at(deadline, stream.next())
            .await
            .map_err(|_| ApiError::TooSlow(too_slow(limit)));
    };
    Ok(piece)
}

fn too_slow(limit: Duration) -> String {
    format!(
        "came too slowly: it may take {} s in whole, {} s for a piece, and after {} s must come with at least {} KiB a second",
        limit.as_secs(),
        PIECE_TIMEOUT.as_secs(),
        FREE_TIME.as_secs(),
        MIN_BYTES_PER_SECOND >> 10
    )
}

fn check(length: usize, separators: usize) -> Result<(), ApiError> {
    if length > MAX_BODY_BYTES {
        let limit = MAX_BODY_BYTES >> 20;
        return Err(ApiError::TooLarge(format!("is larger than {limit} MiB")));
    }
    if separators > MAX_SEPARATORS {
        let what = format!("has more than {MAX_SEPARATORS} commas and brackets");
        return Err(ApiError::TooLarge(what));
    }
    Ok(())
}

fn joined(body: Bytes, chunk: &[u8]) -> Bytes {
    // Nothing else refers to it, so it grows in place.
    let mut body = BytesMut::from(body);
    body.extend_from_slice(chunk);
    body.freeze()
}
