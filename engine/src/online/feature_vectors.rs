//! The answer to a read, as columns: the values, statuses and event times of each feature.

use std::ops::Range;

use arrow::array::ArrayRef;
use feast_model::{Timestamp, ValueType};

/// The answer to a request: columns x rows, one row per entity asked about.
///
/// The columns of a view that have one Arrow type lie in one array, one after the other, and share statuses and event
/// times: for few rows it takes longer to make an array than to fill it.
#[derive(Debug, Clone)]
pub struct FeatureVectors<'request> {
    rows: usize,
    columns: Vec<ColumnPlace<'request>>,
    arrays: Vec<ArrayRef>,
    statuses: Vec<Vec<FieldStatus>>,
    event_times: Vec<Vec<Timestamp>>,
}

/// What a column of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnHeading<'request> {
    /// Name in the answer.
    pub name: &'request str,
    /// Type of the values.
    pub value_type: &'request ValueType,
    /// Whether it is a join key, answered as it was given, and not a feature.
    pub is_join_key: bool,
}

/// Where the parts of a column lie in the lists of its answer.
#[derive(Debug, Clone)]
pub(super) struct ColumnPlace<'request> {
    pub(super) heading: ColumnHeading<'request>,
    pub(super) array: usize,
    /// Its number among the columns in that array.
    pub(super) number: usize,
    pub(super) statuses: usize,
    pub(super) event_times: usize,
}

/// One column of an answer. Its three lists are as long as the answer has rows.
#[derive(Debug, Clone, Copy)]
pub struct FeatureColumn<'a> {
    /// Name and type.
    pub heading: ColumnHeading<'a>,
    /// Whether each value is what it should be.
    pub statuses: &'a [FieldStatus],
    /// Event time of the row each value comes from; the epoch where there is none.
    pub event_times: &'a [Timestamp],
    array: &'a ArrayRef,
    start: usize,
}

/// Feast's `FieldStatus`, as far as it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldStatus {
    /// The value is stored; it may be null.
    Present,
    /// There is no such row, or the row does not have this feature.
    NotFound,
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
        }
    }

    /// Number of entities.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Join keys first, in request order, then features in request order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = FeatureColumn<'_>> + Clone {
        self.columns.iter().map(|place| FeatureColumn {
            heading: place.heading,
            statuses: &self.statuses[place.statuses],
            event_times: &self.event_times[place.event_times],
            array: &self.arrays[place.array],
            start: place.number * self.rows,
        })
    }

    /// Adds a column with an array of its own: values of the type's Arrow type, as many as there are rows.
    pub fn push(
        &mut self,
        heading: ColumnHeading<'request>,
        values: ArrayRef,
        statuses: Vec<FieldStatus>,
        event_times: Vec<Timestamp>,
    ) {
        let place = ColumnPlace {
            heading,
            array: self.add_array(values),
            number: 0,
            statuses: self.add_statuses(statuses),
            event_times: self.add_event_times(event_times),
        };
        self.push_place(place);
    }

    /// Adds a column whose parts are there.
    pub(super) fn push_place(&mut self, place: ColumnPlace<'request>) {
        self.columns.push(place);
    }

    pub(super) fn array_count(&self) -> usize {
        self.arrays.len()
    }

    /// Adds the values of one or more columns, one after the other; gives their place.
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
    pub fn has_state_of(&self, other: &FeatureColumn<'_>) -> bool {
        std::ptr::eq(self.statuses, other.statuses) && std::ptr::eq(self.event_times, other.event_times)
    }
}
