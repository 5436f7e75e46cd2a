use std::path::Path;

use arrow::array::ArrayRef;

use super::window::ViewWindow;
use crate::codec::coerce::{coerce, event_times};
use crate::error::{Error, ErrorKind, Result};
use crate::fail_point::{self, Step};
use crate::model::{DUMMY_JOIN_KEY, DataSource, FeatureView, Field};
use crate::offline::{LatestRows, OfflineRuntime, ParquetSource, Window};
use crate::online::{RowColumns, write_rows};
use crate::storage::{Replace, Storage};

/// Told about a run while it goes on.
pub trait MaterializeProgress {
    /// The run of a view begins.
    fn view_started(&mut self, window: &ViewWindow);
    /// The window of a view ends before it starts: there is nothing to do.
    fn view_skipped(&mut self, window: &ViewWindow);
    /// That many keys of the view have been handled so far.
    fn rows_done(&mut self, rows: usize);
    /// The run of a view is over, its rows are durable and its interval recorded.
    fn view_finished(&mut self, report: &ViewReport);
    /// Whether the run should end early. What it has written stays; its interval is not recorded.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Nobody looks at the run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl MaterializeProgress for Unwatched {
    fn view_started(&mut self, _window: &ViewWindow) {}
    fn view_skipped(&mut self, _window: &ViewWindow) {}
    fn rows_done(&mut self, _rows: usize) {}
    fn view_finished(&mut self, _report: &ViewReport) {}
}

/// What the run of one view did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewReport {
    /// The view's name.
    pub view: String,
    /// Keys found in the window.
    pub rows: usize,
    /// Of these, rows that were written: new, newer than the stored ones or as new.
    pub written: usize,
    /// Of these, rows that a newer stored row kept out.
    pub stale: usize,
    /// Of these, rows that cannot be stored because a join key is null.
    pub null_keys: usize,
}

/// Runs one view. The rows are durable when this returns.
pub(crate) fn run(
    view: &FeatureView,
    window: &ViewWindow,
    repository: &Path,
    (runtime, storage): (&OfflineRuntime, &Storage),
    replace: Replace,
    progress: &mut dyn MaterializeProgress,
) -> Result<ViewReport> {
    let source = view.batch_source.as_ref().ok_or_else(|| {
        Error::invalid(format!(
            "feature view {} has no batch source to materialize from",
            view.name
        ))
    })?;
    let parquet = ParquetSource::locate(source, repository)?;
    let keys: Vec<&Field> = view
        .entity_columns
        .iter()
        .filter(|key| key.name != DUMMY_JOIN_KEY)
        .collect();
    let latest = LatestRows {
        source: &parquet,
        keys: keys.iter().map(|key| source.source_column(&key.name)).collect(),
        event_time: source.source_column(&source.timestamp_field),
        created_time: source.created_column().map(|name| source.source_column(name)),
        features: view
            .features
            .iter()
            .map(|feature| source.source_column(&feature.name))
            .collect(),
        window: Window {
            start: window.start,
            end: window.end,
        },
    };
    let mut report = ViewReport {
        view: view.name.clone(),
        rows: 0,
        written: 0,
        stale: 0,
        null_keys: 0,
    };
    progress.view_started(window);
    let streamed = latest.stream(runtime, |columns| {
        let rows = row_columns(view, source, &keys, columns)?;
        let (count, null_keys) = write_rows(storage, view, &rows, replace)?;
        report.rows += rows.event_times.len();
        report.written += count.written;
        report.stale += count.stale;
        report.null_keys += null_keys;
        progress.rows_done(report.rows);
        if progress.is_stopped() {
            let text = format!("the materialization of {} was stopped", view.name);
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        fail_point::reached(Step::RowsWritten);
        Ok(())
    });
    streamed.map_err(|error| error.hiding_directory_of(&parquet.path))?;
    storage.sync()?;
    fail_point::reached(Step::RowsSynced);
    Ok(report)
}

/// The columns of [`LatestRows::stream`] in their roles and in the view's types.
fn row_columns(view: &FeatureView, source: &DataSource, keys: &[&Field], columns: &[ArrayRef]) -> Result<RowColumns> {
    let (key_columns, rest) = columns.split_at(keys.len());
    let typed = |field: &Field, column: &ArrayRef| {
        coerce(column, &field.value_type).map_err(|problem| {
            let column_name = source.source_column(&field.name);
            Error::data(format!(
                "feature view {}: column {column_name} of data source {} does not fit {}: {problem}",
                view.name, source.name, field.value_type
            ))
        })
    };
    let times =
        |column: &ArrayRef| event_times(column).ok_or_else(|| Error::internal("a timestamp column lost its type"));
    let (created_times, features) = match source.created_column() {
        Some(_) => (Some(times(&rest[1])?), &rest[2..]),
        None => (None, &rest[1..]),
    };
    Ok(RowColumns {
        keys: keys
            .iter()
            .zip(key_columns)
            .map(|(key, column)| typed(key, column))
            .collect::<Result<_>>()?,
        features: view
            .features
            .iter()
            .zip(features)
            .map(|(field, column)| typed(field, column))
            .collect::<Result<_>>()?,
        event_times: times(&rest[0])?,
        created_times,
    })
}
