//! The block `feature_server.audit_logging`, which is Feast's, and how strict the server is about it, which is our own.

use std::path::{Path, PathBuf};

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::flag_at;

const BLOCK: &str = "feature_server.audit_logging";
const DEFAULT_FILE: &str = "feast_audit.log";

/// The audit log of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// Where lines go (`sink`).
    pub sink: AuditSink,
    /// Whether there is a line also for a read that was answered (`log_successful_reads`).
    pub logs_successful_reads: bool,
    /// Nothing is written to the stores whose line is not on disk (`serving.audit_strict`).
    pub is_strict: bool,
    /// Whether there is a line of Feast's other audit log too, for each read (`feature_server.metrics.audit_logging`).
    pub logs_features: bool,
}

/// Where lines of the audit log go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditSink {
    /// The standard output of the server.
    Stdout,
    /// This file (`file_path`), which has one writer.
    File(PathBuf),
    /// The log of the server.
    Logger,
}

/// `None` when there is none. All of the block is checked in any case, as in Feast, which does not take null here either.
pub(super) fn audit(root: &Value, directory: &Path) -> Result<Option<AuditConfig>> {
    let block = root.pointer("/feature_server/audit_logging").unwrap_or(&Value::Null);
    let flag = |key: &str, default: bool| match block.get(key) {
        None => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Error::invalid(format!(
            "{BLOCK}.{key} must be true or false, not {other}"
        ))),
    };
    let (is_enabled, logs_successful_reads) = (flag("enabled", false)?, flag("log_successful_reads", true)?);
    let file = match block.get("file_path") {
        None => DEFAULT_FILE,
        Some(Value::String(path)) => path,
        Some(other) => {
            return Err(Error::invalid(format!(
                "{BLOCK}.file_path must be a string, not {other}"
            )));
        }
    };
    let sink = match block.get("sink") {
        None => AuditSink::Stdout,
        Some(Value::String(name)) if name == "stdout" => AuditSink::Stdout,
        Some(Value::String(name)) if name == "logger" => AuditSink::Logger,
        Some(Value::String(name)) if name == "file" && file.is_empty() => {
            let error = Error::invalid(format!("{BLOCK}.file_path is empty"));
            return Err(error.with_hint("name a file, or leave the key out"));
        }
        Some(Value::String(name)) if name == "file" => AuditSink::File(directory.join(file)),
        Some(other) => {
            let error = Error::invalid(format!("{BLOCK}.sink must be stdout, file or logger, not {other}"));
            return Err(error);
        }
    };
    let is_strict = flag_at(root, "serving", "audit_strict")?;
    if is_strict && !(is_enabled && matches!(sink, AuditSink::File(_))) {
        let message = "serving.audit_strict is true, and there is no audit log in a file, so nothing could be written";
        return Err(Error::invalid(message).with_hint(
            "set feature_server: {audit_logging: {enabled: true, sink: file}}, or leave serving.audit_strict out",
        ));
    }
    let logs_features = logs_features(root);
    Ok(is_enabled.then_some(AuditConfig {
        sink,
        logs_successful_reads,
        is_strict,
        logs_features,
    }))
}

/// That it is true or false is checked with the other metrics.
fn logs_features(root: &Value) -> bool {
    root.pointer("/feature_server/metrics/audit_logging") == Some(&Value::Bool(true))
}

/// Whether it is asked for lines that have nowhere to go.
pub(super) fn has_no_place(root: &Value) -> bool {
    let enabled = root.pointer("/feature_server/audit_logging/enabled");
    logs_features(root) && enabled != Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(audit_logging: Value) -> String {
        read_with(audit_logging, Value::Null)
    }

    fn read_with(audit_logging: Value, serving: Value) -> String {
        let root = json!({"feature_server": {"audit_logging": audit_logging}, "serving": serving});
        match audit(&root, Path::new("/shop")) {
            Ok(None) => "off".to_owned(),
            Ok(Some(audit)) => {
                let sink = match audit.sink {
                    AuditSink::Stdout => "stdout".to_owned(),
                    AuditSink::Logger => "logger".to_owned(),
                    AuditSink::File(path) => path.to_string_lossy().into_owned(),
                };
                let notes = [(audit.logs_successful_reads, "reads"), (audit.is_strict, "strict")];
                let notes = notes.into_iter().filter_map(|(is_so, note)| is_so.then_some(note));
                [vec![sink.as_str()], notes.collect()].concat().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn settings_are_read() {
        let check = |block: Value, expected: &str| assert_eq!(read(block.clone()), expected, "{block}");
        check(Value::Null, "off");
        check(json!({}), "off");
        check(json!({"enabled": false, "sink": "file"}), "off");
        check(json!({"enabled": true}), "stdout reads");
        check(
            json!({"enabled": true, "sink": "logger", "log_successful_reads": false}),
            "logger",
        );
        check(json!({"enabled": true, "sink": "file"}), "/shop/feast_audit.log reads");
        check(
            json!({"enabled": true, "sink": "file", "file_path": "/var/log/a.log"}),
            "/var/log/a.log reads",
        );
        check(json!({"enabled": true, "file_path": ""}), "stdout reads");
        let strict = json!({"audit_strict": true});
        let file = json!({"enabled": true, "sink": "file"});
        assert_eq!(read_with(file, strict), "/shop/feast_audit.log reads strict");
    }

    #[test]
    fn settings_that_mean_nothing_are_named() {
        let check = |block: Value, expected: &str| {
            let message = read(block.clone());
            assert_eq!(message, format!("feature_server.audit_logging.{expected}"), "{block}");
        };
        check(json!({"enabled": "yes"}), "enabled must be true or false, not \"yes\"");
        check(json!({"enabled": 1}), "enabled must be true or false, not 1");
        check(json!({"enabled": null}), "enabled must be true or false, not null");
        check(
            json!({"log_successful_reads": 0}),
            "log_successful_reads must be true or false, not 0",
        );
        check(
            json!({"sink": "syslog"}),
            "sink must be stdout, file or logger, not \"syslog\"",
        );
        check(json!({"sink": null}), "sink must be stdout, file or logger, not null");
        check(json!({"file_path": 5}), "file_path must be a string, not 5");
        check(
            json!({"enabled": true, "sink": "file", "file_path": ""}),
            "file_path is empty",
        );
        for block in [json!({}), json!({"enabled": true}), json!({"sink": "file"})] {
            let message = read_with(block, json!({"audit_strict": true}));
            assert!(
                message.starts_with("serving.audit_strict is true, and there is no audit log in a file"),
                "{message}"
            );
        }
    }
}
