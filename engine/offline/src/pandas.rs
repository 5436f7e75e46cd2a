//! The columns of the data frame that `pandas.read_parquet` makes of a file: definition files use their names.
//!
//! Owns the dtypes. Knows nothing of sources.

use std::fs::File;
use std::path::Path;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::metadata::ParquetMetaData;
use feast_model::error::{Error, Result};
use serde_json::Value;

use super::guard::guarded;

/// The dtype of times of a unit that is not known.
pub(super) const TIMES: &str = "datetime64[?]";

/// A column of a data frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PandasColumn {
    /// Its name.
    pub name: String,
    /// The name of its dtype, such as `int64` or `object`, where all versions of pandas that Feast works with agree.
    /// `datetime64[?]` for times, of which they differ in the unit.
    pub dtype: Option<&'static str>,
}

/// The columns of one parquet file as pandas names them, without those that become the index.
///
/// # Errors
/// When the file cannot be read or is not parquet, and when the names of its columns are not strings.
pub fn pandas_columns(path: &Path) -> Result<Vec<PandasColumn>> {
    guarded(path, || read(path))
}

fn read(path: &Path) -> Result<Vec<PandasColumn>> {
    let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|source| {
        Error::data(format!("{} is not readable as parquet: {source}", path.display())).with_source(source)
    })?;
    let metadata = reader.metadata();
    let entries = metadata.file_metadata().key_value_metadata();
    let entry = entries.and_then(|entries| entries.iter().find(|entry| entry.key == "pandas"));
    let notes = entry.and_then(|entry| serde_json::from_str(entry.value.as_deref()?).ok());
    let notes: Value = notes.unwrap_or_default();
    if !has_string_names(&notes) {
        return Err(Error::data(format!(
            "the columns of {} are not named by text",
            path.display()
        )));
    }
    let fields = reader.schema().fields().iter();
    let columns = fields.filter(|field| !is_index(&notes, field.name()));
    Ok(columns
        .map(|field| PandasColumn {
            name: field.name().clone(),
            dtype: dtype(field, metadata).filter(|dtype| is_noted(&notes, field.name(), dtype)),
        })
        .collect())
}

fn members<'a>(notes: &'a Value, name: &str) -> &'a [Value] {
    notes.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn has_string_names(notes: &Value) -> bool {
    members(notes, "column_indexes").iter().all(|index| {
        let kind = index.get("pandas_type").and_then(Value::as_str);
        matches!(kind, Some("unicode" | "string" | "empty"))
    })
}

fn is_index(notes: &Value, name: &str) -> bool {
    members(notes, "index_columns")
        .iter()
        .any(|index| index.as_str() == Some(name))
}

/// Whether what pandas has noted of a column says nothing else. A frame of nullable columns, say, is read as one.
fn is_noted(notes: &Value, name: &str, dtype: &str) -> bool {
    let noted = members(notes, "columns").iter().find(|column| {
        let field = column.get("field_name").or_else(|| column.get("name"));
        field.and_then(Value::as_str) == Some(name)
    });
    noted.is_none_or(|column| {
        let noted = column.get("numpy_type").and_then(Value::as_str).unwrap_or_default();
        // Numbers with nulls have become what they are noted as; times are noted in one unit of several.
        noted == dtype || (dtype == TIMES && noted.starts_with("datetime64"))
    })
}

fn dtype(field: &Field, metadata: &ParquetMetaData) -> Option<&'static str> {
    // With a null, numbers become floats and flags objects.
    let has_nulls = has_nulls(field, metadata);
    let whole = |dtype: &'static str| match has_nulls {
        Some(false) => Some(dtype),
        Some(true) => Some("float64"),
        None => None,
    };
    match field.data_type() {
        DataType::Boolean if has_nulls == Some(true) => Some("object"),
        DataType::Boolean => whole("bool"),
        DataType::Int8 => whole("int8"),
        DataType::Int16 => whole("int16"),
        DataType::Int32 => whole("int32"),
        DataType::Int64 => whole("int64"),
        DataType::UInt8 => whole("uint8"),
        DataType::UInt16 => whole("uint16"),
        DataType::UInt32 => whole("uint32"),
        DataType::UInt64 => whole("uint64"),
        DataType::Float32 => Some("float32"),
        DataType::Float64 => Some("float64"),
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::List(_)
        | DataType::Date32 => Some("object"),
        DataType::Timestamp(TimeUnit::Nanosecond, None) => Some("datetime64[ns]"),
        DataType::Timestamp(..) => Some(TIMES),
        // Others are not the same in all versions.
        _ => None,
    }
}

/// Whether a column of plain values has nulls; `None` where the file does not say.
fn has_nulls(field: &Field, metadata: &ParquetMetaData) -> Option<bool> {
    if !field.is_nullable() {
        return Some(false);
    }
    let schema = metadata.file_metadata().schema_descr();
    let leaf = schema.columns().iter().position(|leaf| {
        let parts = leaf.path().parts();
        parts.len() == 1 && parts[0] == *field.name()
    })?;
    let mut nulls = 0;
    for group in metadata.row_groups() {
        nulls += group.column(leaf).statistics()?.null_count_opt()?;
    }
    Some(nulls > 0)
}

#[cfg(test)]
mod tests;
