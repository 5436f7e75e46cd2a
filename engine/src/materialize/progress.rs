//! What a caller learns about a run: while it goes on, and at its end. Knows nothing of printing.

use feast_model::FeatureView;

use super::window::ViewWindow;

/// Is called while a run goes on.
pub trait MaterializeProgress {
    /// The run of a view begins.
    fn view_started(&mut self, window: &ViewWindow);
    /// The window of a view ends before it starts: there is nothing to do.
    fn view_skipped(&mut self, window: &ViewWindow);
    /// That many keys of the view have been handled so far.
    fn rows_done(&mut self, rows: usize);
    /// The run of a view is over, its rows are durable and, unless it was the run of a shard, its interval recorded.
    fn view_finished(&mut self, report: &ViewReport);
    /// Whether the run should end early. What it has written stays; its interval is not recorded.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// For callers that do not watch the run.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl MaterializeProgress for NoProgress {
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
    /// Rows of stored on-demand views that were computed from these and written.
    pub derived_rows: usize,
    /// Stored on-demand views with this source that were not computed, and why.
    pub skipped_derived: Vec<(String, String)>,
    /// Files of the source that were passed over, with the reasons.
    pub left_out_files: Vec<String>,
    /// Rows of the source that were left out because a time of theirs is beyond the years 1677 to 2262.
    pub rows_beyond_range: u64,
    /// Rows of the window whose event time is more than a day after the run: what comes later and is older cannot replace them.
    pub rows_ahead: u64,
    /// Of the run of a shard: by what the files that it read are known again on another machine.
    pub source_fingerprint: Option<u64>,
}

impl ViewReport {
    /// Of a run that has not read anything yet.
    pub(super) fn new(view: &FeatureView) -> Self {
        Self {
            view: view.name().to_owned(),
            rows: 0,
            written: 0,
            stale: 0,
            null_keys: 0,
            derived_rows: 0,
            skipped_derived: Vec::new(),
            left_out_files: Vec::new(),
            rows_beyond_range: 0,
            rows_ahead: 0,
            source_fingerprint: None,
        }
    }

    /// What the operator should know of the rows that were not written, or should not have been there: a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.left_out_files.clone();
        remarks.extend(self.skipped_derived.iter().map(|(view, reason)| {
            format!(
                "{}: on-demand feature view {view} is not computed from its rows: {reason}",
                self.view
            )
        }));
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
