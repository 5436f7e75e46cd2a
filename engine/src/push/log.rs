//! The log of pushes: what a push still has to do when a parquet source is concerned, as a record in the online store until it is
//! done.
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
use crate::online_store::{EncodedRows, OnlineStore, Replace, RowColumns, WriteCount};

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
    /// The bytes of the record of a push.
    ///
    /// # Errors
    /// `Invalid` when the push is too large for one record.
    pub(super) fn encode(
        stores: &PushStores<'_>,
        source: &ParquetSource,
        rows: &RecordBatch,
        online: &EncodedRows,
    ) -> Result<Vec<u8>> {
        let mut offline = Vec::new();
        let written = StreamWriter::try_new(&mut offline, &rows.schema()).and_then(|mut writer| {
            writer.write(rows)?;
            writer.finish()
        });
        written.map_err(|problem| Error::internal(format!("rows could not be logged: {problem}")))?;
        let pairs = online.keys.iter().zip(online.rows.iter());
        let record = Self {
            session: stores.online_store.session().to_owned(),
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
        };
        let bytes = record::encode(&record).map_err(|problem| Error::internal(problem.to_string()))?;
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

/// The online store, as pushes use it.
#[derive(Clone, Copy)]
pub(super) struct PushLog<'a> {
    online_store: &'a OnlineStore,
}

impl<'a> PushLog<'a> {
    pub(super) fn new(online_store: &'a OnlineStore) -> Self {
        Self { online_store }
    }

    /// Adds a record. It is durable after the next [`PushLog::sync`].
    pub(super) fn add(&self, record: &[u8]) -> Result<AppendId> {
        let none = EncodedRows::default();
        let (number, _) = self
            .online_store
            .log_push(record, &none.keys, &none.rows, Replace::AllRows)?;
        fail_point::reached(Step::PushLogged);
        let session = self.online_store.session().to_owned();
        Ok(AppendId { session, number })
    }

    /// Adds a record and writes rows: both or neither are there after a crash.
    pub(super) fn add_with_rows(&self, record: &[u8], rows: &EncodedRows, replace: Replace) -> Result<WriteCount> {
        let logged = self.online_store.log_push(record, &rows.keys, &rows.rows, replace);
        logged.map(|(_, count)| count)
    }

    /// Replaces a record by the rows that were all that was left to do.
    pub(super) fn finish(&self, id: &AppendId, rows: &EncodedRows, replace: Replace) -> Result<WriteCount> {
        let count = self
            .online_store
            .finish_push(id.number, &rows.keys, &rows.rows, replace)?;
        fail_point::reached(Step::PushFinished);
        Ok(count)
    }

    /// Removes the record of a push that has failed.
    pub(super) fn forget(&self, id: &AppendId) -> Result<()> {
        let none = EncodedRows::default();
        let forgotten = self
            .online_store
            .finish_push(id.number, &none.keys, &none.rows, Replace::AllRows);
        forgotten.map(|_| ())
    }

    /// The pushes that are in the log, in the order in which they were logged, or why one cannot be read.
    pub(super) fn pushes(&self) -> Result<Vec<Result<LoggedPush>>> {
        let logged = self.online_store.logged_pushes()?.into_iter();
        let pushes = logged.map(|(number, bytes)| {
            let record: PushRecord = record::decode(&bytes).map_err(|problem| self.online_store.corrupt(problem))?;
            let session = record.session.clone();
            let id = AppendId { session, number };
            Ok(LoggedPush { id, record })
        });
        Ok(pushes.collect())
    }

    /// Adds the rows of a view to those of others, in the form of the online store.
    pub(super) fn encode_rows(&self, view: &WriteTarget, rows: &RowColumns, encoded: &mut EncodedRows) -> Result<()> {
        online::encode_rows(self.online_store, &view.view, rows, encoded).map(|_| ())
    }

    /// Writes rows that need no record.
    pub(super) fn write_rows(&self, rows: &EncodedRows, replace: Replace) -> Result<WriteCount> {
        self.online_store.write_rows(&rows.keys, &rows.rows, replace)
    }

    /// Makes all of the above durable.
    pub(super) fn sync(&self) -> Result<()> {
        self.online_store.sync()
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
