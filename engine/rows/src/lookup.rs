//! The rows of a lookup in three steps: those in memory at once, the others in parts, as the store gives them.
//!
//! [`RowLookup::prepare`] asks the row cache. [`RowLookup::missing`] is what the store has to fetch next, and
//! [`RowLookup::complete`] puts fetched rows into their places and into the cache. Nothing is locked or borrowed between the steps, so
//! a caller may wait there: a local database answers on the calling thread, a store on the network is awaited. Rows that were written
//! meanwhile are not overwritten in the cache, see [`cache`](super::cache).
//!
//! **Threads that read sockets never wait for a disk.** They only call [`rows_in_memory`], which looks into the row cache and nowhere
//! else. RocksDB's `kBlockCacheTier` does not help: its batched get reads blocks all the same, and where it must not go on to a second block
//! it answers with an empty value for a row that it has not looked at.

use std::ops::Range;

use feast_codec::packed_bytes::PackedBytes;
use feast_model::error::{Error, Result};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::cache::MissToken;
use super::{RowBatch, RowCache};

/// The maximum size of the rows of one request, each counted as often as it is requested, since so often it is answered. It also keeps
/// arrays below 2^31 bytes and items.
const MAX_BYTES: usize = 1 << 30;
/// The maximum size of rows that are answered from memory: their values make some milliseconds of work at worst.
const MAX_BYTES_IN_MEMORY: usize = 256 << 10;
/// The maximum that is fetched from a store at a time: keys, their states and fetched rows are in memory together.
const MAX_ROWS_A_FETCH: usize = 4096;
const MAX_KEY_BYTES_A_FETCH: usize = 4 << 20;

/// The rows to look up. Each query means the rows of some entities in some tables.
#[derive(Debug, Clone, Copy)]
pub struct RowQueries<'a> {
    /// For each query, ids of tables, ascending.
    pub tables: &'a [Vec<u32>],
    /// For each query, entity keys in any order; an empty one has no rows.
    pub entities: &'a [PackedBytes],
    /// The tables and features whose values are asked for; `None` for all. Rows have the other features too, for the next request, but
    /// one of those that cannot be read does not fail this request.
    pub features: Option<&'a [(u32, String)]>,
}

/// One of [`RowQueries`].
#[derive(Debug, Clone, Copy)]
struct RowQuery<'a> {
    tables: &'a [u32],
    entities: &'a PackedBytes,
}

/// A lookup of rows under way.
#[derive(Debug)]
pub struct RowLookup {
    /// One for each query.
    batches: Vec<RowBatch>,
    /// Sorted by query and entity key.
    misses: Vec<Miss>,
    /// The misses whose rows are fetched next; those before it are done.
    part: Range<usize>,
    bytes: usize,
}

/// An entity whose rows must come from the store.
#[derive(Debug)]
struct Miss {
    query: usize,
    /// Its position among the entities of the query.
    entity: usize,
    /// Its other positions.
    repeated: Vec<usize>,
    token: MissToken,
}

/// Rows that a store has to fetch, all at once.
#[derive(Debug, Clone, Copy)]
pub struct MissingRows<'a> {
    queries: RowQueries<'a>,
    misses: &'a [Miss],
}

impl<'a> RowQueries<'a> {
    fn get(&self, query: usize) -> RowQuery<'a> {
        RowQuery {
            tables: &self.tables[query],
            entities: &self.entities[query],
        }
    }

    fn entity_count(self) -> usize {
        self.entities.iter().map(PackedBytes::len).sum()
    }

    fn iter(self) -> impl Iterator<Item = RowQuery<'a>> {
        let queries = self.tables.iter().zip(self.entities);
        queries.map(|(tables, entities)| RowQuery { tables, entities })
    }
}

