//! The RocksDB database of one online store: batched reads, writes that keep the newest row, tables, the log of pushes.
//!
//! The only user of rocksdb, and used by the engine's `online_store` alone. Synchronous; every call is a batch. Knows keys and
//! row versions, but neither JSON nor Arrow.
//!
//! **The newest event wins.** A stored row is replaced only by one with a greater or equal (event time, created time). Comparison and
//! write happen under one writer lock, for pushes and materialization alike, so neither can pass the other, and under it written rows
//! go into the row cache.

mod bulk_load;
mod checkpoint;
mod deletion;
mod directory;
mod dropped;
mod error;
mod examine;
mod fetch;
mod file_modes;
mod follow;
mod format;
mod group_commit;
mod health;
mod opening;
mod options;
mod place;
mod push_log;
mod replacement;
mod row_encoder;
mod scan;
mod statistics;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use feast_codec::packed_bytes::PackedBytes;
use feast_codec::record::{self, Decode, Encode};
use feast_codec::row::RowHeader;
use feast_codec::storage_key::{KeyTag, split_row_key};
use feast_config::OnlineStoreMemory;
use feast_model::error::{Error, Result, path as error_path};
use feast_rows::{Replace, RowCache, Tables, WriteCount, newest_of_each_key};
use rocksdb::properties::CUR_SIZE_ALL_MEM_TABLES;
use rocksdb::{DB, Options, WriteBatch};

pub use bulk_load::{BulkLoad, TableCounts};
pub use checkpoint::Checkpoint;
pub use examine::{Examined, Holder};
pub use fetch::DatabaseRows;
pub use opening::Reading;
pub use replacement::{Replacement, is_occupied};
pub use row_encoder::RowEncoder;
pub use statistics::Statistics;

use bulk_load::{FILE_SUFFIX, Watches};
use dropped::{DroppedRows, Reclaiming};
use fetch::ExtraThreads;
use file_modes::FileModes;
use group_commit::GroupCommit;
use health::Health;
use opening::Opening;
use place::Place;

/// Fewer bytes are replayed in some milliseconds.
const MIN_FLUSHED_BYTES: u64 = 4 << 20;

/// An open database. One process at a time can have it open.
pub struct RocksDbStore {
    opening: ArcSwap<Opening>,
    options: Options,
    path: PathBuf,
    place: Place,
    health: Health,
    /// It was opened to be read, and is never written to.
    is_read_only: bool,
    /// Of a follower. Held by those who read from it.
    catching_up: parking_lot::RwLock<()>,
    modes: FileModes,
    project: String,
    identity: String,
    session: String,
    tables: ArcSwap<Tables>,
    row_cache: RowCache,
    /// Held from comparing rows with the stored ones until they are written, so that no two writers pass each other.
    writer: Mutex<Watches>,
    /// Bulk loads under way.
    loads: AtomicUsize,
    extra_threads: ExtraThreads,
    commits: GroupCommit,
    /// Tables whose rows compactions leave out.
    dropped: DroppedRows,
    reclaiming: parking_lot::Mutex<Reclaiming>,
    /// Held while there is a checkpoint.
    checkpoints: parking_lot::Mutex<()>,
}

impl RocksDbStore {
    /// Opens the database of `project` in `path`, made if it is not there.
    ///
    /// # Errors
    /// `Conflict` when another process has it open, `Data` when it is damaged or of a newer version, `Unavailable` while another one is
    /// put into its place.
    pub fn open(path: &Path, project: &str, memory: OnlineStoreMemory) -> Result<Self> {
        replacement::check_whole(path)?;
        let modes = FileModes::prepare(path);
        let modes = modes.map_err(|source| Error::io("create the online store directory", path, source))?;
        let mut storage = Self::open_with(Opening::to_write, modes, path, project, memory)?;
        remove_files_of_ended_loads(path);
        // What stays takes room, and is removed before the next one is made.
        let _ = checkpoint::remove_checkpoints(path);
        replacement::remove_leftovers(path);
        storage.check_format()?;
        storage.identity = storage.read_identity()?;
        storage.publish(&storage.read_directory()?);
        storage.publish_dropped()?;
        storage.modes.apply();
        Ok(storage)
    }

    fn open_with(
        open: impl FnOnce(&Options, &Path) -> Result<Opening>,
        modes: FileModes,
        path: &Path,
        project: &str,
        memory: OnlineStoreMemory,
    ) -> Result<Self> {
        let dropped = DroppedRows::default();
        let options = options::database(memory.block_cache, &dropped);
        let opening = open(&options, path)?;
        Ok(Self {
            is_read_only: !opening.is_writable(),
            opening: ArcSwap::from_pointee(opening),
            options,
            path: path.to_path_buf(),
            place: Place::of(path)?,
            health: Health::default(),
            catching_up: parking_lot::RwLock::default(),
            modes,
            project: project.to_owned(),
            identity: String::new(),
            session: uuid::Uuid::new_v4().simple().to_string(),
            tables: ArcSwap::default(),
            row_cache: RowCache::new(memory.row_cache),
            writer: Mutex::default(),
            loads: AtomicUsize::new(0),
            extra_threads: ExtraThreads::default(),
            commits: GroupCommit::default(),
            dropped,
            reclaiming: parking_lot::Mutex::default(),
            checkpoints: parking_lot::Mutex::default(),
        })
    }

    /// Writes a small file into the directory of the database, which knows nothing of it.
    pub fn write_file(&self, name: &str, contents: &[u8]) -> Result<()> {
        let written = self.modes.write_file(name, contents);
        written.map_err(|source| Error::io("write", &self.path.join(name), source))
    }

    /// The rows it has in memory.
    #[inline]
    pub fn row_cache(&self) -> &RowCache {
        &self.row_cache
    }

