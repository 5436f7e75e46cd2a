//! Rows by key. The rows of an entity lie together: where a request reads many of its tables, they are read from the first on as they
//! lie, where it reads few, by one batched get.
//!
//! A read that waits for disks does so on several threads: RocksDB reads one block after the other, and a disk answers many at once.
//! Whether it waits is seen from how long the first entities take.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::storage_key::{TABLE_ID_BYTES, end_row_key, row_key, start_row_key};
use feast_model::error::{Error, Result};
use feast_rows::MissingRows;
use rocksdb::perf::{PerfContext, PerfMetric};
use rocksdb::{DBPinnableSlice, DEFAULT_COLUMN_FAMILY_NAME, ReadOptions};

use super::opening::Reading;

/// Rows of so many tables of an entity are read one after the other, those of other tables between them included.
const MIN_SCANNED: usize = 4;

/// Between the tables of a request there may be so many times as many others.
const MAX_STRIDE: usize = 8;

/// The first entities show whether blocks come from a disk.
const SAMPLED: usize = if cfg!(test) { 1 } else { 4 };
/// What the system has in memory is read in half of that, most of which goes to decompress it; a fast disk takes longer. With threads for
/// blocks that are in memory a batch would take a tenth longer, as these have to be started.
const MIN_DISK_TIME: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_micros(40)
};
/// For fewer entities a thread is not worth its start, which takes about as long as to read two blocks from a fast disk.
const MIN_ENTITIES_A_THREAD: usize = if cfg!(test) { 1 } else { 8 };
/// Threads that one request waits on, of those there are two for a core: while one reads a block, another decompresses its own.
const MAX_THREADS: usize = 8;
/// Threads that all requests together have beside their own.
const MAX_EXTRA_THREADS: usize = 64;

/// Rows that were fetched.
pub struct DatabaseRows<'db> {
    /// For each row that was to be fetched, the part that has it and its number there.
    places: Vec<Option<(u32, Place)>>,
    parts: Vec<Part<'db>>,
}

/// What one thread has fetched.
#[derive(Default)]
struct Part<'db> {
    /// Which of the rows that were to be fetched are where.
    found: Vec<(usize, Place)>,
    /// Rows where the database has them in memory.
    pinned: Vec<Option<DBPinnableSlice<'db>>>,
    copied: PackedBytes,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Pinned(u32),
    Copied(u32),
}

/// The rows of one query that are to be fetched.
struct Wanted<'a> {
    tables: &'a [u32],
    /// Ascending.
    entities: Vec<&'a [u8]>,
    /// The position of its first row among all rows; see [`MissingRows::by_query`].
    start: usize,
}

/// Counts the threads that requests have beside their own.
#[derive(Debug)]
pub(super) struct ExtraThreads {
    in_use: AtomicUsize,
    /// How many threads one request reads with, its own included.
    of_one_request: usize,
}

/// Some of [`ExtraThreads`], until it is dropped.
struct ReservedThreads<'a> {
    all: &'a ExtraThreads,
    count: usize,
}

impl Default for ExtraThreads {
    fn default() -> Self {
        Self {
            in_use: AtomicUsize::new(0),
            of_one_request: (2 * thread::available_parallelism().map_or(1, NonZero::get)).min(MAX_THREADS),
        }
    }
}

impl ExtraThreads {
    /// As many as there are left.
    fn reserve(&self, wanted: usize) -> ReservedThreads<'_> {
        let others = self.in_use.fetch_add(wanted, Ordering::Relaxed);
        let count = wanted.min(MAX_EXTRA_THREADS.saturating_sub(others));
        self.in_use.fetch_sub(wanted - count, Ordering::Relaxed);
        ReservedThreads { all: self, count }
    }
}

impl Drop for ReservedThreads<'_> {
    fn drop(&mut self) {
        self.all.in_use.fetch_sub(self.count, Ordering::Relaxed);
    }
}

