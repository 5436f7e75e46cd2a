//! [`OnlineStore`]: the one seam between what the engine does with stored rows and the stores that keep them.
//!
//! An enum that is matched once a request, not a trait: there are few stores, each differs in when it answers, and a request asks
//! for all its rows at once, so the branch costs nothing an entity. Its methods are all that may be asked of an online store; only
//! this module names the modules that keep rows. What they have in common is in `feast-rows`.
//!
//! Rows go in and out in the form of [`codec::row`](feast_codec::row), whatever form a store keeps them in, so that
//! decoding, responses and the row cache are the same for all of them.
//!
//! A lookup has three steps, [`OnlineStore::prepare`], [`Reading::fetch`] and [`OnlineStore::complete`], and only `fetch` may wait.

mod examine;
mod push_log;
mod row_encoder;
mod row_writer;
mod scan;
#[cfg(test)]
mod tests;
mod views;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

pub use examine::OnlineStoreFound;
pub(crate) use examine::{examine, examine_push_log};
use feast_codec::packed_bytes::PackedBytes;
use feast_config::OnlineStoreConfig;
use feast_model::Timestamp;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_model::{FeatureView, Field};
pub use feast_redis::ExaminedServer as RedisServerFound;
use feast_redis::RedisStore;
pub(crate) use feast_redis::{KeySearch, reach_same_servers};
pub(crate) use feast_rocksdb::{Checkpoint, Replacement, is_occupied};
use feast_rocksdb::{DatabaseRows, RocksDbStore};
pub use feast_rocksdb::{Examined as DatabaseFound, Holder as StoreHolder, Statistics as RocksDbStatistics};
use feast_rows::{RowCache, rows_in_memory};
pub use feast_sqlite::Examined as SqliteFileFound;
use feast_sqlite::SqliteStore;
pub(crate) use push_log::{LocalPushLog, PushRecords};
pub(crate) use row_encoder::RowEncoder;
pub(crate) use row_writer::RowWriter;
pub(crate) use views::{stored_view, table_view, view_shape};

pub use feast_rows::{CacheUsage, RowCount, TableChange, TableFate};
pub(crate) use feast_rows::{
    ColumnRef, EncodedRows, FeatureColumns, KeyPage, MissingRows, NameCollision, Replace, RowBatch, RowColumns,
    RowLookup, RowQueries, RowTotals, StoredView, Table, TableView, Tables, WriteCount,
};

/// An open online store of one project.
pub(crate) enum OnlineStore {
    /// An embedded RocksDB database.
    RocksDb(Box<RocksDbStore>),
    /// Redis or Valkey.
    Redis(RedisStore),
    /// A SQLite file.
    Sqlite(SqliteStore),
}

