//! Arrow's IPC stream format: keys of a read from it, and responses in it, for clients that work with columns anyway.
//!
//! Streams are untrusted. Compressed buffers name the size that they will have; buffers, strings and parts of a schema may be the
//! same bytes many times over; columns without bytes can have any length. What the messages of a stream say is checked before the
//! decoder sees them.
//!
//! Responses name columns as Feast's SDK does (`NAME__ts`); statuses are the numbers of Feast's `FieldStatus`. A column costs some
//! 0.6 us to describe, so a stream pays off from some hundred rows on.

use std::collections::HashMap;
use std::ops::RangeTo;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt8Array};
use arrow::buffer::Buffer;
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use arrow::ipc::{Message, MessageHeader, RecordBatch as BatchMessage, Type, root_as_message_with_opts};
use bytes::Bytes;
use feast_engine::{Error, FeatureColumn, FeatureVectors, FieldStatus};
use flatbuffers::VerifierOptions;

use super::entities::{Entities, KeyValues};
use super::response::{VIEW_METADATA, write_view_versions};

/// The media type of the format.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.apache.arrow.stream";

/// As much as its keys may take of a stream's length, when views show bytes more than once.
pub(crate) const MAX_GROWTH: usize = 8;
/// More than any view has join keys.
const MAX_COLUMNS: usize = 64;
/// More than the schema of so many columns has parts.
const MAX_TABLES: usize = 4096;
/// What a small message may seem to take in addition to its length.
const MIN_APPARENT_BYTES: usize = 64 << 10;

/// After a feature's name: its statuses, as numbers of Feast's `FieldStatus`.
const STATUS_SUFFIX: &str = "__status";
/// After a feature's name: its event times. Feast's SDK names them so too.
const EVENT_TIME_SUFFIX: &str = "__ts";

/// The columns of a stream, whose batches are read as one.
///
/// # Errors
/// `Invalid` when the body is not such a stream.
pub(super) fn read_entities(body: &Bytes) -> Result<Entities, Error> {
    // The decoder trusts some numbers of a stream.
    let batch = catch_unwind(AssertUnwindSafe(|| read_batch(body)))
        .unwrap_or_else(|_| Err(refused("its parts contradict each other")))
        .map_err(|source| {
            let why = match source {
                ArrowError::IpcError(why) => why,
                other => other.to_string(),
            };
            Error::invalid(format!("the body is no Arrow stream of keys: {why}"))
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
    check_messages(body)?;
    // Reads in place: a length that is wrong makes it wait for more, not ask for that much memory.
    let mut decoder = StreamDecoder::new();
    let mut rest = Buffer::from(body.clone());
    let mut batches = Vec::new();
    while let Some(batch) = decoder.decode(&mut rest)? {
        batches.push(batch);
    }
    let schema = decoder.schema();
    decoder.finish()?;
    let Some(schema) = schema else {
        return Err(refused("it has no schema"));
    };
    concat_batches(&schema, &batches)
}

/// Refuses what may take much more memory or time than it has bytes, before the decoder looks at it: compressed buffers say
/// themselves how large they will be, buffers may overlap, views may show the same bytes many times over, and columns
/// without buffers can have any length.
fn check_messages(body: &[u8]) -> Result<(), ArrowError> {
    const CONTINUES: [u8; 4] = [0xff; 4];
    let mut rest = body;
    let (mut has_schema, mut kinds) = (false, Vec::new());
    let mut viewed: usize = 0;
    loop {
        rest = rest.strip_prefix(&CONTINUES).unwrap_or(rest);
        let Some((length, after)) = rest.split_first_chunk() else {
            return Ok(());
        };
        let length = u32::from_le_bytes(*length) as usize;
        let (Some(header), true) = (after.get(..length), length > 0) else {
            // The end, or cut: the decoder says which.
            return Ok(());
        };
        // Its parts may be the same bytes many times over, too.
        let limits = VerifierOptions {
            max_tables: MAX_TABLES,
            max_apparent_size: length * MAX_GROWTH + MIN_APPARENT_BYTES,
            ..VerifierOptions::default()
        };
        let message = root_as_message_with_opts(&limits, header).map_err(|problem| refused(&problem.to_string()))?;
        let body_length = usize::try_from(message.bodyLength()).unwrap_or(usize::MAX);
        let after = &after[length..];
        match message.header_type() {
            MessageHeader::Schema if has_schema => return Err(refused("it has two schemas")),
            MessageHeader::Schema => {
                kinds = check_schema(&message)?;
                has_schema = true;
            }
            MessageHeader::RecordBatch => {
                let batch = check_batch(&message)?;
                viewed = viewed.saturating_add(viewed_bytes(&kinds, &batch, after));
            }
            MessageHeader::DictionaryBatch => return Err(refused("it has dictionaries")),
            // The decoder says that it does not know them.
            _ => {}
        }
        if viewed > body.len().saturating_mul(MAX_GROWTH) {
            return Err(refused("its texts are the same bytes again and again"));
        }
        rest = after.get(body_length..).unwrap_or_default();
    }
}

/// The kinds of the columns: few of plain types.
fn check_schema(message: &Message<'_>) -> Result<Vec<Type>, ArrowError> {
    let fields = message.header_as_schema().and_then(|schema| schema.fields());
    let fields = fields.ok_or_else(|| refused("its schema has no fields"))?;
    if fields.len() > MAX_COLUMNS {
        return Err(refused(&format!("it has more than {MAX_COLUMNS} columns")));
    }
    let kinds = fields.into_iter().map(|field| {
        let kind = match (field.type_type(), field.dictionary()) {
            (_, Some(_)) => "Dictionary",
            (kind @ (Type::Int | Type::Date | Type::Timestamp), None) => return Ok(kind),
            (kind @ (Type::Utf8 | Type::LargeUtf8 | Type::Utf8View), None) => return Ok(kind),
            (kind @ (Type::Binary | Type::LargeBinary | Type::BinaryView), None) => return Ok(kind),
            (other, None) => other.variant_name().unwrap_or("of an unknown type"),
        };
        let name = field.name().unwrap_or_default();
        Err(refused(&format!("column {name} is {kind}, which no key can be")))
    });
    kinds.collect()
}

/// Buffers lie side by side in the body of their batch.
fn check_batch<'a>(message: &Message<'a>) -> Result<BatchMessage<'a>, ArrowError> {
    let Some(batch) = message.header_as_record_batch() else {
        return Err(refused("a batch has no header"));
    };
    if batch.compression().is_some() {
        return Err(refused("it is compressed"));
    }
    let lengths = batch.buffers().into_iter().flatten().map(|buffer| buffer.length());
    let total = lengths.fold(0_i64, |total, length| total.saturating_add(length.max(0)));
    if total > message.bodyLength() {
        return Err(refused("its buffers overlap"));
    }
    Ok(batch)
}

