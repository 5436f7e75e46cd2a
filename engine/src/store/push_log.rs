//! Pushes that concern a parquet source: logged in the online store before the source is touched, so that a push that is cut
//! off is done wholly at the next start, and so that an answer need not wait for the source.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::{FeatureStore, lock};
use crate::codec::byte_block::ByteBlock;
use crate::codec::record::{self, PushRecord};
use crate::error::{Error, Result};
use crate::fail_point::{self, Step};
use crate::offline::{AppendLog, Appender, AppendsHeld, ParquetSource};
use crate::online::StoredRows;
use crate::storage::{Replace, Storage};

/// The log as the appender of parquet sources sees it.
pub(super) struct LoggedAppend<'a> {
    pub(super) storage: &'a Storage,
    /// What a push has to do; `None` for one that is wholly done by its append.
    pub(super) record: Option<&'a [u8]>,
}

impl AppendLog for LoggedAppend<'_> {
    fn writer(&self) -> &str {
        self.storage.identity()
    }

    fn log(&self) -> Result<Option<u64>> {
        let Some(record) = self.record else { return Ok(None) };
        let none = ByteBlock::default();
        let (number, _) = self.storage.log_push(record, &none, &none, Replace::AllRows)?;
        fail_point::reached(Step::PushLogged);
        Ok(Some(number))
    }

    fn sync(&self) -> Result<()> {
        self.storage.sync()?;
        fail_point::reached(Step::LogSynced);
        Ok(())
    }

    fn forget(&self, number: u64) -> Result<()> {
        let none = ByteBlock::default();
        self.storage
            .finish_push(number, &none, &none, Replace::AllRows)
            .map(|_| ())
    }
}

/// The bytes of a record.
///
/// # Errors
/// `Invalid` when the push is too large for one record.
pub(super) fn encode(
    repository: &Path,
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
        source: source.name.clone(),
        // A repository may be moved.
        path: source
            .path
            .strip_prefix(repository)
            .unwrap_or(&source.path)
            .to_string_lossy()
            .into_owned(),
        offline,
        online: pairs.map(|(key, row)| (key.to_vec(), row.to_vec())).collect(),
        replace_all: replace == Replace::AllRows,
    };
    record::encode(&record).map_err(|problem| Error::internal(problem.to_string()))
}

fn decode_batches(offline: &[u8]) -> std::result::Result<Vec<RecordBatch>, ArrowError> {
    StreamReader::try_new(offline, None)?.collect()
}

/// Does what is left of all logged pushes: to the parquet sources first, one append a source, then to the online store.
///
/// Each source is done for itself: one that cannot be written keeps its pushes in the log. Gives the number of pushes done.
///
/// # Errors
/// That of the first source that cannot be written, after all others are done.
pub(super) fn complete(repository: &Path, storage: &Storage, appender: &Appender) -> Result<usize> {
    let mut by_path: BTreeMap<PathBuf, Vec<(u64, PushRecord)>> = BTreeMap::new();
    for (number, bytes) in storage.logged_pushes()? {
        let record: PushRecord = record::decode(&bytes).map_err(|problem| storage.damaged(problem))?;
        by_path
            .entry(repository.join(&record.path))
            .or_default()
            .push((number, record));
    }
    let (mut done, mut failure) = (0, None);
    for (path, pushes) in by_path {
        match complete_source(storage, appender, &path, &pushes) {
            Ok(()) => done += pushes.len(),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(done), Err)
}

fn complete_source(storage: &Storage, appender: &Appender, path: &Path, pushes: &[(u64, PushRecord)]) -> Result<()> {
    let held = AppendsHeld::of(path, storage.identity())?;
    let damaged = |problem: ArrowError| storage.damaged(problem);
    let mut batches = Vec::new();
    let mut last = None;
    let mut name = "";
    for (number, record) in pushes.iter().filter(|(number, _)| !held.contains(*number)) {
        // Later arrivals stand first: of rows equal in both times the first in file order wins.
        batches.splice(0..0, decode_batches(&record.offline).map_err(damaged)?);
        last = Some(*number);
        name = &record.source;
    }
    if let (Some(first), Some(last)) = (batches.first(), last) {
        let rows = concat_batches(&first.schema(), &batches).map_err(damaged)?;
        let source = ParquetSource {
            path: path.to_path_buf(),
            name: name.to_owned(),
        };
        appender.append(&source, rows, &Relogged { storage, number: last })?;
        fail_point::reached(Step::PushAppended);
    }
    for (number, record) in pushes {
        let mut stored = StoredRows::default();
        for (key, row) in &record.online {
            stored.keys.push_with(|out| out.extend_from_slice(key));
            stored.rows.push_with(|out| out.extend_from_slice(row));
        }
        let replace = if record.replace_all {
            Replace::AllRows
        } else {
            Replace::OlderRows
        };
        storage.finish_push(*number, &stored.keys, &stored.rows, replace)?;
        fail_point::reached(Step::PushFinished);
    }
    storage.sync()
}

/// An append that is in the log already, and stays there if it fails.
struct Relogged<'a> {
    storage: &'a Storage,
    number: u64,
}

impl AppendLog for Relogged<'_> {
    fn writer(&self) -> &str {
        self.storage.identity()
    }

    fn log(&self) -> Result<Option<u64>> {
        Ok(Some(self.number))
    }

    fn sync(&self) -> Result<()> {
        self.storage.sync()
    }

    fn forget(&self, _number: u64) -> Result<()> {
        Ok(())
    }
}

/// Rows that have been answered for and wait for their parquet source.
#[derive(Default)]
pub(super) struct WaitingPushes {
    /// For each source the rows that wait, and since when.
    rows: HashMap<PathBuf, (usize, Instant)>,
}

impl WaitingPushes {
    pub(super) fn add(&mut self, path: &Path, rows: usize) {
        self.rows
            .entry(path.to_path_buf())
            .or_insert_with(|| (0, Instant::now()))
            .0 += rows;
    }
}

impl FeatureStore {
    /// Does what earlier processes have left in the log. To be called before anything is answered.
    ///
    /// # Errors
    /// `Data` or `Unavailable`; what could not be done stays in the log.
    pub fn complete_pushes(&self) -> Result<usize> {
        complete(&self.config.directory, self.storage()?, &self.appender)
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
        let is_due = |(rows, since): &(usize, Instant)| *rows >= batching.rows || since.elapsed() >= batching.interval;
        let taken = {
            let mut waiting = lock(&self.waiting_pushes);
            if !all && !waiting.rows.values().any(is_due) {
                return Ok(0);
            }
            // What is logged from here on waits for the next time.
            std::mem::take(&mut waiting.rows)
        };
        let outcome = complete(&self.config.directory, self.storage()?, &self.appender);
        if outcome.is_err() {
            let mut waiting = lock(&self.waiting_pushes);
            // Tried again after the interval, not at once.
            for (path, (rows, _)) in taken {
                waiting.add(&path, rows.min(batching.rows.saturating_sub(1)));
            }
        }
        outcome
    }
}
