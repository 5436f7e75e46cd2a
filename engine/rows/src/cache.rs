//! Recently read rows, in memory. All rows of an entity lie together, so that one probe finds those of many views. That an entity
//! has no row in a table is remembered too.
//!
//! **A row in here is the stored one.** A writer puts its rows in ([`RowCache::replace`]) in the order in which the store took them,
//! after the store has them and before it acknowledges the write. A reader that does not find an entity gets a [`MissToken`], which
//! holds the number of writes to that part of the cache so far; what it then fetches is only taken ([`RowCache::insert`]) if the number
//! is still the same, however long the fetch took. So a read sees every write that was acknowledged before it began. Rows of one write
//! become visible one after the other, and until it is acknowledged one read may see a row that the next does not see yet.
//!
//! A store with other writers beside this process learns of their writes afterwards, and then forgets the entity
//! ([`RowCache::forget`]). That counts as a write too: rows that were fetched before it may be those that were replaced. While it
//! cannot learn of them, it gives readers another cache in the place of its own ([`RowCache::bypass`]).
//!
//! Each store owns a cache of its own, because only its writer knows that order.
//!
//! It is worth its code beside the caches of a database: RocksDB's batched get costs 1 us a row and more when all its blocks are in
//! memory, its own row cache half of that, this one 13 to 36 ns, because all rows of an entity lie together; a store on the network costs
//! a round trip. Rows are copied out under the shard's read lock: to copy 100 bytes costs less than to count a reference, and the
//! copies lie in the order in which they are decoded. What is evicted is in [`shard`].

mod entry;
mod shard;

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use foldhash::fast::RandomState;

use entry::Entry;
use shard::Shard;

use super::RowBatch;

/// More than there are threads that read at the same time, so that they seldom collide.
const SHARDS: usize = 64;

/// No entity takes more than this part of a shard: half a MiB where the cache is 256 MiB.
const MAX_ENTRY_SHARE: usize = 8;

/// A count of writes that no part of a cache reaches.
const NEVER_INSERTED: u64 = u64::MAX;

/// Holds rows up to a number of bytes; those that were not requested again are evicted first.
pub struct RowCache {
    shards: Box<[RwLock<Shard>]>,
    /// Seeded, so that a client cannot choose entities that collide.
    hashes: RandomState,
    shard_capacity: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a cache holds, and how often that helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheUsage {
    /// Entities that were looked for and found, with all rows that were wanted.
    pub hits: u64,
    /// Entities that were looked for in vain.
    pub misses: u64,
    /// Entities that it holds.
    pub entities: usize,
    /// Bytes that these take.
    pub bytes: usize,
    /// Bytes that it may take.
    pub capacity: usize,
}

/// The state of a part of the cache in which an entity was not found. Rows that are fetched after it may be inserted as long as
/// nothing was written since. It holds no lock, so the fetch may take as long as it likes.
#[derive(Debug, Clone, Copy)]
pub(super) struct MissToken {
    hash: u64,
    writes: u64,
}

impl RowCache {
    /// For so many bytes of rows; one for none takes no rows.
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hashes: RandomState::default(),
            shard_capacity: capacity / SHARDS,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// What it holds now.
    pub fn usage(&self) -> CacheUsage {
        let mut usage = CacheUsage {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            capacity: self.shard_capacity * SHARDS,
            ..CacheUsage::default()
        };
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            usage.entities += shard.len();
            usage.bytes += shard.bytes();
        }
        usage
    }

    /// Counts what was found and what was not, once a request: a count for each entity would cost as much as finding it.
    #[inline]
    pub(super) fn count(&self, hits: usize, misses: usize) {
        self.hits.fetch_add(hits as u64, Ordering::Relaxed);
        if misses > 0 {
            self.misses.fetch_add(misses as u64, Ordering::Relaxed);
        }
    }

