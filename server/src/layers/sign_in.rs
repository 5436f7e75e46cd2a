//! Finds out who asks, before the body of a request is read.
//!
//! Probes and the documents of the server are for everybody, and so are the answers to requests without a route. A command that has
//! opened the socket beside the store needs no token: who may open it owns the store.

use feast_sign_in::{Refusal, Shown, SignIn};
use warp::http::HeaderMap;
use warp::http::header::AUTHORIZATION;

use super::Call;
use super::outcome::Witness;
use crate::connections::Purpose;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Response, Who};
use crate::routes::Matched;
use crate::timeline::Step;

/// Notes who asks, or refuses.
pub(super) async fn admit<F>(
    context: &Context,
    mut call: Call,
    witness: &Witness<'_>,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let who = match required_sign_in(context, &call) {
        Some(sign_in) => {
            let head = &call.head;
            let shown = shown(sign_in, &head.headers);
            let principal = match (&context.rate_limits, shown) {
                (Some(limits), shown) => limits.principal(sign_in, shown, head.peer.client).await,
                (None, Shown::Known(found)) => found.map_err(ApiError::NotSignedIn),
                (None, Shown::New(token)) => sign_in.check(token).await.map_err(ApiError::NotSignedIn),
            };
            head.stopwatch.end(Step::SignIn);
            let principal = principal?;
            witness.signed_in(&principal);
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

/// What checks the token of a request. `None` if its client need not sign in: nobody has to, the route is open to everybody, or it is a
/// command on the socket beside the store.
pub(super) fn required_sign_in<'a>(context: &'a Context, call: &Call) -> Option<&'a SignIn> {
    let is_open = match call.matched {
        Matched::Route(route, _) => route.is_open(),
        Matched::WrongMethod(_) | Matched::Slashes | Matched::Nothing => true,
    };
    let sign_in = context.sign_in.as_deref();
    sign_in.filter(|_| !is_open && call.head.peer.purpose != Purpose::Commands)
}

/// What is shown by the only header that may have it: a proxy in front may have looked at another one.
fn shown<'a>(sign_in: &SignIn, headers: &'a HeaderMap) -> Shown<'a> {
    let mut tokens = headers.get_all(AUTHORIZATION).iter();
    let token = tokens.next().map(|value| value.as_bytes());
    if tokens.next().is_some() {
        let why = "the request has several headers Authorization".to_owned();
        return Shown::Known(Err(Refusal::BadToken(why)));
    }
    sign_in.look_up(token)
}
