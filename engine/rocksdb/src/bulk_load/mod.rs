//! Many rows at once: sorted, and taken in as files, beside the log of writes and the memtable.
//!
//! Rows are gathered up to a part of the memory limit, sorted ([`sorted`]) and spilled to disk as a run ([`spill`]). In the end the runs
//! are merged ([`merge`]) and cut into chunks, and each chunk becomes a file of the database ([`chunk`]). So the files of one load do
//! not overlap, whatever the order of the rows, and no compaction has to sort them again. Few rows go the way of a push.
//!
//! What holds for every write holds for a load: newest event wins, against stored rows, against each other and against those that are
//! written meanwhile; a reader sees the old row or the new one; the rows of a chunk are durable when it is taken in. Chunks are taken in
//! one by one, so a load that was ended has written some of its rows, and a second one writes the rest.
//!
//! Compared with writes through the log for 25 million rows: see `benches/README.md`.

mod chunk;
mod merge;
mod sorted;
mod spill;
mod stored;
mod watches;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use feast_codec::storage_key::split_row_key;
use feast_config::MaterializationLimits;
use feast_model::error::{Error, ErrorKind, Result};
use feast_rows::{EncodedRows, Replace, WriteCount};
use parking_lot::Mutex;

use super::RocksDbStore;
use chunk::Chunk;
pub(super) use chunk::FILE_SUFFIX;
use merge::MergedRuns;
use sorted::SortedRows;
use spill::Spiller;
pub(super) use watches::Watches;

/// Fewer bytes of rows go the way of a push, which answers sooner than a file is synced.
const MIN_FILE_BYTES: usize = if cfg!(test) { 300 } else { 4 << 20 };
/// Rows that are sorted at once; more would not make the merge faster.
const MAX_RUN_BYTES: usize = if cfg!(test) { 16 << 10 } else { 48 << 20 };
/// Bytes of rows of one file, before compression. Larger loads have larger files, so that these do not become too many to be open.
const MIN_CHUNK_BYTES: usize = if cfg!(test) { 8 << 10 } else { 48 << 20 };
const MAX_CHUNK_BYTES: usize = 256 << 20;
const WANTED_CHUNKS: usize = if cfg!(test) { usize::MAX } else { 64 };
/// Threads that make files. Each holds a chunk.
const MAX_WRITERS: usize = 4;
/// Beside the rows themselves: where each ends, and its place in the order.
const BYTES_BESIDE_A_ROW: usize = 48;
/// How often the caller of [`BulkLoad::finish`] hears of it at least.
const WATCH_INTERVAL: Duration = Duration::from_millis(10);

/// Counts of rows by the id of their table.
pub type TableCounts = BTreeMap<u32, WriteCount>;

/// A load that gathers its rows. One that is let go before [`BulkLoad::finish`] has written nothing.
pub struct BulkLoad<'store> {
    store: &'store RocksDbStore,
    _under_way: UnderWay<'store>,
    replace: Replace,
    limits: MaterializationLimits,
    gathered: Vec<EncodedRows>,
    gathered_bytes: usize,
    /// Of all keys and rows.
    bytes: usize,
    /// Once there were more rows than are sorted at once.
    spiller: Option<Spiller>,
    /// Numbers of rows that were given, by table.
    rows: BTreeMap<u32, usize>,
}

/// Counts a load, as long as it is under way.
struct UnderWay<'store>(&'store AtomicUsize);

