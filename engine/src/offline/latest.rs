//! The newest row of each key in a window of event time.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Column, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::named_struct;
use datafusion::functions_aggregate::first_last::first_value;
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::{Expr, SortExpr, lit};
use datafusion::prelude::ParquetReadOptions;
use futures::StreamExt;

use super::runtime::OfflineRuntime;
use super::source::{ParquetSource, Snapshot, SourceSchema};
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

/// Name of the column that numbers the rows in file order.
const POSITION: &str = "__feast_position";
/// Name of the column that holds the winning row.
const NEWEST: &str = "__feast_newest";

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
        mut consume: impl FnMut(&[ArrayRef]) -> Result<()>,
    ) -> Result<()> {
        let schema = self.source.schema()?;
        for name in self.keys.iter().chain(&self.features) {
            schema.column(name)?;
        }
        schema.timestamp_column(self.event_time)?;
        if let Some(created) = self.created_time {
            schema.timestamp_column(created)?;
        }
        let snapshot = self.source.snapshot();
        runtime.block_on(async {
            let plan = self
                .plan(&schema, &snapshot)
                .await
                .map_err(|source| self.failed(source))?;
            let mut batches = plan.execute_stream().await.map_err(|source| self.failed(source))?;
            while let Some(batch) = batches.next().await {
                let batch = batch.map_err(|source| self.failed(source))?;
                consume(&self.columns(&batch))?;
            }
            Ok(())
        })
    }

    async fn plan(&self, schema: &SourceSchema<'_>, snapshot: &Snapshot) -> datafusion::error::Result<DataFrame> {
        let is_directory = self.source.path.is_dir();
        let extension = if is_directory { ".parquet" } else { "" };
        let options = ParquetReadOptions::default()
            .schema(&schema.schema)
            .parquet_pruning(true);
        let options = ParquetReadOptions {
            file_extension: extension,
            ..options
        };
        let scan = OfflineRuntime::session(is_directory)
            .read_parquet(snapshot.url(), options)
            .await?;
        let in_window = column(self.event_time)
            .gt_eq(self.bound(schema, self.window.start, Bound::Start))
            .and(column(self.event_time).lt_eq(self.bound(schema, self.window.end, Bound::End)));
        let wanted: Vec<Expr> = self.wanted().map(column).collect();
        let position = row_number().alias(POSITION);
        let numbered = scan.filter(in_window)?.select(wanted)?.window(vec![position])?;
        let mut order = vec![column(self.event_time).sort(false, false)];
        order.extend(self.created_time.map(|created| column(created).sort(false, false)));
        order.push(column(POSITION).sort(true, false));
        numbered.aggregate(
            self.keys.iter().copied().map(column).collect(),
            vec![self.newest(order)],
        )
    }

    /// The columns read, each once: a feature may be a key or a timestamp too.
    fn wanted(&self) -> impl Iterator<Item = &str> {
        let mut seen = std::collections::BTreeSet::new();
        self.keys
            .iter()
            .copied()
            .chain(self.row())
            .filter(move |name| seen.insert(*name))
    }

    fn row(&self) -> impl Iterator<Item = &str> {
        [self.event_time]
            .into_iter()
            .chain(self.created_time)
            .chain(self.features.iter().copied())
    }

    /// The whole winning row as one value, so that its columns cannot come from different rows.
    fn newest(&self, order: Vec<SortExpr>) -> Expr {
        let members = self
            .row()
            .enumerate()
            .flat_map(|(index, name)| [lit(index.to_string()), column(name)]);
        first_value(named_struct(members.collect()), order).alias(NEWEST)
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

    fn columns(&self, batch: &RecordBatch) -> Vec<ArrayRef> {
        let newest = batch.column(self.keys.len()).as_struct();
        // Without keys an empty window still gives one row, which is null.
        let empty = newest.null_count() == newest.len();
        let rows = if empty { 0 } else { batch.num_rows() };
        let keys = batch.columns()[..self.keys.len()].iter();
        keys.chain(newest.columns())
            .map(|column| column.slice(0, rows))
            .collect()
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
