use std::path::Path;

use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{DUMMY_JOIN_KEY, FeatureView, Field};

use super::window::ViewWindow;
use crate::offline::{LatestRows, OfflineRuntime, ParquetSource, TypedColumn, Window};
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
    /// Files of the source that were passed over, with the reasons.
    pub left_out_files: Vec<String>,
    /// Rows of the source that were left out because a time of theirs is beyond the years 1677 to 2262.
    pub rows_beyond_range: u64,
    /// Rows of the window whose event time is more than a day after the run: what comes later and is older cannot replace them.
    pub rows_ahead: u64,
}

impl ViewReport {
    /// What the operator should know of the rows that were not written, or should not have been there: a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.left_out_files.clone();
        let mut remark = |count: u64, one: &str, several: &str, what: &str| match count {
            0 => {}
            1 => remarks.push(format!("{}: 1 row {one} {what}", self.view)),
            _ => remarks.push(format!("{}: {count} rows {several} {what}", self.view)),
        };
        remark(
            self.null_keys as u64,
            "was",
            "were",
            "left out because a join key is null",
        );
        remark(
            self.rows_beyond_range,
            "was",
            "were",
            "left out because an event or created time is before 1677-09-21 or after 2262-04-11",
        );
        remark(
            self.rows_ahead,
            "has",
            "have",
            "an event time more than a day ahead of the clock; rows that come later and are older will not be written",
        );
        remarks
    }
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
    let typed = |field: &Field| TypedColumn {
        name: source.source_column(&field.name).to_owned(),
        value_type: field.value_type.clone(),
    };
    let keys = view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY);
    let latest = LatestRows {
        source: &parquet,
        keys: keys.map(typed).collect(),
        event_time: source.source_column(&source.timestamp_field),
        created_time: source.created_column().map(|name| source.source_column(name)),
        features: view.features.iter().map(typed).collect(),
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
        left_out_files: Vec::new(),
        rows_beyond_range: 0,
        rows_ahead: 0,
    };
    progress.view_started(window);
    let streamed = latest.stream(runtime, |batch| {
        let rows = RowColumns {
            keys: batch.keys,
            features: batch.features,
            event_times: batch.event_times,
            created_times: batch.created_times,
        };
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
    let seen = streamed.map_err(|error| parquet.hidden_in(error))?;
    storage.sync()?;
    fail_point::reached(Step::RowsSynced);
    report.left_out_files = seen.left_out_files;
    report.rows_beyond_range = seen.rows_beyond_range;
    report.rows_ahead = seen.rows_ahead;
    Ok(report)
}
