//! `serving`, which is this server's own.

use serde_json::Value;

use super::{Block, mib, or_null, place, setting, some};
use crate::{BackupSchedule, PythonConfig, RateLimit, RepositoryConfig, ResponseLayout, TracesConfig, format_duration};

/// Null for a block that is not there. Of one that is there its keys are shown.
fn none_of<T>(block: Option<&T>) -> Option<Value> {
    block.is_none().then_some(Value::Null)
}

pub(crate) static REQUESTS: Block = Block::new(
    "Requests",
    "serving",
    &[
        setting(
            "response_layout",
            "`auto`, `rows`, `columns`",
            "`rows` or `columns` for all requests that do not say; `auto` gives columns for a JSON content type",
            |config| {
                some(match config.response_layout {
                    ResponseLayout::Auto => "auto",
                    ResponseLayout::Rows => "rows",
                    ResponseLayout::Columns => "columns",
                })
            },
        ),
        setting(
            "max_requests",
            "requests, 1 at least",
            "reads under way that are large or need the disk, and, apart from them, writes and materializations; more are answered with \
             503 and `Retry-After`, and so is a large read whose turn does not come within a second (there are as many turns as \
             `--workers`)",
            |config| some(config.limits.requests),
        ),
        setting(
            "max_memory_mib",
            "MiB, 1 at least",
            "bodies, what they are parsed into, what writing them takes, and answers until they are sent, each of 64 KiB and more; as much \
             again for replies of Redis; more are answered with 503",
            |config| mib(config.limits.memory),
        )
        .computed("a quarter of the memory, from 64 to 1024"),
        setting(
            "send_timeout_seconds",
            "1 to 86400 seconds",
            "how long a client may take nothing of its answer before its connection is ended",
            |config| some(config.limits.send_timeout.as_secs()),
        ),
        setting(
            "allowed_hosts",
            "a list of hosts, without ports",
            "hosts under which browsers may reach the server and whose pages may use it",
            |config| some(config.allowed_hosts.iter().map(ToString::to_string).collect::<Vec<_>>()),
        ),
        setting(
            "max_event_time_skew",
            "a duration",
            "how far ahead of the clock event times of pushed and written rows may be; rows further ahead are refused with 400",
            |config| or_null(config.max_event_time_skew.map(format_duration)),
        )
        .or_nothing("any time"),
        setting(
            "cancel_abandoned_runs",
            "true, false",
            "end materializations whose clients are gone",
            |config| some(config.cancel_abandoned_runs),
        ),
        setting(
            "log_level",
            "`error`, `warn`, `info`, `debug`, `trace`",
            "least severe lines of the log; `--log-level` and `RUST_LOG` go before it",
            |config| or_null(config.log_level.as_deref()),
        )
        .or_nothing("`info`")
        .reloaded(),
        setting(
            "slow_requests",
            "a duration",
            "requests that take longer are in the log, with where the time went: \
             [`monitoring.md`](monitoring.md#slow-requests)",
            |config| or_null(config.slow_requests.map(format_duration)),
        ),
        setting(
            "traces",
            "a block",
            "spans of requests for a collector of OpenTelemetry",
            |config| none_of(config.traces.as_ref()),
        ),
    ],
);

pub(crate) static CONNECTIONS: Block = Block::new(
    "Connections",
    "serving",
    &[
        setting(
            "header_timeout_seconds",
            "1 to 86400 seconds",
            "how long the head of a request, or a TLS handshake, may take",
            |config| some(config.connections.head_timeout.as_secs()),
        ),
        setting(
            "body_timeout_seconds",
            "1 to 86400 seconds",
            "how long the body of a request may take",
            |config| some(config.connections.body_timeout.as_secs()),
        ),
        setting(
            "connection_lifetime_seconds",
            "0 to 86400 seconds",
            "after that the next answer on a connection is its last; 0 is for ever",
            |config| some(config.connections.lifetime.map_or(0, |lifetime| lifetime.as_secs())),
        ),
        setting("http2", "true, false", "HTTP/2 also without TLS", |config| {
            some(config.connections.http2_in_clear)
        }),
        setting(
            "rate_limit",
            "a block",
            "how often one client may ask, who is whoever has signed in, else an address; more is answered with 429",
            |config| none_of(rate_limit(config)),
        ),
    ],
);

fn rate_limit(config: &RepositoryConfig) -> Option<&RateLimit> {
    config.connections.rate_limit.as_ref()
}

pub(crate) static RATE_LIMIT: Block = Block::new(
    "How often one client may ask",
    "serving.rate_limit",
    &[
        setting(
            "requests_per_second",
            "requests, 1 at least",
            "in the long run",
            |config| some(rate_limit(config)?.requests_per_second.get()),
        )
        .required(),
        setting("burst", "requests, 1 at least", "at once, after a pause", |config| {
            some(rate_limit(config)?.burst.get())
        })
        .computed("`requests_per_second`"),
    ],
)
.with("serving: {rate_limit: {requests_per_second: 100}}");

