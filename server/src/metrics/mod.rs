//! What a server counts of its work, and the page of it that Prometheus reads.
//!
//! Feast's own metrics have Feast's names and labels, so that dashboards go on. Everything further has a name of ours. A request adds
//! to numbers that it finds once a plan (`reads.rs`) or by its route (`requests.rs`); what is a state is looked up when the page is
//! asked for (`state.rs`, `process.rs`). Only this module names prometheus-client.

mod exposition;
mod process;
mod reads;
mod requests;
mod state;
mod writes;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use feast_engine::{Error, ErrorKind, MetricsConfig};
use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::context::Context;
use crate::error::ApiError;
use exposition::Format;
pub(crate) use exposition::answer;
pub(crate) use exposition::answer_route;
pub(crate) use reads::AnsweredRead;
use reads::ReadMetrics;
pub(crate) use requests::Place;
use requests::RequestMetrics;
use state::StateMetrics;
use writes::WriteMetrics;

/// Label values of one kind. More are counted together as [`OTHER`], as each is a line of the page and memory for good.
const MAX_LABELS: usize = 4096;
const OTHER: &str = "other";
/// How long a request for the page waits for those before it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pages that are being written or sent at once: some MiB with thousands of views. The port of metrics asks nobody to sign in.
const MAX_PAGES: usize = 8;

/// The values of a label that have been seen.
#[derive(Default)]
struct LabelValues(Mutex<HashSet<String>>);

impl LabelValues {
    /// The value to count under: this one, unless there are too many. Views and services come and go with the registry, and their
    /// numbers stay.
    fn bounded(&self, value: &str) -> String {
        let mut known = self.0.lock();
        if known.contains(value) {
            return value.to_owned();
        }
        if known.len() >= MAX_LABELS {
            return OTHER.to_owned();
        }
        known.insert(value.to_owned());
        value.to_owned()
    }
}

/// All numbers of a server.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: RequestMetrics,
    pub(crate) reads: ReadMetrics,
    pub(crate) writes: WriteMetrics,
    /// Held while a page is written.
    state: Mutex<StateMetrics>,
    pages: Arc<Semaphore>,
}

impl Metrics {
    /// Nothing is counted yet.
    pub(crate) fn new(config: &MetricsConfig) -> Self {
        let mut registry = Registry::default();
        Self {
            requests: RequestMetrics::new(config, &mut registry),
            reads: ReadMetrics::new(config, &mut registry),
            writes: WriteMetrics::new(config, &mut registry),
            state: Mutex::new(StateMetrics::new(config, &mut registry)),
            registry,
            pages: Arc::new(Semaphore::new(MAX_PAGES)),
        }
    }

    /// Waits until a page may be written.
    ///
    /// # Errors
    /// `Overloaded` when others take long.
    pub(crate) async fn admit_page(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        match timeout(PATIENCE, Arc::clone(&self.pages).acquire_owned()).await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(_)) | Err(_) => Err(ApiError::Overloaded(format!(
                "{MAX_PAGES} pages of metrics are being written or sent"
            ))),
        }
    }

    fn page(&self, context: &Context, format: Format) -> Result<String, Error> {
        // Where the disk of the store hangs, one page waits for it, and not the threads of all that come after it.
        let Some(mut state) = self.state.try_lock_for(PATIENCE) else {
            let message = "the numbers are being looked up for another request, which takes long";
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        // What is wrong with the registry is said by who reads it.
        let views = context.store.materialized_until().unwrap_or_default();
        self.writes.know(views.iter().map(|(view, _)| view.as_str()));
        state.look(context, &views);
        let mut page = String::new();
        text::encode(&mut page, &self.registry)
            .map_err(|source| Error::internal(format!("the page of metrics cannot be written: {source}")))?;
        Ok(format.of_open_metrics(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_is_counted_together() {
        let values = LabelValues::default();
        for number in 0..MAX_LABELS {
            assert_eq!(values.bounded(&number.to_string()), number.to_string());
        }
        assert_eq!(values.bounded("new"), OTHER);
        assert_eq!(values.bounded("7"), "7");
    }
}
