//! `GET /health`: 200 with an empty body. The server listens only after its stores are open, so to answer is to be healthy.

use warp::http::HeaderValue;

use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Request, Response};

/// Names the online store, in the response of `GET /health` and in requests that are meant for one store only, so that a process
/// that hands work over can be sure which server it talks to.
pub const STORE_HEADER: &str = "x-feast-store";

pub(crate) fn answer(context: &Context, _: &Request) -> Result<Response, ApiError> {
    let mut response = Response::default();
    if let Ok(identity) = HeaderValue::from_str(context.store.online_store_identity()?) {
        response.headers_mut().insert(STORE_HEADER, identity);
    }
    Ok(response)
}
