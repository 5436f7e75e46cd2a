//! The rows of one entity in one piece of memory.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::RowBatch;

/// What the length of a row is when there is none.
const ABSENT: u32 = u32::MAX;
/// Table and length.
const SLOT_BYTES: usize = 8;
/// What an entry takes beside its bytes: itself, its place in the index, the allocation.
const OVERHEAD_BYTES: usize = size_of::<Entry>() + 32;

/// An entity and its rows of some tables.
pub(super) struct Entry {
    hash: u64,
    entity_length: usize,
    tables: usize,
    /// `entity | (table, length of its row)... | rows`, tables ascending.
    block: Box<[u8]>,
    used: AtomicBool,
}

impl Entry {
    /// `rows` are of ascending tables. `None` when they are too large to be kept.
    pub(super) fn new<'row>(
        hash: u64,
        entity: &[u8],
        rows: impl Iterator<Item = (u32, Option<&'row [u8]>)> + Clone,
    ) -> Option<Self> {
        let tables = rows.clone().count();
        let row_bytes: usize = rows.clone().map(|(_, row)| row.map_or(0, <[u8]>::len)).sum();
        let mut block = Vec::with_capacity(entity.len() + tables * SLOT_BYTES + row_bytes);
        block.extend_from_slice(entity);
        for (table, row) in rows.clone() {
            let length = match row {
                None => ABSENT,
                Some(row) => u32::try_from(row.len()).ok().filter(|length| *length != ABSENT)?,
            };
            block.extend_from_slice(&table.to_le_bytes());
            block.extend_from_slice(&length.to_le_bytes());
        }
        rows.filter_map(|(_, row)| row)
            .for_each(|row| block.extend_from_slice(row));
        Some(Self {
            hash,
            entity_length: entity.len(),
            tables,
            block: block.into_boxed_slice(),
            used: AtomicBool::new(false),
        })
    }

    /// This entry with rows of ascending tables added or replaced.
    pub(super) fn merged<'row>(&self, rows: impl Iterator<Item = (u32, Option<&'row [u8]>)>) -> Option<Self> {
        let mut all: Vec<(u32, Option<&[u8]>)> = self.rows().collect();
        for (table, row) in rows {
            match all.binary_search_by_key(&table, |(known, _)| *known) {
                Ok(position) => all[position].1 = row,
                Err(position) => all.insert(position, (table, row)),
            }
        }
        let merged = Self::new(self.hash, self.entity(), all.into_iter())?;
        merged.used.store(self.used.load(Ordering::Relaxed), Ordering::Relaxed);
        Some(merged)
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    #[inline]
    pub(super) fn entity(&self) -> &[u8] {
        &self.block[..self.entity_length]
    }

    /// The memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.block.len() + OVERHEAD_BYTES
    }

    #[inline]
    pub(super) fn mark_used(&self) {
        // Most often it is set already, and a read leaves the memory shared between cores.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was used since the last call.
    pub(super) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Adds the rows of ascending tables, if it knows all of them; otherwise adds nothing.
    #[inline]
    pub(super) fn copy_rows(&self, tables: &[u32], found: &mut RowBatch) -> bool {
        let before = found.mark();
        let mut rows = self.rows();
        for table in tables {
            let Some((_, row)) = rows
                .find(|(known, _)| known >= table)
                .filter(|(known, _)| known == table)
            else {
                found.truncate(before);
                return false;
            };
            found.push(row);
        }
        true
    }

    /// Whether the row of a table, or that there is none, is known.
    pub(super) fn has(&self, table: u32) -> bool {
        self.rows().any(|(known, _)| known == table)
    }

    /// Puts a row in the place of one of the same length. `false`, with nothing changed, when there is none.
    pub(super) fn overwrite(&mut self, table: u32, row: &[u8]) -> bool {
        let mut start = self.entity_length + self.tables * SLOT_BYTES;
        for slot in 0..self.tables {
            let (known, length) = self.slot(slot);
            let length = length.unwrap_or(0);
            if known == table {
                let same = length == row.len() && self.slot(slot).1.is_some();
                if same {
                    self.block[start..start + length].copy_from_slice(row);
                }
                return same;
            }
            start += length;
        }
        false
    }

    fn rows(&self) -> impl Iterator<Item = (u32, Option<&[u8]>)> {
        let mut rest = &self.block[self.entity_length + self.tables * SLOT_BYTES..];
        (0..self.tables).map(move |slot| {
            let (table, length) = self.slot(slot);
            let row = length.map(|length| {
                let (row, after) = rest.split_at(length);
                rest = after;
                row
            });
            (table, row)
        })
    }

    /// A table and the length of its row. Called once a row of a read, where a call that is not inlined costs 5 %.
    #[inline]
    fn slot(&self, slot: usize) -> (u32, Option<usize>) {
        let start = self.entity_length + slot * SLOT_BYTES;
        let number = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&self.block[at..at + 4]);
            u32::from_le_bytes(bytes)
        };
        let length = number(start + 4);
        (number(start), (length != ABSENT).then_some(length as usize))
    }
}
