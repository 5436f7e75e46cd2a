//! What is a state and not a count: looked up when the page is asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use feast_engine::model::Timestamp;
use feast_engine::{Access, DropReason, FeatureLogStatistics, MetricsConfig, StoreStatistics, now};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::process::{CpuUsage, Process};
use crate::context::Context;
use crate::readiness::{REASONS, WARNINGS};

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

struct ProcessMetrics {
    usage: CpuUsage,
    feast_cpu: Numbers<1>,
    feast_memory: Numbers<1>,
    /// In seconds.
    cpu: Counter<f64, AtomicU64>,
    resident_bytes: Number,
    virtual_bytes: Number,
    open_files: Number,
    max_open_files: Number,
    threads: Number,
    start_seconds: Number,
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

impl ProcessMetrics {
    fn new(registry: &mut Registry) -> Self {
        Self {
            usage: CpuUsage::new(),
            feast_cpu: gauges(
                registry,
                "feast_feature_server_cpu_usage",
                "CPU usage percentage of the Feast feature server process",
            ),
            feast_memory: gauges(
                registry,
                "feast_feature_server_memory_usage",
                "Memory usage percentage of the Feast feature server process",
            ),
            cpu: {
                let cpu = Counter::<f64, AtomicU64>::default();
                registry.register(
                    "process_cpu_seconds",
                    "Processor time, in user and system mode",
                    cpu.clone(),
                );
                cpu
            },
            resident_bytes: gauge(registry, "process_resident_memory_bytes", "Resident memory"),
            virtual_bytes: gauge(registry, "process_virtual_memory_bytes", "Virtual memory"),
            open_files: gauge(registry, "process_open_fds", "Open files and sockets"),
            max_open_files: gauge(registry, "process_max_fds", "The limit of open files and sockets"),
            threads: gauge(registry, "process_threads", "Threads"),
            start_seconds: gauge(
                registry,
                "process_start_time_seconds",
                "When the process began, since 1970",
            ),
        }
    }

    fn look(&mut self) {
        let process = Process::look();
        let id = || [("pid", std::process::id().to_string())];
        self.feast_cpu.get_or_create(&id()).set(self.usage.percent(&process));
        self.feast_memory.get_or_create(&id()).set(process.memory_percent);
        self.cpu.inner().store(process.cpu_seconds.to_bits(), Ordering::Relaxed);
        self.resident_bytes.set(process.resident_bytes as f64);
        self.virtual_bytes.set(process.virtual_bytes as f64);
        self.open_files.set(process.open_files as f64);
        self.max_open_files.set(process.max_open_files as f64);
        self.threads.set(process.threads as f64);
        self.start_seconds.set(process.start_seconds);
    }
}

/// Rows in memory, the embedded database, pushes that wait.
struct OnlineStoreMetrics {
    cache_hits: Total,
    cache_misses: Total,
    cache_entities: Number,
    cache_bytes: Number,
    cache_limit_bytes: Number,
    files: Numbers<1>,
    table_bytes: Number,
    memtable_bytes: Number,
    block_cache_bytes: Number,
    estimated_rows: Number,
    pending_compaction_bytes: Number,
    running_compactions: Number,
    running_flushes: Number,
    background_errors: Total,
    write_stopped: Number,
    delayed_write_rate: Number,
    disk_free_bytes: Number,
    disk_bytes: Number,
    waiting_rows: Number,
    waiting_bytes: Number,
    waiting_seconds: Number,
}

impl OnlineStoreMetrics {
    fn new(registry: &mut Registry) -> Self {
        let totals = [
            ("feast_row_cache_hits", "Entities that were found in memory"),
            ("feast_row_cache_misses", "Entities that were not found in memory"),
            (
                "feast_online_store_background_errors",
                "Failures in the background since the store was opened",
            ),
        ];
        let [cache_hits, cache_misses, background_errors] = totals.map(|(name, help)| total(registry, name, help));
        let mut gauge = |name: &str, help: &str| gauge(registry, name, help);
        Self {
            cache_hits,
            cache_misses,
            background_errors,
            cache_entities: gauge("feast_row_cache_entities", "Entities whose rows are in memory"),
            cache_bytes: gauge("feast_row_cache_bytes", "Bytes of rows in memory"),
            cache_limit_bytes: gauge("feast_row_cache_limit_bytes", "Bytes that rows in memory may take"),
            table_bytes: gauge("feast_online_store_table_bytes", "Bytes of the table files"),
            memtable_bytes: gauge(
                "feast_online_store_memtable_bytes",
                "Bytes that are in the log of writes and in memory only",
            ),
            block_cache_bytes: gauge("feast_online_store_block_cache_bytes", "Bytes of blocks in memory"),
            estimated_rows: gauge(
                "feast_online_store_estimated_rows",
                "Rows and records, those that were replaced counted until they are compacted",
            ),
            pending_compaction_bytes: gauge(
                "feast_online_store_pending_compaction_bytes",
                "Bytes that compactions have to rewrite",
            ),
            running_compactions: gauge("feast_online_store_running_compactions", "Compactions under way"),
            running_flushes: gauge("feast_online_store_running_flushes", "Memtables that are being written"),
            write_stopped: gauge("feast_online_store_write_stopped", "1 when writes wait for compactions"),
            delayed_write_rate: gauge(
                "feast_online_store_delayed_write_bytes_per_second",
                "Rate to which writes are slowed down; 0 when they are not",
            ),
            disk_free_bytes: gauge(
                "feast_online_store_disk_free_bytes",
                "Bytes that are free on the disk of the store",
            ),
            disk_bytes: gauge("feast_online_store_disk_bytes", "Bytes of the disk of the store"),
            waiting_rows: gauge(
                "feast_push_waiting_rows",
                "Rows of pushes that were answered and are not in their parquet source yet",
            ),
            waiting_bytes: gauge("feast_push_waiting_bytes", "Bytes of these pushes in the log"),
            waiting_seconds: gauge("feast_push_waiting_oldest_seconds", "How long the oldest of them waits"),
            files: gauges(registry, "feast_online_store_files", "Table files by level"),
        }
    }

