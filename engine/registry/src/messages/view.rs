//! Feature views of every sort.

use std::collections::BTreeMap;

use prost::Message;

use super::feature::FeatureSpec;
use super::projection::FeatureViewProjection;
use super::source::DataSource;
use super::{Duration, Timestamp};

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) features: Vec<FeatureSpec>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "6")]
    pub(crate) ttl: Option<Duration>,
    #[prost(message, optional, tag = "7")]
    pub(crate) batch_source: Option<DataSource>,
    #[prost(bool, tag = "8")]
    pub(crate) online: bool,
    #[prost(message, optional, tag = "9")]
    pub(crate) stream_source: Option<DataSource>,
    #[prost(string, tag = "10")]
    pub(crate) description: String,
    #[prost(string, tag = "11")]
    pub(crate) owner: String,
    #[prost(message, repeated, tag = "12")]
    pub(crate) entity_columns: Vec<FeatureSpec>,
    #[prost(bool, tag = "13")]
    pub(crate) offline: bool,
    #[prost(message, repeated, tag = "14")]
    pub(crate) source_views: Vec<FeatureViewSpec>,
    #[prost(message, optional, tag = "15")]
    pub(crate) feature_transformation: Option<FeatureTransformation>,
    #[prost(string, tag = "16")]
    pub(crate) mode: String,
    #[prost(bool, tag = "17")]
    pub(crate) enable_validation: bool,
    #[prost(string, tag = "18")]
    pub(crate) version: String,
    #[prost(string, tag = "19")]
    pub(crate) org: String,
    #[prost(bool, tag = "20")]
    pub(crate) disabled: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FeatureViewMeta {
    #[prost(message, optional, tag = "1")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) last_updated_timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) materialization_intervals: Vec<MaterializationInterval>,
    #[prost(int32, tag = "4")]
    pub(crate) current_version_number: i32,
    #[prost(string, tag = "5")]
    pub(crate) version_id: String,
    #[prost(int32, tag = "6")]
    pub(crate) state: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct MaterializationInterval {
    #[prost(message, optional, tag = "1")]
    pub(crate) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) end_time: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StreamFeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) features: Vec<FeatureSpec>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) entity_columns: Vec<FeatureSpec>,
    #[prost(string, tag = "6")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub(crate) owner: String,
    #[prost(message, optional, tag = "9")]
    pub(crate) ttl: Option<Duration>,
    #[prost(message, optional, tag = "10")]
    pub(crate) batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "11")]
    pub(crate) stream_source: Option<DataSource>,
    #[prost(bool, tag = "12")]
    pub(crate) online: bool,
    #[prost(message, optional, tag = "13")]
    pub(crate) user_defined_function: Option<UserDefinedFunction>,
    #[prost(string, tag = "14")]
    pub(crate) mode: String,
    #[prost(message, repeated, tag = "15")]
    pub(crate) aggregations: Vec<Aggregation>,
    #[prost(string, tag = "16")]
    pub(crate) timestamp_field: String,
    #[prost(message, optional, tag = "17")]
    pub(crate) feature_transformation: Option<FeatureTransformation>,
    #[prost(bool, tag = "18")]
    pub(crate) enable_tiling: bool,
    #[prost(message, optional, tag = "19")]
    pub(crate) tiling_hop_size: Option<Duration>,
    #[prost(bool, tag = "20")]
    pub(crate) enable_validation: bool,
    #[prost(string, tag = "21")]
    pub(crate) version: String,
    #[prost(string, tag = "22")]
    pub(crate) org: String,
    #[prost(bool, tag = "23")]
    pub(crate) disabled: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct LabelViewSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) features: Vec<FeatureSpec>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "6")]
    pub(crate) ttl: Option<Duration>,
    #[prost(message, optional, tag = "7")]
    pub(crate) source: Option<DataSource>,
    #[prost(bool, tag = "8")]
    pub(crate) online: bool,
    #[prost(string, tag = "9")]
    pub(crate) description: String,
    #[prost(string, tag = "10")]
    pub(crate) owner: String,
    #[prost(message, repeated, tag = "11")]
    pub(crate) entity_columns: Vec<FeatureSpec>,
    #[prost(string, tag = "12")]
    pub(crate) labeler_field: String,
    #[prost(int32, tag = "13")]
    pub(crate) conflict_policy: i32,
    #[prost(string, tag = "15")]
    pub(crate) reference_feature_view: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct OnDemandFeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) features: Vec<FeatureSpec>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(crate) sources: BTreeMap<String, OnDemandSource>,
    #[prost(message, optional, tag = "5")]
    pub(crate) user_defined_function: Option<UserDefinedFunction>,
    #[prost(string, tag = "6")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub(crate) owner: String,
    #[prost(message, optional, tag = "10")]
    pub(crate) feature_transformation: Option<FeatureTransformation>,
    #[prost(string, tag = "11")]
    pub(crate) mode: String,
    #[prost(bool, tag = "12")]
    pub(crate) write_to_online_store: bool,
    #[prost(string, repeated, tag = "13")]
    pub(crate) entities: Vec<String>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) entity_columns: Vec<FeatureSpec>,
    #[prost(bool, tag = "15")]
    pub(crate) singleton: bool,
    #[prost(message, repeated, tag = "16")]
    pub(crate) aggregations: Vec<Aggregation>,
    #[prost(string, tag = "17")]
    pub(crate) version: String,
    #[prost(string, tag = "18")]
    pub(crate) org: String,
    #[prost(bool, tag = "19")]
    pub(crate) disabled: bool,
}

/// A oneof: at most one field is set. The first is a form of earlier versions.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct OnDemandSource {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) feature_view: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    pub(crate) request_data_source: Option<DataSource>,
    #[prost(message, optional, tag = "3")]
    pub(crate) feature_view_projection: Option<FeatureViewProjection>,
}

/// `FeatureTransformationV2`, a oneof: at most one field is set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FeatureTransformation {
    #[prost(message, optional, tag = "1")]
    pub(crate) user_defined_function: Option<UserDefinedFunction>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) substrait_transformation: Option<Vec<u8>>,
}

/// `UserDefinedFunctionV2`. Python runs the text and falls back on the pickled body.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct UserDefinedFunction {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) body: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(crate) body_text: String,
    #[prost(string, tag = "4")]
    pub(crate) mode: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Aggregation {
    #[prost(string, tag = "1")]
    pub(crate) column: String,
    #[prost(string, tag = "2")]
    pub(crate) function: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) time_window: Option<Duration>,
    #[prost(message, optional, tag = "4")]
    pub(crate) slide_interval: Option<Duration>,
    #[prost(string, tag = "5")]
    pub(crate) name: String,
}