impl RowLookup {
    /// Takes the rows that are in memory, and notes which are not.
    ///
    /// # Errors
    /// `Invalid` when the rows are too large for memory.
    pub fn prepare(cache: &RowCache, queries: RowQueries<'_>) -> Result<Self> {
        let mut misses = Vec::new();
        let numbered = queries.iter().enumerate();
        let batches: Vec<RowBatch> = numbered
            .map(|(number, query)| cached_rows(cache, number, query, &mut misses))
            .collect();
        let bytes = batches.iter().map(RowBatch::logical_bytes).sum();
        check_size(bytes)?;
        let missed: usize = misses.iter().map(|miss: &Miss| 1 + miss.repeated.len()).sum();
        cache.count(queries.entity_count() - missed, misses.len());
        let entity_of = |miss: &Miss| queries.entities[miss.query].get(miss.entity);
        misses.sort_by(|left, right| {
            let by_query = left.query.cmp(&right.query);
            by_query.then_with(|| entity_of(left).cmp(entity_of(right)))
        });
        let part = 0..part_of_one_fetch(queries, &misses);
        Ok(Self {
            batches,
            misses,
            part,
            bytes,
        })
    }

    /// How many bytes the rows are so far, each counted as often as it is requested.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What has to be fetched next; `None` when all rows are there. `queries` are those that the lookup was prepared with.
    #[inline]
    pub fn missing<'a>(&'a self, queries: RowQueries<'a>) -> Option<MissingRows<'a>> {
        let misses = &self.misses[self.part.clone()];
        (!misses.is_empty()).then_some(MissingRows { queries, misses })
    }

    /// Puts the rows of [`RowLookup::missing`] into their places and into the cache. `row` gives the fetched rows by their position in
    /// [`MissingRows::by_query`]: table by table, and in each table entity by entity.
    ///
    /// # Errors
    /// `Invalid` when the rows are too large for memory.
    pub fn complete<'row>(
        &mut self,
        cache: &RowCache,
        queries: RowQueries<'_>,
        row: impl Fn(usize) -> Option<&'row [u8]>,
    ) -> Result<()> {
        let misses = &self.misses[self.part.clone()];
        let mut position = 0;
        for of_query in misses.chunk_by(|left, right| left.query == right.query) {
            let query = of_query[0].query;
            let (tables, batch) = (queries.tables[query].len(), &mut self.batches[query]);
            for table in 0..tables {
                for miss in of_query {
                    if let Some(row) = row(position) {
                        batch.set(miss.entity * tables + table, row);
                    }
                    position += 1;
                }
            }
        }
        for miss in misses {
            let RowQuery { tables, entities } = queries.get(miss.query);
            let (batch, first) = (&mut self.batches[miss.query], miss.entity * tables.len());
            for position in &miss.repeated {
                batch.set_same(position * tables.len(), first, tables.len());
            }
            let fetched = (first..first + tables.len()).map(|position| batch.get(position));
            let of_entity: usize = fetched.clone().flatten().map(<[u8]>::len).sum();
            self.bytes += of_entity * (1 + miss.repeated.len());
            cache.insert(miss.token, entities.get(miss.entity), tables, fetched);
        }
        let done = self.part.end;
        self.part = done..done + part_of_one_fetch(queries, &self.misses[done..]);
        check_size(self.bytes)
    }

    /// The rows, one batch for each query, each with the rows of the first entity in the order of the tables, then those of the next.
    /// To be called when nothing is missing.
    #[inline]
    pub fn into_batches(self) -> Vec<RowBatch> {
        self.batches
    }
}

impl<'a> MissingRows<'a> {
    /// How many rows are to be fetched.
    pub fn row_count(&self) -> usize {
        let misses = self.misses.iter();
        misses.map(|miss| self.queries.tables[miss.query].len()).sum()
    }

    /// Whether a feature of a table is asked for.
    pub fn asks_for(&self, table: u32, feature: &str) -> bool {
        let is_asked_for =
            |features: &[(u32, String)]| features.iter().any(|(of, name)| *of == table && name == feature);
        self.queries.features.is_none_or(is_asked_for)
    }

