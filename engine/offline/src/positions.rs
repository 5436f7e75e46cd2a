//! Positions of rows in a source, and ranks that hold them.
//!
//! Owns the order of rows with equal keys: event time, created time, position. Knows nothing of files.

use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, i256};

/// Where a row is. Files, row groups and rows are in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// The number of its row group in the source.
    pub(super) group: usize,
    /// Its number in the row group.
    pub(super) row: usize,
}

/// Row groups hold fewer rows than that.
const ROW_BITS: u32 = 40;

/// A 256-bit integer to DataFusion; its digits are never looked at.
pub(super) const RANK_TYPE: DataType = DataType::Decimal256(76, 0);

/// 64 bits each, from the top: event time, created time (0 for none), and the position counted backwards.
pub(super) fn rank_of(event: i64, created: Option<i64>, Position { group, row }: Position) -> i256 {
    // Flipping the sign bit makes unsigned order the order of signed numbers.
    let created = created.map_or(0, |time| time.cast_unsigned() ^ (1 << 63));
    let high = (i128::from(event) << 64) | i128::from(created);
    let position = (group as u64) << ROW_BITS | row as u64;
    i256::from_parts(u128::from(u64::MAX - position), high)
}

/// The position in a rank.
pub(super) fn position_of(rank: i256) -> Position {
    let (low, _) = rank.to_parts();
    // The low half was made of 64 bits.
    let position = u64::MAX - u64::try_from(low).unwrap_or(u64::MAX);
    Position {
        group: (position >> ROW_BITS) as usize,
        row: (position & ((1 << ROW_BITS) - 1)) as usize,
    }
}

/// A set of positions, one bit a row up to the last one of each row group. It grows with rows that were read, not with what
/// footers say.
#[derive(Default)]
pub(super) struct Positions {
    rows: Vec<Vec<u64>>,
    count: usize,
}

impl Positions {
    pub(super) fn insert(&mut self, Position { group, row }: Position) {
        if group >= self.rows.len() {
            self.rows.resize_with(group + 1, Vec::new);
        }
        let rows = &mut self.rows[group];
        let word = row / 64;
        if word >= rows.len() {
            rows.resize(word + 1, 0);
        }
        let bit = 1 << (row % 64);
        self.count += usize::from(rows[word] & bit == 0);
        rows[word] |= bit;
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// Which rows of a row group are in the set, up to some row after the last one that is.
    pub(super) fn within(&self, group: usize) -> BooleanBuffer {
        let rows = self.rows.get(group).map_or(&[][..], Vec::as_slice);
        BooleanBuffer::collect_bool(rows.len() * 64, |row| rows[row / 64] & (1 << (row % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(group: usize, row: usize) -> Position {
        Position { group, row }
    }

    #[test]
    fn ranks_order_by_event_then_created_then_first_position() {
        let ascending = [
            rank_of(-5, Some(9), at(0, 1)),
            rank_of(-4, None, at(0, 1)),
            rank_of(3, None, at(1, 0)),
            rank_of(3, None, at(0, 9)),
            rank_of(3, None, at(0, 1)),
            rank_of(3, Some(-7), at(7, 0)),
            rank_of(3, Some(0), at(7, 0)),
            rank_of(3, Some(0), at(6, 100)),
            rank_of(4, None, at(70, 0)),
        ];
        assert!(ascending.is_sorted_by(|lower, higher| lower < higher));
        let positions = ascending.map(position_of).map(|Position { group, row }| (group, row));
        assert_eq!(
            positions,
            [
                (0, 1),
                (0, 1),
                (1, 0),
                (0, 9),
                (0, 1),
                (7, 0),
                (7, 0),
                (6, 100),
                (70, 0)
            ]
        );
    }

    #[test]
    fn positions_are_found_again() {
        let mut positions = Positions::default();
        [at(2, 0), at(2, 64), at(0, 5)]
            .into_iter()
            .for_each(|position| positions.insert(position));
        positions.insert(at(2, 64));
        assert_eq!(positions.len(), 3);
        let rows = |group| positions.within(group).set_indices().collect::<Vec<_>>();
        assert_eq!(
            [rows(0), rows(1), rows(2), rows(3)],
            [vec![5], vec![], vec![0, 64], vec![]]
        );
    }
}
