//! The `df` of a write: what `pandas.DataFrame(df)` makes of a JSON object, then the columns a target needs.
//!
//! Owns the shape of the frame; what its values become is `feast-conversion`'s. Knows nothing of where rows go.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use feast_conversion::json::{column, event_times};
use feast_conversion::{CoercionRules, Numbers};
use feast_engine::{ColumnRole, Error, FeastException, WriteTarget};
use feast_python_notation::python_list;
use serde_json::{Map, Value};

/// The most bytes that strings may become by standing in every row.
const MAX_REPEATED_BYTES: usize = 256 << 20;
/// The most values of columns that are objects.
const MAX_VALUES: usize = 10_000_000;

/// Named columns of equal length, still as JSON.
pub(crate) struct DataFrame {
    columns: Vec<(String, Column)>,
    rows: usize,
    numbers: Numbers,
}

enum Column {
    Values(Vec<Value>),
    /// A scalar, which stands in every row.
    Repeated(Value),
}

impl DataFrame {
    /// Lists are columns, or objects, whose members belong together by their names; a scalar beside them is repeated.
    pub(crate) fn new(df: Map<String, Value>, numbers: Numbers) -> Result<Self, Error> {
        if df.is_empty() {
            return Ok(Self {
                columns: Vec::new(),
                rows: 0,
                numbers,
            });
        }
        let lists = df.values().filter_map(Value::as_array).map(Vec::len);
        let lengths: Vec<usize> = lists.collect();
        let labels = labels(&df);
        let rows = match (lengths.first(), &labels) {
            (Some(_), Some(_)) => {
                let message = "Mixing dicts with non-Series may lead to ambiguous ordering.";
                return Err(Error::invalid(message).with_hint("give all columns as lists, or all as objects"));
            }
            (None, None) => return Err(Error::invalid("If using all scalar values, you must pass an index")),
            (Some(rows), None) => *rows,
            (None, Some(labels)) => labels.len(),
        };
        if lengths.iter().any(|length| *length != rows) {
            return Err(Error::invalid("All arrays must be of the same length"));
        }
        check_size(&df, rows)?;
        let columns = df.into_iter().map(|(name, value)| {
            let values = match (value, &labels) {
                (Value::Array(items), _) => Column::Values(items),
                (Value::Object(mut members), Some(labels)) => {
                    let member = |label: &String| members.get_mut(label).map(Value::take).unwrap_or_default();
                    Column::Values(labels.iter().map(member).collect())
                }
                (scalar, _) => Column::Repeated(scalar),
            };
            (name, values)
        });
        Ok(Self {
            columns: columns.collect(),
            rows,
            numbers,
        })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// For each view the columns that it needs, in its order, and all columns as rows of a parquet source, which must be the source's, in
    /// any order.
    ///
    /// The JSON of a column goes when all that is made of it is there: it takes many times as much.
    ///
    /// # Errors
    /// The first problem in the order of the views and their columns, the source last.
    pub(crate) fn into_columns(
        self,
        views: &[WriteTarget],
        source: Option<&SchemaRef>,
    ) -> Result<(Vec<Vec<ArrayRef>>, Option<RecordBatch>), Error> {
        let mut wanted = Vec::new();
        // Ends what is wanted: of the problems of what is wanted before it, the first is the one to report.
        let missing = self.want_views(views, &mut wanted).and_then(|()| match source {
            Some(schema) => self.want_source(schema, &mut wanted),
            None => Ok(()),
        });
        let Self { columns, rows, numbers } = self;
        let mut made: Vec<Option<Result<ArrayRef, Error>>> = wanted.iter().map(|_| None).collect();
        for (name, column) in columns {
            let mut places = wanted.iter().zip(&mut made).filter(|(wanted, _)| wanted.name == name);
            let Some(first) = places.next() else { continue };
            let values = column.values(rows);
            for (wanted, place) in std::iter::once(first).chain(places) {
                *place = Some(wanted.make(&values, numbers));
            }
        }
        let made = made.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
        missing?;
        let mut made = made.into_iter();
        let columns_of = |view: &WriteTarget| if rows == 0 { 0 } else { view.columns().len() };
        let of_views = views.iter().map(|view| made.by_ref().take(columns_of(view)).collect());
        let of_views = of_views.collect();
        let of_source = source.map(|schema| {
            RecordBatch::try_new(Arc::clone(schema), made.collect()).map_err(|source| {
                Error::invalid(format!("The input dataframe does not fit the batch source: {source}"))
            })
        });
        Ok((of_views, of_source.transpose()?))
    }

    /// The columns that views need. Others are ignored, and without rows all of them.
    fn want_views<'a>(&self, views: &'a [WriteTarget], wanted: &mut Vec<Wanted<'a>>) -> Result<(), Error> {
        for view in views.iter().filter(|_| self.rows > 0) {
            let missing: Vec<&str> = view
                .columns()
                .iter()
                .filter(|needed| matches!(needed.role, ColumnRole::Feature(_)) && !self.has(&needed.name))
                .map(|needed| needed.name.as_str())
                .collect();
            if !missing.is_empty() {
                let message = format!("{} not in index", python_list(missing));
                return Err(Error::invalid(message).with_exception(FeastException::KeyError));
            }
            for needed in view.columns() {
                if !self.has(&needed.name) {
                    if matches!(needed.role, ColumnRole::JoinKey(_)) {
                        return Err(Error::invalid(format!("Column {} not found in table", needed.name)));
                    }
                    let message = format!("Field \"{}\" does not exist in schema", needed.name);
                    return Err(Error::invalid(message).with_exception(FeastException::KeyError));
                }
                wanted.push(Wanted {
                    name: &needed.name,
                    form: Form::OfView(&needed.role),
                });
            }
        }
        Ok(())
    }

