//! A line in the log for each request, with the address of its client, who has signed in, its status, its time and its id.

use std::fmt;
use std::time::Duration;

use feast_traces::TraceContext;
use warp::http::{Method, StatusCode};

use super::request_id::RequestId;
use crate::http::{Client, Head};

/// What a line says that is known before the request is answered.
pub(super) struct AccessLine {
    client: Client,
    method: Method,
    path: String,
    id: RequestId,
    /// Somebody has to sign in.
    asks_for_user: bool,
}

impl AccessLine {
    pub(super) fn of(head: &Head, asks_for_user: bool) -> Self {
        Self {
            client: head.peer.client,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            id: head.request_id.clone(),
            asks_for_user,
        }
    }

    pub(super) fn write(
        self,
        status: StatusCode,
        time: Duration,
        user: Option<User<'_>>,
        trace: Option<&TraceContext>,
    ) {
        let Self {
            client,
            method,
            path,
            id,
            asks_for_user,
        } = self;
        let (status, milliseconds) = (status.as_u16(), time.as_secs_f64() * 1e3);
        // As in the common log format, where who has not signed in is a hyphen. Nobody is there where nobody has to.
        let shown = fmt::from_fn(|formatter| match user {
            Some(user) => write!(formatter, "{user} "),
            None if asks_for_user => formatter.write_str("- "),
            None => Ok(()),
        });
        let trace = trace.map(|trace| trace.trace_id().to_string());
        // The fields are for logs in JSON.
        tracing::info!(
            target: "feast::access",
            client = %client,
            user = user.map(|user| user.0),
            method = %method,
            path = path.as_str(),
            status,
            duration_ms = milliseconds,
            request_id = %id,
            trace_id = trace.as_deref(),
            "{client} - {shown}\"{method} {path}\" {status} {milliseconds:.1}ms {id}"
        );
    }
}

/// A name as one word of a line: providers of tokens give any.
#[derive(Debug, Clone, Copy)]
pub(super) struct User<'a>(pub(super) &'a str);

impl fmt::Display for User<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_of_word = |one: char| one.is_alphanumeric() || "-._@/:".contains(one);
        if matches!(self.0, "" | "-") || !self.0.chars().all(is_of_word) {
            fmt::Debug::fmt(self.0, formatter)
        } else {
            formatter.write_str(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        let check = |name: &str, expected: &str| assert_eq!(User(name).to_string(), expected);
        check("ann@example.com", "ann@example.com");
        check("system:serviceaccount:ml/loader", "system:serviceaccount:ml/loader");
        check("Jürgen", "Jürgen");
        check("", "\"\"");
        check("-", "\"-\"");
        check("ann \"GET /x\" 200\n", "\"ann \\\"GET /x\\\" 200\\n\"");
    }
}
