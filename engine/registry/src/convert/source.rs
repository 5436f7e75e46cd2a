//! Data sources.

use std::collections::BTreeMap;

use feast_model::{DataSource, ExternalSource, ExternalSystem, FileFormat, SourceKind, StreamFormat, TableFormat};

use super::{ConvertError, duration, duration_message, feature_spec, fields};
use crate::descriptors::{SOURCE_TYPES, value_of};
use crate::messages::source::{
    AthenaOptions, CustomOptions, DataSource as SourceMessage, DatabaseOptions, DeltaFormat, Empty,
    FileFormat as FileFormatMessage, FileOptions, HudiFormat, IcebergFormat, KafkaOptions, KinesisOptions, LanceFormat,
    RequestOptions, SourceMeta, SparkOptions, StreamFormat as StreamFormatMessage, StreamFormatString,
    TableFormat as TableFormatMessage, TableOrQuery,
};

// `DataSource.SourceType`.
const BATCH_FILE: i32 = value_of(SOURCE_TYPES, "BATCH_FILE");
const BATCH_BIGQUERY: i32 = value_of(SOURCE_TYPES, "BATCH_BIGQUERY");
const STREAM_KAFKA: i32 = value_of(SOURCE_TYPES, "STREAM_KAFKA");
const STREAM_KINESIS: i32 = value_of(SOURCE_TYPES, "STREAM_KINESIS");
const BATCH_REDSHIFT: i32 = value_of(SOURCE_TYPES, "BATCH_REDSHIFT");
const CUSTOM_SOURCE: i32 = value_of(SOURCE_TYPES, "CUSTOM_SOURCE");
const REQUEST_SOURCE: i32 = value_of(SOURCE_TYPES, "REQUEST_SOURCE");
const BATCH_SNOWFLAKE: i32 = value_of(SOURCE_TYPES, "BATCH_SNOWFLAKE");
const PUSH_SOURCE: i32 = value_of(SOURCE_TYPES, "PUSH_SOURCE");
const BATCH_TRINO: i32 = value_of(SOURCE_TYPES, "BATCH_TRINO");
const BATCH_SPARK: i32 = value_of(SOURCE_TYPES, "BATCH_SPARK");
const BATCH_ATHENA: i32 = value_of(SOURCE_TYPES, "BATCH_ATHENA");
const BATCH_ICEBERG: i32 = value_of(SOURCE_TYPES, "BATCH_ICEBERG");

/// Where a source message stands; Python writes different fields in each place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourcePlace<'a> {
    /// In the registry's own list, with the project.
    TopLevel { project: &'a str },
    /// As a view's batch or stream source.
    View,
    /// Inside a stream source, a projection or an on-demand view.
    Nested,
}

pub(crate) fn source_message(source: &DataSource, place: SourcePlace<'_>, meta: SourceMeta) -> SourceMessage {
    // Python copies the columns of the batch source into a push source, and only into that.
    let columns = if source.is_push() {
        source.batch_source().unwrap_or(source)
    } else {
        source
    };
    let nested = |inner: &DataSource| Box::new(source_message(inner, SourcePlace::Nested, meta));
    let mut message = SourceMessage {
        field_mapping: columns.field_mapping.clone(),
        timestamp_field: columns.timestamp_field.clone(),
        date_partition_column: columns.date_partition_column.clone(),
        created_timestamp_column: columns.created_timestamp_column.clone(),
        data_source_class_type: match place {
            SourcePlace::Nested if !source.always_names_class() => String::new(),
            _ => source.python_class().to_owned(),
        },
        name: source.name().to_owned(),
        project: match place {
            SourcePlace::TopLevel { project } => project.to_owned(),
            SourcePlace::View | SourcePlace::Nested => String::new(),
        },
        description: source.metadata.description.clone(),
        tags: source.metadata.tags.clone(),
        owner: source.metadata.owner.clone(),
        batch_source: source.batch_source().map(nested),
        meta: Some(meta),
        ..SourceMessage::default()
    };
    set_options(&mut message, &source.kind);
    message
}

