//! `POST /materialize` and `POST /materialize-incremental`: answered when the run is over, or with `?async=true` before it
//! begins.

use feast_engine::model::Timestamp;
use feast_engine::{Error, ErrorKind, MaterializeRange, MaterializeRequest, now};
use serde_json::json;
use warp::http::StatusCode;

use crate::context::Context;
use crate::endpoints::health::STORE_HEADER;
use crate::endpoints::read_newest_registry;
use crate::error::ApiError;
use crate::http::{Request, Response, json_response};
use crate::materialization_queue::EnqueueResult;
use crate::wire::request::{Materialize, Span};

pub(crate) fn answer(context: &Context, request: &Request) -> Result<Response, ApiError> {
    check_store(context, request)?;
    run(context, Materialize::parse(request)?)
}

pub(crate) fn answer_incremental(context: &Context, request: &Request) -> Result<Response, ApiError> {
    check_store(context, request)?;
    run(context, Materialize::parse_incremental(request)?)
}

/// A request may name the online store that it is meant for: a command that has found the server by its file does.
fn check_store(context: &Context, request: &Request) -> Result<(), Error> {
    match request.head.headers.get(STORE_HEADER) {
        Some(meant) if meant.as_bytes() != context.store.online_store_identity()?.as_bytes() => Err(Error::new(
            ErrorKind::Conflict,
            "the request is meant for another online store",
        )),
        _ => Ok(()),
    }
}

/// Views are checked before times, as in Feast.
fn run(context: &Context, request: Materialize) -> Result<Response, ApiError> {
    let store = &context.store;
    read_newest_registry(store);
    if let Some(version) = &request.version {
        let message = format!("version {version}: materializing a former version of a view is not supported");
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("leave `version` out to materialize the views as they are")
            .into());
    }
    let views = store.views_to_materialize(request.views.as_deref())?;
    let range = range(&request.span)?;
    if !request.in_background {
        let views = Some(views);
        context
            .materializations
            .materialize(&MaterializeRequest { range, views })?;
        return Ok(json_response(StatusCode::OK, b"null".to_vec()));
    }
    let accepted = json!({ "status": "accepted", "feature_views": &views });
    match context.materializations.enqueue(range, views, request.force)? {
        EnqueueResult::Accepted => Ok(json_response(StatusCode::ACCEPTED, accepted.to_string().into_bytes())),
        EnqueueResult::Taken(taken) => Err(ApiError::AlreadyMaterializing(taken)),
    }
}

fn range(span: &Span) -> Result<MaterializeRange, Error> {
    let (start, end) = match span {
        Span::Everything => {
            let (start, end) = (Timestamp::EPOCH, now());
            return Ok(MaterializeRange::Between { start, end });
        }
        Span::Until { end } => {
            let end = parse("end_ts", end)?;
            return Ok(MaterializeRange::Until { end });
        }
        Span::Between { start, end } => (start.as_deref(), end.as_deref()),
    };
    let is_given = |time: &&str| !time.is_empty();
    let Some((start, end)) = start.filter(is_given).zip(end.filter(is_given)) else {
        let message = "start_ts and end_ts are required when disable_event_timestamp is False";
        return Err(Error::invalid(message));
    };
    let (start, end) = (parse("start_ts", start)?, parse("end_ts", end)?);
    if start >= end {
        let (start, end) = (start.to_python(), end.to_python());
        let message = format!("start_ts ({start}) must be before end_ts ({end})");
        return Err(Error::invalid(message));
    }
    Ok(MaterializeRange::Between { start, end })
}

fn parse(field: &str, time: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(time).map_err(|problem| Error::invalid(format!("Invalid timestamp format: {field}: {problem}")))
}