impl<'store> UnderWay<'store> {
    fn begin(loads: &'store AtomicUsize) -> Self {
        loads.fetch_add(1, Ordering::SeqCst);
        Self(loads)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl RocksDbStore {
    /// Begins a load of rows, each a storage key and the bytes of a row.
    pub fn bulk_load(&self, replace: Replace, limits: MaterializationLimits) -> BulkLoad<'_> {
        BulkLoad {
            store: self,
            _under_way: UnderWay::begin(&self.loads),
            replace,
            limits,
            gathered: Vec::new(),
            gathered_bytes: 0,
            bytes: 0,
            spiller: None,
            rows: BTreeMap::new(),
        }
    }
}

impl BulkLoad<'_> {
    /// Takes rows, in order of arrival.
    ///
    /// # Errors
    /// `Unavailable` when rows cannot be spilled to disk, these or earlier ones.
    pub fn add(&mut self, rows: EncodedRows) -> Result<()> {
        for key in rows.keys.iter() {
            *self.rows.entry(table_of(key)).or_default() += 1;
        }
        let bytes = rows.keys.bytes() + rows.rows.bytes();
        self.bytes += bytes;
        self.gathered_bytes += bytes + rows.keys.len() * BYTES_BESIDE_A_ROW;
        self.gathered.push(rows);
        // One run is gathered while another is sorted, and the rest is for the caller.
        let run_bytes = MAX_RUN_BYTES.min(self.limits.memory / 4);
        if self.gathered_bytes < run_bytes {
            return Ok(());
        }
        self.spill()
    }

    fn spill(&mut self) -> Result<()> {
        self.gathered_bytes = 0;
        let gathered = std::mem::take(&mut self.gathered);
        let spiller = match self.spiller.take() {
            Some(spiller) => spiller,
            None => Spiller::start(&self.store.path, self.limits, self.replace)?,
        };
        if !spiller.add(gathered) {
            spiller.finish()?;
            return Err(Error::internal("a thread that sorts rows ended early"));
        }
        self.spiller = Some(spiller);
        Ok(())
    }

    /// Writes all rows and gives the counts of each table. They are durable after the next [`RocksDbStore::sync`]. `watch` hears how
    /// many rows are written, some times a second, and ends the load with an error of its own.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full or fails, and those of `watch`. Some rows may be written then.
    pub fn finish(mut self, watch: &mut dyn FnMut(usize) -> Result<()>) -> Result<TableCounts> {
        if self.spiller.is_some() && !self.gathered.is_empty() {
            self.spill()?;
        }
        let gathered = std::mem::take(&mut self.gathered);
        match self.spiller.take() {
            Some(spiller) => {
                let runs = spiller.finish()?.runs(self.limits.memory / 8)?;
                self.load(runs, watch)
            }
            None if self.gathered_bytes < MIN_FILE_BYTES => self.write(gathered),
            None => {
                let rows = SortedRows::sort(gathered, self.replace)?;
                self.load(MergedRuns::in_memory(rows), watch)
            }
        }
    }

    /// The way of a push.
    fn write(self, gathered: Vec<EncodedRows>) -> Result<TableCounts> {
        let mut stale = StaleRows::default();
        for rows in gathered {
            let written = self
                .store
                .write_batch(&rows.keys, &rows.rows, self.replace, |_, _| Ok(()))?;
            let mut is_written = vec![false; rows.keys.len()];
            written.into_iter().for_each(|position| is_written[position] = true);
            for (key, is_written) in rows.keys.iter().zip(is_written) {
                if !is_written {
                    note_stale(&mut stale, key);
                }
            }
        }
        Ok(self.counts(&stale))
    }

