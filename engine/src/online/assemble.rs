//! Stored rows into the answer: for each feature a column of values, statuses and event times.

use std::ops::Deref;
use std::sync::Arc;

use arrow::array::ArrayRef;

use super::keys::{EntityRows, RequestKeys};
use super::plan::{PlannedView, ReadPlan};
use crate::codec::row::{DamagedRow, RowHeader};
use crate::codec::row_reader::FeatureBuilder;
use crate::model::{Timestamp, ValueType};
use crate::storage::{Table, Tables};

/// The answer to a request: columns x rows, one row per entity asked about.
#[derive(Debug, Clone)]
pub struct FeatureVectors {
    /// Join keys first, in request order, then features in request order.
    pub columns: Vec<FeatureColumn>,
    /// Number of entities.
    pub rows: usize,
}

/// One column of an answer. The three lists are as long as the answer has rows.
#[derive(Debug, Clone)]
pub struct FeatureColumn {
    /// Name in the answer.
    pub name: String,
    /// Type of the values.
    pub value_type: ValueType,
    /// Values, of the type's Arrow type.
    pub values: ArrayRef,
    /// Whether each value is what it should be.
    pub statuses: Vec<FieldStatus>,
    /// Event time of the row each value comes from; the epoch where there is none.
    pub event_times: Arc<[Timestamp]>,
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

/// `rows` are the stored rows of the distinct keys.
pub(super) fn assemble<Row: Deref<Target = [u8]>>(
    plan: &ReadPlan,
    entities: &EntityRows,
    tables: &Tables,
    keys: &RequestKeys,
    rows: &[Option<Row>],
) -> Result<FeatureVectors, DamagedRow> {
    let mut columns = key_columns(entities);
    for (index, view) in plan.views.iter().enumerate() {
        let table = tables.get(&view.view).map(|table| &**table);
        let view_rows = keys
            .places(index)
            .iter()
            .map(|place| place.and_then(|place| rows[place].as_deref()));
        columns.extend(view_columns(view, table, view_rows)?);
    }
    Ok(FeatureVectors {
        columns,
        rows: entities.rows(),
    })
}

fn key_columns(entities: &EntityRows) -> Vec<FeatureColumn> {
    let epochs: Arc<[Timestamp]> = vec![Timestamp::EPOCH; entities.rows()].into();
    let columns = entities.columns().iter().map(|key| FeatureColumn {
        name: key.name.clone(),
        value_type: key.value_type.clone(),
        values: Arc::clone(&key.values),
        statuses: vec![FieldStatus::Present; entities.rows()],
        event_times: Arc::clone(&epochs),
    });
    columns.collect()
}

fn view_columns<'row>(
    view: &PlannedView,
    table: Option<&Table>,
    rows: impl ExactSizeIterator<Item = Option<&'row [u8]>>,
) -> Result<Vec<FeatureColumn>, DamagedRow> {
    let count = rows.len();
    let schemas = table.map_or(&[][..], Table::schemas);
    // For each schema, the position in its rows of each wanted feature.
    let positions: Vec<Vec<Option<usize>>> = schemas
        .iter()
        .map(|schema| {
            view.features
                .iter()
                .map(|feature| schema.position(&feature.name, &feature.storage_type))
                .collect()
        })
        .collect();
    let mut builders: Vec<_> = view
        .features
        .iter()
        .map(|feature| FeatureBuilder::new(&feature.value_type, count))
        .collect();
    let mut statuses = vec![Vec::with_capacity(count); view.features.len()];
    let mut event_times = Vec::with_capacity(count);
    for row in rows {
        let Some(row) = row else {
            event_times.push(Timestamp::EPOCH);
            for (builder, statuses) in builders.iter_mut().zip(&mut statuses) {
                builder.append(None)?;
                statuses.push(FieldStatus::NotFound);
            }
            continue;
        };
        let header = RowHeader::decode(row)?;
        event_times.push(header.age.event_time);
        let schema_id = header.schema_id as usize;
        let (schema, positions) = schemas
            .get(schema_id)
            .zip(positions.get(schema_id))
            .ok_or(DamagedRow("its schema is not known"))?;
        for (feature, position) in positions.iter().enumerate() {
            let (payload, status) = match position {
                Some(position) => (schema.layout.payload(row, *position)?, FieldStatus::Present),
                None => (None, FieldStatus::NotFound),
            };
            builders[feature].append(payload)?;
            statuses[feature].push(status);
        }
    }
    let event_times: Arc<[Timestamp]> = event_times.into();
    let columns = view
        .features
        .iter()
        .zip(builders)
        .zip(statuses)
        .map(|((feature, builder), statuses)| FeatureColumn {
            name: feature.answer_name.clone(),
            value_type: feature.value_type.clone(),
            values: builder.finish(),
            statuses,
            event_times: Arc::clone(&event_times),
        });
    Ok(columns.collect())
}
