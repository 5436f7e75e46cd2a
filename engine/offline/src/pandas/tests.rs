//! The types and names that pandas would give the columns of a parquet file.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{TimestampMicrosecondArray, TimestampNanosecondArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::metadata::KeyValue;

use super::*;

/// The columns of a file with these, and with what pandas has noted.
fn columns(columns: Vec<(&str, ArrayRef)>, notes: Option<&str>) -> Result<Vec<(String, Option<&'static str>)>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.parquet");
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    if let Some(notes) = notes {
        writer.append_key_value_metadata(KeyValue::new("pandas".to_owned(), notes.to_owned()));
    }
    writer.close().unwrap();
    let found = pandas_columns(&path)?;
    Ok(found.into_iter().map(|column| (column.name, column.dtype)).collect())
}

#[test]
fn dtypes_are_those_of_all_versions_of_pandas() {
    let array = |array: ArrayRef| array;
    let cases: Vec<(ArrayRef, Option<&str>)> = vec![
        (array(Arc::new(Int64Array::from(vec![1]))), Some("int64")),
        (array(Arc::new(Int64Array::from(vec![Some(1), None]))), Some("float64")),
        (array(Arc::new(Int32Array::from(vec![1]))), Some("int32")),
        (
            array(Arc::new(Float64Array::from(vec![Some(1.0), None]))),
            Some("float64"),
        ),
        (array(Arc::new(BooleanArray::from(vec![true]))), Some("bool")),
        (
            array(Arc::new(BooleanArray::from(vec![Some(true), None]))),
            Some("object"),
        ),
        (array(Arc::new(StringArray::from(vec!["a"]))), Some("object")),
        (
            array(Arc::new(TimestampNanosecondArray::from(vec![1]))),
            Some("datetime64[ns]"),
        ),
        (array(Arc::new(TimestampMicrosecondArray::from(vec![1]))), Some(TIMES)),
        (
            array(Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC"))),
            Some(TIMES),
        ),
        (array(Arc::new(arrow::array::Date64Array::from(vec![1]))), None),
    ];
    for (array, expected) in cases {
        let kind = array.data_type().clone();
        assert_eq!(
            columns(vec![("c", array)], None).unwrap(),
            [("c".to_owned(), expected)],
            "{kind}"
        );
    }
}

#[test]
fn what_pandas_has_noted_counts() {
    let numbers = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let check = |notes: &str, expected: &[(&str, Option<&'static str>)]| {
        let found = columns(vec![("a", numbers()), ("__index_level_0__", numbers())], Some(notes)).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, dtype)| ((*name).to_owned(), *dtype))
            .collect();
        assert_eq!(found, expected, "{notes}");
    };
    let index = r#""index_columns": ["__index_level_0__"], "column_indexes": [{"pandas_type": "unicode"}]"#;
    check(&format!("{{{index}}}"), &[("a", Some("int64"))]);
    let nullable = r#""columns": [{"name": "a", "field_name": "a", "numpy_type": "Int64"}]"#;
    check(&format!("{{{index}, {nullable}}}"), &[("a", None)]);
    let range = r#"{"index_columns": [{"kind": "range", "start": 0}], "columns": [{"name": "a", "field_name": "a", "numpy_type": "int64"}]}"#;
    check(range, &[("a", Some("int64")), ("__index_level_0__", Some("int64"))]);
    check("no json", &[("a", Some("int64")), ("__index_level_0__", Some("int64"))]);
    let by_number = r#"{"column_indexes": [{"pandas_type": "int64"}]}"#;
    assert!(columns(vec![("0", numbers())], Some(by_number)).is_err());
}

#[test]
fn what_is_no_parquet_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.parquet");
    assert!(pandas_columns(&path).is_err());
    std::fs::write(&path, "PAR1 and no more").unwrap();
    assert!(pandas_columns(&path).is_err());
}
