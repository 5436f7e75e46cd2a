//! Rows of entities: from the row cache, else in one batched get.

use feast_model::error::{Error, Result};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::Storage;
use super::found_rows::FoundRows;
use super::row_cache::Missed;
use crate::codec::byte_block::ByteBlock;
use crate::codec::storage_key::row_prefix;

/// Most bytes of rows that one request may ask for, each counted as often as it is asked for: so often it is answered. It
/// also keeps arrays below 2^31 bytes and items.
const MAX_BYTES: usize = 1 << 30;
/// Most bytes of rows that are answered from memory: their values make some milliseconds of work at worst.
const MAX_BYTES_FROM_MEMORY: usize = 256 << 10;
/// What one batched get is asked for at most: its keys, states and pinned rows are in memory together.
const ROWS_A_GET: usize = 4096;
const KEY_BYTES_A_GET: usize = 4 << 20;

/// The rows to read: those of each entity in each table.
pub(crate) struct RowQuery<'a> {
    /// Ids of tables, ascending.
    pub(crate) tables: &'a [u32],
    /// Entity keys, in any order; an empty one has no rows.
    pub(crate) entities: &'a ByteBlock,
}

/// An entity whose rows must come from the database.
struct Miss {
    query: usize,
    entity: usize,
    /// Where else in the query it stands.
    repeated: Vec<usize>,
    missed: Missed,
}

/// Where a fetched row belongs.
struct Place {
    query: usize,
    position: usize,
}

impl Storage {
    /// Reads rows; one answer a query. `admit` is told again and again how many bytes they are by now, each row counted as
    /// often as it is asked for, and may end the read.
    ///
    /// A row is never older than what was acknowledged before the call. Rows of one write may come in sight one after
    /// the other.
    ///
    /// # Errors
    /// `Invalid` when the rows are too much for memory.
    pub(crate) fn read_rows<E: From<Error>>(
        &self,
        queries: &[RowQuery<'_>],
        mut admit: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<FoundRows>, E> {
        let mut misses = Vec::new();
        let numbered = queries.iter().enumerate();
        let mut found: Vec<FoundRows> = numbered
            .map(|(number, query)| self.cached_rows(number, query, &mut misses))
            .collect();
        let mut bytes = found.iter().map(FoundRows::asked_bytes).sum();
        check_size(bytes)?;
        admit(bytes)?;
        let entity_of = |miss: &Miss| queries[miss.query].entities.get(miss.entity);
        misses.sort_by(|left, right| {
            let by_query = left.query.cmp(&right.query);
            by_query.then_with(|| entity_of(left).cmp(entity_of(right)))
        });
        let mut rest = &misses[..];
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(part_of_one_get(queries, rest));
            bytes += self.fetch(queries, part, &mut found)?;
            check_size(bytes)?;
            admit(bytes)?;
            rest = behind;
        }
        Ok(found)
    }

    /// As [`Storage::read_rows`], if the row cache has all rows and they are not much. What RocksDB has in memory is not asked:
    /// a batched get that is told to read nothing else does read blocks, and can give an empty value for a row that it
    /// has not looked at.
    pub(crate) fn rows_from_memory(&self, queries: &[RowQuery<'_>]) -> Option<Vec<FoundRows>> {
        let mut found = Vec::with_capacity(queries.len());
        let mut room = MAX_BYTES_FROM_MEMORY;
        for RowQuery { tables, entities } in queries {
            let mut rows = FoundRows::with_capacity(entities.len() * tables.len());
            for entity in entities.iter() {
                if entity.is_empty() || tables.is_empty() {
                    rows.push_unknown(tables.len());
                    continue;
                }
                let hash = self.row_cache.hash(entity);
                self.row_cache.find(hash, entity, tables, &mut rows).ok()?;
                if rows.bytes() > room {
                    return None;
                }
            }
            room -= rows.bytes();
            found.push(rows);
        }
        Some(found)
    }

    /// What the row cache has for a query; room is left for the misses. Each entity is looked for once.
    fn cached_rows(&self, number: usize, query: &RowQuery<'_>, misses: &mut Vec<Miss>) -> FoundRows {
        let tables = query.tables.len();
        let mut rows = FoundRows::with_capacity(query.entities.len() * tables);
        let mut seen = HashTable::with_capacity(query.entities.len());
        for (position, entity) in query.entities.iter().enumerate() {
            if entity.is_empty() || tables == 0 {
                rows.push_unknown(tables);
                continue;
            }
            let hash = self.row_cache.hash(entity);
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
                    if let Err(missed) = self.row_cache.find(hash, entity, query.tables, &mut rows) {
                        rows.push_unknown(tables);
                        misses.push(Miss {
                            query: number,
                            entity: position,
                            repeated: Vec::new(),
                            missed,
                        });
                    }
                }
            }
        }
        rows
    }