fn set_options(message: &mut SourceMessage, kind: &SourceKind) {
    message.source_type = match kind {
        SourceKind::File {
            path,
            format,
            s3_endpoint_override,
        } => {
            message.file_options = Some(FileOptions {
                file_format: format.map(file_format_message),
                uri: path.clone(),
                s3_endpoint_override: s3_endpoint_override.clone(),
            });
            BATCH_FILE
        }
        SourceKind::Push { .. } => PUSH_SOURCE,
        SourceKind::Request { schema } => {
            message.request_data_options = Some(RequestOptions {
                schema: schema.iter().map(feature_spec).collect(),
            });
            REQUEST_SOURCE
        }
        SourceKind::Kafka {
            bootstrap_servers,
            topic,
            message_format,
            watermark_delay,
            ..
        } => {
            message.kafka_options = Some(KafkaOptions {
                kafka_bootstrap_servers: bootstrap_servers.clone(),
                topic: topic.clone(),
                message_format: message_format.as_ref().map(stream_format_message),
                watermark_delay_threshold: watermark_delay.map(duration_message),
            });
            STREAM_KAFKA
        }
        SourceKind::Kinesis {
            region,
            stream_name,
            record_format,
            ..
        } => {
            message.kinesis_options = Some(KinesisOptions {
                region: region.clone(),
                stream_name: stream_name.clone(),
                record_format: record_format.as_ref().map(stream_format_message),
            });
            STREAM_KINESIS
        }
        SourceKind::External(external) => set_external_options(message, external),
        SourceKind::Other { source_type } => *source_type,
    };
}

fn set_external_options(message: &mut SourceMessage, external: &ExternalSource) -> i32 {
    let option = |name: &str| external.options.get(name).cloned().unwrap_or_default();
    let table_or_query = || TableOrQuery {
        table: option("table"),
        query: option("query"),
    };
    let of_database = || DatabaseOptions {
        table: option("table"),
        query: option("query"),
        schema: option("schema"),
        database: option("database"),
    };
    match external.system {
        ExternalSystem::BigQuery => {
            message.bigquery_options = Some(table_or_query());
            message.timestamp_field_type = option("timestamp_field_type");
            BATCH_BIGQUERY
        }
        ExternalSystem::Snowflake => {
            message.snowflake_options = Some(of_database());
            BATCH_SNOWFLAKE
        }
        ExternalSystem::Redshift => {
            message.redshift_options = Some(of_database());
            BATCH_REDSHIFT
        }
        ExternalSystem::Spark => {
            message.spark_options = Some(SparkOptions {
                table: option("table"),
                query: option("query"),
                path: option("path"),
                file_format: option("file_format"),
                date_partition_column_format: option("date_partition_column_format"),
                table_format: external.table_format.as_ref().map(table_format_message),
            });
            BATCH_SPARK
        }
        ExternalSystem::Trino => {
            message.trino_options = Some(table_or_query());
            BATCH_TRINO
        }
        ExternalSystem::Athena => {
            message.athena_options = Some(AthenaOptions {
                table: option("table"),
                query: option("query"),
                database: option("database"),
                data_source: option("data_source"),
            });
            BATCH_ATHENA
        }
        ExternalSystem::Iceberg | ExternalSystem::Custom => {
            message.custom_options = Some(CustomOptions {
                configuration: option("configuration").into_bytes(),
            });
            if external.system == ExternalSystem::Custom {
                CUSTOM_SOURCE
            } else {
                BATCH_ICEBERG
            }
        }
    }
}

pub(crate) fn source(message: &SourceMessage) -> Result<DataSource, ConvertError> {
    let mut converted = DataSource::new(message.name.clone(), kind(message)?);
    converted.metadata.description.clone_from(&message.description);
    converted.metadata.tags.clone_from(&message.tags);
    converted.metadata.owner.clone_from(&message.owner);
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
    Ok(converted)
}

