//! A line in the log for each request, with the address of its client, its status, its time and its id.

use std::time::Duration;

use warp::http::{Method, StatusCode};

use super::request_id::RequestId;
use crate::http::{Client, Head};

/// What a line says that is known before the request is answered.
pub(super) struct AccessLine {
    client: Client,
    method: Method,
    path: String,
    id: RequestId,
}

impl AccessLine {
    pub(super) fn of(head: &Head) -> Self {
        Self {
            client: head.peer.client,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            id: head.request_id.clone(),
        }
    }

    pub(super) fn write(self, status: StatusCode, time: Duration) {
        let Self {
            client,
            method,
            path,
            id,
        } = self;
        let (status, milliseconds) = (status.as_u16(), time.as_secs_f64() * 1e3);
        // The fields are for logs in JSON.
        tracing::info!(
            target: "feast::access",
            client = %client,
            method = %method,
            path = path.as_str(),
            status,
            duration_ms = milliseconds,
            request_id = %id,
            "{client} - \"{method} {path}\" {status} {milliseconds:.1}ms {id}"
        );
    }
}
