//! On-demand feature views: what they read, and the Python function that computes them.

use std::collections::BTreeMap;

use super::{Aggregation, DataSource, Field, Metadata, Projection};

/// A view whose features are computed from other views and from the request when they are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDemandFeatureView {
    /// Its name and what else it says of itself.
    pub metadata: Metadata,
    /// Names of the entities. `__dummy` alone for a view without entities.
    pub entities: Vec<String>,
    /// The join key columns.
    pub entity_columns: Vec<Field>,
    /// What the function gives.
    pub features: Vec<Field>,
    /// What the function gets, by name.
    pub sources: BTreeMap<String, OnDemandSource>,
    /// The function; none when aggregations alone compute the features.
    pub transformation: Option<Transformation>,
    /// `pandas` or `python`.
    pub mode: String,
    /// Aggregates computed before the function.
    pub aggregations: Vec<Aggregation>,
    /// Whether results are stored when rows are written, not computed when they are read.
    pub write_to_online_store: bool,
    /// Whether the function gets single values instead of columns.
    pub singleton: bool,
    /// Whether Python Feast's server times it.
    pub track_metrics: bool,
    /// Whether it may be used at all.
    pub enabled: bool,
}

impl OnDemandFeatureView {
    /// Its unique name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

/// What an on-demand view reads.
#[derive(Debug, Clone, PartialEq)]
pub enum OnDemandSource {
    /// Features of another view.
    View(Projection),
    /// Values of the request.
    Request(Box<DataSource>),
}

/// A Python function as its source text. This binary stores it and does not run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transformation {
    /// Function name; `<lambda>` for a lambda.
    pub name: String,
    /// What Feast keeps as its text: of a decorated function its source from the first decorator to the last line of the body,
    /// of any other what `udf_string` says, which may be nothing.
    pub text: String,
    /// The function's own source, where the text is something else; empty where the text is all that is known. What is read
    /// from a registry has it only where there is no text.
    pub source: String,
    /// How it is run: `pandas`, `python`, ...
    pub mode: String,
}
