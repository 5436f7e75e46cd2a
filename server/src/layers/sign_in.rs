//! Finds out who asks, before the body of a request is read.
//!
//! Probes and the documents of the server are for everybody, and so are the answers to requests without a route. A command that has
//! opened the socket beside the store needs no token: who may open it owns the store.

use warp::http::header::AUTHORIZATION;

use super::Call;
use crate::connections::Purpose;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Response, Who};
use crate::routes::Matched;

/// Notes who asks, or refuses.
pub(super) async fn admit<F>(
    context: &Context,
    mut call: Call,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let head = &mut *call.head;
    let is_open = match call.matched {
        Matched::Route(route, _) => route.is_open(),
        Matched::WrongMethod(_) | Matched::Slashes | Matched::Nothing => true,
    };
    head.caller.who = match &context.sign_in {
        None => Who::Anybody,
        Some(_) if head.peer.purpose == Purpose::Commands => Who::StoreOwner,
        // Nothing that is for everybody asks who it is.
        Some(_) if is_open => Who::Unknown,
        Some(sign_in) => {
            // The first counts, if there are several.
            let token = head.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
            let principal = sign_in.principal(token).await.map_err(ApiError::NotSignedIn)?;
            if let Some(trail) = &head.caller.trail {
                trail.signed_in(&principal);
            }
            Who::SignedIn(principal)
        }
    };
    next(call).await
}
