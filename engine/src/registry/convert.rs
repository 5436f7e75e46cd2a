//! Registry messages to the model and back.
//!
//! What Python needs beside the plain fields (class names, copied timestamp columns, the created column in a
//! projection's `timestamp_field`) is written here and nowhere else.

use std::collections::BTreeMap;

use super::messages::{
    DataSource as SourceMessage, Duration, EntitySpec, FeatureServiceSpec, FeatureSpec, FeatureViewProjection,
    FeatureViewSpec, FileFormat, FileOptions, ParquetFormat, ProjectSpec, SourceMeta, Timestamp as TimestampMessage,
};
use super::value_types::{self, NESTED_TYPE_TAG, STRUCT_SCHEMA_TAG};
use crate::model::{
    DUMMY_ENTITY, DataSource, Entity, FeatureService, FeatureView, Field, Project, Projection, SourceKind, Timestamp,
    ValueType,
};

const BATCH_FILE: i32 = 1;
const PUSH_SOURCE: i32 = 9;
const FILE_SOURCE_CLASS: &str = "feast.infra.offline_stores.file_source.FileSource";
const PUSH_SOURCE_CLASS: &str = "feast.data_source.PushSource";
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
    let Project {
        name,
        description,
        tags,
        owner,
    } = project.clone();
    ProjectSpec {
        name,
        description,
        tags,
        owner,
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
        name,
        description,
        tags,
        owner,
    }
}

pub(super) fn entity_spec(entity: &Entity, project: &str) -> EntitySpec {
    EntitySpec {
        name: entity.name.clone(),
        value_type: entity
            .value_type
            .as_ref()
            .map_or(0, |value_type| value_types::encode(value_type).0),
        description: entity.description.clone(),
        join_key: entity.join_key.clone(),
        tags: entity.tags.clone(),
        project: project.to_owned(),
        owner: entity.owner.clone(),
    }
}

pub(super) fn entity(spec: &EntitySpec) -> Entity {
    Entity {
        name: spec.name.clone(),
        join_key: if spec.join_key.is_empty() {
            spec.name.clone()
        } else {
            spec.join_key.clone()
        },
        value_type: value_types::decode(spec.value_type, |_| None),
        description: spec.description.clone(),
        tags: spec.tags.clone(),
        owner: spec.owner.clone(),
    }
}

