//! The descriptors against the messages: both know the same fields.

use prost::Message;

use super::*;
use crate::messages::service::{FeatureServiceSpec, PermissionSpec};
use crate::messages::source::DataSource;
use crate::messages::view::{
    FeatureViewMeta, FeatureViewSpec, LabelViewSpec, OnDemandFeatureViewSpec, StreamFeatureViewSpec,
};
use crate::messages::{EntitySpec, ProjectSpec, Registry, VersionRecord};
use crate::protowire::put;
use crate::to_json::{FieldNaming, to_json};

/// Messages hold messages of their own kind: deeper ones are left empty.
const MAX_DEPTH: usize = 6;

/// Fields that are only shown: no definition of Feast 0.67 sets them.
const ONLY_SHOWN: [&str; 4] = [
    "retain_history",
    "push_options",
    "earliestEventTimestamp",
    "latestEventTimestamp",
];

/// A message with every field of the descriptor.
fn filled(descriptor: &MessageDescriptor, depth: usize) -> Vec<u8> {
    let mut message = Vec::new();
    for field in descriptor.fields.iter().filter(|_| depth < MAX_DEPTH) {
        if !ONLY_SHOWN.contains(&field.name) {
            fill(&mut message, field.number, &field.field_type, depth);
        }
    }
    message
}

fn fill(message: &mut Vec<u8>, number: u32, field_type: &FieldType, depth: usize) {
    match field_type {
        FieldType::String | FieldType::Bytes => put(message, number, b"text"),
        FieldType::Bool | FieldType::Int32 | FieldType::Int64 | FieldType::Enum(_) => {
            prost::encoding::uint64::encode(number, &1, message);
        }
        FieldType::Float => prost::encoding::float::encode(number, &0.5, message),
        FieldType::Timestamp | FieldType::Duration => put(message, number, &[1 << 3, 1, 2 << 3, 1]),
        FieldType::Message(inner) => put(message, number, &filled(inner, depth + 1)),
        FieldType::List(inner) | FieldType::Present(inner) => fill(message, number, inner, depth),
        FieldType::Map(inner) => {
            let mut entry = Vec::new();
            put(&mut entry, 1, b"key");
            fill(&mut entry, 2, inner, depth);
            put(message, number, &entry);
        }
    }
}

fn check<M: Message + Default>(descriptor: &MessageDescriptor) {
    let bytes = filled(descriptor, 0);
    let again = M::decode(bytes.as_slice()).unwrap().encode_to_vec();
    let shown = |bytes: &[u8]| to_json(descriptor, bytes, FieldNaming::Proto).unwrap();
    let (before, after) = (shown(&bytes), shown(&again));
    for field in descriptor
        .fields
        .iter()
        .filter(|field| !ONLY_SHOWN.contains(&field.name))
    {
        let name = field.name;
        assert!(before.get(name).is_some(), "{name} is not shown");
        assert!(
            before.get(name) == after.get(name),
            "{name} is not the same in the struct"
        );
    }
    // A number that the struct knows and the descriptor does not would be lost or doubled in an update.
    let mut beyond = Vec::new();
    for number in (1..200).filter(|number| !descriptor.knows(*number)) {
        put(&mut beyond, number, b"");
    }
    let read = M::decode(beyond.as_slice()).unwrap();
    assert_eq!(read.encode_to_vec(), [] as [u8; 0]);
}

#[test]
fn structs_and_descriptors_have_the_same_fields() {
    let spec = |object: &MessageDescriptor| object.message("spec").unwrap();
    check::<ProjectSpec>(spec(&PROJECT));
    check::<EntitySpec>(spec(&ENTITY));
    check::<DataSource>(&DATA_SOURCE);
    check::<FeatureViewSpec>(spec(&FEATURE_VIEW));
    check::<FeatureViewMeta>(FEATURE_VIEW.message("meta").unwrap());
    check::<StreamFeatureViewSpec>(spec(&STREAM_FEATURE_VIEW));
    check::<LabelViewSpec>(spec(&LABEL_VIEW));
    check::<OnDemandFeatureViewSpec>(spec(&ON_DEMAND_FEATURE_VIEW));
    check::<FeatureServiceSpec>(spec(&FEATURE_SERVICE));
    check::<PermissionSpec>(spec(&PERMISSION));
    check::<VersionRecord>(&VERSION_RECORD);
    check::<Registry>(&REGISTRY);
}
