//! Stored rows into the answer: for each feature a column of values, statuses and event times.

use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};

use super::binding::{Binding, BoundView};
use super::keys::EntityRows;
use super::plan::{PlannedView, ReadPlan};
use crate::codec::row::{DamagedRow, RowHeader};
use crate::codec::row_reader::read_column;
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

/// A row of a view that is there.
#[derive(Clone, Copy)]
struct ViewRow<'rows> {
    bytes: &'rows [u8],
    schema: usize,
    event_time: Timestamp,
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
                let view_rows = stored
                    .map(|bytes| view_row(bound, bytes))
                    .collect::<Result<Vec<_>, _>>()?;
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

fn view_row<'rows>(view: &BoundView, bytes: Option<&'rows [u8]>) -> Result<Option<ViewRow<'rows>>, DamagedRow> {
    let Some(bytes) = bytes else { return Ok(None) };
    let header = RowHeader::decode(bytes)?;
    let schema = header.schema_id as usize;
    if schema >= view.schemas {
        return Err(DamagedRow("its schema is not known"));
    }
    Ok(Some(ViewRow {
        bytes,
        schema,
        event_time: header.age.event_time,
    }))
}

fn push_view_columns<'request>(
    view: &'request PlannedView,
    bound: &BoundView,
    rows: &[Option<ViewRow<'_>>],
    columns: &mut Vec<FeatureColumn<'request>>,
) -> Result<(), DamagedRow> {
    let status = |is_present| {
        if is_present {
            FieldStatus::Present
        } else {
            FieldStatus::NotFound
        }
    };
    let event_times: Arc<[Timestamp]> = rows
        .iter()
        .map(|row| row.map_or(Timestamp::EPOCH, |row| row.event_time))
        .collect();
    let row_statuses: Arc<[FieldStatus]> = rows.iter().map(|row| status(row.is_some())).collect();
    for (feature, slots) in view.features.iter().zip(&bound.features) {
        let slot = |row: &ViewRow<'_>| slots[row.schema].as_ref();
        let payloads = rows.iter().map(|row| match row {
            Some(row) => slot(row).map_or(Ok(None), |slot| slot.payload(row.bytes)),
            None => Ok(None),
        });
        let values = read_column(&feature.value_type, payloads)?;
        let statuses = if slots.iter().all(Option::is_some) {
            Arc::clone(&row_statuses)
        } else {
            let has_feature = |row: &Option<ViewRow<'_>>| row.as_ref().and_then(slot).is_some();
            rows.iter().map(|row| status(has_feature(row))).collect()
        };
        columns.push(FeatureColumn {
            name: &feature.answer_name,
            value_type: &feature.value_type,
            is_join_key: false,
            values,
            statuses,
            event_times: Arc::clone(&event_times),
        });
    }
    Ok(())
}
