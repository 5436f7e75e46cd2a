//! Streams that clients send, as they should be and as an attacker would make them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, StringViewBuilder, new_null_array};
use arrow::datatypes::DataType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow::ipc::{
    self, CompressionType, FieldArgs, Int, IntArgs, KeyValue, KeyValueArgs, Message, MessageArgs, MessageHeader,
    MetadataVersion, SchemaArgs, Type,
};
use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::read_entities;
use crate::wire::entities::KeyValues;

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
fn strings_may_be_shared_by_some_rows() {
    let batch = |rows| {
        let mut views = StringViewBuilder::new();
        let block = views.append_block(vec![b'x'; 4096].into());
        (0..rows).for_each(|_| views.try_append_view(block, 0, 4096).unwrap());
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1; rows]));
        let names: ArrayRef = Arc::new(StringArray::from(vec!["a text of its own"; rows]));
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
fn parts_of_a_schema_may_not_be_the_same_bytes_many_times_over() {
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
fn what_is_not_a_stream_is_an_error() {
    let whole = stream(&[keys()]);
    for length in 0..whole.len() - 8 {
        let outcome = read_entities(&whole[..length].to_vec().into());
        assert!(outcome.is_err(), "cut at {length} of {}", whole.len());
    }
    for position in 0..whole.len() {
        let mut changed = whole.clone();
        changed[position] ^= 0x55;
        // An error or a response.
        let _ = read_entities(&changed.into());
    }
}
