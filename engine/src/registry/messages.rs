//! The registry's protobuf messages (`feast.core` of Feast 0.67), as far as this binary reads or writes their fields.
//!
//! Objects that are only carried are `bytes` on purpose: they come back byte for byte as they were read.

use std::collections::BTreeMap;

use prost::Message;

/// `feast.core.Registry`, the whole file. Every list holds the bytes of its objects.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Registry {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) entities: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) feature_tables: Vec<Vec<u8>>,
    #[prost(string, tag = "3")]
    pub(super) registry_schema_version: String,
    #[prost(string, tag = "4")]
    pub(super) version_id: String,
    #[prost(message, optional, tag = "5")]
    pub(super) last_updated: Option<Timestamp>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(super) feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub(super) feature_services: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(super) on_demand_feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(super) infra: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    pub(super) saved_datasets: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "12")]
    pub(super) data_sources: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "13")]
    pub(super) validation_references: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    pub(super) stream_feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "15")]
    pub(super) project_metadata: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "16")]
    pub(super) permissions: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "17")]
    pub(super) projects: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "18")]
    pub(super) feature_view_version_history: Option<VersionHistory>,
    #[prost(bytes = "vec", repeated, tag = "19")]
    pub(super) label_views: Vec<Vec<u8>>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct Duration {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct VersionHistory {
    #[prost(message, repeated, tag = "1")]
    pub(super) records: Vec<VersionRecord>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct VersionRecord {
    #[prost(string, tag = "1")]
    pub(super) feature_view_name: String,
    #[prost(string, tag = "2")]
    pub(super) project_id: String,
    #[prost(int32, tag = "3")]
    pub(super) version_number: i32,
    #[prost(string, tag = "4")]
    pub(super) feature_view_type: String,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) feature_view_proto: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    pub(super) created_timestamp: Option<Timestamp>,
    #[prost(string, tag = "7")]
    pub(super) description: String,
    #[prost(string, tag = "8")]
    pub(super) version_id: String,
}

/// `Project`, `Entity`, `FeatureService`: a spec and two points in time.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Object {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) spec: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) meta: Option<ObjectMeta>,
}

/// `ProjectMeta`, `EntityMeta`, `FeatureServiceMeta`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct ObjectMeta {
    #[prost(message, optional, tag = "1")]
    pub(super) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(super) last_updated_timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ProjectSpec {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) description: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(super) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(super) owner: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct EntitySpec {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) value_type: i32,
    #[prost(string, tag = "3")]
    pub(super) description: String,
    #[prost(string, tag = "4")]
    pub(super) join_key: String,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(super) tags: BTreeMap<String, String>,
    #[prost(string, tag = "9")]
    pub(super) project: String,
    #[prost(string, tag = "10")]
    pub(super) owner: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct FeatureSpec {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) value_type: i32,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(super) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(super) description: String,
    #[prost(bool, tag = "5")]
    pub(super) vector_index: bool,
    #[prost(string, tag = "6")]
    pub(super) vector_search_metric: String,
    #[prost(int32, tag = "7")]
    pub(super) vector_length: i32,
}

