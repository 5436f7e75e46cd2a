//! The first pass over a source: for each row of a window its keys and its rank.
//!
//! Owns which rows are in the window, and the counts of those that are left out. Knows nothing of features.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, BooleanBufferBuilder, Decimal256Array, Decimal256Builder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use feast_conversion::RowTimes;
use feast_model::error::{Error, Result};
use feast_model::{EVENT_TIME_NANOS, Timestamp};
use parking_lot::Mutex;

use super::{QueryColumns, Window};
use crate::positions::{Position, RANK_TYPE, rank_of};
use crate::scan::{BATCH_ROWS, ColumnBatch, ColumnBatches, RowGroup, TypedColumn};

/// Row groups whose rows are to be ranked. Several readers take from it at once.
#[derive(Debug)]
pub(super) struct RankScan {
    groups: Arc<Vec<RowGroup>>,
    keys: Vec<TypedColumn>,
    event_time: String,
    created_time: Option<String>,
    window: NanoWindow,
    /// Event times after this one are counted.
    ahead_from: i64,
    next: AtomicUsize,
    /// Rows of row groups that were looked at, or passed over.
    looked_at: AtomicU64,
    /// Rows that were in the window.
    ranked: AtomicU64,
    read_groups: AtomicUsize,
    beyond_range: AtomicU64,
    ahead: AtomicU64,
    first_null_key: Mutex<Option<Position>>,
    error: Mutex<Option<Error>>,
}

/// Counts over all row groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowTotals {
    pub(super) rows: u64,
    pub(super) read_groups: usize,
    pub(super) beyond_range: u64,
    pub(super) ahead: u64,
    /// Of the rows of the window whose key holds a null.
    pub(super) first_null_key: Option<Position>,
}

/// A window in nanoseconds since 1970, both ends included. A microsecond ends with its last nanosecond.
#[derive(Debug, Clone, Copy)]
struct NanoWindow {
    start: i128,
    end: i128,
}

impl NanoWindow {
    fn new(window: Window) -> Self {
        Self {
            start: i128::from(window.start.micros()) * 1_000,
            end: i128::from(window.end.micros()) * 1_000 + 999,
        }
    }

    fn contains(&self, nanos: i64) -> bool {
        (self.start..=self.end).contains(&i128::from(nanos))
    }
}

const DAY_NANOS: i64 = 86_400_000_000_000;

/// What the statistics of a row group say of its event times.
enum Overlap {
    /// No row is in the window.
    None,
    /// All rows that have an event time are.
    Whole,
    /// Some rows may be.
    Partial,
}

impl RankScan {
    pub(super) fn new(columns: QueryColumns<'_>, window: Window, groups: Arc<Vec<RowGroup>>, now: Timestamp) -> Self {
        Self {
            groups,
            keys: columns.keys.to_vec(),
            event_time: columns.event_time.to_owned(),
            created_time: columns.created_time.map(str::to_owned),
            window: NanoWindow::new(window),
            ahead_from: now.micros().saturating_mul(1_000).saturating_add(DAY_NANOS),
            next: AtomicUsize::new(0),
            looked_at: AtomicU64::new(0),
            ranked: AtomicU64::new(0),
            read_groups: AtomicUsize::new(0),
            first_null_key: Mutex::new(None),
            beyond_range: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            error: Mutex::new(None),
        }
    }

    pub(super) fn totals(&self) -> WindowTotals {
        WindowTotals {
            rows: self.ranked.load(Ordering::Relaxed),
            read_groups: self.read_groups.load(Ordering::Relaxed),
            first_null_key: *self.first_null_key.lock(),
            beyond_range: self.beyond_range.load(Ordering::Relaxed),
            ahead: self.ahead.load(Ordering::Relaxed),
        }
    }

