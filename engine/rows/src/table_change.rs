//! What became of tables when the registry changed, in words for a log.

use std::fmt;
use std::time::Duration;

use feast_config::format_duration;

/// What became of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFate {
    /// The registry no longer has its view: it cannot be read, and its rows are kept for a while.
    Hidden,
    /// Its view has come back with its rows.
    Restored,
    /// It is gone with its rows.
    Dropped,
}

/// A table that was hidden, restored or dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    /// The name of its view.
    pub view: String,
    /// What became of it.
    pub fate: TableFate,
    /// How many rows it has, or had.
    pub rows: RowCount,
}

impl TableChange {
    /// In words, for a log. Tables that are hidden are kept for so long.
    pub fn describe(&self, keep_for: Duration) -> String {
        let Self { view, fate, rows } = self;
        match fate {
            TableFate::Hidden => format!(
                "the table of {view} is hidden with {rows}: the registry does not have the view any more; if it comes back \
                 within {} (serving.drop_after), so do the rows, and else they are dropped",
                format_duration(keep_for)
            ),
            TableFate::Restored => format!("the view {view} is back: its table is served again with {rows}"),
            TableFate::Dropped => format!("the table of {view} is dropped with {rows}"),
        }
    }
}

/// A number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCount {
    /// The number.
    pub rows: u64,
    /// Whether they were counted one by one.
    pub is_exact: bool,
}

impl fmt::Display for RowCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, is_exact } = self;
        let about = if *is_exact { "" } else { "about " };
        let unit = if *rows == 1 { "row" } else { "rows" };
        write!(formatter, "{about}{rows} {unit}")
    }
}