    /// Reads the rows of misses, which are sorted by query and entity, into their places and into the cache. Gives their
    /// bytes, each counted as often as it is asked for.
    fn fetch(&self, queries: &[RowQuery<'_>], misses: &[Miss], found: &mut [FoundRows]) -> Result<usize> {
        let (keys, places) = keys_of(queries, misses);
        let (distinct, ranks) = distinct_in_order(&keys);
        let values = self.get_many(distinct.iter().map(|position| keys.get(*position)))?;
        for (place, rank) in places.iter().zip(ranks) {
            if let Some(row) = &values[rank] {
                found[place.query].set(place.position, row);
            }
        }
        let mut bytes = 0;
        for miss in misses {
            let RowQuery { tables, entities } = queries[miss.query];
            let (rows, first) = (&mut found[miss.query], miss.entity * tables.len());
            for position in &miss.repeated {
                rows.set_same(position * tables.len(), first, tables.len());
            }
            let fetched = (first..first + tables.len()).map(|position| rows.get(position));
            let of_entity: usize = fetched.clone().flatten().map(<[u8]>::len).sum();
            bytes += of_entity * (1 + miss.repeated.len());
            self.row_cache
                .insert(miss.missed, entities.get(miss.entity), tables, fetched);
        }
        Ok(bytes)
    }
}

/// How many of the misses are fetched in one batched get: the first, whatever it is, and as many more as fit.
fn part_of_one_get(queries: &[RowQuery<'_>], misses: &[Miss]) -> usize {
    let (mut rows, mut key_bytes) = (0, 0);
    let fits = |miss: &&Miss| {
        let RowQuery { tables, entities } = queries[miss.query];
        rows += tables.len();
        key_bytes += tables.len() * entities.get(miss.entity).len();
        rows <= ROWS_A_GET && key_bytes <= KEY_BYTES_A_GET
    };
    misses.iter().take_while(fits).count().max(1)
}

fn check_size(bytes: usize) -> Result<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let text = format!("the rows asked for take more than {} MiB", MAX_BYTES >> 20);
    Err(Error::invalid(text).with_hint("ask for them in several requests"))
}

/// The storage keys of misses that are sorted by query and entity. Within a query they come out in key order.
fn keys_of(queries: &[RowQuery<'_>], misses: &[Miss]) -> (ByteBlock, Vec<Place>) {
    let rows: usize = misses.iter().map(|miss| queries[miss.query].tables.len()).sum();
    let mut keys = ByteBlock::with_capacity(rows, rows * 48);
    let mut places = Vec::with_capacity(rows);
    for of_query in misses.chunk_by(|left, right| left.query == right.query) {
        let query = of_query[0].query;
        let RowQuery { tables, entities } = queries[query];
        for (table_position, table) in tables.iter().enumerate() {
            let prefix = row_prefix(*table);
            for miss in of_query {
                keys.push_with(|out| {
                    out.extend_from_slice(&prefix);
                    out.extend_from_slice(entities.get(miss.entity));
                });
                let position = miss.entity * tables.len() + table_position;
                places.push(Place { query, position });
            }
        }
    }
    (keys, places)
}

/// Positions of the distinct keys in ascending order, and for each key its rank among them.
fn distinct_in_order(keys: &ByteBlock) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    // Stable, as that sort makes use of the runs that are there.
    order.sort_by(|left, right| keys.get(*left).cmp(keys.get(*right)));
    let mut ranks = vec![0; keys.len()];
    let mut distinct: Vec<usize> = Vec::with_capacity(order.len());
    for position in order {
        if distinct.last().is_none_or(|last| keys.get(*last) != keys.get(position)) {
            distinct.push(position);
        }
        ranks[position] = distinct.len() - 1;
    }
    (distinct, ranks)
}
