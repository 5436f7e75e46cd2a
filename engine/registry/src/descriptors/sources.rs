//! The fields of data sources, their options and formats, in the order of their numbers.

use super::enumerations::SOURCE_TYPES;
use super::feature::FEATURE;
use super::{FieldType, MessageDescriptor, field};

pub(crate) static DATA_SOURCE: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "type", FieldType::Enum(SOURCE_TYPES)),
        field(2, "field_mapping", FieldType::Map(&FieldType::String)),
        field(3, "timestamp_field", FieldType::String),
        field(4, "date_partition_column", FieldType::String),
        field(5, "created_timestamp_column", FieldType::String),
        field(11, "file_options", FieldType::Message(&FILE_OPTIONS)),
        field(12, "bigquery_options", FieldType::Message(&TABLE_OR_QUERY)),
        field(13, "kafka_options", FieldType::Message(&KAFKA_OPTIONS)),
        field(14, "kinesis_options", FieldType::Message(&KINESIS_OPTIONS)),
        field(15, "redshift_options", FieldType::Message(&DATABASE_OPTIONS)),
        field(16, "custom_options", FieldType::Message(&CUSTOM_OPTIONS)),
        field(17, "data_source_class_type", FieldType::String),
        field(18, "request_data_options", FieldType::Message(&REQUEST_OPTIONS)),
        field(19, "snowflake_options", FieldType::Message(&DATABASE_OPTIONS)),
        field(20, "name", FieldType::String),
        field(21, "project", FieldType::String),
        field(22, "push_options", FieldType::Message(&EMPTY)),
        field(23, "description", FieldType::String),
        field(24, "tags", FieldType::Map(&FieldType::String)),
        field(25, "owner", FieldType::String),
        field(26, "batch_source", FieldType::Message(&DATA_SOURCE)),
        field(27, "spark_options", FieldType::Message(&SPARK_OPTIONS)),
        field(28, "timestamp_field_type", FieldType::String),
        field(30, "trino_options", FieldType::Message(&TABLE_OR_QUERY)),
        field(35, "athena_options", FieldType::Message(&ATHENA_OPTIONS)),
        field(50, "meta", FieldType::Message(&SOURCE_META)),
    ],
};
static SOURCE_META: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "earliestEventTimestamp", FieldType::Timestamp),
        field(2, "latestEventTimestamp", FieldType::Timestamp),
        field(3, "created_timestamp", FieldType::Timestamp),
        field(4, "last_updated_timestamp", FieldType::Timestamp),
    ],
};
pub(super) static FILE_OPTIONS: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "file_format", FieldType::Message(&FILE_FORMAT)),
        field(2, "uri", FieldType::String),
        field(3, "s3_endpoint_override", FieldType::String),
    ],
};
static FILE_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "parquet_format", FieldType::Message(&EMPTY)),
        field(2, "delta_format", FieldType::Message(&DELTA_FORMAT)),
    ],
};
static EMPTY: MessageDescriptor = MessageDescriptor { fields: &[] };
pub(super) static TABLE_OR_QUERY: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "table", FieldType::String),
        field(2, "query", FieldType::String),
    ],
};
pub(super) static DATABASE_OPTIONS: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "table", FieldType::String),
        field(2, "query", FieldType::String),
        field(3, "schema", FieldType::String),
        field(4, "database", FieldType::String),
    ],
};
pub(super) static SPARK_OPTIONS: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "table", FieldType::String),
        field(2, "query", FieldType::String),
        field(3, "path", FieldType::String),
        field(4, "file_format", FieldType::String),
        field(5, "date_partition_column_format", FieldType::String),
        field(6, "table_format", FieldType::Message(&TABLE_FORMAT)),
    ],
};
pub(super) static ATHENA_OPTIONS: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "table", FieldType::String),
        field(2, "query", FieldType::String),
        field(3, "database", FieldType::String),
        field(4, "data_source", FieldType::String),
    ],
};
pub(super) static CUSTOM_OPTIONS: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "configuration", FieldType::Bytes)],
};
static REQUEST_OPTIONS: MessageDescriptor = MessageDescriptor {
    fields: &[field(3, "schema", FieldType::List(&FieldType::Message(&FEATURE)))],
};
static KAFKA_OPTIONS: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "kafka_bootstrap_servers", FieldType::String),
        field(2, "topic", FieldType::String),
        field(3, "message_format", FieldType::Message(&STREAM_FORMAT)),
        field(4, "watermark_delay_threshold", FieldType::Duration),
    ],
};
static KINESIS_OPTIONS: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "region", FieldType::String),
        field(2, "stream_name", FieldType::String),
        field(3, "record_format", FieldType::Message(&STREAM_FORMAT)),
    ],
};
static STREAM_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "avro_format", FieldType::Message(&SCHEMA_FORMAT)),
        field(2, "proto_format", FieldType::Message(&CLASS_FORMAT)),
        field(3, "json_format", FieldType::Message(&SCHEMA_FORMAT)),
    ],
};
static SCHEMA_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "schema_json", FieldType::String)],
};
static CLASS_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "class_path", FieldType::String)],
};
static TABLE_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "iceberg_format", FieldType::Message(&ICEBERG_FORMAT)),
        field(2, "delta_format", FieldType::Message(&DELTA_FORMAT)),
        field(3, "hudi_format", FieldType::Message(&HUDI_FORMAT)),
        field(4, "lance_format", FieldType::Message(&LANCE_FORMAT)),
    ],
};
static ICEBERG_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "catalog", FieldType::String),
        field(2, "namespace", FieldType::String),
        field(3, "properties", FieldType::Map(&FieldType::String)),
    ],
};
static DELTA_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "checkpoint_location", FieldType::String),
        field(2, "properties", FieldType::Map(&FieldType::String)),
    ],
};
static HUDI_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "table_type", FieldType::String),
        field(2, "record_key", FieldType::String),
        field(3, "precombine_field", FieldType::String),
        field(4, "properties", FieldType::Map(&FieldType::String)),
    ],
};
static LANCE_FORMAT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "catalog", FieldType::String),
        field(2, "namespace", FieldType::String),
        field(3, "version", FieldType::Int64),
        field(4, "tag", FieldType::String),
        field(5, "properties", FieldType::Map(&FieldType::String)),
    ],
};
