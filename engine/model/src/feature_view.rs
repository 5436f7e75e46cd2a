//! Feature views of every sort but on-demand ones, their columns, and what the registry knows of them beside their definition.

use std::collections::BTreeMap;
use std::fmt;

use super::{DUMMY_JOIN_KEY, DataSource, Metadata, ObjectKind, Transformation, ValueType};

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
    /// Its name and what else it says of itself.
    pub metadata: Metadata,
    /// What sort of view it is, with what only that sort has.
    pub kind: ViewKind,
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
    /// Where new rows arrive, for a view fed by a stream.
    pub stream_source: Option<DataSource>,
    /// The views it is derived from.
    pub source_views: Vec<FeatureView>,
    /// The function that computes it in Python Feast's engines, for a batch or stream view.
    pub transformation: Option<Transformation>,
    /// How that function is run (`python`, `pandas`, ...); empty when not given.
    pub mode: String,
    /// Whether it may be materialized and served.
    pub online: bool,
    /// Whether rows may be written to the offline store.
    pub offline: bool,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// Whether data are validated on ingestion (a Feast flag, carried only).
    pub enable_validation: bool,
}

/// What the keys of stored rows are made of. See [`FeatureView::stored_keys`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKeys(Vec<(String, ValueType)>);

impl fmt::Display for StoredKeys {
    /// `customer_id (String), driver_id (Int64)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|(name, _)| name == DUMMY_JOIN_KEY) {
            return formatter.write_str("none");
        }
        for (index, (name, value_type)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{name} ({value_type})")?;
        }
        Ok(())
    }
}

/// The sorts of feature view. Each has a list of its own in the registry; they are served alike.
#[derive(Debug, Clone, PartialEq)]
pub enum ViewKind {
    /// Filled from a batch source or by pushes. A batch view is one with a transformation.
    Regular,
    /// Filled from a stream.
    Stream(StreamSettings),
    /// Labels that people or programs give.
    Label(LabelSettings),
}

/// What only a stream view has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamSettings {
    /// Column of the event time in the stream; empty when not given.
    pub timestamp_field: String,
    /// Windows that an engine computes.
    pub aggregations: Vec<Aggregation>,
    /// Whether windows are computed from tiles.
    pub enable_tiling: bool,
    /// Length of a tile in microseconds.
    pub tiling_hop_size: Option<i64>,
}

/// What only a label view has.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelSettings {
    /// Column that names the labeler.
    pub labeler_field: String,
    /// What happens when labelers disagree.
    pub conflict_policy: ConflictPolicy,
    /// Name of the view whose entities are labelled; empty when not given.
    pub reference_feature_view: String,
}

/// How conflicting labels are resolved. Online the last write wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ConflictPolicy {
    LastWriteWins,
    LabelerPriority,
    MajorityVote,
}

/// An aggregate over a window of rows. Stored only.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregation {
    /// Column that is aggregated.
    pub column: String,
    /// `sum`, `mean`, ...
    pub function: String,
    /// Length of the window in microseconds.
    pub time_window: Option<i64>,
    /// Distance between windows in microseconds.
    pub slide_interval: Option<i64>,
    /// Name of the result; empty when not given.
    pub name: String,
}

impl FeatureView {
    /// An online view of that source, without entities or features, with Feast's defaults.
    pub fn new(name: impl Into<String>, source: DataSource) -> Self {
        Self {
            metadata: Metadata::for_view(name),
            kind: ViewKind::Regular,
            entities: Vec::new(),
            entity_columns: Vec::new(),
            features: Vec::new(),
            ttl: Some(0),
            batch_source: Some(source),
            stream_source: None,
            source_views: Vec::new(),
            transformation: None,
            mode: String::new(),
            online: true,
            offline: false,
            enabled: true,
            enable_validation: false,
        }
    }

    /// Its unique name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The kind of registry object it is.
    pub fn object_kind(&self) -> ObjectKind {
        match self.kind {
            ViewKind::Regular => ObjectKind::FeatureView,
            ViewKind::Stream(_) => ObjectKind::StreamFeatureView,
            ViewKind::Label(_) => ObjectKind::LabelView,
        }
    }

