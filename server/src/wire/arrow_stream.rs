//! Arrow's IPC stream format: keys of a read from it, and answers in it, for clients that work with columns anyway.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt8Array};
use arrow::buffer::Buffer;
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use feast_engine::{Error, FeatureColumn, FeatureVectors, FieldStatus};

use super::entities::{Entities, KeyValues};

/// The media type of the format.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.apache.arrow.stream";

/// Behind a feature's name: its statuses, as numbers of Feast's `FieldStatus`.
const STATUS_SUFFIX: &str = "__status";
/// Behind a feature's name: its event times. Feast's SDK names them so too.
const EVENT_TIME_SUFFIX: &str = "__ts";

/// The columns of a stream, whose batches are read as one.
///
/// # Errors
/// `Invalid` when the body is no such stream.
pub(super) fn read_entities(body: &Bytes) -> Result<Entities, Error> {
    // Its reader trusts some numbers of a stream.
    let batch = catch_unwind(AssertUnwindSafe(|| read_batch(body)))
        .unwrap_or_else(|_| Err(ArrowError::IpcError("its parts contradict each other".to_owned())))
        .map_err(|source| {
            Error::invalid(format!("the body is no Arrow stream: {source}"))
                .with_hint("write it with pyarrow.ipc.new_stream, without compression")
        })?;
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    let columns = batch
        .columns()
        .iter()
        .map(|column| KeyValues::Arrow(Arc::clone(column)));
    Ok(names.zip(columns).collect())
}

fn read_batch(body: &Bytes) -> Result<RecordBatch, ArrowError> {
    // Reads in place: a length that is wrong makes it wait for more, not ask for that much memory.
    let mut decoder = StreamDecoder::new();
    let mut rest = Buffer::from(body.clone());
    let mut batches = Vec::new();
    while let Some(batch) = decoder.decode(&mut rest)? {
        batches.push(batch);
    }
    let schema = decoder.schema();
    decoder.finish()?;
    match schema {
        Some(schema) => concat_batches(&schema, &batches),
        None => Err(ArrowError::IpcError("it has no schema".to_owned())),
    }
}

/// An answer as one record batch: join keys, then for each feature its values, statuses and event times.
///
/// # Errors
/// `Internal` when the columns do not make a batch.
pub(crate) fn write_feature_vectors(vectors: &FeatureVectors<'_>) -> Result<Vec<u8>, Error> {
    write(vectors).map_err(|source| Error::internal(format!("the answer is no Arrow stream: {source}")))
}

fn write(vectors: &FeatureVectors<'_>) -> Result<Vec<u8>, ArrowError> {
    let mut fields = Vec::with_capacity(vectors.columns.len() * 3);
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(vectors.columns.len() * 3);
    let mut last: Option<(&FeatureColumn<'_>, ArrayRef, ArrayRef)> = None;
    for column in &vectors.columns {
        let mut push = |name: String, values: &ArrayRef| {
            fields.push(Field::new(name, values.data_type().clone(), true));
            columns.push(Arc::clone(values));
        };
        push(column.name.to_owned(), &column.values);
        if column.is_join_key {
            continue;
        }
        // Columns of one view share them.
        let (_, statuses, times) = match last.take() {
            Some(shared) if shared.0.has_state_of(column) => shared,
            _ => (column, statuses(column), event_times(column)),
        };
        push(format!("{}{STATUS_SUFFIX}", column.name), &statuses);
        push(format!("{}{EVENT_TIME_SUFFIX}", column.name), &times);
        last = Some((column, statuses, times));
    }
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(vectors.rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    writer.into_inner()
}

fn statuses(column: &FeatureColumn<'_>) -> ArrayRef {
    let numbers = column.statuses.iter().map(|status| match status {
        FieldStatus::Present => 1,
        FieldStatus::NotFound => 3,
    });
    Arc::new(UInt8Array::from_iter_values(numbers))
}

fn event_times(column: &FeatureColumn<'_>) -> ArrayRef {
    let micros = column.event_times.iter().map(|time| time.micros());
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn stream(batches: &[RecordBatch]) -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.into_inner().unwrap()
    }

    fn keys() -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
    }

    #[test]
    fn batches_of_a_stream_are_read_as_one() {
        let body = stream(&[keys(), keys().slice(1, 1)]);
        let entities = read_entities(&body.into()).ok().unwrap();
        let lengths: Vec<_> = entities
            .iter()
            .map(|(name, keys)| match keys {
                KeyValues::Arrow(keys) => format!("{name} {}", keys.len()),
                _ => "no column".to_owned(),
            })
            .collect();
        assert_eq!(lengths, ["id 3", "name 3"]);
    }

    #[test]
    fn what_is_no_stream_is_an_error() {
        let whole = stream(&[keys()]);
        for length in 0..whole.len() - 8 {
            let answer = read_entities(&whole[..length].to_vec().into());
            assert!(answer.is_err(), "cut at {length} of {}", whole.len());
        }
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0x55;
            // An error or an answer.
            let _ = read_entities(&changed.into());
        }
    }
}
