//! Registry messages to the model and back.
//!
//! What Python needs beside the plain fields (class names, copied timestamp columns, the created column in a
//! projection's `timestamp_field`) is written here and nowhere else.

use std::collections::BTreeMap;

use feast_model::{Entity, Field, Metadata, Project, Timestamp, ValueType};

use super::messages::feature::FeatureSpec;
use super::messages::{Duration, EntitySpec, ProjectSpec, Timestamp as TimestampMessage};
use super::value_types::{self, NESTED_TYPE_TAG, STRUCT_SCHEMA_TAG};

mod on_demand;
mod permission;
mod pickle;
mod service;
mod source;
mod view;

pub(super) use on_demand::{on_demand_view, on_demand_view_spec};
pub(super) use permission::{check_permission_fields, permission, permission_spec};
pub(super) use service::{service, service_spec};
pub(super) use source::{SourcePlace, source, source_message};
pub(super) use view::{ViewSpec, view, view_of_label, view_of_stream, view_spec};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A field of the registry holds what no Feast type or object has.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ConvertError(String);

pub(super) fn timestamp_message(timestamp: Timestamp) -> TimestampMessage {
    let (seconds, micros) = split_micros(timestamp.micros());
    TimestampMessage {
        seconds,
        nanos: micros * 1000,
    }
}

pub(super) fn timestamp(message: &TimestampMessage) -> Timestamp {
    Timestamp::from_micros(join_micros(message.seconds, message.nanos))
}

/// A span of time in microseconds. Both parts have its sign, or protobuf does not take it.
fn duration_message(micros: i64) -> Duration {
    Duration {
        seconds: micros / MICROS_PER_SECOND,
        nanos: i32::try_from(micros % MICROS_PER_SECOND * 1000).unwrap_or_default(),
    }
}

fn duration(message: &Duration) -> i64 {
    join_micros(message.seconds, message.nanos)
}

fn split_micros(micros: i64) -> (i64, i32) {
    let rest = micros.rem_euclid(MICROS_PER_SECOND);
    (
        micros.div_euclid(MICROS_PER_SECOND),
        i32::try_from(rest).unwrap_or_default(),
    )
}

fn join_micros(seconds: i64, nanos: i32) -> i64 {
    seconds
        .saturating_mul(MICROS_PER_SECOND)
        .saturating_add(i64::from(nanos / 1000))
}

pub(super) fn project_spec(project: &Project) -> ProjectSpec {
    let metadata = project.metadata.clone();
    ProjectSpec {
        name: metadata.name,
        description: metadata.description,
        tags: metadata.tags,
        owner: metadata.owner,
    }
}

pub(super) fn project(spec: &ProjectSpec) -> Project {
    let ProjectSpec {
        name,
        description,
        tags,
        owner,
    } = spec.clone();
    Project {
        metadata: Metadata {
            description,
            tags,
            owner,
            ..Metadata::new(name)
        },
    }
}

pub(super) fn entity_spec(entity: &Entity, project: &str) -> EntitySpec {
    EntitySpec {
        name: entity.name().to_owned(),
        value_type: entity
            .value_type
            .as_ref()
            .map_or(0, |value_type| value_types::encode(value_type).0),
        description: entity.metadata.description.clone(),
        join_key: entity.join_key.clone(),
        tags: entity.metadata.tags.clone(),
        project: project.to_owned(),
        owner: entity.metadata.owner.clone(),
    }
}

pub(super) fn entity(spec: &EntitySpec) -> Entity {
    Entity {
        join_key: if spec.join_key.is_empty() {
            spec.name.clone()
        } else {
            spec.join_key.clone()
        },
        value_type: value_types::decode(spec.value_type, |_| None),
        metadata: Metadata {
            description: spec.description.clone(),
            tags: spec.tags.clone(),
            owner: spec.owner.clone(),
            ..Metadata::new(spec.name.clone())
        },
    }
}

fn feature_spec(field: &Field) -> FeatureSpec {
    let (value_type, reserved_tag) = value_types::encode(&field.value_type);
    let mut tags = field.tags.clone();
    tags.extend(reserved_tag.map(|(name, text)| (name.to_owned(), text)));
    FeatureSpec {
        name: field.name.clone(),
        value_type,
        tags,
        description: field.description.clone(),
        vector_index: field.vector_index,
        vector_search_metric: field.vector_search_metric.clone(),
        vector_length: field.vector_length,
    }
}

fn field(spec: &FeatureSpec) -> Result<Field, ConvertError> {
    let value_type: ValueType =
        value_types::decode(spec.value_type, |tag| spec.tags.get(tag).cloned()).ok_or_else(|| {
            ConvertError(format!(
                "field {} has value type {}, which is not a Feast type",
                spec.name, spec.value_type
            ))
        })?;
    let reserved = [STRUCT_SCHEMA_TAG, NESTED_TYPE_TAG];
    let tags = spec.tags.iter().filter(|(name, _)| !reserved.contains(&name.as_str()));
    Ok(Field {
        name: spec.name.clone(),
        value_type,
        description: spec.description.clone(),
        tags: tags
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect::<BTreeMap<_, _>>(),
        vector_index: spec.vector_index,
        vector_length: spec.vector_length,
        vector_search_metric: spec.vector_search_metric.clone(),
    })
}

fn fields(specs: &[FeatureSpec]) -> Result<Vec<Field>, ConvertError> {
    specs.iter().map(field).collect()
}
