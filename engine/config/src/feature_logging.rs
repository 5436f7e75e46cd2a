//! The block `feature_server.feature_logging`, which is Feast's, and where rows wait for their destination, which is our own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{bytes_at, path_at};

const EMIT_TIMEOUT: &str = "emit_timeout_micro_secs";
/// Feast's default.
const EMIT_TIMEOUT_MICROS: i64 = 10_000;
/// A year: more is a mistake, and clocks of the system end somewhere.
const MAX_SECONDS: i64 = 366 * 86_400;
/// Rows that wait are in memory.
const MAX_ROWS: i64 = 1 << 31;
const DEFAULT_SPOOL_BYTES: usize = 1 << 30;

/// Whether and how a server logs the features that it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureLoggingConfig {
    /// Whether it does (`enabled`).
    pub is_enabled: bool,
    /// Between two files of a service in its destination (`flush_interval_secs`).
    pub flush_interval: Duration,
    /// How long rows are in memory only (`write_to_disk_interval_secs`).
    pub write_interval: Duration,
    /// How many rows of a service may be in memory (`queue_capacity`).
    pub queue_rows: usize,
    /// The directory in which rows wait for their destination (`serving.feature_log_spool_path`).
    pub spool_path: PathBuf,
    /// How much may wait there (`serving.feature_log_spool_mib`).
    pub spool_bytes: u64,
}

pub(super) fn feature_logging(root: &Value, directory: &Path) -> Result<FeatureLoggingConfig> {
    let block = &root["feature_server"]["feature_logging"];
    let refused = |key: &str, expected: &str, given: &Value| {
        Error::invalid(format!(
            "feature_server.feature_logging.{key} must be {expected}, not {given}"
        ))
    };
    // Unlike elsewhere, Feast refuses a key without a value here.
    let number = |key: &str, default: i64, least: i64, most: i64| match block.get(key) {
        None => Ok(default),
        Some(given) => given
            .as_i64()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| refused(key, &format!("a whole number from {least} to {most}"), given)),
    };
    let seconds = |key: &str, default: i64| {
        let seconds = number(key, default, 1, MAX_SECONDS)?;
        Ok::<_, Error>(Duration::from_secs(seconds.unsigned_abs()))
    };
    number(EMIT_TIMEOUT, EMIT_TIMEOUT_MICROS, i64::MIN, i64::MAX)?;
    let spool_path = path_at(&root["serving"], "serving", "feature_log_spool_path")?;
    Ok(FeatureLoggingConfig {
        is_enabled: match block.get("enabled") {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(given) => return Err(refused("enabled", "true or false", given)),
        },
        flush_interval: seconds("flush_interval_secs", 600)?,
        write_interval: seconds("write_to_disk_interval_secs", 30)?,
        queue_rows: usize::try_from(number("queue_capacity", 100_000, 1, MAX_ROWS)?).unwrap_or(usize::MAX),
        spool_path: directory.join(spool_path.unwrap_or("data/feature_log")),
        spool_bytes: bytes_at(root, "serving", "feature_log_spool_mib", 1)?.unwrap_or(DEFAULT_SPOOL_BYTES) as u64,
    })
}

/// Whether a timeout is asked for that means something in Feast: here no request waits for the log.
pub(super) fn has_timeout(timeout: &Value) -> bool {
    timeout.as_i64().is_some_and(|micros| micros != EMIT_TIMEOUT_MICROS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(block: Value, serving: Value) -> Result<FeatureLoggingConfig> {
        let root = json!({"feature_server": {"feature_logging": block}, "serving": serving});
        feature_logging(&root, Path::new("/repo"))
    }

    #[test]
    fn settings_are_read() {
        let default = FeatureLoggingConfig {
            is_enabled: false,
            flush_interval: Duration::from_secs(600),
            write_interval: Duration::from_secs(30),
            queue_rows: 100_000,
            spool_path: PathBuf::from("/repo/data/feature_log"),
            spool_bytes: 1 << 30,
        };
        assert_eq!(parsed(Value::Null, Value::Null).unwrap(), default);
        let block = json!({
            "enabled": true, "flush_interval_secs": 60, "write_to_disk_interval_secs": 1, "queue_capacity": 5,
            "emit_timeout_micro_secs": -1,
        });
        let serving = json!({"feature_log_spool_path": "/spool", "feature_log_spool_mib": 3});
        let expected = FeatureLoggingConfig {
            is_enabled: true,
            flush_interval: Duration::from_secs(60),
            write_interval: Duration::from_secs(1),
            queue_rows: 5,
            spool_path: PathBuf::from("/spool"),
            spool_bytes: 3 << 20,
        };
        assert_eq!(parsed(block, serving).unwrap(), expected);
    }

    #[test]
    fn what_feast_refuses_and_what_means_nothing_is_refused() {
        let flags = [json!("yes"), json!(1), Value::Null];
        let numbers = [json!("5"), json!(1.5), json!(true), Value::Null];
        for (key, values) in [
            ("enabled", flags.as_slice()),
            ("flush_interval_secs", &numbers),
            ("emit_timeout_micro_secs", &numbers),
            // Feast takes these, and then writes all the time, or nothing.
            ("write_to_disk_interval_secs", &[json!(0), json!(-5)]),
            ("queue_capacity", &[json!(0), json!(1_u64 << 40)]),
        ] {
            for value in values {
                let error = parsed(json!({ key: value }), Value::Null).unwrap_err().to_string();
                let start = format!("feature_server.feature_logging.{key} must be ");
                assert!(
                    error.starts_with(&start) && error.ends_with(&format!(", not {value}")),
                    "{error}"
                );
            }
        }
        let error = parsed(Value::Null, json!({"feature_log_spool_path": ""})).unwrap_err();
        assert_eq!(error.to_string(), "serving.feature_log_spool_path is empty");
    }

    #[test]
    fn a_timeout_is_said_to_have_no_effect() {
        for (timeout, expected) in [(json!(10_000), false), (json!(5), true), (Value::Null, false)] {
            assert_eq!(has_timeout(&timeout), expected, "{timeout}");
        }
    }
}
