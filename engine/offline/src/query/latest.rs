//! The newest row of each key in a window of event time.
//!
//! Two passes over one state of the files. The first reads only keys and times: each row has a rank, a number made of event
//! time, created time and position, and DataFusion finds the greatest rank of each key. The second reads the columns of the
//! rows at the winning positions. Comparing plain numbers is many times faster than keeping a whole row for each key, and memory
//! holds keys and numbers, not features.
//!
//! Positions follow from the footers, so row groups are read in any order, by as many threads as there are cores. DataFusion does
//! the aggregation: keeping the whole row for each key in its `first_value(struct)` took twelve times as long and eight times the
//! memory.
//!
//! Ties are broken by the order of files and rows, because a push puts the latest arrival first: in a file at its front, in a
//! directory as a part that is ordered before all others.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::{Decimal256Type, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use feast_model::error::{Error, ErrorKind, Result, io_hint, path as error_path};
use futures::StreamExt;

use super::greatest::greatest_ranks;
use super::ranks::{RankScan, WindowTotals};
use super::selected::SelectedRows;
use super::{QueryColumns, Window, readers};
use crate::guard::guarded;
use crate::positions::{Position, Positions, RANK_TYPE, position_of};
use crate::runtime::{QueryLimits, QueryRuntime};
use crate::scan::{RowGroup, TypedColumn, row_groups};
use crate::snapshot::Snapshot;
use crate::source::ParquetSource;
use crate::spill::OverQuota;

/// The newest row of each key: the columns to read, by their names in the files.
pub struct LatestRows<'a> {
    /// What is read.
    pub source: &'a ParquetSource,
    /// Rows of equal keys compete; without keys all rows do.
    pub keys: Vec<TypedColumn>,
    /// The column of event times: the row with the latest wins.
    pub event_time: &'a str,
    /// The column of created times, which decides between rows of one event time.
    pub created_time: Option<&'a str>,
    /// The columns that are read of the winning rows beside keys and times.
    pub features: Vec<TypedColumn>,
    /// Only rows whose event time is in it compete.
    pub window: Window,
    /// Whether the report says by what the files are known again on another machine, which reads their footers once more.
    pub fingerprinted: bool,
}

/// What a query tells while it runs, in this order.
pub enum LatestEvent {
    /// So many rows of the source were looked at, some times a second.
    Compared {
        /// Rows so far, those of row groups included that no row of the window is in.
        rows: u64,
        /// Rows of the source.
        total: u64,
    },
    /// The newest row of each key is known.
    Found {
        /// How many there are.
        rows: usize,
    },
    /// Some of these rows.
    Rows(Box<SelectedRows>),
}

/// What was seen beside the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Rows of the window.
    pub rows: u64,
    /// Row groups that were read.
    pub read_groups: usize,
    /// Row groups of which the footers say that no row is in the window; they were not read.
    pub passed_groups: usize,
    /// The first row of the window whose key holds a null: its number, and the file.
    pub first_null_key: Option<String>,
    /// Files that were passed over, with the reasons.
    pub left_out_files: Vec<String>,
    /// Rows that were left out because a time of theirs is beyond the years 1677 to 2262.
    pub rows_beyond_range: u64,
    /// Rows of the window whose event time is more than a day after now.
    pub rows_ahead: u64,
    /// Equal for files with the same rows, also for copies on another machine, if [`LatestRows::fingerprinted`].
    pub fingerprint: Option<u64>,
}

/// What a query would read, as footers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPlan {
    /// Files of the source.
    pub files: Vec<PathBuf>,
    /// Row groups that may have rows of the window.
    pub read_groups: usize,
    /// Row groups that have none.
    pub passed_groups: usize,
    /// Rows of the row groups that are read.
    pub rows: u64,
    /// Bytes in the files of their columns that are read.
    pub bytes: u64,
}

/// How often a caller hears of the first pass.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// Name of the column that holds the rank of a row, and the greatest of a key.
const RANK: &str = "__feast_rank";

