//! Counts each request when it is answered.

use super::Call;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::Response;
use crate::metrics::Place;

/// Counts the request, if anything is counted.
pub(super) async fn count<F>(context: &Context, call: Call, next: impl FnOnce(Call) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let (Some(metrics), Some(arrived)) = (&context.metrics, call.head.arrived) else {
        return next(call).await;
    };
    let place = Place::of(&call.matched);
    let outcome = next(call).await;
    let (status, error) = match &outcome {
        Ok(response) => (response.status(), None),
        Err(error) => (error.status(), Some(error)),
    };
    metrics.requests.answered(place, status, error, arrived.elapsed());
    outcome
}
