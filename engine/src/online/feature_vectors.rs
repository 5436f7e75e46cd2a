//! The response to a read, as columns: the values, statuses and event times of each feature.
//!
//! The columns of a view that have one Arrow type lie in one array, one after the other, because for few rows it takes longer to
//! make an array than to fill it: one for each column costs 0.1 us, so that one entity with 50 features took 4.9 us instead of 1.5. One
//! shared buffer behind an array for each column gained nothing. Knows nothing of JSON.

use std::ops::Range;
use std::time::Duration;

use arrow::array::ArrayRef;
use feast_model::{Timestamp, ValueType};

/// The response to a request: columns x rows, one row for each requested entity.
#[derive(Debug, Clone)]
pub struct FeatureVectors<'request> {
    rows: usize,
    columns: Vec<ColumnParts<'request>>,
    arrays: Vec<ArrayRef>,
    statuses: Vec<Vec<FieldStatus>>,
    event_times: Vec<Vec<Timestamp>>,
    outcomes: Vec<ViewOutcome>,
    computed: Vec<Computed>,
    function_time: Option<Duration>,
}

/// What became of one view in a response, see [`ReadPlan::view_names`](super::ReadPlan::view_names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ViewOutcome {
    /// Entities that have a row.
    pub rows_found: usize,
    /// Those of them whose row is older than the view's ttl. It is served all the same.
    pub rows_outside_max_age: usize,
    /// Values that are stored, null or not: rows x features, but for features that a row does not have.
    pub values_present: usize,
    /// Those of them that are null.
    pub values_null: usize,
    /// Values that are not stored.
    pub values_not_found: usize,
}

/// The run of a function of an on-demand view, of those whose runs are to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Computed {
    /// Position among the functions of the plan, see [`ReadPlan::measured_functions`](super::ReadPlan::measured_functions).
    pub function: usize,
    /// How long it took.
    pub time: Duration,
}

/// What a column of a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnField<'request> {
    /// Name in the response.
    pub name: &'request str,
    /// Type of the values.
    pub value_type: &'request ValueType,
    /// Whether it is a join key, given back as it was requested, and not a feature.
    pub is_join_key: bool,
}

/// Where the parts of a column lie in the lists of its response.
#[derive(Debug, Clone)]
pub(super) struct ColumnParts<'request> {
    pub(super) field: ColumnField<'request>,
    pub(super) array: usize,
    /// Its number among the columns in that array.
    pub(super) number: usize,
    pub(super) statuses: usize,
    pub(super) event_times: usize,
}

/// See [`FeatureVectors::into_lists`].
pub(super) type VectorLists<'request> = (
    Vec<ColumnParts<'request>>,
    Vec<ArrayRef>,
    Vec<Vec<FieldStatus>>,
    Vec<Vec<Timestamp>>,
);

/// One column of a response. Its three lists are as long as the response has rows.
#[derive(Debug, Clone, Copy)]
pub struct FeatureColumn<'a> {
    /// Name and type.
    pub field: ColumnField<'a>,
    /// Whether each value is what it should be.
    pub statuses: &'a [FieldStatus],
    /// Event time of the row each value comes from; the epoch where there is none.
    pub event_times: &'a [Timestamp],
    array: &'a ArrayRef,
    start: usize,
}

/// Those of Feast's `FieldStatus` that occur in responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldStatus {
    /// The value is stored; it may be null.
    Present,
    /// There is no such row, or the row does not have this feature.
    NotFound,
}

impl FieldStatus {
    /// Its number in Feast.
    pub const fn number(self) -> u8 {
        match self {
            Self::Present => 1,
            Self::NotFound => 3,
        }
    }
}

impl<'request> FeatureVectors<'request> {
    /// Has no columns yet, and room for so many.
    pub fn with_capacity(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns: Vec::with_capacity(columns),
            arrays: Vec::new(),
            statuses: Vec::new(),
            event_times: Vec::new(),
            outcomes: Vec::new(),
            computed: Vec::new(),
            function_time: None,
        }
    }

    /// What became of each view of the plan.
    pub fn outcomes(&self) -> &[ViewOutcome] {
        &self.outcomes
    }

    /// The runs of functions that are to be measured.
    pub fn computed(&self) -> &[Computed] {
        &self.computed
    }

    /// How long all functions took together; `None` when there are none.
    pub fn function_time(&self) -> Option<Duration> {
        self.function_time
    }

    pub(super) fn set_function_time(&mut self, time: Duration) {
        self.function_time = Some(time);
    }

    pub(super) fn add_outcome(&mut self, outcome: ViewOutcome) {
        self.outcomes.push(outcome);
    }

    pub(super) fn add_computed(&mut self, computed: Computed) {
        self.computed.push(computed);
    }

    /// Number of entities.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Join keys first, in request order, then features in request order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = FeatureColumn<'_>> + Clone {
        self.columns.iter().map(|parts| FeatureColumn {
            field: parts.field,
            statuses: &self.statuses[parts.statuses],
            event_times: &self.event_times[parts.event_times],
            array: &self.arrays[parts.array],
            start: parts.number * self.rows,
        })
    }

    /// Adds a column with an array of its own: values of the type's Arrow type, as many as there are rows.
    pub fn push(
        &mut self,
        field: ColumnField<'request>,
        values: ArrayRef,
        statuses: Vec<FieldStatus>,
        event_times: Vec<Timestamp>,
    ) {
        let parts = ColumnParts {
            field,
            array: self.add_array(values),
            number: 0,
            statuses: self.add_statuses(statuses),
            event_times: self.add_event_times(event_times),
        };
        self.push_parts(parts);
    }

    /// The columns, and the lists in which their parts lie: arrays, statuses, event times.
    pub(super) fn into_lists(self) -> VectorLists<'request> {
        (self.columns, self.arrays, self.statuses, self.event_times)
    }

    /// The values of a column whose parts have been added.
    pub(super) fn values_of(&self, parts: &ColumnParts<'_>) -> ArrayRef {
        self.arrays[parts.array].slice(parts.number * self.rows, self.rows)
    }

    /// Adds a column whose parts have been added.
    pub(super) fn push_parts(&mut self, parts: ColumnParts<'request>) {
        self.columns.push(parts);
    }

    pub(super) fn array_count(&self) -> usize {
        self.arrays.len()
    }

    /// Adds the values of one or more columns, one after the other; gives their position.
    pub(super) fn add_array(&mut self, values: ArrayRef) -> usize {
        self.arrays.push(values);
        self.arrays.len() - 1
    }

    pub(super) fn add_statuses(&mut self, statuses: Vec<FieldStatus>) -> usize {
        self.statuses.push(statuses);
        self.statuses.len() - 1
    }

    pub(super) fn add_event_times(&mut self, event_times: Vec<Timestamp>) -> usize {
        self.event_times.push(event_times);
        self.event_times.len() - 1
    }
}

impl<'a> FeatureColumn<'a> {
    /// The values, of the type's Arrow type.
    pub fn values(&self) -> ArrayRef {
        self.array.slice(self.start, self.statuses.len())
    }

    /// The array that has the values, and where. Saves making an array of them alone.
    pub fn place(&self) -> (&'a ArrayRef, Range<usize>) {
        (self.array, self.start..self.start + self.statuses.len())
    }

    /// Whether both share their statuses and event times, as most columns of a view do.
    pub fn shares_status_with(&self, other: &FeatureColumn<'_>) -> bool {
        std::ptr::eq(self.statuses, other.statuses) && std::ptr::eq(self.event_times, other.event_times)
    }
}
