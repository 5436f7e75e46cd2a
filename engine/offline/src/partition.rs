//! Folders that hold the value of a column in their name, as Hive, Spark and pyarrow write them: `region=EU/part-0.parquet`.
//!
//! Owns the notation of such names and what type their values have together. Knows nothing of files.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, new_null_array};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use feast_conversion::strict_cast;
use percent_encoding::percent_decode_str;

/// What stands for null in the name of a folder.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// What Spark writes encoded. Other characters stay as they are, which Spark and pyarrow both read.
pub(super) fn encoded(string: &str) -> String {
    let mut name = String::with_capacity(string.len());
    for character in string.chars() {
        if character.is_ascii_control() || " \"#%'*/:<=>?[\\]^{|}".contains(character) {
            // Writing to a string cannot fail.
            let _ = write!(name, "%{:02X}", u32::from(character));
        } else {
            name.push(character);
        }
    }
    name
}

/// One column of a folder's name, and its value in the files below that folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PartitionValue {
    pub(super) column: String,
    /// `None` for null.
    pub(super) value: Option<String>,
}

impl PartitionValue {
    /// Reads the name of a folder; `None` when it names no column.
    pub(super) fn parse(folder: &str) -> Option<Self> {
        let (column, value) = folder.split_once('=')?;
        if column.is_empty() {
            return None;
        }
        let decoded = |encoded: &str| percent_decode_str(encoded).decode_utf8_lossy().into_owned();
        Some(Self {
            column: decoded(column),
            value: (value != NULL).then(|| decoded(value)),
        })
    }

    /// The name of the folder.
    pub(super) fn folder(&self) -> String {
        let column = encoded(&self.column);
        match self.value.as_deref() {
            // An empty string becomes null, as in Spark: `column=` is not a name that every reader understands.
            None | Some("") => format!("{column}={NULL}"),
            Some(value) => format!("{column}={}", encoded(value)),
        }
    }
}

/// The columns that the folders between a directory and a file name.
pub(super) fn partition_of(directory: &Path, file: &Path) -> Vec<PartitionValue> {
    let folders = file.parent().and_then(|parent| parent.strip_prefix(directory).ok());
    let folders = folders.into_iter().flat_map(Path::components);
    folders
        .filter_map(|folder| PartitionValue::parse(&folder.as_os_str().to_string_lossy()))
        .collect()
}

/// The type of a column whose values are these: integers, dates, or else strings. A value like `007` is a string.
pub(super) fn partition_type<'a>(mut values: impl Iterator<Item = &'a str> + Clone) -> DataType {
    let is_integer = |value: &str| value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
    let is_date = |value: &str| value.len() == 10 && NaiveDate::parse_from_str(value, "%Y-%m-%d").is_ok();
    let mut known = values.clone().peekable();
    if known.peek().is_none() {
        DataType::Utf8
    } else if known.all(is_integer) {
        DataType::Int64
    } else if values.all(is_date) {
        DataType::Date32
    } else {
        DataType::Utf8
    }
}

/// A column of `rows` rows that all have this value.
pub(super) fn constant_column(value: Option<&str>, rows: usize) -> ArrayRef {
    match value {
        None => new_null_array(&DataType::Utf8, rows),
        Some(value) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))),
    }
}

/// The values of a column as folders spell them.
///
/// # Errors
/// When the column's type has no such spelling.
pub(super) fn folder_values(column: &ArrayRef) -> Result<Vec<Option<String>>, ArrowError> {
    let strings = strict_cast(column, &DataType::Utf8)?;
    let strings = arrow::array::AsArray::as_string::<i32>(&strings);
    Ok((0..strings.len())
        .map(|row| strings.is_valid(row).then(|| strings.value(row).to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_columns_and_values() {
        let check = |folder: &str, column: &str, value: Option<&str>| {
            let parsed = PartitionValue::parse(folder).unwrap();
            assert_eq!(
                (parsed.column.as_str(), parsed.value.as_deref()),
                (column, value),
                "{folder}"
            );
            parsed
        };
        check("region=EU", "region", Some("EU"));
        check("a%3Db=1%2F2%20%25", "a=b", Some("1/2 %"));
        check("x=a=b", "x", Some("a=b"));
        check("x=Gr%C3%B6%C3%9Fe", "x", Some("Größe"));
        check("x=__HIVE_DEFAULT_PARTITION__", "x", None);
        assert!(
            ["plain", "=5", ""]
                .iter()
                .all(|folder| PartitionValue::parse(folder).is_none())
        );
    }

    #[test]
    fn names_are_read_back_as_they_were_written() {
        for value in ["EU", "a/b", "..", "é 100%", "x=y", "2026-11-25", "\n\0", "größe \u{7f}"] {
            let written = PartitionValue {
                column: "a column".to_owned(),
                value: Some(value.to_owned()),
            };
            let folder = written.folder();
            assert!(!folder.contains('/') && folder.starts_with("a%20column="), "{folder}");
            assert_eq!(PartitionValue::parse(&folder), Some(written));
        }
    }

    #[test]
    fn types_are_those_of_all_values() {
        let check = |values: &[&str], expected: DataType| {
            assert_eq!(partition_type(values.iter().copied()), expected, "{values:?}");
        };
        check(&["1", "-20"], DataType::Int64);
        check(&["1", "x"], DataType::Utf8);
        check(&["007"], DataType::Utf8);
        check(&["2026-11-25", "2026-02-30"], DataType::Utf8);
        check(&["2026-11-25", "2025-01-01"], DataType::Date32);
        check(&[], DataType::Utf8);
    }
}
