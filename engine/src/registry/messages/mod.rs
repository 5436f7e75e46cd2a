//! The registry's protobuf messages (`feast.core` of Feast 0.67), as far as this binary reads or writes their fields.
//!
//! Objects that are only carried are `bytes` on purpose: they come back byte for byte as they were read.

use std::collections::BTreeMap;

use prost::Message;

pub(super) mod service;
pub(super) mod source;
pub(super) mod view;

/// `feast.core.Registry`, the whole file. Every list holds the bytes of its objects.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct Registry {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(in crate::registry) entities: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(in crate::registry) feature_tables: Vec<Vec<u8>>,
    #[prost(string, tag = "3")]
    pub(in crate::registry) registry_schema_version: String,
    #[prost(string, tag = "4")]
    pub(in crate::registry) version_id: String,
    #[prost(message, optional, tag = "5")]
    pub(in crate::registry) last_updated: Option<Timestamp>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(in crate::registry) feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub(in crate::registry) feature_services: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(in crate::registry) on_demand_feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(in crate::registry) infra: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    pub(in crate::registry) saved_datasets: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "12")]
    pub(in crate::registry) data_sources: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "13")]
    pub(in crate::registry) validation_references: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    pub(in crate::registry) stream_feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "15")]
    pub(in crate::registry) project_metadata: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "16")]
    pub(in crate::registry) permissions: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "17")]
    pub(in crate::registry) projects: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "18")]
    pub(in crate::registry) feature_view_version_history: Option<VersionHistory>,
    #[prost(bytes = "vec", repeated, tag = "19")]
    pub(in crate::registry) label_views: Vec<Vec<u8>>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::registry) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(in crate::registry) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(in crate::registry) nanos: i32,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::registry) struct Duration {
    #[prost(int64, tag = "1")]
    pub(in crate::registry) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(in crate::registry) nanos: i32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct VersionHistory {
    /// The bytes of each [`VersionRecord`].
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(in crate::registry) records: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct VersionRecord {
    #[prost(string, tag = "1")]
    pub(in crate::registry) feature_view_name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) project_id: String,
    #[prost(int32, tag = "3")]
    pub(in crate::registry) version_number: i32,
    #[prost(string, tag = "4")]
    pub(in crate::registry) feature_view_type: String,
    #[prost(bytes = "vec", tag = "5")]
    pub(in crate::registry) feature_view_proto: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::registry) created_timestamp: Option<Timestamp>,
    #[prost(string, tag = "7")]
    pub(in crate::registry) description: String,
    #[prost(string, tag = "8")]
    pub(in crate::registry) version_id: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct ProjectSpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) description: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(in crate::registry) owner: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct EntitySpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(int32, tag = "2")]
    pub(in crate::registry) value_type: i32,
    #[prost(string, tag = "3")]
    pub(in crate::registry) description: String,
    #[prost(string, tag = "4")]
    pub(in crate::registry) join_key: String,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(string, tag = "9")]
    pub(in crate::registry) project: String,
    #[prost(string, tag = "10")]
    pub(in crate::registry) owner: String,
}
