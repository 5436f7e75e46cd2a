//! The runtime API of AWS Lambda, version 2018-06-01: the process asks for the next event, and tells what became of it. Nothing else reaches the
//! process, and between an answer and the next event it may be frozen for hours: no request here has a limit of time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use feast_engine::{Error, ErrorKind, now};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{PooledClient, build_request};
use serde_json::json;

/// Where the API is: a host and a port, and in an emulator a path.
const API: &str = "AWS_LAMBDA_RUNTIME_API";
const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE: &str = "lambda-runtime-deadline-ms";
/// Not given by all versions of the API: tells an invocation from one of the same id that has run out of time.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// So long before its deadline the answer to an event must be there, so that it still gets out.
const MARGIN: Duration = Duration::from_millis(300);

/// The runtime API of this function.
pub struct RuntimeApi {
    client: PooledClient,
}

/// An event, and what has to be known to tell of it.
pub(crate) struct Invocation {
    pub(crate) id: String,
    pub(crate) event: Bytes,
    /// When the answer should be there. The process is killed a little later.
    pub(crate) deadline: Option<Instant>,
    invocation_id: Option<HeaderValue>,
}

impl RuntimeApi {
    /// The one that the environment names.
    ///
    /// # Errors
    /// `Invalid` when it names none.
    pub fn from_environment() -> Result<Self, Error> {
        let named = std::env::var(API).map_err(|_| {
            Error::invalid(format!("{API} is not set: this command is started by AWS Lambda"))
                .with_hint("serve on a port with: feast serve")
        })?;
        let endpoint: Option<Uri> = format!("http://{named}").parse().ok();
        // The client would panic without.
        let endpoint = endpoint.filter(|endpoint| endpoint.authority().is_some());
        let endpoint = endpoint.ok_or_else(|| Error::invalid(format!("{API} is not a host and a port: {named:?}")))?;
        let client = PooledClient::builder().with_endpoint(endpoint).with_pool_size(1);
        Ok(Self { client: client.build() })
    }

    /// Waits for the next event, however long that takes.
    ///
    /// # Errors
    /// `Unavailable` when there will be none.
    pub(crate) async fn next(&self) -> Result<Invocation, Error> {
        let request = build_request()
            .method(Method::GET)
            .uri("/2018-06-01/runtime/invocation/next");
        let (status, headers, event) = self.send(request.body(Body::empty())).await?;
        let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let Some(id) = id.filter(|_| status == StatusCode::OK) else {
            return Err(failed(format!(
                "the next event came with status {status} or without an id"
            )));
        };
        Ok(Invocation {
            id: id.to_owned(),
            event,
            deadline: headers.get(DEADLINE).and_then(deadline),
            invocation_id: headers.get(INVOCATION_ID).cloned(),
        })
    }

    /// Gives the answer to an event.
    ///
    /// # Errors
    /// `Unavailable` when the API fails.
    pub(crate) async fn respond(&self, invocation: &Invocation, answer: Vec<u8>) -> Result<(), Error> {
        let request = tells_of(invocation, "response").body(Body::from(answer));
        self.tell(request).await
    }

    /// Reports that an invocation has failed.
    ///
    /// # Errors
    /// `Unavailable` when the API fails.
    pub(crate) async fn fail(&self, invocation: &Invocation, kind: &str, message: &str) -> Result<(), Error> {
        let request = tells_of(invocation, "error").header(ERROR_TYPE, kind);
        self.tell(request.body(error_body(kind, message))).await
    }

    /// Says why the process does not start. That it cannot be said is in the log, and keeps nobody from ending.
    pub async fn report_init_error(&self, message: &str) {
        const KIND: &str = "Feast.CannotStart";
        let request = build_request()
            .method(Method::POST)
            .uri("/2018-06-01/runtime/init/error")
            .header(ERROR_TYPE, KIND);
        if let Err(error) = self.tell(request.body(error_body(KIND, message))).await {
            tracing::error!("{error}");
        }
    }

    /// Sends what is only confirmed. A refusal is about this event, whose client is told by AWS, and the next one comes all the same.
    async fn tell(&self, request: http::Result<Request<Body>>) -> Result<(), Error> {
        let (status, _, body) = self.send(request).await?;
        let said = String::from_utf8_lossy(&body);
        if status.is_server_error() {
            return Err(failed(format!("it answered {status}: {said}")));
        }
        if !status.is_success() {
            tracing::error!("the runtime API of AWS Lambda did not take what was told of an event: {status}: {said}");
        }
        Ok(())
    }

    async fn send(&self, request: http::Result<Request<Body>>) -> Result<(StatusCode, HeaderMap, Bytes), Error> {
        let request = request.map_err(|source| failed(source.to_string()))?;
        let response = self.client.call(request).await;
        let (head, body) = response.map_err(|source| failed(source.to_string()))?.into_parts();
        let body = Body::new(body).collect().await;
        let body = body.map_err(|source| failed(source.to_string()))?;
        Ok((head.status, head.headers, body.to_bytes()))
    }
}

fn tells_of(invocation: &Invocation, what: &str) -> http::request::Builder {
    let path = format!("/2018-06-01/runtime/invocation/{}/{what}", invocation.id);
    let request = build_request().method(Method::POST).uri(path);
    match &invocation.invocation_id {
        Some(id) => request.header(INVOCATION_ID, id),
        None => request,
    }
}

fn error_body(kind: &str, message: &str) -> Body {
    let body = json!({ "errorType": kind, "errorMessage": message, "stackTrace": [] });
    Body::from(body.to_string())
}

/// When an answer should be there, by milliseconds since 1970. A time that is over is none: an emulator gives how long there is instead.
fn deadline(header: &HeaderValue) -> Option<Instant> {
    let deadline: i64 = header.to_str().ok()?.parse().ok()?;
    let left = deadline.checked_sub(now().micros() / 1000)?;
    let left = Duration::from_millis(u64::try_from(left).ok().filter(|left| *left > 0)?);
    Instant::now().checked_add(left.saturating_sub(MARGIN))
}

fn failed(why: String) -> Error {
    let message = format!("the runtime API of AWS Lambda failed: {why}");
    Error::new(ErrorKind::Unavailable, message)
}
