//! Finds out who asks, before the body of a request is read.
//!
//! Probes and the documents of the server are for everybody, and so are the answers to requests without a route. A command that has
//! opened the socket beside the store needs no token: who may open it owns the store.

use std::sync::{Arc, OnceLock};

use feast_engine::Principal;
use feast_sign_in::{Shown, SignIn};
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
    signed_in: &OnceLock<Arc<Principal>>,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let who = match asks_who(context, &call) {
        Some(sign_in) => {
            let head = &call.head;
            // The first counts, if there are several.
            let token = head.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
            let principal = match &context.rate_limits {
                Some(limits) => limits.principal(sign_in, token, head.peer.client).await?,
                None => match sign_in.look_up(token) {
                    Shown::Known(found) => found,
                    Shown::New(token) => sign_in.check(token).await,
                }
                .map_err(ApiError::NotSignedIn)?,
            };
            // Nobody signs in twice.
            let _ = signed_in.set(Arc::clone(&principal));
            if let Some(trail) = &head.caller.trail {
                trail.signed_in(&principal);
            }
            if let Some(limits) = &context.rate_limits {
                limits.admit_principal(&principal)?;
            }
            Who::SignedIn(principal)
        }
        None if context.sign_in.is_none() => Who::Anybody,
        None if call.head.peer.purpose == Purpose::Commands => Who::StoreOwner,
        None => Who::Unknown,
    };
    call.head.caller.who = who;
    next(call).await
}

/// What finds out who sends a request. `None` where nobody asks: nothing that is for everybody does.
pub(super) fn asks_who<'a>(context: &'a Context, call: &Call) -> Option<&'a SignIn> {
    let is_open = match call.matched {
        Matched::Route(route, _) => route.is_open(),
        Matched::WrongMethod(_) | Matched::Slashes | Matched::Nothing => true,
    };
    let sign_in = context.sign_in.as_deref();
    sign_in.filter(|_| !is_open && call.head.peer.purpose != Purpose::Commands)
}