    /// For each query the ids of its tables, ascending, and the keys of the entities whose rows are to be fetched from each of them,
    /// ascending and distinct. Queries may share tables and entities.
    pub fn by_query(self) -> impl Iterator<Item = (&'a [u32], impl Iterator<Item = &'a [u8]> + Clone)> {
        let queries = self.queries;
        let by_query = self.misses.chunk_by(|left, right| left.query == right.query);
        by_query.map(move |misses| {
            let RowQuery { tables, entities } = queries.get(misses[0].query);
            (tables, misses.iter().map(move |miss| entities.get(miss.entity)))
        })
    }
}

/// The rows of all queries, if the row cache has all of them and they are small. Nothing else is asked, so this waits for nothing.
pub fn rows_in_memory(cache: &RowCache, queries: RowQueries<'_>) -> Option<Vec<RowBatch>> {
    let mut batches = Vec::with_capacity(queries.tables.len());
    let mut room = MAX_BYTES_IN_MEMORY;
    for RowQuery { tables, entities } in queries.iter() {
        let mut rows = RowBatch::with_capacity(entities.len() * tables.len());
        for entity in entities.iter() {
            if entity.is_empty() || tables.is_empty() {
                rows.push_missing(tables.len());
                continue;
            }
            cache.find(cache.hash(entity), entity, tables, &mut rows).ok()?;
            if rows.bytes() > room {
                return None;
            }
        }
        room -= rows.bytes();
        batches.push(rows);
    }
    cache.count(queries.entity_count(), 0);
    Some(batches)
}

/// What the row cache has for a query; room is left for the misses. Each entity is looked up once.
fn cached_rows(cache: &RowCache, number: usize, query: RowQuery<'_>, misses: &mut Vec<Miss>) -> RowBatch {
    let tables = query.tables.len();
    let mut rows = RowBatch::with_capacity(query.entities.len() * tables);
    let mut seen = HashTable::with_capacity(query.entities.len());
    for (position, entity) in query.entities.iter().enumerate() {
        if entity.is_empty() || tables == 0 {
            rows.push_missing(tables);
            continue;
        }
        let hash = cache.hash(entity);
        let is_it = |known: &(u64, usize)| known.0 == hash && query.entities.get(known.1) == entity;
        match seen.entry(hash, is_it, |(hash, _)| *hash) {
            Entry::Occupied(known) => {
                let (_, first) = *known.get();
                rows.push_same(first * tables, tables);
                // Misses come in this order.
                if let Ok(miss) = misses.binary_search_by_key(&(number, first), |miss| (miss.query, miss.entity)) {
                    misses[miss].repeated.push(position);
                }
            }
            Entry::Vacant(place) => {
                place.insert((hash, position));
                if let Err(token) = cache.find(hash, entity, query.tables, &mut rows) {
                    rows.push_missing(tables);
                    misses.push(Miss {
                        query: number,
                        entity: position,
                        repeated: Vec::new(),
                        token,
                    });
                }
            }
        }
    }
    rows
}

/// How many of the misses are fetched together: the first, whatever its size, and as many more as fit.
fn part_of_one_fetch(queries: RowQueries<'_>, misses: &[Miss]) -> usize {
    let (mut rows, mut key_bytes) = (0, 0);
    let fits = |miss: &&Miss| {
        let RowQuery { tables, entities } = queries.get(miss.query);
        rows += tables.len();
        key_bytes += tables.len() * entities.get(miss.entity).len();
        rows <= MAX_ROWS_A_FETCH && key_bytes <= MAX_KEY_BYTES_A_FETCH
    };
    misses.iter().take_while(fits).count().max(1).min(misses.len())
}

fn check_size(bytes: usize) -> Result<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let message = format!("the rows asked for take more than {} MiB", MAX_BYTES >> 20);
    Err(Error::invalid(message).with_hint("ask for them in several requests"))
}
