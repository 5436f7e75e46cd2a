//! `POST /push`: rows of a push source to the online store, the parquet source, or both.

use arrow::array::RecordBatch;
use feast_engine::Error;
use warp::http::StatusCode;

use crate::context::Context;
use crate::endpoints::{read_newest_registry, report_rows};
use crate::error::ApiError;
use crate::http::{Request, Response};
use crate::wire::request::Push;

pub(crate) fn answer(context: &Context, request: &Request) -> Result<Response, ApiError> {
    let store = &context.store;
    let push = Push::parse(request)?;
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
    read_newest_registry(store)?;
    let target = store.push_target(&push.source, online, offline)?;
    let online_columns = target
        .views
        .iter()
        .map(|view| push.frame.columns_of(view))
        .collect::<Result<Vec<_>, _>>()?;
    let offline_rows: Option<RecordBatch> = target
        .offline_schema()
        .map(|schema| push.frame.batch_of(schema))
        .transpose()?;
    let report = if push.frame.rows() == 0 {
        Default::default()
    } else {
        store.push(&target, &online_columns, offline_rows)?
    };
    let mut response = Response::default();
    if offline && store.config().offline_batching.is_some() {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    report_rows(&mut response, report, &push.source);
    Ok(response)
}
