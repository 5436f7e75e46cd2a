//! Keys of a read from a stream, which is untrusted.
//!
//! Compressed buffers name the size that they will have; buffers, strings and parts of a schema may be the same bytes many times
//! over; columns without bytes can have any length. What the messages of a stream say is checked before the decoder sees them. The
//! only module that uses flatbuffers, for the limits of that check.

use std::ops::RangeTo;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{Message, MessageHeader, RecordBatch as BatchMessage, Type, root_as_message_with_opts};
use bytes::Bytes;
use feast_engine::Error;
use flatbuffers::VerifierOptions;

use crate::wire::entities::{Entities, KeyValues};

/// The keys of a stream may take this many times its length, as views may show bytes more than once.
pub(crate) const MAX_GROWTH: usize = 8;
/// More than any view has join keys.
const MAX_COLUMNS: usize = 64;
/// More than the schema of so many columns has parts.
const MAX_TABLES: usize = 4096;
/// What a small message may seem to take in addition to its length.
const BASE_APPARENT_BYTES: usize = 64 << 10;

/// The columns of a stream, whose batches are read as one.
///
/// # Errors
/// `Invalid` when the body is not such a stream.
pub(in crate::wire) fn read_entities(body: &Bytes) -> Result<Entities, Error> {
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
            max_apparent_size: length * MAX_GROWTH + BASE_APPARENT_BYTES,
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
