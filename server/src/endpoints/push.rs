//! `POST /push`: rows of a push source to the online store, the parquet source, or both.

use feast_engine::{AccessRequest, Error};
use warp::http::StatusCode;

use crate::admission::MemoryPermit;
use crate::context::Context;
use crate::endpoints::{read_newest_registry, report_rows};
use crate::error::ApiError;
use crate::http::{Request, Response};
use crate::timeline::{Step, Subject};
use crate::wire::request::Push;

pub(crate) fn answer(context: &Context, request: Request, permit: &mut MemoryPermit) -> Result<Response, ApiError> {
    let store = &context.store;
    let push = Push::parse(&request)?;
    request.head.stopwatch.end(Step::Parse);
    // What was freed of the body and its values is not the system's again at once.
    let parsed_bytes = 2 * request.body.len();
    let (caller, stopwatch) = (request.head.caller.clone(), request.head.stopwatch.clone());
    drop(request);
    let (online, offline) = match push.to.as_str() {
        "online" => (true, false),
        "offline" => (false, true),
        "online_and_offline" => (true, true),
        other => {
            return Err(Error::invalid(format!(
                "{other} is not a supported push format. Please specify one of these ['online', 'offline', 'online_and_offline']."
            ))
            .into());
        }
    };
    context.writes.check_push(offline)?;
    read_newest_registry(store)?;
    let target = store.push_target(&push.source, online, offline);
    let asked = AccessRequest::Push {
        source: &push.source,
        online,
        offline,
    };
    let target = caller.permitted(store, &asked, target)?;
    stopwatch.end(Step::Plan);
    stopwatch.is_about(|| Subject {
        name: Some(push.source.clone()),
        rows: push.frame.rows(),
    });
    let is_empty = push.frame.rows() == 0;
    let (online_columns, offline_rows) = push.frame.into_columns(&target.views, target.offline_schema())?;
    stopwatch.end(Step::Convert);
    let report = if is_empty {
        Default::default()
    } else {
        permit.grow_to(parsed_bytes + store.push_bytes(&target, &online_columns, offline_rows.as_ref()))?;
        store.push(&target, online_columns, offline_rows)?
    };
    stopwatch.end(Step::Store);
    if let Some(metrics) = &context.metrics {
        metrics.writes.pushed(&push.source, &push.to);
        metrics.writes.wrote(&report);
    }
    let mut response = Response::default();
    if offline && store.config().offline_batching.is_some() {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    report_rows(&mut response, &report, &push.source);
    Ok(response)
}
