use std::collections::BTreeMap;

/// Where rows of a feature view come from.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSource {
    /// Unique name.
    pub name: String,
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
    /// Free text.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Free text.
    pub owner: String,
}

/// The kinds of data source.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceKind {
    /// Parquet: one file or a directory of files.
    File {
        /// As written in the definition: relative paths start at the repository.
        path: String,
        /// Whether the definition names the parquet format. Without it parquet is meant too.
        explicit_parquet: bool,
        /// Endpoint of an S3-like store; empty when not given.
        s3_endpoint_override: String,
    },
    /// Rows arrive by `/push`; history is in the batch source.
    Push {
        /// Where pushed rows are appended and history is read from.
        batch_source: Option<Box<DataSource>>,
    },
    /// A kind this binary stores but cannot read, by its number in the registry.
    Other {
        /// `DataSource.SourceType` of the registry.
        source_type: i32,
    },
}

impl SourceKind {
    /// A parquet file or a directory of them.
    pub fn parquet(path: impl Into<String>) -> Self {
        Self::File {
            path: path.into(),
            explicit_parquet: false,
            s3_endpoint_override: String::new(),
        }
    }
}

impl DataSource {
    /// A source of that kind with everything else empty.
    pub fn new(name: impl Into<String>, kind: SourceKind) -> Self {
        Self {
            name: name.into(),
            kind,
            timestamp_field: String::new(),
            created_timestamp_column: String::new(),
            field_mapping: BTreeMap::new(),
            date_partition_column: String::new(),
            description: String::new(),
            tags: BTreeMap::new(),
            owner: String::new(),
        }
    }

    /// Whether rows of it arrive by `/push`.
    pub fn is_push(&self) -> bool {
        matches!(self.kind, SourceKind::Push { .. })
    }

    /// The batch source behind a push source.
    pub fn batch_source(&self) -> Option<&DataSource> {
        match &self.kind {
            SourceKind::Push { batch_source } => batch_source.as_deref(),
            _ => None,
        }
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
