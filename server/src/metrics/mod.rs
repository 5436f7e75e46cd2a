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
use std::time::Duration;

use feast_engine::{Error, ErrorKind, MetricsConfig};
use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::context::Context;
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
/// How long a request for the page waits for one before it.
const PATIENCE: Duration = Duration::from_secs(5);

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
        }
    }

    fn page(&self, context: &Context, format: Format) -> Result<String, Error> {
        // Where the disk of the store hangs, one page waits for it, and not the threads of all that come after it.
        let Some(mut state) = self.state.try_lock_for(PATIENCE) else {
            let message = "the numbers are being looked up for another request, which takes long";
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        state.look(context);
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
