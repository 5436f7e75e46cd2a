//! Finds out who asks, before the body of a request is read.
//!
//! Probes and the documents of the server are for everybody, and so are the answers to requests without a route. A command that has
//! opened the socket beside the store needs no token: who may open it owns the store.

use feast_sign_in::Refusal;
use warp::http::header::AUTHORIZATION;

use super::Call;
use crate::connections::Purpose;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Caller, Response};
use crate::routes::Matched;
use crate::timeline::Step;

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
    head.caller = match &context.sign_in {
        None => Caller::Anybody,
        Some(_) if head.peer.purpose == Purpose::Commands => Caller::StoreOwner,
        // Nothing that is for everybody asks who it is.
        Some(_) if is_open => Caller::Unknown,
        Some(sign_in) => {
            let mut tokens = head.headers.get_all(AUTHORIZATION).iter();
            let token = tokens.next().map(|value| value.as_bytes());
            if tokens.next().is_some() {
                // A proxy in front may have looked at another one.
                let why = "the request has several headers Authorization".to_owned();
                return Err(ApiError::NotSignedIn(Refusal::BadToken(why)));
            }
            let principal = sign_in.principal(token).await;
            head.stopwatch.end(Step::SignIn);
            Caller::SignedIn(principal.map_err(ApiError::NotSignedIn)?)
        }
    };
    next(call).await
}
