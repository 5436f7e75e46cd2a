//! `GET /health`: 200 with an empty body. The server listens only after its stores are open, so to answer is to be healthy.
//! `GET /ready`: whether requests should be sent here, for load balancers.

use serde_json::json;
use warp::http::{HeaderValue, StatusCode};

use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Request, Response, json_response};

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

/// 200, or 503 with the reasons. A store that takes no writes for now is a warning: its reads go on, and no other server has its rows.
pub(crate) fn answer_ready(context: &Context, _: &Request) -> Result<Response, ApiError> {
    let mut reasons = Vec::new();
    if context.is_draining() {
        reasons.push("the server is about to stop");
    }
    let missing_rows = context.missing_rows.load();
    reasons.extend(missing_rows.iter().map(String::as_str));
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let trouble = context.store.online_store_trouble();
    let warnings: Vec<String> = trouble.iter().map(feast_engine::Error::public_message).collect();
    let body = json!({ "ready": reasons.is_empty(), "reasons": reasons, "warnings": warnings });
    Ok(json_response(status, body.to_string()))
}
