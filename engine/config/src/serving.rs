//! The block `serving`, which is this server's own.

use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{bytes_at, number_at, string_at};
use super::duration::{duration_at, format_duration};
use super::host::Host;
use super::keys::check_keys;
use super::machine::machine_memory;
use super::settings::blocks_at;

/// A day.
pub(super) const DEFAULT_DROP_AFTER: Duration = Duration::from_secs(86_400);

/// The limits of a server: how much it does at once before it refuses, and how long it waits for a client that does not read its
/// response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServingLimits {
    /// Requests that are more than a small read from memory.
    pub requests: usize,
    /// Bytes of request bodies, of what they are parsed into, and of responses.
    pub memory: usize,
    /// How long a client may read nothing of its response.
    pub send_timeout: Duration,
}

impl Default for ServingLimits {
    fn default() -> Self {
        Self {
            requests: 256,
            memory: request_memory(machine_memory()),
            send_timeout: Duration::from_secs(60),
        }
    }
}

/// Of the memory that the process may have, a quarter for requests, within bounds: with less no large request would be answered, and
/// with more one client could fill a large machine.
fn request_memory(machine: u64) -> usize {
    let bytes = (machine / 4).clamp(64 << 20, 1 << 30);
    usize::try_from(bytes).unwrap_or(1 << 30)
}

/// How much that was answered with 202 may wait for one parquet source before no more is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushQueueLimits {
    /// Rows (`serving.push_queue_max_rows`).
    pub rows: usize,
    /// Bytes in the log (`serving.push_queue_max_mib`).
    pub bytes: usize,
    /// How long some may wait for a source that cannot be written (`serving.push_queue_max_age`).
    pub age: Duration,
}

const DEFAULT_QUEUE_ROWS: usize = 1_000_000;
const DEFAULT_QUEUE_BYTES: usize = 256 << 20;
const DEFAULT_QUEUE_AGE: Duration = Duration::from_secs(3600);

/// The limits for batches of so many rows, or as many as come in an interval: room for two of them at least.
pub(super) fn push_queue_limits(root: &Value, rows: usize, interval: Duration) -> Result<PushQueueLimits> {
    let given_rows = number_at(root, "serving", "push_queue_max_rows", 1)?;
    let given_rows = given_rows.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
    let given_age = duration_at(root, "serving", "push_queue_max_age")?;
    if let Some(most) = given_rows.filter(|most| *most < rows) {
        return Err(Error::invalid(format!(
            "serving.push_queue_max_rows ({most}) is less than feature_server.offline_push_batching_batch_size ({rows})"
        )));
    }
    if let Some(most) = given_age.filter(|most| *most < interval) {
        let (most, interval) = (format_duration(most), format_duration(interval));
        return Err(Error::invalid(format!(
            "serving.push_queue_max_age ({most}) is less than feature_server.offline_push_batching_batch_interval_seconds ({interval})"
        )));
    }
    Ok(PushQueueLimits {
        rows: given_rows.unwrap_or_else(|| rows.saturating_mul(2).max(DEFAULT_QUEUE_ROWS)),
        bytes: bytes_at(root, "serving", "push_queue_max_mib", 1)?.unwrap_or(DEFAULT_QUEUE_BYTES),
        age: given_age.unwrap_or_else(|| interval.saturating_mul(2).max(DEFAULT_QUEUE_AGE)),
    })
}

/// The limits of a materialization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaterializationLimits {
    /// Bytes of memory for keys and rows, beside what the process takes anyway (`serving.materialization_memory_mib`).
    pub memory: usize,
    /// Bytes on disk, for what does not fit into it (`serving.materialization_disk_mib`).
    pub disk: u64,
    /// Of how many equal shares of the settings this is one.
    pub shares: usize,
}

impl MaterializationLimits {
    /// One of so many equal shares, for what runs at once.
    #[must_use]
    pub const fn share(self, shares: usize) -> Self {
        Self {
            memory: self.memory / shares,
            disk: self.disk / shares as u64,
            shares: self.shares * shares,
        }
    }

    /// The bound on memory, for messages.
    pub fn memory_in_words(self) -> String {
        self.in_words(self.memory as u64)
    }

    /// The bound on disk, for messages.
    pub fn disk_in_words(self) -> String {
        self.in_words(self.disk)
    }

    fn in_words(self, bytes: u64) -> String {
        let mib = bytes >> 20;
        if self.shares == 1 {
            return format!("{mib} MiB");
        }
        // A share was rounded down.
        let whole = bytes.saturating_mul(self.shares as u64).div_ceil(1 << 20);
        format!("{mib} MiB (of {whole} MiB for {} sources at once)", self.shares)
    }
}

impl Default for MaterializationLimits {
    fn default() -> Self {
        Self {
            memory: usize::try_from(machine_memory() / 4).unwrap_or(usize::MAX),
            disk: 100 << 30,
            shares: 1,
        }
    }
}

/// With less, a run would be nothing but small files.
const MIN_MATERIALIZATION_MIB: u64 = 32;

pub(super) fn materialization(root: &Value) -> Result<MaterializationLimits> {
    let default = MaterializationLimits::default();
    let memory = bytes_at(root, "serving", "materialization_memory_mib", MIN_MATERIALIZATION_MIB)?;
    let disk = bytes_at(root, "serving", "materialization_disk_mib", 0)?;
    Ok(MaterializationLimits {
        memory: memory.unwrap_or_else(|| default.memory.max((MIN_MATERIALIZATION_MIB as usize) << 20)),
        disk: disk.map_or(default.disk, |bytes| bytes as u64),
        shares: 1,
    })
}

/// How `/get-online-features` arranges its results when the request does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseLayout {
    /// Columns for requests with a JSON content type, rows for others.
    #[default]
    Auto,
    /// One result per entity row, as in Feast's documentation.
    Rows,
    /// One result per feature, as Feast's servers respond.
    Columns,
}

