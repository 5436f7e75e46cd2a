//! Feature services and permissions.

use std::collections::BTreeMap;

use prost::Message;

use super::source::DataSource;
use super::view::FeatureSpec;

#[derive(Clone, PartialEq, Message)]
pub(in crate::registry) struct FeatureServiceSpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) project: String,
    #[prost(message, repeated, tag = "3")]
    pub(in crate::registry) features: Vec<FeatureViewProjection>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub(in crate::registry) description: String,
    #[prost(string, tag = "6")]
    pub(in crate::registry) owner: String,
    #[prost(message, optional, tag = "7")]
    pub(in crate::registry) logging_config: Option<LoggingConfig>,
    #[prost(bool, tag = "8")]
    pub(in crate::registry) precompute_online: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FeatureViewProjection {
    #[prost(string, tag = "1")]
    pub(in crate::registry) feature_view_name: String,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::registry) feature_columns: Vec<FeatureSpec>,
    #[prost(string, tag = "3")]
    pub(in crate::registry) feature_view_name_alias: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(in crate::registry) join_key_map: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub(in crate::registry) timestamp_field: String,
    #[prost(string, tag = "6")]
    pub(in crate::registry) date_partition_column: String,
    #[prost(string, tag = "7")]
    pub(in crate::registry) created_timestamp_column: String,
    #[prost(message, optional, tag = "8")]
    pub(in crate::registry) batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "9")]
    pub(in crate::registry) stream_source: Option<DataSource>,
    #[prost(int32, optional, tag = "10")]
    pub(in crate::registry) version_tag: Option<i32>,
    #[prost(string, tag = "11")]
    pub(in crate::registry) view_type: String,
}

/// The destinations are a oneof: at most one is set.
#[derive(Clone, PartialEq, Message)]
pub(in crate::registry) struct LoggingConfig {
    #[prost(float, tag = "1")]
    pub(in crate::registry) sample_rate: f32,
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) file_destination: Option<FileDestination>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::registry) bigquery_destination: Option<TableDestination>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::registry) redshift_destination: Option<TableDestination>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::registry) snowflake_destination: Option<TableDestination>,
    #[prost(bytes = "vec", optional, tag = "7")]
    pub(in crate::registry) custom_destination: Option<Vec<u8>>,
    #[prost(message, optional, tag = "8")]
    pub(in crate::registry) athena_destination: Option<TableDestination>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(in crate::registry) couchbase_columnar_destination: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FileDestination {
    #[prost(string, tag = "1")]
    pub(in crate::registry) path: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) s3_endpoint_override: String,
    #[prost(string, repeated, tag = "3")]
    pub(in crate::registry) partition_by: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct PermissionSpec {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) project: String,
    #[prost(int32, repeated, tag = "3")]
    pub(in crate::registry) types: Vec<i32>,
    #[prost(string, repeated, tag = "4")]
    pub(in crate::registry) name_patterns: Vec<String>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(in crate::registry) required_tags: BTreeMap<String, String>,
    #[prost(int32, repeated, tag = "6")]
    pub(in crate::registry) actions: Vec<i32>,
    #[prost(message, optional, tag = "7")]
    pub(in crate::registry) policy: Option<Policy>,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
}

/// The policies are a oneof: at most one is set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct Policy {
    #[prost(string, tag = "1")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) project: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) role_based_policy: Option<Names>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::registry) group_based_policy: Option<Names>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::registry) namespace_based_policy: Option<Names>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::registry) combined_group_namespace_policy: Option<GroupsAndNamespaces>,
}

/// `RoleBasedPolicy`, `GroupBasedPolicy`, `NamespaceBasedPolicy`: one list each.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct Names {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::registry) names: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct GroupsAndNamespaces {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::registry) groups: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(in crate::registry) namespaces: Vec<String>,
}

/// `BigQueryDestination` and its like: the name of a table.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct TableDestination {
    #[prost(string, tag = "1")]
    pub(in crate::registry) table: String,
}
