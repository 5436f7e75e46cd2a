//! A line in the log for each request, with the address of its client, its status, its time and its id.

use std::time::Instant;

use super::Call;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::Response;

/// Logs the request when it is answered, if the access log is on.
pub(super) async fn log<F>(context: &Context, call: Call, next: impl FnOnce(Call) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    if !context.access_log {
        return next(call).await;
    }
    let started = Instant::now();
    let (client, method, path, id) = (
        call.head.peer.client,
        call.head.method.clone(),
        call.head.uri.path().to_owned(),
        call.head.request_id.clone(),
    );
    let outcome = next(call).await;
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.status(),
    };
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let status = status.as_u16();
    // The fields are for logs in JSON.
    tracing::info!(
        target: "feast::access",
        client = %client,
        method = %method,
        path = path.as_str(),
        status,
        duration_ms = milliseconds,
        request_id = %id,
        "{client} - \"{method} {path}\" {status} {milliseconds:.1}ms {id}"
    );
    outcome
}
