//! Pushes that concern a parquet source: logged in the online store before the source is touched, so that a push that is cut
//! off is done wholly at the next start, and so that an answer need not wait for the source.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use feast_config::OfflineBatching;
use feast_conversion::strict_cast;
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, Result};

use super::writing::append_target;
use super::{FeatureStore, lock};
use crate::codec::byte_block::ByteBlock;
use crate::codec::record::{self, PushRecord};
use crate::offline::{AppendLog, Appender, AppendsHeld, Mark, ParquetSource, SchemaCache};
use crate::online::StoredRows;
use crate::storage::{Replace, Storage};

/// Well below what a record may be when it is read.
const MAX_RECORD_BYTES: usize = 512 << 20;

/// The log as the appender of parquet sources sees it.
pub(super) struct LoggedAppend<'a> {
    pub(super) storage: &'a Storage,
    /// What a push has to do; `None` for one that is wholly done by its append.
    pub(super) record: Option<&'a [u8]>,
}

impl AppendLog for LoggedAppend<'_> {
    fn log(&self) -> Result<Vec<Mark>> {
        let Some(record) = self.record else {
            return Ok(Vec::new());
        };
        let none = ByteBlock::default();
        let (number, _) = self.storage.log_push(record, &none, &none, Replace::AllRows)?;
        fail_point::reached(Step::PushLogged);
        let session = self.storage.session().to_owned();
        Ok(vec![Mark { session, number }])
    }

    fn sync(&self) -> Result<()> {
        self.storage.sync()?;
        fail_point::reached(Step::LogSynced);
        Ok(())
    }

    fn is_repeated(&self) -> bool {
        false
    }

    fn forget(&self, mark: &Mark) -> Result<()> {
        let none = ByteBlock::default();
        self.storage
            .finish_push(mark.number, &none, &none, Replace::AllRows)
            .map(|_| ())
    }
}

/// The bytes of a record.
///
/// # Errors
/// `Invalid` when the push is too large for one record.
pub(super) fn encode(
    (repository, session): (&Path, &str),
    source: &ParquetSource,
    batch: &RecordBatch,
    online: &StoredRows,
    replace: Replace,
) -> Result<Vec<u8>> {
    let mut offline = Vec::new();
    let written = StreamWriter::try_new(&mut offline, &batch.schema()).and_then(|mut writer| {
        writer.write(batch)?;
        writer.finish()
    });
    written.map_err(|problem| Error::internal(format!("rows could not be logged: {problem}")))?;
    let pairs = online.keys.iter().zip(online.rows.iter());
    let record = PushRecord {
        session: session.to_owned(),
        source: source.name.clone(),
        // A repository may be moved.
        path: source
            .path()
            .strip_prefix(repository)
            .unwrap_or_else(|_| source.path())
            .to_string_lossy()
            .into_owned(),
        offline,
        online: pairs.map(|(key, row)| (key.to_vec(), row.to_vec())).collect(),
        replace_all: replace == Replace::AllRows,
    };
    let bytes = record::encode(&record).map_err(|problem| Error::internal(problem.to_string()))?;
    if bytes.len() > MAX_RECORD_BYTES {
        let text = format!("a push of {} MiB is too large", bytes.len() >> 20);
        return Err(Error::invalid(text).with_hint("send fewer rows at once"));
    }
    Ok(bytes)
}

/// A push in the log.
struct LoggedPush {
    mark: Mark,
    record: PushRecord,
}

/// Does what is left of all logged pushes: to the parquet sources first, one append a source, then to the online store.
///
/// Each source is done for itself, and so is each push that does not fit its source any more: what cannot be done stays in
/// the log. Gives the number of pushes done.
///
/// # Errors
/// The first of what cannot be done, after all others are done.
pub(super) fn complete(
    repository: &Path,
    storage: &Storage,
    (appender, schemas): (&Appender, &SchemaCache),
) -> Result<usize> {
    let mut by_path: BTreeMap<PathBuf, Vec<LoggedPush>> = BTreeMap::new();
    let (mut done, mut failures) = (0, Vec::new());
    for (number, bytes) in storage.logged_pushes()? {
        match record::decode::<PushRecord>(&bytes) {
            Ok(record) => {
                let path = repository.join(&record.path);
                let path = std::fs::canonicalize(&path).unwrap_or(path);
                let session = record.session.clone();
                let mark = Mark { session, number };
                by_path.entry(path).or_default().push(LoggedPush { mark, record });
            }
            Err(problem) => failures.push(storage.damaged(problem)),
        }
    }
    for (path, pushes) in by_path {
        // A directory says of each part what it holds, so each push becomes one.
        let at_once = if path.is_dir() { 1 } else { pushes.len() };
        for pushes in pushes.chunks(at_once) {
            match complete_source(storage, (appender, schemas), &path, pushes, &mut failures) {
                Ok(count) => done += count,
                Err(error) => failures.push(error),
            }
        }
    }
    failures.into_iter().next().map_or(Ok(done), Err)
}

