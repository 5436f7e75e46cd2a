//! What is logged of requests that fail: every failure of the server, and now and then how many requests were refused.
//!
//! Mistakes of clients are not logged: the response says what is wrong.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use feast_engine::Principal;
use warp::http::StatusCode;

use super::Call;
use crate::error::ApiError;
use crate::http::Response;
use crate::log_limit::LogLimit;

/// One line in so long: clients can be refused as often as they like.
const REFUSALS_LOG_INTERVAL: Duration = Duration::from_secs(1);
static REFUSALS_LOG: LogLimit = LogLimit::new(REFUSALS_LOG_INTERVAL);
/// What functions raise depends on what clients send.
static FUNCTIONS_LOG: LogLimit = LogLimit::new(REFUSALS_LOG_INTERVAL);

/// Logs the failure of a request, with everything that its response keeps from the client.
pub(super) async fn log<F>(
    call: Call,
    signed_in: &OnceLock<Arc<Principal>>,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
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
        let user = fmt::from_fn(|formatter| match signed_in.get() {
            Some(principal) => write!(formatter, " of {}", principal.name),
            None => Ok(()),
        });
        if error.is_refusal() {
            log_refusal(&format!("{error}{user}"));
        } else if error.feature_view().is_some() {
            log_function(&format!("{method} {}: {error} (request {id}{user})", uri.path()));
        } else if error.status().is_server_error() && error.status() != StatusCode::NOT_IMPLEMENTED {
            tracing::error!("{method} {}: {error} (request {id}{user})", uri.path());
        }
    }
    outcome
}

fn log_function(failure: &str) {
    match FUNCTIONS_LOG.admit(1) {
        Some(0) => tracing::error!("{failure}"),
        Some(suppressed) => tracing::error!("{failure} ({suppressed} more before it)"),
        None => {}
    }
}

fn log_refusal(error: &str) {
    if let Some(suppressed) = REFUSALS_LOG.admit(1) {
        tracing::warn!(
            "{} requests were refused, the last: {error}",
            suppressed.saturating_add(1)
        );
    }
}
