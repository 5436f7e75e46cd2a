//! Pushes: rows that arrive by a push source or by the name of a view, for the online store, for a parquet source, or for both as one.
//!
//! Read it in the order in which a push goes:
//!
//! 1. `target`: where rows go, and which columns they must have there.
//! 2. `checked`, `event_times`: all rows are checked before anything is written.
//!    `memory`: what the rest takes.
//! 3. [`Pushes::write`]: which of the following a push needs.
//! 4. `log`: its record, in the online store or beside it.
//! 5. `append`: its rows in the parquet source; `marks`: how the source says that it has them.
//! 6. `queue`: with offline batching, pushes are answered while they are in the log only, and wait here.
//! 7. `replay`: does what is in the log, at the start of a process and when the queue is due.
//!
//! What holds:
//!
//! - **A push to both stores is one.** It is a record in the log first, then rows in the parquet source, then its online rows
//!   replace the record: in one batch where the store holds the log, else the record goes when the store has the rows. A push that is
//!   cut off by the end of the process is completed at the next start, or not at all.
//! - **Nothing is appended twice.** The source notes which records it holds (`marks`), and a replay skips those. Numbers of records
//!   mean something within one opening of one store: a restored or copied store gives the same numbers again.
//! - **Validated first.** The columns of both stores are checked before either is written, and the parquet source is written first:
//!   a push that cannot reach it does not reach the online store.
//! - **Acknowledged is durable.** The source is durable when an append returns, the online store is synced before a write returns.
//! - **A pushed part has the columns of all parts** (`target`). Logged rows are conformed to the columns that the source has by the time
//!   of the replay; what does not fit stays in the log and holds nothing else up.
//! - **The latest arrival stands first** in a parquet source, as the first of rows equal in both times wins there.
//!
//! Knows neither the bytes of parquet (`offline`) nor those of the database, and nothing of the registry file or HTTP.

mod append;
mod checked;
mod event_times;
mod log;
mod marks;
mod memory;
mod queue;
mod replay;
mod target;

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use feast_config::OfflineBatching;
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, Result};

pub(crate) use replay::remove_leftovers;
pub use target::PushTarget;
pub(crate) use target::{PushSources, write_target};

use crate::offline::SchemaCache;
use crate::online::{WriteFunctionRun, WriteTarget};
use crate::online_store::{EncodedRows, LocalPushLog, OnlineStore, Replace, RowColumns, WriteCount};
use append::{AppendRecord, Appender};
use checked::CheckedPush;
use log::{PushLog, PushRecord};
use marks::AppendId;
pub use queue::WaitingPushes;
use queue::{PushQueue, PushSize};
use replay::Replay;
use target::AppendTarget;

/// What a write did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteReport {
    /// Rows that were written, over all views.
    pub written: usize,
    /// Rows that a newer row kept out, over all views.
    pub stale: usize,
    /// Rows whose event time is more than a day ahead of the clock. They are written like any other.
    pub future: usize,
    /// Rows that were not written to a view because all its features are null in them, over all views.
    pub dropped: usize,
    /// Runs of functions whose results are stored, of those that are measured.
    pub runs: Vec<WriteFunctionRun>,
}

/// The stores that pushes go to.
#[derive(Clone, Copy)]
pub(crate) struct PushStores<'a> {
    pub(crate) online_store: &'a OnlineStore,
    /// Where pushes are logged if the online store cannot hold them.
    pub(crate) local_log: &'a LocalPushLog,
    /// Relative paths of sources start here.
    pub(crate) repository: &'a Path,
    pub(crate) schemas: &'a SchemaCache,
    pub(crate) replace: Replace,
    /// When a push that is answered before it is in its parquet source gets there; `None` where it is there when it is answered.
    pub(crate) batching: Option<OfflineBatching>,
}

/// The pushes of one store.
#[derive(Default)]
pub(crate) struct Pushes {
    appender: Appender,
    queue: PushQueue,
}

impl Pushes {
    /// What was answered and is not in its parquet source yet.
    pub(crate) fn waiting(&self) -> WaitingPushes {
        self.queue.waiting()
    }

    /// Writes a push to the stores. Durable when this returns; with offline batching the append may follow later, but it is in
    /// the log.
    ///
    /// # Errors
    /// `Unavailable` or `Data` when a store cannot be written, `Unavailable` when too much waits for the source already, `Invalid` when
    /// the push is too large for the log.
    pub(crate) fn write(&self, stores: &PushStores<'_>, push: CheckedPush<'_>) -> Result<WriteReport> {
        let log = PushLog::new(stores);
        let mut online = EncodedRows::default();
        let is_offline_only = push.views.is_empty();
        let mut runs = push.runs;
        let mut report = WriteReport {
            future: push.future,
            dropped: encode_views(&log, push.views, &mut online, &mut runs)?,
            ..WriteReport::default()
        };
        report.runs = runs;
        let count = match push.offline {
            None => {
                let count = log.write_rows(&online, stores.replace)?;
                log.sync_rows()?;
                (report.written, report.stale) = (count.written, count.stale);
                return Ok(report);
            }
            Some((target, rows)) if let Some(batching) = stores.batching => {
                self.log_for_later(stores, batching, target, rows, &mut online)?
            }
            // One file is written, whole or not at all.
            Some((target, rows)) if is_offline_only && target.partition_columns.is_empty() => {
                self.append(target, rows, AppendRecord::None, &log)?;
                return Ok(report);
            }
            Some((target, rows)) => self.append_then_write(stores, target, rows, &mut online)?,
        };
        log.sync()?;
        (report.written, report.stale) = (count.written, count.stale);
        Ok(report)
    }

