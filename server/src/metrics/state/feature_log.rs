//! The log of served features.

use feast_engine::{DropReason, FeatureLogStatistics};
use prometheus_client::registry::Registry;

use super::{Number, Total, Totals, gauge, set, total, totals};

/// The log of served features.
pub(super) struct FeatureLogMetrics {
    rows: Totals<1>,
    dropped_rows: Totals<2>,
    files: Total,
    failures: Totals<1>,
    waiting_rows: Number,
    waiting_bytes: Number,
    spool_bytes: Number,
}

impl FeatureLogMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            rows: totals(
                registry,
                "feast_feature_log_rows",
                "Served rows that are in the log of their feature service",
            ),
            dropped_rows: totals(
                registry,
                "feast_feature_log_dropped_rows",
                "Served rows that are lost to the log of their feature service, by the reason",
            ),
            files: total(registry, "feast_feature_log_files", "Files of logged features"),
            failures: totals(
                registry,
                "feast_feature_log_failures",
                "Failures to write logged features, to the spool or to their destination; they are tried again",
            ),
            waiting_rows: gauge(
                registry,
                "feast_feature_log_waiting_rows",
                "Served rows in memory that are to be logged",
            ),
            waiting_bytes: gauge(registry, "feast_feature_log_waiting_bytes", "Bytes of these rows"),
            spool_bytes: gauge(
                registry,
                "feast_feature_log_spool_bytes",
                "Bytes on disk of logged features that are not in their destination yet",
            ),
        }
    }

    pub(super) fn show(&self, statistics: &FeatureLogStatistics) {
        for (service, rows) in &statistics.services {
            let service = || ("feature_service", service.clone());
            set(&self.rows.get_or_create(&[service()]), rows.logged);
            for (reason, count) in DropReason::ALL.iter().zip(rows.dropped) {
                let labels = [service(), ("reason", reason.name().to_owned())];
                set(&self.dropped_rows.get_or_create(&labels), count);
            }
        }
        set(&self.files, statistics.files);
        for (step, count) in [
            ("spool", statistics.spool_failures),
            ("destination", statistics.destination_failures),
        ] {
            set(&self.failures.get_or_create(&[("step", step.to_owned())]), count);
        }
        self.waiting_rows.set(statistics.waiting_rows as f64);
        self.waiting_bytes.set(statistics.waiting_bytes as f64);
        self.spool_bytes.set(statistics.spool_bytes as f64);
    }
}
