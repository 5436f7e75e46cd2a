//! What a request was, for its spans and for the log of slow requests.

use std::time::{Duration, SystemTime};

use feast_traces::{Attribute, RequestSpan, StepSpan, TraceContext};
use warp::http::{StatusCode, Version};

use crate::context::Context;
use crate::http::{Client, Head};
use crate::routes::Matched;
use crate::slow_requests::Described;
use crate::timeline::Timeline;

/// The parts of a head that are said of the request.
pub(super) struct Observed {
    method: String,
    path: String,
    /// The route, of which there are few, where paths are as many as clients like.
    route: Option<&'static str>,
    /// Such requests come every few seconds, and are all alike.
    is_for_monitoring: bool,
    request_id: String,
    client: Client,
    version: Version,
}

impl Observed {
    pub(super) fn of(head: &Head, matched: &Matched) -> Self {
        let route = match matched {
            Matched::Route(route, _) => Some(route),
            Matched::WrongMethod(_) | Matched::Slashes | Matched::Nothing => None,
        };
        Self {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            route: route.map(|route| route.path),
            is_for_monitoring: route.is_some_and(|route| route.is_for_monitoring()),
            request_id: head.request_id.to_string(),
            client: head.peer.client,
            version: head.version,
        }
    }

    /// Sends the spans of the request if it is traced, and logs it if it was slow.
    pub(super) fn tell(self, context: &Context, timeline: &Timeline, time: Duration, status: StatusCode) {
        if let Some(slow) = &context.slow_requests {
            let described = Described {
                method: &self.method,
                path: &self.path,
                status: status.as_u16(),
                request_id: &self.request_id,
            };
            slow.note(timeline, time, &described);
        }
        if let (Some(traces), Some(trace)) = (&context.traces, &timeline.trace)
            && !self.is_for_monitoring
        {
            traces.send(self.span(trace.clone(), timeline, time, status));
        }
    }

    /// Names and attributes are those of OpenTelemetry's conventions for HTTP.
    fn span(self, context: TraceContext, timeline: &Timeline, time: Duration, status: StatusCode) -> RequestSpan {
        let text = |value: String| Attribute::Text(value);
        let number = |value: usize| Attribute::Number(i64::try_from(value).unwrap_or(i64::MAX));
        let version = match self.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            _ => "1.1",
        };
        let mut attributes = vec![
            ("http.response.status_code", number(usize::from(status.as_u16()))),
            ("network.protocol.version", text(version.to_owned())),
            ("feast.request_id", text(self.request_id)),
        ];
        if let Some(address) = self.client.address() {
            attributes.push(("client.address", text(address.to_string())));
        }
        if let Some(subject) = timeline.subject() {
            attributes.push(("feast.rows", number(subject.rows)));
            attributes.extend(subject.name.clone().map(|name| ("feast.subject", text(name))));
        }
        if status.is_server_error() {
            attributes.push(("error.type", text(status.as_u16().to_string())));
        }
        let name = match self.route {
            Some(route) => {
                attributes.push(("http.route", text(route.to_owned())));
                format!("{} {route}", self.method)
            }
            None => self.method.clone(),
        };
        attributes.push(("http.request.method", text(self.method)));
        attributes.push(("url.path", text(self.path)));
        let steps = timeline.laps().into_iter().map(|lap| StepSpan {
            name: lap.name,
            start: lap.start,
            end: lap.end,
        });
        RequestSpan {
            context,
            name,
            started: now().checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH),
            duration: time,
            steps: steps.collect(),
            attributes,
            is_failure: status.is_server_error(),
        }
    }
}

fn now() -> SystemTime {
    let micros = u64::try_from(feast_engine::now().micros()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}