    /// How many rows were looked at so far.
    pub(super) fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::Relaxed)
    }

    /// What made a reader end, if one has failed.
    pub(super) fn take_error(&self) -> Option<Error> {
        self.error.lock().take()
    }

    /// Keys and ranks of the rows of those row groups that no other reader takes.
    pub(super) fn batches(
        self: Arc<Self>,
        schema: SchemaRef,
    ) -> impl Iterator<Item = Result<RecordBatch, DataFusionError>> + Send {
        let mut current: Option<RankedGroup> = None;
        std::iter::from_fn(move || {
            let batch = self.next_batch(&mut current).transpose()?;
            let batch = batch.and_then(|columns| {
                RecordBatch::try_new(Arc::clone(&schema), columns)
                    .map_err(|problem| Error::internal(problem.to_string()))
            });
            Some(batch.map_err(|error| {
                // The other readers end too.
                self.next.store(self.groups.len(), Ordering::Relaxed);
                current = None;
                let problem = DataFusionError::Execution(error.to_string());
                self.error.lock().get_or_insert(error);
                problem
            }))
        })
    }

    fn next_batch(&self, current: &mut Option<RankedGroup>) -> Result<Option<Vec<ArrayRef>>> {
        loop {
            if let Some(ranked) = current {
                match ranked.batches.next() {
                    Some(batch) => return self.rank(ranked, &batch?).map(Some),
                    None => *current = None,
                }
            }
            let Some(group) = self.groups.get(self.next.fetch_add(1, Ordering::Relaxed)) else {
                return Ok(None);
            };
            *current = self.start(group)?;
        }
    }

    /// Begins to read a row group; `None` when no row of it is in the window.
    fn start(&self, group: &RowGroup) -> Result<Option<RankedGroup>> {
        let overlap = self.overlap(group);
        if !matches!(overlap, Overlap::None) {
            self.read_groups.fetch_add(1, Ordering::Relaxed);
        }
        match overlap {
            Overlap::None => {
                self.looked_at.fetch_add(group.rows as u64, Ordering::Relaxed);
                Ok(None)
            }
            Overlap::Whole => {
                let columns: Vec<&str> = [self.event_time.as_str()]
                    .into_iter()
                    .chain(self.row_columns())
                    .collect();
                let batches = group.read(&columns, None)?;
                Ok(Some(RankedGroup { batches, chosen: None }))
            }
            Overlap::Partial => {
                // The keys of rows out of the window are not decoded.
                let (chosen, mask) = self.rows_in_window(group)?;
                if chosen.is_empty() {
                    return Ok(None);
                }
                let mask = (chosen.len() < group.rows).then_some(mask);
                let columns: Vec<&str> = self.row_columns().collect();
                let batches = group.read(&columns, mask)?;
                let chosen = Some(chosen);
                Ok(Some(RankedGroup { batches, chosen }))
            }
        }
    }

    fn row_columns(&self) -> impl Iterator<Item = &str> {
        let created = self.created_time.iter().map(String::as_str);
        created.chain(self.keys.iter().map(|key| key.name.as_str()))
    }

    /// Whether a row of a row group may be in the window.
    pub(super) fn may_have_rows(&self, group: &RowGroup) -> bool {
        !matches!(self.overlap(group), Overlap::None)
    }

    fn overlap(&self, group: &RowGroup) -> Overlap {
        let Some((least, greatest)) = group.time_bounds(&self.event_time) else {
            return Overlap::Partial;
        };
        if least > i128::from(*EVENT_TIME_NANOS.end()) || greatest < i128::from(*EVENT_TIME_NANOS.start()) {
            self.beyond_range.fetch_add(group.rows as u64, Ordering::Relaxed);
            return Overlap::None;
        }
        if greatest < self.window.start || least > self.window.end {
            Overlap::None
        } else if least >= self.window.start && greatest <= self.window.end {
            Overlap::Whole
        } else {
            Overlap::Partial
        }
    }

    /// The rows whose event time is in the window, with their event times, and as one bit a row.
    fn rows_in_window(&self, group: &RowGroup) -> Result<(Vec<ChosenRow>, BooleanBuffer)> {
        let mut chosen = Vec::new();
        let mut mask = BooleanBufferBuilder::new(BATCH_ROWS);
        let mut batches = group.read(&[self.event_time.as_str()], None)?;
        while let Some(batch) = batches.next() {
            let batch = batch?;
            let times = group.times(&batch.columns[0], &self.event_time, |row| {
                batches.row_of(batch.first + row)
            })?;
            self.count_beyond(&times);
            self.looked_at.fetch_add(batch.rows as u64, Ordering::Relaxed);
            for (row, nanos) in times.nanos.iter().enumerate() {
                let event = nanos.filter(|nanos| self.window.contains(*nanos));
                chosen.extend(event.map(|event| ChosenRow {
                    row: batch.first + row,
                    event,
                }));
                mask.append(event.is_some());
            }
        }
        Ok((chosen, mask.finish()))
    }

    fn count_beyond(&self, times: &RowTimes) {
        if let Some(beyond) = &times.beyond {
            self.beyond_range
                .fetch_add(beyond.count_set_bits() as u64, Ordering::Relaxed);
        }
    }

    /// The keys of a batch and the ranks of its rows; a row out of the window has none.
    fn rank(&self, ranked: &RankedGroup, batch: &ColumnBatch) -> Result<Vec<ArrayRef>> {
        let group = &ranked.batches.group;
        let row_of = |row: usize| ranked.batches.row_of(batch.first + row);
        let mut columns = batch.columns.iter();
        let mut times = |name: &str| {
            let column = columns.next().ok_or_else(|| Error::internal("a time was not read"))?;
            let times = group.times(column, name, row_of)?;
            self.count_beyond(&times);
            Ok::<_, Error>(times)
        };
        let rows: Vec<Option<ChosenRow>> = match &ranked.chosen {
            Some(chosen) => chosen[batch.first..batch.first + batch.rows]
                .iter()
                .copied()
                .map(Some)
                .collect(),
            None => {
                self.looked_at.fetch_add(batch.rows as u64, Ordering::Relaxed);
                let events = times(&self.event_time)?.nanos;
                let events = events.iter().enumerate();
                let events = events.map(|(row, event)| {
                    let event = event.filter(|event| self.window.contains(*event))?;
                    let row = batch.first + row;
                    Some(ChosenRow { row, event })
                });
                events.collect()
            }
        };
        let created = self.created_time.as_deref().map(&mut times).transpose()?;
        let keys = self.keys.iter().zip(columns);
        let keys = keys
            .map(|(key, column)| group.typed_key(column, key, row_of))
            .collect::<Result<Vec<_>>>()?;
        let ranks = self.ranks(group, &rows, created.as_ref());
        self.note_null_key(group, &rows, &keys);
        Ok(keys.into_iter().chain([Arc::new(ranks) as ArrayRef]).collect())
    }

    fn note_null_key(&self, group: &RowGroup, rows: &[Option<ChosenRow>], keys: &[ArrayRef]) {
        let with_nulls: Vec<&ArrayRef> = keys.iter().filter(|key| key.null_count() > 0).collect();
        let is_null = |index: &usize| with_nulls.iter().any(|key| key.is_null(*index));
        let first = match with_nulls.as_slice() {
            [] => None,
            _ => (0..rows.len()).filter(is_null).find_map(|index| rows[index]),
        };
        if let Some(ChosenRow { row, .. }) = first {
            let position = Position {
                group: group.number,
                row,
            };
            let mut known = self.first_null_key.lock();
            *known = Some(known.map_or(position, |known| known.min(position)));
        }
    }

    fn ranks(&self, group: &RowGroup, rows: &[Option<ChosenRow>], created: Option<&RowTimes>) -> Decimal256Array {
        let mut ranks = Decimal256Builder::with_capacity(rows.len()).with_data_type(RANK_TYPE);
        let (mut ahead, mut ranked) = (0, 0);
        for (index, row) in rows.iter().enumerate() {
            let is_beyond = |times: &RowTimes| times.beyond.as_ref().is_some_and(|beyond| beyond.value(index));
            let Some(ChosenRow { row, event }) = row.filter(|_| !created.is_some_and(is_beyond)) else {
                ranks.append_null();
                continue;
            };
            ranked += 1;
            ahead += u64::from(event > self.ahead_from);
            let created = created.filter(|times| times.nanos.is_valid(index));
            let created = created.map(|times| times.nanos.value(index));
            ranks.append_value(rank_of(
                event,
                created,
                Position {
                    group: group.number,
                    row,
                },
            ));
        }
        self.ahead.fetch_add(ahead, Ordering::Relaxed);
        self.ranked.fetch_add(ranked, Ordering::Relaxed);
        ranks.finish()
    }
}

/// A row of a row group that is in the window.
#[derive(Debug, Clone, Copy)]
struct ChosenRow {
    /// Its number in the row group.
    row: usize,
    /// Its event time in nanoseconds since 1970.
    event: i64,
}

/// A row group that is being read.
struct RankedGroup {
    /// The event time if `chosen` does not hold it, the created time if there is one, the keys.
    batches: ColumnBatches,
    /// The rows that are read.
    chosen: Option<Vec<ChosenRow>>,
}
