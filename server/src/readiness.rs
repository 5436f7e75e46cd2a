//! Whether requests should be sent to this server, and what an operator should know of it: one state for `/ready`, the metrics and the
//! log.
//!
//! What needs a look at disks is looked at once a second, not when a probe asks: a probe must not wait for a disk.

use feast_engine::{DiskRoom, Error, FeatureStore, StoreStatistics, format_duration};

use crate::connections::Tls;
use crate::context::Context;

/// Less that is free on the disk of the online store is said: RocksDB stops writes when there is no room for a memtable.
const MIN_FREE_BYTES: u64 = 1 << 30;
const MIN_FREE_PERCENT: u64 = 5;
/// The registry is looked at five times a second.
const MAX_REGISTRY_AGE_SECONDS: u64 = 30;

/// Something that keeps a server from being ready, or should be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// What kind it is: a word of [`REASONS`] or [`WARNINGS`].
    pub(crate) kind: &'static str,
    /// For clients: without the paths of files.
    pub(crate) text: String,
    /// For the log.
    logged: String,
}

impl Condition {
    fn new(kind: &'static str, text: String) -> Self {
        let logged = text.clone();
        Self { kind, text, logged }
    }

    /// With its remedy, as nobody but the reader of `/ready` and of the log can do something about it.
    fn of(kind: &'static str, trouble: &Error) -> Self {
        let with_remedy = |message: String| match trouble.hint() {
            Some(hint) => format!("{message}: {hint}"),
            None => message,
        };
        Self {
            kind,
            text: with_remedy(trouble.public_message()),
            logged: with_remedy(trouble.to_string()),
        }
    }
}

pub(crate) const DRAINING: &str = "draining";
pub(crate) const REGISTRY_MISSING: &str = "registry_missing";
pub(crate) const ROWS_MISSING: &str = "rows_missing";
/// Kinds that make a server not ready.
pub(crate) const REASONS: [&str; 3] = [DRAINING, REGISTRY_MISSING, ROWS_MISSING];

const STORE_UNREACHABLE: &str = "store_unreachable";
const WRITES_REFUSED: &str = "writes_refused";
const BACKUP_FAILED: &str = "backup_failed";
const AUDIT_FAILS: &str = "audit_fails";
const FEATURE_LOG_FAILS: &str = "feature_log_fails";
const DISK_LOW: &str = "disk_low";
const REGISTRY_UNUSABLE: &str = "registry_unusable";
const REGISTRY_OLD: &str = "registry_old";
const PUSHES_WAIT: &str = "pushes_wait";
const TLS_ENDS: &str = "tls_ends";
/// Kinds with which it goes on: its reads are right, and no other server would do better.
pub(crate) const WARNINGS: [&str; 10] = [
    STORE_UNREACHABLE,
    WRITES_REFUSED,
    AUDIT_FAILS,
    FEATURE_LOG_FAILS,
    BACKUP_FAILED,
    DISK_LOW,
    REGISTRY_UNUSABLE,
    REGISTRY_OLD,
    PUSHES_WAIT,
    TLS_ENDS,
];

/// The state of a server at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) reasons: Vec<Condition>,
    pub(crate) warnings: Vec<Condition>,
}

impl Readiness {
    pub(crate) fn is_ready(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Looks at the stores, and at the certificate. It may wait for disks.
    pub(crate) fn look(former: &Self, store: &FeatureStore, tls: Option<&Tls>) -> Self {
        let condition = |kind: &'static str| move |text: String| Condition::new(kind, text);
        let reasons = match (store.check_registry(), store.missing_rows(None)) {
            (Err(missing), _) => vec![Condition::of(REGISTRY_MISSING, &missing)],
            (Ok(()), Ok(missing)) => missing.into_iter().map(condition(ROWS_MISSING)).collect(),
            // It cannot be told. What is wrong with the registry or the store is said by others.
            (Ok(()), Err(_)) => {
                let mut reasons = former.reasons.clone();
                reasons.retain(|reason| reason.kind == ROWS_MISSING);
                reasons
            }
        };
        let mut warnings = warnings(store, &store.statistics());
        let certificate = tls.and_then(|tls| tls.certificate(feast_engine::now()));
        let remark = certificate.and_then(|certificate| certificate.remark);
        warnings.extend(remark.map(condition(TLS_ENDS)));
        Self { reasons, warnings }
    }

    /// With what is known without a look.
    pub(crate) fn with_current(&self, context: &Context) -> Self {
        let mut now = self.clone();
        if context.is_draining() {
            let text = "the server is about to stop".to_owned();
            now.reasons.insert(0, Condition::new(DRAINING, text));
        }
        let mut warn = |kind: &'static str, trouble: &Error| {
            let text = trouble.public_message();
            now.warnings.insert(0, Condition::new(kind, text));
        };
        if let Some(trouble) = context.backups.trouble() {
            warn(BACKUP_FAILED, &trouble);
        }
        if let Some(trouble) = context.audit.as_ref().and_then(|audit| audit.trouble()) {
            warn(AUDIT_FAILS, &trouble);
        }
        if let Some(trouble) = context.feature_log.as_ref().and_then(|log| log.trouble()) {
            warn(FEATURE_LOG_FAILS, &trouble);
        }
        if let Some(trouble) = context.store.online_store_trouble() {
            warn(WRITES_REFUSED, &trouble);
        }
        now
    }

