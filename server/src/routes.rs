//! Every route on one screen, and what all of them share: the body limit, the access log, answers to unknown paths.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use feast_engine::FeatureStore;
use futures::{Stream, StreamExt};
use warp::http::StatusCode;
use warp::{Filter, Rejection, Reply};

use crate::ServeOptions;
use crate::endpoints::{get_online_features, health, materialize, push, write_to_online_store};
use crate::error::ApiError;
use crate::message::{Answer, Request, json_answer};

/// Largest accepted body.
const MAX_BODY_BYTES: usize = 256 << 20;
/// Bodies up to this size are answered where they were read; larger ones on a thread that may block for long.
const MAX_INLINE_BODY_BYTES: usize = 8 << 10;

type Endpoint = fn(&FeatureStore, &Request) -> Result<Answer, ApiError>;

/// All routes.
pub(crate) fn routes(
    store: Arc<FeatureStore>,
    options: ServeOptions,
) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone + Send + Sync + 'static {
    let post = |endpoint: Endpoint, thread: Thread| {
        let store = Arc::clone(&store);
        request().then(move |request: Request| answer(endpoint, thread, Arc::clone(&store), request))
    };
    let routes = (warp::path!("get-online-features")
        .and(warp::post())
        .and(post(get_online_features::answer, Thread::BySize)))
    .or(warp::path!("push")
        .and(warp::post())
        .and(post(push::answer, Thread::Blocking)))
    .unify()
    .or(warp::path!("write-to-online-store")
        .and(warp::post())
        .and(post(write_to_online_store::answer, Thread::Blocking)))
    .unify()
    .or(warp::path!("materialize")
        .and(warp::post())
        .and(post(materialize::answer, Thread::Blocking)))
    .unify()
    .or(warp::path!("materialize-incremental")
        .and(warp::post())
        .and(post(materialize::answer_incremental, Thread::Blocking)))
    .unify()
    .or(warp::path!("health").and(warp::get()).map(health::answer))
    .unify()
    .recover(not_routed)
    .unify();
    routes.with(warp::log::custom(move |info| {
        if options.access_log {
            let client = info.remote_addr().map_or_else(|| "-".to_owned(), |address| address.to_string());
            let (method, path, status) = (info.method(), info.path(), info.status().as_u16());
            tracing::info!(target: "feast::access", "{client} - \"{method} {path}\" {status} {:.1}ms", info.elapsed().as_secs_f64() * 1e3);
        }
    }))
}

/// Where an endpoint runs.
#[derive(Clone, Copy)]
enum Thread {
    /// On the thread that read the request, if it is small.
    BySize,
    /// On a thread that may wait for disks.
    Blocking,
}

async fn answer(endpoint: Endpoint, thread: Thread, store: Arc<FeatureStore>, request: Request) -> Answer {
    let inline = matches!(thread, Thread::BySize) && request.body.len() <= MAX_INLINE_BODY_BYTES;
    let outcome = if inline {
        endpoint(&store, &request)
    } else {
        tokio::task::spawn_blocking(move || endpoint(&store, &request))
            .await
            .unwrap_or(Err(ApiError::Panicked))
    };
    outcome.unwrap_or_else(|error| {
        let status = error.status();
        if status.is_server_error() {
            tracing::error!("{}", String::from_utf8_lossy(&error.body()));
        }
        json_answer(status, error.body())
    })
}

fn request() -> impl Filter<Extract = (Request,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::header::headers_cloned()
        .and(query)
        .and(warp::body::stream().and_then(read_body))
        .map(|headers, query, body| Request { headers, query, body })
}

/// Why a body could not be read.
#[derive(Debug)]
enum BodyProblem {
    TooLarge,
    Cut,
}

impl warp::reject::Reject for BodyProblem {}

async fn read_body(stream: impl Stream<Item = Result<impl Buf, warp::Error>> + Send) -> Result<Bytes, Rejection> {
    let mut stream = std::pin::pin!(stream);
    let mut body = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk.map_err(|_| warp::reject::custom(BodyProblem::Cut))?;
        if body.len() + chunk.remaining() > MAX_BODY_BYTES {
            return Err(warp::reject::custom(BodyProblem::TooLarge));
        }
        let bytes = chunk.copy_to_bytes(chunk.remaining());
        body.extend_from_slice(&bytes);
    }
    Ok(body.freeze())
}

async fn not_routed(rejection: Rejection) -> Result<Answer, Infallible> {
    let (status, body) = if let Some(BodyProblem::TooLarge) = rejection.find() {
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            r#"{"detail":"The body is larger than 256 MiB"}"#,
        )
    } else if let Some(BodyProblem::Cut) = rejection.find() {
        (
            StatusCode::BAD_REQUEST,
            r#"{"detail":"There was an error parsing the body"}"#,
        )
    } else if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        (StatusCode::METHOD_NOT_ALLOWED, r#"{"detail":"Method Not Allowed"}"#)
    } else {
        (StatusCode::NOT_FOUND, r#"{"detail":"Not Found"}"#)
    };
    Ok(json_answer(status, body.as_bytes().to_vec()))
}
