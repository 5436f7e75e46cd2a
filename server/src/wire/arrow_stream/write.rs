//! Responses as streams.
//!
//! Columns are named as Feast's SDK does (`NAME__ts`); statuses are the numbers of Feast's `FieldStatus`. A column costs some 0.6 us
//! to describe, so a stream pays off from some hundred rows on.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt8Array};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use feast_engine::{Error, FeatureColumn, FeatureVectors};

use crate::wire::response::{VIEW_METADATA, write_view_versions};

/// After a feature's name: its statuses, as numbers of Feast's `FieldStatus`.
const STATUS_SUFFIX: &str = "__status";
/// After a feature's name: its event times. Feast's SDK names them so too.
const EVENT_TIME_SUFFIX: &str = "__ts";

/// A response as one record batch: join keys, then for each feature its values, statuses and event times. The views' names
/// and versions, if they are given, are metadata of the schema, as JSON.
///
/// # Errors
/// `Internal` when the columns do not make a batch.
pub(crate) fn write_feature_vectors(
    vectors: &FeatureVectors<'_>,
    view_versions: Option<&[(&str, i32)]>,
) -> Result<Vec<u8>, Error> {
    let metadata = view_versions.map(|versions| {
        let mut json = Vec::new();
        write_view_versions(versions, &mut json);
        (VIEW_METADATA.to_owned(), String::from_utf8_lossy(&json).into_owned())
    });
    write(vectors, metadata.into_iter().collect())
        .map_err(|source| Error::internal(format!("the response is not an Arrow stream: {source}")))
}

fn write(vectors: &FeatureVectors<'_>, metadata: HashMap<String, String>) -> Result<Vec<u8>, ArrowError> {
    let count = vectors.columns().len() * 3;
    let mut fields = Vec::with_capacity(count);
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(count);
    let mut last: Option<(FeatureColumn<'_>, ArrayRef, ArrayRef)> = None;
    for column in vectors.columns() {
        let name = column.field.name;
        let mut push = |name: String, values: &ArrayRef| {
            fields.push(Field::new(name, values.data_type().clone(), true));
            columns.push(Arc::clone(values));
        };
        push(name.to_owned(), &column.values());
        if column.field.is_join_key {
            continue;
        }
        // Columns of one view share them.
        let (_, statuses, times) = match last.take() {
            Some(shared) if shared.0.shares_status_with(&column) => shared,
            _ => (column, statuses(&column), event_times(&column)),
        };
        push(format!("{name}{STATUS_SUFFIX}"), &statuses);
        push(format!("{name}{EVENT_TIME_SUFFIX}"), &times);
        last = Some((column, statuses, times));
    }
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let options = RecordBatchOptions::new().with_row_count(Some(vectors.rows()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    writer.into_inner()
}

fn statuses(column: &FeatureColumn<'_>) -> ArrayRef {
    let numbers = column.statuses.iter().map(|status| status.number());
    Arc::new(UInt8Array::from_iter_values(numbers))
}

fn event_times(column: &FeatureColumn<'_>) -> ArrayRef {
    let micros = column.event_times.iter().map(|time| time.micros());
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}
