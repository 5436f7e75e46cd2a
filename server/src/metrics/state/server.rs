//! The server: the registry that it uses, what it takes on, its connections, what it sends to others.

use std::sync::atomic::Ordering;
use std::time::Duration;

use feast_engine::model::Timestamp;
use feast_engine::{Access, StoreStatistics};
use prometheus_client::registry::Registry;

use super::{Number, Numbers, Total, Totals, gauge, gauges, set, total, totals};
use crate::context::Context;
use crate::readiness::{REASONS, WARNINGS};

/// The server itself: the registry that it uses, what it takes on, its connections, processes of Python.
pub(super) struct ServerMetrics {
    registry_age: Number,
    registry_unusable: Number,
    ready: Number,
    conditions: Numbers<1>,
    last_backup: Numbers<1>,
    in_flight: Numbers<1>,
    memory_bytes: Number,
    memory_limit_bytes: Number,
    connections: Numbers<1>,
    ended_connections: Totals<1>,
    refused: Totals<1>,
    lost_log_lines: Total,
    certificate_end: Number,
    audit_lines: Total,
    audit_lines_dropped: Total,
    python_calls: Total,
    python_failures: Totals<1>,
    traced: Totals<1>,
}

impl ServerMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            registry_age: gauge(
                registry,
                "feast_registry_age_seconds",
                "Since the registry was last seen to be as it is used",
            ),
            registry_unusable: gauge(
                registry,
                "feast_registry_unusable",
                "1 when the registry that is there now cannot be used, and a former one is",
            ),
            conditions: gauges(
                registry,
                "feast_condition",
                "1 for what GET /ready says, reasons and warnings, by kind",
            ),
            last_backup: gauges(
                registry,
                "feast_backup_last_success_seconds",
                "When the newest backup of serving.backups began, as seconds since 1970; 0 when none is known",
            ),
            ready: gauge(registry, "feast_ready", "1 when GET /ready says so"),
            in_flight: gauges(
                registry,
                "feast_requests_in_flight",
                "Requests under way that are more than a small read from memory",
            ),
            memory_bytes: gauge(
                registry,
                "feast_request_memory_bytes",
                "Bytes that requests and responses under way are counted with",
            ),
            memory_limit_bytes: gauge(
                registry,
                "feast_request_memory_limit_bytes",
                "serving.max_memory_mib, in bytes",
            ),
            ended_connections: totals(
                registry,
                "feast_connections_ended",
                "Connections that the server has ended, or has not taken (no_room), by the cause",
            ),
            refused: totals(
                registry,
                "feast_requests_refused",
                "Requests that were answered with 503 as there was too much, by what",
            ),
            lost_log_lines: total(
                registry,
                "feast_log_lines_lost",
                "Lines of the log that stderr did not take",
            ),
            certificate_end: gauge(
                registry,
                "feast_tls_certificate_end_seconds",
                "When the certificate of the server ends, since 1970; 0 without TLS",
            ),
            connections: gauges(registry, "feast_connections", "Open connections by what they are doing"),
            audit_lines: total(registry, "feast_audit_lines", "Lines of the audit log that were taken"),
            audit_lines_dropped: total(
                registry,
                "feast_audit_lines_dropped",
                "Lines of the audit log that are lost, as they could not be written",
            ),
            python_calls: total(
                registry,
                "feast_python_calls",
                "Calls of functions in processes of Python, whatever became of them",
            ),
            python_failures: totals(
                registry,
                "feast_python_failures",
                "Calls that were refused as too many waited or took too long, and processes of Python that died, by the cause",
            ),
            traced: totals(
                registry,
                "feast_traced_requests",
                "Requests that were traced, by what became of their spans",
            ),
        }
    }

    pub(super) fn show(&self, context: &Context, statistics: &StoreStatistics) {
        let seconds = |time: Duration| time.as_secs_f64();
        let flag = |is_set: bool| f64::from(u8::from(is_set));
        self.registry_age.set(seconds(statistics.registry_age));
        self.registry_unusable.set(flag(statistics.registry_problem.is_some()));
        let readiness = context.readiness();
        self.ready.set(flag(readiness.is_ready()));
        for kind in REASONS.iter().chain(&WARNINGS) {
            let mut all = readiness.reasons.iter().chain(&readiness.warnings);
            let holds = all.any(|condition| condition.kind == *kind);
            self.conditions
                .get_or_create(&[("kind", (*kind).to_owned())])
                .set(flag(holds));
        }
        let config = context.store.config();
        if config.backups.is_some() && context.store.access() == Access::ReadWrite {
            let last = context.backups.last().map_or(0, Timestamp::micros);
            self.last_backup
                .get_or_create(&[("project", config.project.clone())])
                .set(last as f64 / 1e6);
        }
        let usage = context.admission.usage();
        for (kind, count) in [
            ("read", usage.reads),
            ("write", usage.writes),
            ("large_read", usage.large_reads),
        ] {
            self.in_flight
                .get_or_create(&[("kind", kind.to_owned())])
                .set(count as f64);
        }
        self.memory_bytes.set(usage.memory_bytes as f64);
        self.memory_limit_bytes.set(usage.memory_limit_bytes as f64);
        for (phase, count) in context.connections.by_phase() {
            self.connections
                .get_or_create(&[("phase", phase.to_owned())])
                .set(count as f64);
        }
        if let Some(audit) = &context.audit {
            let (taken, lost) = audit.counts();
            set(&self.audit_lines, taken);
            set(&self.audit_lines_dropped, lost);
        }
        for (cause, count) in context.connections.ended() {
            let labels = [("cause", cause.to_owned())];
            set(&self.ended_connections.get_or_create(&labels), count);
        }
        for (limit, count) in context.admission.refused() {
            set(&self.refused.get_or_create(&[("limit", limit.to_owned())]), count);
        }
        set(&self.lost_log_lines, context.lost_log_lines.load(Ordering::Relaxed));
        let certificate = context
            .tls
            .as_ref()
            .and_then(|tls| tls.certificate(feast_engine::now()));
        if let Some(certificate) = certificate {
            self.certificate_end.set(certificate.until.micros() as f64 / 1e6);
        }
        if let Some(python) = &statistics.python {
            set(&self.python_calls, python.calls);
            let causes = [
                ("refused", python.refused),
                ("timeout", python.timeouts),
                ("died", python.deaths),
            ];
            for (cause, count) in causes {
                let labels = [("cause", cause.to_owned())];
                set(&self.python_failures.get_or_create(&labels), count);
            }
        }
        if let Some(traces) = &context.traces {
            let traced = traces.statistics();
            let outcomes = [
                ("sent", traced.sent),
                ("dropped", traced.dropped),
                ("failed", traced.failed),
            ];
            for (outcome, count) in outcomes {
                set(&self.traced.get_or_create(&[("outcome", outcome.to_owned())]), count);
            }
        }
    }
}
