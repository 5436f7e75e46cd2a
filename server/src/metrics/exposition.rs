//! The page of metrics, in the format that the client prefers.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use warp::http::{HeaderValue, StatusCode};

use crate::context::Context;
use crate::dispatch;
use crate::error::ApiError;
use crate::http::{Head, Request, Response};
use crate::routes::FutureResponse;

const OPEN_METRICS: &str = "application/openmetrics-text";

/// The formats that Prometheus reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Version 0.0.4, which is also what a client gets that does not say what it reads.
    Text,
    OpenMetrics,
}

impl Format {
    fn requested_by(head: &Head) -> Self {
        let weight = head.weight_of(OPEN_METRICS);
        if weight > 0.0 && weight >= head.weight_of("text/plain") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// A page in OpenMetrics as one of this format: in the older one a counter is called as its samples are, with `_total`, a unit is
    /// not said, and nothing says where the page ends.
    pub(super) fn of_open_metrics(self, page: String) -> String {
        if self == Self::OpenMetrics {
            return page;
        }
        let mut text = String::with_capacity(page.len());
        // The help of a metric comes before its type.
        let mut help = "";
        for line in page.lines() {
            if line.starts_with("# HELP ") {
                help = line;
            } else if let Some(described) = line.strip_prefix("# TYPE ") {
                let (name, kind) = described.split_once(' ').unwrap_or((described, "untyped"));
                let suffix = if kind == "counter" { "_total" } else { "" };
                let said = help.strip_prefix("# HELP ").and_then(|help| help.split_once(' '));
                if let Some((_, said)) = said {
                    text.extend(["# HELP ", name, suffix, " ", said, "\n"]);
                }
                text.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
            } else if !line.starts_with("# ") {
                text.extend([line, "\n"]);
            }
        }
        text
    }
}

/// A page that counts among those under way until it is sent.
struct CountedPage {
    text: String,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for CountedPage {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// The page, whatever the path.
///
/// # Errors
/// `NoSuchPath` when the server counts nothing, `Overloaded` when many others ask for it too.
pub(crate) async fn answer(context: Arc<Context>, head: &Head) -> Result<Response, ApiError> {
    let metrics = context.metrics.clone().ok_or(ApiError::NoSuchPath)?;
    let format = Format::requested_by(head);
    let place = metrics.admit_page().await?;
    // It asks the disk of the store how full it is.
    let text = dispatch::on_blocking_thread(move || Ok(metrics.page(&context, format)?)).await?;
    let page = CountedPage { text, _place: place };
    let mut response = Response::new(Bytes::from_owner(page));
    *response.status_mut() = StatusCode::OK;
    let content_type = HeaderValue::from_static(format.content_type());
    response.headers_mut().insert("content-type", content_type);
    Ok(response)
}

/// `GET /metrics` of the serving port.
///
/// # Errors
/// `NoSuchPath` unless it is configured.
pub(crate) fn answer_route(context: Arc<Context>, request: Request) -> FutureResponse {
    Box::pin(async move {
        match context.store.config().metrics.has_route {
            true => answer(context, &request.head).await,
            false => Err(ApiError::NoSuchPath),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_names_counters_as_their_samples() {
        let page = "# HELP a_requests Requests.\n# TYPE a_requests counter\na_requests_total{x=\"# 1\"} 3\n\
                    # HELP b_seconds Time.\n# TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds 1.5\n# EOF\n";
        assert_eq!(Format::OpenMetrics.of_open_metrics(page.to_owned()), page);
        assert_eq!(
            Format::Text.of_open_metrics(page.to_owned()),
            "# HELP a_requests_total Requests.\n# TYPE a_requests_total counter\na_requests_total{x=\"# 1\"} 3\n\
             # HELP b_seconds Time.\n# TYPE b_seconds gauge\nb_seconds 1.5\n"
        );
    }
}
