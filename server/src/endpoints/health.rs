//! `GET /health`: 200 with an empty body. The server listens only after its stores are open, so to answer is to be healthy.
//! `GET /ready`: whether requests should be sent here, for load balancers.

use serde_json::json;
use warp::http::{HeaderValue, StatusCode};

use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Request, Response, json_response};
use crate::readiness::Condition;

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
    let readiness = context.readiness();
    let texts = |conditions: &[Condition]| {
        conditions
            .iter()
            .map(|condition| condition.text.clone())
            .collect::<Vec<_>>()
    };
    let status = if readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({
        "ready": readiness.is_ready(),
        "reasons": texts(&readiness.reasons),
        "warnings": texts(&readiness.warnings),
    });
    Ok(json_response(status, body.to_string()))
}