    /// Logs what is new since a former state, and what is over.
    pub(crate) fn log_changes(&self, former: &Self) {
        let all = |state: &Self| state.reasons.iter().chain(&state.warnings).cloned().collect::<Vec<_>>();
        let (before, now) = (all(former), all(self));
        // What is wrong with the registry is logged by who reads it.
        let is_new = |condition: &&Condition| condition.kind != REGISTRY_UNUSABLE && !before.contains(condition);
        for condition in now.iter().filter(is_new) {
            // Numbers in a text change with each look.
            if !before
                .iter()
                .any(|known| known.kind == condition.kind && known.kind != ROWS_MISSING)
            {
                tracing::warn!("{}", condition.logged);
            }
        }
        for kind in REASONS.iter().chain(&WARNINGS) {
            let has = |conditions: &[Condition]| conditions.iter().any(|condition| condition.kind == *kind);
            if has(&before) && !has(&now) {
                tracing::info!("condition {kind} is over");
            }
        }
    }
}

/// Whether so little is free on the disk of the online store that it should be said.
pub fn is_disk_low(room: DiskRoom) -> bool {
    room.size > 0 && room.free < MIN_FREE_BYTES.min(room.size / 100 * MIN_FREE_PERCENT)
}

fn warnings(store: &FeatureStore, statistics: &StoreStatistics) -> Vec<Condition> {
    let mut warnings = Vec::new();
    let mut warn = |kind: &'static str, text: String| warnings.push(Condition::new(kind, text));
    if let Err(trouble) = store.reach_online_store() {
        warn(STORE_UNREACHABLE, trouble.public_message());
    }
    let room = statistics.rocksdb.as_ref().map(|rocksdb| DiskRoom {
        free: rocksdb.disk_free_bytes,
        size: rocksdb.disk_bytes,
    });
    if let Some(room) = room.filter(|room| is_disk_low(*room)) {
        let free = room.free >> 20;
        warn(DISK_LOW, format!("{free} MiB are free on the disk of the online store"));
    }
    if let Some(problem) = &statistics.registry_problem {
        warn(
            REGISTRY_UNUSABLE,
            format!("the registry as it was goes on serving: {problem}"),
        );
    }
    if statistics.registry_age.as_secs() > MAX_REGISTRY_AGE_SECONDS && statistics.registry_problem.is_none() {
        let age = statistics.registry_age.as_secs();
        warn(REGISTRY_OLD, format!("the registry could not be looked at for {age} s"));
    }
    if let (Some(oldest), Some(batching)) = (statistics.waiting_pushes.oldest, store.config().offline_batching)
        && oldest > 2 * batching.interval + batching.limits.age / 2
    {
        let (rows, age) = (statistics.waiting_pushes.rows, format_duration(oldest));
        warn(
            PUSHES_WAIT,
            format!("{rows} rows of pushes wait for their parquet source, the oldest for {age}"),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_is_enough() {
        let condition = |kind| Condition::new(kind, String::new());
        assert!(Readiness::default().is_ready());
        let warned = Readiness {
            warnings: vec![condition(DISK_LOW)],
            ..Readiness::default()
        };
        assert!(warned.is_ready());
        let missing = Readiness {
            reasons: vec![condition(ROWS_MISSING)],
            ..warned
        };
        assert!(!missing.is_ready());
    }
}
