//! `GET /health`: 200 with an empty body. The server listens only when its stores are open, so to answer is to be healthy.

use warp::http::HeaderValue;

use crate::context::Context;
use crate::error::ApiError;
use crate::message::{Answer, Request};

/// Names the online store, so that a process that wants to hand work over can be sure whom it talks to.
pub(crate) const STORE_HEADER: &str = "x-feast-store";

pub(crate) fn answer(context: &Context, _: &Request) -> Result<Answer, ApiError> {
    let mut answer = Answer::default();
    if let Ok(identity) = HeaderValue::from_str(context.store.online_store_identity()?) {
        answer.headers_mut().insert(STORE_HEADER, identity);
    }
    Ok(answer)
}