/// Refuses keys that this server does not know: nothing else reads the block.
pub(super) fn check(root: &Value) -> Result<()> {
    match root.get("serving") {
        None | Some(Value::Null) => Ok(()),
        Some(block @ Value::Object(_)) => check_keys("serving", block, &blocks_at("serving")),
        Some(other) => Err(Error::invalid(format!("serving must be a mapping, not {other}"))),
    }
}

/// Hosts beside the server's own under which browsers may reach it.
pub(super) fn allowed_hosts(root: &Value) -> Result<Vec<Host>> {
    let hosts = match root.get("serving").and_then(|block| block.get("allowed_hosts")) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(hosts)) => hosts,
        Some(other) => {
            return Err(Error::invalid(format!(
                "serving.allowed_hosts must be a list of hosts, not {other}"
            )));
        }
    };
    let host = |value: &Value| {
        value.as_str().and_then(Host::parse).ok_or_else(|| {
            Error::invalid(format!("serving.allowed_hosts: {value} is not a host")).with_hint(
                "write a name or an address without scheme, port and wildcards, such as features.example.com",
            )
        })
    };
    hosts.iter().map(host).collect()
}

/// A day: the kernel does not take numbers of any size.
const MAX_SEND_TIMEOUT_SECONDS: u64 = 86_400;

fn send_timeout(root: &Value) -> Result<Option<Duration>> {
    match number_at(root, "serving", "send_timeout_seconds", 1)? {
        Some(seconds) if seconds > MAX_SEND_TIMEOUT_SECONDS => Err(Error::invalid(format!(
            "serving.send_timeout_seconds must be at most {MAX_SEND_TIMEOUT_SECONDS}, not {seconds}"
        ))),
        seconds => Ok(seconds.map(Duration::from_secs)),
    }
}

pub(super) fn limits(root: &Value) -> Result<ServingLimits> {
    let default = ServingLimits::default();
    let requests = number_at(root, "serving", "max_requests", 1)?;
    Ok(ServingLimits {
        requests: requests.map_or(default.requests, |number| usize::try_from(number).unwrap_or(usize::MAX)),
        memory: bytes_at(root, "serving", "max_memory_mib", 1)?.unwrap_or(default.memory),
        send_timeout: send_timeout(root)?.unwrap_or(default.send_timeout),
    })
}

const LOG_LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

pub(super) fn log_level(root: &Value) -> Result<Option<String>> {
    let Some(block) = root.get("serving") else {
        return Ok(None);
    };
    let level = string_at(block, "serving", "log_level")?.map(str::to_ascii_lowercase);
    match level {
        Some(level) if !LOG_LEVELS.contains(&&*level) => Err(Error::invalid(format!(
            "serving.log_level {level:?} is not one of {}",
            LOG_LEVELS.join(", ")
        ))),
        level => Ok(level),
    }
}

pub(super) fn response_layout(root: &Value) -> Result<ResponseLayout> {
    let Some(block) = root.get("serving") else {
        return Ok(ResponseLayout::default());
    };
    match string_at(block, "serving", "response_layout")? {
        None | Some("auto") => Ok(ResponseLayout::Auto),
        Some("rows") => Ok(ResponseLayout::Rows),
        Some("columns") => Ok(ResponseLayout::Columns),
        Some(other) => Err(Error::invalid(format!(
            "serving.response_layout {other:?} is not one of auto, rows, columns"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_a_quarter_of_the_memory_within_bounds() {
        let mib = |machine: u64| request_memory(machine << 20) >> 20;
        assert_eq!([100, 512, 2048, 4096, 65_536].map(mib), [64, 128, 512, 1024, 1024]);
    }

    #[test]
    fn what_waits_for_a_source_has_room_for_its_batches() {
        let limits = |settings: &str, rows: usize, seconds: u64| {
            let root = serde_json::from_str(settings).unwrap();
            let limits = push_queue_limits(&root, rows, Duration::from_secs(seconds));
            limits.map_err(|error| error.to_string())
        };
        let usual = PushQueueLimits {
            rows: 1_000_000,
            bytes: 256 << 20,
            age: Duration::from_secs(3600),
        };
        assert_eq!(limits("{}", 100, 1), Ok(usual));
        let large = limits("{}", 2_000_000, 7200).unwrap();
        assert_eq!((large.rows, large.age.as_secs()), (4_000_000, 14_400));
        let given = r#"{"serving": {"push_queue_max_rows": 7, "push_queue_max_mib": 2, "push_queue_max_age": "5m"}}"#;
        let given = |rows, seconds| limits(given, rows, seconds);
        let small = given(7, 300).unwrap();
        assert_eq!((small.rows, small.bytes, small.age.as_secs()), (7, 2 << 20, 300));
        assert!(
            given(8, 300)
                .unwrap_err()
                .contains("push_queue_max_rows (7) is less than")
        );
        assert!(
            given(7, 301)
                .unwrap_err()
                .contains("push_queue_max_age (5m) is less than")
        );
    }

    #[test]
    fn shares_of_the_limits_say_what_they_are_of() {
        let whole = MaterializationLimits {
            memory: 1 << 30,
            disk: 100 << 20,
            shares: 1,
        };
        assert_eq!(whole.memory_in_words(), "1024 MiB");
        let share = whole.share(4);
        assert_eq!((share.memory, share.disk), (256 << 20, 25 << 20));
        assert_eq!(share.disk_in_words(), "25 MiB (of 100 MiB for 4 sources at once)");
        assert_eq!(
            whole.share(3).disk_in_words(),
            "33 MiB (of 100 MiB for 3 sources at once)"
        );
    }
}
