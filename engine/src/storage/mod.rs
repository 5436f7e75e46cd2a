//! The RocksDB database of one online store: batched reads, writes that keep the newest row, tables.
//!
//! The only user of rocksdb. Synchronous; every call is a batch. Knows keys and row ages, but neither JSON nor Arrow.

mod directory;
mod error;
mod file_modes;
mod found_rows;
mod options;
mod push_log;
mod reading;
mod row_cache;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use rocksdb::properties::CUR_SIZE_ALL_MEM_TABLES;
use rocksdb::{ColumnFamilyDescriptor, DB, DBPinnableSlice, DEFAULT_COLUMN_FAMILY_NAME, WriteBatch};

pub(crate) use directory::TableView;
pub use directory::{RowCount, TableChange, TableFate};
pub(crate) use found_rows::FoundRows;
pub(crate) use reading::RowQuery;
pub(crate) use tables::{Table, Tables};

use feast_config::OnlineStoreMemory;
use feast_model::error::{Error, Result, path as error_path};

use crate::codec::byte_block::ByteBlock;
use crate::codec::record::{self, Decode, Encode, STORE_FORMAT};
use crate::codec::row::{RowAge, RowHeader};
use crate::codec::storage_key::{KeyTag, split_row_key};
use file_modes::FileModes;
use row_cache::RowCache;

/// Fewer bytes are replayed in some milliseconds.
const LEAST_SETTLED_BYTES: u64 = 4 << 20;

/// An open database. One process at a time can have it open.
pub(crate) struct Storage {
    db: DB,
    path: PathBuf,
    modes: FileModes,
    project: String,
    identity: String,
    session: String,
    tables: ArcSwap<Tables>,
    row_cache: RowCache,
    /// Held from comparing rows with the stored ones until they are written, so that no two writers pass each other.
    writer: Mutex<()>,
    syncs: Syncs,
}

/// Counts calls of [`Storage::sync`], so that one fsync can do for many of them.
#[derive(Default)]
struct Syncs {
    asked: AtomicU64,
    /// The last call that is done, and with it all before it. Held during an fsync.
    done: Mutex<u64>,
}

/// Which rows a write may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    /// Those that are older or of the same age.
    OlderRows,
    /// All.
    AllRows,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WriteCount {
    /// Keys whose row was replaced or new.
    pub(crate) written: usize,
    /// Rows that lost against a newer one, stored or in the same batch.
    pub(crate) stale: usize,
}

