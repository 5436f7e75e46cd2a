//! A panic ends its request with 500, not the connection.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::Call;
use crate::error::ApiError;
use crate::http::Response;

/// Catches panics on the threads that read sockets; those of other threads reach `dispatch.rs` as failed tasks. Endpoints change
/// nothing that they could leave half changed; the panic itself is logged by its hook.
pub(super) async fn catch<F>(call: Call, next: impl FnOnce(Call) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let outcome = AssertUnwindSafe(next(call)).catch_unwind().await;
    outcome.unwrap_or(Err(ApiError::Panicked))
}
