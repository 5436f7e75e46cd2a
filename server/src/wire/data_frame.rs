//! The `df` of a write: what `pandas.DataFrame(df)` makes of a JSON object, then the columns a target needs.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use feast_engine::{ColumnRole, Error, FeastException, WriteTarget};
use serde_json::{Map, Value};

use super::column::{Numbers, column, event_times};

/// Named columns of equal length, still as JSON.
pub(crate) struct DataFrame {
    columns: Vec<(String, Column)>,
    rows: usize,
}

enum Column {
    Values(Vec<Value>),
    /// A scalar, which stands in every row.
    Repeated(Value),
}

impl DataFrame {
    /// Lists are columns; a scalar beside a list is repeated; an object is a column by its keys' order.
    pub(crate) fn new(df: Map<String, Value>) -> Result<Self, Error> {
        let length = |value: &Value| match value {
            Value::Array(items) => Some(items.len()),
            Value::Object(members) => Some(members.len()),
            _ => None,
        };
        let lengths: Vec<usize> = df.values().filter_map(length).collect();
        let Some(rows) = lengths.first().copied() else {
            if df.is_empty() {
                return Ok(Self {
                    columns: Vec::new(),
                    rows: 0,
                });
            }
            return Err(Error::invalid("If using all scalar values, you must pass an index"));
        };
        if lengths.iter().any(|length| *length != rows) {
            return Err(Error::invalid("All arrays must be of the same length"));
        }
        let columns = df.into_iter().map(|(name, value)| {
            let values = match value {
                Value::Array(items) => Column::Values(items),
                Value::Object(members) => Column::Values(members.into_iter().map(|(_, value)| value).collect()),
                scalar => Column::Repeated(scalar),
            };
            (name, values)
        });
        Ok(Self {
            columns: columns.collect(),
            rows,
        })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The columns that a view needs, in its order. Others are ignored.
    pub(crate) fn columns_of(&self, target: &WriteTarget) -> Result<Vec<ArrayRef>, Error> {
        if self.rows == 0 {
            return Ok(Vec::new());
        }
        let missing: Vec<&str> = target
            .columns()
            .iter()
            .filter(|wanted| matches!(wanted.role, ColumnRole::Feature(_)) && !self.has(&wanted.name))
            .map(|wanted| wanted.name.as_str())
            .collect();
        if !missing.is_empty() {
            let names: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
            return Err(
                Error::invalid(format!("[{}] not in index", names.join(", "))).with_exception(FeastException::KeyError)
            );
        }
        let columns = target.columns().iter().map(|wanted| {
            let values = self.column(&wanted.name).ok_or_else(|| {
                if matches!(wanted.role, ColumnRole::JoinKey(_)) {
                    return Error::invalid(format!("Column {} not found in table", wanted.name));
                }
                let text = format!("Field \"{}\" does not exist in schema", wanted.name);
                Error::invalid(text).with_exception(FeastException::KeyError)
            })?;
            let read = match &wanted.role {
                ColumnRole::JoinKey(value_type) | ColumnRole::Feature(value_type) => {
                    column(&values, &value_type.arrow_type(), Numbers::Feature)
                }
                ColumnRole::EventTime | ColumnRole::CreatedTime => event_times(&values),
            };
            read.map_err(|problem| problem.of_column(&wanted.name))
        });
        columns.collect()
    }

    /// All columns as rows of a parquet source. They must be the source's, in any order.
    pub(crate) fn batch_of(&self, schema: &SchemaRef) -> Result<RecordBatch, Error> {
        let mut missing: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .filter(|name| !self.has(name))
            .collect();
        let mut extra: Vec<&str> = self
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| schema.field_with_name(name).is_err())
            .collect();
        if !missing.is_empty() || !extra.is_empty() {
            missing.sort_unstable();
            extra.sort_unstable();
            let list = |names: &[&str]| {
                names
                    .iter()
                    .map(|name| format!("'{name}'"))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            return Err(Error::invalid(format!(
                "The input dataframe columns do not match the batch source columns. missing_expected_columns: [{}], \
                 extra_unexpected_columns: [{}].",
                list(&missing),
                list(&extra)
            )));
        }
        let columns = schema.fields().iter().map(|field| {
            let values = self.column(field.name()).unwrap_or_default();
            column(&values, field.data_type(), Numbers::Time).map_err(|problem| problem.of_column(field.name()))
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(std::sync::Arc::clone(schema), columns)
            .map_err(|source| Error::invalid(format!("The input dataframe does not fit the batch source: {source}")))
    }

    fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(known, _)| known == name)
    }

    fn column(&self, name: &str) -> Option<Vec<&Value>> {
        let (_, found) = self.columns.iter().find(|(known, _)| known == name)?;
        Some(match found {
            Column::Values(values) => values.iter().collect(),
            Column::Repeated(value) => vec![value; self.rows],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(json: &str) -> Result<DataFrame, String> {
        let Ok(Value::Object(df)) = serde_json::from_str(json) else {
            panic!("{json} is no object")
        };
        DataFrame::new(df).map_err(|error| error.to_string())
    }

    #[test]
    fn forms_of_pandas_are_understood() {
        let scalar = frame(r#"{"a":[1,2],"b":"x"}"#).unwrap();
        assert_eq!(scalar.column("b").unwrap(), [&Value::from("x"), &Value::from("x")]);
        let object = frame(r#"{"a":{"0":1,"1":2}}"#).unwrap();
        assert_eq!(object.rows(), 2);
        assert_eq!(frame("{}").unwrap().rows(), 0);
        assert_eq!(frame(r#"{"a":[],"b":1}"#).unwrap().rows(), 0);
    }

    #[test]
    fn uneven_frames_are_refused() {
        assert_eq!(
            frame(r#"{"a":[1],"b":[1,2]}"#).err().unwrap(),
            "All arrays must be of the same length"
        );
        assert_eq!(
            frame(r#"{"a":1}"#).err().unwrap(),
            "If using all scalar values, you must pass an index"
        );
    }
}
