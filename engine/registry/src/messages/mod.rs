//! The registry's protobuf messages (`feast.core` of Feast 0.67), as far as this binary reads or writes their fields.
//!
//! Objects that are only carried are `bytes` on purpose: they come back byte for byte as they were read.

use std::collections::BTreeMap;

use prost::Message;

pub(super) mod feature;
pub(super) mod projection;
pub(super) mod service;
pub(super) mod source;
pub(super) mod view;

/// `feast.core.Registry`, the whole file. Every list holds the bytes of its objects.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Registry {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) entities: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(crate) feature_tables: Vec<Vec<u8>>,
    #[prost(string, tag = "3")]
    pub(crate) registry_schema_version: String,
    #[prost(string, tag = "4")]
    pub(crate) version_id: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) last_updated: Option<Timestamp>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(crate) feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub(crate) feature_services: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(crate) on_demand_feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(crate) infra: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    pub(crate) saved_datasets: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "12")]
    pub(crate) data_sources: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "13")]
    pub(crate) validation_references: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    pub(crate) stream_feature_views: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "15")]
    pub(crate) project_metadata: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "16")]
    pub(crate) permissions: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "17")]
    pub(crate) projects: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "18")]
    pub(crate) feature_view_version_history: Option<VersionHistory>,
    #[prost(bytes = "vec", repeated, tag = "19")]
    pub(crate) label_views: Vec<Vec<u8>>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Duration {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct VersionHistory {
    /// The bytes of each [`VersionRecord`].
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) records: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct VersionRecord {
    #[prost(string, tag = "1")]
    pub(crate) feature_view_name: String,
    #[prost(string, tag = "2")]
    pub(crate) project_id: String,
    #[prost(int32, tag = "3")]
    pub(crate) version_number: i32,
    #[prost(string, tag = "4")]
    pub(crate) feature_view_type: String,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) feature_view_proto: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(string, tag = "7")]
    pub(crate) description: String,
    #[prost(string, tag = "8")]
    pub(crate) version_id: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ProjectSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(crate) owner: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct EntitySpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) value_type: i32,
    #[prost(string, tag = "3")]
    pub(crate) description: String,
    #[prost(string, tag = "4")]
    pub(crate) join_key: String,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "9")]
    pub(crate) project: String,
    #[prost(string, tag = "10")]
    pub(crate) owner: String,
}
