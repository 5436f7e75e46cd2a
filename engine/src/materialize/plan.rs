//! What a pass would read, from the footers of its files.

use std::path::{Path, PathBuf};

use feast_model::Timestamp;
use feast_model::error::Result;

use super::pass::{FeatureColumns, PassView};
use super::run::{latest_rows, source_of};
use crate::offline::{ParquetSource, ScanPlan};

/// What is read of files for views that are read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterializationPlan {
    /// Their names.
    pub views: Vec<String>,
    /// First event time.
    pub start: Timestamp,
    /// Last event time.
    pub end: Timestamp,
    /// Files of the source.
    pub files: Vec<PathBuf>,
    /// Row groups that may have rows of the window.
    pub read_groups: usize,
    /// Row groups that have none, as their footers say.
    pub passed_groups: usize,
    /// Rows of the row groups that are read.
    pub rows: u64,
    /// Bytes in the files of the columns that are read of them.
    pub bytes: u64,
}

pub(crate) fn plan(pass: &[PassView<'_>], repository: &Path) -> Result<MaterializationPlan> {
    let mut features = FeatureColumns::default();
    for view in pass {
        features.add(view.view, source_of(view.view)?);
    }
    let PassView { view, window, .. } = &pass[0];
    let parquet = ParquetSource::locate(source_of(view)?, repository)?;
    let latest = latest_rows(&pass[0], source_of(view)?, &parquet, features.columns);
    let planned = latest.plan().map_err(|error| parquet.hidden_in(error))?;
    let ScanPlan {
        files,
        read_groups,
        passed_groups,
        rows,
        bytes,
    } = planned;
    Ok(MaterializationPlan {
        views: pass.iter().map(|view| view.view.name().to_owned()).collect(),
        start: window.start,
        end: window.end,
        files,
        read_groups,
        passed_groups,
        rows,
        bytes,
    })
}