    fn load(self, mut rows: MergedRuns, watch: &mut dyn FnMut(usize) -> Result<()>) -> Result<TableCounts> {
        let chunk_bytes = (self.bytes / WANTED_CHUNKS).clamp(MIN_CHUNK_BYTES, MAX_CHUNK_BYTES);
        let chunk_bytes = chunk_bytes.min(self.limits.memory / 8);
        let writers = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_WRITERS);
        let (store, replace) = (self.store, self.replace);
        let tables: Vec<u32> = self.rows.keys().copied().collect();
        let (sender, chunks) = sync_channel(0);
        let (chunks, progress) = (Mutex::new(chunks), Progress::default());
        let mut stale = thread::scope(|scope| {
            let mut started = Vec::with_capacity(writers);
            for _ in 0..writers {
                let writer = thread::Builder::new().name("feast-load".to_owned());
                let writer = writer.spawn_scoped(scope, || write_chunks(store, &chunks, &progress));
                started.push(writer.map_err(|problem| {
                    let message = format!("no thread can be started to write rows: {problem}");
                    Error::new(ErrorKind::Unavailable, message)
                })?);
            }
            // Without it the writers end, also where an error ends this function.
            let sender = sender;
            // An error here is not to wait for what the writers have begun.
            let ended = EndedOnDrop(&progress.is_ended);
            while let Some(chunk) = rows.next_chunk(chunk_bytes, replace)? {
                let mut chunk = Some(Chunk {
                    rows: chunk,
                    tables: &tables,
                    replace,
                });
                while let Some(waiting) = chunk.take().filter(|_| !progress.is_ended.load(Ordering::Relaxed)) {
                    watch(progress.rows.load(Ordering::Relaxed))?;
                    if let Err(TrySendError::Full(waiting)) = sender.try_send(waiting) {
                        chunk = Some(waiting);
                        thread::sleep(WATCH_INTERVAL);
                    }
                }
            }
            drop(sender);
            while started.iter().any(|writer| !writer.is_finished()) {
                watch(progress.rows.load(Ordering::Relaxed))?;
                thread::sleep(WATCH_INTERVAL);
            }
            drop(ended);
            let mut stale = StaleRows::default();
            for writer in started {
                let of_writer = writer.join();
                let of_writer =
                    of_writer.unwrap_or_else(|_| Err(Error::internal("a thread that writes rows ended early")))?;
                add(&mut stale, &of_writer);
            }
            Ok::<_, Error>(stale)
        })?;
        add(&mut stale, rows.stale());
        Ok(self.counts(&stale))
    }

    fn counts(self, stale: &StaleRows) -> TableCounts {
        let counts = self.rows.into_iter().map(|(table, rows)| {
            let stale = stale.get(&table).copied().unwrap_or_default();
            let written = rows.saturating_sub(stale);
            (table, WriteCount { written, stale })
        });
        counts.collect()
    }
}

/// What the writers of a load have done.
#[derive(Default)]
struct Progress {
    rows: AtomicUsize,
    /// Chunks that are not written by now never are: a writer has failed, or the caller wants no more.
    is_ended: AtomicBool,
}

/// Sets a flag, however the caller ends.
struct EndedOnDrop<'flag>(&'flag AtomicBool);

impl Drop for EndedOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Takes chunks until there are no more, or one cannot be written. Gives the numbers of stale rows by table.
fn write_chunks(store: &RocksDbStore, chunks: &Mutex<Receiver<Chunk<'_>>>, progress: &Progress) -> Result<StaleRows> {
    let mut stale = StaleRows::default();
    loop {
        let chunk = chunks.lock().recv();
        let Ok(chunk) = chunk else { return Ok(stale) };
        // The sender must not wait for ever.
        if progress.is_ended.load(Ordering::Relaxed) {
            continue;
        }
        // All of them could panic, and then nobody would take the next chunk.
        let loaded = catch_unwind(AssertUnwindSafe(|| {
            store.load_chunk(&chunk, &progress.is_ended, &mut stale)
        }));
        let loaded = loaded.unwrap_or_else(|_| Err(Error::internal("a thread that writes rows ended early")));
        if let Err(error) = loaded {
            progress.is_ended.store(true, Ordering::Relaxed);
            while chunks.lock().recv().is_ok() {}
            return Err(error);
        }
        progress.rows.fetch_add(chunk.rows.keys.len(), Ordering::Relaxed);
    }
}

/// Numbers of rows that lost against newer ones, by the id of their table.
type StaleRows = BTreeMap<u32, usize>;

fn add(stale: &mut StaleRows, more: &StaleRows) {
    for (table, rows) in more {
        *stale.entry(*table).or_default() += rows;
    }
}

fn note_stale(stale: &mut StaleRows, key: &[u8]) {
    *stale.entry(table_of(key)).or_default() += 1;
}

fn table_of(key: &[u8]) -> u32 {
    split_row_key(key).map_or(u32::MAX, |(table, _)| table)
}

#[cfg(test)]
mod tests;