/// A store, for one fetch. Rows of RocksDB lie in memory of the database, which stays open for them.
pub(crate) enum Reading<'store> {
    RocksDb(feast_rocksdb::Reading<'store>),
    Redis(&'store RedisStore),
    Sqlite(&'store SqliteStore),
}

/// What a process may do with its stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Read and write. An embedded online store is then of this process alone.
    #[default]
    ReadWrite,
    /// Read, also a store that another process has open or that cannot be written. Nothing on disk is changed.
    ReadOnly,
}

/// What a store has for [`MissingRows`], in its own memory.
pub(crate) enum FetchedRows<'reading> {
    /// Of RocksDB.
    RocksDb(DatabaseRows<'reading>),
    /// Decoded from the form of the store.
    Decoded(RowBatch),
}

/// What of these views, which are all of a project, would overwrite each other in a store of these settings.
pub(crate) fn name_collisions(config: &OnlineStoreConfig, views: &[StoredView]) -> Vec<NameCollision> {
    match config {
        OnlineStoreConfig::RocksDb { .. } => Vec::new(),
        OnlineStoreConfig::Redis(_) => feast_redis::name_collisions(views),
        OnlineStoreConfig::Sqlite { .. } => feast_sqlite::name_collisions(views),
    }
}

/// Whether a store of these settings has been made, so that it may hold rows. Taken for granted of one on the network.
///
/// # Errors
/// `Unavailable` while a backup is restored to its place, and those of the place.
pub(crate) fn is_made(config: &OnlineStoreConfig) -> Result<bool> {
    match config {
        OnlineStoreConfig::RocksDb { path, .. } => RocksDbStore::is_made(path),
        OnlineStoreConfig::Redis(_) => Ok(true),
        OnlineStoreConfig::Sqlite { path } => {
            let made = path.try_exists();
            made.map_err(|source| Error::io("look at the online store", path, source))
        }
    }
}

/// Refuses a store of these settings that has not been made yet.
///
/// # Errors
/// `NotFound` for that, and as [`is_made`].
pub(crate) fn check_made(config: &OnlineStoreConfig) -> Result<()> {
    match config {
        OnlineStoreConfig::RocksDb { path, .. } | OnlineStoreConfig::Sqlite { path } if !is_made(config)? => {
            let message = format!("there is no online store in {} yet", error_path(path));
            Err(Error::new(ErrorKind::NotFound, message).with_hint(NOT_MADE_HINT))
        }
        _ => Ok(()),
    }
}

const NOT_MADE_HINT: &str = "the first materialization or server makes it, with feast materialize or feast serve; if there should be \
     one, correct online_store in feature_store.yaml, or run this in the directory of the repository, where relative paths start, or \
     with --chdir DIR";

/// Refuses a store of these settings that is not backed up here.
///
/// # Errors
/// `Unsupported` for one that is not this server's own.
pub(crate) fn check_backed_up(config: &OnlineStoreConfig) -> Result<()> {
    let (kind, hint) = match config {
        OnlineStoreConfig::RocksDb { .. } => return Ok(()),
        OnlineStoreConfig::Redis(_) => ("Redis", "use the means of Redis: BGSAVE, or its append-only file"),
        OnlineStoreConfig::Sqlite { .. } => ("SQLite", "use the means of SQLite: sqlite3 FILE \".backup COPY\""),
    };
    let message = format!("an online store in {kind} is not backed up by this command");
    Err(Error::new(ErrorKind::Unsupported, message).with_hint(hint))
}

/// Makes a store of its own of the files of a checkpoint, in whose place no store is open.
///
/// # Errors
/// `Data` when they are none.
pub(crate) fn adopt_checkpoint(path: &Path, project: &str) -> Result<()> {
    RocksDbStore::renew_identity(path, project)
}

/// Opening, and what the store is.
impl OnlineStore {
    /// Opens the store of `project`, made if it is not there and may be written. Writes to one that is open to be read are for the
    /// caller to refuse: Redis would take them.
    ///
    /// # Errors
    /// `Conflict` when another process has it open, `Data` when it is damaged or of a newer version. `Unavailable` when one that is to be
    /// read only is not there.
    pub(crate) fn open(config: &OnlineStoreConfig, project: &str, access: Access) -> Result<Self> {
        match config {
            OnlineStoreConfig::RocksDb { path, memory } => {
                let opened = match access {
                    Access::ReadWrite => RocksDbStore::open(path, project, *memory),
                    Access::ReadOnly => RocksDbStore::open_read_only(path, project, *memory),
                };
                opened.map(|storage| Self::RocksDb(Box::new(storage)))
            }
            OnlineStoreConfig::Redis(config) => RedisStore::open(config, project).map(Self::Redis),
            OnlineStoreConfig::Sqlite { path } => {
                let opened = match access {
                    Access::ReadWrite => SqliteStore::open(path, project),
                    Access::ReadOnly => SqliteStore::open_read_only(path, project),
                };
                opened.map(Self::Sqlite)
            }
        }
    }

    /// Tells this store from every other one, also from another in the same place.
    pub(crate) fn identity(&self) -> &str {
        match self {
            Self::RocksDb(storage) => storage.identity(),
            Self::Redis(redis) => redis.identity(),
            Self::Sqlite(sqlite) => sqlite.identity(),
        }
    }

    /// Leaves a small file beside the store, for those who may read the store.
    pub(crate) fn write_file(&self, name: &str, contents: &[u8]) -> Result<()> {
        match self {
            Self::RocksDb(storage) => storage.write_file(name, contents),
            Self::Redis(_) | Self::Sqlite(_) => Ok(()),
        }
    }

    /// What an embedded database says of itself.
    pub(crate) fn rocksdb_statistics(&self) -> Option<RocksDbStatistics> {
        match self {
            Self::RocksDb(storage) => Some(storage.statistics()),
            Self::Redis(_) | Self::Sqlite(_) => None,
        }
    }

    /// The files of the store as they are now, of one that [`check_backed_up`] lets pass.
    ///
    /// # Errors
    /// `Unavailable` when the store takes no writes for now.
    pub(crate) fn checkpoint(&self) -> Result<Checkpoint<'_>> {
        match self {
            Self::RocksDb(storage) => storage.checkpoint(),
            Self::Redis(_) | Self::Sqlite(_) => Err(Error::internal("only RocksDB has checkpoints")),
        }
    }

    /// Brings a store back that takes no writes, looks whether it is where it was opened, and gives files that were made since the last
    /// call the mode and group of the store; brings rows that are only read up to what was written since. To be called from time to time.
    pub(crate) fn tend(&self) {
        match self {
            Self::RocksDb(storage) => storage.tend(),
            Self::Redis(_) | Self::Sqlite(_) => {}
        }
    }

    /// Why the store takes no writes for now, as far as that is known before one is tried, or why rows that are only read are not brought
    /// up to what was written since.
    pub(crate) fn trouble(&self) -> Option<Error> {
        match self {
            Self::RocksDb(storage) => storage.trouble(),
            Self::Redis(_) | Self::Sqlite(_) => None,
        }
    }

    /// Whether the store answers, where it is on the network.
    ///
    /// # Errors
    /// `Unavailable` when it does not.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Redis(redis) => redis.check(),
            Self::RocksDb(_) | Self::Sqlite(_) => Ok(()),
        }
    }

    /// The error for a stored row or record that cannot be read.
    pub(crate) fn corrupt(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        match self {
            Self::RocksDb(storage) => storage.corrupt(source),
            Self::Redis(redis) => redis.corrupt(source),
            Self::Sqlite(sqlite) => sqlite.corrupt(source),
        }
    }
}