impl Storage {
    /// Opens the database of `project` in `path` and makes it if it is not there.
    ///
    /// # Errors
    /// `Conflict` when another process has it open, `Data` when it is damaged or of a newer version.
    pub(crate) fn open(path: &Path, project: &str, memory: OnlineStoreMemory) -> Result<Self> {
        let modes = FileModes::prepare(path);
        let modes = modes.map_err(|source| Error::io("create the online store directory", path, source))?;
        // Named, so that its handle can be had for batched reads.
        let options = options::database(memory.block_cache);
        let family = ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, options.clone());
        let opened = DB::open_cf_descriptors(&options, path, [family]);
        let db = opened.map_err(|source| error::from_rocksdb(source, path))?;
        let mut storage = Self {
            db,
            path: path.to_path_buf(),
            modes,
            project: project.to_owned(),
            identity: String::new(),
            session: uuid::Uuid::new_v4().simple().to_string(),
            tables: ArcSwap::default(),
            row_cache: RowCache::new(memory.row_cache),
            writer: Mutex::default(),
            syncs: Syncs::default(),
        };
        storage.check_format()?;
        storage.identity = storage.read_identity()?;
        let directory = storage.read_directory()?;
        storage.publish(&directory);
        storage.modes.apply();
        Ok(storage)
    }

    /// Brings files that RocksDB has made since to the mode and group of the store.
    pub(crate) fn tend_files(&self) {
        self.modes.apply();
    }

    /// Writes a small file into the directory of the database, which knows nothing of it.
    pub(crate) fn write_file(&self, name: &str, contents: &[u8]) -> Result<()> {
        let written = self.modes.write_file(name, contents);
        written.map_err(|source| Error::io("write", &self.path.join(name), source))
    }

    /// The tables of the project as they are now.
    pub(crate) fn tables(&self) -> Arc<Tables> {
        self.tables.load_full()
    }

    /// Reads the values of distinct keys in ascending order from the database, in one batch. One answer a key, in key
    /// order.
    pub(crate) fn get_many<'key>(
        &self,
        keys: impl ExactSizeIterator<Item = &'key [u8]>,
    ) -> Result<Vec<Option<DBPinnableSlice<'_>>>> {
        let Some(family) = self.db.cf_handle(DEFAULT_COLUMN_FAMILY_NAME) else {
            return Err(Error::internal("the online store has no default column family"));
        };
        let keys: Vec<&[u8]> = keys.collect();
        let values = self.db.batched_multi_get_cf(&family, keys, true);
        values
            .into_iter()
            .map(|value| value.map_err(|source| self.error(source)))
            .collect()
    }

    /// Writes rows, each a storage key and the bytes of a row, in order of arrival: all or none.
    ///
    /// They are durable after the next [`Storage::sync`].
    pub(crate) fn write_rows(&self, keys: &ByteBlock, rows: &ByteBlock, replace: Replace) -> Result<WriteCount> {
        self.write(keys, rows, replace, |_, _| Ok(()))
    }

    /// Writes rows and what `add` adds to the batch, under the writer lock.
    fn write(
        &self,
        keys: &ByteBlock,
        rows: &ByteBlock,
        replace: Replace,
        add: impl FnOnce(&Self, &mut WriteBatch) -> Result<()>,
    ) -> Result<WriteCount> {
        let winners = newest_of_each_key(keys, rows, replace)?;
        let _writer = self.lock_writer();
        let stored = match replace {
            Replace::OlderRows => {
                let keys = winners.iter().map(|(position, _)| keys.get(*position));
                self.get_many(keys)?
            }
            Replace::AllRows => Vec::new(),
        };
        let mut batch = WriteBatch::default();
        let mut written = Vec::with_capacity(winners.len());
        for (index, (position, age)) in winners.iter().enumerate() {
            if let Some(Some(old)) = stored.get(index) {
                let old_age = RowHeader::decode(old).map_err(|source| self.damaged(source))?.age;
                if old_age > *age {
                    continue;
                }
            }
            batch.put(keys.get(*position), rows.get(*position));
            written.push(*position);
        }
        add(self, &mut batch)?;
        if !batch.is_empty() {
            self.db.write(batch).map_err(|source| self.error(source))?;
        }
        for position in &written {
            if let Some((table, entity)) = split_row_key(keys.get(*position)) {
                self.row_cache.replace(table, entity, rows.get(*position));
            }
        }
        Ok(WriteCount {
            written: written.len(),
            stale: keys.len() - written.len(),
        })
    }

    /// Makes everything written so far durable. Callers that come during an fsync share the next one.
    pub(crate) fn sync(&self) -> Result<()> {
        let own = self.syncs.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut done = self.syncs.done.lock().unwrap_or_else(PoisonError::into_inner);
        if *done >= own {
            return Ok(());
        }
        // What these callers have written, they have written before they asked.
        let covered = self.syncs.asked.load(Ordering::SeqCst);
        self.db.flush_wal(true).map_err(|source| self.error(source))?;
        *done = covered;
        Ok(())
    }

    /// Moves rows from the log of writes into table files, if they are many, so that the next start need not read them all
    /// again. What cannot be moved stays where it is, which is safe.
    pub(crate) fn settle(&self) {
        let in_log = self.db.property_int_value(CUR_SIZE_ALL_MEM_TABLES);
        if in_log.is_ok_and(|bytes| bytes.is_some_and(|bytes| bytes >= LEAST_SETTLED_BYTES)) {
            let _ = self.db.flush();
        }
    }

    /// A stored row or record that cannot be read.
    pub(crate) fn damaged(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::data(format!("online store {}: {source}", error_path(&self.path)))
            .with_hint("the store is damaged or was written by a newer version; restore it, or remove it and materialize again")
            .with_source(source)
    }

    fn check_format(&self) -> Result<()> {
        match self.read_record(KeyTag::Format)? {
            None => self.write_record(KeyTag::Format, &STORE_FORMAT),
            Some(STORE_FORMAT) => Ok(()),
            Some(newer) => Err(Error::data(format!(
                "online store {} has format {newer}; this version knows format {STORE_FORMAT}",
                error_path(&self.path)
            ))
            .with_hint("use the version that wrote it, or remove the directory and materialize again")),
        }
    }

    fn read_identity(&self) -> Result<String> {
        if let Some(identity) = self.read_record(KeyTag::Identity)? {
            return Ok(identity);
        }
        let identity = uuid::Uuid::new_v4().simple().to_string();
        self.write_record(KeyTag::Identity, &identity)?;
        Ok(identity)
    }

    /// A record that exists once, if it is there.
    fn read_record<T: Decode<()>>(&self, tag: KeyTag) -> Result<Option<T>> {
        let stored = self.db.get(tag.single()).map_err(|source| self.error(source))?;
        let decoded = stored.map(|bytes| record::decode(&bytes)).transpose();
        decoded.map_err(|source| self.damaged(source))
    }

    /// Writes a record that exists once. It is durable when this returns.
    fn write_record<T: Encode>(&self, tag: KeyTag, value: &T) -> Result<()> {
        let bytes = record::encode(value).map_err(|source| self.damaged(source))?;
        self.db.put(tag.single(), bytes).map_err(|source| self.error(source))?;
        self.sync()
    }

    /// A writer that panicked left whole batches behind, so its lock can be taken over; the row cache may not know of the last.
    fn lock_writer(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(|poisoned| {
            self.row_cache.clear();
            self.writer.clear_poison();
            poisoned.into_inner()
        })
    }

    fn error(&self, source: rocksdb::Error) -> Error {
        error::from_rocksdb(source, &self.path)
    }
}

/// The position and age of the row that wins for each distinct key, in ascending key order.
fn newest_of_each_key(keys: &ByteBlock, rows: &ByteBlock, replace: Replace) -> Result<Vec<(usize, RowAge)>> {
    let age = |position: usize| {
        let header = RowHeader::decode(rows.get(position)).map_err(|source| Error::internal(source.to_string()))?;
        Ok((position, header.age))
    };
    let mut all = (0..keys.len()).map(age).collect::<Result<Vec<_>>>()?;
    // Of one key the winner comes first; positions are distinct, so the order is total.
    all.sort_unstable_by(|(left, left_age), (right, right_age)| {
        let by_age = match replace {
            Replace::OlderRows => right_age.cmp(left_age),
            Replace::AllRows => std::cmp::Ordering::Equal,
        };
        keys.get(*left).cmp(keys.get(*right)).then(by_age).then(right.cmp(left))
    });
    all.dedup_by(|(later, _), (first, _)| keys.get(*later) == keys.get(*first));
    Ok(all)
}

#[cfg(test)]
mod tests;
