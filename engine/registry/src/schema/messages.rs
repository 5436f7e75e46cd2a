//! The fields of each message.

use super::enumerations::{ACTIONS, CONFLICT_POLICIES, RESOURCE_TYPES, SOURCE_TYPES, STATES, VALUE_TYPES};
use super::{Schema, Shape, field};

pub(crate) static PROJECT: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&PROJECT_SPEC)),
        field(2, "meta", Shape::Message(&OBJECT_META)),
    ],
};
static PROJECT_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "description", Shape::Text),
        field(3, "tags", Shape::Map(&Shape::Text)),
        field(4, "owner", Shape::Text),
    ],
};
static OBJECT_META: Schema = Schema {
    fields: &[
        field(1, "created_timestamp", Shape::Time),
        field(2, "last_updated_timestamp", Shape::Time),
    ],
};
pub(crate) static ENTITY: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&ENTITY_SPEC)),
        field(2, "meta", Shape::Message(&OBJECT_META)),
    ],
};
static ENTITY_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "value_type", Shape::Enumeration(VALUE_TYPES)),
        field(3, "description", Shape::Text),
        field(4, "join_key", Shape::Text),
        field(8, "tags", Shape::Map(&Shape::Text)),
        field(9, "project", Shape::Text),
        field(10, "owner", Shape::Text),
    ],
};
static FEATURE: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "value_type", Shape::Enumeration(VALUE_TYPES)),
        field(3, "tags", Shape::Map(&Shape::Text)),
        field(4, "description", Shape::Text),
        field(5, "vector_index", Shape::Boolean),
        field(6, "vector_search_metric", Shape::Text),
        field(7, "vector_length", Shape::Integer),
    ],
};
pub(crate) static FEATURE_VIEW: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&FEATURE_VIEW_SPEC)),
        field(2, "meta", Shape::Message(&FEATURE_VIEW_META)),
    ],
};
static FEATURE_VIEW_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "project", Shape::Text),
        field(3, "entities", Shape::List(&Shape::Text)),
        field(4, "features", Shape::List(&Shape::Message(&FEATURE))),
        field(5, "tags", Shape::Map(&Shape::Text)),
        field(6, "ttl", Shape::Duration),
        field(7, "batch_source", Shape::Message(&DATA_SOURCE)),
        field(8, "online", Shape::Boolean),
        field(9, "stream_source", Shape::Message(&DATA_SOURCE)),
        field(10, "description", Shape::Text),
        field(11, "owner", Shape::Text),
        field(12, "entity_columns", Shape::List(&Shape::Message(&FEATURE))),
        field(13, "offline", Shape::Boolean),
        field(14, "source_views", Shape::List(&Shape::Message(&FEATURE_VIEW_SPEC))),
        field(15, "feature_transformation", Shape::Message(&TRANSFORMATION)),
        field(16, "mode", Shape::Text),
        field(17, "enable_validation", Shape::Boolean),
        field(18, "version", Shape::Text),
        field(19, "org", Shape::Text),
        field(20, "disabled", Shape::Boolean),
    ],
};
static FEATURE_VIEW_META: Schema = Schema {
    fields: &[
        field(1, "created_timestamp", Shape::Time),
        field(2, "last_updated_timestamp", Shape::Time),
        field(3, "materialization_intervals", Shape::List(&Shape::Message(&INTERVAL))),
        field(4, "current_version_number", Shape::Integer),
        field(5, "version_id", Shape::Text),
        field(6, "state", Shape::Enumeration(STATES)),
    ],
};
static INTERVAL: Schema = Schema {
    fields: &[field(1, "start_time", Shape::Time), field(2, "end_time", Shape::Time)],
};
pub(crate) static ON_DEMAND_FEATURE_VIEW: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&ON_DEMAND_SPEC)),
        field(2, "meta", Shape::Message(&ON_DEMAND_META)),
    ],
};
static ON_DEMAND_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "project", Shape::Text),
        field(3, "features", Shape::List(&Shape::Message(&FEATURE))),
        field(4, "sources", Shape::Map(&Shape::Message(&ON_DEMAND_SOURCE))),
        field(5, "user_defined_function", Shape::Message(&FUNCTION)),
        field(6, "description", Shape::Text),
        field(7, "tags", Shape::Map(&Shape::Text)),
        field(8, "owner", Shape::Text),
        field(10, "feature_transformation", Shape::Message(&TRANSFORMATION)),
        field(11, "mode", Shape::Text),
        field(12, "write_to_online_store", Shape::Boolean),
        field(13, "entities", Shape::List(&Shape::Text)),
        field(14, "entity_columns", Shape::List(&Shape::Message(&FEATURE))),
        field(15, "singleton", Shape::Boolean),
        field(16, "aggregations", Shape::List(&Shape::Message(&AGGREGATION))),
        field(17, "version", Shape::Text),
        field(18, "org", Shape::Text),
        field(19, "disabled", Shape::Boolean),
    ],
};
static ON_DEMAND_META: Schema = Schema {
    fields: &[
        field(1, "created_timestamp", Shape::Time),
        field(2, "last_updated_timestamp", Shape::Time),
        field(3, "current_version_number", Shape::Integer),
        field(4, "version_id", Shape::Text),
        field(5, "state", Shape::Enumeration(STATES)),
    ],
};
static ON_DEMAND_SOURCE: Schema = Schema {
    fields: &[
        field(1, "feature_view", Shape::Message(&FEATURE_VIEW)),
        field(2, "request_data_source", Shape::Message(&DATA_SOURCE)),
        field(3, "feature_view_projection", Shape::Message(&PROJECTION)),
    ],
};
static TRANSFORMATION: Schema = Schema {
    fields: &[
        field(1, "user_defined_function", Shape::Message(&FUNCTION)),
        field(2, "substrait_transformation", Shape::Message(&SUBSTRAIT)),
    ],
};
static FUNCTION: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "body", Shape::Bytes),
        field(3, "body_text", Shape::Text),
        field(4, "mode", Shape::Text),
    ],
};
static SUBSTRAIT: Schema = Schema {
    fields: &[
        field(1, "substrait_plan", Shape::Bytes),
        field(2, "ibis_function", Shape::Bytes),
    ],
};
static AGGREGATION: Schema = Schema {
    fields: &[
        field(1, "column", Shape::Text),
        field(2, "function", Shape::Text),
        field(3, "time_window", Shape::Duration),
        field(4, "slide_interval", Shape::Duration),
        field(5, "name", Shape::Text),
    ],
};
pub(crate) static STREAM_FEATURE_VIEW: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&STREAM_SPEC)),
        field(2, "meta", Shape::Message(&FEATURE_VIEW_META)),
    ],
};
static STREAM_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "project", Shape::Text),
        field(3, "entities", Shape::List(&Shape::Text)),
        field(4, "features", Shape::List(&Shape::Message(&FEATURE))),
        field(5, "entity_columns", Shape::List(&Shape::Message(&FEATURE))),
        field(6, "description", Shape::Text),
        field(7, "tags", Shape::Map(&Shape::Text)),
        field(8, "owner", Shape::Text),
        field(9, "ttl", Shape::Duration),
        field(10, "batch_source", Shape::Message(&DATA_SOURCE)),
        field(11, "stream_source", Shape::Message(&DATA_SOURCE)),
        field(12, "online", Shape::Boolean),
        field(13, "user_defined_function", Shape::Message(&FUNCTION)),
        field(14, "mode", Shape::Text),
        field(15, "aggregations", Shape::List(&Shape::Message(&AGGREGATION))),
        field(16, "timestamp_field", Shape::Text),
        field(17, "feature_transformation", Shape::Message(&TRANSFORMATION)),
        field(18, "enable_tiling", Shape::Boolean),
        field(19, "tiling_hop_size", Shape::Duration),
        field(20, "enable_validation", Shape::Boolean),
        field(21, "version", Shape::Text),
        field(22, "org", Shape::Text),
        field(23, "disabled", Shape::Boolean),
    ],
};
pub(crate) static LABEL_VIEW: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&LABEL_SPEC)),
        field(2, "meta", Shape::Message(&OBJECT_META)),
    ],
};
static LABEL_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "project", Shape::Text),
        field(3, "entities", Shape::List(&Shape::Text)),
        field(4, "features", Shape::List(&Shape::Message(&FEATURE))),
        field(5, "tags", Shape::Map(&Shape::Text)),
        field(6, "ttl", Shape::Duration),
        field(7, "source", Shape::Message(&DATA_SOURCE)),
        field(8, "online", Shape::Boolean),
        field(9, "description", Shape::Text),
        field(10, "owner", Shape::Text),
        field(11, "entity_columns", Shape::List(&Shape::Message(&FEATURE))),
        field(12, "labeler_field", Shape::Text),
        field(13, "conflict_policy", Shape::Enumeration(CONFLICT_POLICIES)),
        field(14, "retain_history", Shape::Boolean),
        field(15, "reference_feature_view", Shape::Text),
    ],
};
pub(crate) static FEATURE_SERVICE: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&SERVICE_SPEC)),
        field(2, "meta", Shape::Message(&OBJECT_META)),
    ],
};
static SERVICE_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "project", Shape::Text),
        field(3, "features", Shape::List(&Shape::Message(&PROJECTION))),
        field(4, "tags", Shape::Map(&Shape::Text)),
        field(5, "description", Shape::Text),
        field(6, "owner", Shape::Text),
        field(7, "logging_config", Shape::Message(&LOGGING)),
        field(8, "precompute_online", Shape::Boolean),
    ],
};
static PROJECTION: Schema = Schema {
    fields: &[
        field(1, "feature_view_name", Shape::Text),
        field(2, "feature_columns", Shape::List(&Shape::Message(&FEATURE))),
        field(3, "feature_view_name_alias", Shape::Text),
        field(4, "join_key_map", Shape::Map(&Shape::Text)),
        field(5, "timestamp_field", Shape::Text),
        field(6, "date_partition_column", Shape::Text),
        field(7, "created_timestamp_column", Shape::Text),
        field(8, "batch_source", Shape::Message(&DATA_SOURCE)),
        field(9, "stream_source", Shape::Message(&DATA_SOURCE)),
        field(10, "version_tag", Shape::Present(&Shape::Integer)),
        field(11, "view_type", Shape::Text),
    ],
};
static LOGGING: Schema = Schema {
    fields: &[
        field(1, "sample_rate", Shape::Float),
        field(3, "file_destination", Shape::Message(&FILE_DESTINATION)),
        field(4, "bigquery_destination", Shape::Message(&TABLE_REFERENCE)),
        field(5, "redshift_destination", Shape::Message(&TABLE_NAME)),
        field(6, "snowflake_destination", Shape::Message(&TABLE_NAME)),
        field(7, "custom_destination", Shape::Message(&CUSTOM_DESTINATION)),
        field(8, "athena_destination", Shape::Message(&TABLE_NAME)),
        field(
            9,
            "couchbase_columnar_destination",
            Shape::Message(&COUCHBASE_DESTINATION),
        ),
    ],
};
static FILE_DESTINATION: Schema = Schema {
    fields: &[
        field(1, "path", Shape::Text),
        field(2, "s3_endpoint_override", Shape::Text),
        field(3, "partition_by", Shape::List(&Shape::Text)),
    ],
};
static TABLE_REFERENCE: Schema = Schema {
    fields: &[field(1, "table_ref", Shape::Text)],
};
static TABLE_NAME: Schema = Schema {
    fields: &[field(1, "table_name", Shape::Text)],
};
static CUSTOM_DESTINATION: Schema = Schema {
    fields: &[
        field(1, "kind", Shape::Text),
        field(2, "config", Shape::Map(&Shape::Text)),
    ],
};
static COUCHBASE_DESTINATION: Schema = Schema {
    fields: &[
        field(1, "database", Shape::Text),
        field(2, "scope", Shape::Text),
        field(3, "collection", Shape::Text),
    ],
};
pub(crate) static DATA_SOURCE: Schema = Schema {
    fields: &[
        field(1, "type", Shape::Enumeration(SOURCE_TYPES)),
        field(2, "field_mapping", Shape::Map(&Shape::Text)),
        field(3, "timestamp_field", Shape::Text),
        field(4, "date_partition_column", Shape::Text),
        field(5, "created_timestamp_column", Shape::Text),
        field(11, "file_options", Shape::Message(&FILE_OPTIONS)),
        field(12, "bigquery_options", Shape::Message(&TABLE_OR_QUERY)),
        field(13, "kafka_options", Shape::Message(&KAFKA_OPTIONS)),
        field(14, "kinesis_options", Shape::Message(&KINESIS_OPTIONS)),
        field(15, "redshift_options", Shape::Message(&DATABASE_OPTIONS)),
        field(16, "custom_options", Shape::Message(&CUSTOM_OPTIONS)),
        field(17, "data_source_class_type", Shape::Text),
        field(18, "request_data_options", Shape::Message(&REQUEST_OPTIONS)),
        field(19, "snowflake_options", Shape::Message(&DATABASE_OPTIONS)),
        field(20, "name", Shape::Text),
        field(21, "project", Shape::Text),
        field(22, "push_options", Shape::Message(&EMPTY)),
        field(23, "description", Shape::Text),
        field(24, "tags", Shape::Map(&Shape::Text)),
        field(25, "owner", Shape::Text),
        field(26, "batch_source", Shape::Message(&DATA_SOURCE)),
        field(27, "spark_options", Shape::Message(&SPARK_OPTIONS)),
        field(28, "timestamp_field_type", Shape::Text),
        field(30, "trino_options", Shape::Message(&TABLE_OR_QUERY)),
        field(35, "athena_options", Shape::Message(&ATHENA_OPTIONS)),
        field(50, "meta", Shape::Message(&SOURCE_META)),
    ],
};
static SOURCE_META: Schema = Schema {
    fields: &[
        field(1, "earliestEventTimestamp", Shape::Time),
        field(2, "latestEventTimestamp", Shape::Time),
        field(3, "created_timestamp", Shape::Time),
        field(4, "last_updated_timestamp", Shape::Time),
    ],
};
static FILE_OPTIONS: Schema = Schema {
    fields: &[
        field(1, "file_format", Shape::Message(&FILE_FORMAT)),
        field(2, "uri", Shape::Text),
        field(3, "s3_endpoint_override", Shape::Text),
    ],
};
static FILE_FORMAT: Schema = Schema {
    fields: &[
        field(1, "parquet_format", Shape::Message(&EMPTY)),
        field(2, "delta_format", Shape::Message(&DELTA_FORMAT)),
    ],
};
static EMPTY: Schema = Schema { fields: &[] };
static TABLE_OR_QUERY: Schema = Schema {
    fields: &[field(1, "table", Shape::Text), field(2, "query", Shape::Text)],
};
static DATABASE_OPTIONS: Schema = Schema {
    fields: &[
        field(1, "table", Shape::Text),
        field(2, "query", Shape::Text),
        field(3, "schema", Shape::Text),
        field(4, "database", Shape::Text),
    ],
};
static SPARK_OPTIONS: Schema = Schema {
    fields: &[
        field(1, "table", Shape::Text),
        field(2, "query", Shape::Text),
        field(3, "path", Shape::Text),
        field(4, "file_format", Shape::Text),
        field(5, "date_partition_column_format", Shape::Text),
        field(6, "table_format", Shape::Message(&TABLE_FORMAT)),
    ],
};
static ATHENA_OPTIONS: Schema = Schema {
    fields: &[
        field(1, "table", Shape::Text),
        field(2, "query", Shape::Text),
        field(3, "database", Shape::Text),
        field(4, "data_source", Shape::Text),
    ],
};
static CUSTOM_OPTIONS: Schema = Schema {
    fields: &[field(1, "configuration", Shape::Bytes)],
};
static REQUEST_OPTIONS: Schema = Schema {
    fields: &[field(3, "schema", Shape::List(&Shape::Message(&FEATURE)))],
};
static KAFKA_OPTIONS: Schema = Schema {
    fields: &[
        field(1, "kafka_bootstrap_servers", Shape::Text),
        field(2, "topic", Shape::Text),
        field(3, "message_format", Shape::Message(&STREAM_FORMAT)),
        field(4, "watermark_delay_threshold", Shape::Duration),
    ],
};
static KINESIS_OPTIONS: Schema = Schema {
    fields: &[
        field(1, "region", Shape::Text),
        field(2, "stream_name", Shape::Text),
        field(3, "record_format", Shape::Message(&STREAM_FORMAT)),
    ],
};
static STREAM_FORMAT: Schema = Schema {
    fields: &[
        field(1, "avro_format", Shape::Message(&SCHEMA_FORMAT)),
        field(2, "proto_format", Shape::Message(&CLASS_FORMAT)),
        field(3, "json_format", Shape::Message(&SCHEMA_FORMAT)),
    ],
};
static SCHEMA_FORMAT: Schema = Schema {
    fields: &[field(1, "schema_json", Shape::Text)],
};
static CLASS_FORMAT: Schema = Schema {
    fields: &[field(1, "class_path", Shape::Text)],
};
static TABLE_FORMAT: Schema = Schema {
    fields: &[
        field(1, "iceberg_format", Shape::Message(&ICEBERG_FORMAT)),
        field(2, "delta_format", Shape::Message(&DELTA_FORMAT)),
        field(3, "hudi_format", Shape::Message(&HUDI_FORMAT)),
        field(4, "lance_format", Shape::Message(&LANCE_FORMAT)),
    ],
};
static ICEBERG_FORMAT: Schema = Schema {
    fields: &[
        field(1, "catalog", Shape::Text),
        field(2, "namespace", Shape::Text),
        field(3, "properties", Shape::Map(&Shape::Text)),
    ],
};
static DELTA_FORMAT: Schema = Schema {
    fields: &[
        field(1, "checkpoint_location", Shape::Text),
        field(2, "properties", Shape::Map(&Shape::Text)),
    ],
};
static HUDI_FORMAT: Schema = Schema {
    fields: &[
        field(1, "table_type", Shape::Text),
        field(2, "record_key", Shape::Text),
        field(3, "precombine_field", Shape::Text),
        field(4, "properties", Shape::Map(&Shape::Text)),
    ],
};
static LANCE_FORMAT: Schema = Schema {
    fields: &[
        field(1, "catalog", Shape::Text),
        field(2, "namespace", Shape::Text),
        field(3, "version", Shape::LongInteger),
        field(4, "tag", Shape::Text),
        field(5, "properties", Shape::Map(&Shape::Text)),
    ],
};
pub(crate) static PERMISSION: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&PERMISSION_SPEC)),
        field(2, "meta", Shape::Message(&OBJECT_META)),
    ],
};
static PERMISSION_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "project", Shape::Text),
        field(3, "types", Shape::List(&Shape::Enumeration(RESOURCE_TYPES))),
        field(4, "name_patterns", Shape::List(&Shape::Text)),
        field(5, "required_tags", Shape::Map(&Shape::Text)),
        field(6, "actions", Shape::List(&Shape::Enumeration(ACTIONS))),
        field(7, "policy", Shape::Message(&POLICY)),
        field(8, "tags", Shape::Map(&Shape::Text)),
    ],
};
static POLICY: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "project", Shape::Text),
        field(3, "role_based_policy", Shape::Message(&ROLES)),
        field(4, "group_based_policy", Shape::Message(&GROUPS)),
        field(5, "namespace_based_policy", Shape::Message(&NAMESPACES)),
        field(
            6,
            "combined_group_namespace_policy",
            Shape::Message(&GROUPS_AND_NAMESPACES),
        ),
    ],
};
static ROLES: Schema = Schema {
    fields: &[field(1, "roles", Shape::List(&Shape::Text))],
};
static GROUPS: Schema = Schema {
    fields: &[field(1, "groups", Shape::List(&Shape::Text))],
};
static NAMESPACES: Schema = Schema {
    fields: &[field(1, "namespaces", Shape::List(&Shape::Text))],
};
static GROUPS_AND_NAMESPACES: Schema = Schema {
    fields: &[
        field(1, "groups", Shape::List(&Shape::Text)),
        field(2, "namespaces", Shape::List(&Shape::Text)),
    ],
};
pub(crate) static SAVED_DATASET: Schema = Schema {
    fields: &[
        field(1, "spec", Shape::Message(&SAVED_DATASET_SPEC)),
        field(2, "meta", Shape::Message(&SAVED_DATASET_META)),
    ],
};
static SAVED_DATASET_SPEC: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "project", Shape::Text),
        field(3, "features", Shape::List(&Shape::Text)),
        field(4, "join_keys", Shape::List(&Shape::Text)),
        field(5, "full_feature_names", Shape::Boolean),
        field(6, "storage", Shape::Message(&SAVED_DATASET_STORAGE)),
        field(7, "tags", Shape::Map(&Shape::Text)),
        field(8, "feature_service_name", Shape::Text),
        field(9, "namespace", Shape::Text),
        field(10, "collection", Shape::Text),
        field(11, "description", Shape::Text),
        field(12, "columns", Shape::List(&Shape::Message(&SAVED_DATASET_COLUMN))),
    ],
};
static SAVED_DATASET_COLUMN: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "type", Shape::Text),
        field(3, "description", Shape::Text),
        field(4, "nullable", Shape::Present(&Shape::Boolean)),
    ],
};
static SAVED_DATASET_STORAGE: Schema = Schema {
    fields: &[
        field(4, "file_storage", Shape::Message(&FILE_OPTIONS)),
        field(5, "bigquery_storage", Shape::Message(&TABLE_OR_QUERY)),
        field(6, "redshift_storage", Shape::Message(&DATABASE_OPTIONS)),
        field(7, "snowflake_storage", Shape::Message(&DATABASE_OPTIONS)),
        field(8, "trino_storage", Shape::Message(&TABLE_OR_QUERY)),
        field(9, "spark_storage", Shape::Message(&SPARK_OPTIONS)),
        field(10, "custom_storage", Shape::Message(&CUSTOM_OPTIONS)),
        field(11, "athena_storage", Shape::Message(&ATHENA_OPTIONS)),
    ],
};
static SAVED_DATASET_META: Schema = Schema {
    fields: &[
        field(1, "created_timestamp", Shape::Time),
        field(2, "last_updated_timestamp", Shape::Time),
        field(3, "min_event_timestamp", Shape::Time),
        field(4, "max_event_timestamp", Shape::Time),
    ],
};
pub(crate) static VALIDATION_REFERENCE: Schema = Schema {
    fields: &[
        field(1, "name", Shape::Text),
        field(2, "reference_dataset_name", Shape::Text),
        field(3, "project", Shape::Text),
        field(4, "description", Shape::Text),
        field(5, "tags", Shape::Map(&Shape::Text)),
        field(6, "ge_profiler", Shape::Message(&VALIDATION_PROFILER)),
        field(7, "ge_profile", Shape::Message(&VALIDATION_PROFILE)),
    ],
};
static VALIDATION_PROFILER: Schema = Schema {
    fields: &[field(1, "profiler", Shape::Message(&PROFILER_FUNCTION))],
};
static PROFILER_FUNCTION: Schema = Schema {
    fields: &[field(1, "body", Shape::Bytes)],
};
static VALIDATION_PROFILE: Schema = Schema {
    fields: &[field(1, "expectation_suite", Shape::Bytes)],
};
pub(crate) static SQLITE_TABLE: Schema = Schema {
    fields: &[field(1, "path", Shape::Text), field(2, "name", Shape::Text)],
};
