//! Data sources of every kind, and their formats.

use std::collections::BTreeMap;

use super::{Field, Metadata};

/// Where rows of a feature view come from.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSource {
    /// Its name and what else it says of itself.
    pub metadata: Metadata,
    /// What it is, with what only that kind has.
    pub kind: SourceKind,
    /// Column of the event time, named as after `field_mapping`.
    pub timestamp_field: String,
    /// Column of the creation time that breaks ties of the event time; empty when there is none.
    pub created_timestamp_column: String,
    /// Source column name to the name used by the view.
    pub field_mapping: BTreeMap<String, String>,
    /// Column that partitions the source by date; empty when there is none.
    pub date_partition_column: String,
}

/// The kinds of data source.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceKind {
    /// Parquet: one file or a directory of files.
    File {
        /// As written in the definition: relative paths start at the repository.
        path: String,
        /// The format, if the definition names one. Without it parquet is meant.
        format: Option<FileFormat>,
        /// Endpoint of an S3-like store; empty when not given.
        s3_endpoint_override: String,
    },
    /// Rows arrive by `/push`; history is in the batch source.
    Push {
        /// Where pushed rows are appended and history is read from.
        batch_source: Option<Box<DataSource>>,
    },
    /// Values come with each request, for on-demand views.
    Request {
        /// The values' names and types.
        schema: Vec<Field>,
    },
    /// A Kafka topic. Stored only: this binary consumes no stream.
    Kafka {
        /// Comma-separated `host:port`.
        bootstrap_servers: String,
        /// Topic name.
        topic: String,
        /// How messages are encoded.
        message_format: Option<StreamFormat>,
        /// How late messages may be, in microseconds.
        watermark_delay: Option<i64>,
        /// Where history is read from.
        batch_source: Option<Box<DataSource>>,
    },
    /// A Kinesis stream. Stored only: this binary consumes no stream.
    Kinesis {
        /// AWS region.
        region: String,
        /// Stream name.
        stream_name: String,
        /// How records are encoded.
        record_format: Option<StreamFormat>,
        /// Where history is read from.
        batch_source: Option<Box<DataSource>>,
    },
    /// A table, query or file of a system whose sources are stored only.
    External(ExternalSource),
    /// A kind that no definition of Feast 0.67 makes, by its number in the registry.
    Other {
        /// `DataSource.SourceType` of the registry.
        source_type: i32,
    },
}

/// Formats of file sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FileFormat {
    Parquet,
    Delta,
}

/// How the messages of a stream are encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamFormat {
    /// Avro, with its schema as JSON text.
    Avro(String),
    /// Protobuf, with the path of its class.
    Proto(String),
    /// JSON, with its schema as text.
    Json(String),
}

/// A source of a warehouse or of a Feast plug-in, as far as its definition says.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalSource {
    /// Which system it is of.
    pub system: ExternalSystem,
    /// Python class that reads it. Only [`ExternalSystem::Custom`] needs it: it has many.
    pub class: String,
    /// `table`, `query`, `schema`...: names and values, empty values left out. Custom and Iceberg sources have one,
    /// `configuration`.
    pub options: BTreeMap<String, String>,
    /// Format of the table's metadata (Spark only).
    pub table_format: Option<TableFormat>,
}

/// Systems that have a place of their own in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ExternalSystem {
    BigQuery,
    Snowflake,
    Redshift,
    Spark,
    Trino,
    Athena,
    Iceberg,
    Custom,
}

/// Iceberg, Delta, Hudi or Lance.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFormat {
    /// `iceberg`, `delta`, `hudi` or `lance`.
    pub name: String,
    /// What only that format has, such as `catalog`; empty values left out.
    pub options: BTreeMap<String, String>,
    /// Free properties.
    pub properties: BTreeMap<String, String>,
}

impl SourceKind {
    /// A parquet file or a directory of them.
    pub fn parquet(path: impl Into<String>) -> Self {
        Self::File {
            path: path.into(),
            format: None,
            s3_endpoint_override: String::new(),
        }
    }
}

