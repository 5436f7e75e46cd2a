//! Which requests are traced, and what their traces are called: the context of W3C (`traceparent`, `tracestate`).

use std::fmt;

use feast_http_client::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample};

const TRACE_PARENT: &str = "traceparent";

/// The place of a request that is traced: its own span, and the client's span above it.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceContext {
    pub(crate) span: SpanContext,
    /// `INVALID` when the trace begins here.
    pub(crate) parent: SpanId,
}

impl TraceContext {
    /// `None` when the request is not traced.
    pub(crate) fn of(headers: &HeaderMap, ids: &RandomIdGenerator, sampler: &Sampler) -> Option<Self> {
        let parent = match headers.contains_key(TRACE_PARENT) {
            true => client_span(headers),
            false => None,
        };
        let (trace, parent, state) = match parent {
            Some(parent) if parent.is_sampled() => (parent.trace_id(), parent.span_id(), parent.trace_state().clone()),
            // Whoever began the trace has decided.
            Some(_) => return None,
            None => {
                let trace = ids.new_trace_id();
                let decided = sampler.should_sample(None, trace, "", &SpanKind::Server, &[], &[]);
                if decided.decision != SamplingDecision::RecordAndSample {
                    return None;
                }
                (trace, SpanId::INVALID, TraceState::NONE)
            }
        };
        let span = SpanContext::new(trace, ids.new_span_id(), TraceFlags::SAMPLED, false, state);
        Some(Self { span, parent })
    }

    /// 32 hexadecimal digits.
    pub fn trace_id(&self) -> impl fmt::Display + use<> {
        self.span.trace_id()
    }

    /// 16 hexadecimal digits.
    pub fn span_id(&self) -> impl fmt::Display + use<> {
        self.span.span_id()
    }

    pub(crate) fn trace(&self) -> TraceId {
        self.span.trace_id()
    }
}

/// The span that the headers name; `None` if they name none that there can be.
fn client_span(headers: &HeaderMap) -> Option<SpanContext> {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn context(parent: &str, share: f64) -> Option<String> {
        let headers: HeaderMap = [(TRACE_PARENT.parse().unwrap(), parent.parse().unwrap())]
            .into_iter()
            .collect();
        let headers = if parent.is_empty() { HeaderMap::new() } else { headers };
        let context = TraceContext::of(
            &headers,
            &RandomIdGenerator::default(),
            &Sampler::TraceIdRatioBased(share),
        )?;
        assert_eq!(context.span_id().to_string().len(), 16);
        let parent = if context.parent == SpanId::INVALID {
            String::new()
        } else {
            context.parent.to_string()
        };
        let trace = context.trace_id().to_string();
        Some(format!(
            "{} below {parent}",
            if trace == TRACE { "the same" } else { "a new one" }
        ))
    }

    #[test]
    fn who_began_a_trace_decides() {
        let check = |parent: &str, share, expected: Option<&str>| {
            assert_eq!(context(parent, share).as_deref(), expected, "{parent} {share}");
        };
        for share in [0.0, 1.0] {
            check(
                &format!("00-{TRACE}-00f067aa0ba902b7-01"),
                share,
                Some("the same below 00f067aa0ba902b7"),
            );
            check(&format!("00-{TRACE}-00f067aa0ba902b7-00"), share, None);
        }
        check("", 0.0, None);
        check("", 1.0, Some("a new one below "));
    }

    #[test]
    fn what_is_no_context_counts_as_none() {
        let zero = "0".repeat(32);
        for wrong in [
            "00".to_owned(),
            format!("00-{TRACE}"),
            format!("00-{zero}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("zz-{TRACE}-00f067aa0ba902b7-01"),
            "\u{e9}-".repeat(4000),
            "-".repeat(8000),
        ] {
            let Ok(value) = feast_http_client::http::HeaderValue::from_bytes(wrong.as_bytes()) else {
                continue;
            };
            let headers: HeaderMap = [(TRACE_PARENT.parse().unwrap(), value)].into_iter().collect();
            let of = |share| {
                TraceContext::of(
                    &headers,
                    &RandomIdGenerator::default(),
                    &Sampler::TraceIdRatioBased(share),
                )
            };
            assert_eq!(of(0.0), None, "{wrong}");
            assert_eq!(of(1.0).unwrap().parent, SpanId::INVALID, "{wrong}");
        }
    }

    #[test]
    fn a_share_is_sampled() {
        let sampled = (0..20_000).filter(|_| context("", 0.25).is_some()).count();
        assert!((4_500..5_500).contains(&sampled), "{sampled}");
    }
}
