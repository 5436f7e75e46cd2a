//! Queries over a source, and the passes that they are made of.
//!
//! | file | what it owns |
//! |---|---|
//! | `latest.rs` | the newest row of each key in a window |
//! | `greatest.rs` | the plan of DataFusion that finds the greatest rank of each key |
//! | `ranks.rs` | a first pass: which rows are in a window, with their keys and ranks |
//! | `selected.rs` | a second pass: the columns of the rows at chosen positions |
//!
//! A query takes a snapshot of its source, finds the positions of the rows that it is about, and reads their columns. A query of
//! another kind, such as a point-in-time join, is a file of its own beside `latest.rs`: it has its own way of finding positions, and
//! shares the snapshot, the scan of row groups, the order of rows (`positions.rs`) and the second pass.

mod greatest;
mod latest;
mod ranks;
mod selected;

use std::thread;

use feast_model::Timestamp;

use super::scan::{RowGroup, TypedColumn};

pub use latest::{LatestEvent, LatestRows, ScanPlan, ScanReport};
pub use selected::SelectedRows;

/// A span of event time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first point in time.
    pub start: Timestamp,
    /// The last one.
    pub end: Timestamp,
}

/// The columns of a source that a query reads, by their names in the files.
#[derive(Clone, Copy)]
struct QueryColumns<'a> {
    event_time: &'a str,
    created_time: Option<&'a str>,
    keys: &'a [TypedColumn],
    features: &'a [TypedColumn],
}

impl<'a> QueryColumns<'a> {
    /// What the first pass reads: event time, created time if there is one, keys.
    fn ranked(self) -> impl Iterator<Item = &'a str> {
        let times = [self.event_time].into_iter().chain(self.created_time);
        times.chain(self.keys.iter().map(|column| column.name.as_str()))
    }

    /// Event time, created time if there is one, keys, features.
    fn names(self) -> impl Iterator<Item = &'a str> {
        let times = [self.event_time].into_iter().chain(self.created_time);
        let values = self.keys.iter().chain(self.features);
        times.chain(values.map(|column| column.name.as_str()))
    }
}

/// What all readers together may hold of files: more of them are only started as long as they fit.
const MAX_READ_BYTES: usize = 192 << 20;

/// Threads that read row groups: as many as there are cores, unless these columns are so many that each of them holds much.
fn readers(groups: &[RowGroup], columns: &[&str], memory: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let each = groups.iter().map(|group| group.bytes_held(columns)).max();
    let fitting = MAX_READ_BYTES.min(memory / 4) / each.unwrap_or_default().max(1);
    cores.min(groups.len()).min(fitting).max(1)
}
