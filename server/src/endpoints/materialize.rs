//! `POST /materialize` and `POST /materialize-incremental`: answered when the run is over, or with `?async=true` before it
//! begins. Of the former some run at once and some wait for that: `materialization_queue.rs` has their slots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use feast_engine::model::{Action, Timestamp};
use feast_engine::{AccessRequest, Error, ErrorKind, MaterializeRange, MaterializeRequest, now};
use serde_json::json;
use warp::http::StatusCode;

use crate::context::Context;
use crate::dispatch::on_blocking_thread;
use crate::endpoints::health::STORE_HEADER;
use crate::endpoints::read_newest_registry;
use crate::error::ApiError;
use crate::http::{Caller, Request, Response, json_response};
use crate::materialization_queue::EnqueueResult;
use crate::routes::FutureResponse;
use crate::wire::request::{Materialize, Span};

/// What became of a request before its run.
enum Prepared {
    /// It runs in the background.
    Answered(Response),
    /// Its client waits for it.
    Awaited(MaterializeRequest),
}

pub(crate) fn answer(context: Arc<Context>, request: Request) -> FutureResponse {
    Box::pin(run(context, request, Materialize::parse))
}

pub(crate) fn answer_incremental(context: Arc<Context>, request: Request) -> FutureResponse {
    Box::pin(run(context, request, Materialize::parse_incremental))
}

async fn run(
    context: Arc<Context>,
    request: Request,
    parse: fn(&Request) -> Result<Materialize, ApiError>,
) -> Result<Response, ApiError> {
    context.writes.check_materialization()?;
    let admitted = context.admission.admit_write()?;
    let prepared = {
        let context = Arc::clone(&context);
        on_blocking_thread(move || {
            check_store(&context, &request)?;
            prepare(&context, &request.head.caller, parse(&request)?)
        })
    };
    let request = match prepared.await? {
        Prepared::Answered(response) => return Ok(response),
        Prepared::Awaited(request) => request,
    };
    // While it waits for its turn it keeps no writes out.
    drop(admitted);
    let slot = context.materializations.acquire_slot().await?;
    let client = AwaitedBy::new(context.store.config().cancel_abandoned_runs);
    let is_cancelled = Arc::clone(&client.is_gone);
    on_blocking_thread(move || {
        let done = context.materializations.materialize(&request, &is_cancelled);
        drop(slot);
        if let Err(error) = &done
            && is_cancelled.load(Ordering::SeqCst)
        {
            // Nobody else hears of it.
            tracing::warn!("{error}, as the client that waited for it is gone");
        }
        done?;
        Ok(json_response(StatusCode::OK, b"null".to_vec()))
    })
    .await
}

/// The client of a run. Its future is dropped when it is gone, and this with it.
struct AwaitedBy {
    is_gone: Arc<AtomicBool>,
    matters: bool,
}

impl AwaitedBy {
    fn new(matters: bool) -> Self {
        Self {
            is_gone: Arc::default(),
            matters,
        }
    }
}

impl Drop for AwaitedBy {
    fn drop(&mut self) {
        // After the run it means nothing.
        self.is_gone.fetch_or(self.matters, Ordering::SeqCst);
    }
}

/// A request may name the online store that it is meant for: a command that has found the server by its file does.
pub(super) fn check_store(context: &Context, request: &Request) -> Result<(), Error> {
    match request.head.headers.get(STORE_HEADER) {
        Some(meant) if meant.as_bytes() != context.store.online_store_identity()?.as_bytes() => Err(Error::new(
            ErrorKind::Conflict,
            "the request is meant for another online store",
        )),
        _ => Ok(()),
    }
}

/// Views and who may write them are checked before times, as in Feast.
fn prepare(context: &Context, caller: &Caller, request: Materialize) -> Result<Prepared, ApiError> {
    let store = &context.store;
    read_newest_registry(store)?;
    let views = store.views_to_materialize(request.views.as_deref());
    // Without names it is all of them that are asked about.
    let asked = match &views {
        Ok(views) => views.clone(),
        Err(_) => request.views.clone().unwrap_or_default(),
    };
    let views = caller.permitted(store, &AccessRequest::Views(Action::WriteOnline, &asked), views)?;
    if let Some(version) = &request.version {
        let message = format!("version {version}: materializing a former version of a view is not supported");
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("leave `version` out to materialize the views as they are")
            .into());
    }
    let range = range(&request)?;
    if !request.in_background {
        let views = Some(views);
        return Ok(Prepared::Awaited(MaterializeRequest { range, views }));
    }
    let accepted = json!({ "status": "accepted", "feature_views": &views });
    match context.materializations.enqueue(range, views, request.force)? {
        EnqueueResult::Accepted => {
            let response = json_response(StatusCode::ACCEPTED, accepted.to_string().into_bytes());
            Ok(Prepared::Answered(response))
        }
        EnqueueResult::Taken(taken) => Err(ApiError::AlreadyMaterializing(taken)),
    }
}

fn range(request: &Materialize) -> Result<MaterializeRange, Error> {
    let (start, end) = match &request.span {
        Span::Everything => {
            let (start, end) = (Timestamp::EPOCH, now());
            return Ok(MaterializeRange::Between { start, end });
        }
        Span::Until { end } => {
            let end = parse("end_ts", end)?;
            return Ok(match request.full {
                true => MaterializeRange::Anew { end },
                false => MaterializeRange::Until { end },
            });
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
