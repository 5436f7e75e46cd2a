//! The second pass over a source: the columns of the rows at chosen positions, in their types.
//!
//! Owns the reading on all cores and the size of the batches that are handed over. Knows nothing of why the rows were chosen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::concat;
use arrow::datatypes::Int64Type;
use feast_model::error::{Error, ErrorKind, Result};

use super::{QueryColumns, readers};
use crate::guard::guarded;
use crate::positions::Positions;
use crate::scan::{RowGroup, TypedColumn, batch_rows};

/// Batches of one reader that wait for the consumer.
const WAITING_BATCHES: usize = 2;

/// Selected rows: columns in the types that they are asked for, times in microseconds since 1970.
pub struct SelectedRows {
    /// In the order of the query.
    pub keys: Vec<ArrayRef>,
    /// In the order of the query.
    pub features: Vec<ArrayRef>,
    /// Without nulls.
    pub event_times: Int64Array,
    /// `None` when the source has no such column.
    pub created_times: Option<Int64Array>,
}

impl QueryColumns<'_> {
    /// Reads the columns of the rows at these positions on all cores, within so many bytes of memory, and hands them over on this thread.
    ///
    /// # Errors
    /// `Data` for a file that cannot be read or a value that does not fit, `Unavailable` when files are replaced meanwhile, and those
    /// of `consume`.
    pub(super) fn read_selected(
        self,
        groups: &[RowGroup],
        selected: &Positions,
        memory: usize,
        consume: &mut dyn FnMut(SelectedRows) -> Result<()>,
    ) -> Result<()> {
        let names: Vec<&str> = self.names().collect();
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let readers = readers(groups, &names, memory);
            let (sender, batches) = sync_channel(readers * WAITING_BATCHES);
            for _ in 0..readers {
                let (sender, next) = (sender.clone(), &next);
                let read = move || {
                    feast_background::give_way();
                    while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = guarded(&group.part.path, || {
                            self.read_group(group, selected, &mut |batch| sender.send(Ok(batch)).is_ok())
                        });
                        // Nothing is received any more once the consumer has failed.
                        match outcome {
                            Ok(true) => {}
                            Ok(false) => return,
                            Err(error) => {
                                let _ = sender.send(Err(error));
                                return;
                            }
                        }
                    }
                };
                if let Err(problem) = thread::Builder::new().spawn_scoped(scope, read) {
                    next.store(groups.len(), Ordering::Relaxed);
                    let message = format!("no thread can be started to read files: {problem}");
                    return Err(Error::new(ErrorKind::Unavailable, message));
                }
            }
            drop(sender);
            let mut gathered = Gathered::new(self.keys.len(), batch_rows(names.len()));
            for batch in batches {
                if let Some(rows) = gathered.add(batch?)? {
                    consume(rows)?;
                }
            }
            gathered.finish()?.map_or(Ok(()), consume)
        })
    }

    /// Hands over the selected rows of a row group until `take` says that it has enough; gives what it said last.
    fn read_group(
        self,
        group: &RowGroup,
        selected: &Positions,
        take: &mut dyn FnMut(SelectedRows) -> bool,
    ) -> Result<bool> {
        let chosen = selected.within(group.number);
        let chosen = chosen.slice(0, chosen.len().min(group.rows));
        let count = chosen.count_set_bits();
        if count == 0 {
            return Ok(true);
        }
        let names: Vec<&str> = self.names().collect();
        let mut batches = group.read(&names, (count < group.rows).then_some(chosen))?;
        while let Some(batch) = batches.next() {
            let batch = batch?;
            let row_of = |row: usize| batches.row_of(batch.first + row);
            let mut columns = batch.columns.iter();
            let mut next = || columns.next().ok_or_else(|| Error::internal("a column was not read"));
            let mut micros = |name: &str| -> Result<Int64Array> {
                let times = group.times(next()?, name, row_of)?;
                Ok(times.nanos.unary::<_, Int64Type>(|nanos| nanos.div_euclid(1_000)))
            };
            let event_times = micros(self.event_time)?;
            let created_times = self.created_time.map(&mut micros).transpose()?;
            let mut key = |target: &TypedColumn| group.typed_key(next()?, target, row_of);
            let keys = self.keys.iter().map(&mut key).collect::<Result<_>>()?;
            let mut feature = |target: &TypedColumn| group.typed(next()?, target, row_of);
            let features = self.features.iter().map(&mut feature).collect::<Result<_>>()?;
            let rows = SelectedRows {
                keys,
                features,
                event_times,
                created_times,
            };
            if !take(rows) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Small batches of many files, made into larger ones: writing has a price for each batch.
struct Gathered {
    keys: usize,
    /// As many are handed over.
    batch_rows: usize,
    waiting: Vec<SelectedRows>,
    rows: usize,
}

impl Gathered {
    fn new(keys: usize, batch_rows: usize) -> Self {
        Self {
            keys,
            batch_rows,
            waiting: Vec::new(),
            rows: 0,
        }
    }

    fn add(&mut self, batch: SelectedRows) -> Result<Option<SelectedRows>> {
        self.rows += batch.event_times.len();
        self.waiting.push(batch);
        if self.rows < self.batch_rows {
            Ok(None)
        } else {
            self.finish()
        }
    }

    fn finish(&mut self) -> Result<Option<SelectedRows>> {
        self.rows = 0;
        let mut waiting = std::mem::take(&mut self.waiting);
        if waiting.len() < 2 {
            return Ok(waiting.pop());
        }
        let rows: Vec<Vec<ArrayRef>> = waiting.into_iter().map(SelectedRows::into_columns).collect();
        let width = rows.first().map_or(0, Vec::len);
        let columns = (0..width).map(|index| {
            let parts: Vec<&dyn Array> = rows.iter().map(|columns| columns[index].as_ref()).collect();
            concat(&parts).map_err(|problem| Error::internal(problem.to_string()))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(Some(SelectedRows::from_columns(columns, self.keys)))
    }
}

impl SelectedRows {
    /// Event time, created time (null throughout where there is none), keys, features.
    fn into_columns(self) -> Vec<ArrayRef> {
        let created = self
            .created_times
            .unwrap_or_else(|| Int64Array::new_null(self.event_times.len()));
        let times = [Arc::new(self.event_times) as ArrayRef, Arc::new(created)];
        times.into_iter().chain(self.keys).chain(self.features).collect()
    }

    fn from_columns(columns: Vec<ArrayRef>, keys: usize) -> Self {
        let mut columns = columns.into_iter();
        let mut times = || columns.next().map(|times| times.as_primitive::<Int64Type>().clone());
        let event_times = times().unwrap_or_else(|| Int64Array::new_null(0));
        let created_times = times();
        Self {
            keys: columns.by_ref().take(keys).collect(),
            features: columns.collect(),
            event_times,
            created_times,
        }
    }
}
