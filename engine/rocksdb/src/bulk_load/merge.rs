//! Sorted runs made into one, and cut into chunks. Knows nothing of the database.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use feast_model::error::Result;
use feast_rows::{EncodedRows, Replace};

use super::sorted::{SortedRows, later_wins};
use super::spill::RunReader;
use super::{BYTES_BESIDE_A_ROW, StaleRows, note_stale};

/// Rows of all runs in the order of their keys, one a key.
pub(super) struct MergedRuns {
    runs: Runs,
    stale: StaleRows,
}

enum Runs {
    /// A single one, with the number of rows that were taken.
    InMemory(SortedRows, usize),
    /// In order of arrival, with the key at which each is; the least on top, and of equal ones that of the first run.
    OnDisk(Vec<RunReader>, BinaryHeap<Reverse<(Vec<u8>, usize)>>),
}

impl MergedRuns {
    pub(super) fn in_memory(rows: SortedRows) -> Self {
        Self {
            stale: rows.stale().clone(),
            runs: Runs::InMemory(rows, 0),
        }
    }

    pub(super) fn on_disk(mut runs: Vec<RunReader>, stale: StaleRows) -> Result<Self> {
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (number, run) in runs.iter_mut().enumerate() {
            if run.advance()? {
                heads.push(Reverse((run.key().to_vec(), number)));
            }
        }
        Ok(Self {
            runs: Runs::OnDisk(runs, heads),
            stale,
        })
    }

    /// Rows that lost against others so far.
    pub(super) const fn stale(&self) -> &StaleRows {
        &self.stale
    }

    /// The next rows, of some `bytes` and distinct ascending keys; the rows of a key are never in two chunks.
    pub(super) fn next_chunk(&mut self, bytes: usize, replace: Replace) -> Result<Option<EncodedRows>> {
        let mut chunk = EncodedRows::default();
        chunk.keys.reserve(0, bytes / 2);
        chunk.rows.reserve(0, bytes);
        let is_full = |chunk: &EncodedRows| {
            chunk.keys.bytes() + chunk.rows.bytes() + chunk.keys.len() * BYTES_BESIDE_A_ROW >= bytes
        };
        match &mut self.runs {
            Runs::InMemory(rows, next) => {
                while !is_full(&chunk)
                    && let Some((key, row)) = rows.get(*next)
                {
                    chunk.push(key, row);
                    *next += 1;
                }
            }
            Runs::OnDisk(runs, heads) => {
                while let Some(mut head) = heads.peek_mut() {
                    let Reverse((key, number)) = &mut *head;
                    let run = &mut runs[*number];
                    if chunk.keys.last() != Some(key) {
                        if is_full(&chunk) {
                            break;
                        }
                        chunk.push(key, run.row());
                    } else if let Some(first) = chunk.rows.last() {
                        note_stale(&mut self.stale, key);
                        if later_wins(first, run.row(), replace)? {
                            chunk.rows.replace_last(run.row());
                        }
                    }
                    if run.advance()? {
                        key.clear();
                        key.extend_from_slice(run.key());
                    } else {
                        PeekMut::pop(head);
                    }
                }
            }
        }
        Ok((!chunk.keys.is_empty()).then_some(chunk))
    }
}
