//! The endpoints of vector search, which is not offered: what can be answered without a search is answered as in Feast, the rest
//! with 501.

use feast_engine::model::{Action, FeatureSelection};
use feast_engine::{AccessRequest, Error, ErrorKind, FeatureStore};
use serde_json::json;
use warp::http::StatusCode;

use crate::context::Context;
use crate::endpoints::plan;
use crate::error::ApiError;
use crate::http::{Caller, Request, Response, json_response};
use crate::wire::request::{Search, VectorStoreSearch};

/// `POST /search` and `POST /retrieve-online-documents`.
pub(crate) fn search(context: &Context, request: &Request) -> Result<Response, ApiError> {
    let selection = Search::parse(request)?.selection;
    // What is wrong with the request, or unknown, comes first.
    plan(&context.store, &request.head.caller, &selection, false)?;
    let what = match &selection {
        FeatureSelection::Service(name) => format!("vector search in feature service {name}"),
        FeatureSelection::Features(features) => format!("vector search for {}", features.join(", ")),
    };
    Err(unsupported(&what).into())
}

/// `GET /v1/vector_stores`.
pub(crate) fn list(context: &Context, request: &Request) -> Result<Response, ApiError> {
    refuse_vector_fields(&context.store, &request.head.caller)?;
    let body = json!({ "object": "list", "data": [] });
    Ok(json_response(StatusCode::OK, body.to_string().into_bytes()))
}

/// `GET /v1/vector_stores/{vector_store_id}`.
pub(crate) fn show(context: &Context, request: &Request) -> Result<Response, ApiError> {
    refuse_vector_fields(&context.store, &request.head.caller)?;
    Err(ApiError::UnknownVectorStore(request.parameter.clone()))
}

/// `POST /v1/vector_stores/{vector_store_id}/search`.
pub(crate) fn search_store(context: &Context, request: &Request) -> Result<Response, ApiError> {
    VectorStoreSearch::check(request)?;
    show(context, request)
}

/// A view with a vector field is a vector store, and without vector search there are none. Views that the caller may not know of are
/// left out.
fn refuse_vector_fields(store: &FeatureStore, caller: &Caller) -> Result<(), Error> {
    let is_shown = |view: &str| {
        let views = [view.to_owned()];
        caller
            .authorize(store, &AccessRequest::Views(Action::Describe, &views))
            .is_ok()
    };
    match store.first_vector_feature(is_shown) {
        Some(feature) => Err(unsupported(&format!("vector search for feature {feature}"))),
        None => Ok(()),
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("{what} is not supported by this server"),
    )
}