pub(crate) static ROWS: Block = Block::new(
    "Rows, materialization, and what the server has others do",
    "serving",
    &[
        setting(
            "drop_after",
            "a duration",
            "how long the online rows of a view that has left the registry are kept, unseen, in case it comes back",
            |config| some(format_duration(config.drop_after)),
        ),
        setting(
            "materialization_memory_mib",
            "MiB, 32 at least",
            "keys and rows that a materialization has in memory; what does not fit goes to disk: [`materialization.md`](materialization.md)",
            |config| mib(config.materialization.memory),
        )
        .computed("a quarter of the memory, 32 at least"),
        setting("materialization_disk_mib", "MiB", "what of them may go to disk", |config| {
            some(config.materialization.disk >> 20)
        }),
        setting(
            "python",
            "a block",
            "the Python that runs functions of on-demand views which this binary does not: [`on-demand-views.md`](on-demand-views.md)",
            |config| none_of(config.python.as_ref()),
        ),
        setting(
            "backups",
            "a block",
            "backups that the server makes by itself, of an online store in RocksDB: [`backups.md`](backups.md)",
            |config| none_of(config.backups.as_ref()),
        ),
    ],
);

fn traces(config: &RepositoryConfig) -> Option<&TracesConfig> {
    config.traces.as_ref()
}

pub(crate) static TRACES: Block = Block::new(
    "Traces",
    "serving.traces",
    &[
        setting(
            "endpoint",
            "the address of a collector that takes OTLP over HTTP",
            "where spans go: [`monitoring.md`](monitoring.md#traces)",
            |config| or_null(traces(config)?.endpoint.as_deref()),
        )
        .computed("that of `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`, else `http://localhost:4318`"),
        setting(
            "sample_rate",
            "a number from 0 to 1",
            "the share that is traced of requests whose client does not say whether they are",
            |config| some(traces(config)?.sample_rate.share()),
        ),
        setting(
            "ca_cert_path",
            "a path",
            "the authorities that sign the certificate of the collector",
            |config| {
                or_null(
                    traces(config)?
                        .authorities
                        .as_ref()
                        .map(|path| path.to_string_lossy().into_owned()),
                )
            },
        )
        .or_nothing("those of the system"),
    ],
)
.with("serving: {traces: {}}");

fn python(config: &RepositoryConfig) -> Option<&PythonConfig> {
    config.python.as_ref()
}

pub(crate) static PYTHON: Block = Block::new(
    "Python for on-demand views",
    "serving.python",
    &[
        setting(
            "command",
            "a path or a name",
            "the interpreter; a path starts at the repository, a bare name is looked for on the `PATH`",
            |config| place(&python(config)?.command),
        )
        .required(),
        setting(
            "workers",
            "1 to 256",
            "processes; each runs one call at a time",
            |config| some(python(config)?.workers),
        ),
        setting(
            "timeout_ms",
            "1 to 600000 ms",
            "how long a call may take; then its process is killed, another is started, and the request is answered with 500",
            |config| some(u64::try_from(python(config)?.timeout.as_millis()).unwrap_or(u64::MAX)),
        ),
        setting(
            "queue",
            "calls, 1 to 1048576",
            "calls that may wait for a process; more are answered with 503",
            |config| some(python(config)?.queue),
        ),
        setting("memory_mib", "MiB, 64 at least", "address space of a process", |config| {
            mib(python(config)?.memory)
        }),
        setting(
            "user",
            "a name",
            "whom a process becomes where the server runs as root",
            |config| some(python(config)?.user.as_str()),
        ),
        setting(
            "env",
            "a list of names",
            "variables that a process gets, beside `PATH`, `HOME`, `LANG`, `TZ`, `VIRTUAL_ENV` and `PYTHON*`",
            |config| some(python(config)?.variables.clone()),
        ),
        setting(
            "shadow",
            "answers, 1 at least",
            "every n-th answer that was computed natively is also computed in Python and compared; a difference is logged and moves the view \
             to Python",
            |config| or_null(python(config)?.shadow),
        ),
    ],
)
.with("serving: {python: {command: python3}}");

fn backups(config: &RepositoryConfig) -> Option<&BackupSchedule> {
    config.backups.as_ref()
}

pub(crate) static BACKUPS: Block = Block::new(
    "Backups by the server",
    "serving.backups",
    &[
        setting("directory", "a path", "the directory of backups", |config| {
            place(&backups(config)?.directory)
        })
        .required(),
        setting(
            "every",
            "a duration, 1s at least",
            "from the beginning of one to that of the next",
            |config| some(format_duration(backups(config)?.every)),
        ),
        setting(
            "keep",
            "backups, 1 at least",
            "the oldest of more are removed, after the new one is complete",
            |config| some(backups(config)?.keep.get()),
        ),
    ],
)
.with("online_store: {type: rocksdb}\nserving: {backups: {directory: backups}}");
