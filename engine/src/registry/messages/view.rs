//! Feature views of every sort.

use std::collections::BTreeMap;

use prost::Message;

use super::service::FeatureViewProjection;
use super::source::DataSource;
use super::{Duration, Timestamp};

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FeatureSpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(int32, tag = "2")]
    pub(in crate::registry) value_type: i32,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(in crate::registry) description: String,
    #[prost(bool, tag = "5")]
    pub(in crate::registry) vector_index: bool,
    #[prost(string, tag = "6")]
    pub(in crate::registry) vector_search_metric: String,
    #[prost(int32, tag = "7")]
    pub(in crate::registry) vector_length: i32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(in crate::registry) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(in crate::registry) features: Vec<FeatureSpec>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::registry) ttl: Option<Duration>,
    #[prost(message, optional, tag = "7")]
    pub(in crate::registry) batch_source: Option<DataSource>,
    #[prost(bool, tag = "8")]
    pub(in crate::registry) online: bool,
    #[prost(message, optional, tag = "9")]
    pub(in crate::registry) stream_source: Option<DataSource>,
    #[prost(string, tag = "10")]
    pub(in crate::registry) description: String,
    #[prost(string, tag = "11")]
    pub(in crate::registry) owner: String,
    #[prost(message, repeated, tag = "12")]
    pub(in crate::registry) entity_columns: Vec<FeatureSpec>,
    #[prost(bool, tag = "13")]
    pub(in crate::registry) offline: bool,
    #[prost(message, repeated, tag = "14")]
    pub(in crate::registry) source_views: Vec<FeatureViewSpec>,
    #[prost(message, optional, tag = "15")]
    pub(in crate::registry) feature_transformation: Option<FeatureTransformation>,
    #[prost(string, tag = "16")]
    pub(in crate::registry) mode: String,
    #[prost(bool, tag = "17")]
    pub(in crate::registry) enable_validation: bool,
    #[prost(string, tag = "18")]
    pub(in crate::registry) version: String,
    #[prost(string, tag = "19")]
    pub(in crate::registry) org: String,
    #[prost(bool, tag = "20")]
    pub(in crate::registry) disabled: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FeatureViewMeta {
    #[prost(message, optional, tag = "1")]
    pub(in crate::registry) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::registry) last_updated_timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "3")]
    pub(in crate::registry) materialization_intervals: Vec<MaterializationInterval>,
    #[prost(int32, tag = "4")]
    pub(in crate::registry) current_version_number: i32,
    #[prost(string, tag = "5")]
    pub(in crate::registry) version_id: String,
    #[prost(int32, tag = "6")]
    pub(in crate::registry) state: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::registry) struct MaterializationInterval {
    #[prost(message, optional, tag = "1")]
    pub(in crate::registry) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::registry) end_time: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct StreamFeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(in crate::registry) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(in crate::registry) features: Vec<FeatureSpec>,
    #[prost(message, repeated, tag = "5")]
    pub(in crate::registry) entity_columns: Vec<FeatureSpec>,
    #[prost(string, tag = "6")]
    pub(in crate::registry) description: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub(in crate::registry) owner: String,
    #[prost(message, optional, tag = "9")]
    pub(in crate::registry) ttl: Option<Duration>,
    #[prost(message, optional, tag = "10")]
    pub(in crate::registry) batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "11")]
    pub(in crate::registry) stream_source: Option<DataSource>,
    #[prost(bool, tag = "12")]
    pub(in crate::registry) online: bool,
    #[prost(message, optional, tag = "13")]
    pub(in crate::registry) user_defined_function: Option<UserDefinedFunction>,
    #[prost(string, tag = "14")]
    pub(in crate::registry) mode: String,
    #[prost(message, repeated, tag = "15")]
    pub(in crate::registry) aggregations: Vec<Aggregation>,
    #[prost(string, tag = "16")]
    pub(in crate::registry) timestamp_field: String,
    #[prost(message, optional, tag = "17")]
    pub(in crate::registry) feature_transformation: Option<FeatureTransformation>,
    #[prost(bool, tag = "18")]
    pub(in crate::registry) enable_tiling: bool,
    #[prost(message, optional, tag = "19")]
    pub(in crate::registry) tiling_hop_size: Option<Duration>,
    #[prost(bool, tag = "20")]
    pub(in crate::registry) enable_validation: bool,
    #[prost(string, tag = "21")]
    pub(in crate::registry) version: String,
    #[prost(string, tag = "22")]
    pub(in crate::registry) org: String,
    #[prost(bool, tag = "23")]
    pub(in crate::registry) disabled: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct LabelViewSpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(in crate::registry) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(in crate::registry) features: Vec<FeatureSpec>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::registry) ttl: Option<Duration>,
    #[prost(message, optional, tag = "7")]
    pub(in crate::registry) source: Option<DataSource>,
    #[prost(bool, tag = "8")]
    pub(in crate::registry) online: bool,
    #[prost(string, tag = "9")]
    pub(in crate::registry) description: String,
    #[prost(string, tag = "10")]
    pub(in crate::registry) owner: String,
    #[prost(message, repeated, tag = "11")]
    pub(in crate::registry) entity_columns: Vec<FeatureSpec>,
    #[prost(string, tag = "12")]
    pub(in crate::registry) labeler_field: String,
    #[prost(int32, tag = "13")]
    pub(in crate::registry) conflict_policy: i32,
    #[prost(string, tag = "15")]
    pub(in crate::registry) reference_feature_view: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct OnDemandFeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) project: String,
    #[prost(message, repeated, tag = "3")]
    pub(in crate::registry) features: Vec<FeatureSpec>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(in crate::registry) sources: BTreeMap<String, OnDemandSource>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::registry) user_defined_function: Option<UserDefinedFunction>,
    #[prost(string, tag = "6")]
    pub(in crate::registry) description: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub(in crate::registry) owner: String,
    #[prost(message, optional, tag = "10")]
    pub(in crate::registry) feature_transformation: Option<FeatureTransformation>,
    #[prost(string, tag = "11")]
    pub(in crate::registry) mode: String,
    #[prost(bool, tag = "12")]
    pub(in crate::registry) write_to_online_store: bool,
    #[prost(string, repeated, tag = "13")]
    pub(in crate::registry) entities: Vec<String>,
    #[prost(message, repeated, tag = "14")]
    pub(in crate::registry) entity_columns: Vec<FeatureSpec>,
    #[prost(bool, tag = "15")]
    pub(in crate::registry) singleton: bool,
    #[prost(message, repeated, tag = "16")]
    pub(in crate::registry) aggregations: Vec<Aggregation>,
    #[prost(string, tag = "17")]
    pub(in crate::registry) version: String,
    #[prost(string, tag = "18")]
    pub(in crate::registry) org: String,
    #[prost(bool, tag = "19")]
    pub(in crate::registry) disabled: bool,
}

/// A oneof: at most one field is set. The first is a form of earlier versions.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct OnDemandSource {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(in crate::registry) feature_view: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::registry) request_data_source: Option<DataSource>,
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) feature_view_projection: Option<FeatureViewProjection>,
}

/// `FeatureTransformationV2`, a oneof: at most one field is set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FeatureTransformation {
    #[prost(message, optional, tag = "1")]
    pub(in crate::registry) user_defined_function: Option<UserDefinedFunction>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(in crate::registry) substrait_transformation: Option<Vec<u8>>,
}

/// `UserDefinedFunctionV2`. Python runs the text and falls back on the pickled body.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct UserDefinedFunction {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(in crate::registry) body: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(in crate::registry) body_text: String,
    #[prost(string, tag = "4")]
    pub(in crate::registry) mode: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct Aggregation {
    #[prost(string, tag = "1")]
    pub(in crate::registry) column: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) function: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) time_window: Option<Duration>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::registry) slide_interval: Option<Duration>,
    #[prost(string, tag = "5")]
    pub(in crate::registry) name: String,
}
