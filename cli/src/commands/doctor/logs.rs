//! What a server writes beside its stores: the audit log, the log of served features, the log of pushes.

use feast_engine::{AuditSink, check_writable_directory, process_in_words};
use feast_server::AuditLog;

use super::context::{Context, in_words};
use super::finding::Findings;
use crate::commands::serve::place_of;

pub(super) fn check_audit(context: &Context, findings: &Findings) {
    let Some(audit) = &context.config.audit else { return };
    let place = place_of(&audit.sink);
    let writer = match AuditLog::examine(audit) {
        Ok(writer) => writer,
        Err(error) => return findings.failed(&error),
    };
    let holder = context.holder().and_then(|holder| holder.process);
    match writer {
        None if audit.sink == AuditSink::Logger => findings.ok(format!("requests are recorded in {place}")),
        None => findings.ok(format!("{place} can be written")),
        Some(writer) if Some(writer) == holder => findings.ok(format!(
            "{} writes {place}, and has the online store open: it must be stopped before another one starts",
            process_in_words(writer)
        )),
        Some(writer) => findings.error(
            format!("{} writes the audit log {place}", process_in_words(writer)),
            "stop it first, or give each server a file of its own, such as feature_server.audit_logging.file_path: ${AUDIT_FILE}",
        ),
    }
}

pub(super) fn check_features(context: &Context, findings: &Findings) {
    let Some(store) = &context.registry else { return };
    store
        .feature_log_remarks()
        .iter()
        .for_each(|line| findings.remark(line));
    if let Err(error) = store.check_feature_log() {
        findings.failed(&error);
    }
    let logging = &context.config.feature_logging;
    if !logging.is_enabled {
        return;
    }
    findings.begin(format!("looking at {}", logging.spool_path.display()));
    // Each project has a directory of its own there.
    match check_writable_directory(&logging.spool_path.join(&context.config.project)) {
        Ok(()) => findings.ok(format!("rows wait in {}", logging.spool_path.display())),
        Err(error) => findings.error(
            format!("features that are to be logged cannot wait on disk: {error}"),
            "set serving.feature_log_spool_path to a directory that can be written",
        ),
    }
    for (service, destination) in store.feature_log_destinations() {
        findings.begin(format!("looking at {}", destination.display()));
        match check_writable_directory(&destination) {
            Ok(()) => findings.ok(format!("what is served of {service} goes to {}", destination.display())),
            Err(error) => findings.error(
                format!("what is served of {service} cannot be logged: {error}"),
                "let the user that runs the server write there, or correct the destination of the service and run: feast apply",
            ),
        }
    }
}

pub(super) fn check_pushes(context: &Context, findings: &Findings) {
    let Some(store) = context.registry.as_ref().filter(|_| context.is_to_write()) else {
        return;
    };
    if context.config.online_store.directory().is_some() {
        return;
    }
    let path = context.config.push_log_path.display();
    match store.examine_push_log() {
        Ok(None) => findings.ok(format!("{path} can be written")),
        Ok(Some(holder)) => findings.warning(
            format!(
                "{} has {path} open: pushes to both stores would be refused",
                in_words(holder)
            ),
            "stop it first, or give each server a log of its own with serving.push_log_path",
        ),
        Err(error) => findings.error(
            format!("pushes to both stores cannot be recorded: {error}"),
            "set serving.push_log_path to a directory that can be written",
        ),
    }
}
