//! The newest row of each key in a window of event time.
//!
//! Two passes over one state of the file. The first reads only keys and times: DataFusion numbers the rows in file order and
//! finds, for each key, the greatest rank, a number made of event time, created time and position. The second reads the
//! columns and keeps the rows at the winning positions. Comparing plain numbers is many times faster than keeping a whole row
//! for each key, and memory holds keys and numbers, not features.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal256Array, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, Decimal256Type, TimeUnit, UInt64Type, i256};
use datafusion::common::{Column, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::min_max::max;
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, create_udf, lit};
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::StreamExt;

use super::guard::guarded;
use super::runtime::OfflineRuntime;
use super::source::{ParquetSource, Snapshot, SourceSchema};
use crate::codec::coerce::event_times;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;

/// A span of event time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

/// Which columns of a source are wanted, by their names in the file.
pub(crate) struct LatestRows<'a> {
    pub(crate) source: &'a ParquetSource,
    /// Rows of equal keys compete; without keys all rows do.
    pub(crate) keys: Vec<&'a str>,
    pub(crate) event_time: &'a str,
    pub(crate) created_time: Option<&'a str>,
    pub(crate) features: Vec<&'a str>,
    pub(crate) window: Window,
}

/// Name of the column that numbers the rows in file order, from 1.
const POSITION: &str = "__feast_position";
/// Name of the column that holds the greatest rank of a key.
const RANK: &str = "__feast_rank";
/// A 256-bit integer to DataFusion; its digits are never looked at.
const RANK_TYPE: DataType = DataType::Decimal256(76, 0);
/// Rows handed on together.
const BATCH_ROWS: usize = 8192;

