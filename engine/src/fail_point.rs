//! The durable steps at which a test may end the process, as a crash would. Outside of tests they are nothing.

/// A step, named by what has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A push is in the log, but the log may not be on disk.
    PushLogged,
    /// The log is on disk; the parquet source is as before.
    LogSynced,
    /// The new file is complete beside the old one.
    FileWritten,
    /// The new file has the name of the old one.
    FileRenamed,
    /// The parquet source holds the push; the online store does not.
    PushAppended,
    /// The online store holds the push and its log record is gone, but neither may be on disk.
    PushFinished,
    /// Tables were made, hidden, restored or dropped, but that may not be on disk.
    TablesChanged,
    /// Some rows of a materialization are written.
    RowsWritten,
    /// All rows of a materialization are on disk; its interval is not recorded.
    RowsSynced,
}

#[cfg(not(test))]
pub(crate) const fn reached(_step: Step) {}

/// Ends the process if `FEAST_FAIL_AT` says so: the name of a step and how many times it is passed before, `FileRenamed 3`.
#[cfg(test)]
pub(crate) fn reached(step: Step) {
    use std::sync::atomic::{AtomicI64, Ordering};
    static LEFT: AtomicI64 = AtomicI64::new(i64::MIN);
    let Ok(setting) = std::env::var("FEAST_FAIL_AT") else {
        return;
    };
    let Some((name, count)) = setting.split_once(' ') else {
        return;
    };
    if name != format!("{step:?}") {
        return;
    }
    let count: i64 = count.parse().unwrap_or_default();
    // The first caller sets the counter.
    let _ = LEFT.compare_exchange(i64::MIN, count, Ordering::SeqCst, Ordering::SeqCst);
    if LEFT.fetch_sub(1, Ordering::SeqCst) <= 0 {
        std::process::abort();
    }
}

#[cfg(test)]
impl Step {
    pub(crate) const ALL: [Self; 9] = [
        Self::PushLogged,
        Self::LogSynced,
        Self::FileWritten,
        Self::FileRenamed,
        Self::PushAppended,
        Self::PushFinished,
        Self::TablesChanged,
        Self::RowsWritten,
        Self::RowsSynced,
    ];
}
