//! Layers around the endpoints: what is done for every request, whichever endpoint answers it.
//!
//! A layer is a file here and a line in [`answer`]. It is a function that is given the call and what comes after it, and may look
//! at both, change either, or answer itself. Layers nest as plain futures, so that one costs a request neither an allocation nor
//! a dynamic call.
//!
//! All layers see the route in [`Call::matched`]. A layer that adds to every response makes that of a failure itself, by [`ApiError::into_response`]. Admission
//! is not a layer: what a request takes is known only while its body is read (`body.rs`) and when its endpoint cannot answer
//! inline (`dispatch.rs`).

mod access_log;
mod audit;
mod bounds;
pub(crate) mod browser;
mod failures;
mod observation;
mod outcome;
mod panics;
pub(crate) mod rate_limit;
pub(crate) mod request_id;
mod sign_in;

use std::sync::Arc;

use bytes::Buf;
use futures::Stream;

use crate::admission::MemoryPermit;
use crate::connections::Purpose;
use crate::context::Context;
use crate::dispatch;
use crate::error::ApiError;
use crate::http::{Head, Response};
use crate::routes::{self, Matched};
use outcome::Witness;

/// A request on its way to its endpoint. Its body is read by `dispatch.rs`, after all layers.
pub(crate) struct Call {
    /// In a box, as each layer and each future around it moves the call on.
    pub(crate) head: Box<Head>,
    pub(crate) matched: Matched,
}

/// Answers a request, or refuses one that there is no `memory` for.
pub(crate) async fn answer(
    context: Arc<Context>,
    head: Box<Head>,
    memory: Result<MemoryPermit, ApiError>,
    body: impl Stream<Item = Result<impl Buf + Send + 'static, warp::Error>> + Send + 'static,
) -> Response {
    if head.peer.purpose == Purpose::Metrics {
        let page = crate::metrics::answer(context, &head).await;
        return page.unwrap_or_else(ApiError::into_response);
    }
    let matched = routes::find(&head.method, head.uri.path(), head.peer.purpose == Purpose::Commands);
    let request_id = head.request_id.clone();
    let call = Call { head, matched };
    let outcome = if call.matched.outlives_client() {
        // In a task of its own, so that its outcome is noted even if the client hangs up meanwhile.
        let answered = tokio::spawn(pass_layers(context, call, memory, body));
        answered.await.unwrap_or(Err(ApiError::Panicked))
    } else {
        pass_layers(context, call, memory, body).await
    };
    let mut response = outcome.unwrap_or_else(ApiError::into_response);
    request_id.mark(&mut response);
    response
}

async fn pass_layers(
    context: Arc<Context>,
    call: Call,
    memory: Result<MemoryPermit, ApiError>,
    body: impl Stream<Item = Result<impl Buf, warp::Error>> + Send,
) -> Result<Response, ApiError> {
    let context = &context;
    let mut told = Witness::of(context, &call);
    let witness = &told;
    // From the endpoint outwards: each layer is around those above it.
    let next = |call| async move { dispatch::answer(context, call, memory?, body).await };
    let next = |call| panics::catch(call, next);
    let next = |call| audit::require(context, call, next);
    let next = |call| sign_in::admit(context, call, witness, next);
    let next = |call| browser::refuse_foreign_pages(context, call, next);
    let next = |call| rate_limit::admit(context, call, next);
    let next = |call| bounds::keep(call, next);
    let next = |call| audit::record(context, call, next);
    let next = |call| failures::log(call, witness, next);
    let outcome = next(call).await;
    told.tell_of(&outcome);
    outcome
}
