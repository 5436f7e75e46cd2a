//! Appends of pushes to their parquet source: logged before the source is touched, and marked in the source.
//!
//! Appends to one file that come together are written together by one of their callers, as each rewrites the file; in a directory
//! each append has parts of its own.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, ErrorKind, Result};
use parking_lot::Mutex;

use super::log::PushLog;
use super::marks::{AppendId, AppliedAppends, annotated, part_ending};
use super::target::AppendTarget;
use crate::offline::{
    DurableFolders, ParquetSource, SourceLayout, pattern_is_read_only, prepend_rows, split_by_folder,
};

/// Appends rows to parquet sources.
#[derive(Default)]
pub(super) struct Appender {
    files: Mutex<HashMap<PathBuf, Arc<FileQueue>>>,
    folders: DurableFolders,
}

/// How an append is known in the log.
pub(super) enum AppendRecord {
    /// Not at all. For an append that is a whole push: it is in the source as a whole, or not at all, without a log too.
    None,
    /// By this record, which is still to be logged. It is taken out again if the append fails, since the caller gets the error.
    New(Vec<u8>),
    /// By records that are there already, are durable, and stay there if the append fails.
    Replayed(ReplayedAppends),
}

/// Appends that were begun before, perhaps by a process that was killed.
pub(super) struct ReplayedAppends {
    pub(super) ids: Vec<AppendId>,
    /// Folders of a directory that have the rows already.
    pub(super) present: HashSet<PathBuf>,
}

impl AppendRecord {
    fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }

    /// Logs what is not in the log yet. Gives the ids, and the folders that have the rows already.
    fn log(self, log: &PushLog<'_>) -> Result<(Vec<AppendId>, HashSet<PathBuf>)> {
        match self {
            Self::None => Ok((Vec::new(), HashSet::new())),
            Self::New(record) => Ok((vec![log.add(&record)?], HashSet::new())),
            Self::Replayed(ReplayedAppends { ids, present }) => Ok((ids, present)),
        }
    }
}

/// Appends that wait for one file.
#[derive(Default)]
struct FileQueue {
    waiting: Mutex<Vec<Arc<FileAppend>>>,
    /// Held by the caller that writes, for itself and for all that wait.
    writer: Mutex<()>,
}

struct FileAppend {
    rows: RecordBatch,
    ids: Vec<AppendId>,
    is_new: bool,
    outcome: Mutex<Option<std::result::Result<(), (ErrorKind, String)>>>,
}

impl Appender {
    /// Appends rows, whose schema is that of the target. They are durable when this returns. The append is in the log
    /// before the source is touched, and the source says that it holds it. Gives the ids of the append.
    ///
    /// A source that is one file stays one file with the new rows first; in a directory a new file is made for each folder that
    /// the rows belong in, unless it has the rows already.
    ///
    /// # Errors
    /// `Invalid` for a source that cannot be appended to, `Data` or `Unavailable`; the source is then as before, and a new record is
    /// not in the log any more.
    pub(super) fn append(
        &self,
        target: &AppendTarget,
        rows: RecordBatch,
        record: AppendRecord,
        log: &PushLog<'_>,
    ) -> Result<Vec<AppendId>> {
        match target.source.layout() {
            SourceLayout::Pattern => Err(pattern_is_read_only(&target.source)),
            SourceLayout::Directory => self.append_to_directory(target, &rows, record, log),
            SourceLayout::File => self.append_to_file(&target.source, rows, record, log),
        }
    }

    fn append_to_directory(
        &self,
        target: &AppendTarget,
        rows: &RecordBatch,
        record: AppendRecord,
        log: &PushLog<'_>,
    ) -> Result<Vec<AppendId>> {
        let path = target.source.path();
        let parts = split_by_folder(&target.source.name, &target.partition_columns, rows)?;
        let is_new = record.is_new();
        let (ids, present) = record.log(log)?;
        let ending = part_ending(ids.first());
        let new_ids: Vec<&AppendId> = if is_new { ids.iter().collect() } else { Vec::new() };
        after_sync(path, log, &new_ids, || {
            self.folders.add_parts(path, &parts, &ending, &present)
        })?;
        Ok(ids)
    }

    fn append_to_file(
        &self,
        source: &ParquetSource,
        rows: RecordBatch,
        record: AppendRecord,
        log: &PushLog<'_>,
    ) -> Result<Vec<AppendId>> {
        // Through links too, a file has one queue.
        let path = std::fs::canonicalize(source.path()).unwrap_or_else(|_| source.path().to_owned());
        let queue = Arc::clone(self.files.lock().entry(path).or_default());
        let is_new = record.is_new();
        let (ids, _) = record.log(log)?;
        let append = Arc::new(FileAppend {
            rows,
            ids,
            is_new,
            outcome: Mutex::default(),
        });
        queue.waiting.lock().push(Arc::clone(&append));
        queue.append_waiting(source.path(), &append, log);
        let outcome = append.outcome.lock().take();
        match outcome {
            Some(Ok(())) => Ok(append.ids.clone()),
            Some(Err((kind, text))) => Err(Error::new(kind, format!("data source {}: {text}", source.name))),
            None => Err(Error::internal(format!(
                "data source {}: an append was lost",
                source.name
            ))),
        }
    }
}

impl FileQueue {
    /// Appends all that wait, unless another caller has appended this one already.
    fn append_waiting(&self, path: &Path, append: &FileAppend, log: &PushLog<'_>) {
        let _writer = self.writer.lock();
        if append.outcome.lock().is_some() {
            return;
        }
        let group = std::mem::take(&mut *self.waiting.lock());
        let ids: Vec<&AppendId> = group.iter().flat_map(|append| &append.ids).collect();
        let new = group.iter().filter(|append| append.is_new);
        let new_ids: Vec<&AppendId> = new.flat_map(|append| &append.ids).collect();
        // Of rows equal in both times the first in file order wins, which is to be the later arrival.
        let batches: Vec<&RecordBatch> = group.iter().rev().map(|append| &append.rows).collect();
        let outcome = after_sync(path, log, &new_ids, || {
            prepend_rows(path, &batches, &|notes| annotated(notes, &ids))
        });
        let outcome = outcome.map_err(|error| (error.kind(), error.to_string()));
        for member in &group {
            *member.outcome.lock() = Some(outcome.clone());
        }
    }
}

/// Makes new records durable, appends, and takes the records out of the log again if that fails.
fn after_sync(
    path: &Path,
    log: &PushLog<'_>,
    new_ids: &[&AppendId],
    append: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if new_ids.is_empty() {
        return append();
    }
    let outcome = log.sync_records().and_then(|()| {
        fail_point::reached(Step::LogSynced);
        append()
    });
    if outcome.is_err() {
        // A failure after the renaming leaves rows in the source: then their records stay in the log, to be completed.
        let applied = AppliedAppends::read(path);
        for id in new_ids {
            if applied.as_ref().is_ok_and(|applied| !applied.contains(id)) {
                // The caller gets the failure itself.
                let _ = log.forget(id);
            }
        }
    }
    outcome
}
