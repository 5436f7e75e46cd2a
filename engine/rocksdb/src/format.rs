//! The format of a store, and how one of format 1 becomes one of format 2.
//!
//! In format 1 the rows of a table lie together, in format 2 those of an entity. A store is moved over when it is opened, before
//! anything else is done with it: the rows of all tables are merged into files in the new order (each table is in the order of its
//! entities already), which are taken in one by one. The old rows go in the same write that makes it a store of format 2. So a move that
//! was ended is begun again from rows that are as they were. It takes 12 s for ten million rows, and for its time as much room
//! on disk as the rows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

use feast_codec::record::{self, STORE_FORMAT};
use feast_codec::storage_key::{KeyTag, by_table, row_key, rows_of_entities};
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, Result, path as error_path};
use rocksdb::{DB, DBRawIteratorWithThreadMode, ReadOptions, SstFileWriter, WriteBatch};

use super::RocksDbStore;

/// Where the rows of a table lie together.
pub(super) const BY_TABLE: u32 = 1;

/// Files are about as large as those of RocksDB itself.
const FILE_BYTES: u64 = if cfg!(test) { 16 << 10 } else { 64 << 20 };

/// What new files are named until they are taken in.
const FILE_NAME: &str = "moved.sst.tmp";

impl RocksDbStore {
    /// Makes a new store one of this format, moves over one of format 1, and refuses any other.
    pub(super) fn check_format(&self) -> Result<()> {
        match self.read_record(KeyTag::Format)? {
            None => self.write_record(KeyTag::Format, &STORE_FORMAT),
            Some(STORE_FORMAT) => Ok(()),
            Some(BY_TABLE) => self.move_rows(),
            Some(newer) => Err(self.unknown_format(newer)),
        }
    }

    /// Refuses a store that is to be read as it is and is not of this format.
    pub(super) fn check_format_to_read(&self, db: &DB) -> Result<()> {
        match self.read_record_of(db, KeyTag::Format)? {
            Some(STORE_FORMAT) => Ok(()),
            None => Err(self.unavailable("is just being made").with_hint("try again")),
            Some(BY_TABLE) => Err(self
                .unavailable(
                    "was written by an older version, and cannot be read before it is moved to this one's format",
                )
                .with_hint("open it once with a process that may write it: `feast serve` without --read-only")),
            Some(newer) => Err(self.unknown_format(newer)),
        }
    }

    fn unknown_format(&self, newer: u32) -> Error {
        let store = error_path(&self.path);
        let message =
            format!("online store {store} has format {newer}; this version knows formats up to {STORE_FORMAT}");
        Error::data(message).with_hint("use the version that wrote it, or remove the directory and materialize again")
    }

    /// Writes the format that the store has once more.
    pub(super) fn note_format(&self) -> Result<()> {
        let format = record::encode(&STORE_FORMAT).map_err(|source| self.corrupt(source))?;
        let written = self.db().put(KeyTag::Format.single(), format);
        written.map_err(|source| self.error(source))
    }

    fn move_rows(&self) -> Result<()> {
        let failed = |source| self.error(source);
        let (path, db) = (&self.path, self.db());
        tracing::warn!(
            ?path,
            "the online store is moved to format {STORE_FORMAT}, some seconds for each million rows; versions before this one cannot \
             open it afterwards"
        );
        self.forget_rows_of_an_ended_move()?;
        let mut rows = MergedTables::new(&db, self.table_ids()?).map_err(failed)?;
        while rows.has_more() {
            let path = self.write_file_of(&mut rows)?;
            self.take_in_file(&path)?;
            fail_point::reached(Step::RowsMoved);
        }
        let mut batch = WriteBatch::default();
        let format = record::encode(&STORE_FORMAT).map_err(|source| self.corrupt(source))?;
        batch.put(KeyTag::Format.single(), format);
        let (first, end) = by_table::all_rows();
        batch.delete_range(first, end);
        self.db().write(batch).map_err(failed)?;
        self.sync()?;
        tracing::info!(?path, "{} rows of the online store are moved", rows.taken);
        fail_point::reached(Step::FormatChanged);
        // Their room is free at once; what is left of them goes in compactions.
        self.db().delete_file_in_range(first, end).map_err(failed)
    }