    /// The tables of the project as they are now.
    #[inline]
    pub fn tables(&self) -> Arc<Tables> {
        self.tables.load_full()
    }

    /// Writes rows, each a storage key and the bytes of a row, in order of arrival: all or none.
    ///
    /// They are durable after the next [`RocksDbStore::sync`].
    pub fn write_rows(&self, keys: &PackedBytes, rows: &PackedBytes, replace: Replace) -> Result<WriteCount> {
        self.write(keys, rows, replace, |_, _| Ok(()))
    }

    /// Writes rows and what `add` adds to the batch.
    fn write(
        &self,
        keys: &PackedBytes,
        rows: &PackedBytes,
        replace: Replace,
        add: impl FnOnce(&Self, &mut WriteBatch) -> Result<()>,
    ) -> Result<WriteCount> {
        let written = self.write_batch(keys, rows, replace, add)?.len();
        Ok(WriteCount {
            written,
            stale: keys.len() - written,
        })
    }

    /// As [`RocksDbStore::write`], under the writer lock. Gives the positions of the rows that were written, in the order of their
    /// keys.
    fn write_batch(
        &self,
        keys: &PackedBytes,
        rows: &PackedBytes,
        replace: Replace,
        add: impl FnOnce(&Self, &mut WriteBatch) -> Result<()>,
    ) -> Result<Vec<usize>> {
        let version = |position| {
            let header = RowHeader::decode(rows.get(position)).map_err(|source| Error::internal(source.to_string()))?;
            Ok(header.version)
        };
        let winners = newest_of_each_key(keys, replace, version)?;
        self.heal_if_due();
        let mut writer = self.lock_writer();
        let db = self.writable()?;
        let reading = self.reading();
        let stored = match replace {
            Replace::OlderRows => {
                let keys = winners.iter().map(|(position, _)| keys.get(*position));
                reading.get_many(keys)?
            }
            Replace::AllRows => Vec::new(),
        };
        let mut batch = WriteBatch::default();
        let mut written = Vec::with_capacity(winners.len());
        for (index, (position, version)) in winners.iter().enumerate() {
            if let Some(Some(old)) = stored.get(index) {
                let old_version = RowHeader::decode(old).map_err(|source| self.corrupt(source))?.version;
                if old_version > *version {
                    continue;
                }
            }
            batch.put(keys.get(*position), rows.get(*position));
            written.push(*position);
        }
        add(self, &mut batch)?;
        written.iter().for_each(|position| writer.note(keys.get(*position)));
        if !batch.is_empty() {
            db.write(batch).map_err(|source| self.failed_write(&db, source))?;
        }
        for position in &written {
            if let Some((table, entity)) = split_row_key(keys.get(*position)) {
                self.row_cache.replace(table, entity, rows.get(*position));
            }
        }
        Ok(written)
    }

    /// Makes everything written so far durable. Callers that arrive during an fsync share the next one.
    ///
    /// # Errors
    /// `Unavailable` when the store takes no writes for now, or its directory is not where it was opened.
    pub fn sync(&self) -> Result<()> {
        drop(self.writable()?);
        self.commits.run(|| {
            // A database that was opened again since has made all durable that was written before.
            let db = self.db();
            db.flush_wal(true).map_err(|source| self.failed_write(&db, source))?;
            // After that, as files of a directory that is gone take writes too, and nobody would find them.
            self.check_place()
        })
    }

    /// Moves rows from the log of writes into table files, if they are many, so that the next start need not read them all
    /// again. What cannot be moved stays where it is, which is safe.
    pub fn flush_memtables(&self) {
        let in_log = self.db().property_int_value(CUR_SIZE_ALL_MEM_TABLES);
        if in_log.is_ok_and(|bytes| bytes.is_some_and(|bytes| bytes >= MIN_FLUSHED_BYTES)) {
            let _ = self.db().flush();
        }
    }

    /// A stored row or record that cannot be read.
    pub fn corrupt(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::data(format!("online store {}: {source}", error_path(&self.path)))
            .with_hint("the store is damaged or was written by a newer version; restore it, or remove it and materialize again")
            .with_source(source)
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
        self.read_record_of(&self.db(), tag)
    }

    fn read_record_of<T: Decode<()>>(&self, db: &DB, tag: KeyTag) -> Result<Option<T>> {
        let stored = db.get(tag.single()).map_err(|source| self.error(source))?;
        let decoded = stored.map(|bytes| record::decode(&bytes)).transpose();
        decoded.map_err(|source| self.corrupt(source))
    }

    /// Writes a record that exists once. It is durable when this returns.
    fn write_record<T: Encode>(&self, tag: KeyTag, value: &T) -> Result<()> {
        let bytes = record::encode(value).map_err(|source| self.corrupt(source))?;
        let db = self.writable()?;
        db.put(tag.single(), bytes)
            .map_err(|source| self.failed_write(&db, source))?;
        self.sync()
    }

    /// A writer that panicked has written whole batches only, so its lock can be taken over; the row cache may not have the last one.
    fn lock_writer(&self) -> WriterGuard<'_> {
        self.writer.lock().unwrap_or_else(|poisoned| {
            self.row_cache.clear();
            self.writer.clear_poison();
            let mut writer = poisoned.into_inner();
            writer.note_all();
            writer
        })
    }

    fn error(&self, source: rocksdb::Error) -> Error {
        error::from_rocksdb(source, &self.path)
    }
}

/// The writer lock, and what is told to those who hold it.
type WriterGuard<'store> = MutexGuard<'store, Watches>;

/// A process that has ended may have left files that the database has not taken in.
fn remove_files_of_ended_loads(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(FILE_SUFFIX) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
