//! A feature, as views, sources and projections hold it.

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FeatureSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) value_type: i32,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(crate) description: String,
    #[prost(bool, tag = "5")]
    pub(crate) vector_index: bool,
    #[prost(string, tag = "6")]
    pub(crate) vector_search_metric: String,
    #[prost(int32, tag = "7")]
    pub(crate) vector_length: i32,
}
