//! Rows in the order of their keys, one a key. Knows nothing of files.

use std::cmp::Ordering;

use feast_codec::row::RowHeader;
use feast_model::error::{Error, Result};
use feast_rows::{EncodedRows, Replace};

use super::{StaleRows, note_stale};

/// Rows in the order of their keys, the newest of each key.
pub(super) struct SortedRows {
    batches: Vec<EncodedRows>,
    order: Vec<Place>,
    stale: StaleRows,
}

/// Where a row is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Those bytes of its key in which the keys begin to differ, as a number of the same order. Most keys differ in them, so that they
    /// are compared without a look at memory elsewhere.
    prefix: u128,
    batch: u32,
    row: u32,
}

impl SortedRows {
    /// Sorts rows that are in order of arrival.
    pub(super) fn sort(batches: Vec<EncodedRows>, replace: Replace) -> Result<Self> {
        let in_common = common_prefix(&batches);
        let mut order = Vec::with_capacity(batches.iter().map(|batch| batch.keys.len()).sum());
        for (number, batch) in batches.iter().enumerate() {
            let places = batch.keys.iter().enumerate().map(|(row, key)| Place {
                prefix: prefix_of(key, in_common),
                // Bounded by the memory of a run.
                batch: number as u32,
                row: row as u32,
            });
            order.extend(places);
        }
        let key = |place: &Place| batches[place.batch as usize].keys.get(place.row as usize);
        order.sort_unstable_by(|left, right| {
            let by_prefix = left.prefix.cmp(&right.prefix);
            let by_key = by_prefix.then_with(|| key(left).cmp(key(right)));
            by_key.then_with(|| (left.batch, left.row).cmp(&(right.batch, right.row)))
        });
        let mut sorted = Self {
            order: Vec::new(),
            batches,
            stale: StaleRows::default(),
        };
        sorted.order = sorted.newest_of(order, replace)?;
        Ok(sorted)
    }

    /// Of places in the order of keys and arrival, the one of each key that wins.
    fn newest_of(&mut self, mut order: Vec<Place>, replace: Replace) -> Result<Vec<Place>> {
        let (mut failure, mut stale) = (None, StaleRows::default());
        order.dedup_by(|later, first| {
            if later.prefix != first.prefix || self.key(later) != self.key(first) {
                return false;
            }
            note_stale(&mut stale, self.key(later));
            match later_wins(self.row(first), self.row(later), replace) {
                Ok(true) => *first = *later,
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
            true
        });
        self.stale = stale;
        failure.map_or(Ok(order), Err)
    }

    fn key(&self, place: &Place) -> &[u8] {
        self.batches[place.batch as usize].keys.get(place.row as usize)
    }

    fn row(&self, place: &Place) -> &[u8] {
        self.batches[place.batch as usize].rows.get(place.row as usize)
    }

    /// The key and the row at a position in the order.
    pub(super) fn get(&self, position: usize) -> Option<(&[u8], &[u8])> {
        let place = self.order.get(position)?;
        Some((self.key(place), self.row(place)))
    }

    /// Keys and rows in the order of the keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.order.iter().map(|place| (self.key(place), self.row(place)))
    }

    /// Rows that lost against others.
    pub(super) const fn stale(&self) -> &StaleRows {
        &self.stale
    }
}

/// Whether a row that arrived later takes the place of one of the same key.
pub(super) fn later_wins(first: &[u8], later: &[u8], replace: Replace) -> Result<bool> {
    if replace == Replace::AllRows {
        return Ok(true);
    }
    let version = |row| match RowHeader::decode(row) {
        Ok(header) => Ok(header.version),
        Err(problem) => Err(Error::internal(problem.to_string())),
    };
    Ok(version(later)?.cmp(&version(first)?) != Ordering::Less)
}

/// How many bytes all keys begin with in common.
fn common_prefix(batches: &[EncodedRows]) -> usize {
    let mut keys = batches.iter().flat_map(|batch| batch.keys.iter());
    let Some(first) = keys.next() else { return 0 };
    keys.fold(first.len(), |in_common, key| {
        let same = first[..in_common]
            .iter()
            .zip(key)
            .take_while(|(left, right)| left == right);
        if key.get(..in_common) == Some(&first[..in_common]) {
            in_common
        } else {
            same.count()
        }
    })
}

/// The bytes from `start` on, with zeros after the end, which come first.
fn prefix_of(key: &[u8], start: usize) -> u128 {
    let mut bytes = [0; 16];
    let rest = key.get(start..).unwrap_or_default();
    let length = rest.len().min(bytes.len());
    bytes[..length].copy_from_slice(&rest[..length]);
    u128::from_be_bytes(bytes)
}
