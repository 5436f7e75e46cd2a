//! Pushes that both stores can take: everything about their columns is checked before anything is written anywhere.

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use feast_config::RepositoryConfig;
use feast_model::error::{Error, Result};

use super::event_times::CheckedTimes;
use super::target::{AppendTarget, PushTarget};
use crate::clock;
use crate::online::{WriteFunctionRun, WriteTarget};
use crate::online_store::RowColumns;

/// A push whose rows fit the views and the parquet source that they are for.
pub(crate) struct CheckedPush<'a> {
    /// The views that rows are written to, each with its rows.
    pub(super) views: Vec<(&'a WriteTarget, RowColumns)>,
    /// The parquet source that rows are appended to, and the rows in its order.
    pub(super) offline: Option<(&'a AppendTarget, RecordBatch)>,
    /// Rows whose event time is more than a day ahead of the clock.
    pub(super) future: usize,
    /// The functions that have computed rows of views, of those that are measured.
    pub(super) runs: Vec<WriteFunctionRun>,
}

impl PushTarget {
    /// Checks the rows of a push: for each view its columns in the target's order, and the rows for the parquet source.
    ///
    /// # Errors
    /// `Invalid`, naming column and row.
    pub(crate) fn check(
        &self,
        online: Vec<Vec<ArrayRef>>,
        offline: Option<RecordBatch>,
        config: &RepositoryConfig,
    ) -> Result<CheckedPush<'_>> {
        let rows = self.views.iter().zip(online);
        let mut runs = Vec::new();
        let rows = rows.map(|(view, columns)| Ok((view, view.rows(&columns, &mut runs)?)));
        let views = rows.collect::<Result<Vec<_>>>()?;
        let future = self.count_future(&views, offline.as_ref(), config)?;
        let target = self.offline.as_ref().map(|target| &target.append);
        let offline = target.zip(offline).map(|(target, rows)| {
            target.check(&rows)?;
            Ok::<_, Error>((target, latest_first(rows)?))
        });
        Ok(CheckedPush {
            views,
            offline: offline.transpose()?,
            future,
            runs,
        })
    }

    /// How many of the rows of a push are more than a day ahead of the clock.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, when an event time is not what it may be.
    fn count_future(
        &self,
        online: &[(&WriteTarget, RowColumns)],
        offline: Option<&RecordBatch>,
        config: &RepositoryConfig,
    ) -> Result<usize> {
        let now = clock::now();
        let of_views = online.iter().map(|(view, rows)| CheckedTimes {
            column: view.event_time_column().to_owned(),
            owner: format!("feature view {}", view.view()),
            times: rows.event_times.clone(),
        });
        let of_source = self.offline.as_ref().zip(offline);
        let of_source = of_source.map(|(target, rows)| target.times.checked(rows)).transpose()?;
        let mut most = 0;
        for times in of_views.chain(of_source.flatten()) {
            // The same rows go to each view and to the source.
            most = times.count_future(now, config)?.max(most);
        }
        Ok(most)
    }
}

/// The rows of a push in the order in which they stand in the file: of rows equal in both times the first one there wins,
/// and the last one of a push is to.
fn latest_first(batch: RecordBatch) -> Result<RecordBatch> {
    if batch.num_rows() < 2 {
        return Ok(batch);
    }
    let backwards: UInt64Array = (0..batch.num_rows() as u64).rev().collect();
    take_record_batch(&batch, &backwards).map_err(|problem| Error::internal(problem.to_string()))
}
