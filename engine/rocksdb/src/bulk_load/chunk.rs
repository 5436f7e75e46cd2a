//! A chunk of sorted rows, made into a file and taken into the database.
//!
//! The file is made while others write; the writer lock is held only to take it in. What is written meanwhile to keys of the chunk is
//! watched ([`watches`](super::watches)). If such a row is newer than that of the chunk, the file would hide it, so the rows are taken in again in
//! smaller chunks, for which fewer rows are written meanwhile. The smallest are made under the lock, so writers wait for a file of
//! 32,768 rows at most.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use feast_codec::row::RowHeader;
use feast_codec::storage_key::split_row_key;
use feast_files::fail_point::{self, Step};
use feast_model::error::Result;
use feast_rows::{EncodedRows, Replace};
use rocksdb::properties::{
    COMPACTION_PENDING, NUM_ENTRIES_ACTIVE_MEM_TABLE, NUM_RUNNING_COMPACTIONS, PropName, num_files_at_level,
};
use rocksdb::{IngestExternalFileOptions, SstFileWriter};

use super::stored::StoredRows;
use super::watches::{Watch, Watching};
use super::{StaleRows, note_stale};
use crate::{RocksDbStore, WriterGuard};

/// How the files of a load are named until they are taken in.
pub(crate) const FILE_SUFFIX: &str = ".sst.tmp";
/// Into so many parts a chunk falls that cannot be taken in as a whole.
const PARTS: usize = 8;
/// So few rows are made into a file under the writer lock.
const MIN_ROWS: usize = if cfg!(test) { 16 } else { 32 << 10 };
/// So many files that overlap wait to be compacted before a load waits. From 20 on RocksDB would slow down all writers.
const MAX_OVERLAPPING_FILES: u64 = 12;
/// A load waits no longer than that for compactions, which may have failed.
const MAX_WAIT: Duration = Duration::from_secs(30);
const WAIT_STEP: Duration = Duration::from_millis(20);
/// A memtable with rows between those of a file is flushed before the file is taken in. One with more rows than these is flushed before
/// the writer lock is taken, and not under it.
const MAX_FLUSHED_UNDER_LOCK: u64 = 1 << 10;

/// Numbers for the names of files.
static NEXT_FILE: AtomicU64 = AtomicU64::new(0);

/// Rows of a load whose keys are distinct and ascending.
pub(super) struct Chunk<'load> {
    pub(super) rows: EncodedRows,
    /// The tables that the load writes to, ascending.
    pub(super) tables: &'load [u32],
    pub(super) replace: Replace,
}

/// A file that is removed unless the database has it.
struct ChunkFile(PathBuf);