    /// The feature of that name and its position.
    pub fn feature(&self, name: &str) -> Option<(usize, &Field)> {
        self.features.iter().enumerate().find(|(_, field)| field.name == name)
    }

    /// What the keys of its stored rows are made of: names and types of the join keys, in the order of their names. Rows
    /// stored under other ones are not found.
    pub fn stored_keys(&self) -> StoredKeys {
        let keys = self.entity_columns.iter();
        let mut keys: Vec<_> = keys.map(|key| (key.name.clone(), key.value_type.as_key())).collect();
        keys.sort_by(|left, right| left.0.cmp(&right.0));
        StoredKeys(keys)
    }

    /// Whether the view has no entities: every request gets its one row.
    pub fn is_entityless(&self) -> bool {
        matches!(self.entity_columns.as_slice(), [only] if only.name == DUMMY_JOIN_KEY)
    }

    /// Whether rows can be read and written online.
    pub fn is_served(&self) -> bool {
        self.online && self.enabled
    }

    /// Whether it holds labels: such views are pushed to, never materialized.
    pub fn is_label_view(&self) -> bool {
        matches!(self.kind, ViewKind::Label(_))
    }

    /// The push source that feeds this view, if one does.
    pub fn push_source(&self) -> Option<&DataSource> {
        self.stream_source.as_ref().filter(|source| source.is_push())
    }
}

/// Which version of a view a definition requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The one that the definition describes.
    Latest,
    /// That of the history's number.
    Pinned(i32),
}

impl Version {
    /// Reads `latest`, `vN` or `versionN` in any case; an empty string is the latest. `None` for anything else.
    pub fn parse(string: &str) -> Option<Self> {
        let string = string.to_ascii_lowercase();
        if string.is_empty() || string == "latest" {
            return Some(Self::Latest);
        }
        let number = string.strip_prefix("version").or_else(|| string.strip_prefix('v'))?;
        let digits = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        digits.then(|| number.parse().ok()).flatten().map(Self::Pinned)
    }
}

/// How far a view has come. Python Feast serves a view without a state and one that is available online.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Feast's")]
pub enum ViewState {
    Unspecified,
    Created,
    Generated,
    Materializing,
    AvailableOnline,
}

/// What the registry knows of a view beside its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewStatus {
    /// Whether it can be read.
    pub state: ViewState,
    /// Number of its current version; 0 for the first one.
    pub version: i32,
}

impl ViewStatus {
    /// Of a view of which the registry says nothing.
    pub const NEW: Self = Self {
        state: ViewState::Unspecified,
        version: 0,
    };
}

impl ViewState {
    const ALL: [(Self, &str); 5] = [
        (Self::Unspecified, "STATE_UNSPECIFIED"),
        (Self::Created, "CREATED"),
        (Self::Generated, "GENERATED"),
        (Self::Materializing, "MATERIALIZING"),
        (Self::AvailableOnline, "AVAILABLE_ONLINE"),
    ];

    /// Its number in the registry.
    pub fn number(self) -> i32 {
        let position = Self::ALL.iter().position(|(state, _)| *state == self);
        position
            .and_then(|position| i32::try_from(position).ok())
            .unwrap_or_default()
    }

    /// The state of that number; unspecified for a number that Feast does not know.
    pub fn from_number(number: i32) -> Self {
        let known = usize::try_from(number).ok().and_then(|number| Self::ALL.get(number));
        known.map_or(Self::Unspecified, |(state, _)| *state)
    }

    /// Feast's name, such as `AVAILABLE_ONLINE`.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, name)| name)
    }

    /// The states that Feast lets follow this one.
    pub fn successors(self) -> &'static [Self] {
        match self {
            Self::Unspecified => &[Self::Created],
            Self::Created => &[Self::Generated],
            Self::Generated | Self::AvailableOnline => &[Self::Materializing],
            Self::Materializing => &[Self::AvailableOnline, Self::Generated],
        }
    }
}
