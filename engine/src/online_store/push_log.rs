//! Where pushes that concern a parquet source are recorded until they are done.
//!
//! RocksDB has the records beside its rows, so that a record and rows are written as one. Other stores are not this server's alone, and
//! cannot do that: for them the records are in a small database on this machine (`serving.push_log_path`), which one server at a time
//! has open. There a record that stands for rows of the online store holds them until the store has them.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use feast_codec::packed_bytes::PackedBytes;
use feast_config::OnlineStoreMemory;
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_rocksdb::RocksDbStore;
use feast_rows::{EncodedRows, Replace, WriteCount};

use super::OnlineStore;
use crate::open_once::OpenOnce;

/// Records are read once, at the start and when they are due.
const MEMORY: OnlineStoreMemory = OnlineStoreMemory {
    row_cache: 0,
    block_cache: 1 << 20,
};

/// The database of records of one server whose online store cannot hold them. Opened by the first push that needs it.
pub(crate) struct LocalPushLog {
    path: PathBuf,
    project: String,
    records: OpenOnce<RocksDbStore>,
}

/// The records of an online store, wherever they are.
#[derive(Clone, Copy)]
pub(crate) struct PushRecords<'a> {
    store: &'a OnlineStore,
    local: &'a LocalPushLog,
}

impl LocalPushLog {
    /// Not open yet.
    pub(crate) fn new(path: PathBuf, project: &str) -> Self {
        Self {
            path,
            project: project.to_owned(),
            records: OpenOnce::new(),
        }
    }

    /// As [`OnlineStore::tend`], if it is open.
    pub(crate) fn tend(&self) {
        if let Some(records) = self.records.get() {
            records.tend();
        }
    }

    /// Why no push can be recorded for now.
    pub(crate) fn trouble(&self) -> Option<Error> {
        let trouble = self.records.get()?.trouble()?;
        Some(trouble.within(|message| format!("the log of pushes (serving.push_log_path): {message}")))
    }

    fn open(&self) -> Result<&RocksDbStore> {
        self.records.get_or_open(|| {
            let opened = RocksDbStore::open(&self.path, &self.project, MEMORY);
            opened.map_err(|error| self.not_open(error))
        })
    }

    /// The database, if it was ever made.
    fn open_existing(&self) -> Result<Option<&RocksDbStore>> {
        if self.records.get().is_none() && !self.path.exists() {
            return Ok(None);
        }
        self.open().map(Some)
    }

    fn not_open(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Conflict {
            let message = format!(
                "the log of pushes {} is in use by another process",
                error_path(&self.path)
            );
            return Error::new(ErrorKind::Conflict, message)
                .with_hint("each server has a log of its own: set serving.push_log_path to another directory");
        }
        error.within(|message| format!("the log of pushes (serving.push_log_path): {message}"))
    }
}

impl<'a> PushRecords<'a> {
    pub(crate) fn new(store: &'a OnlineStore, local: &'a LocalPushLog) -> Self {
        Self { store, local }
    }

