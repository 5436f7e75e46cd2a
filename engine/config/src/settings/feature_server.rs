//! `feature_server`, which is Feast's, and what `serving` says of the same things.

use std::path::Path;

use super::repository::{NOT_OFFERED, is_set, is_true, never};
use super::{Block, ignored, mib, or_null, place, setting, some};
use crate::feature_logging::has_timeout;
use crate::{AuditConfig, AuditSink, OfflineBatching, RepositoryConfig, format_duration};

pub(crate) static FEATURE_SERVER: Block = Block::new(
    "Feast's server",
    "feature_server",
    &[setting(
        "offline_push_batching_enabled",
        "true, false",
        "answer pushes to the offline store before they reach it, with 202; both of the next two keys must be set",
        |config| some(config.offline_batching.is_some()),
    )],
)
.short("type")
.and_ignored(&[
    ignored("type", "`local` and `mcp` mean the same here", never),
    ignored("enabled", "`feast serve` is what starts a server", never),
    ignored("transformation_service_endpoint", NOT_OFFERED, is_set),
]);

pub(crate) static MCP: Block = Block::new("Feast's server: MCP", "feature_server", &[]).and_ignored(&[
    ignored("mcp_enabled", NOT_OFFERED, is_true),
    ignored("mcp_server_name", NOT_OFFERED, never),
    ignored("mcp_server_version", NOT_OFFERED, never),
    ignored("mcp_transport", NOT_OFFERED, never),
]);

fn batching(config: &RepositoryConfig) -> Option<&OfflineBatching> {
    config.offline_batching.as_ref()
}

const BATCHES: &str = "feature_server: {offline_push_batching_enabled: true, offline_push_batching_batch_size: 100, \
                       offline_push_batching_batch_interval_seconds: 5}";

pub(crate) static OFFLINE_BATCHING: Block = Block::new(
    "Batches of pushes to the offline store",
    "feature_server",
    &[
        setting(
            "offline_push_batching_batch_size",
            "rows, 1 at least",
            "append to a parquet source as soon as so many rows wait for it",
            |config| some(batching(config)?.rows),
        )
        .required(),
        setting(
            "offline_push_batching_batch_interval_seconds",
            "seconds, 1 at least",
            "append as soon as a row has waited so long",
            |config| some(batching(config)?.interval.as_secs()),
        )
        .required(),
    ],
)
.with(BATCHES);

pub(crate) static PUSH_QUEUE: Block = Block::new(
    "What may wait for the offline store",
    "serving",
    &[
        setting(
            "push_queue_max_rows",
            "rows, a batch at least",
            "rows that may wait for one parquet source; pushes to it beyond this or one of the next two limits are answered with 503, and \
             pushes to the online store alone go on",
            |config| some(batching(config)?.limits.rows),
        )
        .computed("1000000, or two batches if that is more"),
        setting(
            "push_queue_max_mib",
            "MiB, 1 at least",
            "what of them may be in the log, for each source",
            |config| mib(batching(config)?.limits.bytes),
        ),
        setting(
            "push_queue_max_age",
            "a duration, an interval at least",
            "how long the oldest may wait for a source that cannot be written",
            |config| some(format_duration(batching(config)?.limits.age)),
        )
        .computed("`1h`, or two intervals if that is more"),
    ],
)
.with(BATCHES);

pub(crate) static FEATURE_LOGGING: Block = Block::new(
    "The log of features",
    "feature_server.feature_logging",
    &[
        setting(
            "enabled",
            "true, false",
            "log what is served of feature services that ask for it: [`feature-logging.md`](feature-logging.md); if false, the server names \
             them at its start",
            |config| some(config.feature_logging.is_enabled),
        ),
        setting(
            "write_to_disk_interval_secs",
            "seconds, 1 at least",
            "rows are on a disk of this machine after so long at most: this much is lost when the machine or the process dies",
            |config| some(config.feature_logging.write_interval.as_secs()),
        ),
        setting(
            "flush_interval_secs",
            "seconds, 1 at least",
            "each service gets one file in so long, if there is something to log, and one when the server stops",
            |config| some(config.feature_logging.flush_interval.as_secs()),
        ),
        setting(
            "queue_capacity",
            "rows, 1 at least",
            "rows of each service that may be in memory; they are written at once when half of it, or half of a 64th of the memory (32 to \
             256 MiB), is used",
            |config| some(config.feature_logging.queue_rows),
        ),
    ],
)
.and_ignored(&[ignored(
    "emit_timeout_micro_secs",
    "no request waits for the log of features",
    has_timeout,
)]);

