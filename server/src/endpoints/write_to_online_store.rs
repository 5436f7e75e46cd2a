//! `POST /write-to-online-store`: rows of one feature view to the online store.

use warp::http::StatusCode;

use crate::context::Context;
use crate::endpoints::{read_newest_registry, report_rows};
use crate::error::ApiError;
use crate::http::{Request, Response, json_response};
use crate::wire::request::WriteToOnlineStore;

pub(crate) fn answer(context: &Context, request: &Request) -> Result<Response, ApiError> {
    let store = &context.store;
    let write = WriteToOnlineStore::parse(request)?;
    read_newest_registry(store)?;
    let target = store.write_target(&write.view, write.transforms)?;
    let columns = write.frame.columns_of(&target)?;
    let report = if write.frame.rows() == 0 {
        Default::default()
    } else {
        store.write(target, columns)?
    };
    let mut response = json_response(StatusCode::OK, b"null".to_vec());
    report_rows(&mut response, report, &write.view);
    Ok(response)
}