fn kind(message: &SourceMessage) -> Result<SourceKind, ConvertError> {
    let batch_source = || {
        let inner = message.batch_source.as_deref();
        inner.map(|inner| source(inner).map(Box::new)).transpose()
    };
    Ok(match message.source_type {
        BATCH_FILE => {
            let options = message.file_options.clone().unwrap_or_default();
            SourceKind::File {
                path: options.uri,
                format: options.file_format.and_then(|format| file_format(&format)),
                s3_endpoint_override: options.s3_endpoint_override,
            }
        }
        PUSH_SOURCE => SourceKind::Push {
            batch_source: batch_source()?,
        },
        REQUEST_SOURCE => SourceKind::Request {
            schema: fields(&message.request_data_options.clone().unwrap_or_default().schema)?,
        },
        STREAM_KAFKA => {
            let options = message.kafka_options.clone().unwrap_or_default();
            SourceKind::Kafka {
                bootstrap_servers: options.kafka_bootstrap_servers,
                topic: options.topic,
                message_format: options.message_format.and_then(stream_format),
                watermark_delay: options.watermark_delay_threshold.as_ref().map(duration),
                batch_source: batch_source()?,
            }
        }
        STREAM_KINESIS => {
            let options = message.kinesis_options.clone().unwrap_or_default();
            SourceKind::Kinesis {
                region: options.region,
                stream_name: options.stream_name,
                record_format: options.record_format.and_then(stream_format),
                batch_source: batch_source()?,
            }
        }
        source_type => external(message).map_or(SourceKind::Other { source_type }, SourceKind::External),
    })
}

fn external(message: &SourceMessage) -> Option<ExternalSource> {
    let table_or_query = |options: &Option<TableOrQuery>| {
        let options = options.clone().unwrap_or_default();
        vec![("table", options.table), ("query", options.query)]
    };
    let of_database = |options: &Option<DatabaseOptions>| {
        let options = options.clone().unwrap_or_default();
        let (schema, database) = (("schema", options.schema), ("database", options.database));
        vec![("table", options.table), ("query", options.query), schema, database]
    };
    let mut format = None;
    let (system, options) = match message.source_type {
        BATCH_BIGQUERY => {
            let mut options = table_or_query(&message.bigquery_options);
            options.push(("timestamp_field_type", message.timestamp_field_type.clone()));
            (ExternalSystem::BigQuery, options)
        }
        BATCH_SNOWFLAKE => (ExternalSystem::Snowflake, of_database(&message.snowflake_options)),
        BATCH_REDSHIFT => (ExternalSystem::Redshift, of_database(&message.redshift_options)),
        BATCH_TRINO => (ExternalSystem::Trino, table_or_query(&message.trino_options)),
        BATCH_SPARK => {
            let options = message.spark_options.clone().unwrap_or_default();
            format = options.table_format.and_then(table_format);
            let names = [
                ("table", options.table),
                ("query", options.query),
                ("path", options.path),
                ("file_format", options.file_format),
                ("date_partition_column_format", options.date_partition_column_format),
            ];
            (ExternalSystem::Spark, names.to_vec())
        }
        BATCH_ATHENA => {
            let options = message.athena_options.clone().unwrap_or_default();
            let (database, data_source) = (("database", options.database), ("data_source", options.data_source));
            (
                ExternalSystem::Athena,
                vec![
                    ("table", options.table),
                    ("query", options.query),
                    database,
                    data_source,
                ],
            )
        }
        CUSTOM_SOURCE | BATCH_ICEBERG => {
            let system = if message.source_type == CUSTOM_SOURCE {
                ExternalSystem::Custom
            } else {
                ExternalSystem::Iceberg
            };
            let configuration = message.custom_options.clone().unwrap_or_default().configuration;
            let configuration = String::from_utf8_lossy(&configuration).into_owned();
            (system, vec![("configuration", configuration)])
        }
        _ => return None,
    };
    let class = if system == ExternalSystem::Custom {
        message.data_source_class_type.clone()
    } else {
        String::new()
    };
    Some(ExternalSource {
        system,
        class,
        options: known_values(options),
        table_format: format,
    })
}

