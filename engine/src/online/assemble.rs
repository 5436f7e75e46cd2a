//! Stored rows into the columns of a response.
//!
//! Statuses and event times are decoded once a view, values one array for each Arrow type of a view. Knows nothing of where rows come from.

use std::sync::Arc;

use arrow::array::new_null_array;
use feast_codec::row::{CorruptRow, RowHeader};
use feast_codec::row_reader::{SchemaRow, TypedColumns};
use feast_model::Timestamp;

use super::binding::{Binding, BoundView};
use super::feature_vectors::{ColumnField, ColumnParts, FeatureVectors, FieldStatus, ViewOutcome};
use super::keys::EntityRows;
use super::plan::ReadPlan;
use super::planned_view::{PlannedFeature, PlannedView};
use crate::clock;
use crate::online_store::RowBatch;

/// The rows of a view, one for each requested entity.
struct ViewRows<'rows> {
    rows: Vec<Option<SchemaRow<'rows>>>,
    statuses: Vec<FieldStatus>,
    event_times: Vec<Timestamp>,
    /// Whether some rows lack features that their schema has.
    has_gaps: bool,
}

/// What is made of stored rows.
pub(crate) struct Columns<'request> {
    /// The response, as far as it is stored.
    pub(crate) vectors: FeatureVectors<'request>,
    /// All features that the plan looks up, one after the other, where functions read some of them.
    pub(super) stored: Option<Vec<ColumnParts<'request>>>,
}

impl<'request> Columns<'request> {
    fn push(&mut self, feature: &PlannedFeature, parts: ColumnParts<'request>) {
        if let Some(stored) = &mut self.stored {
            stored.push(parts.clone());
        }
        if feature.is_answered {
            self.vectors.push_parts(parts);
        }
    }
}

/// `found` are the rows of each group of the plan.
pub(crate) fn assemble<'request>(
    plan: &'request ReadPlan,
    binding: &Binding,
    entities: &'request EntityRows,
    found: &[RowBatch],
) -> Result<Columns<'request>, CorruptRow> {
    let rows = entities.rows();
    let mut vectors = FeatureVectors::with_capacity(rows, entities.columns().len() + plan.feature_count());
    push_key_columns(entities, &mut vectors);
    let mut columns = Columns {
        vectors,
        stored: (!plan.computations.is_empty()).then(Vec::new),
    };
    let has_max_age = plan.views.iter().any(|view| view.max_age.is_some());
    let now = if has_max_age { clock::now() } else { Timestamp::EPOCH };
    for (number, view) in plan.views.iter().enumerate() {
        let outcome = match binding.view(number) {
            None => push_empty_columns(view, &mut columns),
            Some(bound) => {
                let rows_per_entity = binding.rows_per_entity(view.group);
                let stored = (0..rows).map(|row| found[view.group].get(row * rows_per_entity + bound.table));
                let rows = ViewRows::new(bound, stored)?;
                let rows_outside_max_age = rows.count_outside_max_age(view, now);
                ViewOutcome {
                    rows_outside_max_age,
                    ..push_view_columns(view, bound, rows, &mut columns)?
                }
            }
        };
        columns.vectors.add_outcome(outcome);
    }
    Ok(columns)
}

fn push_key_columns<'request>(entities: &'request EntityRows, vectors: &mut FeatureVectors<'request>) {
    let statuses = vectors.add_statuses(vec![FieldStatus::Present; entities.rows()]);
    let event_times = vectors.add_event_times(vec![Timestamp::EPOCH; entities.rows()]);
    for key in entities.columns() {
        let parts = ColumnParts {
            field: ColumnField {
                name: &key.name,
                value_type: &key.value_type,
                is_join_key: true,
            },
            array: vectors.add_array(Arc::clone(&key.values)),
            number: 0,
            statuses,
            event_times,
        };
        vectors.push_parts(parts);
    }
}