/// Bytes of all strings that the views of a batch show. If its buffers are not those of its columns, the decoder says so.
fn viewed_bytes(kinds: &[Type], batch: &BatchMessage<'_>, body: &[u8]) -> usize {
    let mut buffers = batch.buffers().into_iter().flatten();
    let mut string_buffers = batch.variadicBufferCounts().into_iter().flatten();
    let mut bytes: usize = 0;
    for kind in kinds {
        // Which are null, then the numbers, the ends of strings, or the views of them.
        let main = buffers.nth(1);
        match *kind {
            Type::Int | Type::Date | Type::Timestamp => {}
            Type::Utf8View | Type::BinaryView => {
                let views = main.and_then(|buffer| {
                    let (start, length) = (buffer.offset().try_into().ok()?, buffer.length().try_into().ok()?);
                    body.get(start..)?.get::<RangeTo<usize>>(..length)
                });
                // A view begins with the length of its string.
                let views = views.unwrap_or_default().as_chunks::<16>().0.iter();
                let lengths = views.map(|[a, b, c, d, ..]| u32::from_le_bytes([*a, *b, *c, *d]) as usize);
                bytes = lengths.fold(bytes, usize::saturating_add);
                let count = string_buffers.next().and_then(|count| usize::try_from(count).ok());
                buffers.by_ref().take(count.unwrap_or_default()).for_each(drop);
            }
            _ => {
                buffers.next();
            }
        }
    }
    bytes
}

