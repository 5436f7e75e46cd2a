//! A request's lines in the audit log, and what a strict one does not let happen.
//!
//! [`record`] is around all layers that refuse requests. [`require`] comes once it is known who asks: nobody else is told how the log is.

use std::sync::Arc;

use super::Call;
use crate::audit::Trail;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::Response;
use crate::routes::Matched;

/// Records the request when it is answered, if there is an audit log. A write that a strict log has no line of on disk is not
/// acknowledged.
pub(super) async fn record<F>(
    context: &Context,
    mut call: Call,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let Some(log) = context.audit.as_ref().filter(|_| is_recorded(call.head.uri.path())) else {
        return next(call).await;
    };
    let is_strict = log.is_strict() && is_write(&call.matched);
    let trail = Arc::new(Trail::new(Arc::clone(log), &call.head));
    call.head.caller.trail = Some(Arc::clone(&trail));
    let outcome = next(call).await;
    let line = match &outcome {
        Ok(response) => trail.answered(response.status(), None, is_strict),
        Err(error) => trail.answered(error.status(), Some(error), false),
    };
    if is_strict && outcome.is_ok() {
        log.on_disk(line).await?;
    }
    outcome
}

/// Refuses a write before it begins while a strict log has no room for its line.
pub(super) async fn require<F>(
    context: &Context,
    call: Call,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    if let Some(log) = &context.audit
        && log.is_strict()
        && is_write(&call.matched)
    {
        log.check()?;
    }
    next(call).await
}

fn is_write(matched: &Matched) -> bool {
    matches!(matched, Matched::Route(route, _) if route.is_write())
}

/// Not recorded are what Feast leaves out too, and the other probe. Nothing else is found under these paths, which are compared as they
/// were sent.
fn is_recorded(path: &str) -> bool {
    let is_left_out = matches!(path, "/health" | "/ready" | "/docs" | "/openapi.json");
    !is_left_out && !path.starts_with("/static") && !path.starts_with("/mcp")
}

#[cfg(test)]
mod tests {
    use warp::http::Method;

    use super::*;
    use crate::routes;

    #[test]
    fn what_can_be_called_under_a_path_that_is_left_out_is_open() {
        for route in routes::ROUTES {
            assert!(is_recorded(route.path) || route.is_open(), "{}", route.path);
        }
        for path in ["/push", "/%68ealth", "/ready/", "/chat", "/", ""] {
            assert!(is_recorded(path), "{path}");
        }
        for path in ["/health", "/docs", "/openapi.json", "/static/x.js", "/mcp", "/mcp/sse"] {
            assert!(!is_recorded(path), "{path}");
        }
    }

    #[test]
    fn writes_are_what_changes_something() {
        let found = |path| is_write(&routes::find(&Method::POST, path, true));
        for path in [
            "/push",
            "/write-to-online-store",
            "/materialize",
            "/materialize-incremental",
            "/backup",
            "/forget-rows",
        ] {
            assert!(found(path), "{path}");
        }
        for path in ["/get-online-features", "/search", "/health", "/none"] {
            assert!(!found(path), "{path}");
        }
    }
}