pub(super) fn feature_spec(field: &Field) -> FeatureSpec {
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

pub(super) fn field(spec: &FeatureSpec) -> Result<Field, ConvertError> {
    let value_type: ValueType =
        value_types::decode(spec.value_type, |tag| spec.tags.get(tag).cloned()).ok_or_else(|| {
            ConvertError(format!(
                "field {} has value type {}, which is no Feast type",
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

/// Where a source message stands; Python writes different fields in each place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SourcePlace<'a> {
    /// In the registry's own list, with the project.
    TopLevel { project: &'a str },
    /// As a view's batch or stream source.
    View,
    /// Inside a push source or a projection.
    Nested,
}

pub(super) fn source_message(source: &DataSource, place: SourcePlace<'_>, meta: SourceMeta) -> SourceMessage {
    let class = match source.kind {
        _ if place == SourcePlace::Nested => "",
        SourceKind::File { .. } => FILE_SOURCE_CLASS,
        SourceKind::Push { .. } => PUSH_SOURCE_CLASS,
        SourceKind::Other { .. } => "",
    };
    // Python copies the columns of the batch source into the push source.
    let columns = source.batch_source().unwrap_or(source);
    let mut message = SourceMessage {
        source_type: 0,
        field_mapping: columns.field_mapping.clone(),
        timestamp_field: columns.timestamp_field.clone(),
        date_partition_column: columns.date_partition_column.clone(),
        created_timestamp_column: columns.created_timestamp_column.clone(),
        file_options: None,
        data_source_class_type: class.to_owned(),
        name: source.name.clone(),
        project: match place {
            SourcePlace::TopLevel { project } => project.to_owned(),
            SourcePlace::View | SourcePlace::Nested => String::new(),
        },
        description: source.description.clone(),
        tags: source.tags.clone(),
        owner: source.owner.clone(),
        batch_source: None,
        meta: Some(meta),
    };
    match &source.kind {
        SourceKind::File {
            path,
            explicit_parquet,
            s3_endpoint_override,
        } => {
            message.source_type = BATCH_FILE;
            let file_format = explicit_parquet.then(|| FileFormat {
                parquet_format: Some(ParquetFormat {}),
            });
            let (uri, s3_endpoint_override) = (path.clone(), s3_endpoint_override.clone());
            message.file_options = Some(FileOptions {
                file_format,
                uri,
                s3_endpoint_override,
            });
        }
        SourceKind::Push { batch_source } => {
            message.source_type = PUSH_SOURCE;
            message.batch_source = batch_source
                .as_ref()
                .map(|source| Box::new(source_message(source, SourcePlace::Nested, meta)));
        }
        SourceKind::Other { source_type } => message.source_type = *source_type,
    }
    message
}

pub(super) fn source(message: &SourceMessage) -> DataSource {
    let kind = match (message.source_type, &message.file_options) {
        (BATCH_FILE, Some(options)) => SourceKind::File {
            path: options.uri.clone(),
            explicit_parquet: options.file_format.is_some(),
            s3_endpoint_override: options.s3_endpoint_override.clone(),
        },
        (PUSH_SOURCE, _) => SourceKind::Push {
            batch_source: message.batch_source.as_deref().map(|inner| Box::new(source(inner))),
        },
        (source_type, _) => SourceKind::Other { source_type },
    };
    let mut converted = DataSource::new(message.name.clone(), kind);
    converted.description.clone_from(&message.description);
    converted.tags.clone_from(&message.tags);
    converted.owner.clone_from(&message.owner);
    if !converted.is_push() {
        converted.timestamp_field.clone_from(&message.timestamp_field);
        converted
            .created_timestamp_column
            .clone_from(&message.created_timestamp_column);
        converted
            .date_partition_column
            .clone_from(&message.date_partition_column);
        converted.field_mapping.clone_from(&message.field_mapping);
    }
    converted
}

pub(super) fn view_spec(view: &FeatureView, project: &str, meta: SourceMeta) -> FeatureViewSpec {
    let place = |source: &DataSource| source_message(source, SourcePlace::View, meta);
    FeatureViewSpec {
        name: view.name.clone(),
        project: project.to_owned(),
        entities: if view.entities.is_empty() {
            vec![DUMMY_ENTITY.to_owned()]
        } else {
            view.entities.clone()
        },
        features: view.features.iter().map(feature_spec).collect(),
        tags: view.tags.clone(),
        ttl: view.ttl.map(|micros| {
            let (seconds, micros) = split_micros(micros);
            Duration {
                seconds,
                nanos: micros * 1000,
            }
        }),
        batch_source: view.batch_source.as_ref().map(place),
        online: view.online,
        stream_source: view.stream_source.as_ref().map(place),
        description: view.description.clone(),
        owner: view.owner.clone(),
        entity_columns: view.entity_columns.iter().map(feature_spec).collect(),
        offline: view.offline,
        source_views: Vec::new(),
        feature_transformation: None,
        mode: String::new(),
        enable_validation: view.enable_validation,
        version: view.version.clone(),
        org: view.org.clone(),
        disabled: !view.enabled,
    }
}

pub(super) fn view(spec: &FeatureViewSpec) -> Result<FeatureView, ConvertError> {
    Ok(FeatureView {
        name: spec.name.clone(),
        entities: spec.entities.clone(),
        entity_columns: fields(&spec.entity_columns)?,
        features: fields(&spec.features)?,
        ttl: spec.ttl.map(|ttl| join_micros(ttl.seconds, ttl.nanos)),
        batch_source: spec.batch_source.as_ref().map(source),
        stream_source: spec.stream_source.as_ref().map(source),
        online: spec.online,
        offline: spec.offline,
        enabled: !spec.disabled,
        description: spec.description.clone(),
        tags: spec.tags.clone(),
        owner: spec.owner.clone(),
        org: spec.org.clone(),
        version: if spec.version.is_empty() {
            "latest".to_owned()
        } else {
            spec.version.clone()
        },
        enable_validation: spec.enable_validation,
    })
}

/// `views` are those of the same definitions: projections carry a copy of their view's batch source.
pub(super) fn service_spec(
    service: &FeatureService,
    views: &[FeatureView],
    project: &str,
    meta: SourceMeta,
) -> FeatureServiceSpec {
    let projections = service.projections.iter().map(|projection| {
        let view = views.iter().find(|view| view.name == projection.view);
        let batch_source = view.and_then(|view| view.batch_source.as_ref());
        let created = batch_source.map_or_else(String::new, |source| source.created_timestamp_column.clone());
        FeatureViewProjection {
            feature_view_name: projection.view.clone(),
            feature_columns: projection.features.iter().map(feature_spec).collect(),
            feature_view_name_alias: projection.alias.clone().unwrap_or_default(),
            join_key_map: projection.join_key_map.clone(),
            // A long-standing slip of Feast: this field holds the created column, and Python compares it.
            timestamp_field: created.clone(),
            date_partition_column: batch_source.map_or_else(String::new, |source| source.date_partition_column.clone()),
            created_timestamp_column: created,
            batch_source: batch_source.map(|source| source_message(source, SourcePlace::Nested, meta)),
            stream_source: None,
            version_tag: None,
            view_type: "featureView".to_owned(),
        }
    });
    FeatureServiceSpec {
        name: service.name.clone(),
        project: project.to_owned(),
        features: projections.collect(),
        tags: service.tags.clone(),
        description: service.description.clone(),
        owner: service.owner.clone(),
        logging_config: None,
        precompute_online: false,
    }
}

pub(super) fn service(spec: &FeatureServiceSpec) -> Result<FeatureService, ConvertError> {
    let projections = spec.features.iter().map(|projection| {
        Ok(Projection {
            view: projection.feature_view_name.clone(),
            alias: Some(projection.feature_view_name_alias.clone()).filter(|alias| !alias.is_empty()),
            features: fields(&projection.feature_columns)?,
            join_key_map: projection.join_key_map.clone(),
        })
    });
    Ok(FeatureService {
        name: spec.name.clone(),
        projections: projections.collect::<Result<_, ConvertError>>()?,
        description: spec.description.clone(),
        tags: spec.tags.clone(),
        owner: spec.owner.clone(),
    })
}
