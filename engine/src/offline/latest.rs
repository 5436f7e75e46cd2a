//! The newest row of each key in a window of event time.
//!
//! Two passes over one state of the files. The first reads only keys and times: each row has a rank, a number made of event
//! time, created time and position, and DataFusion finds the greatest rank of each key. The second reads the columns of the
//! rows at the winning positions. Comparing plain numbers is many times faster than keeping a whole row for each key, and memory
//! holds keys and numbers, not features.
//!
//! Positions follow from the footers, so row groups are read in any order, by as many threads as there are cores.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::concat;
use arrow::datatypes::{Decimal256Type, Field, Int64Type, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::Column;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::functions_aggregate::min_max::max;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use feast_model::Timestamp;
use feast_model::error::{Error, ErrorKind, Result};
use futures::StreamExt;

use super::footer::Part;
use super::guard::guarded;
use super::positions::{Positions, RANK_TYPE, position_of};
use super::ranks::{RankScan, WindowTotals};
use super::runtime::OfflineRuntime;
use super::scan::{BATCH_ROWS, RowGroup, TypedColumn, row_groups};
use super::source::ParquetSource;
use crate::clock;

/// A span of event time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

/// Which columns of a source are wanted, by their names in the files.
pub(crate) struct LatestRows<'a> {
    pub(crate) source: &'a ParquetSource,
    /// Rows of equal keys compete; without keys all rows do.
    pub(crate) keys: Vec<TypedColumn>,
    pub(crate) event_time: &'a str,
    pub(crate) created_time: Option<&'a str>,
    pub(crate) features: Vec<TypedColumn>,
    pub(crate) window: Window,
}

/// Winning rows: columns in the wanted types, times in microseconds since 1970.
pub(crate) struct LatestBatch {
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) features: Vec<ArrayRef>,
    pub(crate) event_times: Int64Array,
    pub(crate) created_times: Option<Int64Array>,
}

/// What was seen beside the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ScanReport {
    /// Files that were passed over, with the reasons.
    pub(crate) left_out_files: Vec<String>,
    /// Rows that were left out because a time of theirs is beyond the years 1677 to 2262.
    pub(crate) rows_beyond_range: u64,
    /// Rows of the window whose event time is more than a day after now.
    pub(crate) rows_ahead: u64,
}

/// Name of the column that holds the rank of a row, and the greatest of a key.
const RANK: &str = "__feast_rank";
/// Batches of one reader that wait for the consumer.
const WAITING_BATCHES: usize = 2;

