//! The kinds of object that a registry has.

use std::fmt;

/// Kinds of registry object, in the order in which changes are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the words say it")]
pub enum ObjectKind {
    Project,
    DataSource,
    Entity,
    FeatureView,
    OnDemandFeatureView,
    StreamFeatureView,
    LabelView,
    FeatureService,
    Permission,
    SavedDataset,
    ValidationReference,
}

impl ObjectKind {
    /// Whether objects of this kind have rows in the online store.
    pub fn has_online_table(self) -> bool {
        matches!(self, Self::FeatureView | Self::StreamFeatureView | Self::LabelView)
    }

    /// Whether objects of this kind are views: they have a version history.
    pub fn is_view(self) -> bool {
        self.has_online_table() || self == Self::OnDemandFeatureView
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Project => "project",
            Self::DataSource => "data source",
            Self::Entity => "entity",
            Self::FeatureView => "feature view",
            Self::OnDemandFeatureView => "on demand feature view",
            Self::StreamFeatureView => "stream feature view",
            Self::LabelView => "label view",
            Self::FeatureService => "feature service",
            Self::Permission => "permission",
            Self::SavedDataset => "saved dataset",
            Self::ValidationReference => "validation reference",
        })
    }
}
