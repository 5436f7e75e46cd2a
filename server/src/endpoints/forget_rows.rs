//! `POST /forget-rows`, for commands only: rows of one entity are removed by the process that has the online store open, so that its memory
//! forgets them too.

use feast_engine::model::Action;
use feast_engine::{AccessRequest, Error, RowsToForget};
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::materialize::check_store;
use super::read_newest_registry;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Request, Response, json_response};

pub(crate) fn answer(context: &Context, request: &Request) -> Result<Response, ApiError> {
    check_store(context, request)?;
    read_newest_registry(&context.store)?;
    let wanted = parse(&request.body)?;
    let caller = &request.head.caller;
    match (&wanted.view, &caller.trail) {
        (Some(view), _) => {
            let views = std::slice::from_ref(view);
            caller.authorize(&context.store, &AccessRequest::Views(Action::WriteOnline, views))?;
        }
        (None, Some(trail)) => trail.asked_for_project(&context.store.config().project, &[Action::WriteOnline]),
        (None, None) => {}
    }
    let forgotten = context.store.forget_rows(&wanted)?;
    // Not the key, which is to be forgotten.
    tracing::info!("{} rows of one entity were removed for good", forgotten.rows);
    let body = json!({"rows": forgotten.rows, "views": forgotten.views, "sources": forgotten.sources});
    Ok(json_response(StatusCode::OK, body.to_string()))
}

fn parse(body: &[u8]) -> Result<RowsToForget, Error> {
    let wrong =
        || Error::invalid("the body is not {\"view\": a name or null, \"keys\": [[a join key, its value], ...]}");
    let body: Value = serde_json::from_slice(body).map_err(|_| wrong())?;
    let string = |value: &Value| value.as_str().map(str::to_owned);
    let pair = |pair: &Value| Some((string(&pair[0])?, string(&pair[1])?));
    let keys = body["keys"].as_array().ok_or_else(wrong)?.iter().map(pair);
    Ok(RowsToForget {
        view: match &body["view"] {
            Value::Null => None,
            view => Some(string(view).ok_or_else(wrong)?),
        },
        keys: keys.collect::<Option<_>>().ok_or_else(wrong)?,
    })
}