    fn want_source<'a>(&self, schema: &'a SchemaRef, wanted: &mut Vec<Wanted<'a>>) -> Result<(), Error> {
        let fields = || schema.fields().iter().map(|field| field.name().as_str());
        let mut missing: Vec<&str> = fields().filter(|name| !self.has(name)).collect();
        let names = self.columns.iter().map(|(name, _)| name.as_str());
        let mut extra: Vec<&str> = names.filter(|name| schema.field_with_name(name).is_err()).collect();
        if !missing.is_empty() || !extra.is_empty() {
            missing.sort_unstable();
            extra.sort_unstable();
            return Err(Error::invalid(format!(
                "The input dataframe columns do not match the batch source columns. missing_expected_columns: {}, \
                 extra_unexpected_columns: {}.",
                python_list(missing),
                python_list(extra)
            )));
        }
        wanted.extend(schema.fields().iter().map(|field| Wanted {
            name: field.name(),
            form: Form::OfSource(field.data_type()),
        }));
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(known, _)| known == name)
    }
}

impl Column {
    /// One value a row.
    fn values(&self, rows: usize) -> Vec<&Value> {
        match self {
            Self::Values(values) => values.iter().collect(),
            Self::Repeated(value) => vec![value; rows],
        }
    }
}

/// A column that is made of one of the frame.
struct Wanted<'a> {
    name: &'a str,
    form: Form<'a>,
}

/// What it is made into.
enum Form<'a> {
    OfView(&'a ColumnRole),
    OfSource(&'a DataType),
}

impl Wanted<'_> {
    fn make(&self, values: &[&Value], numbers: Numbers) -> Result<ArrayRef, Error> {
        let made = match self.form {
            Form::OfView(ColumnRole::JoinKey(value_type) | ColumnRole::Feature(value_type)) => column(
                values,
                &value_type.arrow_type(),
                CoercionRules::for_json(value_type).with(numbers),
            ),
            Form::OfView(ColumnRole::EventTime | ColumnRole::CreatedTime) => event_times(values),
            Form::OfSource(data_type) => column(values, data_type, CoercionRules::JSON_SOURCE.with(numbers)),
        };
        made.map_err(|problem| problem.for_column(self.name))
    }
}

/// A short body must not stand for rows that fill the memory.
fn check_size(df: &Map<String, Value>, rows: usize) -> Result<(), Error> {
    let mut total: usize = 0;
    for (name, value) in df {
        let bytes = value.as_str().map_or(0, str::len);
        total = total.saturating_add(bytes.saturating_mul(rows));
        if total > MAX_REPEATED_BYTES {
            let limit = MAX_REPEATED_BYTES >> 20;
            let message = format!("column {name}: texts that stand for all of {rows} rows take more than {limit} MiB");
            return Err(Error::invalid(message).with_hint("send fewer rows at once"));
        }
    }
    // Of objects, most may have few of the rows.
    let objects = df.values().filter(|value| value.is_object()).count();
    if objects.saturating_mul(rows) > MAX_VALUES {
        let message = format!("{rows} rows x {objects} columns are more than {MAX_VALUES} values");
        return Err(Error::invalid(message).with_hint("send fewer rows at once"));
    }
    Ok(())
}

/// The names of the rows, in the order of their first appearance, if columns are objects.
fn labels(df: &Map<String, Value>) -> Option<Vec<String>> {
    let objects: Vec<&Map<String, Value>> = df.values().filter_map(Value::as_object).collect();
    let mut seen = HashSet::new();
    let names = objects.iter().flat_map(|members| members.keys());
    let labels = names.filter(|name| seen.insert(name.as_str())).cloned().collect();
    (!objects.is_empty()).then_some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(json: &str) -> Result<DataFrame, String> {
        let Ok(Value::Object(df)) = serde_json::from_str(json) else {
            panic!("{json} is not an object")
        };
        DataFrame::new(df, Numbers::Exact).map_err(|error| error.to_string())
    }

    #[test]
    fn forms_of_pandas_are_understood() {
        let values = |frame: &DataFrame, name: &str| {
            let (_, column) = frame.columns.iter().find(|(known, _)| known == name).unwrap();
            column
                .values(frame.rows)
                .into_iter()
                .map(Value::to_string)
                .collect::<Vec<_>>()
        };
        let scalar = frame(r#"{"a":[1,2],"b":"x"}"#).unwrap();
        assert_eq!(values(&scalar, "b"), ["\"x\"", "\"x\""]);
        let objects = frame(r#"{"a":{"x":1,"y":2},"b":{"y":"for y","x":"for x"},"c":{"y":true},"d":5}"#).unwrap();
        let column = |name| values(&objects, name);
        assert_eq!(objects.rows(), 2);
        assert_eq!(column("a"), ["1", "2"]);
        assert_eq!(column("b"), ["\"for x\"", "\"for y\""]);
        assert_eq!(column("c"), ["null", "true"]);
        assert_eq!(column("d"), ["5", "5"]);
        assert_eq!(frame("{}").unwrap().rows(), 0);
        assert_eq!(frame(r#"{"a":[],"b":1}"#).unwrap().rows(), 0);
    }

    #[test]
    fn a_short_body_does_not_fill_the_memory() {
        let long = format!(r#"{{"a":[{}1],"b":"{}"}}"#, "1,".repeat(2000), "x".repeat(1 << 20));
        let message = frame(&long).err().unwrap();
        assert_eq!(
            message,
            "column b: texts that stand for all of 2001 rows take more than 256 MiB"
        );
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
        assert!(
            frame(r#"{"a":[1],"b":{"x":1}}"#)
                .err()
                .unwrap()
                .starts_with("Mixing dicts")
        );
    }
}
