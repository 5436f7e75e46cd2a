//! Does what the log holds: what killed processes have left in it, and what waits for its parquet source.
//!
//! Parquet sources first, then the online store. Each source is done for itself, and so is each push that does not fit its source any
//! more: what cannot be done stays in the log. The log is read in parts, so that memory does not grow with it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use feast_conversion::strict_cast;
use feast_files::fail_point::{self, Step};
use feast_model::Definitions;
use feast_model::error::{Error, ErrorKind, Result};

use super::append::{AppendRecord, Appender, ReplayedAppends};
use super::log::{LogPart, LoggedPush, PushLog};
use super::marks::{AppendId, AppliedAppends};
use super::queue::{PushQueue, PushSize};
use super::target::AppendTarget;
use super::{PushStores, real_path};
use crate::offline::{ParquetSource, SourceLayout};
use crate::online_store::{EncodedRows, Replace};

/// Removes what pushes of killed processes have left beside the parquet sources.
pub(crate) fn remove_leftovers(definitions: &Definitions, repository: &Path) {
    let sources = definitions.feature_views.iter();
    let sources = sources.filter_map(|view| view.batch_source.as_ref());
    let located = sources.filter_map(|source| ParquetSource::locate(source, repository).ok());
    // Views may share a source.
    let sources: BTreeMap<PathBuf, ParquetSource> = located.map(|source| (source.path().to_owned(), source)).collect();
    sources.values().for_each(ParquetSource::remove_leftovers);
}

/// One walk over the log, which is in memory in parts.
pub(super) struct Replay<'a> {
    stores: &'a PushStores<'a>,
    log: PushLog<'a>,
    appender: &'a Appender,
    queue: &'a PushQueue,
    started: Instant,
    done: usize,
    failures: Vec<Error>,
    /// Sources that could not be appended to: they are not tried again in this walk.
    failed: HashSet<PathBuf>,
    /// Why.
    problems: Vec<(PathBuf, String)>,
    /// What was said of pushes that do not fit their source.
    misfits: HashMap<PathBuf, String>,
    /// What earlier processes have logged and this walk has not done, where it is not counted yet.
    left: Option<HashMap<PathBuf, PushSize>>,
}

/// A push whose rows are in its source.
struct Appended {
    id: AppendId,
    online: (EncodedRows, Replace),
    size: PushSize,
}

impl<'a> Replay<'a> {
    pub(super) fn new(stores: &'a PushStores<'a>, appender: &'a Appender, queue: &'a PushQueue) -> Self {
        Self {
            stores,
            log: PushLog::new(stores),
            appender,
            queue,
            started: Instant::now(),
            done: 0,
            failures: Vec::new(),
            failed: HashSet::new(),
            problems: Vec::new(),
            misfits: HashMap::new(),
            left: (!queue.has_leftovers()).then(HashMap::new),
        }
    }

    /// Gives the number of pushes done.
    ///
    /// # Errors
    /// The first of what cannot be done, after all others are done.
    pub(super) fn run(mut self) -> Result<usize> {
        // What is logged meanwhile waits for the next time, or this would not end.
        let last = self.log.last()?;
        let (mut next, mut seen) = (0, HashSet::new());
        // Once all is counted, nothing is read for sources that fail.
        while self.left.is_some() || self.failed.is_empty() || self.queue.waits_for_others(&self.failed) {
            let Some(part) = self.log.part(next..=last)? else { break };
            next = part.next;
            // A source may say that it holds a record only if the record is durable.
            self.log.sync_records()?;
            for (path, pushes) in self.by_source(part) {
                self.replay_to_source(&path, pushes)?;
                seen.insert(path);
            }
        }
        for path in seen.difference(&self.failed) {
            self.queue.succeeded(path, self.started, self.misfits.remove(path));
        }
        if let Some(left) = self.left {
            self.queue.add_leftovers(left);
        }
        for (path, problem) in self.problems {
            self.queue.failed(&path, problem);
        }
        self.failures.into_iter().next().map_or(Ok(self.done), Err)
    }

    fn by_source(&mut self, part: LogPart) -> BTreeMap<PathBuf, Vec<LoggedPush>> {
        let mut by_path: BTreeMap<PathBuf, Vec<LoggedPush>> = BTreeMap::new();
        for push in part.pushes {
            match push {
                Ok(push) => {
                    let path = real_path(&self.stores.repository.join(&push.record.path));
                    by_path.entry(path).or_default().push(push);
                }
                Err(damage) => self.failures.push(damage),
            }
        }
        by_path
    }

    /// Does the pushes of a part to one source. What cannot be done is noted, and stays in the log.
    ///
    /// # Errors
    /// Those of the log.
    fn replay_to_source(&mut self, path: &Path, pushes: Vec<LoggedPush>) -> Result<()> {
        let sizes = pushes.iter().map(|push| (push.id.clone(), push.size));
        let mut open: HashMap<AppendId, PushSize> = sizes.collect();
        if !self.failed.contains(path) {
            let mut appended = Vec::new();
            let outcome = self.append_to_source(path, pushes, &mut appended);
            for push in appended {
                open.remove(&push.id);
                self.finish(path, push)?;
            }
            self.log.sync()?;
            if let Err(error) = outcome {
                self.problems.push((path.to_path_buf(), error.to_string()));
                self.failures.push(error);
                self.failed.insert(path.to_path_buf());
            }
        }
        if let Some(left) = &mut self.left {
            for (id, size) in open {
                if !self.log.is_of_this_session(&id)? {
                    let of_source = left.entry(path.to_path_buf()).or_default();
                    *of_source = of_source.plus(size);
                }
            }
        }
        Ok(())
    }

