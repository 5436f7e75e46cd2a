use std::collections::BTreeMap;

use super::{DUMMY_JOIN_KEY, DataSource, ValueType};

/// How long a row may be used after its event time, in microseconds. `None` in Python is kept apart from zero.
pub type TimeToLive = Option<i64>;

/// A named, typed column: a feature or a join key.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Column name.
    pub name: String,
    /// Column type.
    pub value_type: ValueType,
    /// Free text.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Whether the column is meant for vector search.
    pub vector_index: bool,
    /// Number of items of each vector; 0 when not given.
    pub vector_length: i32,
    /// Distance of the vector search; empty when not given.
    pub vector_search_metric: String,
}

impl Field {
    /// A column without description, tags or vector index.
    pub fn new(name: impl Into<String>, value_type: ValueType) -> Self {
        Self {
            name: name.into(),
            value_type,
            description: String::new(),
            tags: BTreeMap::new(),
            vector_index: false,
            vector_length: 0,
            vector_search_metric: String::new(),
        }
    }
}

/// A group of features that share entities, a source and event times.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureView {
    /// Unique name.
    pub name: String,
    /// Names of the entities, in definition order. `__dummy` alone for a view without entities.
    pub entities: Vec<String>,
    /// The join key columns.
    pub entity_columns: Vec<Field>,
    /// The features, in definition order.
    pub features: Vec<Field>,
    /// Look-back of the first incremental materialization.
    pub ttl: TimeToLive,
    /// Where history is read from.
    pub batch_source: Option<DataSource>,
    /// Where new rows arrive, for a view fed by a push source.
    pub stream_source: Option<DataSource>,
    /// Whether it may be materialized and served.
    pub online: bool,
    /// Whether rows may be written to the offline store.
    pub offline: bool,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// Free text.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Free text.
    pub owner: String,
    /// Free text.
    pub org: String,
    /// `latest`, `vN` or `versionN`.
    pub version: String,
    /// Whether data are validated on ingestion (a Feast flag, carried only).
    pub enable_validation: bool,
}

impl FeatureView {
    /// An online view of that source, without entities or features, with Feast's defaults.
    pub fn new(name: impl Into<String>, source: DataSource) -> Self {
        Self {
            name: name.into(),
            entities: Vec::new(),
            entity_columns: Vec::new(),
            features: Vec::new(),
            ttl: Some(0),
            batch_source: Some(source),
            stream_source: None,
            online: true,
            offline: false,
            enabled: true,
            description: String::new(),
            tags: BTreeMap::new(),
            owner: String::new(),
            org: String::new(),
            version: "latest".to_owned(),
            enable_validation: false,
        }
    }

    /// The feature of that name and its position.
    pub fn feature(&self, name: &str) -> Option<(usize, &Field)> {
        self.features.iter().enumerate().find(|(_, field)| field.name == name)
    }

    /// Whether the view has no entities: every request gets its one row.
    pub fn is_entityless(&self) -> bool {
        matches!(self.entity_columns.as_slice(), [only] if only.name == DUMMY_JOIN_KEY)
    }

    /// Whether rows can be read and written online.
    pub fn is_served(&self) -> bool {
        self.online && self.enabled
    }

    /// The push source that feeds this view, if one does.
    pub fn push_source(&self) -> Option<&DataSource> {
        self.stream_source.as_ref().filter(|source| source.is_push())
    }
}