impl Drop for ChunkFile {
    fn drop(&mut self) {
        // The database has moved it, or it is of no use.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl RocksDbStore {
    /// Writes the rows of a chunk. They are durable when this returns, unless the load `is_ended` meanwhile.
    pub(super) fn load_chunk(&self, chunk: &Chunk<'_>, is_ended: &AtomicBool, stale: &mut StaleRows) -> Result<()> {
        self.load_rows(chunk, 0..chunk.rows.keys.len(), is_ended, stale)
    }

    fn load_rows(
        &self,
        chunk: &Chunk<'_>,
        rows: Range<usize>,
        is_ended: &AtomicBool,
        stale: &mut StaleRows,
    ) -> Result<()> {
        self.wait_for_compactions(is_ended);
        if rows.is_empty() || is_ended.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (first, last) = (chunk.rows.keys.get(rows.start), chunk.rows.keys.get(rows.end - 1));
        let watching = Watching::start(self, chunk.tables, first, last);
        let (mut file, mut newer) = self.write_newer(chunk, rows.clone())?;
        if self.number(NUM_ENTRIES_ACTIVE_MEM_TABLE) > MAX_FLUSHED_UNDER_LOCK {
            // What cannot be flushed now fails when the file is taken in.
            let _ = self.db().flush();
        }
        fail_point::reached(Step::ChunkWritten);
        let mut writer = self.lock_writer();
        let watch = watching.end(&mut writer);
        if self.is_outdated(watch.as_ref(), chunk, &newer)? {
            if rows.len() > MIN_ROWS {
                drop((writer, file, newer));
                let part = rows.len().div_ceil(PARTS);
                return rows
                    .clone()
                    .step_by(part)
                    .try_for_each(|start| self.load_rows(chunk, start..rows.end.min(start + part), is_ended, stale));
            }
            (file, newer) = self.write_newer(chunk, rows.clone())?;
        }
        if let Some(file) = &file {
            self.take_in(file, chunk, &newer, &mut writer)?;
        }
        drop(writer);
        fail_point::reached(Step::ChunkLoaded);
        let mut newer = newer.into_iter().peekable();
        for position in rows {
            if newer.next_if_eq(&position).is_none() {
                note_stale(stale, chunk.rows.keys.get(position));
            }
        }
        Ok(())
    }

    /// Writes those rows to a file that are not older than the stored ones, and gives their positions. No file for no rows.
    fn write_newer(&self, chunk: &Chunk<'_>, rows: Range<usize>) -> Result<(Option<ChunkFile>, Vec<usize>)> {
        let newer = match chunk.replace {
            Replace::AllRows => rows.collect(),
            Replace::OlderRows => self.newer_than_stored(chunk, rows)?,
        };
        if newer.is_empty() {
            return Ok((None, newer));
        }
        let name = format!("load-{}{FILE_SUFFIX}", NEXT_FILE.fetch_add(1, Ordering::Relaxed));
        let file = ChunkFile(self.path.join(name));
        let write = |path: &Path| {
            let mut file = SstFileWriter::create(&self.options);
            file.open(path)?;
            for position in &newer {
                file.put(chunk.rows.keys.get(*position), chunk.rows.rows.get(*position))?;
            }
            file.finish()
        };
        write(&file.0).map_err(|source| self.error(source))?;
        Ok((Some(file), newer))
    }

    /// Positions of the rows that are not older than the stored ones.
    fn newer_than_stored(&self, chunk: &Chunk<'_>, rows: Range<usize>) -> Result<Vec<usize>> {
        let db = self.db();
        let mut stored = StoredRows::new(&db, chunk.rows.keys.get(rows.start));
        let mut newer = Vec::with_capacity(rows.len());
        for position in rows {
            if let Some(row) = stored.get(chunk.rows.keys.get(position))
                && self.is_newer(row, chunk.rows.rows.get(position))?
            {
                continue;
            }
            newer.push(position);
        }
        stored.status().map_err(|source| self.error(source))?;
        Ok(newer)
    }

    /// Whether the stored row is newer than another one.
    fn is_newer(&self, stored: &[u8], row: &[u8]) -> Result<bool> {
        let version = |row| match RowHeader::decode(row) {
            Ok(header) => Ok(header.version),
            Err(problem) => Err(self.corrupt(problem)),
        };
        Ok(version(stored)? > version(row)?)
    }

    /// Whether a row that was written while the file was made is newer than that of the file. To be called under the writer lock.
    fn is_outdated(&self, watch: Option<&Watch>, chunk: &Chunk<'_>, newer: &[usize]) -> Result<bool> {
        let Some(watch) = watch.filter(|_| chunk.replace == Replace::OlderRows) else {
            return Ok(false);
        };
        if watch.all {
            return Ok(true);
        }
        let db = self.db();
        for key in &watch.written {
            let Ok(found) = newer.binary_search_by(|position| chunk.rows.keys.get(*position).cmp(key)) else {
                continue;
            };
            let stored = db.get_pinned(key).map_err(|source| self.error(source))?;
            if let Some(stored) = stored
                && self.is_newer(&stored, chunk.rows.rows.get(newer[found]))?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a file part of the database, and puts its rows in the place of those in memory.
    fn take_in(
        &self,
        file: &ChunkFile,
        chunk: &Chunk<'_>,
        newer: &[usize],
        writer: &mut WriterGuard<'_>,
    ) -> Result<()> {
        let db = self.writable()?;
        // It would be put into whatever directory is there by now.
        self.check_place()?;
        // A file does not count as a write, but this does, see `RocksDbStore::write_count`.
        self.note_format()?;
        self.take_in_file(&file.0)
            .inspect_err(|error| self.refuse_if_latched(&db, error))?;
        if let (Some(first), Some(last)) = (newer.first(), newer.last()) {
            writer.note_range(chunk.tables, chunk.rows.keys.get(*first), chunk.rows.keys.get(*last));
        }
        let rows = newer.iter().filter_map(|position| {
            let (table, entity) = split_row_key(chunk.rows.keys.get(*position))?;
            Some((table, entity, chunk.rows.rows.get(*position)))
        });
        self.row_cache.replace_all(rows);
        Ok(())
    }

    /// Makes a file of sorted rows part of the database, which moves it.
    pub(crate) fn take_in_file(&self, file: &Path) -> Result<()> {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let taken_in = self.db().ingest_external_file_opts(&options, vec![file]);
        taken_in.map_err(|source| self.error(source))
    }

    /// What RocksDB says of itself; 0 where it does not.
    fn number(&self, property: &PropName) -> u64 {
        self.db()
            .property_int_value(property)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    /// Files of a load overlap those that the store has, and many of them slow down reads and writes of everybody.
    fn wait_for_compactions(&self, is_ended: &AtomicBool) {
        let overlapping = || {
            let files = self.db().property_value(num_files_at_level(0)).ok().flatten();
            files.and_then(|files| files.parse::<u64>().ok()).unwrap_or_default()
        };
        let mut waited = Duration::ZERO;
        while waited < MAX_WAIT
            && !is_ended.load(Ordering::Relaxed)
            && overlapping() >= MAX_OVERLAPPING_FILES
            && self.number(NUM_RUNNING_COMPACTIONS) + self.number(COMPACTION_PENDING) > 0
        {
            thread::sleep(WAIT_STEP);
            waited += WAIT_STEP;
        }
    }
}
