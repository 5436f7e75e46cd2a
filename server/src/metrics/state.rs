//! What is a state and not a count: looked up when the page is asked for.

mod feature_log;
mod online_store;
mod process;
mod server;

use std::sync::atomic::{AtomicU64, Ordering};

use feast_engine::model::Timestamp;
use feast_engine::{MetricsConfig, now};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::context::Context;
use feature_log::FeatureLogMetrics;
use online_store::OnlineStoreMetrics;
use process::ProcessMetrics;
use server::ServerMetrics;

type Number = Gauge<f64, AtomicU64>;
/// What others count: it is set to their number.
type Total = Counter<u64, AtomicU64>;
type Labels<const N: usize> = [(&'static str, String); N];
type Numbers<const N: usize> = Family<Labels<N>, Number>;
type Totals<const N: usize> = Family<Labels<N>, Total>;

/// The gauges, by what they are about. `None` for what is not to be measured.
pub(super) struct StateMetrics {
    process: Option<ProcessMetrics>,
    freshness: Option<Numbers<2>>,
    online_store: OnlineStoreMetrics,
    server: ServerMetrics,
    feature_log: FeatureLogMetrics,
}

/// Registers a gauge.
fn gauge(registry: &mut Registry, name: &str, help: &str) -> Number {
    let gauge = Number::default();
    registry.register(name, help, gauge.clone());
    gauge
}

/// Registers a counter.
fn total(registry: &mut Registry, name: &str, help: &str) -> Total {
    let total = Total::default();
    registry.register(name, help, total.clone());
    total
}

fn set(total: &Total, count: u64) {
    total.inner().store(count, Ordering::Relaxed);
}

fn gauges<const N: usize>(registry: &mut Registry, name: &str, help: &str) -> Numbers<N> {
    let gauges = Numbers::default();
    registry.register(name, help, gauges.clone());
    gauges
}

fn totals<const N: usize>(registry: &mut Registry, name: &str, help: &str) -> Totals<N> {
    let totals = Totals::default();
    registry.register(name, help, totals.clone());
    totals
}

impl StateMetrics {
    pub(super) fn new(config: &MetricsConfig, registry: &mut Registry) -> Self {
        Self {
            process: config.resource.then(|| ProcessMetrics::new(registry)),
            freshness: config.freshness.then(|| {
                gauges(
                    registry,
                    "feast_feature_freshness_seconds",
                    "Seconds since the most recent materialization end time per feature view",
                )
            }),
            online_store: OnlineStoreMetrics::new(registry),
            server: ServerMetrics::new(registry),
            feature_log: FeatureLogMetrics::new(registry),
        }
    }

    /// Brings all of them up to date.
    pub(super) fn look(&mut self, context: &Context, views: &[(String, Option<Timestamp>)]) {
        if let Some(process) = &mut self.process {
            process.look();
        }
        if let Some(freshness) = &self.freshness {
            // Views that are gone are not shown.
            freshness.clear();
            for (view, end) in views {
                let Some(end) = end else { continue };
                // A run may end in the future; its rows are no newer than now.
                let age = now().micros().saturating_sub(end.micros()).max(0);
                let project = context.store.config().project.clone();
                let labels = [("feature_view", view.clone()), ("project", project)];
                freshness.get_or_create(&labels).set(age as f64 / 1e6);
            }
        }
        let statistics = context.store.statistics();
        self.online_store.show(&statistics);
        self.server.show(context, &statistics);
        if let Some(log) = &context.feature_log {
            self.feature_log.show(&log.statistics());
        }
    }
}
