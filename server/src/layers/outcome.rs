//! Tells those who note what became of a request: the metrics, the log of requests, the log of slow ones, the spans.
//!
//! Each is told once about each request. If the client hangs up before there is a response, the future that answers it is dropped, and the
//! request counts as [`CLIENT_GONE`]. A write of rows is not dropped, see [`super::answer`]; a materialization may go on without its
//! request, and is counted by itself.
//!
//! Also who has asked is noted here, by the layer that finds it out, for the layers around it.

use std::sync::{Arc, LazyLock, OnceLock};

use feast_engine::Principal;
use feast_traces::TraceContext;
use warp::http::StatusCode;

use super::Call;
use super::access_log::{AccessLine, User};
use super::observation::Observed;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::Response;
use crate::metrics::Place;
use crate::timeline::Stopwatch;

/// What other servers log for it. No client gets it.
static CLIENT_GONE: LazyLock<StatusCode> =
    LazyLock::new(|| StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST));

/// What is to be said of a request once it is over.
pub(super) struct Witness<'a> {
    context: &'a Context,
    stopwatch: Stopwatch,
    place: Option<Place>,
    access_line: Option<AccessLine>,
    observed: Option<Observed>,
    /// Empty until somebody has signed in.
    principal: OnceLock<Arc<Principal>>,
    has_told: bool,
}

impl<'a> Witness<'a> {
    pub(super) fn of(context: &'a Context, call: &Call) -> Self {
        let head = &call.head;
        let is_detailed = head.stopwatch.timeline().is_some_and(|timeline| timeline.is_detailed());
        Self {
            context,
            stopwatch: head.stopwatch.clone(),
            place: context.metrics.as_ref().map(|_| Place::of(&call.matched)),
            access_line: context
                .access_log
                .then(|| AccessLine::of(head, context.sign_in.is_some())),
            observed: is_detailed.then(|| Observed::of(head, &call.matched)),
            principal: OnceLock::new(),
            has_told: false,
        }
    }

    /// Notes who has signed in.
    pub(super) fn signed_in(&self, principal: &Arc<Principal>) {
        // Nobody signs in twice.
        let _ = self.principal.set(Arc::clone(principal));
    }

    /// Who has signed in. `None` where nobody has to, too.
    pub(super) fn user(&self) -> Option<User<'_>> {
        self.principal.get().map(|principal| User(&principal.name))
    }

    /// `None` when the request is not traced.
    pub(super) fn trace(&self) -> Option<&TraceContext> {
        self.stopwatch.trace()
    }

    /// Tells what became of the request.
    pub(super) fn tell_of(&mut self, outcome: &Result<Response, ApiError>) {
        match outcome {
            Ok(response) => self.tell(response.status(), None),
            Err(error) => self.tell(error.status(), Some(error)),
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
            line.write(status, time, self.user(), self.trace());
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