/// Reading rows.
impl OnlineStore {
    /// Takes the rows that are in memory, and notes which are not. Waits for nothing, but with SQLite for a look at the file.
    ///
    /// # Errors
    /// `Invalid` when the rows are too large for memory, `Unavailable` when a file is locked.
    #[inline]
    pub(crate) fn prepare(&self, queries: RowQueries<'_>) -> Result<RowLookup> {
        if let Self::Sqlite(sqlite) = self {
            sqlite.forget_changed_rows()?;
        }
        RowLookup::prepare(self.row_cache(), queries)
    }

    /// Whether rows come over the network, so that a caller should await them with [`Reading::fetch_async`].
    #[inline]
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    /// Some `limit` keys of entities that may have a row in a table, after the last page.
    ///
    /// # Errors
    /// `Data` when the store is damaged, `Unavailable` when it does not answer.
    pub(crate) fn entity_keys(&self, table: u32, after: Option<&[u8]>, limit: usize) -> Result<KeyPage> {
        match self {
            Self::RocksDb(storage) => storage.entity_keys(table, after, limit),
            Self::Redis(redis) => redis.entity_keys(table, after, limit),
            Self::Sqlite(sqlite) => sqlite.entity_keys(table, after, limit),
        }
    }

    /// A warning if rows lie under entity keys that no read looks for, as far as a look at some keys tells. Never an error.
    pub(crate) fn former_keys_warning(&self) -> Option<String> {
        match self {
            Self::Redis(redis) => redis.former_keys().map(|former| {
                format!(
                    "{} of {} keys that were looked at in Redis are entity keys of version 1 or 2 for views of this project: their rows \
                     are not found. Write them anew as in Feast's guide \"Entity Key Serialization (v2 to v3)\" \
                     (docs.feast.dev/how-to-guides/entity-reserialization-of-from-v2-to-v3), or materialize again",
                    former.found, former.looked_at
                )
            }),
            Self::RocksDb(_) | Self::Sqlite(_) => None,
        }
    }

    /// A number that grows with every write, for a store that has one.
    pub(crate) fn write_count(&self) -> Option<u64> {
        match self {
            Self::RocksDb(storage) => Some(storage.write_count()),
            Self::Redis(_) | Self::Sqlite(_) => None,
        }
    }

