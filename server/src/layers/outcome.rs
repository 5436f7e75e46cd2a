//! Tells those who note what became of a request: the metrics, the log of requests, the log of slow ones, the spans.
//!
//! Each is told once about each request. If the client hangs up before there is a response, the future that answers it is dropped, and the
//! request counts as [`CLIENT_GONE`]. A write of rows is not dropped, see [`super::answer`]; a materialization may go on without its
//! request, and is counted by itself.

use std::sync::LazyLock;

use warp::http::StatusCode;

use super::Call;
use super::access_log::AccessLine;
use super::observation::Observed;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::Response;
use crate::metrics::Place;
use crate::timeline::Stopwatch;

/// What other servers log for it. No client gets it.
static CLIENT_GONE: LazyLock<StatusCode> =
    LazyLock::new(|| StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST));

/// Has the request answered, and tells what became of it.
pub(super) async fn note<F>(context: &Context, call: Call, next: impl FnOnce(Call) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    let mut witness = Witness::of(context, &call);
    let outcome = next(call).await;
    match &outcome {
        Ok(response) => witness.tell(response.status(), None),
        Err(error) => witness.tell(error.status(), Some(error)),
    }
    outcome
}

/// What is to be said of a request once it is over.
struct Witness<'a> {
    context: &'a Context,
    stopwatch: Stopwatch,
    place: Option<Place>,
    access_line: Option<AccessLine>,
    observed: Option<Observed>,
    has_told: bool,
}

impl<'a> Witness<'a> {
    fn of(context: &'a Context, call: &Call) -> Self {
        let head = &call.head;
        let is_detailed = head.stopwatch.timeline().is_some_and(|timeline| timeline.is_detailed());
        Self {
            context,
            stopwatch: head.stopwatch.clone(),
            place: context.metrics.as_ref().map(|_| Place::of(&call.matched)),
            access_line: context.access_log.then(|| AccessLine::of(head)),
            observed: is_detailed.then(|| Observed::of(head, &call.matched)),
            has_told: false,
        }
    }

    fn tell(&mut self, status: StatusCode, error: Option<&ApiError>) {
        self.has_told = true;
        let Some(timeline) = self.stopwatch.timeline() else {
            return;
        };
        let time = timeline.elapsed();
        if let (Some(metrics), Some(place)) = (&self.context.metrics, self.place) {
            metrics.requests.answered(place, status, error, time);
        }
        if let Some(observed) = self.observed.take() {
            observed.tell(self.context, timeline, time, status);
        }
        if let Some(line) = self.access_line.take() {
            line.write(status, time);
        }
    }
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if !self.has_told {
            self.tell(*CLIENT_GONE, None);
        }
    }
}
