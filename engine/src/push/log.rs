//! The log of pushes: what a push still has to do when a parquet source is concerned, as a record until it is done.
//!
//! All that pushes want of the online store goes through [`PushLog`].

use std::ops::RangeInclusive;

use feast_codec::record::{self, Decode, Encode, PackedPairs};
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, Result};

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::PushStores;
use super::marks::AppendId;
use super::queue::PushSize;
use crate::offline::ParquetSource;
use crate::online::{self, WriteFunctionRun, WriteTarget};
use crate::online_store::{EncodedRows, OnlineStore, PushRecords, Replace, RowColumns, WriteCount};

/// Of records that are in memory at once when they are done.
const PART_BYTES: usize = 16 << 20;
/// More than what stands before the rows of a stream, for a usual number of columns.
const STREAM_HEAD_BYTES: usize = 16 << 10;

/// Well below what a record may be when it is read.
const MAX_RECORD_BYTES: usize = 512 << 20;

/// What a push has to do: append rows to a parquet source, then write rows to the online store.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct PushRecord {
    /// The session that logged it.
    pub(super) session: String,
    /// The data source's name, for messages.
    pub(super) source: String,
    /// The parquet file or directory.
    pub(super) path: String,
    /// The rows to append, as an Arrow IPC stream.
    pub(super) offline: Vec<u8>,
    /// Keys and rows of the online store, in order of arrival.
    pub(super) online: PackedPairs,
    /// Whether rows replace newer ones.
    pub(super) replace_all: bool,
}

/// The bytes of a push that is answered when it is in the log.
pub(super) struct EncodedPush {
    /// With its online rows, for a log that is not in the store that they go to; else empty.
    complete: Vec<u8>,
    /// What is left to do when these are written.
    pub(super) rest: Vec<u8>,
}

/// A push in the log.
pub(super) struct LoggedPush {
    pub(super) id: AppendId,
    pub(super) record: PushRecord,
    pub(super) size: PushSize,
}

/// Some pushes of the log, and where the next ones begin.
pub(super) struct LogPart {
    /// In the order in which they were logged, or why one cannot be read.
    pub(super) pushes: Vec<Result<LoggedPush>>,
    pub(super) next: u64,
}

impl PushRecord {
    /// The record of a push, without its rows for the online store.
    ///
    /// # Errors
    /// `Conflict` when another process has the log open.
    pub(super) fn new(stores: &PushStores<'_>, source: &ParquetSource, rows: &RecordBatch) -> Result<Self> {
        // Growing would take as much again.
        let mut offline = Vec::with_capacity(rows.get_array_memory_size() + STREAM_HEAD_BYTES);
        let written = StreamWriter::try_new(&mut offline, &rows.schema()).and_then(|mut writer| {
            writer.write(rows)?;
            writer.finish()
        });
        written.map_err(|problem| Error::internal(format!("rows could not be logged: {problem}")))?;
        Ok(Self {
            session: PushLog::new(stores).records.session()?.to_owned(),
            source: source.name.clone(),
            // A repository may be moved.
            path: source
                .path()
                .strip_prefix(stores.repository)
                .unwrap_or_else(|_| source.path())
                .to_string_lossy()
                .into_owned(),
            offline,
            online: PackedPairs::default(),
            replace_all: stores.replace == Replace::AllRows,
        })
    }

    /// How many rows there are to append; those that cannot be read are not counted.
    fn rows(&self) -> usize {
        let batches = StreamReader::try_new(&self.offline[..], None).into_iter().flatten();
        batches.flatten().map(|batch| batch.num_rows()).sum()
    }

    /// Its bytes.
    ///
    /// # Errors
    /// `Invalid` when the push is too large for one record.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let bytes = record::encode(self).map_err(|problem| Error::internal(problem.to_string()))?;
        if bytes.len() > MAX_RECORD_BYTES {
            let message = format!("a push of {} MiB is too large", bytes.len() >> 20);
            return Err(Error::invalid(message).with_hint("send fewer rows at once"));
        }
        Ok(bytes)
    }

    /// As [`PushRecord::encode`], with rows for the online store, which stay the caller's.
    pub(super) fn encode_with(mut self, online: &mut EncodedRows) -> Result<Vec<u8>> {
        let rows = std::mem::take(online);
        self.online = PackedPairs {
            keys: rows.keys,
            values: rows.rows,
        };
        let encoded = self.encode();
        *online = EncodedRows {
            keys: self.online.keys,
            rows: self.online.values,
        };
        encoded
    }

    /// The rows for the online store, and which rows they replace there.
    pub(super) fn into_online_rows(self) -> (EncodedRows, Replace) {
        let rows = EncodedRows {
            keys: self.online.keys,
            rows: self.online.values,
        };
        let replace = if self.replace_all {
            Replace::AllRows
        } else {
            Replace::OlderRows
        };
        (rows, replace)
    }
}

/// The online store, as pushes use it, and the log.
#[derive(Clone, Copy)]
pub(super) struct PushLog<'a> {
    online_store: &'a OnlineStore,
    records: PushRecords<'a>,
}

impl<'a> PushLog<'a> {
    pub(super) fn new(stores: &PushStores<'a>) -> Self {
        Self {
            online_store: stores.online_store,
            records: PushRecords::new(stores.online_store, stores.local_log),
        }
    }

