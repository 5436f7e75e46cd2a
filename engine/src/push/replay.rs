//! Does what the log holds: what killed processes have left in it, and what waits for its parquet source.
//!
//! Parquet sources first, then the online store. Each source is done for itself, and so is each push that does not fit its source any
//! more: what cannot be done stays in the log.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use feast_conversion::strict_cast;
use feast_files::fail_point::{self, Step};
use feast_model::Definitions;
use feast_model::error::{Error, Result};

use super::PushStores;
use super::append::{AppendRecord, Appender, ReplayedAppends};
use super::log::{LoggedPush, PushLog};
use super::marks::{AppendId, AppliedAppends};
use super::target::AppendTarget;
use crate::offline::{ParquetSource, SourceLayout};

/// Removes what pushes of killed processes have left beside the parquet sources.
pub(crate) fn remove_leftovers(definitions: &Definitions, repository: &Path) {
    let sources = definitions.feature_views.iter();
    let sources = sources.filter_map(|view| view.batch_source.as_ref());
    let located = sources.filter_map(|source| ParquetSource::locate(source, repository).ok());
    // Views may share a source.
    let sources: BTreeMap<PathBuf, ParquetSource> = located.map(|source| (source.path().to_owned(), source)).collect();
    sources.values().for_each(ParquetSource::remove_leftovers);
}

/// One walk over the log.
pub(super) struct Replay<'a> {
    stores: &'a PushStores<'a>,
    log: PushLog<'a>,
    appender: &'a Appender,
    done: usize,
    failures: Vec<Error>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(stores: &'a PushStores<'a>, appender: &'a Appender) -> Self {
        Self {
            stores,
            log: PushLog::new(stores),
            appender,
            done: 0,
            failures: Vec::new(),
        }
    }

    /// Gives the number of pushes done.
    ///
    /// # Errors
    /// The first of what cannot be done, after all others are done.
    pub(super) fn run(mut self) -> Result<usize> {
        let mut by_path: BTreeMap<PathBuf, Vec<LoggedPush>> = BTreeMap::new();
        for push in self.log.pushes()? {
            match push {
                Ok(push) => {
                    let path = self.stores.repository.join(&push.record.path);
                    let path = std::fs::canonicalize(&path).unwrap_or(path);
                    by_path.entry(path).or_default().push(push);
                }
                Err(damage) => self.failures.push(damage),
            }
        }
        if !by_path.is_empty() {
            // A source may say that it holds a record only if the record is durable.
            self.log.sync_records()?;
        }
        for (path, pushes) in by_path {
            if let Err(error) = self.replay_to_source(path, &pushes) {
                self.failures.push(error);
            }
        }
        self.failures.into_iter().next().map_or(Ok(self.done), Err)
    }

    fn replay_to_source(&mut self, path: PathBuf, pushes: &[LoggedPush]) -> Result<()> {
        let applied = AppliedAppends::read(&path)?;
        let name = pushes.first().map_or("", |push| push.record.source.as_str());
        let name = name.to_owned();
        let source = ParquetSource::local(path, name);
        let done = if source.layout() == SourceLayout::Directory {
            self.replay_to_directory(&source, &applied, pushes)
        } else {
            self.replay_to_file(source, &applied, pushes)?
        };
        self.log.sync()?;
        self.done += done;
        Ok(())
    }

    /// A file is rewritten once for all pushes.
    fn replay_to_file(
        &mut self,
        source: ParquetSource,
        applied: &AppliedAppends,
        pushes: &[LoggedPush],
    ) -> Result<usize> {
        let target = AppendTarget::new(source, self.stores.schemas, |_| None)?;
        let (mut batches, mut ids, mut finished) = (Vec::new(), Vec::new(), Vec::new());
        for push in pushes {
            if applied.contains(&push.id) {
                finished.push(push);
                continue;
            }
            match conform_to_schema(&push.record.offline, &target.schema) {
                Ok(rows) => {
                    // Later arrivals stand first: of rows equal in both times the first in file order wins.
                    batches.splice(0..0, rows);
                    ids.push(push.id.clone());
                    finished.push(push);
                }
                Err(problem) => self.failures.push(does_not_fit(&target, &problem)),
            }
        }
        if !ids.is_empty() {
            self.append(&target, &batches, ids, HashSet::new())?;
        }
        for push in &finished {
            self.finish(push)?;
        }
        Ok(finished.len())
    }

    /// A directory says of each part what it holds, so each push becomes parts of its own. The directory is listed once for all
    /// of them, as parts that are added here have the columns that it has already.
    fn replay_to_directory(
        &mut self,
        source: &ParquetSource,
        applied: &AppliedAppends,
        pushes: &[LoggedPush],
    ) -> usize {
        let mut targets = DirectoryTargets {
            source,
            stores: self.stores,
            last: None,
        };
        let mut done = 0;
        for push in pushes {
            match self.replay_part(&mut targets, applied, push) {
                Ok(()) => done += 1,
                Err(error) => self.failures.push(error),
            }
        }
        done
    }

    fn replay_part(
        &self,
        targets: &mut DirectoryTargets<'_>,
        applied: &AppliedAppends,
        push: &LoggedPush,
    ) -> Result<()> {
        let target = targets.target_of(&push.record.offline)?;
        // Of a push for several folders some parts may be missing.
        let is_whole = target.partition_columns.is_empty() && applied.contains(&push.id);
        if !is_whole {
            let rows = conform_to_schema(&push.record.offline, &target.schema);
            let rows = rows.map_err(|problem| does_not_fit(target, &problem))?;
            self.append(target, &rows, vec![push.id.clone()], applied.folders(&push.id))?;
        }
        self.finish(push)
    }

    fn append(
        &self,
        target: &AppendTarget,
        batches: &[RecordBatch],
        ids: Vec<AppendId>,
        present: HashSet<PathBuf>,
    ) -> Result<()> {
        let rows = concat_batches(&target.schema, batches).map_err(|problem| Error::internal(problem.to_string()))?;
        let record = AppendRecord::Replayed(ReplayedAppends { ids, present });
        self.appender.append(target, rows, record, &self.log)?;
        fail_point::reached(Step::PushAppended);
        Ok(())
    }

    /// Durable after the next sync of the log. Until then the push is still in the log, and its source says that it holds it.
    fn finish(&self, push: &LoggedPush) -> Result<()> {
        let (rows, replace) = push.record.online_rows();
        self.log.finish(&push.id, &rows, replace).map(|_| ())
    }
}

