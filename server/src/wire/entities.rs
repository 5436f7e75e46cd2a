//! The keys of a read, as they were given, into key columns of the join keys' types.
//!
//! Owns the forms in which keys come. Keys that no requested view has are echoed as they were given, whatever they are; names that
//! the plan does not know are only counted. Knows nothing of how a request is parsed, or of stored keys.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringArray};
use arrow::datatypes::DataType;
use feast_conversion::json::column;
use feast_conversion::{CoercionRules, Numbers};
use feast_engine::model::ValueType;
use feast_engine::{EntityRows, Error, FeastException, JoinKey, KeyColumn, ReadPlan};
use serde_json::Value;

/// Names and their keys, in the order of the request.
pub(crate) type Entities = Vec<(String, KeyValues)>;

/// The keys under one name, in the form in which they came.
pub(crate) enum KeyValues {
    /// Whole numbers, without nulls.
    Integers(Arc<Int64Array>),
    /// Strings, without nulls.
    Strings(Arc<StringArray>),
    /// JSON of any kind.
    Json(Vec<Value>, Numbers),
    /// A column of an Arrow stream.
    Arrow(ArrayRef),
}

impl KeyValues {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(keys) => keys.len(),
            Self::Strings(keys) => keys.len(),
            Self::Json(keys, _) => keys.len(),
            Self::Arrow(keys) => keys.len(),
        }
    }

    /// The column as it is, if that is what a key of this type is read as.
    fn as_column(&self, value_type: Option<&ValueType>) -> Option<(ValueType, ArrayRef)> {
        match (self, value_type) {
            (Self::Integers(keys), None | Some(ValueType::Int64)) => {
                Some((ValueType::Int64, Arc::clone(keys) as ArrayRef))
            }
            (Self::Strings(keys), None | Some(ValueType::String)) => {
                Some((ValueType::String, Arc::clone(keys) as ArrayRef))
            }
            // The engine brings it to the type of the key.
            (Self::Arrow(keys), Some(value_type)) => Some((value_type.clone(), Arc::clone(keys))),
            _ => None,
        }
    }

    /// The keys as JSON values. Columns of Arrow have none.
    fn values(&self) -> Cow<'_, [Value]> {
        match self {
            Self::Integers(keys) => keys.values().iter().map(|key| Value::from(*key)).collect(),
            Self::Strings(keys) => keys.iter().map(Value::from).collect(),
            Self::Json(keys, _) => Cow::Borrowed(keys),
            Self::Arrow(_) => Cow::Borrowed(&[]),
        }
    }

    fn numbers(&self) -> Numbers {
        match self {
            Self::Json(_, numbers) => *numbers,
            Self::Integers(_) | Self::Strings(_) | Self::Arrow(_) => Numbers::Exact,
        }
    }

    #[cfg(test)]
    pub(super) fn to_json(&self) -> Value {
        Value::from(self.values().into_owned())
    }
}

/// Reads the keys that the plan knows, under the name of the join key; other lists must only have the common length.
pub(crate) fn entity_rows(plan: &ReadPlan, entities: &Entities) -> Result<EntityRows, Error> {
    if entities.is_empty() {
        // Python's own words, which Feast passes on.
        return Err(Error::invalid("pop from an empty set").with_exception(FeastException::KeyError));
    }
    let mut rows = None;
    let mut columns: Vec<KeyColumn> = Vec::with_capacity(entities.len());
    let mut request_data = Vec::new();
    for (name, values) in entities {
        if *rows.get_or_insert(values.len()) != values.len() {
            return Err(Error::invalid("All entity rows must have the same columns."));
        }
        let column = plan.request_column(name);
        if let Some(value_type) = column.data_type {
            request_data.push(data_column(name, value_type, values)?);
        }
        let Some(key) = column.key else { continue };
        let Some(keys) = key_column(key, values)? else { continue };
        // An entity's name and its join key mean the same column; the later one counts.
        match columns.iter_mut().find(|column| column.name == key.name) {
            Some(column) => *column = keys,
            None => columns.push(keys),
        }
    }
    EntityRows::new(rows.unwrap_or_default(), columns)?.with_request_data(request_data)
}

/// Data that functions take from the request, in the type that is declared for it.
fn data_column(name: &str, value_type: &ValueType, values: &KeyValues) -> Result<KeyColumn, Error> {
    let values = match values.as_column(Some(value_type)) {
        Some((_, values)) => values,
        None => {
            let (numbers, values) = (values.numbers(), values.values());
            let cells: Vec<&Value> = values.iter().collect();
            let rules = CoercionRules::for_json(value_type).with(numbers);
            let column = column(&cells, &value_type.arrow_type(), rules);
            column.map_err(|error| error.for_request_data(name))?
        }
    };
    Ok(KeyColumn {
        name: name.to_owned(),
        value_type: value_type.clone(),
        values,
    })
}

/// `None` for a column of an Arrow stream that no requested view has and whose type no key has: nothing needs it.
fn key_column(key: &JoinKey, values: &KeyValues) -> Result<Option<KeyColumn>, Error> {
    let column = match (values.as_column(key.value_type.as_ref()), values) {
        (Some(column), _) => column,
        (None, KeyValues::Arrow(keys)) => match arrow_key_type(keys.data_type()) {
            Some(value_type) => (value_type, Arc::clone(keys)),
            None => return Ok(None),
        },
        (None, _) => json_column(key, &values.values(), values.numbers())?,
    };
    let (value_type, values) = column;
    Ok(Some(KeyColumn {
        name: key.name.clone(),
        value_type,
        values,
    }))
}

/// The type as which a column of an Arrow stream can be answered unchanged.
fn arrow_key_type(data_type: &DataType) -> Option<ValueType> {
    let types = [ValueType::Int64, ValueType::String, ValueType::Int32, ValueType::Bytes];
    types
        .into_iter()
        .find(|value_type| value_type.arrow_type() == *data_type)
}

fn json_column(key: &JoinKey, values: &[Value], numbers: Numbers) -> Result<(ValueType, ArrayRef), Error> {
    let name = &key.name;
    if key.value_type.is_some()
        && let Some(row) = values.iter().position(|value| value.is_array() || value.is_object())
    {
        let message = format!("join key {name}, row {row}: {} is not a single value", values[row]);
        return Err(Error::invalid(message));
    }
    if key.value_type.is_none()
        && let Some(row) = values.iter().position(|value| numbers.may_differ_in(value))
    {
        let message =
            format!("join key {name}, row {row}: an integer beyond 64 bits cannot be answered as it was given");
        return Err(Error::invalid(message).with_hint("write it as text"));
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
    let values = column(
        &cells,
        &value_type.arrow_type(),
        CoercionRules::for_json(&value_type).with(numbers),
    )
    .map_err(|error| error.for_key(name))?;
    Ok((value_type, values))
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
            let (value_type, column) = json_column(&key, values, Numbers::Exact).unwrap();
            assert_eq!(value_type, expected, "{given}");
            let json = super::super::json::JsonColumn::new(&column, &value_type);
            let mut written = Vec::new();
            json.write(0..values.len(), &mut written);
            assert_eq!(format!("[{}]", String::from_utf8(written).unwrap()), given.to_string());
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