    /// Adds a record. It is durable after the next [`PushLog::sync_records`].
    pub(super) fn add(&self, record: &[u8]) -> Result<AppendId> {
        let number = self.records.add(record)?;
        fail_point::reached(Step::PushLogged);
        let session = self.records.session()?.to_owned();
        Ok(AppendId { session, number })
    }

    /// Adds the record of a push and writes its online rows: after a crash both are there or neither, or it is done at the next start.
    pub(super) fn add_with_rows(
        &self,
        record: EncodedPush,
        rows: &EncodedRows,
        replace: Replace,
    ) -> Result<WriteCount> {
        self.records
            .add_with_rows(&record.complete, &record.rest, rows, replace)
    }

    /// The bytes of a push that is answered when it is in the log.
    pub(super) fn encoded(&self, record: PushRecord, rows: &mut EncodedRows) -> Result<EncodedPush> {
        let rest = record.encode()?;
        let complete = match self.records.are_written_with_rows() {
            true => Vec::new(),
            false => record.encode_with(rows)?,
        };
        Ok(EncodedPush { complete, rest })
    }

    /// Replaces a record by the rows that were all that was left to do.
    pub(super) fn finish(&self, id: &AppendId, rows: &EncodedRows, replace: Replace) -> Result<WriteCount> {
        let count = self.records.finish(id.number, rows, replace)?;
        fail_point::reached(Step::PushFinished);
        Ok(count)
    }

    /// Removes the record of a push that has failed.
    pub(super) fn forget(&self, id: &AppendId) -> Result<()> {
        self.records.remove(id.number)
    }

    /// Whether a push was logged since the log was opened.
    pub(super) fn is_of_this_session(&self, id: &AppendId) -> Result<bool> {
        Ok(self.records.session()? == id.session)
    }

    /// The number of the push that was logged last; 0 when there was none.
    pub(super) fn last(&self) -> Result<u64> {
        self.records.last()
    }

    /// The next pushes with numbers in a range that are in the log, some megabytes of them. `None` when there are no more.
    pub(super) fn part(&self, numbers: RangeInclusive<u64>) -> Result<Option<LogPart>> {
        let logged = self.records.some(numbers, PART_BYTES)?;
        let Some((last, _)) = logged.last() else {
            return Ok(None);
        };
        let next = last + 1;
        let pushes = logged.into_iter().map(|(number, bytes)| {
            let record: PushRecord = record::decode(&bytes).map_err(|problem| self.records.corrupt(problem))?;
            let session = record.session.clone();
            Ok(LoggedPush {
                id: AppendId { session, number },
                size: PushSize {
                    rows: record.rows(),
                    bytes: bytes.len(),
                },
                record,
            })
        });
        let pushes = pushes.collect();
        Ok(Some(LogPart { pushes, next }))
    }

    /// Adds the rows of a view to those of others, in the form of the online store.
    pub(super) fn encode_rows(
        &self,
        view: &WriteTarget,
        rows: &RowColumns,
        encoded: &mut EncodedRows,
        runs: &mut Vec<WriteFunctionRun>,
    ) -> Result<()> {
        online::encode_with_derived(self.online_store, view, rows, encoded, runs)
    }

    /// Writes rows that need no record.
    pub(super) fn write_rows(&self, rows: &EncodedRows, replace: Replace) -> Result<WriteCount> {
        self.online_store.write_rows(&rows.keys, &rows.rows, replace)
    }

    /// Makes changes of the log durable.
    pub(super) fn sync_records(&self) -> Result<()> {
        self.records.sync_records()
    }

    /// Makes written rows durable.
    pub(super) fn sync_rows(&self) -> Result<()> {
        self.online_store.sync()
    }

    /// Makes all of the above durable.
    pub(super) fn sync(&self) -> Result<()> {
        self.records.sync()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn logged() -> PushRecord {
        PushRecord {
            session: "5e55".into(),
            source: "stats".into(),
            path: "data/stats.parquet".into(),
            offline: vec![1, 2, 3],
            online: PackedPairs::default(),
            replace_all: true,
        }
    }

    fn rows() -> EncodedRows {
        let mut rows = EncodedRows::default();
        rows.push(b"key", b"row");
        rows.push(b"key", b"");
        rows
    }

    #[test]
    fn a_record_gives_back_the_rows_of_its_push() {
        let mut online = rows();
        let read: PushRecord = record::decode(&logged().encode_with(&mut online).unwrap()).unwrap();
        assert_eq!(online.keys.len(), 2, "they stay the caller's");
        assert_eq!((&read.source, &read.offline), (&logged().source, &logged().offline));
        let (rows, replace) = read.into_online_rows();
        let pairs: Vec<(&[u8], &[u8])> = rows.keys.iter().zip(rows.rows.iter()).collect();
        assert_eq!(pairs, [(&b"key"[..], &b"row"[..]), (b"key", b"")]);
        assert_eq!(replace, Replace::AllRows);
    }

    proptest! {
        #[test]
        fn damaged_records_are_an_error(position in 0..200_usize, byte in any::<u8>(), length in 0..200_usize) {
            let mut bytes = logged().encode_with(&mut rows()).unwrap();
            let position = position % bytes.len();
            bytes[position] = byte;
            bytes.truncate(length);
            // What still is a record must not panic when its rows are taken.
            if let Ok(read) = record::decode::<PushRecord>(&bytes) {
                let (rows, _) = read.into_online_rows();
                prop_assert_eq!(rows.keys.len(), rows.rows.len());
            }
        }
    }
}
