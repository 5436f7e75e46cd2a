//! From a request to its endpoint and back: the thread, panics, what is logged of failures.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Buf;
use futures::Stream;
use percent_encoding::percent_decode_str;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode};
use warp::path::FullPath;
use warp::{Filter, Reply};

use crate::admission::Reservation;
use crate::body::{Body, Format};
use crate::context::Context;
use crate::error::ApiError;
use crate::message::{Answer, Request, has_content_type};
use crate::routes::{AtOnce, Endpoint, Matched, Route, find};
use crate::wire::arrow_stream;

/// Larger bodies are not even parsed where they were read: some tenth of a millisecond.
const MAX_BODY_BYTES_AT_ONCE: usize = 32 << 10;

/// Answers every request.
pub(crate) fn routes(
    context: Arc<Context>,
) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone + Send + Sync + 'static {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    // A request line may name a host only; warp 0.4 panics where it takes the path from that.
    let without_path = warp::path::end().map(|| ApiError::NoSuchPath.into_answer());
    let routed = warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |method, path, query, headers, body| {
            answer(Arc::clone(&context), method, path, query, headers, body)
        });
    without_path
        .or(routed)
        .unify()
        // Nothing above refuses a request.
        .recover(|_| async { Ok::<_, Infallible>(ApiError::NoSuchPath.into_answer()) })
        .unify()
}

async fn answer(
    context: Arc<Context>,
    method: Method,
    path: FullPath,
    query: String,
    headers: HeaderMap,
    body: impl Stream<Item = Result<impl Buf, warp::Error>> + Send,
) -> Answer {
    let decoded = percent_decode_str(path.as_str()).decode_utf8_lossy();
    let (route, parameter) = match find(&method, &decoded) {
        Matched::Route(route, parameter) => (route, parameter.to_owned()),
        Matched::WrongMethod(allowed) => return ApiError::WrongMethod(allowed).into_answer(),
        Matched::Slashes => return redirect(path.as_str().trim_end_matches('/'), &query),
        Matched::Nothing => return ApiError::NoSuchPath.into_answer(),
    };
    // A GET has no body that means anything.
    let mut reservation = context.admission.reservation();
    let noted = Arc::clone(&context);
    let body = match (&route.method, &route.endpoint) {
        (&Method::GET, _) => Ok(Body::default()),
        (_, Endpoint::Read { .. }) if has_content_type(&headers, |kind| kind == arrow_stream::MEDIA_TYPE) => {
            Body::read(body, Format::Arrow, &mut reservation).await
        }
        _ => Body::read(body, Format::Json, &mut reservation).await,
    };
    let outcome = match body {
        Ok(Body { bytes, parsed_bytes }) => {
            let request = Request {
                headers,
                query,
                parameter,
                body: bytes,
            };
            run(route, context, request, parsed_bytes, reservation).await
        }
        Err(problem) => Err(problem),
    };
    outcome.unwrap_or_else(|error| {
        if matches!(error, ApiError::Overloaded(_)) {
            noted.admission.note_refusal(&error);
        } else if error.status().is_server_error() && error.status() != StatusCode::NOT_IMPLEMENTED {
            tracing::error!("{method} {}: {}", path.as_str(), error.log_text());
        }
        error.into_answer()
    })
}

async fn run(
    route: &'static Route,
    context: Arc<Context>,
    request: Request,
    parsed_bytes: usize,
    mut reservation: Reservation,
) -> Result<Answer, ApiError> {
    match route.endpoint {
        Endpoint::Quick(answer) => guarded(|| answer(&context, &request)),
        Endpoint::Read { at_once, waiting } => {
            let outcome = if request.body.len() <= MAX_BODY_BYTES_AT_ONCE {
                guarded(|| at_once(&context, &request, &mut reservation))?
            } else {
                AtOnce::TakesLong
            };
            let takes_long = match outcome {
                AtOnce::Answer(answer) => return Ok(answer),
                AtOnce::Waits => false,
                AtOnce::TakesLong => true,
            };
            let admitted = context.admission.admit_read()?;
            let turn = match takes_long {
                true => Some(context.admission.turn_to_work().await?),
                false => None,
            };
            reservation.resize_to(parsed_bytes)?;
            on_waiting_thread(move || {
                let answer = waiting(&context, &request, reservation);
                drop((admitted, turn));
                answer
            })
            .await
        }
        Endpoint::Blocking(answer) => {
            let admitted = context.admission.admit_write()?;
            reservation.resize_to(parsed_bytes)?;
            on_waiting_thread(move || {
                let answer = answer(&context, &request);
                drop((admitted, reservation));
                answer
            })
            .await
        }
    }
}

async fn on_waiting_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(|| guarded(work)).await;
    done.unwrap_or(Err(ApiError::Panicked))
}

/// Endpoints change nothing that they could leave half changed; the panic itself is logged by its hook.
fn guarded<T>(work: impl FnOnce() -> Result<T, ApiError>) -> Result<T, ApiError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ApiError::Panicked))
}

/// To the same path without slashes at its end. Relative, so that it is right behind a proxy too.
fn redirect(path: &str, query: &str) -> Answer {
    let target = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    // It came in a request line, so it can stand in a header.
    if let Ok(target) = HeaderValue::from_str(&target) {
        answer.headers_mut().insert("location", target);
    }
    answer
}