impl LatestRows<'_> {
    /// Hands batches of winning rows to `consume`, which ends the query with an error of its own.
    ///
    /// The row with the greatest event time wins, then the one with the greatest created time (none is the lowest),
    /// then the first in the order of files and rows: that is where pushes put the latest arrival.
    ///
    /// # Errors
    /// `NotFound` or `Invalid` for a missing file or column, `Data` for a file that cannot be read or a value that does not fit,
    /// `Unavailable` when files are replaced meanwhile, and those of `consume`.
    pub fn stream(
        &self,
        runtime: &QueryRuntime<'_>,
        mut consume: impl FnMut(LatestEvent) -> Result<()>,
    ) -> Result<ScanReport> {
        guarded(self.source.path(), || self.stream_rows(runtime, &mut consume))
    }

    /// What the query would read.
    ///
    /// # Errors
    /// As [`LatestRows::stream`], as far as footers tell.
    pub fn plan(&self) -> Result<ScanPlan> {
        guarded(self.source.path(), || {
            let snapshot = self.checked_snapshot()?;
            let groups = Arc::new(row_groups(&self.source.name, &snapshot.parts));
            let scan = RankScan::new(self.columns(), self.window, Arc::clone(&groups), feast_clock::now());
            let names: Vec<&str> = self.columns().names().collect();
            let read: Vec<&RowGroup> = groups.iter().filter(|group| scan.may_have_rows(group)).collect();
            Ok(ScanPlan {
                files: snapshot.parts.iter().map(|part| part.path.clone()).collect(),
                read_groups: read.len(),
                passed_groups: groups.len() - read.len(),
                rows: read.iter().map(|group| group.rows as u64).sum(),
                bytes: read.iter().map(|group| group.bytes_of(&names)).sum(),
            })
        })
    }

    /// One state of the files, which has all columns.
    fn checked_snapshot(&self) -> Result<Snapshot> {
        let snapshot = self.source.snapshot()?;
        if let Some(name) = snapshot.missing_column(&self.source.name, &self.columns().names().collect())? {
            // It lists the columns there are.
            self.source.schema()?.require(name)?;
        }
        Ok(snapshot)
    }

    fn stream_rows(
        &self,
        runtime: &QueryRuntime<'_>,
        consume: &mut dyn FnMut(LatestEvent) -> Result<()>,
    ) -> Result<ScanReport> {
        let snapshot = self.checked_snapshot()?;
        let columns = self.columns();
        let groups = Arc::new(row_groups(&self.source.name, &snapshot.parts));
        let scan = RankScan::new(columns, self.window, Arc::clone(&groups), feast_clock::now());
        let scan = Arc::new(scan);
        let winners = self.winners(runtime, &scan, &groups, consume)?;
        consume(LatestEvent::Found { rows: winners.len() })?;
        columns.read_selected(&groups, &winners, runtime.limits().limits.memory, &mut |rows| {
            consume(LatestEvent::Rows(Box::new(rows)))
        })?;
        let WindowTotals {
            rows,
            read_groups,
            beyond_range,
            ahead,
            first_null_key,
        } = scan.totals();
        let fingerprint = self.fingerprinted.then(|| snapshot.fingerprint(&self.source.name));
        Ok(ScanReport {
            rows,
            read_groups,
            passed_groups: groups.len() - read_groups,
            first_null_key: first_null_key.map(|position| place_of(&groups, position)),
            left_out_files: snapshot.left_out,
            rows_beyond_range: beyond_range,
            rows_ahead: ahead,
            fingerprint: fingerprint.transpose()?,
        })
    }

    fn columns(&self) -> QueryColumns<'_> {
        QueryColumns {
            keys: &self.keys,
            event_time: self.event_time,
            created_time: self.created_time,
            features: &self.features,
        }
    }

    /// The positions of the winning rows.
    fn winners(
        &self,
        runtime: &QueryRuntime<'_>,
        scan: &Arc<RankScan>,
        groups: &[RowGroup],
        consume: &mut dyn FnMut(LatestEvent) -> Result<()>,
    ) -> Result<Positions> {
        let total = groups.iter().map(|group| group.rows as u64).sum();
        let schema = self.rank_schema();
        let columns: Vec<&str> = self.columns().ranked().collect();
        let partitions = (0..readers(groups, &columns, runtime.limits().limits.memory)).map(|_| {
            let (schema, scan) = (Arc::clone(&schema), Arc::clone(scan));
            Arc::new(RankPartition { schema, scan }) as Arc<dyn PartitionStream>
        });
        let partitions = partitions.collect();
        runtime.block_on(async {
            let failed = |problem| self.failed(runtime, scan, problem);
            let ranks = runtime
                .task()
                .and_then(|task| greatest_ranks(task, &schema, partitions));
            let mut ranks = ranks.map_err(failed)?;
            let mut winners = Positions::default();
            let mut time = tokio::time::interval(REPORT_INTERVAL);
            loop {
                tokio::select! {
                    batch = ranks.next() => {
                        let Some(batch) = batch.transpose().map_err(failed)? else { break };
                        // Rows without event time or out of the window have no rank; without keys an empty window still gives one row.
                        for rank in batch.column(self.keys.len()).as_primitive::<Decimal256Type>().iter().flatten() {
                            winners.insert(position_of(rank));
                        }
                    }
                    _ = time.tick() => consume(LatestEvent::Compared { rows: scan.looked_at(), total })?,
                }
            }
            Ok(winners)
        })
    }

    /// Keys by number, as two of them may have one name, and the rank.
    fn rank_schema(&self) -> SchemaRef {
        let keys = self.keys.iter().enumerate();
        let keys = keys.map(|(index, key)| Field::new(key_name(index), key.value_type.arrow_type(), true));
        let rank = Field::new(RANK, RANK_TYPE, true);
        Arc::new(Schema::new(keys.chain([rank]).collect::<Vec<_>>()))
    }

    fn failed(&self, runtime: &QueryRuntime<'_>, scan: &RankScan, problem: DataFusionError) -> Error {
        if let Some(error) = scan.take_error() {
            return error;
        }
        let QueryLimits { limits, directory } = runtime.limits();
        let (name, path) = (&self.source.name, &self.source.location);
        let context = |what: &str| format!("data source {name}: {what} while the newest rows of {path} are looked for");
        if let DataFusionError::ResourcesExhausted(_) = problem.find_root() {
            let message = context(&format!("{} of memory do not suffice", limits.memory_in_words()));
            return Error::new(ErrorKind::Unavailable, message)
                .with_hint("raise serving.materialization_memory_mib, or materialize a shorter span of time at once");
        }
        let directory = error_path(directory);
        match io_problem(problem.find_root()) {
            Some(io) if io.get_ref().is_some_and(|inner| inner.is::<OverQuota>()) => {
                let message = context(&format!(
                    "keys that do not fit into memory need more than {} in {directory}",
                    limits.disk_in_words()
                ));
                Error::new(ErrorKind::Unavailable, message).with_hint(
                    "raise serving.materialization_disk_mib or serving.materialization_memory_mib, or materialize a shorter span of \
                     time at once",
                )
            }
            Some(io) => {
                let message = context(&format!(
                    "keys that do not fit into memory cannot be written to {directory}: {io}"
                ));
                let error = Error::new(ErrorKind::Unavailable, message);
                io_hint(io).into_iter().fold(error, Error::with_hint)
            }
            None => {
                let root = problem.find_root().to_string();
                let message = format!("data source {name}: reading {path} failed: {root}");
                Error::new(ErrorKind::Internal, message).with_source(problem)
            }
        }
    }
}

/// What a file could not do, if that is the problem.
fn io_problem(problem: &DataFusionError) -> Option<&std::io::Error> {
    match problem {
        DataFusionError::IoError(io) => Some(io),
        DataFusionError::ArrowError(arrow, _) => match &**arrow {
            ArrowError::IoError(_, io) => Some(io),
            _ => None,
        },
        _ => None,
    }
}

/// Where a row is, for messages.
fn place_of(groups: &[RowGroup], position: Position) -> String {
    groups.get(position.group).map_or_else(String::new, |group| {
        let row = group.first_in_file + position.row;
        format!("row {row} of {}", group.part.path.display())
    })
}

fn key_name(index: usize) -> String {
    format!("key_{index}")
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