/// The columns of a view that nothing was ever written to.
fn push_empty_columns<'request>(view: &'request PlannedView, columns: &mut Columns<'request>) -> ViewOutcome {
    let vectors = &mut columns.vectors;
    let rows = vectors.rows();
    let statuses = vectors.add_statuses(vec![FieldStatus::NotFound; rows]);
    let event_times = vectors.add_event_times(vec![Timestamp::EPOCH; rows]);
    for feature in &view.features {
        let parts = ColumnParts {
            field: field(feature),
            array: columns
                .vectors
                .add_array(new_null_array(&feature.value_type.arrow_type(), rows)),
            number: 0,
            statuses,
            event_times,
        };
        columns.push(feature, parts);
    }
    ViewOutcome {
        values_not_found: rows * view.features.len(),
        ..ViewOutcome::default()
    }
}

fn field(feature: &PlannedFeature) -> ColumnField<'_> {
    ColumnField {
        name: &feature.response_name,
        value_type: &feature.value_type,
        is_join_key: false,
    }
}

impl<'rows> ViewRows<'rows> {
    fn new(view: &BoundView, stored: impl ExactSizeIterator<Item = Option<&'rows [u8]>>) -> Result<Self, CorruptRow> {
        let mut rows = Vec::with_capacity(stored.len());
        let mut statuses = Vec::with_capacity(stored.len());
        let mut event_times = Vec::with_capacity(stored.len());
        let mut has_gaps = false;
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
                return Err(CorruptRow("its schema is not known"));
            }
            has_gaps |= view.schemas_with_gaps.contains(&schema);
            rows.push(Some(SchemaRow { bytes, schema }));
            statuses.push(FieldStatus::Present);
            event_times.push(header.version.event_time);
        }
        Ok(Self {
            rows,
            statuses,
            event_times,
            has_gaps,
        })
    }

    fn count_outside_max_age(&self, view: &PlannedView, now: Timestamp) -> usize {
        let Some(max_age) = view.max_age else { return 0 };
        let oldest = now.micros().saturating_sub(max_age);
        let rows = self.rows.iter().zip(&self.event_times);
        rows.filter(|(row, event_time)| row.is_some() && event_time.micros() < oldest)
            .count()
    }
}

fn push_view_columns<'request>(
    view: &'request PlannedView,
    bound: &BoundView,
    stored: ViewRows<'_>,
    columns: &mut Columns<'request>,
) -> Result<ViewOutcome, CorruptRow> {
    let vectors = &mut columns.vectors;
    let rows = &stored.rows;
    let rows_found = rows.iter().flatten().count();
    let first_array = vectors.array_count();
    // An array knows how many of its values are null, those that are not found among them.
    let mut nulls = 0;
    for array in &bound.arrays {
        let values = array.read(rows)?;
        nulls += values.null_count();
        vectors.add_array(values);
    }
    let mut values_not_found = (rows.len() - rows_found) * view.features.len();
    let statuses = vectors.add_statuses(stored.statuses);
    let event_times = vectors.add_event_times(stored.event_times);
    for (feature, column) in view.features.iter().zip(&bound.columns) {
        let array = &bound.arrays[column.array];
        let statuses = match array.is_in_all_schemas(column.number) && !stored.has_gaps {
            true => statuses,
            false => {
                let statuses = statuses_of(array, column.number, rows);
                let present = statuses.iter().filter(|status| **status == FieldStatus::Present);
                values_not_found += rows_found - present.count();
                columns.vectors.add_statuses(statuses)
            }
        };
        let parts = ColumnParts {
            field: field(feature),
            array: first_array + column.array,
            number: column.number,
            statuses,
            event_times,
        };
        columns.push(feature, parts);
    }
    Ok(ViewOutcome {
        rows_found,
        rows_outside_max_age: 0,
        values_present: rows.len() * view.features.len() - values_not_found,
        values_null: nulls.saturating_sub(values_not_found),
        values_not_found,
    })
}

/// The statuses of a feature that some rows do not have.
fn statuses_of(columns: &TypedColumns, feature: usize, rows: &[Option<SchemaRow<'_>>]) -> Vec<FieldStatus> {
    let status = |row: &Option<SchemaRow<'_>>| match row {
        Some(row) if columns.is_stored(feature, row) => FieldStatus::Present,
        _ => FieldStatus::NotFound,
    };
    rows.iter().map(status).collect()
}
