//! The fields of each message, in the order of their numbers.

use super::enumerations::{ACTIONS, CONFLICT_POLICIES, RESOURCE_TYPES, STATES, VALUE_TYPES};
use super::feature::FEATURE;
use super::sources::{
    ATHENA_OPTIONS, CUSTOM_OPTIONS, DATA_SOURCE, DATABASE_OPTIONS, FILE_OPTIONS, SPARK_OPTIONS, TABLE_OR_QUERY,
};
use super::{FieldType, MessageDescriptor, field};

/// The whole file. The ninth field was never given.
pub(crate) static REGISTRY: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "entities", FieldType::List(&FieldType::Message(&ENTITY))),
        field(2, "feature_tables", FieldType::List(&FieldType::Bytes)),
        field(3, "registry_schema_version", FieldType::String),
        field(4, "version_id", FieldType::String),
        field(5, "last_updated", FieldType::Timestamp),
        field(6, "feature_views", FieldType::List(&FieldType::Message(&FEATURE_VIEW))),
        field(
            7,
            "feature_services",
            FieldType::List(&FieldType::Message(&FEATURE_SERVICE)),
        ),
        field(
            8,
            "on_demand_feature_views",
            FieldType::List(&FieldType::Message(&ON_DEMAND_FEATURE_VIEW)),
        ),
        field(10, "infra", FieldType::Message(&INFRA)),
        field(
            11,
            "saved_datasets",
            FieldType::List(&FieldType::Message(&SAVED_DATASET)),
        ),
        field(12, "data_sources", FieldType::List(&FieldType::Message(&DATA_SOURCE))),
        field(
            13,
            "validation_references",
            FieldType::List(&FieldType::Message(&VALIDATION_REFERENCE)),
        ),
        field(
            14,
            "stream_feature_views",
            FieldType::List(&FieldType::Message(&STREAM_FEATURE_VIEW)),
        ),
        field(
            15,
            "project_metadata",
            FieldType::List(&FieldType::Message(&PROJECT_METADATA)),
        ),
        field(16, "permissions", FieldType::List(&FieldType::Message(&PERMISSION))),
        field(17, "projects", FieldType::List(&FieldType::Message(&PROJECT))),
        field(18, "feature_view_version_history", FieldType::Message(&VERSION_HISTORY)),
        field(19, "label_views", FieldType::List(&FieldType::Message(&LABEL_VIEW))),
    ],
};
static VERSION_HISTORY: MessageDescriptor = MessageDescriptor {
    fields: &[field(
        1,
        "records",
        FieldType::List(&FieldType::Message(&VERSION_RECORD)),
    )],
};
pub(crate) static VERSION_RECORD: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "feature_view_name", FieldType::String),
        field(2, "project_id", FieldType::String),
        field(3, "version_number", FieldType::Int32),
        field(4, "feature_view_type", FieldType::String),
        field(5, "feature_view_proto", FieldType::Bytes),
        field(6, "created_timestamp", FieldType::Timestamp),
        field(7, "description", FieldType::String),
        field(8, "version_id", FieldType::String),
    ],
};
pub(crate) static PROJECT_METADATA: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "project", FieldType::String),
        field(2, "project_uuid", FieldType::String),
    ],
};
/// What Python Feast has made in the online store.
pub(crate) static INFRA: MessageDescriptor = MessageDescriptor {
    fields: &[field(
        1,
        "infra_objects",
        FieldType::List(&FieldType::Message(&INFRA_OBJECT)),
    )],
};
/// As far as this crate shows it: the tables of the SQLite store.
pub(crate) static INFRA_OBJECT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "infra_object_class_type", FieldType::String),
        field(4, "sqlite_table", FieldType::Message(&SQLITE_TABLE)),
    ],
};
pub(crate) static PROJECT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&PROJECT_SPEC)),
        field(2, "meta", FieldType::Message(&OBJECT_META)),
    ],
};
static PROJECT_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "description", FieldType::String),
        field(3, "tags", FieldType::Map(&FieldType::String)),
        field(4, "owner", FieldType::String),
    ],
};
static OBJECT_META: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "created_timestamp", FieldType::Timestamp),
        field(2, "last_updated_timestamp", FieldType::Timestamp),
    ],
};
pub(crate) static ENTITY: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&ENTITY_SPEC)),
        field(2, "meta", FieldType::Message(&OBJECT_META)),
    ],
};
static ENTITY_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "value_type", FieldType::Enum(VALUE_TYPES)),
        field(3, "description", FieldType::String),
        field(4, "join_key", FieldType::String),
        field(8, "tags", FieldType::Map(&FieldType::String)),
        field(9, "project", FieldType::String),
        field(10, "owner", FieldType::String),
    ],
};
pub(crate) static FEATURE_VIEW: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&FEATURE_VIEW_SPEC)),
        field(2, "meta", FieldType::Message(&FEATURE_VIEW_META)),
    ],
};
static FEATURE_VIEW_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "project", FieldType::String),
        field(3, "entities", FieldType::List(&FieldType::String)),
        field(4, "features", FieldType::List(&FieldType::Message(&FEATURE))),
        field(5, "tags", FieldType::Map(&FieldType::String)),
        field(6, "ttl", FieldType::Duration),
        field(7, "batch_source", FieldType::Message(&DATA_SOURCE)),
        field(8, "online", FieldType::Bool),
        field(9, "stream_source", FieldType::Message(&DATA_SOURCE)),
        field(10, "description", FieldType::String),
        field(11, "owner", FieldType::String),
        field(12, "entity_columns", FieldType::List(&FieldType::Message(&FEATURE))),
        field(13, "offline", FieldType::Bool),
        field(
            14,
            "source_views",
            FieldType::List(&FieldType::Message(&FEATURE_VIEW_SPEC)),
        ),
        field(15, "feature_transformation", FieldType::Message(&TRANSFORMATION)),
        field(16, "mode", FieldType::String),
        field(17, "enable_validation", FieldType::Bool),
        field(18, "version", FieldType::String),
        field(19, "org", FieldType::String),
        field(20, "disabled", FieldType::Bool),
    ],
};
static FEATURE_VIEW_META: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "created_timestamp", FieldType::Timestamp),
        field(2, "last_updated_timestamp", FieldType::Timestamp),
        field(
            3,
            "materialization_intervals",
            FieldType::List(&FieldType::Message(&INTERVAL)),
        ),
        field(4, "current_version_number", FieldType::Int32),
        field(5, "version_id", FieldType::String),
        field(6, "state", FieldType::Enum(STATES)),
    ],
};
static INTERVAL: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "start_time", FieldType::Timestamp),
        field(2, "end_time", FieldType::Timestamp),
    ],
};
pub(crate) static ON_DEMAND_FEATURE_VIEW: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&ON_DEMAND_SPEC)),
        field(2, "meta", FieldType::Message(&ON_DEMAND_META)),
    ],
};
static ON_DEMAND_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "project", FieldType::String),
        field(3, "features", FieldType::List(&FieldType::Message(&FEATURE))),
        field(4, "sources", FieldType::Map(&FieldType::Message(&ON_DEMAND_SOURCE))),
        field(5, "user_defined_function", FieldType::Message(&FUNCTION)),
        field(6, "description", FieldType::String),
        field(7, "tags", FieldType::Map(&FieldType::String)),
        field(8, "owner", FieldType::String),
        field(10, "feature_transformation", FieldType::Message(&TRANSFORMATION)),
        field(11, "mode", FieldType::String),
        field(12, "write_to_online_store", FieldType::Bool),
        field(13, "entities", FieldType::List(&FieldType::String)),
        field(14, "entity_columns", FieldType::List(&FieldType::Message(&FEATURE))),
        field(15, "singleton", FieldType::Bool),
        field(16, "aggregations", FieldType::List(&FieldType::Message(&AGGREGATION))),
        field(17, "version", FieldType::String),
        field(18, "org", FieldType::String),
        field(19, "disabled", FieldType::Bool),
    ],
};
static ON_DEMAND_META: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "created_timestamp", FieldType::Timestamp),
        field(2, "last_updated_timestamp", FieldType::Timestamp),
        field(3, "current_version_number", FieldType::Int32),
        field(4, "version_id", FieldType::String),
        field(5, "state", FieldType::Enum(STATES)),
    ],
};
static ON_DEMAND_SOURCE: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "feature_view", FieldType::Message(&FEATURE_VIEW)),
        field(2, "request_data_source", FieldType::Message(&DATA_SOURCE)),
        field(3, "feature_view_projection", FieldType::Message(&PROJECTION)),
    ],
};
static TRANSFORMATION: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "user_defined_function", FieldType::Message(&FUNCTION)),
        field(2, "substrait_transformation", FieldType::Message(&SUBSTRAIT)),
    ],
};
static FUNCTION: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "body", FieldType::Bytes),
        field(3, "body_text", FieldType::String),
        field(4, "mode", FieldType::String),
    ],
};
static SUBSTRAIT: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "substrait_plan", FieldType::Bytes),
        field(2, "ibis_function", FieldType::Bytes),
    ],
};
static AGGREGATION: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "column", FieldType::String),
        field(2, "function", FieldType::String),
        field(3, "time_window", FieldType::Duration),
        field(4, "slide_interval", FieldType::Duration),
        field(5, "name", FieldType::String),
    ],
};
pub(crate) static STREAM_FEATURE_VIEW: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&STREAM_SPEC)),
        field(2, "meta", FieldType::Message(&FEATURE_VIEW_META)),
    ],
};
static STREAM_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "project", FieldType::String),
        field(3, "entities", FieldType::List(&FieldType::String)),
        field(4, "features", FieldType::List(&FieldType::Message(&FEATURE))),
        field(5, "entity_columns", FieldType::List(&FieldType::Message(&FEATURE))),
        field(6, "description", FieldType::String),
        field(7, "tags", FieldType::Map(&FieldType::String)),
        field(8, "owner", FieldType::String),
        field(9, "ttl", FieldType::Duration),
        field(10, "batch_source", FieldType::Message(&DATA_SOURCE)),
        field(11, "stream_source", FieldType::Message(&DATA_SOURCE)),
        field(12, "online", FieldType::Bool),
        field(13, "user_defined_function", FieldType::Message(&FUNCTION)),
        field(14, "mode", FieldType::String),
        field(15, "aggregations", FieldType::List(&FieldType::Message(&AGGREGATION))),
        field(16, "timestamp_field", FieldType::String),
        field(17, "feature_transformation", FieldType::Message(&TRANSFORMATION)),
        field(18, "enable_tiling", FieldType::Bool),
        field(19, "tiling_hop_size", FieldType::Duration),
        field(20, "enable_validation", FieldType::Bool),
        field(21, "version", FieldType::String),
        field(22, "org", FieldType::String),
        field(23, "disabled", FieldType::Bool),
    ],
};
pub(crate) static LABEL_VIEW: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&LABEL_SPEC)),
        field(2, "meta", FieldType::Message(&OBJECT_META)),
    ],
};
static LABEL_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "project", FieldType::String),
        field(3, "entities", FieldType::List(&FieldType::String)),
        field(4, "features", FieldType::List(&FieldType::Message(&FEATURE))),
        field(5, "tags", FieldType::Map(&FieldType::String)),
        field(6, "ttl", FieldType::Duration),
        field(7, "source", FieldType::Message(&DATA_SOURCE)),
        field(8, "online", FieldType::Bool),
        field(9, "description", FieldType::String),
        field(10, "owner", FieldType::String),
        field(11, "entity_columns", FieldType::List(&FieldType::Message(&FEATURE))),
        field(12, "labeler_field", FieldType::String),
        field(13, "conflict_policy", FieldType::Enum(CONFLICT_POLICIES)),
        field(14, "retain_history", FieldType::Bool),
        field(15, "reference_feature_view", FieldType::String),
    ],
};
pub(crate) static FEATURE_SERVICE: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&SERVICE_SPEC)),
        field(2, "meta", FieldType::Message(&OBJECT_META)),
    ],
};
static SERVICE_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "project", FieldType::String),
        field(3, "features", FieldType::List(&FieldType::Message(&PROJECTION))),
        field(4, "tags", FieldType::Map(&FieldType::String)),
        field(5, "description", FieldType::String),
        field(6, "owner", FieldType::String),
        field(7, "logging_config", FieldType::Message(&LOGGING)),
        field(8, "precompute_online", FieldType::Bool),
    ],
};
static PROJECTION: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "feature_view_name", FieldType::String),
        field(2, "feature_columns", FieldType::List(&FieldType::Message(&FEATURE))),
        field(3, "feature_view_name_alias", FieldType::String),
        field(4, "join_key_map", FieldType::Map(&FieldType::String)),
        field(5, "timestamp_field", FieldType::String),
        field(6, "date_partition_column", FieldType::String),
        field(7, "created_timestamp_column", FieldType::String),
        field(8, "batch_source", FieldType::Message(&DATA_SOURCE)),
        field(9, "stream_source", FieldType::Message(&DATA_SOURCE)),
        field(10, "version_tag", FieldType::Present(&FieldType::Int32)),
        field(11, "view_type", FieldType::String),
    ],
};
static LOGGING: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "sample_rate", FieldType::Float),
        field(3, "file_destination", FieldType::Message(&FILE_DESTINATION)),
        field(4, "bigquery_destination", FieldType::Message(&TABLE_REFERENCE)),
        field(5, "redshift_destination", FieldType::Message(&TABLE_NAME)),
        field(6, "snowflake_destination", FieldType::Message(&TABLE_NAME)),
        field(7, "custom_destination", FieldType::Message(&CUSTOM_DESTINATION)),
        field(8, "athena_destination", FieldType::Message(&TABLE_NAME)),
        field(
            9,
            "couchbase_columnar_destination",
            FieldType::Message(&COUCHBASE_DESTINATION),
        ),
    ],
};
static FILE_DESTINATION: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "path", FieldType::String),
        field(2, "s3_endpoint_override", FieldType::String),
        field(3, "partition_by", FieldType::List(&FieldType::String)),
    ],
};
static TABLE_REFERENCE: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "table_ref", FieldType::String)],
};
static TABLE_NAME: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "table_name", FieldType::String)],
};
static CUSTOM_DESTINATION: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "kind", FieldType::String),
        field(2, "config", FieldType::Map(&FieldType::String)),
    ],
};
static COUCHBASE_DESTINATION: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "database", FieldType::String),
        field(2, "scope", FieldType::String),
        field(3, "collection", FieldType::String),
    ],
};
pub(crate) static PERMISSION: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&PERMISSION_SPEC)),
        field(2, "meta", FieldType::Message(&OBJECT_META)),
    ],
};
static PERMISSION_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "project", FieldType::String),
        field(3, "types", FieldType::List(&FieldType::Enum(RESOURCE_TYPES))),
        field(4, "name_patterns", FieldType::List(&FieldType::String)),
        field(5, "required_tags", FieldType::Map(&FieldType::String)),
        field(6, "actions", FieldType::List(&FieldType::Enum(ACTIONS))),
        field(7, "policy", FieldType::Message(&POLICY)),
        field(8, "tags", FieldType::Map(&FieldType::String)),
    ],
};
static POLICY: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "project", FieldType::String),
        field(3, "role_based_policy", FieldType::Message(&ROLES)),
        field(4, "group_based_policy", FieldType::Message(&GROUPS)),
        field(5, "namespace_based_policy", FieldType::Message(&NAMESPACES)),
        field(
            6,
            "combined_group_namespace_policy",
            FieldType::Message(&GROUPS_AND_NAMESPACES),
        ),
    ],
};
static ROLES: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "roles", FieldType::List(&FieldType::String))],
};
static GROUPS: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "groups", FieldType::List(&FieldType::String))],
};
static NAMESPACES: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "namespaces", FieldType::List(&FieldType::String))],
};
static GROUPS_AND_NAMESPACES: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "groups", FieldType::List(&FieldType::String)),
        field(2, "namespaces", FieldType::List(&FieldType::String)),
    ],
};
pub(crate) static SAVED_DATASET: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "spec", FieldType::Message(&SAVED_DATASET_SPEC)),
        field(2, "meta", FieldType::Message(&SAVED_DATASET_META)),
    ],
};
static SAVED_DATASET_SPEC: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "project", FieldType::String),
        field(3, "features", FieldType::List(&FieldType::String)),
        field(4, "join_keys", FieldType::List(&FieldType::String)),
        field(5, "full_feature_names", FieldType::Bool),
        field(6, "storage", FieldType::Message(&SAVED_DATASET_STORAGE)),
        field(7, "tags", FieldType::Map(&FieldType::String)),
        field(8, "feature_service_name", FieldType::String),
        field(9, "namespace", FieldType::String),
        field(10, "collection", FieldType::String),
        field(11, "description", FieldType::String),
        field(
            12,
            "columns",
            FieldType::List(&FieldType::Message(&SAVED_DATASET_COLUMN)),
        ),
    ],
};
static SAVED_DATASET_COLUMN: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "type", FieldType::String),
        field(3, "description", FieldType::String),
        field(4, "nullable", FieldType::Present(&FieldType::Bool)),
    ],
};
static SAVED_DATASET_STORAGE: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(4, "file_storage", FieldType::Message(&FILE_OPTIONS)),
        field(5, "bigquery_storage", FieldType::Message(&TABLE_OR_QUERY)),
        field(6, "redshift_storage", FieldType::Message(&DATABASE_OPTIONS)),
        field(7, "snowflake_storage", FieldType::Message(&DATABASE_OPTIONS)),
        field(8, "trino_storage", FieldType::Message(&TABLE_OR_QUERY)),
        field(9, "spark_storage", FieldType::Message(&SPARK_OPTIONS)),
        field(10, "custom_storage", FieldType::Message(&CUSTOM_OPTIONS)),
        field(11, "athena_storage", FieldType::Message(&ATHENA_OPTIONS)),
    ],
};
static SAVED_DATASET_META: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "created_timestamp", FieldType::Timestamp),
        field(2, "last_updated_timestamp", FieldType::Timestamp),
        field(3, "min_event_timestamp", FieldType::Timestamp),
        field(4, "max_event_timestamp", FieldType::Timestamp),
    ],
};
pub(crate) static VALIDATION_REFERENCE: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "reference_dataset_name", FieldType::String),
        field(3, "project", FieldType::String),
        field(4, "description", FieldType::String),
        field(5, "tags", FieldType::Map(&FieldType::String)),
        field(6, "ge_profiler", FieldType::Message(&VALIDATION_PROFILER)),
        field(7, "ge_profile", FieldType::Message(&VALIDATION_PROFILE)),
    ],
};
static VALIDATION_PROFILER: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "profiler", FieldType::Message(&PROFILER_FUNCTION))],
};
static PROFILER_FUNCTION: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "body", FieldType::Bytes)],
};
static VALIDATION_PROFILE: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "expectation_suite", FieldType::Bytes)],
};
pub(crate) static SQLITE_TABLE: MessageDescriptor = MessageDescriptor {
    fields: &[field(1, "path", FieldType::String), field(2, "name", FieldType::String)],
};