    /// A cache that holds nothing and takes nothing, for readers that may not use this one for now. What it says of a missing
    /// entity is not good for this cache either: rows that are fetched meanwhile are never inserted.
    pub fn bypass(&self) -> Self {
        let shard = || RwLock::new(Shard::after_writes(NEVER_INSERTED));
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hashes: self.hashes.clone(),
            shard_capacity: 0,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The hash of an entity, for [`RowCache::find`].
    #[inline]
    pub(super) fn hash(&self, entity: &[u8]) -> u64 {
        self.hashes.hash_one(entity)
    }

    /// Adds an entity's rows of `tables`, which are ascending, to `found`; adds nothing when one of them is not known.
    #[inline]
    pub(super) fn find(&self, hash: u64, entity: &[u8], tables: &[u32], found: &mut RowBatch) -> Result<(), MissToken> {
        let shard = self.read(hash);
        let token = MissToken {
            hash,
            writes: shard.writes(),
        };
        let entry = shard.find(hash, entity).ok_or(token)?;
        if !entry.copy_rows(tables, found) {
            return Err(token);
        }
        entry.mark_used();
        Ok(())
    }

    /// Takes what the store has for an entity in `tables`, which are ascending.
    pub(super) fn insert<'row>(
        &self,
        token: MissToken,
        entity: &[u8],
        tables: &[u32],
        rows: impl Iterator<Item = Option<&'row [u8]>> + Clone,
    ) {
        if self.shard_capacity == 0 {
            return;
        }
        let mut shard = self.write(token.hash);
        if shard.writes() != token.writes {
            return;
        }
        let fetched = tables.iter().copied().zip(rows);
        let known = shard.position(token.hash, entity);
        let entry = match known {
            Some(position) => shard.get(position).and_then(|known| known.merged(fetched)),
            None => Entry::new(token.hash, entity, fetched),
        };
        // One that would be too large leaves the known rows where they are.
        if let Some(entry) = entry.filter(|entry| self.fits(entry)) {
            if known.is_some() {
                // Asked for again, if by another request.
                entry.mark_used();
            }
            match known {
                Some(position) => shard.put(position, entry),
                None => shard.add(entry, self.shard_capacity),
            }
            shard.shrink_to(self.shard_capacity);
        }
    }

    /// Puts a written row in the place of the one it replaces. To be called after each write, in the order of the writes.
    pub fn replace(&self, table: u32, entity: &[u8], row: &[u8]) {
        self.replace_all(std::iter::once((table, entity, row)));
    }

    /// As [`RowCache::replace`], for rows of tables and entities. One probe serves all rows of an entity that follow each other.
    pub fn replace_all<'row>(&self, rows: impl Iterator<Item = (u32, &'row [u8], &'row [u8])>) {
        if self.shard_capacity == 0 {
            return;
        }
        let mut rows = rows.peekable();
        while let Some((table, entity, row)) = rows.next() {
            let hash = self.hash(entity);
            let mut shard = self.write(hash);
            shard.note_write();
            self.replace_in(&mut shard, hash, (table, entity, row));
            while let Some(next) = rows.next_if(|(_, other, _)| *other == entity) {
                self.replace_in(&mut shard, hash, next);
            }
        }
    }

    fn replace_in(&self, shard: &mut Shard, hash: u64, (table, entity, row): (u32, &[u8], &[u8])) {
        let Some(position) = shard.position(hash, entity) else {
            return;
        };
        let Some(known) = shard.get_mut(position) else { return };
        // Of another length: the entry is made again, unless nothing was read from this table.
        if known.overwrite(table, row) || !known.has(table) {
            return;
        }
        match known
            .merged([(table, Some(row))].into_iter())
            .filter(|entry| self.fits(entry))
        {
            Some(entry) => {
                shard.put(position, entry);
                shard.shrink_to(self.shard_capacity);
            }
            None => shard.remove(position),
        }
    }

    /// Forgets the rows of an entity, for they may have been written by another process. Counts as a write of it.
    pub fn forget(&self, entity: &[u8]) {
        if self.shard_capacity == 0 {
            return;
        }
        let hash = self.hash(entity);
        let mut shard = self.write(hash);
        shard.note_write();
        if let Some(position) = shard.position(hash, entity) {
            shard.remove(position);
        }
    }

    /// Forgets all rows. Counts as a write of every entity.
    pub fn clear(&self) {
        (0..SHARDS).for_each(|part| self.clear_part(part));
    }

    /// How many parts [`RowCache::clear_part`] knows.
    pub fn parts(&self) -> usize {
        self.shards.len()
    }

    /// Forgets the rows of one part of the entities, as [`RowCache::clear`] does of all. Numbers beyond [`RowCache::parts`] start over.
    pub fn clear_part(&self, part: usize) {
        let mut shard = self.shards[part % SHARDS]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // What readers have fetched by now may be the old rows.
        let cleared = Shard::after_writes(shard.writes() + 1);
        let forgotten = std::mem::replace(&mut *shard, cleared);
        // To free the memory of many entries takes milliseconds, for which readers do not wait.
        drop(shard);
        drop(forgotten);
    }

    /// Whether it is small enough not to drive out many others.
    fn fits(&self, entry: &Entry) -> bool {
        entry.bytes() <= self.shard_capacity / MAX_ENTRY_SHARE
    }

    #[inline]
    fn read(&self, hash: u64) -> RwLockReadGuard<'_, Shard> {
        let shard = &self.shards[shard_of(hash)];
        shard.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, hash: u64) -> RwLockWriteGuard<'_, Shard> {
        let shard = &self.shards[shard_of(hash)];
        shard.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The table inside of a shard uses the lowest and the highest bits.
fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

#[cfg(test)]
mod tests;
