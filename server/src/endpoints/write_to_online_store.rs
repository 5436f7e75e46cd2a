//! `POST /write-to-online-store`: rows of one feature view to the online store.

use feast_engine::model::Action;
use feast_engine::{AccessRequest, PushTarget};
use warp::http::StatusCode;

use crate::admission::MemoryPermit;
use crate::context::Context;
use crate::endpoints::{read_newest_registry, report_rows};
use crate::error::ApiError;
use crate::http::{Request, Response, json_response};
use crate::timeline::{Step, Subject};
use crate::wire::request::WriteToOnlineStore;

pub(crate) fn answer(context: &Context, request: Request, permit: &mut MemoryPermit) -> Result<Response, ApiError> {
    let store = &context.store;
    let write = WriteToOnlineStore::parse(&request)?;
    request.head.stopwatch.end(Step::Parse);
    // What was freed of the body and its values is not the system's again at once.
    let parsed_bytes = 2 * request.body.len();
    let (caller, stopwatch) = (request.head.caller.clone(), request.head.stopwatch.clone());
    drop(request);
    context.writes.check_push(false)?;
    read_newest_registry(store)?;
    let target = store.write_target(&write.view, write.transforms);
    let views = std::slice::from_ref(&write.view);
    let target = caller.permitted(store, &AccessRequest::Views(Action::WriteOnline, views), target)?;
    let target = PushTarget::for_view(target);
    stopwatch.end(Step::Plan);
    stopwatch.is_about(|| Subject {
        name: Some(write.view.clone()),
        rows: write.frame.rows(),
    });
    let is_empty = write.frame.rows() == 0;
    let (columns, _) = write.frame.into_columns(&target.views, None)?;
    stopwatch.end(Step::Convert);
    let report = if is_empty {
        Default::default()
    } else {
        permit.grow_to(parsed_bytes + store.push_bytes(&target, &columns, None))?;
        store.push(&target, columns, None)?
    };
    stopwatch.end(Step::Store);
    if let Some(metrics) = &context.metrics {
        metrics.writes.wrote(&report);
    }
    let mut response = json_response(StatusCode::OK, b"null".to_vec());
    report_rows(&mut response, &report, &write.view);
    Ok(response)
}
