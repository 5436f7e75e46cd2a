//! The log of pushes: what a push still has to do when a parquet source is concerned, as a record until it is done.
//!
//! All that pushes want of the online store goes through [`PushLog`].

use feast_codec::record::{self, Decode, Encode};
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, Result};

use arrow::array::RecordBatch;
use arrow::ipc::writer::StreamWriter;

use super::PushStores;
use super::marks::AppendId;
use crate::offline::ParquetSource;
use crate::online::{self, WriteTarget};
use crate::online_store::{EncodedRows, OnlineStore, PushRecords, Replace, RowColumns, WriteCount};

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
    pub(super) online: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether rows replace newer ones.
    pub(super) replace_all: bool,
}

/// A push in the log.
pub(super) struct LoggedPush {
    pub(super) id: AppendId,
    pub(super) record: PushRecord,
}

impl PushRecord {
    /// The record of a push.
    ///
    /// # Errors
    /// `Conflict` when another process has the log open.
    pub(super) fn new(
        stores: &PushStores<'_>,
        source: &ParquetSource,
        rows: &RecordBatch,
        online: &EncodedRows,
    ) -> Result<Self> {
        let mut offline = Vec::new();
        let written = StreamWriter::try_new(&mut offline, &rows.schema()).and_then(|mut writer| {
            writer.write(rows)?;
            writer.finish()
        });
        written.map_err(|problem| Error::internal(format!("rows could not be logged: {problem}")))?;
        let pairs = online.keys.iter().zip(online.rows.iter());
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
            online: pairs.map(|(key, row)| (key.to_vec(), row.to_vec())).collect(),
            replace_all: stores.replace == Replace::AllRows,
        })
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

    /// The rows for the online store, and which rows they replace there.
    pub(super) fn online_rows(&self) -> (EncodedRows, Replace) {
        let mut rows = EncodedRows::default();
        for (key, row) in &self.online {
            rows.keys.push_with(|out| out.extend_from_slice(key));
            rows.rows.push_with(|out| out.extend_from_slice(row));
        }
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
        mut record: PushRecord,
        rows: &EncodedRows,
        replace: Replace,
    ) -> Result<WriteCount> {
        let complete = if self.records.are_written_with_rows() {
            Vec::new()
        } else {
            record.encode()?
        };
        record.online = Vec::new();
        self.records.add_with_rows(&complete, &record.encode()?, rows, replace)
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

    /// The pushes that are in the log, in the order in which they were logged, or why one cannot be read.
    pub(super) fn pushes(&self) -> Result<Vec<Result<LoggedPush>>> {
        let logged = self.records.all()?.into_iter();
        let pushes = logged.map(|(number, bytes)| {
            let record: PushRecord = record::decode(&bytes).map_err(|problem| self.records.corrupt(problem))?;
            let session = record.session.clone();
            let id = AppendId { session, number };
            Ok(LoggedPush { id, record })
        });
        Ok(pushes.collect())
    }

    /// Adds the rows of a view to those of others, in the form of the online store.
    pub(super) fn encode_rows(&self, view: &WriteTarget, rows: &RowColumns, encoded: &mut EncodedRows) -> Result<()> {
        online::encode_with_derived(self.online_store, view, rows, encoded)
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
            online: vec![(b"key".to_vec(), b"row".to_vec()), (b"key".to_vec(), Vec::new())],
            replace_all: true,
        }
    }

    #[test]
    fn a_record_gives_back_the_rows_of_its_push() {
        let read: PushRecord = record::decode(&record::encode(&logged()).unwrap()).unwrap();
        assert_eq!(read, logged());
        let (rows, replace) = read.online_rows();
        let pairs: Vec<(&[u8], &[u8])> = rows.keys.iter().zip(rows.rows.iter()).collect();
        assert_eq!(pairs, [(&b"key"[..], &b"row"[..]), (b"key", b"")]);
        assert_eq!(replace, Replace::AllRows);
    }

    proptest! {
        #[test]
        fn damaged_records_are_an_error(position in 0..200_usize, byte in any::<u8>(), length in 0..200_usize) {
            let mut bytes = record::encode(&logged()).unwrap();
            let position = position % bytes.len();
            bytes[position] = byte;
            bytes.truncate(length);
            // What still is a record must not panic when its rows are taken.
            if let Ok(read) = record::decode::<PushRecord>(&bytes) {
                let (rows, _) = read.online_rows();
                prop_assert_eq!(rows.keys.len(), rows.rows.len());
            }
        }
    }
}