/// `FeatureView`. The spec stays bytes, so that recording a materialization does not touch it.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct FeatureView {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) spec: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) meta: Option<FeatureViewMeta>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct FeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(super) features: Vec<FeatureSpec>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(super) tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "6")]
    pub(super) ttl: Option<Duration>,
    #[prost(message, optional, tag = "7")]
    pub(super) batch_source: Option<DataSource>,
    #[prost(bool, tag = "8")]
    pub(super) online: bool,
    #[prost(message, optional, tag = "9")]
    pub(super) stream_source: Option<DataSource>,
    #[prost(string, tag = "10")]
    pub(super) description: String,
    #[prost(string, tag = "11")]
    pub(super) owner: String,
    #[prost(message, repeated, tag = "12")]
    pub(super) entity_columns: Vec<FeatureSpec>,
    #[prost(bool, tag = "13")]
    pub(super) offline: bool,
    #[prost(bytes = "vec", repeated, tag = "14")]
    pub(super) source_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "15")]
    pub(super) feature_transformation: Option<Vec<u8>>,
    #[prost(string, tag = "16")]
    pub(super) mode: String,
    #[prost(bool, tag = "17")]
    pub(super) enable_validation: bool,
    #[prost(string, tag = "18")]
    pub(super) version: String,
    #[prost(string, tag = "19")]
    pub(super) org: String,
    #[prost(bool, tag = "20")]
    pub(super) disabled: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct FeatureViewMeta {
    #[prost(message, optional, tag = "1")]
    pub(super) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(super) last_updated_timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "3")]
    pub(super) materialization_intervals: Vec<MaterializationInterval>,
    #[prost(int32, tag = "4")]
    pub(super) current_version_number: i32,
    #[prost(string, tag = "5")]
    pub(super) version_id: String,
    #[prost(int32, tag = "6")]
    pub(super) state: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct MaterializationInterval {
    #[prost(message, optional, tag = "1")]
    pub(super) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(super) end_time: Option<Timestamp>,
}

/// `DataSource`. The options of kinds this binary does not read are not here: such sources are carried as bytes.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct DataSource {
    #[prost(int32, tag = "1")]
    pub(super) source_type: i32,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) field_mapping: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(super) timestamp_field: String,
    #[prost(string, tag = "4")]
    pub(super) date_partition_column: String,
    #[prost(string, tag = "5")]
    pub(super) created_timestamp_column: String,
    #[prost(message, optional, tag = "11")]
    pub(super) file_options: Option<FileOptions>,
    #[prost(string, tag = "17")]
    pub(super) data_source_class_type: String,
    #[prost(string, tag = "20")]
    pub(super) name: String,
    #[prost(string, tag = "21")]
    pub(super) project: String,
    #[prost(string, tag = "23")]
    pub(super) description: String,
    #[prost(btree_map = "string, string", tag = "24")]
    pub(super) tags: BTreeMap<String, String>,
    #[prost(string, tag = "25")]
    pub(super) owner: String,
    #[prost(message, optional, boxed, tag = "26")]
    pub(super) batch_source: Option<Box<DataSource>>,
    #[prost(message, optional, tag = "50")]
    pub(super) meta: Option<SourceMeta>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct FileOptions {
    #[prost(message, optional, tag = "1")]
    pub(super) file_format: Option<FileFormat>,
    #[prost(string, tag = "2")]
    pub(super) uri: String,
    #[prost(string, tag = "3")]
    pub(super) s3_endpoint_override: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct FileFormat {
    #[prost(message, optional, tag = "1")]
    pub(super) parquet_format: Option<ParquetFormat>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct ParquetFormat {}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct SourceMeta {
    #[prost(message, optional, tag = "3")]
    pub(super) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(super) last_updated_timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct FeatureServiceSpec {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) project: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) features: Vec<FeatureViewProjection>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(super) tags: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub(super) description: String,
    #[prost(string, tag = "6")]
    pub(super) owner: String,
    #[prost(bytes = "vec", optional, tag = "7")]
    pub(super) logging_config: Option<Vec<u8>>,
    #[prost(bool, tag = "8")]
    pub(super) precompute_online: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct FeatureViewProjection {
    #[prost(string, tag = "1")]
    pub(super) feature_view_name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) feature_columns: Vec<FeatureSpec>,
    #[prost(string, tag = "3")]
    pub(super) feature_view_name_alias: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(super) join_key_map: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub(super) timestamp_field: String,
    #[prost(string, tag = "6")]
    pub(super) date_partition_column: String,
    #[prost(string, tag = "7")]
    pub(super) created_timestamp_column: String,
    #[prost(message, optional, tag = "8")]
    pub(super) batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "9")]
    pub(super) stream_source: Option<DataSource>,
    #[prost(int32, optional, tag = "10")]
    pub(super) version_tag: Option<i32>,
    #[prost(string, tag = "11")]
    pub(super) view_type: String,
}
