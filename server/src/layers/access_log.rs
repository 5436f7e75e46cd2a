//! A line in the log for each request, with the address of its client, who has signed in, its status, its time and its id.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use feast_engine::Principal;

use super::Call;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::Response;

/// Logs the request when it is answered, if the access log is on.
pub(super) async fn log<F>(
    context: &Context,
    call: Call,
    signed_in: &OnceLock<Arc<Principal>>,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    if !context.access_log {
        return next(call).await;
    }
    let started = Instant::now();
    let (client, method, path, id) = (
        call.head.peer.client,
        call.head.method.clone(),
        call.head.uri.path().to_owned(),
        call.head.request_id.clone(),
    );
    let outcome = next(call).await;
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.status(),
    };
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let status = status.as_u16();
    let user = context
        .sign_in
        .as_ref()
        .map(|_| User(signed_in.get().map(|principal| principal.name.as_str())));
    // As in the common log format, where who has not signed in is a hyphen. Nobody is there where nobody has to.
    let shown = fmt::from_fn(|formatter| user.iter().try_for_each(|user| write!(formatter, "{user} ")));
    // The fields are for logs in JSON.
    tracing::info!(
        target: "feast::access",
        client = %client,
        user = signed_in.get().map(|principal| principal.name.as_str()),
        method = %method,
        path = path.as_str(),
        status,
        duration_ms = milliseconds,
        request_id = %id,
        "{client} - {shown}\"{method} {path}\" {status} {milliseconds:.1}ms {id}"
    );
    outcome
}

/// A name as one word of a line: providers of tokens give any.
struct User<'a>(Option<&'a str>);

impl fmt::Display for User<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_word = |name: &str| {
            !matches!(name, "" | "-") && name.chars().all(|one| one.is_alphanumeric() || "-._@/:".contains(one))
        };
        match self.0 {
            None => formatter.write_str("-"),
            Some(name) if is_word(name) => formatter.write_str(name),
            Some(name) => fmt::Debug::fmt(name, formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        let check = |name: Option<&str>, expected: &str| assert_eq!(User(name).to_string(), expected);
        check(None, "-");
        check(Some("ann@example.com"), "ann@example.com");
        check(
            Some("system:serviceaccount:ml/loader"),
            "system:serviceaccount:ml/loader",
        );
        check(Some("Jürgen"), "Jürgen");
        check(Some(""), "\"\"");
        check(Some("-"), "\"-\"");
        check(Some("ann \"GET /x\" 200\n"), "\"ann \\\"GET /x\\\" 200\\n\"");
    }
}