    /// What is fetched from, as it is now. To be taken after [`OnlineStore::prepare`], for each fetch anew.
    #[inline]
    pub(crate) fn reading(&self) -> Reading<'_> {
        match self {
            Self::RocksDb(storage) => Reading::RocksDb(storage.reading()),
            Self::Redis(redis) => Reading::Redis(redis),
            Self::Sqlite(sqlite) => Reading::Sqlite(sqlite),
        }
    }

    /// Puts fetched rows into their places in the lookup, and into the row cache unless they were written since. Waits for nothing.
    /// The fetched rows are let go, and with them the memory of the store that they hold, before the caller does anything else.
    ///
    /// # Errors
    /// `Invalid` when the rows are too large for memory.
    #[inline]
    pub(crate) fn complete(
        &self,
        lookup: &mut RowLookup,
        queries: RowQueries<'_>,
        fetched: FetchedRows<'_>,
    ) -> Result<()> {
        match fetched {
            FetchedRows::RocksDb(rows) => lookup.complete(self.row_cache(), queries, |position| rows.get(position)),
            FetchedRows::Decoded(rows) => lookup.complete(self.row_cache(), queries, |position| rows.get(position)),
        }
    }

    /// The rows of all queries, if all of them are in memory and they are small. Waits for nothing, so it has none of SQLite: only a
    /// look at the file says whether they are still those of the file.
    #[inline]
    pub(crate) fn rows_in_memory(&self, queries: RowQueries<'_>) -> Option<Vec<RowBatch>> {
        if matches!(self, Self::Sqlite(_)) {
            return None;
        }
        rows_in_memory(self.row_cache(), queries)
    }

    /// What the row cache holds, and how often that helped.
    pub(crate) fn cache_usage(&self) -> CacheUsage {
        self.row_cache().usage()
    }

    /// Each store has its own, as only its writer knows the order of writes.
    #[inline]
    fn row_cache(&self) -> &RowCache {
        match self {
            Self::RocksDb(storage) => storage.row_cache(),
            Self::Redis(redis) => redis.row_cache(),
            Self::Sqlite(sqlite) => sqlite.row_cache(),
        }
    }
}