impl LatestRows<'_> {
    /// Hands batches of winning rows to `consume`.
    ///
    /// The row with the greatest event time wins, then the one with the greatest created time (none is the lowest),
    /// then the first in the order of files and rows: that is where pushes put the latest arrival.
    ///
    /// # Errors
    /// `NotFound` or `Invalid` for a missing file or column, `Data` for a file that cannot be read or a value that does not fit,
    /// `Unavailable` when files are replaced meanwhile, and those of `consume`.
    pub(crate) fn stream(
        &self,
        runtime: &OfflineRuntime,
        mut consume: impl FnMut(LatestBatch) -> Result<()>,
    ) -> Result<ScanReport> {
        guarded(&self.source.path, || self.stream_rows(runtime, &mut consume))
    }

    fn stream_rows(
        &self,
        runtime: &OfflineRuntime,
        consume: &mut dyn FnMut(LatestBatch) -> Result<()>,
    ) -> Result<ScanReport> {
        let files = self.source.files()?;
        self.require_columns(&files.parts)?;
        let groups = Arc::new(row_groups(&self.source.name, &files.parts));
        let scan = Arc::new(RankScan::new(self, Arc::clone(&groups), clock::now()));
        let winners = self.winners(runtime, &scan)?;
        self.read_winners(&groups, &winners, consume)?;
        let WindowTotals { beyond_range, ahead } = scan.totals();
        Ok(ScanReport {
            left_out_files: files.left_out,
            rows_beyond_range: beyond_range,
            rows_ahead: ahead,
        })
    }

    /// A column that no file has is a mistake; one that some files have is null in the others. Of two columns with one name,
    /// nobody knows which is meant.
    fn require_columns(&self, parts: &[Arc<Part>]) -> Result<()> {
        let names = self
            .keys
            .iter()
            .chain(&self.features)
            .map(|column| column.name.as_str());
        let names: BTreeSet<&str> = names.chain([self.event_time]).chain(self.created_time).collect();
        let mut missing = names.clone();
        for part in parts {
            let mut of_part = BTreeSet::new();
            for field in part.footer.schema().fields() {
                let name = field.name().as_str();
                if names.contains(name) && !of_part.insert(name) {
                    let (source, path) = (&self.source.name, part.path.display());
                    return Err(Error::data(format!(
                        "data source {source}: {path} has two columns {name}"
                    )));
                }
            }
            missing.retain(|name| !of_part.contains(name) && part.partition_value(name).is_none());
        }
        match missing.first() {
            None => Ok(()),
            // It lists the columns there are.
            Some(name) => self.source.schema()?.require(name),
        }
    }

    /// The positions of the winning rows.
    fn winners(&self, runtime: &OfflineRuntime, scan: &Arc<RankScan>) -> Result<Positions> {
        let schema = self.rank_schema();
        let partitions = (0..readers()).map(|_| {
            let (schema, scan) = (Arc::clone(&schema), Arc::clone(scan));
            Arc::new(RankPartition { schema, scan }) as Arc<dyn PartitionStream>
        });
        let table = StreamingTable::try_new(Arc::clone(&schema), partitions.collect())
            .map_err(|problem| self.failed(scan, problem))?;
        let outcome = runtime.block_on(async {
            let keys = (0..self.keys.len()).map(|index| column(&key_name(index))).collect();
            let greatest = max(column(RANK)).alias(RANK);
            let mut ranks = OfflineRuntime::session()
                .read_table(Arc::new(table))?
                .aggregate(keys, vec![greatest])?
                .select(vec![column(RANK)])?
                .execute_stream()
                .await?;
            let mut winners = Positions::default();
            while let Some(batch) = ranks.next().await {
                // Rows without event time or out of the window have no rank; without keys an empty window still gives one row.
                for rank in batch?.column(0).as_primitive::<Decimal256Type>().iter().flatten() {
                    winners.insert(position_of(rank));
                }
            }
            Ok(winners)
        });
        outcome.map_err(|problem: DataFusionError| self.failed(scan, problem))
    }

    /// Keys by number, as two of them may have one name, and the rank.
    fn rank_schema(&self) -> SchemaRef {
        let keys = self.keys.iter().enumerate();
        let keys = keys.map(|(index, key)| Field::new(key_name(index), key.value_type.arrow_type(), true));
        let rank = Field::new(RANK, RANK_TYPE, true);
        Arc::new(Schema::new(keys.chain([rank]).collect::<Vec<_>>()))
    }

    fn failed(&self, scan: &RankScan, problem: DataFusionError) -> Error {
        if let Some(error) = scan.take_error() {
            return error;
        }
        let kind = match problem.find_root() {
            DataFusionError::ResourcesExhausted(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        let root = problem.find_root().to_string();
        let (name, path) = (&self.source.name, self.source.path.display());
        Error::new(kind, format!("data source {name}: reading {path} failed: {root}")).with_source(problem)
    }

    /// Reads the columns of the winning rows on all cores and hands them over on this thread.
    fn read_winners(
        &self,
        groups: &[RowGroup],
        winners: &Positions,
        consume: &mut dyn FnMut(LatestBatch) -> Result<()>,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let readers = readers().min(groups.len());
            let (sender, batches) = sync_channel(readers * WAITING_BATCHES);
            for _ in 0..readers {
                let (sender, next) = (sender.clone(), &next);
                let read = move || {
                    while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = guarded(&group.part.path, || {
                            self.read_group(group, winners, &mut |batch| sender.send(Ok(batch)).is_ok())
                        });
                        // Nobody receives any more once the consumer has failed.
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
                    let text = format!("no thread can be started to read files: {problem}");
                    return Err(Error::new(ErrorKind::Unavailable, text));
                }
            }
            drop(sender);
            let mut gathered = Gathered::new(self.keys.len());
            for batch in batches {
                if let Some(rows) = gathered.add(batch?)? {
                    consume(rows)?;
                }
            }
            gathered.finish()?.map_or(Ok(()), consume)
        })
    }

    /// Hands over the winning rows of a row group until `take` says that it has enough; gives what it said last.
    fn read_group(
        &self,
        group: &RowGroup,
        winners: &Positions,
        take: &mut dyn FnMut(LatestBatch) -> bool,
    ) -> Result<bool> {
        let chosen = winners.within(group.number);
        let chosen = chosen.slice(0, chosen.len().min(group.rows));
        let count = chosen.count_set_bits();
        if count == 0 {
            return Ok(true);
        }
        let names = self
            .keys
            .iter()
            .chain(&self.features)
            .map(|column| column.name.as_str());
        let names: Vec<&str> = [self.event_time]
            .into_iter()
            .chain(self.created_time)
            .chain(names)
            .collect();
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
            let mut key = |wanted: &TypedColumn| group.typed_key(next()?, wanted, row_of);
            let keys = self.keys.iter().map(&mut key).collect::<Result<_>>()?;
            let mut feature = |wanted: &TypedColumn| group.typed(next()?, wanted, row_of);
            let features = self.features.iter().map(&mut feature).collect::<Result<_>>()?;
            let rows = LatestBatch {
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

/// Threads that read row groups.
fn readers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn key_name(index: usize) -> String {
    format!("key_{index}")
}

/// A column by its exact name: `col("Name")` would read it as SQL.
fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// One of the readers of the first pass: all take row groups from one list.
#[derive(Debug)]
struct RankPartition {
    schema: SchemaRef,
    scan: Arc<RankScan>,
}

impl PartitionStream for RankPartition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = Arc::clone(&self.scan).batches(Arc::clone(&self.schema));
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter(batches)))
    }
}

/// Small batches of many files, made into larger ones: writing has a price for each batch.
struct Gathered {
    keys: usize,
    waiting: Vec<LatestBatch>,
    rows: usize,
}

impl Gathered {
    fn new(keys: usize) -> Self {
        Self {
            keys,
            waiting: Vec::new(),
            rows: 0,
        }
    }

    fn add(&mut self, batch: LatestBatch) -> Result<Option<LatestBatch>> {
        self.rows += batch.event_times.len();
        self.waiting.push(batch);
        if self.rows < BATCH_ROWS {
            Ok(None)
        } else {
            self.finish()
        }
    }

    fn finish(&mut self) -> Result<Option<LatestBatch>> {
        self.rows = 0;
        let mut waiting = std::mem::take(&mut self.waiting);
        if waiting.len() < 2 {
            return Ok(waiting.pop());
        }
        let rows: Vec<Vec<ArrayRef>> = waiting.into_iter().map(LatestBatch::into_columns).collect();
        let width = rows.first().map_or(0, Vec::len);
        let columns = (0..width).map(|index| {
            let parts: Vec<&dyn Array> = rows.iter().map(|columns| columns[index].as_ref()).collect();
            concat(&parts).map_err(|problem| Error::internal(problem.to_string()))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(Some(LatestBatch::from_columns(columns, self.keys)))
    }
}

impl LatestBatch {
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
