//! The store keys of a request: built in one block, then sorted and made distinct for one batched look-up.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};

use super::plan::{PlannedView, ReadPlan};
use crate::codec::byte_block::ByteBlock;
use crate::codec::coerce::coerce;
use crate::codec::entity_key::EntityKeyEncoder;
use crate::codec::python_text::python_list;
use crate::codec::storage_key::row_prefix;
use crate::error::{Error, FeastException, Result};
use crate::model::{DUMMY_JOIN_KEY, FeatureView, ValueType};
use crate::storage::Tables;

/// The entities a request asks about: key columns of equal length.
#[derive(Debug, Clone)]
pub struct EntityRows {
    rows: usize,
    columns: Vec<KeyColumn>,
}

/// The values of one join key.
#[derive(Debug, Clone)]
pub struct KeyColumn {
    /// The name of [`JoinKey`](super::JoinKey).
    pub name: String,
    /// The type of [`JoinKey`](super::JoinKey); where it has none, the one to answer with.
    pub value_type: ValueType,
    /// Of the type's Arrow type.
    pub values: ArrayRef,
}

impl EntityRows {
    /// `columns` are in the order in which they are answered, each with `rows` values.
    ///
    /// # Errors
    /// `Invalid` when a column has another length.
    pub fn new(rows: usize, columns: Vec<KeyColumn>) -> Result<Self> {
        if columns.iter().any(|column| column.values.len() != rows) {
            return Err(Error::invalid("All entity rows must have the same columns."));
        }
        Ok(Self { rows, columns })
    }

    /// Number of entities asked about.
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> &[KeyColumn] {
        &self.columns
    }

    fn column(&self, name: &str) -> Option<&ArrayRef> {
        let column = self.columns.iter().find(|column| column.name == name);
        column.map(|column| &column.values)
    }
}

/// Writes the entity keys of a view from columns in the order of its join keys.
pub(super) fn key_encoder(view: &FeatureView) -> Result<EntityKeyEncoder> {
    let named: Vec<_> = view
        .entity_columns
        .iter()
        .map(|key| (key.name.as_str(), &key.value_type))
        .collect();
    EntityKeyEncoder::new(&named)
        .map_err(|unsupported| Error::invalid(format!("feature view {}: {unsupported}", view.name)))
}

/// The distinct keys of a request in ascending order, and which of them each (view, row) means.
pub(super) struct RequestKeys {
    block: ByteBlock,
    /// Positions in the block of the distinct keys, in key order.
    distinct: Vec<usize>,
    /// For each view, for each row: position in `distinct`; `None` when the view has no rows or the key is null.
    places: Vec<Vec<Option<usize>>>,
}

impl RequestKeys {
    pub(super) fn new(plan: &ReadPlan, entities: &EntityRows, tables: &Tables) -> Result<Self> {
        let mut block =
            ByteBlock::with_capacity(plan.views.len() * entities.rows, plan.views.len() * entities.rows * 48);
        let mut places = Vec::with_capacity(plan.views.len());
        for view in &plan.views {
            let columns = key_columns(view, plan, entities)?;
            let Some(table) = tables.get(&view.view) else {
                places.push(vec![None; entities.rows]);
                continue;
            };
            let prefix = row_prefix(table.id);
            let place = |row| {
                let pushed = block.push_if(|out| {
                    out.extend_from_slice(&prefix);
                    view.encoder.encode(&columns, row, out)
                });
                pushed.then(|| block.len() - 1)
            };
            places.push((0..entities.rows).map(place).collect());
        }
        Ok(Self::sorted(block, places))
    }

    fn sorted(block: ByteBlock, mut places: Vec<Vec<Option<usize>>>) -> Self {
        let mut order: Vec<usize> = (0..block.len()).collect();
        order.sort_unstable_by(|left, right| block.get(*left).cmp(block.get(*right)));
        let mut rank = vec![0; block.len()];
        let mut distinct: Vec<usize> = Vec::with_capacity(order.len());
        for position in order {
            if distinct
                .last()
                .is_none_or(|last| block.get(*last) != block.get(position))
            {
                distinct.push(position);
            }
            rank[position] = distinct.len() - 1;
        }
        places
            .iter_mut()
            .flatten()
            .flatten()
            .for_each(|place| *place = rank[*place]);
        Self {
            block,
            distinct,
            places,
        }
    }

    /// The distinct keys, ascending.
    pub(super) fn distinct(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.distinct.iter().map(|position| self.block.get(*position))
    }

    /// For each row, the position of its key among the distinct ones.
    pub(super) fn places(&self, view: usize) -> &[Option<usize>] {
        &self.places[view]
    }
}

/// The key columns of a view, in the view's order and types.
fn key_columns(view: &PlannedView, plan: &ReadPlan, entities: &EntityRows) -> Result<Vec<ArrayRef>> {
    let columns = view.keys.iter().map(|key| {
        if key.join_key == DUMMY_JOIN_KEY {
            return Ok(Arc::new(StringArray::from(vec![""; entities.rows])) as ArrayRef);
        }
        let given = entities
            .column(&key.request_key)
            .or_else(|| entities.column(&key.join_key));
        let given = given
            .filter(|_| entities.rows > 0)
            .ok_or_else(|| missing_keys(plan, entities))?;
        if *given.data_type() == key.value_type.arrow_type() {
            return Ok(Arc::clone(given));
        }
        coerce(given, &key.value_type)
            .map_err(|source| Error::invalid(format!("join key {}: {source}", key.request_key)))
    });
    columns.collect()
}

/// Feast's text, naming only the keys of the requested views.
fn missing_keys(plan: &ReadPlan, entities: &EntityRows) -> Error {
    let wanted = plan
        .views
        .iter()
        .flat_map(|view| &view.keys)
        .filter(|key| key.join_key != DUMMY_JOIN_KEY);
    let is_given = |name: &str| entities.column(name).is_some();
    let mut missing: Vec<&str> = wanted
        .clone()
        .filter(|key| !is_given(&key.request_key) && !is_given(&key.join_key))
        .map(|key| key.request_key.as_str())
        .collect();
    let mut empty: Vec<&str> = wanted
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