impl LatestRows<'_> {
    /// Hands batches of winning rows to `consume`: the keys, the event time, the created time if there is one, the
    /// features, each as the file has it.
    ///
    /// The row with the greatest event time wins, then the one with the greatest created time (none is the lowest),
    /// then the first in the file: that is where pushes put the latest arrival.
    ///
    /// # Errors
    /// `NotFound` or `Invalid` for a missing file or column, `Data` for a broken file, and those of `consume`.
    pub(crate) fn stream(
        &self,
        runtime: &OfflineRuntime,
        consume: impl FnMut(&[ArrayRef]) -> Result<()>,
    ) -> Result<()> {
        guarded(&self.source.path, || self.stream_rows(runtime, consume))
    }

    fn stream_rows(&self, runtime: &OfflineRuntime, mut consume: impl FnMut(&[ArrayRef]) -> Result<()>) -> Result<()> {
        let schema = self.source.schema()?;
        for name in self.keys.iter().chain(&self.features) {
            schema.column(name)?;
        }
        schema.timestamp_column(self.event_time)?;
        if let Some(created) = self.created_time {
            schema.timestamp_column(created)?;
        }
        let snapshot = self.source.snapshot()?;
        runtime.block_on(async {
            let winners = self
                .winners(&schema, &snapshot)
                .await
                .map_err(|source| self.failed(source))?;
            // One partition, so that the rows come in the order in which they were numbered.
            let session = OfflineRuntime::session(true);
            let scan = self.scan(&session, &schema, &snapshot, self.row());
            let scan = scan.await.map_err(|source| self.failed(source))?;
            let mut batches = scan.execute_stream().await.map_err(|source| self.failed(source))?;
            let mut coalescer = BatchCoalescer::new(batches.schema(), BATCH_ROWS);
            let mut position = 1;
            while let Some(batch) = batches.next().await {
                let batch = batch.map_err(|source| self.failed(source))?;
                let end = position + batch.num_rows();
                let chosen = BooleanArray::from(BooleanBuffer::collect_bool(batch.num_rows(), |row| {
                    winners.contains(position + row)
                }));
                position = end;
                coalescer
                    .push_batch_with_filter(batch, &chosen)
                    .map_err(|source| self.failed(source.into()))?;
                while let Some(rows) = coalescer.next_completed_batch() {
                    consume(&self.columns(&rows)?)?;
                }
            }
            coalescer
                .finish_buffered_batch()
                .map_err(|source| self.failed(source.into()))?;
            while let Some(rows) = coalescer.next_completed_batch() {
                consume(&self.columns(&rows)?)?;
            }
            Ok(())
        })
    }

    /// The positions of the winning rows.
    async fn winners(&self, schema: &SourceSchema<'_>, snapshot: &Snapshot) -> datafusion::error::Result<Positions> {
        let session = OfflineRuntime::session(!snapshot.is_one_file());
        let times = [self.event_time].into_iter().chain(self.created_time);
        let scan = self
            .scan(
                &session,
                schema,
                snapshot,
                self.keys.iter().copied().chain(times.clone()),
            )
            .await?;
        let numbered = scan.window(vec![row_number().alias(POSITION)])?;
        let inputs: Vec<&str> = times.chain([POSITION]).collect();
        let input_types = inputs.iter().map(|name| {
            numbered
                .schema()
                .field_with_unqualified_name(name)
                .map(|field| field.data_type().clone())
        });
        let rank = rank_function(input_types.collect::<datafusion::error::Result<_>>()?);
        let greatest = max(rank.call(inputs.into_iter().map(column).collect())).alias(RANK);
        let keys = self.keys.iter().copied().map(column).collect();
        let mut ranks = numbered
            .aggregate(keys, vec![greatest])?
            .select(vec![column(RANK)])?
            .execute_stream()
            .await?;
        let mut winners = Positions::default();
        while let Some(batch) = ranks.next().await {
            // Without keys an empty window still gives one row, which is null.
            for rank in batch?.column(0).as_primitive::<Decimal256Type>().iter().flatten() {
                winners.insert(position_of(rank));
            }
        }
        Ok(winners)
    }

    /// These columns of the rows in the window, each once.
    async fn scan<'name>(
        &self,
        session: &SessionContext,
        schema: &SourceSchema<'_>,
        snapshot: &Snapshot,
        columns: impl Iterator<Item = &'name str>,
    ) -> datafusion::error::Result<DataFrame> {
        let options = ParquetReadOptions {
            file_extension: "",
            ..ParquetReadOptions::default()
                .schema(&schema.schema)
                .parquet_pruning(true)
        };
        let in_window = column(self.event_time)
            .gt_eq(self.bound(schema, self.window.start, Bound::Start))
            .and(column(self.event_time).lt_eq(self.bound(schema, self.window.end, Bound::End)));
        let mut seen = BTreeSet::new();
        let wanted = columns
            .filter(|name| seen.insert(*name))
            .map(column)
            .collect::<Vec<_>>();
        session
            .read_parquet(snapshot.urls(), options)
            .await?
            .filter(in_window)?
            .select(wanted)
    }

    /// Keys, times and features: a column may stand here twice.
    fn row(&self) -> impl Iterator<Item = &str> {
        let times = [self.event_time].into_iter().chain(self.created_time);
        self.keys
            .iter()
            .copied()
            .chain(times)
            .chain(self.features.iter().copied())
    }

    /// An end of the window in the unit and zone of the column, so that it is pushed down to the scan without a cast.
    fn bound(&self, schema: &SourceSchema<'_>, time: Timestamp, bound: Bound) -> Expr {
        let Ok(DataType::Timestamp(unit, zone)) = schema.column(self.event_time) else {
            return lit(ScalarValue::TimestampMicrosecond(Some(time.micros()), None));
        };
        let micros = time.micros();
        let zone = zone.clone();
        let coarser = |per_tick: i64| match bound {
            Bound::Start => -(-micros).div_euclid(per_tick),
            Bound::End => micros.div_euclid(per_tick),
        };
        lit(match unit {
            TimeUnit::Second => ScalarValue::TimestampSecond(Some(coarser(1_000_000)), zone),
            TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(Some(coarser(1_000)), zone),
            TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(Some(micros), zone),
            TimeUnit::Nanosecond => {
                // A nanosecond time belongs to the microsecond it lies in.
                let within = if bound == Bound::End { 999 } else { 0 };
                ScalarValue::TimestampNanosecond(Some(micros.saturating_mul(1_000).saturating_add(within)), zone)
            }
        })
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let column = |name| {
            batch
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| Error::internal(format!("column {name} was not read")))
        };
        self.row().map(column).collect()
    }

    fn failed(&self, source: DataFusionError) -> Error {
        let kind = match source.find_root() {
            DataFusionError::ResourcesExhausted(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Data,
        };
        let root = source.find_root().to_string();
        Error::new(
            kind,
            format!(
                "data source {}: reading {} failed: {root}",
                self.source.name,
                self.source.path.display()
            ),
        )
        .with_source(source)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Start,
    End,
}

/// A column by its exact name: `col("Name")` would read it as SQL.
fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// A set of row positions, one bit each.
#[derive(Default)]
struct Positions(Vec<u64>);

impl Positions {
    fn insert(&mut self, position: usize) {
        let word = position / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (position % 64);
    }

    fn contains(&self, position: usize) -> bool {
        self.0
            .get(position / 64)
            .is_some_and(|word| word & (1 << (position % 64)) != 0)
    }
}

/// A function of event time, created time if the source has one, and position, whose result orders rows by all of them.
fn rank_function(input_types: Vec<DataType>) -> ScalarUDF {
    let implementation = |inputs: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(inputs)?;
        let ranks = ranks(&arrays)
            .ok_or_else(|| DataFusionError::Internal("a row was ranked by other columns than its times".to_owned()))?;
        Ok(ColumnarValue::Array(Arc::new(ranks)))
    };
    create_udf(
        "feast_rank",
        input_types,
        RANK_TYPE,
        Volatility::Immutable,
        Arc::new(implementation),
    )
}

