//! Pushes and materializations.

use std::time::Duration;

use feast_engine::{MetricsConfig, WriteReport};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::LabelValues;
use super::reads::FUNCTION_SECONDS;

/// Feast's, for materializations.
const SECONDS: [f64; 10] = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];

type Labels<const N: usize> = [(&'static str, String); N];

/// What is counted of writes.
pub(crate) struct WriteMetrics {
    counts_pushes: bool,
    counts_materializations: bool,
    counts_functions: bool,
    sources: LabelValues,
    view_names: LabelValues,
    pushes: Family<Labels<2>, Counter>,
    pushed_rows: Family<Labels<1>, Counter>,
    results: Family<Labels<2>, Counter>,
    seconds: Family<Labels<1>, Histogram, fn() -> Histogram>,
    rows: Family<Labels<1>, Counter>,
    function_seconds: Family<Labels<2>, Histogram, fn() -> Histogram>,
}

impl WriteMetrics {
    pub(super) fn new(config: &MetricsConfig, registry: &mut Registry) -> Self {
        let metrics = Self {
            counts_pushes: config.push,
            counts_materializations: config.materialization,
            counts_functions: config.online_features,
            sources: LabelValues::default(),
            view_names: LabelValues::default(),
            pushes: Family::default(),
            pushed_rows: Family::default(),
            results: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            rows: Family::default(),
            function_seconds: Family::new_with_constructor(|| Histogram::new(FUNCTION_SECONDS)),
        };
        // Feast's, with those of reads.
        if config.online_features {
            registry.register(
                "feast_feature_server_write_transformation_duration_seconds",
                "Duration of on-demand feature view transformations on write in seconds",
                metrics.function_seconds.clone(),
            );
        }
        if config.push {
            registry.register(
                "feast_push_request",
                "Total push requests to the feature store",
                metrics.pushes.clone(),
            );
            registry.register(
                "feast_written_rows",
                "Rows of pushes and writes: written, or not because they are older than the stored row (stale)",
                metrics.pushed_rows.clone(),
            );
        }
        if config.materialization {
            registry.register(
                "feast_materialization_result",
                "Total materialization runs per feature view",
                metrics.results.clone(),
            );
            registry.register(
                "feast_materialization_duration_seconds",
                "Duration of materialization per feature view in seconds",
                metrics.seconds.clone(),
            );
            registry.register(
                "feast_materialization_rows",
                "Rows that materializations have written, by view",
                metrics.rows.clone(),
            );
        }
        metrics
    }

    /// Counts a push that was done.
    pub(crate) fn pushed(&self, source: &str, to: &str) {
        if self.counts_pushes {
            let source = self.sources.bounded(source);
            let labels = [("push_source", source), ("mode", to.to_owned())];
            self.pushes.get_or_create(&labels).inc();
        }
    }

    /// Counts the rows of a write, and what functions took.
    pub(crate) fn wrote(&self, report: &WriteReport) {
        if self.counts_pushes {
            for (outcome, rows) in [("written", report.written), ("stale", report.stale)] {
                let labels = [("outcome", outcome.to_owned())];
                self.pushed_rows.get_or_create(&labels).inc_by(rows as u64);
            }
        }
        if self.counts_functions {
            for run in &report.runs {
                let view = self.view_names.bounded(&run.view);
                let labels = [("odfv_name", view), ("mode", run.mode.clone())];
                let seconds = self.function_seconds.get_or_create(&labels);
                seconds.observe(run.time.as_secs_f64());
            }
        }
    }

    /// Shows the results of views before there are any: an alert on their increase does not see a series that begins at 1.
    pub(super) fn know<'a>(&self, views: impl Iterator<Item = &'a str>) {
        if !self.counts_materializations {
            return;
        }
        for view in views {
            let view = self.view_names.bounded(view);
            for status in ["success", "failure"] {
                let labels = [("feature_view", view.clone()), ("status", status.to_owned())];
                drop(self.results.get_or_create(&labels));
            }
        }
    }

    /// Counts the run of a view, with the rows that it has written; none when it has failed.
    pub(crate) fn materialized(&self, view: &str, rows: Option<u64>, time: Duration) {
        if !self.counts_materializations {
            return;
        }
        let view = self.view_names.bounded(view);
        let status = if rows.is_some() { "success" } else { "failure" };
        let labels = [("feature_view", view.clone()), ("status", status.to_owned())];
        self.results.get_or_create(&labels).inc();
        let labels = [("feature_view", view)];
        self.seconds.get_or_create(&labels).observe(time.as_secs_f64());
        self.rows.get_or_create(&labels).inc_by(rows.unwrap_or_default());
    }
}
