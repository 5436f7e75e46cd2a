//! The `entities` of a read: lists of JSON values into key columns.

use feast_engine::model::ValueType;
use feast_engine::{EntityRows, Error, FeastException, JoinKey, KeyColumn, ReadPlan};
use serde_json::{Map, Value};

use super::column::{Rules, column};

/// Reads the keys that the plan knows, under the name of the join key; other lists must only have the common length.
pub(crate) fn entity_rows(plan: &ReadPlan, entities: &Map<String, Value>) -> Result<EntityRows, Error> {
    if entities.is_empty() {
        // Python's own words, which Feast passes on.
        return Err(Error::invalid("pop from an empty set").with_exception(FeastException::KeyError));
    }
    let mut rows = None;
    let mut columns: Vec<KeyColumn> = Vec::with_capacity(entities.len());
    for (name, values) in entities {
        let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
        if *rows.get_or_insert(values.len()) != values.len() {
            return Err(Error::invalid("All entity rows must have the same columns."));
        }
        let Some(key) = plan.join_key(name) else { continue };
        let keys = key_column(key, values)?;
        // An entity's name and its join key mean the same column; the later one counts.
        match columns.iter_mut().find(|column| column.name == key.name) {
            Some(column) => *column = keys,
            None => columns.push(keys),
        }
    }
    EntityRows::new(rows.unwrap_or_default(), columns)
}

fn key_column(key: &JoinKey, values: &[Value]) -> Result<KeyColumn, Error> {
    let name = &key.name;
    if key.value_type.is_some()
        && let Some(row) = values.iter().position(|value| value.is_array() || value.is_object())
    {
        let text = format!("join key {name}, row {row}: {} is not a single value", values[row]);
        return Err(Error::invalid(text));
    }
    let value_type = key.value_type.clone().unwrap_or_else(|| inferred_type(values));
    let cells: Vec<Value>;
    let cells: Vec<&Value> = if value_type.is_document() {
        // Answered as they were given, whatever they are.
        cells = values.iter().map(as_document).collect();
        cells.iter().collect()
    } else {
        values.iter().collect()
    };
    let values =
        column(&cells, &value_type.arrow_type(), Rules::of(&value_type)).map_err(|misfit| misfit.of_key(name))?;
    Ok(KeyColumn {
        name: name.clone(),
        value_type,
        values,
    })
}

/// The type of values that are not looked up, but only answered.
fn inferred_type(values: &[Value]) -> ValueType {
    let all = |is_such: fn(&Value) -> bool| values.iter().all(|value| value.is_null() || is_such(value));
    if all(Value::is_string) {
        ValueType::String
    } else if all(Value::is_i64) {
        ValueType::Int64
    } else if all(Value::is_boolean) {
        ValueType::Bool
    } else if all(Value::is_f64) {
        ValueType::Float64
    } else {
        ValueType::Map
    }
}

fn as_document(value: &Value) -> Value {
    if value.is_null() {
        Value::Null
    } else {
        Value::from(value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_that_no_view_needs_keep_their_values() {
        let check = |given: Value, expected: ValueType| {
            let key = JoinKey {
                name: "k".to_owned(),
                value_type: None,
            };
            let values = given.as_array().unwrap();
            let column = key_column(&key, values).unwrap();
            assert_eq!(column.value_type, expected, "{given}");
            let json = super::super::json::JsonColumn::new(&column.values, &column.value_type);
            let mut answer = Vec::new();
            json.write(0..values.len(), &mut answer);
            assert_eq!(format!("[{}]", String::from_utf8(answer).unwrap()), given.to_string());
        };
        check(json!([7, null, -1]), ValueType::Int64);
        check(json!(["7", ""]), ValueType::String);
        check(json!([true]), ValueType::Bool);
        check(json!([0.5]), ValueType::Float64);
        check(
            json!([1, "x", [[]], {"a": 1}, null, 18446744073709551615u64]),
            ValueType::Map,
        );
    }
}