fn ranks(inputs: &[ArrayRef]) -> Option<Decimal256Array> {
    let (event, created, position) = match inputs {
        [event, position] => (event, None, position),
        [event, created, position] => (event, Some(event_times(created)?), position),
        _ => return None,
    };
    let events = event_times(event)?;
    let positions = position.as_primitive_opt::<UInt64Type>()?;
    let rank = |row: usize| {
        let created = created
            .as_ref()
            .filter(|times| times.is_valid(row))
            .map(|times| times.value(row));
        events
            .is_valid(row)
            .then(|| rank_of(events.value(row), created, positions.value(row)))
    };
    let ranks: Decimal256Array = (0..events.len()).map(rank).collect();
    ranks.with_precision_and_scale(76, 0).ok()
}

/// 64 bits each, from the top: event time, created time (0 for none), and the position counted backwards.
fn rank_of(event: i64, created: Option<i64>, position: u64) -> i256 {
    // Flipping the sign bit makes unsigned order the order of signed numbers.
    let created = created.map_or(0, |time| time.cast_unsigned() ^ (1 << 63));
    let high = (i128::from(event) << 64) | i128::from(created);
    i256::from_parts(u128::from(u64::MAX - position), high)
}

fn position_of(rank: i256) -> usize {
    let (low, _) = rank.to_parts();
    // The low half was made of 64 bits, and a position counts rows of a file.
    usize::try_from(u64::MAX - u64::try_from(low).unwrap_or(u64::MAX)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_order_by_event_then_created_then_first_position() {
        let ascending = [
            rank_of(-5, Some(9), 1),
            rank_of(-4, None, 1),
            rank_of(3, None, 2),
            rank_of(3, None, 1),
            rank_of(3, Some(-7), 9),
            rank_of(3, Some(0), 9),
            rank_of(3, Some(0), 8),
            rank_of(4, None, 70),
        ];
        assert!(ascending.is_sorted_by(|lower, higher| lower < higher));
        assert_eq!(ascending.map(position_of), [1, 1, 2, 1, 9, 9, 8, 70]);
    }
}
