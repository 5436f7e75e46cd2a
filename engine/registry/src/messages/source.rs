//! Data sources, their options and formats.

use std::collections::BTreeMap;

use prost::Message;

use super::feature::FeatureSpec;
use super::{Duration, Timestamp};

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DataSource {
    #[prost(int32, tag = "1")]
    pub(crate) source_type: i32,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) field_mapping: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(crate) timestamp_field: String,
    #[prost(string, tag = "4")]
    pub(crate) date_partition_column: String,
    #[prost(string, tag = "5")]
    pub(crate) created_timestamp_column: String,
    #[prost(message, optional, tag = "11")]
    pub(crate) file_options: Option<FileOptions>,
    #[prost(message, optional, tag = "12")]
    pub(crate) bigquery_options: Option<TableOrQuery>,
    #[prost(message, optional, tag = "13")]
    pub(crate) kafka_options: Option<KafkaOptions>,
    #[prost(message, optional, tag = "14")]
    pub(crate) kinesis_options: Option<KinesisOptions>,
    #[prost(message, optional, tag = "15")]
    pub(crate) redshift_options: Option<DatabaseOptions>,
    #[prost(message, optional, tag = "16")]
    pub(crate) custom_options: Option<CustomOptions>,
    #[prost(string, tag = "17")]
    pub(crate) data_source_class_type: String,
    #[prost(message, optional, tag = "18")]
    pub(crate) request_data_options: Option<RequestOptions>,
    #[prost(message, optional, tag = "19")]
    pub(crate) snowflake_options: Option<DatabaseOptions>,
    #[prost(string, tag = "20")]
    pub(crate) name: String,
    #[prost(string, tag = "21")]
    pub(crate) project: String,
    #[prost(string, tag = "23")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "24")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "25")]
    pub(crate) owner: String,
    #[prost(message, optional, boxed, tag = "26")]
    pub(crate) batch_source: Option<Box<DataSource>>,
    #[prost(message, optional, tag = "27")]
    pub(crate) spark_options: Option<SparkOptions>,
    #[prost(string, tag = "28")]
    pub(crate) timestamp_field_type: String,
    #[prost(message, optional, tag = "30")]
    pub(crate) trino_options: Option<TableOrQuery>,
    #[prost(message, optional, tag = "35")]
    pub(crate) athena_options: Option<AthenaOptions>,
    #[prost(message, optional, tag = "50")]
    pub(crate) meta: Option<SourceMeta>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FileOptions {
    #[prost(message, optional, tag = "1")]
    pub(crate) file_format: Option<FileFormat>,
    #[prost(string, tag = "2")]
    pub(crate) uri: String,
    #[prost(string, tag = "3")]
    pub(crate) s3_endpoint_override: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FileFormat {
    #[prost(message, optional, tag = "1")]
    pub(crate) parquet_format: Option<Empty>,
    #[prost(message, optional, tag = "2")]
    pub(crate) delta_format: Option<DeltaFormat>,
}

/// A message without fields, such as `ParquetFormat`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Empty {}

/// `BigQueryOptions`, `TrinoOptions`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct TableOrQuery {
    #[prost(string, tag = "1")]
    pub(crate) table: String,
    #[prost(string, tag = "2")]
    pub(crate) query: String,
}

/// `SnowflakeOptions`, `RedshiftOptions`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DatabaseOptions {
    #[prost(string, tag = "1")]
    pub(crate) table: String,
    #[prost(string, tag = "2")]
    pub(crate) query: String,
    #[prost(string, tag = "3")]
    pub(crate) schema: String,
    #[prost(string, tag = "4")]
    pub(crate) database: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct AthenaOptions {
    #[prost(string, tag = "1")]
    pub(crate) table: String,
    #[prost(string, tag = "2")]
    pub(crate) query: String,
    #[prost(string, tag = "3")]
    pub(crate) database: String,
    #[prost(string, tag = "4")]
    pub(crate) data_source: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct SparkOptions {
    #[prost(string, tag = "1")]
    pub(crate) table: String,
    #[prost(string, tag = "2")]
    pub(crate) query: String,
    #[prost(string, tag = "3")]
    pub(crate) path: String,
    #[prost(string, tag = "4")]
    pub(crate) file_format: String,
    #[prost(string, tag = "5")]
    pub(crate) date_partition_column_format: String,
    #[prost(message, optional, tag = "6")]
    pub(crate) table_format: Option<TableFormat>,
}

/// Options of a plug-in's source: JSON.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct CustomOptions {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) configuration: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct RequestOptions {
    #[prost(message, repeated, tag = "3")]
    pub(crate) schema: Vec<FeatureSpec>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct KafkaOptions {
    #[prost(string, tag = "1")]
    pub(crate) kafka_bootstrap_servers: String,
    #[prost(string, tag = "2")]
    pub(crate) topic: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) message_format: Option<StreamFormat>,
    #[prost(message, optional, tag = "4")]
    pub(crate) watermark_delay_threshold: Option<Duration>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct KinesisOptions {
    #[prost(string, tag = "1")]
    pub(crate) region: String,
    #[prost(string, tag = "2")]
    pub(crate) stream_name: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) record_format: Option<StreamFormat>,
}

/// A oneof: at most one field is set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StreamFormat {
    #[prost(message, optional, tag = "1")]
    pub(crate) avro_format: Option<StreamFormatString>,
    #[prost(message, optional, tag = "2")]
    pub(crate) proto_format: Option<StreamFormatString>,
    #[prost(message, optional, tag = "3")]
    pub(crate) json_format: Option<StreamFormatString>,
}

/// `AvroFormat` and `JsonFormat` (a schema), `ProtoFormat` (a class path): one string each.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StreamFormatString {
    #[prost(string, tag = "1")]
    pub(crate) value: String,
}

/// A oneof: at most one field is set.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct TableFormat {
    #[prost(message, optional, tag = "1")]
    pub(crate) iceberg_format: Option<IcebergFormat>,
    #[prost(message, optional, tag = "2")]
    pub(crate) delta_format: Option<DeltaFormat>,
    #[prost(message, optional, tag = "3")]
    pub(crate) hudi_format: Option<HudiFormat>,
    #[prost(message, optional, tag = "4")]
    pub(crate) lance_format: Option<LanceFormat>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct IcebergFormat {
    #[prost(string, tag = "1")]
    pub(crate) catalog: String,
    #[prost(string, tag = "2")]
    pub(crate) namespace: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) properties: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DeltaFormat {
    #[prost(string, tag = "1")]
    pub(crate) checkpoint_location: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) properties: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct HudiFormat {
    #[prost(string, tag = "1")]
    pub(crate) table_type: String,
    #[prost(string, tag = "2")]
    pub(crate) record_key: String,
    #[prost(string, tag = "3")]
    pub(crate) precombine_field: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) properties: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct LanceFormat {
    #[prost(string, tag = "1")]
    pub(crate) catalog: String,
    #[prost(string, tag = "2")]
    pub(crate) namespace: String,
    #[prost(uint64, tag = "3")]
    pub(crate) version: u64,
    #[prost(string, tag = "4")]
    pub(crate) tag: String,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) properties: BTreeMap<String, String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct SourceMeta {
    #[prost(message, optional, tag = "3")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) last_updated_timestamp: Option<Timestamp>,
}