    fn show(&self, statistics: &StoreStatistics) {
        if let Some(cache) = &statistics.row_cache {
            set(&self.cache_hits, cache.hits);
            set(&self.cache_misses, cache.misses);
            self.cache_entities.set(cache.entities as f64);
            self.cache_bytes.set(cache.bytes as f64);
            self.cache_limit_bytes.set(cache.capacity as f64);
        }
        if let Some(rocksdb) = &statistics.rocksdb {
            for (level, files) in rocksdb.files.iter().enumerate() {
                self.files
                    .get_or_create(&[("level", level.to_string())])
                    .set(*files as f64);
            }
            self.table_bytes.set(rocksdb.table_bytes as f64);
            self.memtable_bytes.set(rocksdb.memtable_bytes as f64);
            self.block_cache_bytes.set(rocksdb.block_cache_bytes as f64);
            self.estimated_rows.set(rocksdb.estimated_rows as f64);
            self.pending_compaction_bytes
                .set(rocksdb.pending_compaction_bytes as f64);
            self.running_compactions.set(rocksdb.running_compactions as f64);
            self.running_flushes.set(rocksdb.running_flushes as f64);
            set(&self.background_errors, rocksdb.background_errors);
            self.write_stopped.set(f64::from(u8::from(rocksdb.is_write_stopped)));
            self.delayed_write_rate.set(rocksdb.delayed_write_rate as f64);
            self.disk_free_bytes.set(rocksdb.disk_free_bytes as f64);
            self.disk_bytes.set(rocksdb.disk_bytes as f64);
        }
        let waiting = &statistics.waiting_pushes;
        self.waiting_rows.set(waiting.rows as f64);
        self.waiting_bytes.set(waiting.bytes as f64);
        self.waiting_seconds
            .set(waiting.oldest.unwrap_or_default().as_secs_f64());
    }
}

/// The server itself: the registry that it uses, what it takes on, its connections, processes of Python.
struct ServerMetrics {
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
    python: Totals<1>,
    traced: Totals<1>,
}

impl ServerMetrics {
    fn new(registry: &mut Registry) -> Self {
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
            python: totals(
                registry,
                "feast_python_calls",
                "Calls of functions in processes of Python, by what became of them",
            ),
            traced: totals(
                registry,
                "feast_traced_requests",
                "Requests that were traced, by what became of their spans",
            ),
        }
    }

    fn show(&self, context: &Context, statistics: &StoreStatistics) {
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
        if let Some(end) = context.tls.as_ref().and_then(|tls| tls.certificate_validity()) {
            self.certificate_end.set(end.last.micros() as f64 / 1e6);
        }
        if let Some(python) = &statistics.python {
            let outcomes = [
                ("all", python.calls),
                ("refused", python.refused),
                ("timeout", python.timeouts),
                ("died", python.deaths),
            ];
            for (outcome, count) in outcomes {
                set(&self.python.get_or_create(&[("outcome", outcome.to_owned())]), count);
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

/// The log of served features.
struct FeatureLogMetrics {
    rows: Totals<1>,
    dropped_rows: Totals<2>,
    files: Total,
    failures: Totals<1>,
    waiting_rows: Number,
    waiting_bytes: Number,
    spool_bytes: Number,
}

impl FeatureLogMetrics {
    fn new(registry: &mut Registry) -> Self {
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

    fn show(&self, statistics: &FeatureLogStatistics) {
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