fn complete_source(
    storage: &Storage,
    (appender, schemas): (&Appender, &SchemaCache),
    path: &Path,
    pushes: &[LoggedPush],
    failures: &mut Vec<Error>,
) -> Result<usize> {
    let name = pushes.first().map_or("", |push| push.record.source.as_str());
    let source = ParquetSource::local(path.to_path_buf(), name.to_owned());
    let held = AppendsHeld::of(path)?;
    let logged = pushes
        .first()
        .map(|push| logged_schema(&push.record.offline))
        .transpose()?;
    let logged_type = |column: &str| Some(logged.as_ref()?.field_with_name(column).ok()?.data_type().clone());
    let target = append_target(source, schemas, logged_type)?;
    let (mut batches, mut marks, mut finished) = (Vec::new(), Vec::new(), Vec::new());
    for push in pushes {
        // Of a push for several folders of a directory, some parts may be missing.
        if held.contains(&push.mark) && target.partition_columns.is_empty() {
            finished.push(push);
            continue;
        }
        match fitting(&push.record.offline, &target.schema) {
            Ok(rows) => {
                // Later arrivals stand first: of rows equal in both times the first in file order wins.
                batches.splice(0..0, rows);
                marks.push(push.mark.clone());
                finished.push(push);
            }
            Err(problem) => failures.push(Error::data(format!(
                "data source {name}: a push in the log does not fit its columns: {problem}"
            ))),
        }
    }
    if !marks.is_empty() {
        let rows = concat_batches(&target.schema, &batches).map_err(|problem| Error::internal(problem.to_string()))?;
        appender.append(&target, rows, &Relogged { storage, marks })?;
        fail_point::reached(Step::PushAppended);
    }
    for push in &finished {
        let mut stored = StoredRows::default();
        for (key, row) in &push.record.online {
            stored.keys.push_with(|out| out.extend_from_slice(key));
            stored.rows.push_with(|out| out.extend_from_slice(row));
        }
        let replace = if push.record.replace_all {
            Replace::AllRows
        } else {
            Replace::OlderRows
        };
        storage.finish_push(push.mark.number, &stored.keys, &stored.rows, replace)?;
        fail_point::reached(Step::PushFinished);
    }
    storage.sync()?;
    Ok(finished.len())
}

fn logged_schema(offline: &[u8]) -> Result<SchemaRef> {
    let reader = StreamReader::try_new(offline, None);
    let reader = reader.map_err(|problem| Error::data(format!("a push in the log cannot be read: {problem}")))?;
    Ok(reader.schema())
}

/// Logged rows with the columns that the source has now: by name, in its types; what it has more is null.
fn fitting(offline: &[u8], schema: &SchemaRef) -> std::result::Result<Vec<RecordBatch>, ArrowError> {
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

/// Appends that are in the log already, and stay there if they fail.
struct Relogged<'a> {
    storage: &'a Storage,
    marks: Vec<Mark>,
}

impl AppendLog for Relogged<'_> {
    fn log(&self) -> Result<Vec<Mark>> {
        Ok(self.marks.clone())
    }

    fn sync(&self) -> Result<()> {
        self.storage.sync()
    }

    fn is_repeated(&self) -> bool {
        true
    }

    fn forget(&self, _mark: &Mark) -> Result<()> {
        Ok(())
    }
}

/// Rows that have been answered for and wait for their parquet source.
#[derive(Default)]
pub(super) struct WaitingPushes {
    rows: HashMap<PathBuf, usize>,
    /// Since when the first of them waits.
    since: Option<Instant>,
    /// After a failure the number of rows does not count.
    is_paused: bool,
}

impl WaitingPushes {
    pub(super) fn add(&mut self, path: &Path, rows: usize) {
        *self.rows.entry(path.to_path_buf()).or_default() += rows;
        self.since.get_or_insert_with(Instant::now);
    }

    /// There are pushes in the log that could not be appended.
    fn pause(&mut self) {
        self.since.get_or_insert_with(Instant::now);
        self.is_paused = true;
    }

    fn are_due(&self, batching: OfflineBatching) -> bool {
        let are_many = self.rows.values().any(|rows| *rows >= batching.rows);
        let are_late = self.since.is_some_and(|since| since.elapsed() >= batching.interval);
        are_late || are_many && !self.is_paused
    }
}

impl FeatureStore {
    /// Does what earlier processes have left in the log. To be called before anything is answered.
    ///
    /// # Errors
    /// `Data` or `Unavailable`; what could not be done stays in the log.
    pub fn complete_pushes(&self) -> Result<usize> {
        self.remove_leftovers();
        let outcome = complete(&self.config.directory, self.storage()?, (&self.appender, &self.schemas));
        if outcome.is_err() {
            lock(&self.waiting_pushes).pause();
        }
        outcome
    }

    /// Removes what pushes of killed processes have left beside the parquet sources.
    fn remove_leftovers(&self) {
        let state = self.state();
        let sources = state.definitions.feature_views.iter();
        let sources = sources.filter_map(|view| view.batch_source.as_ref());
        let located = sources.filter_map(|source| ParquetSource::locate(source, &self.config.directory).ok());
        // Views may share a source.
        let sources: BTreeMap<PathBuf, ParquetSource> =
            located.map(|source| (source.path().to_owned(), source)).collect();
        sources.values().for_each(ParquetSource::remove_leftovers);
    }

    /// Appends pushes that were answered before they reached their parquet source, if enough rows wait or some have waited
    /// long enough, or all of them. Gives the number of pushes done.
    ///
    /// # Errors
    /// `Data` or `Unavailable`; what could not be appended stays in the log.
    pub fn flush_pushes(&self, all: bool) -> Result<usize> {
        let _flushing = lock(&self.flushing);
        let Some(batching) = self.config.offline_batching else {
            return Ok(0);
        };
        {
            let mut waiting = lock(&self.waiting_pushes);
            if !all && !waiting.are_due(batching) {
                return Ok(0);
            }
            // What is logged from here on waits for the next time; what fails is tried again after the interval.
            *waiting = WaitingPushes::default();
        }
        let outcome = complete(&self.config.directory, self.storage()?, (&self.appender, &self.schemas));
        if outcome.is_err() {
            lock(&self.waiting_pushes).pause();
        }
        outcome
    }
}
