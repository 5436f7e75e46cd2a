//! What is logged of requests that fail: failures of the server, and now and then how many requests were refused.
//!
//! Mistakes of clients are not logged: the response says what is wrong.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use warp::http::{Method, StatusCode, Uri};

use super::Call;
use super::outcome::Witness;
use super::request_id::RequestId;
use crate::error::ApiError;
use crate::http::Response;
use crate::log_limit::LogLimit;

/// One line of a kind in so long: clients can be refused as often as they like, and what functions raise depends on what they send. On a
/// full disk each write fails alike.
const LOG_INTERVAL: Duration = Duration::from_secs(1);
static REFUSALS_LOG: LogLimit = LogLimit::new(LOG_INTERVAL);
static FUNCTIONS_LOG: LogLimit = LogLimit::new(LOG_INTERVAL);
static FAILURES_LOG: LogLimit = LogLimit::new(LOG_INTERVAL);
static LAST_FAILURE: Mutex<String> = Mutex::new(String::new());

/// Logs the failure of a request, with everything that its response keeps from the client.
pub(super) async fn log<F>(
    call: Call,
    witness: &Witness<'_>,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let asked = Asked {
        method: call.head.method.clone(),
        uri: call.head.uri.clone(),
        id: call.head.request_id.clone(),
    };
    let outcome = next(call).await;
    if let Err(error) = &outcome {
        if error.is_refusal() {
            log_refusal(error, witness);
        } else if error.feature_view().is_some() {
            log_failure(FUNCTIONS_LOG.admit(1), error, &asked, witness);
        } else if error.status().is_server_error() && error.status() != StatusCode::NOT_IMPLEMENTED {
            log_failure(admit_failure(error), error, &asked, witness);
        }
    }
    outcome
}

/// The request that fails.
struct Asked {
    method: Method,
    uri: Uri,
    id: RequestId,
}

/// Another failure than the last one is logged at once.
fn admit_failure(error: &ApiError) -> Option<usize> {
    let failure = error.to_string();
    let mut last = LAST_FAILURE.lock();
    if *last == failure {
        return FAILURES_LOG.admit(1);
    }
    *last = failure;
    Some(FAILURES_LOG.admit(1).unwrap_or_default())
}

fn log_failure(left_out: Option<usize>, error: &ApiError, asked: &Asked, witness: &Witness<'_>) {
    let Some(left_out) = left_out else { return };
    let others = match left_out {
        0 => String::new(),
        more => format!(" ({more} more before it)"),
    };
    let (Asked { method, uri, id }, user) = (asked, of_user(witness));
    let (path, trace) = (uri.path(), witness.trace().map(|trace| trace.trace_id().to_string()));
    // The fields are for logs in JSON.
    tracing::error!(
        user = witness.user().map(|user| user.0),
        method = %method,
        path,
        status = error.status().as_u16(),
        request_id = %id,
        trace_id = trace.as_deref(),
        left_out,
        "{method} {path}: {error} (request {id}{user}){others}"
    );
}

fn log_refusal(error: &ApiError, witness: &Witness<'_>) {
    if let Some(suppressed) = REFUSALS_LOG.admit(1) {
        tracing::warn!(
            "{} requests were refused, the last: {error}{}",
            suppressed.saturating_add(1),
            of_user(witness)
        );
    }
}

/// Whose request it is, if that is known.
fn of_user(witness: &Witness<'_>) -> impl fmt::Display {
    fmt::from_fn(|formatter| match witness.user() {
        Some(user) => write!(formatter, " of {user}"),
        None => Ok(()),
    })
}
