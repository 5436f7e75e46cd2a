//! The entity keys of a request: one list for each group of views that share their join keys.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use feast_codec::packed_bytes::PackedBytes;
use feast_conversion::coerce;
use feast_model::error::{Error, ErrorKind, FeastException, Result};
use feast_model::{DUMMY_JOIN_KEY, ValueType};
use feast_python_notation::python_list;

use super::plan::ReadPlan;
use super::planned_view::KeyGroup;

/// The entities of a request: key columns of equal length.
#[derive(Debug, Clone)]
pub struct EntityRows {
    rows: usize,
    columns: Vec<KeyColumn>,
    /// What functions take from the request.
    request_data: Vec<KeyColumn>,
}

/// The values of one join key.
#[derive(Debug, Clone)]
pub struct KeyColumn {
    /// The name of [`JoinKey`](super::JoinKey).
    pub name: String,
    /// The type of [`JoinKey`](super::JoinKey); where it has none, the one of the response.
    pub value_type: ValueType,
    /// Of the type's Arrow type, or of one that can be converted to it.
    pub values: ArrayRef,
}

impl EntityRows {
    /// `columns` are in the order of the response, each with `rows` values.
    ///
    /// # Errors
    /// `Invalid` when a column has another length, or values that are not of its type.
    pub fn new(rows: usize, mut columns: Vec<KeyColumn>) -> Result<Self> {
        if columns.iter().any(|column| column.values.len() != rows) {
            return Err(Error::invalid("All entity rows must have the same columns."));
        }
        for column in &mut columns {
            column.values = typed_keys(&column.values, &column.value_type, &column.name)?;
        }
        Ok(Self {
            rows,
            columns,
            request_data: Vec::new(),
        })
    }

    /// Adds the columns of the request that functions read, each of the type that is declared for it.
    ///
    /// # Errors
    /// As [`EntityRows::new`].
    pub fn with_request_data(mut self, mut columns: Vec<KeyColumn>) -> Result<Self> {
        for column in &mut columns {
            if column.values.len() != self.rows {
                return Err(Error::invalid("All entity rows must have the same columns."));
            }
            if *column.values.data_type() != column.value_type.arrow_type() {
                let values = coerce(&column.values, &column.value_type);
                let name = &column.name;
                column.values = values
                    .map_err(|source| Error::new(ErrorKind::Unprocessable, format!("request data {name}: {source}")))?;
            }
        }
        self.request_data = columns;
        Ok(self)
    }

    pub(super) fn request_data(&self) -> &[KeyColumn] {
        &self.request_data
    }

    /// Number of requested entities.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How much memory the keys take, in bytes, approximately.
    pub fn bytes(&self) -> usize {
        let columns = self.columns.iter().chain(&self.request_data);
        columns.map(|column| column.values.get_buffer_memory_size()).sum()
    }

    pub(super) fn columns(&self) -> &[KeyColumn] {
        &self.columns
    }

    pub(super) fn column(&self, name: &str) -> Option<&ArrayRef> {
        let column = self.columns.iter().find(|column| column.name == name);
        column.map(|column| &column.values)
    }
}

/// For each group of the plan the entity key of each row of the request, empty where a key value is null.
pub(crate) fn entity_keys(plan: &ReadPlan, entities: &EntityRows) -> Result<Vec<PackedBytes>> {
    plan.check_request_data(entities)?;
    let groups = plan.groups.iter().map(|group| {
        let columns = key_columns(group, plan, entities)?;
        let mut keys = PackedBytes::with_capacity(entities.rows, entities.rows * 48);
        for row in 0..entities.rows {
            keys.push_with(|out| {
                // Nothing is written for a null.
                group.encoder.encode(&columns, row, out);
            });
        }
        Ok(keys)
    });
    groups.collect()
}

/// The key columns of a group, in its order and types.
fn key_columns(group: &KeyGroup, plan: &ReadPlan, entities: &EntityRows) -> Result<Vec<ArrayRef>> {
    let columns = group.keys.iter().map(|key| {
        if key.join_key == DUMMY_JOIN_KEY {
            return Ok(Arc::new(StringArray::from(vec![""; entities.rows])) as ArrayRef);
        }
        let given = entities
            .column(&key.request_key)
            .or_else(|| entities.column(&key.join_key));
        let given = given
            .filter(|_| entities.rows > 0)
            .ok_or_else(|| missing_keys(plan, entities))?;
        typed_keys(given, &key.value_type, &key.request_key)
    });
    columns.collect()
}

fn typed_keys(values: &ArrayRef, value_type: &ValueType, name: &str) -> Result<ArrayRef> {
    if *values.data_type() == value_type.arrow_type() {
        return Ok(Arc::clone(values));
    }
    coerce(values, value_type).map_err(|source| Error::invalid(format!("join key {name}: {source}")))
}

/// Feast's message, naming only the keys of the requested views.
fn missing_keys(plan: &ReadPlan, entities: &EntityRows) -> Error {
    let requested = plan
        .groups
        .iter()
        .flat_map(|group| &group.keys)
        .filter(|key| key.join_key != DUMMY_JOIN_KEY);
    let is_given = |name: &str| entities.column(name).is_some();
    let mut missing: Vec<&str> = requested
        .clone()
        .filter(|key| !is_given(&key.request_key) && !is_given(&key.join_key))
        .map(|key| key.request_key.as_str())
        .collect();
    let mut empty: Vec<&str> = requested
        .filter(|key| entities.rows == 0 || missing.contains(&key.request_key.as_str()))
        .map(|key| key.request_key.as_str())
        .collect();
    for names in [&mut missing, &mut empty] {
        names.sort_unstable();
        names.dedup();
    }
    let provided: Vec<&str> = entities.columns.iter().map(|column| column.name.as_str()).collect();
    Error::invalid(format!(
        "Missing join key values for keys: {}. No values provided for keys: {}. Provided join_key_values: {}",
        python_list(missing),
        python_list(empty),
        python_list(provided)
    ))
    .with_exception(FeastException::KeyError)
}
