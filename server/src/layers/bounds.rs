//! What the answer to an event is bound by. Requests that come over connections have no such bounds.

use feast_engine::{Error, ErrorKind};
use tokio::time::timeout_at;

use super::Call;
use crate::error::ApiError;
use crate::http::{Response, json_response};

/// Answers in time, and with no more than can be given.
pub(super) async fn keep<F>(call: Call, next: impl FnOnce(Call) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let Some(bounds) = call.head.bounds else {
        return next(call).await;
    };
    let outcome = match bounds.deadline {
        Some(deadline) => timeout_at(deadline.into(), next(call)).await,
        None => Ok(next(call).await),
    };
    let outcome = outcome.unwrap_or_else(|_| Err(out_of_time().into()));
    match &outcome {
        Ok(response) => (bounds.check)(response)?,
        // Some repeat what is wrong in the body, which may be large.
        Err(error) => (bounds.check)(&json_response(error.status(), error.body()))?,
    }
    outcome
}

fn out_of_time() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the time of the function was over before there was an answer, and what was asked for may be done all the same: ask for less \
         at once, or give the function more time or memory",
    )
}
