//! From a call to its endpoint: the body within its limits, admission, and the thread that the endpoint runs on.
//!
//! The threads that read sockets never wait for a disk, and do not parse what is large. What comes over the network is awaited, so
//! that no thread waits for it. A read that such a thread cannot answer
//! is handed over with what it knows by then: a body that is not parsed, a plan with keys as they were given, or key columns
//! whose rows are not in memory. Nothing is parsed, planned or keyed twice.

use std::sync::Arc;

use bytes::Buf;
use futures::Stream;
use warp::http::{HeaderValue, Method, StatusCode};

use crate::admission::MemoryPermit;
use crate::body::{Body, Format};
use crate::context::Context;
use crate::endpoints::get_online_features::PendingRead;
use crate::error::ApiError;
use crate::http::{Head, Request, Response};
use crate::layers::Call;
use crate::routes::{Endpoint, InlineOutcome, Matched, ReadEndpoint, Route};
use crate::timeline::Step;
use crate::wire::arrow_stream;

/// Larger bodies are not even parsed where they were read: some tenth of a millisecond.
const MAX_INLINE_BODY_BYTES: usize = 32 << 10;

/// Reads the body of a request and has its endpoint answer it.
pub(crate) async fn answer(
    context: &Arc<Context>,
    call: Call,
    mut permit: MemoryPermit,
    body: impl Stream<Item = Result<impl Buf, warp::Error>> + Send,
) -> Result<Response, ApiError> {
    let head = call.head;
    let (route, parameter) = match call.matched {
        Matched::Route(route, parameter) => (route, parameter),
        Matched::WrongMethod(allowed) => return Err(ApiError::WrongMethod(allowed)),
        Matched::Slashes => return Ok(redirect(&head)),
        Matched::Nothing => return Err(ApiError::NoSuchPath),
    };
    let body = match body_format(route, &head) {
        Some(format) => {
            let limit = context.store.config().connections.body_timeout;
            let read = Body::read(body, format, limit, &mut permit).await?;
            head.stopwatch.end(Step::Receive);
            read
        }
        None => Body::default(),
    };
    let request = Request {
        head,
        parameter,
        body: body.bytes,
    };
    run(context, route, request, body.parsed_bytes, permit).await
}

/// `None` for a GET, which has no body that means anything.
fn body_format(route: &Route, head: &Head) -> Option<Format> {
    let is_arrow = |media_type: &str| media_type == arrow_stream::MEDIA_TYPE;
    match (&route.method, &route.endpoint) {
        (&Method::GET, _) => None,
        (_, Endpoint::Read(_)) if head.has_content_type(is_arrow) => Some(Format::Arrow),
        _ => Some(Format::Json),
    }
}

async fn run(
    context: &Arc<Context>,
    route: &Route,
    request: Request,
    parsed_bytes: usize,
    mut permit: MemoryPermit,
) -> Result<Response, ApiError> {
    match route.endpoint {
        Endpoint::Inline(answer) => answer(context, &request),
        Endpoint::Read(endpoint) => read(context, endpoint, request, parsed_bytes, permit).await,
        Endpoint::Run(answer) => {
            permit.resize_to(parsed_bytes)?;
            answer(Arc::clone(context), request).await
        }
        Endpoint::Write(answer) => {
            let admitted = context.admission.admit_write()?;
            // Texts are copied.
            permit.resize_to(parsed_bytes + request.body.len())?;
            let context = Arc::clone(context);
            on_blocking_thread(move || {
                request.head.stopwatch.end(Step::Wait);
                let response = answer(&context, request, &mut permit);
                drop((admitted, permit));
                response
            })
            .await
        }
        Endpoint::Blocking(answer) => {
            let admitted = context.admission.admit_write()?;
            permit.resize_to(parsed_bytes)?;
            let context = Arc::clone(context);
            on_blocking_thread(move || {
                request.head.stopwatch.end(Step::Wait);
                let response = answer(&context, &request);
                drop((admitted, permit));
                response
            })
            .await
        }
    }
}

async fn read(
    context: &Arc<Context>,
    endpoint: ReadEndpoint,
    request: Request,
    parsed_bytes: usize,
    mut permit: MemoryPermit,
) -> Result<Response, ApiError> {
    let outcome = if request.body.len() <= MAX_INLINE_BODY_BYTES {
        (endpoint.try_inline)(context, request, &mut permit)?
    } else {
        InlineOutcome::TooLarge(PendingRead::Unparsed(Box::new(request)))
    };
    let (pending, is_large) = match outcome {
        InlineOutcome::Response(response) => return Ok(response),
        InlineOutcome::NeedsIo(pending) => (pending, false),
        InlineOutcome::TooLarge(pending) => (pending, true),
    };
    let admitted = context.admission.admit_read()?;
    if pending.is_parsed() {
        // It holds that memory already, also while it waits.
        permit.resize_to(parsed_bytes)?;
    }
    let slot = match is_large {
        true => Some(context.admission.acquire_large_read_slot().await?),
        false => None,
    };
    permit.resize_to(parsed_bytes)?;
    let context = Arc::clone(context);
    if context.store.is_remote() {
        pending.stopwatch().end(Step::Wait);
        let response = (endpoint.complete_remote)(context, pending, permit).await;
        drop((admitted, slot));
        return response;
    }
    on_blocking_thread(move || {
        pending.stopwatch().end(Step::Wait);
        let response = (endpoint.complete)(&context, pending, permit);
        drop((admitted, slot));
        response
    })
    .await
}

/// Does the work on a thread that may wait for disks.
pub(crate) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    // A task fails only by a panic, which its hook has logged.
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(ApiError::Panicked))
}

/// To the same path without slashes at its end. Relative to where the client is, which may see the server under another host or
/// below a path: behind a proxy, or as a stage of an API.
fn redirect(head: &Head) -> Response {
    let path = head.uri.path();
    let resource = path.trim_end_matches('/');
    let up = "../".repeat(path.len() - resource.len());
    let name = resource.rsplit('/').next().unwrap_or(resource);
    let target = match head.query() {
        "" => format!("{up}{name}"),
        query => format!("{up}{name}?{query}"),
    };
    let mut response = Response::default();
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    // It came in a request line, so it can stand in a header.
    if let Ok(target) = HeaderValue::from_str(&target) {
        response.headers_mut().insert("location", target);
    }
    response
}
