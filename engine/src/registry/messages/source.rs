//! Data sources, their options and formats.

use std::collections::BTreeMap;

use prost::Message;

use super::view::FeatureSpec;
use super::{Duration, Timestamp};

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct DataSource {
    #[prost(int32, tag = "1")]
    pub(in crate::registry) source_type: i32,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(in crate::registry) field_mapping: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(in crate::registry) timestamp_field: String,
    #[prost(string, tag = "4")]
    pub(in crate::registry) date_partition_column: String,
    #[prost(string, tag = "5")]
    pub(in crate::registry) created_timestamp_column: String,
    #[prost(message, optional, tag = "11")]
    pub(in crate::registry) file_options: Option<FileOptions>,
    #[prost(message, optional, tag = "12")]
    pub(in crate::registry) bigquery_options: Option<TableOrQuery>,
    #[prost(message, optional, tag = "13")]
    pub(in crate::registry) kafka_options: Option<KafkaOptions>,
    #[prost(message, optional, tag = "14")]
    pub(in crate::registry) kinesis_options: Option<KinesisOptions>,
    #[prost(message, optional, tag = "15")]
    pub(in crate::registry) redshift_options: Option<DatabaseOptions>,
    #[prost(message, optional, tag = "16")]
    pub(in crate::registry) custom_options: Option<CustomOptions>,
    #[prost(string, tag = "17")]
    pub(in crate::registry) data_source_class_type: String,
    #[prost(message, optional, tag = "18")]
    pub(in crate::registry) request_data_options: Option<RequestOptions>,
    #[prost(message, optional, tag = "19")]
    pub(in crate::registry) snowflake_options: Option<DatabaseOptions>,
    #[prost(string, tag = "20")]
    pub(in crate::registry) name: String,
    #[prost(string, tag = "21")]
    pub(in crate::registry) project: String,
    #[prost(string, tag = "23")]
    pub(in crate::registry) description: String,
    #[prost(btree_map = "string, string", tag = "24")]
    pub(in crate::registry) tags: BTreeMap<String, String>,
    #[prost(string, tag = "25")]
    pub(in crate::registry) owner: String,
    #[prost(message, optional, boxed, tag = "26")]
    pub(in crate::registry) batch_source: Option<Box<DataSource>>,
    #[prost(message, optional, tag = "27")]
    pub(in crate::registry) spark_options: Option<SparkOptions>,
    #[prost(string, tag = "28")]
    pub(in crate::registry) timestamp_field_type: String,
    #[prost(message, optional, tag = "30")]
    pub(in crate::registry) trino_options: Option<TableOrQuery>,
    #[prost(message, optional, tag = "35")]
    pub(in crate::registry) athena_options: Option<AthenaOptions>,
    #[prost(message, optional, tag = "50")]
    pub(in crate::registry) meta: Option<SourceMeta>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FileOptions {
    #[prost(message, optional, tag = "1")]
    pub(in crate::registry) file_format: Option<FileFormat>,
    #[prost(string, tag = "2")]
    pub(in crate::registry) uri: String,
    #[prost(string, tag = "3")]
    pub(in crate::registry) s3_endpoint_override: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FileFormat {
    #[prost(message, optional, tag = "1")]
    pub(in crate::registry) parquet_format: Option<Empty>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::registry) delta_format: Option<DeltaFormat>,
}

/// A message without fields, such as `ParquetFormat`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::registry) struct Empty {}

/// `BigQueryOptions`, `TrinoOptions`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct TableOrQuery {
    #[prost(string, tag = "1")]
    pub(in crate::registry) table: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) query: String,
}

/// `SnowflakeOptions`, `RedshiftOptions`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct DatabaseOptions {
    #[prost(string, tag = "1")]
    pub(in crate::registry) table: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) query: String,
    #[prost(string, tag = "3")]
    pub(in crate::registry) schema: String,
    #[prost(string, tag = "4")]
    pub(in crate::registry) database: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct AthenaOptions {
    #[prost(string, tag = "1")]
    pub(in crate::registry) table: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) query: String,
    #[prost(string, tag = "3")]
    pub(in crate::registry) database: String,
    #[prost(string, tag = "4")]
    pub(in crate::registry) data_source: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct SparkOptions {
    #[prost(string, tag = "1")]
    pub(in crate::registry) table: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) query: String,
    #[prost(string, tag = "3")]
    pub(in crate::registry) path: String,
    #[prost(string, tag = "4")]
    pub(in crate::registry) file_format: String,
    #[prost(string, tag = "5")]
    pub(in crate::registry) date_partition_column_format: String,
    #[prost(message, optional, tag = "6")]
    pub(in crate::registry) table_format: Option<TableFormat>,
}

/// Options of a plug-in's source: JSON.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct CustomOptions {
    #[prost(bytes = "vec", tag = "1")]
    pub(in crate::registry) configuration: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct RequestOptions {
    #[prost(message, repeated, tag = "3")]
    pub(in crate::registry) schema: Vec<FeatureSpec>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct KafkaOptions {
    #[prost(string, tag = "1")]
    pub(in crate::registry) kafka_bootstrap_servers: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) topic: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) message_format: Option<StreamFormat>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::registry) watermark_delay_threshold: Option<Duration>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct KinesisOptions {
    #[prost(string, tag = "1")]
    pub(in crate::registry) region: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) stream_name: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) record_format: Option<StreamFormat>,
}

/// A oneof: at most one field is set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct StreamFormat {
    #[prost(message, optional, tag = "1")]
    pub(in crate::registry) avro_format: Option<FormatText>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::registry) proto_format: Option<FormatText>,
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) json_format: Option<FormatText>,
}

/// `AvroFormat` and `JsonFormat` (a schema), `ProtoFormat` (a class path): one string each.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct FormatText {
    #[prost(string, tag = "1")]
    pub(in crate::registry) text: String,
}

/// A oneof: at most one field is set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct TableFormat {
    #[prost(message, optional, tag = "1")]
    pub(in crate::registry) iceberg_format: Option<IcebergFormat>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::registry) delta_format: Option<DeltaFormat>,
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) hudi_format: Option<HudiFormat>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::registry) lance_format: Option<LanceFormat>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct IcebergFormat {
    #[prost(string, tag = "1")]
    pub(in crate::registry) catalog: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) namespace: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(in crate::registry) properties: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct DeltaFormat {
    #[prost(string, tag = "1")]
    pub(in crate::registry) checkpoint_location: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(in crate::registry) properties: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct HudiFormat {
    #[prost(string, tag = "1")]
    pub(in crate::registry) table_type: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) record_key: String,
    #[prost(string, tag = "3")]
    pub(in crate::registry) precombine_field: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(in crate::registry) properties: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::registry) struct LanceFormat {
    #[prost(string, tag = "1")]
    pub(in crate::registry) catalog: String,
    #[prost(string, tag = "2")]
    pub(in crate::registry) namespace: String,
    #[prost(uint64, tag = "3")]
    pub(in crate::registry) version: u64,
    #[prost(string, tag = "4")]
    pub(in crate::registry) tag: String,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(in crate::registry) properties: BTreeMap<String, String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::registry) struct SourceMeta {
    #[prost(message, optional, tag = "3")]
    pub(in crate::registry) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::registry) last_updated_timestamp: Option<Timestamp>,
}
