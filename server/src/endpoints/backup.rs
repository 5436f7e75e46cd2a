//! `POST /backup`, for commands only: a backup by the process that has the online store open.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use feast_engine::model::Action;
use feast_engine::{Error, ErrorKind};
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::materialize::check_store;
use crate::context::Context;
use crate::http::{Client, Request, json_response};
use crate::routes::FutureResponse;

/// It goes on when its client is gone.
pub(crate) fn answer(context: Arc<Context>, request: Request) -> FutureResponse {
    Box::pin(async move {
        if let Some(trail) = &request.head.caller.trail {
            // All of the registry and all rows.
            let actions = [Action::Describe, Action::ReadOnline];
            trail.asked_for_project(&context.store.config().project, &actions);
        }
        check_user(request.head.peer.client)?;
        check_store(&context, &request)?;
        let (directory, keep) = parse(&request.body)?;
        let store = Arc::clone(&context.store);
        let made = context.backups.run(move |stop| store.back_up(&directory, keep, stop));
        let report = made.await.inspect_err(|error| {
            // The command is told less.
            tracing::error!("there is no backup: {error}");
        })?;
        tracing::info!("backup {} has {} bytes", report.path.display(), report.bytes);
        let body = json!({
            "path": report.path.display().to_string(),
            "files": report.files,
            "bytes": report.bytes,
            "shared_bytes": report.shared_bytes,
            "removed": report.removed,
            "of_other_stores": report.of_other_stores,
        });
        Ok(json_response(StatusCode::OK, body.to_string()))
    })
}

/// Whoever may write the store may use the socket, but not have its owner write elsewhere.
fn check_user(client: Client) -> Result<(), Error> {
    let own = rustix::process::geteuid();
    match client {
        Client::Process { user, .. } if user == own.as_raw() || user == 0 => Ok(()),
        _ => {
            let message = format!(
                "the server runs as user {}, and has backups made by that user and by root only",
                own.as_raw()
            );
            Err(Error::new(ErrorKind::Conflict, message).with_hint("run the command as the user of the server"))
        }
    }
}

fn parse(body: &[u8]) -> Result<(PathBuf, Option<NonZero<usize>>), Error> {
    let wrong = || Error::invalid("the body is not {\"directory\": an absolute path, \"keep\": a number or null}");
    let body: Value = serde_json::from_slice(body).map_err(|_| wrong())?;
    let directory = body["directory"].as_str().map(PathBuf::from);
    let keep = match &body["keep"] {
        Value::Null => None,
        keep => {
            let keep = keep.as_u64().and_then(|keep| usize::try_from(keep).ok());
            Some(keep.and_then(NonZero::new).ok_or_else(wrong)?)
        }
    };
    let directory = directory.filter(|directory| directory.is_absolute());
    Ok((directory.ok_or_else(wrong)?, keep))
}
