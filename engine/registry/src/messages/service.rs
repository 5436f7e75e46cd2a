//! Feature services and permissions.

use std::collections::BTreeMap;

use prost::Message;

use super::projection::FeatureViewProjection;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureServiceSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) features: Vec<FeatureViewProjection>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub(crate) description: String,
    #[prost(string, tag = "6")]
    pub(crate) owner: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) logging_config: Option<LoggingConfig>,
    #[prost(bool, tag = "8")]
    pub(crate) precompute_online: bool,
}

/// The destinations are a oneof: at most one is set.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LoggingConfig {
    #[prost(float, tag = "1")]
    pub(crate) sample_rate: f32,
    #[prost(message, optional, tag = "3")]
    pub(crate) file_destination: Option<FileDestination>,
    #[prost(message, optional, tag = "4")]
    pub(crate) bigquery_destination: Option<TableDestination>,
    #[prost(message, optional, tag = "5")]
    pub(crate) redshift_destination: Option<TableDestination>,
    #[prost(message, optional, tag = "6")]
    pub(crate) snowflake_destination: Option<TableDestination>,
    #[prost(bytes = "vec", optional, tag = "7")]
    pub(crate) custom_destination: Option<Vec<u8>>,
    #[prost(message, optional, tag = "8")]
    pub(crate) athena_destination: Option<TableDestination>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(crate) couchbase_columnar_destination: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FileDestination {
    #[prost(string, tag = "1")]
    pub(crate) path: String,
    #[prost(string, tag = "2")]
    pub(crate) s3_endpoint_override: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) partition_by: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct PermissionSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(int32, repeated, tag = "3")]
    pub(crate) types: Vec<i32>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) name_patterns: Vec<String>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) required_tags: BTreeMap<String, String>,
    #[prost(int32, repeated, tag = "6")]
    pub(crate) actions: Vec<i32>,
    #[prost(message, optional, tag = "7")]
    pub(crate) policy: Option<Policy>,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// The policies are a oneof: at most one is set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Policy {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) role_based_policy: Option<Names>,
    #[prost(message, optional, tag = "4")]
    pub(crate) group_based_policy: Option<Names>,
    #[prost(message, optional, tag = "5")]
    pub(crate) namespace_based_policy: Option<Names>,
    #[prost(message, optional, tag = "6")]
    pub(crate) combined_group_namespace_policy: Option<GroupsAndNamespaces>,
}

/// `RoleBasedPolicy`, `GroupBasedPolicy`, `NamespaceBasedPolicy`: one list each.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Names {
    #[prost(string, repeated, tag = "1")]
    pub(crate) names: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct GroupsAndNamespaces {
    #[prost(string, repeated, tag = "1")]
    pub(crate) groups: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) namespaces: Vec<String>,
}

/// `BigQueryDestination` and its like: the name of a table.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct TableDestination {
    #[prost(string, tag = "1")]
    pub(crate) table: String,
}