    /// Names this opening of the records: their numbers mean something within it.
    ///
    /// # Errors
    /// `Conflict` when another process has the log open.
    pub(crate) fn session(&self) -> Result<&'a str> {
        self.database().map(RocksDbStore::session)
    }

    /// Whether a record and rows are written as one. Where they are not, a record must hold its rows.
    pub(crate) fn are_written_with_rows(&self) -> bool {
        matches!(self.store, OnlineStore::RocksDb(_))
    }

    /// Adds a record, and gives its number. It is durable after the next [`PushRecords::sync_records`].
    pub(crate) fn add(&self, record: &[u8]) -> Result<u64> {
        let none = PackedBytes::default();
        let logged = self.database()?.log_push(record, &none, &none, Replace::AllRows);
        logged.map(|(number, _)| number)
    }

    /// Adds a record and writes rows: after a crash both are there, or neither, or the record holds the rows. `complete` is the record
    /// with the rows in it, `rest` the one without them.
    pub(crate) fn add_with_rows(
        &self,
        complete: &[u8],
        rest: &[u8],
        rows: &EncodedRows,
        replace: Replace,
    ) -> Result<WriteCount> {
        if let OnlineStore::RocksDb(storage) = self.store {
            let logged = storage.log_push(rest, &rows.keys, &rows.rows, replace);
            return logged.map(|(_, count)| count);
        }
        let database = self.database()?;
        let number = self.add(complete)?;
        database.sync()?;
        fail_point::reached(Step::PushLogged);
        let written = self.write_durably(rows, replace);
        match written {
            // The rows are not to be written once more, when later ones may be there.
            Ok(_) => database.replace_push(number, rest)?,
            // The caller gets the error, and nothing of the push is to be done later.
            Err(_) => self.remove(number)?,
        }
        written
    }

    /// Removes a record and writes its rows: after a crash both is done, or neither, or the record is still there.
    pub(crate) fn finish(&self, number: u64, rows: &EncodedRows, replace: Replace) -> Result<WriteCount> {
        if let OnlineStore::RocksDb(storage) = self.store {
            return storage.finish_push(number, &rows.keys, &rows.rows, replace);
        }
        let count = self.write_durably(rows, replace)?;
        self.remove(number)?;
        Ok(count)
    }

    /// Removes a record.
    pub(crate) fn remove(&self, number: u64) -> Result<()> {
        let none = PackedBytes::default();
        let removed = self.database()?.finish_push(number, &none, &none, Replace::AllRows);
        removed.map(|_| ())
    }

    /// The number of the record that was added last; 0 when there was none.
    pub(crate) fn last(&self) -> Result<u64> {
        self.opened()?.map_or(Ok(0), RocksDbStore::last_push)
    }

    /// The records with numbers in a range that are there, in the order of their numbers: as many as have so many bytes, but one at
    /// least.
    pub(crate) fn some(&self, numbers: RangeInclusive<u64>, bytes: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        match self.opened()? {
            Some(database) => database.logged_pushes(numbers, bytes),
            None => Ok(Vec::new()),
        }
    }

    /// Makes all changes of records durable.
    pub(crate) fn sync_records(&self) -> Result<()> {
        self.opened()?.map_or(Ok(()), RocksDbStore::sync)
    }

    /// Makes all changes of records and rows durable.
    pub(crate) fn sync(&self) -> Result<()> {
        if !self.are_written_with_rows() {
            self.store.sync()?;
        }
        self.sync_records()
    }

    /// The error for a record that cannot be read.
    pub(crate) fn corrupt(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        match self.database() {
            Ok(database) => database.corrupt(source),
            Err(error) => error,
        }
    }

    fn write_durably(&self, rows: &EncodedRows, replace: Replace) -> Result<WriteCount> {
        if rows.keys.is_empty() {
            return Ok(WriteCount::default());
        }
        let count = self.store.write_rows(&rows.keys, &rows.rows, replace)?;
        self.store.sync()?;
        Ok(count)
    }

    fn database(&self) -> Result<&'a RocksDbStore> {
        match self.store {
            OnlineStore::RocksDb(storage) => Ok(storage),
            OnlineStore::Redis(_) | OnlineStore::Sqlite(_) => self.local.open(),
        }
    }

    fn opened(&self) -> Result<Option<&'a RocksDbStore>> {
        match self.store {
            OnlineStore::RocksDb(storage) => Ok(Some(storage)),
            OnlineStore::Redis(_) | OnlineStore::Sqlite(_) => self.local.open_existing(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_use_is_told_with_its_setting_and_nothing_is_made_by_looking() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("push_log");
        let first = LocalPushLog::new(path.clone(), "shop");
        assert!(first.open_existing().unwrap().is_none());
        assert!(!path.exists());
        first.open().unwrap();
        let second = LocalPushLog::new(path, "shop");
        let error = second.open_existing().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(
            error.to_string().contains("push_log is in use by another process"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("serving.push_log_path"));
    }
}
