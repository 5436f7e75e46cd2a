//! Stored rows into the answer: for each feature a column of values, statuses and event times.

use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};

use super::binding::{Binding, BoundView};
use super::keys::EntityRows;
use super::plan::{PlannedView, ReadPlan};
use crate::codec::row::{DamagedRow, FeatureSlot, RowHeader};
use crate::codec::row_reader::{SchemaRow, read_column};
use crate::model::{Timestamp, ValueType};
use crate::storage::FoundRows;

/// The answer to a request: columns x rows, one row per entity asked about.
#[derive(Debug, Clone)]
pub struct FeatureVectors<'request> {
    /// Join keys first, in request order, then features in request order.
    pub columns: Vec<FeatureColumn<'request>>,
    /// Number of entities.
    pub rows: usize,
}

/// One column of an answer. The three lists are as long as the answer has rows; columns of one view share them where they
/// are the same.
#[derive(Debug, Clone)]
pub struct FeatureColumn<'request> {
    /// Name in the answer.
    pub name: &'request str,
    /// Type of the values.
    pub value_type: &'request ValueType,
    /// Whether it is a join key, answered as it was given, and not a feature.
    pub is_join_key: bool,
    /// Values, of the type's Arrow type.
    pub values: ArrayRef,
    /// Whether each value is what it should be.
    pub statuses: Arc<[FieldStatus]>,
    /// Event time of the row each value comes from; the epoch where there is none.
    pub event_times: Arc<[Timestamp]>,
}

impl FeatureColumn<'_> {
    /// Whether both share their statuses and event times, as most columns of a view do.
    pub fn has_state_of(&self, other: &FeatureColumn<'_>) -> bool {
        Arc::ptr_eq(&self.statuses, &other.statuses) && Arc::ptr_eq(&self.event_times, &other.event_times)
    }
}

/// Feast's `FieldStatus`, as far as it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldStatus {
    /// The value is stored; it may be null.
    Present,
    /// There is no such row, or the row does not have this feature.
    NotFound,
}

impl FieldStatus {
    /// The word in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NotFound => "NOT_FOUND",
        }
    }
}

/// The rows of a view, one an entity asked about, and what all its columns share.
struct ViewRows<'rows> {
    rows: Vec<Option<SchemaRow<'rows>>>,
    statuses: Arc<[FieldStatus]>,
    event_times: Arc<[Timestamp]>,
}

/// `found` are the rows of each group of the plan.
pub(crate) fn assemble<'request>(
    plan: &'request ReadPlan,
    binding: &Binding,
    entities: &'request EntityRows,
    found: &[FoundRows],
) -> Result<FeatureVectors<'request>, DamagedRow> {
    let rows = entities.rows();
    let mut columns = Vec::with_capacity(entities.columns().len() + plan.feature_count());
    push_key_columns(entities, &mut columns);
    for (number, view) in plan.views.iter().enumerate() {
        match binding.view(number) {
            None => push_empty_columns(view, rows, &mut columns),
            Some(bound) => {
                let rows_per_entity = binding.rows_per_entity(view.group);
                let stored = (0..rows).map(|row| found[view.group].get(row * rows_per_entity + bound.place));
                let view_rows = ViewRows::new(bound, stored)?;
                push_view_columns(view, bound, &view_rows, &mut columns)?;
            }
        }
    }
    Ok(FeatureVectors { columns, rows })
}

fn push_key_columns<'request>(entities: &'request EntityRows, columns: &mut Vec<FeatureColumn<'request>>) {
    let statuses: Arc<[FieldStatus]> = vec![FieldStatus::Present; entities.rows()].into();
    let event_times: Arc<[Timestamp]> = vec![Timestamp::EPOCH; entities.rows()].into();
    columns.extend(entities.columns().iter().map(|key| FeatureColumn {
        name: &key.name,
        value_type: &key.value_type,
        is_join_key: true,
        values: Arc::clone(&key.values),
        statuses: Arc::clone(&statuses),
        event_times: Arc::clone(&event_times),
    }));
}

/// The columns of a view that nothing was ever written to.
fn push_empty_columns<'request>(view: &'request PlannedView, rows: usize, columns: &mut Vec<FeatureColumn<'request>>) {
    let statuses: Arc<[FieldStatus]> = vec![FieldStatus::NotFound; rows].into();
    let event_times: Arc<[Timestamp]> = vec![Timestamp::EPOCH; rows].into();
    for feature in &view.features {
        columns.push(FeatureColumn {
            name: &feature.answer_name,
            value_type: &feature.value_type,
            is_join_key: false,
            values: new_null_array(&feature.value_type.arrow_type(), rows),
            statuses: Arc::clone(&statuses),
            event_times: Arc::clone(&event_times),
        });
    }
}

impl<'rows> ViewRows<'rows> {
    fn new(view: &BoundView, stored: impl ExactSizeIterator<Item = Option<&'rows [u8]>>) -> Result<Self, DamagedRow> {
        let mut rows = Vec::with_capacity(stored.len());
        let mut statuses = Vec::with_capacity(stored.len());
        let mut event_times = Vec::with_capacity(stored.len());
        for bytes in stored {
            let Some(bytes) = bytes else {
                rows.push(None);
                statuses.push(FieldStatus::NotFound);
                event_times.push(Timestamp::EPOCH);
                continue;
            };
            let header = RowHeader::decode(bytes)?;
            let schema = header.schema_id as usize;
            if schema >= view.schemas {
                return Err(DamagedRow("its schema is not known"));
            }
            rows.push(Some(SchemaRow { bytes, schema }));
            statuses.push(FieldStatus::Present);
            event_times.push(header.age.event_time);
        }
        Ok(Self {
            rows,
            statuses: statuses.into(),
            event_times: event_times.into(),
        })
    }

    /// The statuses of a feature that lies in these places of the schemas.
    fn statuses_of(&self, slots: &[Option<FeatureSlot>]) -> Arc<[FieldStatus]> {
        if slots.iter().all(Option::is_some) {
            return Arc::clone(&self.statuses);
        }
        let status = |row: &Option<SchemaRow<'_>>| match row {
            Some(row) if slots[row.schema].is_some() => FieldStatus::Present,
            _ => FieldStatus::NotFound,
        };
        self.rows.iter().map(status).collect()
    }
}

fn push_view_columns<'request>(
    view: &'request PlannedView,
    bound: &BoundView,
    rows: &ViewRows<'_>,
    columns: &mut Vec<FeatureColumn<'request>>,
) -> Result<(), DamagedRow> {
    for (feature, slots) in view.features.iter().zip(&bound.features) {
        columns.push(FeatureColumn {
            name: &feature.answer_name,
            value_type: &feature.value_type,
            is_join_key: false,
            values: read_column(&feature.value_type, &rows.rows, slots)?,
            statuses: rows.statuses_of(slots),
            event_times: Arc::clone(&rows.event_times),
        });
    }
    Ok(())
}
