//! `POST /materialize` and `POST /materialize-incremental`: answered when the run is over, or with `?async=true` before it
//! begins.

use feast_engine::model::Timestamp;
use feast_engine::{Error, ErrorKind, MaterializeRange, MaterializeRequest, Reservation, now};
use serde_json::json;
use warp::http::StatusCode;

use crate::background;
use crate::context::Context;
use crate::endpoints::read_newest_registry;
use crate::error::ApiError;
use crate::message::{Answer, Request, json_answer};
use crate::wire::request::Materialize;

pub(crate) fn answer(context: &Context, request: &Request) -> Result<Answer, ApiError> {
    run(context, &Materialize::of(request)?, |asked| {
        if asked.disable_event_timestamp {
            return Ok(MaterializeRange::Between {
                start: Timestamp::EPOCH,
                end: now(),
            });
        }
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (Some(start), Some(end)) = (given(&asked.start), given(&asked.end)) else {
            let text = "start_ts and end_ts are required when disable_event_timestamp is False";
            return Err(Error::invalid(text));
        };
        let (start, end) = (parse("start_ts", &start)?, parse("end_ts", &end)?);
        if start >= end {
            let (start, end) = (start.to_python(), end.to_python());
            return Err(Error::invalid(format!(
                "start_ts ({start}) must be before end_ts ({end})"
            )));
        }
        Ok(MaterializeRange::Between { start, end })
    })
}

pub(crate) fn answer_incremental(context: &Context, request: &Request) -> Result<Answer, ApiError> {
    run(context, &Materialize::incremental(request)?, |asked| {
        let end = parse("end_ts", asked.end.as_deref().unwrap_or_default())?;
        Ok(MaterializeRange::Until { end })
    })
}

fn parse(field: &str, text: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(text).map_err(|problem| Error::invalid(format!("Invalid timestamp format: {field}: {problem}")))
}

/// Views are checked before times, as in Feast.
fn run(
    context: &Context,
    asked: &Materialize,
    range: impl FnOnce(&Materialize) -> Result<MaterializeRange, Error>,
) -> Result<Answer, ApiError> {
    let store = &context.store;
    read_newest_registry(store);
    if let Some(version) = &asked.version {
        let text = format!("version {version}: materializing a former version of a view is not supported");
        return Err(Error::new(ErrorKind::Unsupported, text)
            .with_hint("leave `version` out to materialize the views as they are")
            .into());
    }
    let views = store.views_to_materialize(asked.views.as_deref())?;
    let request = MaterializeRequest {
        range: range(asked)?,
        views: Some(views.clone()),
    };
    if !asked.in_background {
        background::materialize(store, &request)?;
        return Ok(json_answer(StatusCode::OK, b"null".to_vec()));
    }
    if let Reservation::Taken(taken) = store.reserve_materialization(&views, asked.force)? {
        return Err(ApiError::AlreadyMaterializing(taken));
    }
    if let Err(error) = context.background.add(request) {
        background::release(store, Some(&views));
        return Err(error.into());
    }
    let body = json!({ "status": "accepted", "feature_views": views });
    Ok(json_answer(StatusCode::ACCEPTED, body.to_string().into_bytes()))
}