/// What pushes to a directory are appended to, made again where logged columns differ: they decide what its files leave open.
struct DirectoryTargets<'a> {
    source: &'a ParquetSource,
    stores: &'a PushStores<'a>,
    /// With the columns of the push that it was made for.
    last: Option<(SchemaRef, AppendTarget)>,
}

impl DirectoryTargets<'_> {
    fn target_of(&mut self, offline: &[u8]) -> Result<&AppendTarget> {
        let logged = logged_schema(offline)?;
        let last = self.last.take().filter(|(known, _)| *known == logged);
        let (_, target) = match last {
            Some(last) => self.last.insert(last),
            None => {
                let declared = |column: &str| -> Option<DataType> {
                    Some(logged.field_with_name(column).ok()?.data_type().clone())
                };
                let target = AppendTarget::new(self.source.clone(), self.stores.schemas, declared)?;
                self.last.insert((logged, target))
            }
        };
        Ok(target)
    }
}

fn does_not_fit(target: &AppendTarget, problem: &ArrowError) -> Error {
    let name = &target.source.name;
    Error::data(format!(
        "data source {name}: a push in the log does not fit its columns: {problem}"
    ))
}

fn logged_schema(offline: &[u8]) -> Result<SchemaRef> {
    let reader = StreamReader::try_new(offline, None);
    let reader = reader.map_err(|problem| Error::data(format!("a push in the log cannot be read: {problem}")))?;
    Ok(reader.schema())
}

/// Logged rows with the columns that the source has now: by name, in its types; what it has more is null.
fn conform_to_schema(offline: &[u8], schema: &SchemaRef) -> std::result::Result<Vec<RecordBatch>, ArrowError> {
    let mut fitted = Vec::new();
    for batch in StreamReader::try_new(offline, None)? {
        let batch = batch?;
        let logged = batch.schema();
        if let Some(gone) = logged
            .fields()
            .iter()
            .find(|field| schema.field_with_name(field.name()).is_err())
        {
            return Err(ArrowError::SchemaError(format!(
                "there is no column {} any more",
                gone.name()
            )));
        }
        let columns = schema
            .fields()
            .iter()
            .map(|field| match batch.column_by_name(field.name()) {
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
                Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
                Some(column) => strict_cast(column, field.data_type()),
            });
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
        fitted.push(RecordBatch::try_new(Arc::clone(schema), columns)?);
    }
    Ok(fitted)
}
