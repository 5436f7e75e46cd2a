//! What a caller learns about a run: while it goes on, and at its end. Knows nothing of printing.

use feast_model::error::Error;

use super::window::ViewWindow;

/// What is done with the views of a pass that has started and is not finished. The steps follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStep {
    /// Rows of the source are looked at, for the newest of each key.
    Comparing,
    /// The newest rows are read.
    Reading,
    /// They are written, where that is not done while they are read.
    Writing,
}

/// Is called while a run goes on. Views that are read in one pass start together and finish together; several passes may be under way.
pub trait MaterializeProgress: Send {
    /// A pass begins, over the windows of its views.
    fn pass_started(&mut self, windows: &[&ViewWindow]);
    /// The window of a view ends before it starts: there is nothing to do.
    fn view_skipped(&mut self, window: &ViewWindow);
    /// So many rows are done, of all that this step has, in the pass whose first view is `view`.
    fn advanced(&mut self, view: &str, step: RunStep, done: u64, total: u64);
    /// The views of the pass whose first view is `view` cannot be read together, for an error of one of them. They are read again, each
    /// in a pass of its own.
    fn views_separated(&mut self, view: &str, error: &Error) {
        let _ = (view, error);
    }
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
    fn pass_started(&mut self, _windows: &[&ViewWindow]) {}
    fn view_skipped(&mut self, _window: &ViewWindow) {}
    fn advanced(&mut self, _view: &str, _step: RunStep, _done: u64, _total: u64) {}
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
    /// Where the first row of the window is whose key holds a null, if there are such.
    pub first_null_key: Option<String>,
    /// Rows of the source that are in the window.
    pub source_rows: u64,
    /// Row groups of the source that were read, and those that were not, as no row of theirs is in the window.
    pub read_groups: usize,
    /// See `read_groups`.
    pub passed_groups: usize,
    /// Bytes of keys and rows in the form of the store, before compression.
    pub bytes: u64,
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
        let null_keys = match &self.first_null_key {
            Some(place) => format!("left out because a join key is null, the first of them is {place}"),
            None => "left out because a join key is null".to_owned(),
        };
        remark(self.null_keys as u64, "was", "were", &null_keys);
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