pub(crate) static FEATURE_LOGGING_SERVING: Block = Block::new(
    "Where the log of features waits",
    "serving",
    &[
        setting(
            "feature_log_spool_path",
            "a path",
            "the directory in which rows wait for their destination, those of each project apart; servers may share it",
            |config| place(&config.feature_logging.spool_path),
        ),
        setting(
            "feature_log_spool_mib",
            "MiB, 1 at least",
            "what may wait there",
            |config| some(config.feature_logging.spool_bytes >> 20),
        ),
    ],
);

fn audit(config: &RepositoryConfig) -> Option<&AuditConfig> {
    config.audit.as_ref()
}

pub(crate) static AUDIT_LOG: Block = Block::new(
    "The audit log",
    "feature_server.audit_logging",
    &[setting(
        "enabled",
        "true, false",
        "write an audit log: [`audit-log.md`](audit-log.md)",
        |config| some(config.audit.is_some()),
    )],
);

pub(crate) static AUDIT_LINES: Block = Block::new(
    "Lines of the audit log",
    "feature_server.audit_logging",
    &[
        setting(
            "sink",
            "`stdout`, `file`, `logger`",
            "where lines go; `logger` is the log of the server, at level info with target `feast::audit`",
            |config| {
                some(match audit(config)?.sink {
                    AuditSink::Stdout => "stdout",
                    AuditSink::File(_) => "file",
                    AuditSink::Logger => "logger",
                })
            },
        ),
        setting(
            "log_successful_reads",
            "true, false",
            "a line also for reads that were answered",
            |config| some(audit(config)?.logs_successful_reads),
        ),
    ],
)
.with("feature_server: {audit_logging: {enabled: true}}");

/// The file of an audit log, and the log.
fn audit_file(config: &RepositoryConfig) -> Option<(&Path, &AuditConfig)> {
    let audit = audit(config)?;
    match &audit.sink {
        AuditSink::File(path) => Some((path, audit)),
        AuditSink::Stdout | AuditSink::Logger => None,
    }
}

const AUDIT_IN_FILE: &str = "feature_server: {audit_logging: {enabled: true, sink: file}}";

pub(crate) static AUDIT_FILE: Block = Block::new(
    "The audit log in a file",
    "feature_server.audit_logging",
    &[setting("file_path", "a path", "the file; one server's own", |config| {
        place(audit_file(config)?.0)
    })],
)
.with(AUDIT_IN_FILE);

pub(crate) static AUDIT_SERVING: Block = Block::new(
    "What is not done without the audit log",
    "serving",
    &[setting(
        "audit_strict",
        "true, false",
        "refuse writes while their lines cannot be put on disk, and acknowledge none whose lines are not",
        |config| some(audit_file(config)?.1.is_strict),
    )],
)
.with(AUDIT_IN_FILE);

pub(crate) static AUDITED_FEATURES: Block = Block::new(
    "Feast's other audit log",
    "feature_server.metrics",
    &[setting(
        "audit_logging",
        "true, false",
        "for each read a line too that says which views, which keys by their names, and how many entities; it goes where the audit log goes",
        |config| some(audit(config)?.logs_features),
    )],
)
.with("feature_server: {audit_logging: {enabled: true}}");

pub(crate) static METRICS: Block = Block::new(
    "Metrics",
    "feature_server.metrics",
    &[
        setting(
            "enabled",
            "true, false",
            "count, and serve the numbers: [`monitoring.md`](monitoring.md); `feast serve --metrics` does the same",
            |config| some(config.metrics.is_enabled),
        ),
        setting(
            "resource",
            "true, false",
            "processor and memory of the process",
            |config| some(config.metrics.resource),
        ),
        setting("request", "true, false", "requests and their times", |config| {
            some(config.metrics.request)
        }),
        setting("online_features", "true, false", "what reads find", |config| {
            some(config.metrics.online_features)
        }),
        setting("push", "true, false", "pushes", |config| some(config.metrics.push)),
        setting("materialization", "true, false", "materializations", |config| {
            some(config.metrics.materialization)
        }),
        setting("freshness", "true, false", "the age of views", |config| {
            some(config.metrics.freshness)
        }),
        setting(
            "feature_count_bins",
            "rising whole numbers",
            "ends of the bins in the label `feature_count`",
            |config| some(config.metrics.feature_count_bins.clone()),
        ),
    ],
)
.and_ignored(&[ignored(
    "offline_features",
    "this server does not read the offline store for clients",
    never,
)]);

pub(crate) static METRICS_SERVING: Block = Block::new(
    "Where metrics are served",
    "serving",
    &[
        setting("metrics_host", "a host", "the address of their port", |config| {
            or_null(config.metrics.host.as_deref())
        })
        .or_nothing("all addresses"),
        setting("metrics_port", "a port", "their port; 0 takes any free one", |config| {
            some(config.metrics.port)
        }),
        setting(
            "metrics_route",
            "true, false",
            "`GET /metrics` of the serving port has the page too, also without the other port",
            |config| some(config.metrics.has_route),
        ),
    ],
);
