//! Reads: how many entities, what was found of each view, how long the store and functions took.
//!
//! The numbers of a plan are found once and kept with it, so that a read adds to them without a look-up.

use std::time::Duration;

use feast_engine::{FeatureVectors, MetricsConfig, ReadPlan};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::LabelValues;
use super::requests::RequestMetrics;

/// Feast's.
const ENTITIES: [f64; 9] = [1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0];
const STORE_SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
pub(super) const FUNCTION_SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

type Labels<const N: usize> = [(&'static str, String); N];

/// What is counted of reads.
pub(crate) struct ReadMetrics {
    is_on: bool,
    feature_count_bins: Vec<u64>,
    view_names: LabelValues,
    services: LabelValues,
    requests: Counter,
    entities: Histogram,
    store_seconds: Histogram,
    statuses: Family<Labels<2>, Counter>,
    function_seconds: Family<Labels<2>, Histogram, fn() -> Histogram>,
    service_requests: Family<Labels<1>, Counter>,
    rows: Family<Labels<2>, Counter>,
    nulls: Family<Labels<1>, Counter>,
    row_count: Counter,
    byte_count: Counter,
}

/// A read that was answered.
pub(crate) struct AnsweredRead<'a> {
    pub(crate) plan: &'a ReadPlan,
    pub(crate) vectors: &'a FeatureVectors<'a>,
    /// Of the response.
    pub(crate) bytes: usize,
    /// From its head to its response.
    pub(crate) time: Duration,
}

/// The numbers of one plan.
struct PlanMetrics {
    seconds: Option<Histogram>,
    service: Option<Counter>,
    views: Vec<ViewMetrics>,
    functions: Vec<(usize, Histogram)>,
}

struct ViewMetrics {
    present: Counter,
    not_found: Counter,
    rows_found: Counter,
    rows_outside_max_age: Counter,
    rows_not_found: Counter,
    nulls: Counter,
}

impl ReadMetrics {
    pub(super) fn new(config: &MetricsConfig, registry: &mut Registry) -> Self {
        let metrics = Self {
            is_on: config.online_features,
            feature_count_bins: config.feature_count_bins.clone(),
            view_names: LabelValues::default(),
            services: LabelValues::default(),
            requests: Counter::default(),
            entities: Histogram::new(ENTITIES),
            store_seconds: Histogram::new(STORE_SECONDS),
            statuses: Family::default(),
            function_seconds: Family::new_with_constructor(|| Histogram::new(FUNCTION_SECONDS)),
            service_requests: Family::default(),
            rows: Family::default(),
            nulls: Family::default(),
            row_count: Counter::default(),
            byte_count: Counter::default(),
        };
        if metrics.is_on {
            metrics.register(registry);
        }
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "feast_online_features_request",
            "Total online feature retrieval requests",
            self.requests.clone(),
        );
        registry.register(
            "feast_online_features_entity_count",
            "Number of entity rows per online feature request",
            self.entities.clone(),
        );
        registry.register(
            "feast_online_features_status",
            "Count of individual feature values by retrieval status per feature view",
            self.statuses.clone(),
        );
        registry.register(
            "feast_feature_server_online_store_read_duration_seconds",
            "Duration of the online store read phase in seconds",
            self.store_seconds.clone(),
        );
        registry.register(
            "feast_feature_server_transformation_duration_seconds",
            "Duration of on-demand feature view transformations on read in seconds",
            self.function_seconds.clone(),
        );
        registry.register(
            "feast_service_requests",
            "Answered reads by the feature service that they name",
            self.service_requests.clone(),
        );
        registry.register(
            "feast_view_rows",
            "Rows that reads have looked for, by view: found, found but older than its ttl (outside_max_age), or not found",
            self.rows.clone(),
        );
        registry.register(
            "feast_view_null_values",
            "Values that reads have found to be null, by view",
            self.nulls.clone(),
        );
        registry.register(
            "feast_read_rows",
            "Rows that reads have found in the online store or in memory",
            self.row_count.clone(),
        );
        registry.register(
            "feast_read_response_bytes",
            "Bytes of the responses to reads",
            self.byte_count.clone(),
        );
    }

    /// Notes how long the online store took.
    pub(crate) fn looked_up(&self, time: Duration) {
        if self.is_on {
            self.store_seconds.observe(time.as_secs_f64());
        }
    }

    /// Counts a read that was answered.
    pub(crate) fn answered(&self, requests: &RequestMetrics, read: &AnsweredRead<'_>) {
        let Some(plan) = read.plan.attached(|| self.of_plan(requests, read)) else {
            return;
        };
        if let Some(seconds) = &plan.seconds {
            seconds.observe(read.time.as_secs_f64());
        }
        if !self.is_on {
            return;
        }
        self.requests.inc();
        self.entities.observe(read.vectors.rows() as f64);
        self.byte_count.inc_by(read.bytes as u64);
        if let Some(service) = &plan.service {
            service.inc();
        }
        let mut rows = 0;
        for (view, outcome) in plan.views.iter().zip(read.vectors.outcomes()) {
            let missing = read.vectors.rows() - outcome.rows_found;
            let counts = [
                (&view.present, outcome.values_present),
                (&view.not_found, outcome.values_not_found),
                (&view.rows_found, outcome.rows_found - outcome.rows_outside_max_age),
                (&view.rows_outside_max_age, outcome.rows_outside_max_age),
                (&view.rows_not_found, missing),
                (&view.nulls, outcome.values_null),
            ];
            for (counter, count) in counts {
                if count > 0 {
                    counter.inc_by(count as u64);
                }
            }
            rows += outcome.rows_found as u64;
        }
        self.row_count.inc_by(rows);
        for computed in read.vectors.computed() {
            let measured = plan
                .functions
                .iter()
                .find(|(function, _)| *function == computed.function);
            if let Some((_, seconds)) = measured {
                seconds.observe(computed.time.as_secs_f64());
            }
        }
    }

    fn of_plan(&self, requests: &RequestMetrics, read: &AnsweredRead<'_>) -> PlanMetrics {
        let (features, views) = (read.plan.feature_count() as u64, read.plan.view_versions().len());
        let seconds = requests.read_seconds(bin(features, &self.feature_count_bins), views);
        if !self.is_on {
            return PlanMetrics {
                seconds,
                service: None,
                views: Vec::new(),
                functions: Vec::new(),
            };
        }
        let service = read.plan.service().map(|name| {
            let name = self.services.bounded(name);
            self.service_requests.get_or_create_owned(&[("feature_service", name)])
        });
        let functions = read.plan.measured_functions().map(|(function, view, mode)| {
            let view = self.view_names.bounded(view);
            let labels = [("odfv_name", view), ("mode", mode.to_owned())];
            (function, self.function_seconds.get_or_create_owned(&labels))
        });
        PlanMetrics {
            seconds,
            service,
            views: read.plan.view_names().map(|view| self.of_view(view)).collect(),
            functions: functions.collect(),
        }
    }

    fn of_view(&self, view: &str) -> ViewMetrics {
        let view = self.view_names.bounded(view);
        let status = |status: &str| {
            let labels = [("feature_view", view.clone()), ("status", status.to_owned())];
            self.statuses.get_or_create_owned(&labels)
        };
        let rows = |outcome: &str| {
            let labels = [("feature_view", view.clone()), ("outcome", outcome.to_owned())];
            self.rows.get_or_create_owned(&labels)
        };
        ViewMetrics {
            present: status("present"),
            not_found: status("not_found"),
            rows_found: rows("found"),
            rows_outside_max_age: rows("outside_max_age"),
            rows_not_found: rows("not_found"),
            nulls: self.nulls.get_or_create_owned(&[("feature_view", view.clone())]),
        }
    }
}

/// How Feast names a number of features: `0`, `1-10`, `11-50`, `201+`.
fn bin(count: u64, ends: &[u64]) -> String {
    if count == 0 {
        return "0".to_owned();
    }
    let mut start = 1;
    for end in ends {
        if count <= *end {
            return format!("{start}-{end}");
        }
        start = end + 1;
    }
    format!("{start}+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_features_are_named_as_feast_does() {
        let named = [0, 1, 10, 11, 50, 200, 201, 9999].map(|count| bin(count, &[10, 50, 200]));
        assert_eq!(named, ["0", "1-10", "1-10", "11-50", "11-50", "51-200", "201+", "201+"]);
    }
}