impl DataSource {
    /// A source of that kind with everything else empty.
    pub fn new(name: impl Into<String>, kind: SourceKind) -> Self {
        Self {
            metadata: Metadata::new(name),
            kind,
            timestamp_field: String::new(),
            created_timestamp_column: String::new(),
            field_mapping: BTreeMap::new(),
            date_partition_column: String::new(),
        }
    }

    /// Its unique name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether rows of it arrive by `/push`.
    pub fn is_push(&self) -> bool {
        matches!(self.kind, SourceKind::Push { .. })
    }

    /// Whether rows of it arrive one by one: pushed, or from Kafka or Kinesis.
    pub fn is_stream(&self) -> bool {
        matches!(
            self.kind,
            SourceKind::Push { .. } | SourceKind::Kafka { .. } | SourceKind::Kinesis { .. }
        )
    }

    /// The batch source behind a stream.
    pub fn batch_source(&self) -> Option<&DataSource> {
        match &self.kind {
            SourceKind::Push { batch_source }
            | SourceKind::Kafka { batch_source, .. }
            | SourceKind::Kinesis { batch_source, .. } => batch_source.as_deref(),
            _ => None,
        }
    }

    /// As [`DataSource::batch_source`], to be changed.
    pub fn batch_source_mut(&mut self) -> Option<&mut DataSource> {
        match &mut self.kind {
            SourceKind::Push { batch_source }
            | SourceKind::Kafka { batch_source, .. }
            | SourceKind::Kinesis { batch_source, .. } => batch_source.as_deref_mut(),
            _ => None,
        }
    }

    /// The class of it in Python Feast.
    pub fn python_class(&self) -> &str {
        match &self.kind {
            SourceKind::File { .. } => "feast.infra.offline_stores.file_source.FileSource",
            SourceKind::Push { .. } => "feast.data_source.PushSource",
            SourceKind::Request { .. } => "feast.data_source.RequestSource",
            SourceKind::Kafka { .. } => "feast.data_source.KafkaSource",
            SourceKind::Kinesis { .. } => "feast.data_source.KinesisSource",
            SourceKind::External(external) => external.python_class(),
            SourceKind::Other { .. } => "",
        }
    }

    /// Whether Python Feast writes the class of such a source even where it stands in another object.
    pub fn always_names_class(&self) -> bool {
        matches!(&self.kind, SourceKind::External(external)
            if matches!(external.system, ExternalSystem::Custom | ExternalSystem::Iceberg | ExternalSystem::Spark))
    }

    /// The creation time column, if there is one.
    pub fn created_column(&self) -> Option<&str> {
        Some(self.created_timestamp_column.as_str()).filter(|name| !name.is_empty())
    }

    /// The column of the source file that carries the view's column `name`.
    pub fn source_column<'a>(&'a self, name: &'a str) -> &'a str {
        self.field_mapping
            .iter()
            .find(|(_, mapped)| mapped.as_str() == name)
            .map_or(name, |(source, _)| source)
    }
}

impl ExternalSource {
    fn python_class(&self) -> &str {
        match self.system {
            ExternalSystem::BigQuery => "feast.infra.offline_stores.bigquery_source.BigQuerySource",
            ExternalSystem::Snowflake => "feast.infra.offline_stores.snowflake_source.SnowflakeSource",
            ExternalSystem::Redshift => "feast.infra.offline_stores.redshift_source.RedshiftSource",
            ExternalSystem::Spark => "feast.infra.offline_stores.contrib.spark_offline_store.spark_source.SparkSource",
            ExternalSystem::Trino => "feast.infra.offline_stores.contrib.trino_offline_store.trino_source.TrinoSource",
            ExternalSystem::Athena => {
                "feast.infra.offline_stores.contrib.athena_offline_store.athena_source.AthenaSource"
            }
            ExternalSystem::Iceberg => "feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source.IcebergSource",
            ExternalSystem::Custom => &self.class,
        }
    }
}