    fn append_to_source(&mut self, path: &Path, pushes: Vec<LoggedPush>, appended: &mut Vec<Appended>) -> Result<()> {
        let applied = AppliedAppends::read(path)?;
        let name = pushes.first().map_or("", |push| push.record.source.as_str());
        let source = ParquetSource::local(path.to_path_buf(), name.to_owned());
        match source.layout() {
            SourceLayout::Directory => self.append_to_directory(path, &source, &applied, pushes, appended),
            SourceLayout::File | SourceLayout::Pattern => self.append_to_file(path, source, &applied, pushes, appended),
        }
    }

    /// A file is rewritten once for all pushes.
    fn append_to_file(
        &mut self,
        path: &Path,
        source: ParquetSource,
        applied: &AppliedAppends,
        pushes: Vec<LoggedPush>,
        appended: &mut Vec<Appended>,
    ) -> Result<()> {
        let target = AppendTarget::new(source, self.stores.schemas, |_| None)?;
        let (mut batches, mut ids, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for push in pushes {
            if applied.contains(&push.id) {
                appended.push(push.into_appended());
                continue;
            }
            match conform_to_schema(&push.record.offline, &target.schema) {
                Ok(rows) => {
                    // Later arrivals stand first: of rows equal in both times the first in file order wins.
                    batches.splice(0..0, rows);
                    ids.push(push.id.clone());
                    new.push(push.into_appended());
                }
                Err(problem) => self.misfit(path, does_not_fit(&target, &problem)),
            }
        }
        if !ids.is_empty() {
            self.append(&target, batches, ids, HashSet::new())?;
        }
        appended.extend(new);
        Ok(())
    }

    /// A directory says of each part what it holds, so each push becomes parts of its own. The directory is listed once for all
    /// of them, as parts that are added here have the columns that it has already.
    ///
    /// # Errors
    /// The first, if no push could be appended; else the source is not at fault.
    fn append_to_directory(
        &mut self,
        path: &Path,
        source: &ParquetSource,
        applied: &AppliedAppends,
        pushes: Vec<LoggedPush>,
        appended: &mut Vec<Appended>,
    ) -> Result<()> {
        let mut targets = DirectoryTargets {
            source,
            stores: self.stores,
            last: None,
        };
        let mut errors = Vec::new();
        for push in pushes {
            match self.append_part(&mut targets, applied, &push) {
                Ok(()) => appended.push(push.into_appended()),
                // It is this push that cannot be appended, and not the source.
                Err(error) if matches!(error.kind(), ErrorKind::Data | ErrorKind::Invalid) => self.misfit(path, error),
                Err(error) => errors.push(error),
            }
        }
        errors.into_iter().next().map_or(Ok(()), Err)
    }

    fn append_part(
        &self,
        targets: &mut DirectoryTargets<'_>,
        applied: &AppliedAppends,
        push: &LoggedPush,
    ) -> Result<()> {
        let target = targets.target_of(&push.record.offline)?;
        // Of a push for several folders some parts may be missing.
        let is_whole = target.partition_columns.is_empty() && applied.contains(&push.id);
        if is_whole {
            return Ok(());
        }
        let rows = conform_to_schema(&push.record.offline, &target.schema);
        let rows = rows.map_err(|problem| does_not_fit(target, &problem))?;
        self.append(target, rows, vec![push.id.clone()], applied.folders(&push.id))
    }

    fn misfit(&mut self, path: &Path, error: Error) {
        self.misfits.insert(path.to_path_buf(), error.to_string());
        self.failures.push(error);
    }

    fn append(
        &self,
        target: &AppendTarget,
        batches: Vec<RecordBatch>,
        ids: Vec<AppendId>,
        present: HashSet<PathBuf>,
    ) -> Result<()> {
        let rows = concat_batches(&target.schema, &batches);
        drop(batches);
        let rows = rows.map_err(|problem| Error::internal(problem.to_string()))?;
        let record = AppendRecord::Replayed(ReplayedAppends { ids, present });
        self.appender.append(target, rows, record, &self.log)?;
        fail_point::reached(Step::PushAppended);
        Ok(())
    }

    /// Durable after the next sync of the log. Until then the push is still in the log, and its source says that it holds it.
    fn finish(&mut self, path: &Path, push: Appended) -> Result<()> {
        let (rows, replace) = &push.online;
        self.log.finish(&push.id, rows, *replace)?;
        self.done += 1;
        if self.left.is_none() || self.log.is_of_this_session(&push.id)? {
            self.queue.done(path, push.size);
        }
        Ok(())
    }
}

impl LoggedPush {
    /// Without the rows that are in the source.
    fn into_appended(self) -> Appended {
        Appended {
            size: self.size,
            id: self.id,
            online: self.record.into_online_rows(),
        }
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
