//! The thread that makes spans of requests and sends them, some hundred requests at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SpanData, SpanEvents, SpanExporter as _, SpanLinks};

use crate::collector::LastProblem;
use crate::{Attribute, RequestSpan};

/// Requests that are sent together: some hundred KiB.
const BATCH: usize = 256;
/// How long the first of a batch waits for more.
const PATIENCE: Duration = Duration::from_secs(1);

/// What became of the requests that were traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceStatistics {
    /// The collector has their spans.
    pub sent: u64,
    /// There were too many of them.
    pub dropped: u64,
    /// The collector did not take their spans.
    pub failed: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn statistics(&self) -> TraceStatistics {
        TraceStatistics {
            sent: self.sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

pub(crate) struct Sender {
    exporter: SpanExporter,
    endpoint: String,
    problem: LastProblem,
    ids: RandomIdGenerator,
    scope: InstrumentationScope,
    counts: Arc<Counts>,
}

impl Sender {
    pub(crate) fn new(exporter: SpanExporter, endpoint: &str, problem: LastProblem, counts: Arc<Counts>) -> Self {
        let scope = InstrumentationScope::builder("feast").with_version(env!("CARGO_PKG_VERSION"));
        Self {
            exporter,
            endpoint: endpoint.to_owned(),
            problem,
            ids: RandomIdGenerator::default(),
            scope: scope.build(),
            counts,
        }
    }

    /// Sends what comes, until nothing more can come.
    pub(crate) fn run(self, queue: &Receiver<Queued>) {
        // What is lost is said when it begins, and again when it ends.
        let mut lost: Option<u64> = None;
        while let Ok(first) = queue.recv() {
            let Batch { requests, flushed } = gather(first, queue);
            if requests.is_empty() {
                continue;
            }
            let count = requests.len() as u64;
            let spans = requests.into_iter().flat_map(|request| self.spans(request)).collect();
            match (self.export(spans), lost) {
                (Ok(()), before) => {
                    self.counts.sent.fetch_add(count, Ordering::Relaxed);
                    if let Some(requests) = before {
                        tracing::warn!(
                            "spans reach {} again; those of {requests} requests are lost",
                            self.endpoint
                        );
                        lost = None;
                    }
                }
                (Err(problem), before) => {
                    self.counts.failed.fetch_add(count, Ordering::Relaxed);
                    if before.is_none() {
                        tracing::warn!("spans are lost, as {} does not take them: {problem}", self.endpoint);
                    }
                    lost = Some(before.unwrap_or_default() + count);
                }
            }
            drop(flushed);
        }
    }

    fn export(&self, spans: Vec<SpanData>) -> Result<(), String> {
        let sent: OTelSdkResult = futures_executor::block_on(self.exporter.export(spans));
        let problem = self.problem.take();
        sent.map_err(|error| problem.unwrap_or_else(|| error.to_string()))
    }

    fn spans(&self, request: RequestSpan) -> impl Iterator<Item = SpanData> {
        let own = request.context.span.span_id();
        let trace = request.context.trace();
        let state = request.context.span.trace_state().clone();
        let started = request.started;
        let steps = request.steps.into_iter().map(move |step| {
            let context = SpanContext::new(trace, self.ids.new_span_id(), TraceFlags::SAMPLED, false, state.clone());
            SpanData {
                span_kind: SpanKind::Internal,
                ..self.span(context, own, step.name.into(), started + step.start, started + step.end)
            }
        });
        let steps: Vec<SpanData> = steps.collect();
        let end = started + request.duration;
        let above = SpanData {
            parent_span_is_remote: request.context.parent != SpanId::INVALID,
            span_kind: SpanKind::Server,
            attributes: request.attributes.into_iter().map(key_value).collect(),
            status: if request.is_failure {
                Status::error("")
            } else {
                Status::Unset
            },
            ..self.span(
                request.context.span,
                request.context.parent,
                request.name.into(),
                started,
                end,
            )
        };
        std::iter::once(above).chain(steps)
    }

    fn span(
        &self,
        span_context: SpanContext,
        parent_span_id: SpanId,
        name: std::borrow::Cow<'static, str>,
        start_time: std::time::SystemTime,
        end_time: std::time::SystemTime,
    ) -> SpanData {
        SpanData {
            span_context,
            parent_span_id,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name,
            start_time,
            end_time,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// What is left for the thread.
pub(crate) enum Queued {
    /// A request to make spans of.
    Request(Box<RequestSpan>),
    /// Somebody waits until all before it is sent: until this end is let go of.
    Flush(SyncSender<()>),
}

/// What is sent together.
#[derive(Default)]
struct Batch {
    requests: Vec<RequestSpan>,
    /// Let go of when the batch is sent.
    flushed: Option<SyncSender<()>>,
}

/// A request and those that come within the patience, as many as fit, unless somebody waits for them.
fn gather(first: Queued, queue: &Receiver<Queued>) -> Batch {
    let deadline = Instant::now() + PATIENCE;
    let mut batch = Batch::default();
    let mut next = Ok(first);
    loop {
        match next {
            Ok(Queued::Request(request)) => batch.requests.push(*request),
            Ok(Queued::Flush(flushed)) => {
                batch.flushed = Some(flushed);
                return batch;
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return batch,
        }
        if batch.requests.len() == BATCH {
            return batch;
        }
        next = queue.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

fn key_value((name, value): (&'static str, Attribute)) -> KeyValue {
    match value {
        Attribute::Text(text) => KeyValue::new(name, text),
        Attribute::Number(number) => KeyValue::new(name, number),
    }
}
