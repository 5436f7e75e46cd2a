//! The `entities` of a read: lists of JSON values into key columns.

use arrow::array::ArrayRef;
use feast_engine::{EntityRows, Error, FeastException, ReadPlan};
use serde_json::{Map, Value};

use super::column::{Numbers, column};

/// Reads the keys that the plan knows, under the name of the join key; other lists must only have the common length.
pub(crate) fn entity_rows(plan: &ReadPlan, entities: &Map<String, Value>) -> Result<EntityRows, Error> {
    if entities.is_empty() {
        // Python's own words, which Feast passes on.
        return Err(Error::invalid("pop from an empty set").with_exception(FeastException::KeyError));
    }
    let mut rows = None;
    let mut columns: Vec<(String, ArrayRef)> = Vec::with_capacity(entities.len());
    for (name, values) in entities {
        let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
        if *rows.get_or_insert(values.len()) != values.len() {
            return Err(Error::invalid("All entity rows must have the same columns."));
        }
        let Some(key) = plan.join_key(name) else { continue };
        let keys = column(
            &values.iter().collect::<Vec<_>>(),
            &key.value_type.arrow_type(),
            Numbers::Feature,
        )
        .map_err(|problem| problem.of_key())?;
        // An entity's name and its join key mean the same column; the later one counts.
        match columns.iter_mut().find(|(known, _)| *known == key.name) {
            Some((_, column)) => *column = keys,
            None => columns.push((key.name.clone(), keys)),
        }
    }
    EntityRows::new(rows.unwrap_or_default(), columns)
}