fn refused(why: &str) -> ArrowError {
    ArrowError::IpcError(why.to_owned())
}

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
        let mut text = Vec::new();
        write_view_versions(versions, &mut text);
        (VIEW_METADATA.to_owned(), String::from_utf8_lossy(&text).into_owned())
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
    use arrow::array::{Int64Array, StringArray, StringViewBuilder, new_null_array};
    use arrow::datatypes::DataType;
    use arrow::ipc::writer::IpcWriteOptions;
    use arrow::ipc::{
        self, CompressionType, FieldArgs, Int, IntArgs, KeyValue, KeyValueArgs, MessageArgs, MetadataVersion,
        SchemaArgs,
    };
    use flatbuffers::{FlatBufferBuilder, WIPOffset};

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
    fn columns_that_no_key_can_be_are_refused() {
        let check = |column: ArrayRef, expected: &str| {
            let batch = RecordBatch::try_from_iter([("id", column)]).unwrap();
            let problem = read_entities(&stream(&[batch]).into()).err().unwrap().to_string();
            assert!(problem.ends_with(expected), "{problem}");
        };
        check(
            new_null_array(&DataType::Null, 1 << 40),
            "column id is Null, which no key can be",
        );
        check(new_null_array(&DataType::FixedSizeBinary(0), 5), "which no key can be");
        let mut views = StringViewBuilder::new();
        let block = views.append_block(vec![b'x'; 4096].into());
        (0..1000).for_each(|_| views.try_append_view(block, 0, 4096).unwrap());
        check(Arc::new(views.finish()), "its texts are the same bytes again and again");
        let many = (0..65).map(|number| (format!("k{number}"), Arc::new(Int64Array::from(vec![1])) as ArrayRef));
        let batch = RecordBatch::try_from_iter(many).unwrap();
        assert!(read_entities(&stream(&[batch]).into()).is_err());
    }

    #[test]
    fn texts_may_be_shared_by_some_rows() {
        let batch = |texts| {
            let mut views = StringViewBuilder::new();
            let block = views.append_block(vec![b'x'; 4096].into());
            (0..texts).for_each(|_| views.try_append_view(block, 0, 4096).unwrap());
            let ids: ArrayRef = Arc::new(Int64Array::from(vec![1; texts]));
            let names: ArrayRef = Arc::new(StringArray::from(vec!["a text of its own"; texts]));
            RecordBatch::try_from_iter([("id", ids), ("name", names), ("key", Arc::new(views.finish()))]).unwrap()
        };
        let is_read = |batches: &[RecordBatch]| read_entities(&stream(batches).into()).is_ok();
        assert!(is_read(&[batch(7)]));
        assert!(is_read(&[batch(7), batch(7)]));
        assert!(!is_read(&[batch(20)]));
        assert!(!is_read(&[batch(7), batch(20), batch(20)]));
    }

    #[test]
    fn buffers_that_overlap_are_refused() {
        // The values of `id`, by their offset and length: nothing comes before them, as there are no nulls.
        let id = [&0_i64.to_le_bytes()[..], &16_i64.to_le_bytes()[..]].concat();
        let mut body = stream(&[keys()]);
        let at = body.windows(16).rposition(|window| window == id).unwrap();
        body[at + 8..at + 16].copy_from_slice(&1_000_000_i64.to_le_bytes());
        let problem = read_entities(&body.into()).err().unwrap().to_string();
        assert!(problem.ends_with("its buffers overlap"), "{problem}");
    }

    /// A stream of a schema alone, whose fields all show the same metadata.
    fn schema_of_shared_metadata(fields: usize, metadata: &str) -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let text = builder.create_string(metadata);
        let pair = KeyValueArgs {
            key: Some(text),
            value: Some(text),
        };
        let pair = KeyValue::create(&mut builder, &pair);
        let pairs = builder.create_vector(&[pair]);
        let int = IntArgs {
            bitWidth: 64,
            is_signed: true,
        };
        let int = Int::create(&mut builder, &int).as_union_value();
        let children = builder.create_vector::<WIPOffset<ipc::Field<'_>>>(&[]);
        let field = FieldArgs {
            name: Some(text),
            type_type: Type::Int,
            type_: Some(int),
            custom_metadata: Some(pairs),
            children: Some(children),
            ..FieldArgs::default()
        };
        let field = ipc::Field::create(&mut builder, &field);
        let fields = builder.create_vector(&vec![field; fields]);
        let schema = SchemaArgs {
            fields: Some(fields),
            ..SchemaArgs::default()
        };
        let schema = ipc::Schema::create(&mut builder, &schema).as_union_value();
        let message = MessageArgs {
            version: MetadataVersion::V5,
            header_type: MessageHeader::Schema,
            header: Some(schema),
            ..MessageArgs::default()
        };
        let message = Message::create(&mut builder, &message);
        builder.finish(message, None);
        let message = builder.finished_data();
        let length = u32::try_from(message.len()).unwrap().to_le_bytes();
        [&[0xff; 4][..], &length, message, &[0xff; 4], &[0; 4]].concat()
    }

    #[test]
    fn parts_of_a_schema_may_not_be_the_same_bytes_again_and_again() {
        let read = |fields, bytes| read_entities(&schema_of_shared_metadata(fields, &"x".repeat(bytes)).into());
        assert!(read(3, 10_000).is_ok());
        assert!(read(60, 10_000).is_err());
    }

    #[test]
    fn compressed_streams_are_refused() {
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .unwrap();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &keys().schema(), options).unwrap();
        writer.write(&keys()).unwrap();
        let problem = read_entities(&writer.into_inner().unwrap().into())
            .err()
            .unwrap()
            .to_string();
        assert!(problem.ends_with("it is compressed"), "{problem}");
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
            // An error or a response.
            let _ = read_entities(&changed.into());
        }
    }
}