/// Proto3 does not tell an empty string from a missing one.
fn known_values(values: Vec<(&'static str, String)>) -> BTreeMap<String, String> {
    values
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn file_format_message(format: FileFormat) -> FileFormatMessage {
    match format {
        FileFormat::Parquet => FileFormatMessage {
            parquet_format: Some(Empty {}),
            delta_format: None,
        },
        FileFormat::Delta => FileFormatMessage {
            parquet_format: None,
            delta_format: Some(DeltaFormat::default()),
        },
    }
}

fn file_format(message: &FileFormatMessage) -> Option<FileFormat> {
    match (&message.parquet_format, &message.delta_format) {
        (Some(_), _) => Some(FileFormat::Parquet),
        (None, Some(_)) => Some(FileFormat::Delta),
        (None, None) => None,
    }
}

fn stream_format_message(format: &StreamFormat) -> StreamFormatMessage {
    let mut message = StreamFormatMessage::default();
    let (slot, schema) = match format {
        StreamFormat::Avro(schema) => (&mut message.avro_format, schema),
        StreamFormat::Proto(schema) => (&mut message.proto_format, schema),
        StreamFormat::Json(schema) => (&mut message.json_format, schema),
    };
    *slot = Some(StreamFormatString { value: schema.clone() });
    message
}

fn stream_format(message: StreamFormatMessage) -> Option<StreamFormat> {
    let avro = message.avro_format.map(|format| StreamFormat::Avro(format.value));
    let proto = message.proto_format.map(|format| StreamFormat::Proto(format.value));
    avro.or(proto)
        .or_else(|| message.json_format.map(|format| StreamFormat::Json(format.value)))
}

fn table_format_message(format: &TableFormat) -> TableFormatMessage {
    let option = |name: &str| format.options.get(name).cloned().unwrap_or_default();
    let properties = format.properties.clone();
    let mut message = TableFormatMessage::default();
    match format.name.as_str() {
        "iceberg" => {
            message.iceberg_format = Some(IcebergFormat {
                catalog: option("catalog"),
                namespace: option("namespace"),
                properties,
            });
        }
        "hudi" => {
            message.hudi_format = Some(HudiFormat {
                table_type: option("table_type"),
                record_key: option("record_key"),
                precombine_field: option("precombine_field"),
                properties,
            });
        }
        "lance" => {
            message.lance_format = Some(LanceFormat {
                catalog: option("catalog"),
                namespace: option("namespace"),
                version: option("version").parse().unwrap_or_default(),
                tag: option("tag"),
                properties,
            });
        }
        _ => {
            message.delta_format = Some(DeltaFormat {
                checkpoint_location: option("checkpoint_location"),
                properties,
            });
        }
    }
    message
}

fn table_format(message: TableFormatMessage) -> Option<TableFormat> {
    let (name, options, properties) = if let Some(format) = message.iceberg_format {
        let options = vec![("catalog", format.catalog), ("namespace", format.namespace)];
        ("iceberg", options, format.properties)
    } else if let Some(format) = message.delta_format {
        (
            "delta",
            vec![("checkpoint_location", format.checkpoint_location)],
            format.properties,
        )
    } else if let Some(format) = message.hudi_format {
        let options = vec![
            ("table_type", format.table_type),
            ("record_key", format.record_key),
            ("precombine_field", format.precombine_field),
        ];
        ("hudi", options, format.properties)
    } else {
        let format = message.lance_format?;
        let version = Some(format.version).filter(|version| *version > 0);
        let options = vec![
            ("catalog", format.catalog),
            ("namespace", format.namespace),
            (
                "version",
                version.map_or_else(String::new, |version| version.to_string()),
            ),
            ("tag", format.tag),
        ];
        ("lance", options, format.properties)
    };
    Some(TableFormat {
        name: name.to_owned(),
        options: known_values(options),
        properties,
    })
}