impl Reading<'_> {
    /// Fetches missing rows on this thread, which may have to wait. A row is never older than what was acknowledged before this was
    /// taken.
    #[inline]
    pub(crate) fn fetch(&self, missing: MissingRows<'_>) -> Result<FetchedRows<'_>> {
        match self {
            Self::RocksDb(reading) => reading.fetch(missing).map(FetchedRows::RocksDb),
            Self::Redis(redis) => redis.fetch_blocking(missing).map(FetchedRows::Decoded),
            Self::Sqlite(sqlite) => sqlite.fetch(missing).map(FetchedRows::Decoded),
        }
    }

    /// As [`Reading::fetch`], awaiting what comes over the network. What is on a disk is fetched on the calling thread.
    pub(crate) async fn fetch_async(&self, missing: MissingRows<'_>) -> Result<FetchedRows<'_>> {
        match self {
            Self::Redis(redis) => redis.fetch(missing).await.map(FetchedRows::Decoded),
            Self::RocksDb(_) | Self::Sqlite(_) => self.fetch(missing),
        }
    }
}

#[cfg(feature = "stages")]
impl OnlineStore {
    /// One batched get of distinct keys of the database, in ascending order, and nothing else. Gives the number of bytes read.
    pub(crate) fn batched_get(&self, keys: &[Vec<u8>]) -> Result<usize> {
        let Self::RocksDb(storage) = self else {
            return Err(Error::internal("only RocksDB has a batched get"));
        };
        let reading = storage.reading();
        let rows = reading.get_many(keys.iter().map(Vec::as_slice))?;
        Ok(rows.iter().flatten().map(|row| row.len()).sum())
    }
}

/// Writing rows.
impl OnlineStore {
    /// An encoder for rows of a view, whose table is made or extended if needed.
    ///
    /// # Errors
    /// `Invalid` for a type that the store cannot hold, `Unavailable` when a table cannot be made.
    pub(crate) fn row_encoder(&self, view: &FeatureView) -> Result<RowEncoder> {
        match self {
            Self::RocksDb(storage) => {
                let encoder = storage.row_encoder(&table_view(view), &views::schema(view));
                encoder.map(RowEncoder::RocksDb)
            }
            Self::Redis(redis) => redis.row_encoder(view.name(), &view.features).map(RowEncoder::Redis),
            Self::Sqlite(sqlite) => sqlite.row_encoder(view.name(), &view.features).map(RowEncoder::Sqlite),
        }
    }

    /// As [`OnlineStore::row_encoder`], for rows that have only some of the view's features. The others are not stored then, which
    /// is not the same as null.
    pub(crate) fn partial_row_encoder(&self, view: &FeatureView, features: &[Field]) -> Result<RowEncoder> {
        match self {
            Self::RocksDb(storage) => {
                let encoder = storage.row_encoder(&table_view(view), &views::schema_of(features));
                encoder.map(RowEncoder::RocksDb)
            }
            Self::Redis(redis) => redis.partial_row_encoder(view.name(), features).map(RowEncoder::Redis),
            Self::Sqlite(sqlite) => sqlite.row_encoder(view.name(), features).map(RowEncoder::Sqlite),
        }
    }

    /// Writes rows, each a key and a row of [`RowEncoder`], in order of arrival: all or none, but for Redis. They are durable after the next
    /// [`OnlineStore::sync`].
    pub(crate) fn write_rows(&self, keys: &PackedBytes, rows: &PackedBytes, replace: Replace) -> Result<WriteCount> {
        match self {
            Self::RocksDb(storage) => storage.write_rows(keys, rows, replace),
            Self::Redis(redis) => redis.write_rows(keys, rows, replace),
            Self::Sqlite(sqlite) => sqlite.write_rows(keys, rows, replace),
        }
    }

    /// Removes the rows of entities from some tables, or from all, for good. Gives their number.
    ///
    /// # Errors
    /// `Unavailable` when the store takes no writes for now or a load is under way, `Unsupported` for one that others write too.
    pub(crate) fn delete_entities(&self, entities: &PackedBytes, tables: Option<&[u32]>) -> Result<usize> {
        let others = |kind: &str, hint: &str| {
            let message = format!("rows of single entities are not removed from an online store in {kind}");
            Err(Error::new(ErrorKind::Unsupported, message).with_hint(hint))
        };
        match self {
            Self::RocksDb(storage) => {
                let found = storage.delete_entities(entities, tables)?;
                storage.erase_deleted(entities)?;
                Ok(found.len())
            }
            Self::Redis(_) => others(
                "Redis",
                "remove the fields of the view from the hash of the entity with HDEL, or the hash with UNLINK",
            ),
            Self::Sqlite(_) => others(
                "SQLite",
                "delete the rows with this entity_key from the tables PROJECT_VIEW of the file",
            ),
        }
    }

    /// Makes everything written so far durable.
    pub(crate) fn sync(&self) -> Result<()> {
        match self {
            Self::RocksDb(storage) => storage.sync(),
            // As durable as it gets when a write returns.
            Self::Redis(_) => Ok(()),
            Self::Sqlite(sqlite) => sqlite.sync(),
        }
    }

    /// Makes the next start faster after many writes. What cannot be done is left, which is safe.
    pub(crate) fn flush_memtables(&self) {
        match self {
            Self::RocksDb(storage) => storage.flush_memtables(),
            Self::Redis(_) | Self::Sqlite(_) => {}
        }
    }
}

/// Tables, which follow the registry.
impl OnlineStore {
    /// The tables of the project as they are now.
    #[inline]
    pub(crate) fn tables(&self) -> Arc<Tables> {
        match self {
            Self::RocksDb(storage) => storage.tables(),
            Self::Redis(redis) => redis.tables(),
            Self::Sqlite(sqlite) => sqlite.tables(),
        }
    }

    /// Takes the views of a state of the registry into use, for stores that know of no views by themselves. To be called before
    /// the state is.
    pub(crate) fn follow(&self, views: &[StoredView]) {
        match self {
            Self::RocksDb(_) => {}
            Self::Redis(redis) => redis.follow(views),
            Self::Sqlite(sqlite) => sqlite.follow(views),
        }
    }

    /// Makes the tables of views that have none, in a store that follows `apply` and nothing else: other processes use it by their own
    /// reading of the registry.
    pub(crate) fn make_tables(&self, views: &[StoredView]) -> Result<()> {
        match self {
            Self::RocksDb(_) | Self::Redis(_) => Ok(()),
            Self::Sqlite(sqlite) => sqlite.apply(views, &[]),
        }
    }

    /// Removes the rows of views from a store that follows `apply` and nothing else. What they share with views that are `present` stays.
    /// Gives what was searched, where that is needed.
    pub(crate) fn remove_views(
        &self,
        removed: &[StoredView],
        present: &[StoredView],
        progress: &mut dyn FnMut(KeySearch),
    ) -> Result<Option<KeySearch>> {
        match self {
            Self::RocksDb(_) => Ok(None),
            Self::Redis(redis) => redis.delete_views(removed, present, progress).map(Some),
            Self::Sqlite(sqlite) => sqlite.apply(&[], removed).map(|()| None),
        }
    }

    /// Removes what a store that is shared with other projects has of these views, which are all that the project had.
    pub(crate) fn tear_down_views(
        &self,
        views: &[StoredView],
        progress: &mut dyn FnMut(KeySearch),
    ) -> Result<Option<KeySearch>> {
        match self {
            Self::RocksDb(_) => Ok(None),
            Self::Redis(redis) => redis.tear_down(views, progress).map(Some),
            Self::Sqlite(sqlite) => sqlite.tear_down(views).map(|()| None),
        }
    }

    /// Remembers that a materialization has filled the table of a view, also if it had no rows.
    pub(crate) fn mark_materialized(&self, view: &FeatureView) -> Result<()> {
        match self {
            Self::RocksDb(storage) => {
                storage.ensure_table(&table_view(view), &views::schema(view))?;
                storage.mark_materialized(view.name())
            }
            Self::Redis(_) | Self::Sqlite(_) => Ok(()),
        }
    }

    /// Names of views whose table is hidden, or is of an older store that did not say what it is of.
    pub(crate) fn waiting_views(&self) -> HashSet<String> {
        match self {
            Self::RocksDb(storage) => storage.waiting_views(),
            Self::Redis(_) | Self::Sqlite(_) => HashSet::new(),
        }
    }

    /// Gives views that are there again their rows, unless they have a table by now.
    pub(crate) fn restore_tables(&self, views: &[TableView]) -> Result<Vec<TableChange>> {
        match self {
            Self::RocksDb(storage) => storage.restore_tables(views),
            Self::Redis(_) | Self::Sqlite(_) => Ok(Vec::new()),
        }
    }

    /// Hides the project's tables whose view is not kept.
    pub(crate) fn hide_tables(&self, keep: impl Fn(&str) -> bool, now: Timestamp) -> Result<Vec<TableChange>> {
        match self {
            Self::RocksDb(storage) => storage.hide_tables(keep, now),
            Self::Redis(_) | Self::Sqlite(_) => Ok(Vec::new()),
        }
    }

    /// Drops tables that were hidden at or before a point in time.
    pub(crate) fn drop_hidden_tables(&self, hidden_until: Timestamp) -> Result<Vec<TableChange>> {
        match self {
            Self::RocksDb(storage) => storage.drop_hidden_tables(hidden_until),
            Self::Redis(_) | Self::Sqlite(_) => Ok(Vec::new()),
        }
    }

    /// Takes a step, of a second at most, towards the end of the rows of dropped tables.
    pub(crate) fn reclaim(&self) -> Result<()> {
        match self {
            Self::RocksDb(storage) => storage.reclaim().map(drop),
            Self::Redis(_) | Self::Sqlite(_) => Ok(()),
        }
    }

    /// Drops the hidden tables of a view.
    pub(crate) fn drop_hidden_tables_of(&self, view: &str) -> Result<Vec<TableChange>> {
        match self {
            Self::RocksDb(storage) => storage.drop_hidden_tables_of(view),
            Self::Redis(_) | Self::Sqlite(_) => Ok(Vec::new()),
        }
    }

    /// Drops all tables of a view, hidden or not.
    pub(crate) fn drop_tables_of(&self, view: &str) -> Result<Vec<TableChange>> {
        match self {
            Self::RocksDb(storage) => storage.drop_tables_of(view),
            Self::Redis(_) | Self::Sqlite(_) => Ok(Vec::new()),
        }
    }

    /// Drops everything of the project.
    pub(crate) fn drop_all_tables(&self) -> Result<Vec<TableChange>> {
        match self {
            Self::RocksDb(storage) => storage.drop_all_tables(),
            Self::Redis(_) | Self::Sqlite(_) => Ok(Vec::new()),
        }
    }
}