    /// Does what earlier processes have left in the log. Gives the number of pushes done.
    ///
    /// # Errors
    /// `Data` or `Unavailable`; what could not be done stays in the log.
    pub(crate) fn complete(&self, stores: &PushStores<'_>) -> Result<usize> {
        let _turn = self.queue.wait_for_turn();
        let outcome = self.replay(stores);
        if let (Err(_), Some(batching)) = (&outcome, stores.batching) {
            self.queue.pause(batching);
        }
        outcome
    }

    /// Does the logged pushes if they are due, or all of them. Gives their number.
    ///
    /// # Errors
    /// As [`Pushes::complete`], and those of `open`, which is called if some are due.
    pub(crate) fn flush<'a>(
        &self,
        batching: OfflineBatching,
        all: bool,
        open: impl FnOnce() -> Result<PushStores<'a>>,
    ) -> Result<usize> {
        let _turn = self.queue.wait_for_turn();
        if !self.queue.take_due(batching, all) {
            return Ok(0);
        }
        let outcome = open().and_then(|stores| self.replay(&stores));
        if outcome.is_err() {
            self.queue.pause(batching);
        }
        outcome
    }

    /// Whether a push in the log has a row for the online store under one of these keys.
    ///
    /// # Errors
    /// `Data` when the log is damaged.
    pub(crate) fn hold_row(&self, stores: &PushStores<'_>, is_one: impl Fn(&[u8]) -> bool) -> Result<bool> {
        let log = PushLog::new(stores);
        let (mut next, last) = (0, log.last()?);
        while let Some(part) = log.part(next..=last)? {
            next = part.next;
            for push in part.pushes {
                if push?.record.online.keys.iter().any(&is_one) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn replay(&self, stores: &PushStores<'_>) -> Result<usize> {
        Replay::new(stores, &self.appender, &self.queue).run()
    }

    /// Logs the append, and writes the online rows with it.
    fn log_for_later(
        &self,
        stores: &PushStores<'_>,
        batching: OfflineBatching,
        target: &AppendTarget,
        rows: RecordBatch,
        online: &mut EncodedRows,
    ) -> Result<WriteCount> {
        let record = PushRecord::new(stores, &target.source, &rows)?;
        let count = rows.num_rows();
        // They are in the record.
        drop(rows);
        let log = PushLog::new(stores);
        let record = log.encoded(record, online)?;
        let size = PushSize {
            rows: count,
            bytes: record.rest.len(),
        };
        let source = &target.source;
        let path = real_path(source.path());
        let reserved = self.queue.reserve(&source.name, &path, size, batching.limits);
        let reserved = reserved.map_err(|error| source.hidden_in(error).hiding_directory_of(&path))?;
        let count = log.add_with_rows(record, online, stores.replace)?;
        reserved.keep();
        Ok(count)
    }

    /// Logs the whole push, appends, and replaces the record by the online rows.
    fn append_then_write(
        &self,
        stores: &PushStores<'_>,
        target: &AppendTarget,
        rows: RecordBatch,
        online: &mut EncodedRows,
    ) -> Result<WriteCount> {
        let log = PushLog::new(stores);
        let record = PushRecord::new(stores, &target.source, &rows)?.encode_with(online)?;
        let ids = self.append(target, rows, AppendRecord::New(record), &log)?;
        fail_point::reached(Step::PushAppended);
        let id = ids.first();
        let id = id.ok_or_else(|| Error::internal("a push was appended without a record"))?;
        log.finish(id, online, stores.replace)
    }

    fn append(
        &self,
        target: &AppendTarget,
        rows: RecordBatch,
        record: AppendRecord,
        log: &PushLog<'_>,
    ) -> Result<Vec<AppendId>> {
        let appended = self.appender.append(target, rows, record, log);
        appended.map_err(|error| target.source.hidden_in(error))
    }
}

/// Where a source is, by whatever path it is known: so that pushes to it are counted as one.
fn real_path(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Brings the rows of all views into the form of the online store. Gives the number of rows that are not written.
fn encode_views(
    log: &PushLog<'_>,
    views: Vec<(&WriteTarget, RowColumns)>,
    online: &mut EncodedRows,
    runs: &mut Vec<WriteFunctionRun>,
) -> Result<usize> {
    let mut dropped = 0;
    for (view, rows) in views {
        // As in Feast, it is the whole frame that counts: beside a row with a value one without is written.
        if rows.has_values() {
            log.encode_rows(view, &rows, online, runs)?;
        } else {
            dropped += rows.event_times.len();
        }
    }
    Ok(dropped)
}
