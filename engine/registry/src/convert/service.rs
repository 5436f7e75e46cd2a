//! Feature services and the projections in them.

use feast_model::{
    Definitions, FeatureService, Logging, LoggingDestination, LoggingSystem, Metadata, Projection, RequestedFeatures,
};
use prost::Message;

use super::{ConvertError, SourcePlace, feature_spec, fields, source_message};
use crate::messages::projection::FeatureViewProjection;
use crate::messages::service::{FeatureServiceSpec, FileDestination, LoggingConfig, TableDestination};
use crate::messages::source::SourceMeta;

const LABEL_VIEW: &str = "labelView";

/// `definitions` are those the service is one of: projections carry a copy of their view's batch source.
pub(crate) fn service_spec(
    service: &FeatureService,
    definitions: &Definitions,
    project: &str,
    meta: SourceMeta,
) -> FeatureServiceSpec {
    let projections = service.projections.iter();
    FeatureServiceSpec {
        name: service.name().to_owned(),
        project: project.to_owned(),
        features: projections
            .map(|projection| projection_message(projection, definitions, meta))
            .collect(),
        tags: service.metadata.tags.clone(),
        description: service.metadata.description.clone(),
        owner: service.metadata.owner.clone(),
        logging_config: service.logging.as_ref().map(logging_message),
        precompute_online: service.precompute_online,
    }
}

pub(super) fn projection_message(
    projection: &Projection,
    definitions: &Definitions,
    meta: SourceMeta,
) -> FeatureViewProjection {
    let view = definitions.feature_view(&projection.view);
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
        version_tag: projection.version,
        view_type: if projection.is_label_view {
            LABEL_VIEW
        } else {
            "featureView"
        }
        .to_owned(),
    }
}

pub(super) fn projection(message: &FeatureViewProjection) -> Result<Projection, ConvertError> {
    Ok(Projection {
        view: message.feature_view_name.clone(),
        alias: Some(message.feature_view_name_alias.clone()).filter(|alias| !alias.is_empty()),
        requested: RequestedFeatures::Resolved,
        features: fields(&message.feature_columns)?,
        join_key_map: message.join_key_map.clone(),
        version: message.version_tag,
        is_label_view: message.view_type == LABEL_VIEW,
    })
}

pub(crate) fn service(spec: &FeatureServiceSpec) -> Result<FeatureService, ConvertError> {
    Ok(FeatureService {
        projections: spec.features.iter().map(projection).collect::<Result<_, _>>()?,
        metadata: Metadata {
            description: spec.description.clone(),
            tags: spec.tags.clone(),
            owner: spec.owner.clone(),
            ..Metadata::new(spec.name.clone())
        },
        logging: spec.logging_config.as_ref().map(logging),
        precompute_online: spec.precompute_online,
    })
}

fn logging_message(logging: &Logging) -> LoggingConfig {
    match &logging.destination {
        LoggingDestination::File {
            path,
            s3_endpoint_override,
            partition_by,
        } => LoggingConfig {
            sample_rate: logging.sample_rate,
            file_destination: Some(FileDestination {
                path: path.clone(),
                s3_endpoint_override: s3_endpoint_override.clone(),
                partition_by: partition_by.clone(),
            }),
            ..LoggingConfig::default()
        },
        LoggingDestination::Table { system, table } => {
            let mut message = LoggingConfig {
                sample_rate: logging.sample_rate,
                ..LoggingConfig::default()
            };
            *match system {
                LoggingSystem::BigQuery => &mut message.bigquery_destination,
                LoggingSystem::Redshift => &mut message.redshift_destination,
                LoggingSystem::Snowflake => &mut message.snowflake_destination,
                LoggingSystem::Athena => &mut message.athena_destination,
            } = Some(TableDestination { table: table.clone() });
            message
        }
        LoggingDestination::Nowhere => LoggingConfig {
            sample_rate: logging.sample_rate,
            ..LoggingConfig::default()
        },
        LoggingDestination::Other(bytes) => LoggingConfig::decode(bytes.as_slice()).unwrap_or_default(),
    }
}

fn logging(message: &LoggingConfig) -> Logging {
    let tables = [
        (LoggingSystem::BigQuery, &message.bigquery_destination),
        (LoggingSystem::Redshift, &message.redshift_destination),
        (LoggingSystem::Snowflake, &message.snowflake_destination),
        (LoggingSystem::Athena, &message.athena_destination),
    ];
    let table = tables
        .into_iter()
        .find_map(|(system, table)| Some((system, table.as_ref()?.table.clone())));
    let destination = match (&message.file_destination, table) {
        (Some(file), _) => LoggingDestination::File {
            path: file.path.clone(),
            s3_endpoint_override: file.s3_endpoint_override.clone(),
            partition_by: file.partition_by.clone(),
        },
        (None, Some((system, table))) => LoggingDestination::Table { system, table },
        (None, None) if message.custom_destination.is_none() && message.couchbase_columnar_destination.is_none() => {
            LoggingDestination::Nowhere
        }
        (None, None) => LoggingDestination::Other(message.encode_to_vec()),
    };
    Logging {
        sample_rate: message.sample_rate,
        destination,
    }
}
