//! What is logged of requests that fail: failures of the server, and now and then how many requests were refused.
//!
//! Mistakes of clients are not logged: the response says what is wrong.

use std::time::Duration;

use parking_lot::Mutex;
use warp::http::{Method, StatusCode};

use super::Call;
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
pub(super) async fn log<F>(call: Call, next: impl FnOnce(Call) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let (method, uri, id) = (
        call.head.method.clone(),
        call.head.uri.clone(),
        call.head.request_id.clone(),
    );
    let outcome = next(call).await;
    if let Err(error) = &outcome {
        if error.is_refusal() {
            log_refusal(error);
        } else if error.feature_view().is_some() {
            log_failure(FUNCTIONS_LOG.admit(1), error, &method, uri.path(), &id);
        } else if error.status().is_server_error() && error.status() != StatusCode::NOT_IMPLEMENTED {
            log_failure(admit_failure(error), error, &method, uri.path(), &id);
        }
    }
    outcome
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

fn log_failure(left_out: Option<usize>, error: &ApiError, method: &Method, path: &str, id: &RequestId) {
    let Some(left_out) = left_out else { return };
    let others = match left_out {
        0 => String::new(),
        more => format!(" ({more} more before it)"),
    };
    // The fields are for logs in JSON.
    tracing::error!(
        method = %method,
        path,
        status = error.status().as_u16(),
        request_id = %id,
        left_out,
        "{method} {path}: {error} (request {id}){others}"
    );
}

fn log_refusal(error: &ApiError) {
    if let Some(suppressed) = REFUSALS_LOG.admit(1) {
        tracing::warn!(
            "{} requests were refused, the last: {error}",
            suppressed.saturating_add(1)
        );
    }
}
