//! Spans of requests, sent to a collector of OpenTelemetry: protobuf over HTTP.
//!
//! A request that is traced leaves a [`RequestSpan`] in a queue, and is answered; a thread makes spans of it and sends them. A full queue
//! and a collector that does not answer cost spans, which are counted, and no request anything. Knows nothing of endpoints: names,
//! attributes and steps come from outside. The only crate that names the crates of OpenTelemetry.
//!
//! The SDK's own processor of spans is not used: it takes them one by one, each with its lists, on the thread of the request, and counts
//! what it drops for itself alone.

mod collector;
mod context;
mod sender;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use feast_config::TracesConfig;
use feast_http_client::http::HeaderMap;
use feast_model::error::{Error, ErrorKind, Result};
use opentelemetry_sdk::trace::{RandomIdGenerator, Sampler};
use parking_lot::Mutex;

use collector::LastProblem;
pub use context::TraceContext;
pub use sender::TraceStatistics;
use sender::{Counts, Queued, Sender};

/// Requests whose spans wait: some MiB at most.
const QUEUE: usize = 4096;

/// Decides what is traced, and sends it.
pub struct Traces {
    ids: RandomIdGenerator,
    sampler: Sampler,
    /// None when it is stopped.
    queue: Mutex<Option<SyncSender<Queued>>>,
    counts: Arc<Counts>,
    endpoint: String,
    /// Disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// What there is to say of a request: a span, and one below it for each step.
#[derive(Debug)]
pub struct RequestSpan {
    /// Its place in its trace.
    pub context: TraceContext,
    /// `POST /push`.
    pub name: String,
    /// When its head was there.
    pub started: SystemTime,
    /// Until its response was there.
    pub duration: Duration,
    /// What it did, one after the other.
    pub steps: Vec<StepSpan>,
    /// By the conventions of OpenTelemetry.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Whether it is the server's fault that there was no answer.
    pub is_failure: bool,
}

/// A step of a request.
#[derive(Debug)]
pub struct StepSpan {
    /// What was done.
    pub name: &'static str,
    /// From the start of the request.
    pub start: Duration,
    /// From the start of the request.
    pub end: Duration,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Words.
    Text(String),
    /// A number.
    Number(i64),
}

impl Traces {
    /// Starts the thread that sends.
    ///
    /// # Errors
    /// `Invalid` when the settings or the environment cannot be used, `Unavailable` when the thread cannot be started.
    pub fn start(config: &TracesConfig) -> Result<Self> {
        let endpoint = collector::endpoint(config, |name| std::env::var(name).ok())?;
        let counts = Arc::<Counts>::default();
        let (queue, spans) = sync_channel(QUEUE);
        let problem = LastProblem::default();
        let exporter = collector::exporter(config, &endpoint, &problem)?;
        let sender = Sender::new(exporter, &endpoint, problem, Arc::clone(&counts));
        let (ending, ended) = sync_channel(0);
        let thread = thread::Builder::new().name("feast-traces".to_owned()).spawn(move || {
            sender.run(&spans);
            drop(ending);
        });
        thread.map_err(|source| {
            Error::new(ErrorKind::Unavailable, "cannot start the thread that sends spans").with_source(source)
        })?;
        Ok(Self {
            ids: RandomIdGenerator::default(),
            sampler: Sampler::TraceIdRatioBased(config.sample_rate.share()),
            queue: Mutex::new(Some(queue)),
            counts,
            endpoint,
            ended: Mutex::new(ended),
        })
    }

    /// Where spans go.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The place of a request in its trace, if it is traced: because its client traces it, or by the sample rate if the client says
    /// nothing.
    pub fn context(&self, headers: &HeaderMap) -> Option<TraceContext> {
        TraceContext::of(headers, &self.ids, &self.sampler)
    }

    /// Sends the spans of a request some time later. Does not wait.
    pub fn send(&self, span: RequestSpan) {
        let queue = self.queue.lock();
        if queue
            .as_ref()
            .is_none_or(|queue| queue.try_send(Queued::Request(Box::new(span))).is_err())
        {
            self.counts.dropped();
        }
    }

    /// Waits until what was sent so far is with the collector or lost, for `patience` at most: the rest goes on after that.
    pub fn flush(&self, patience: Duration) {
        let (done, is_done) = sync_channel(0);
        let queued = self
            .queue
            .lock()
            .as_ref()
            .map(|queue| queue.try_send(Queued::Flush(done)));
        if let Some(Ok(())) = queued {
            // Nothing is sent: the other end is let go of.
            let _ = is_done.recv_timeout(patience);
        }
    }

    /// What became of the requests that were traced.
    pub fn statistics(&self) -> TraceStatistics {
        self.counts.statistics()
    }

    /// Sends what waits, within `patience`.
    pub fn stop(&self, patience: Duration) {
        drop(self.queue.lock().take());
        if self.ended.lock().recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the last spans are given up: {} takes too long", self.endpoint);
        }
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Traces")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