    /// Of all projects, hidden or not. Dropped tables have no rows in format 1.
    fn table_ids(&self) -> Result<Vec<u32>> {
        let directory = self.read_directory()?;
        let in_use = directory.tables.tables.iter().map(|table| table.table_id);
        let hidden = directory.details.hidden.iter().map(|hidden| hidden.table.table_id);
        Ok(in_use.chain(hidden).collect())
    }

    /// A version that knows format 1 alone may have written since, and dropped tables.
    fn forget_rows_of_an_ended_move(&self) -> Result<()> {
        let (first, end) = rows_of_entities(b"");
        let mut batch = WriteBatch::default();
        batch.delete_range(&first, &end);
        self.db().write(batch).map_err(|source| self.error(source))?;
        let deleted = self.db().delete_file_in_range(&first, &end);
        deleted.map_err(|source| self.error(source))
    }

    fn write_file_of(&self, rows: &mut MergedTables<'_>) -> Result<PathBuf> {
        let path = self.path.join(FILE_NAME);
        let mut write = || -> std::result::Result<(), rocksdb::Error> {
            let mut file = SstFileWriter::create(&self.options);
            file.open(&path)?;
            while file.file_size() < FILE_BYTES
                && let Some((key, row)) = rows.current()
            {
                file.put(key, row)?;
                rows.advance()?;
            }
            file.finish()
        };
        write().map_err(|source| self.error(source))?;
        Ok(path)
    }
}

/// The rows of all tables of a store of format 1, in the order of format 2.
struct MergedTables<'db> {
    /// Each with the id of its table, at a row that is not taken yet.
    tables: Vec<(u32, DBRawIteratorWithThreadMode<'db, DB>)>,
    /// Keys of those rows in format 2, the first on top, with the positions of their tables.
    next: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    /// How many rows were taken.
    taken: u64,
}

impl<'db> MergedTables<'db> {
    fn new(db: &'db DB, table_ids: Vec<u32>) -> std::result::Result<Self, rocksdb::Error> {
        let mut merged = Self {
            tables: Vec::with_capacity(table_ids.len()),
            next: BinaryHeap::with_capacity(table_ids.len()),
            taken: 0,
        };
        for (position, table_id) in table_ids.into_iter().enumerate() {
            let (start, end) = by_table::table_range(table_id);
            let mut options = ReadOptions::default();
            options.set_iterate_upper_bound(end);
            options.set_total_order_seek(true);
            options.fill_cache(false);
            options.set_readahead_size(1 << 20);
            let mut rows = db.raw_iterator_opt(options);
            rows.seek(start);
            merged.tables.push((table_id, rows));
            merged.note(position)?;
        }
        Ok(merged)
    }

    fn has_more(&self) -> bool {
        !self.next.is_empty()
    }

    /// The next row, with its key in format 2.
    fn current(&self) -> Option<(&[u8], &[u8])> {
        let Reverse((key, position)) = self.next.peek()?;
        Some((key, self.tables.get(*position)?.1.value()?))
    }

    fn advance(&mut self) -> std::result::Result<(), rocksdb::Error> {
        let Some(Reverse((_, position))) = self.next.pop() else {
            return Ok(());
        };
        self.taken += 1;
        if let Some((_, rows)) = self.tables.get_mut(position) {
            rows.next();
        }
        self.note(position)
    }

    fn note(&mut self, position: usize) -> std::result::Result<(), rocksdb::Error> {
        let Some((table_id, rows)) = self.tables.get(position) else {
            return Ok(());
        };
        let prefix = by_table::row_prefix(*table_id);
        match rows.key().and_then(|key| key.strip_prefix(&prefix)) {
            Some(entity) => {
                self.next.push(Reverse((row_key(entity, *table_id), position)));
                Ok(())
            }
            None => rows.status(),
        }
    }
}

#[cfg(test)]
mod tests;