impl<'db> DatabaseRows<'db> {
    fn new(rows: usize, parts: Vec<Part<'db>>) -> Self {
        let mut places = vec![None; rows];
        for (number, part) in (0..).zip(&parts) {
            for (position, place) in &part.found {
                places[*position] = Some((number, *place));
            }
        }
        Self { places, parts }
    }

    /// A row by its position in [`MissingRows::by_query`].
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        let (part, place) = self.places[position]?;
        let part = &self.parts[part as usize];
        match place {
            Place::Pinned(rank) => part.pinned[rank as usize].as_deref(),
            Place::Copied(number) => Some(part.copied.get(number as usize)),
        }
    }
}

impl Reading<'_> {
    /// Reads rows from the database. A row is never older than what was acknowledged before this was taken.
    pub fn fetch(&self, missing: MissingRows<'_>) -> Result<DatabaseRows<'_>> {
        let mut start = 0;
        let mut wanted = Vec::new();
        for (tables, entities) in missing.by_query() {
            let entities: Vec<&[u8]> = entities.collect();
            let rows = tables.len() * entities.len();
            wanted.push(Wanted {
                tables,
                entities,
                start,
            });
            start += rows;
        }
        let _still = self.stand_still();
        let entities = wanted.iter().map(|wanted| wanted.entities.len()).sum();
        let parts = match entities < SAMPLED + 2 * MIN_ENTITIES_A_THREAD {
            true => vec![self.fetch_part(&wanted, 0..entities)?],
            false => self.fetch_parts(&wanted, entities)?,
        };
        Ok(DatabaseRows::new(start, parts))
    }

    fn fetch_parts(&self, wanted: &[Wanted<'_>], entities: usize) -> Result<Vec<Part<'_>>> {
        // RocksDB counts the blocks that each thread reads, unless it is told not to.
        let counters = PerfContext::default();
        let (started, reads_before) = (Instant::now(), counters.metric(PerfMetric::BlockReadCount));
        let mut parts = vec![self.fetch_part(wanted, 0..SAMPLED)?];
        let (time, reads) = (
            started.elapsed(),
            counters.metric(PerfMetric::BlockReadCount) - reads_before,
        );
        let reads_disk = reads >= SAMPLED as u64 / 2 && time >= MIN_DISK_TIME * reads as u32;
        let threads = match reads_disk {
            true => ((entities - SAMPLED) / MIN_ENTITIES_A_THREAD).clamp(1, self.store.extra_threads.of_one_request),
            false => 1,
        };
        let extra = self.store.extra_threads.reserve(threads - 1);
        let of_one = (entities - SAMPLED).div_ceil(1 + extra.count);
        let end_of = |start| entities.min(start + of_one);
        thread::scope(|scope| {
            let fetch = |start| self.fetch_part(wanted, start..end_of(start));
            let started: Vec<_> = (SAMPLED..entities)
                .step_by(of_one)
                .skip(1)
                .map(|start| {
                    let thread = thread::Builder::new().name("feast-fetch".to_owned());
                    (start, thread.spawn_scoped(scope, move || fetch(start)))
                })
                .collect();
            parts.push(fetch(SAMPLED)?);
            for (start, thread) in started {
                parts.push(match thread {
                    Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic))?,
                    // No thread could be had.
                    Err(_) => fetch(start)?,
                });
            }
            Ok(parts)
        })
    }

    /// Reads the rows of some entities, numbered from the first of the first query to the last of the last.
    fn fetch_part(&self, wanted: &[Wanted<'_>], part: Range<usize>) -> Result<Part<'_>> {
        let mut fetched = Part::default();
        // Keys that a batched get reads, with their positions.
        let (mut keys, mut positions) = (PackedBytes::default(), Vec::new());
        let mut before = 0;
        for wanted in wanted {
            let of_query = |number: usize| number.saturating_sub(before).min(wanted.entities.len());
            let numbers = of_query(part.start)..of_query(part.end);
            before += wanted.entities.len();
            if is_scanned(wanted.tables) {
                self.scan_entities(wanted, numbers, &mut fetched)?;
                continue;
            }
            for number in numbers {
                for (table_number, table) in wanted.tables.iter().enumerate() {
                    keys.push_with(|out| {
                        start_row_key(out);
                        out.extend_from_slice(wanted.entities[number]);
                        end_row_key(*table, out);
                    });
                    positions.push(wanted.position(table_number, number));
                }
            }
        }
        let (distinct, ranks) = distinct_in_order(&keys);
        fetched.pinned = self.get_many(distinct.iter().map(|position| keys.get(*position)))?;
        let found = positions.into_iter().zip(ranks);
        fetched
            .found
            .extend(found.map(|(position, rank)| (position, Place::Pinned(rank))));
        Ok(fetched)
    }

    /// Reads the rows of some entities of a query from the first of its tables on.
    fn scan_entities(&self, wanted: &Wanted<'_>, numbers: Range<usize>, fetched: &mut Part<'_>) -> Result<()> {
        if numbers.is_empty() {
            return Ok(());
        }
        let mut options = ReadOptions::default();
        options.set_prefix_same_as_start(true);
        let mut rows = self.db().raw_iterator_opt(options);
        for number in numbers {
            let first = row_key(wanted.entities[number], wanted.tables[0]);
            let of_entity = &first[..first.len() - TABLE_ID_BYTES];
            rows.seek(&first);
            let mut next = 0;
            while let (Some(table), Some((key, row))) = (wanted.tables.get(next), rows.item()) {
                let Some(found) = key.strip_prefix(of_entity).and_then(|rest| rest.try_into().ok()) else {
                    break;
                };
                let found = u32::from_be_bytes(found);
                if found > *table {
                    next += 1;
                    continue;
                }
                if found == *table {
                    let place = Place::Copied(fetched.copied.len() as u32);
                    fetched.found.push((wanted.position(next, number), place));
                    fetched.copied.push_with(|out| out.extend_from_slice(row));
                    next += 1;
                }
                rows.next();
            }
            if !rows.valid() {
                rows.status().map_err(|source| self.store.error(source))?;
            }
        }
        Ok(())
    }

    /// Reads the values of distinct keys in ascending order from the database, in one batch. One value for each key, in key order.
    pub fn get_many<'key>(
        &self,
        keys: impl ExactSizeIterator<Item = &'key [u8]>,
    ) -> Result<Vec<Option<DBPinnableSlice<'_>>>> {
        let Some(family) = self.db().cf_handle(DEFAULT_COLUMN_FAMILY_NAME) else {
            return Err(Error::internal("the online store has no default column family"));
        };
        let keys: Vec<&[u8]> = keys.collect();
        let values = self.db().batched_multi_get_cf(&family, keys, true);
        values
            .into_iter()
            .map(|value| value.map_err(|source| self.store.error(source)))
            .collect()
    }
}

impl Wanted<'_> {
    /// The position of a row among all that are to be fetched.
    fn position(&self, table: usize, entity: usize) -> usize {
        self.start + table * self.entities.len() + entity
    }
}

/// Whether the rows of these tables, which are ascending, are read one after the other.
fn is_scanned(tables: &[u32]) -> bool {
    let (Some(first), Some(last)) = (tables.first(), tables.last()) else {
        return false;
    };
    tables.len() >= MIN_SCANNED && ((last - first) as usize) < tables.len() * MAX_STRIDE
}

/// Positions of the distinct keys in ascending order, and for each key its rank among them.
fn distinct_in_order(keys: &PackedBytes) -> (Vec<usize>, Vec<u32>) {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    // Stable, as that sort makes use of the runs that are there.
    order.sort_by(|left, right| keys.get(*left).cmp(keys.get(*right)));
    let mut ranks = vec![0; keys.len()];
    let mut distinct: Vec<usize> = Vec::with_capacity(order.len());
    for position in order {
        if distinct.last().is_none_or(|last| keys.get(*last) != keys.get(position)) {
            distinct.push(position);
        }
        ranks[position] = distinct.len() as u32 - 1;
    }
    (distinct, ranks)
}

#[cfg(test)]
mod tests;
