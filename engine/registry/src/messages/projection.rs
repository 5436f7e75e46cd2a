//! A choice of features of one view, as services and on-demand views hold it.

use std::collections::BTreeMap;

use prost::Message;

use super::feature::FeatureSpec;
use super::source::DataSource;

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FeatureViewProjection {
    #[prost(string, tag = "1")]
    pub(crate) feature_view_name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) feature_columns: Vec<FeatureSpec>,
    #[prost(string, tag = "3")]
    pub(crate) feature_view_name_alias: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) join_key_map: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub(crate) timestamp_field: String,
    #[prost(string, tag = "6")]
    pub(crate) date_partition_column: String,
    #[prost(string, tag = "7")]
    pub(crate) created_timestamp_column: String,
    #[prost(message, optional, tag = "8")]
    pub(crate) batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "9")]
    pub(crate) stream_source: Option<DataSource>,
    #[prost(int32, optional, tag = "10")]
    pub(crate) version_tag: Option<i32>,
    #[prost(string, tag = "11")]
    pub(crate) view_type: String,
}
