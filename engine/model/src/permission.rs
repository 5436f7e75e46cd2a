//! Permissions, as definitions give them. `feast-permissions` decides by them.

use std::collections::BTreeMap;

use super::Metadata;

/// Who may do what to which objects. Servers that ask people to sign in enforce it.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// Its name and tags. The name is not necessarily unique in Python Feast, but here.
    pub metadata: Metadata,
    /// Kinds of object it is about.
    pub types: Vec<ResourceType>,
    /// Regular expressions of object names; all names when empty.
    pub name_patterns: Vec<String>,
    /// What may be done.
    pub actions: Vec<Action>,
    /// Who may do it.
    pub policy: Policy,
    /// Tags that an object must have.
    pub required_tags: BTreeMap<String, String>,
}

/// Kinds of object a permission can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Feast's")]
pub enum ResourceType {
    FeatureView,
    OnDemandFeatureView,
    BatchFeatureView,
    StreamFeatureView,
    Entity,
    FeatureService,
    DataSource,
    ValidationReference,
    SavedDataset,
    Permission,
    Project,
    LabelView,
}

/// What can be done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Feast's")]
pub enum Action {
    Create,
    Describe,
    Update,
    Delete,
    ReadOnline,
    ReadOffline,
    WriteOnline,
    WriteOffline,
}

/// Whom a permission allows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Feast's")]
pub enum Policy {
    AllowAll,
    Roles(Vec<String>),
    Groups(Vec<String>),
    Namespaces(Vec<String>),
    GroupsAndNamespaces {
        groups: Vec<String>,
        namespaces: Vec<String>,
    },
}

impl Permission {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

impl ResourceType {
    /// All of them in Feast's order, which is what a permission without types is about.
    pub const ALL: [Self; 12] = [
        Self::Project,
        Self::FeatureView,
        Self::OnDemandFeatureView,
        Self::BatchFeatureView,
        Self::StreamFeatureView,
        Self::LabelView,
        Self::Entity,
        Self::FeatureService,
        Self::DataSource,
        Self::ValidationReference,
        Self::SavedDataset,
        Self::Permission,
    ];

    /// The class of that name in Python Feast.
    pub fn by_class_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| format!("{kind:?}") == name)
    }
}

impl Action {
    /// All of them, in Feast's order.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Describe,
        Self::Update,
        Self::Delete,
        Self::ReadOnline,
        Self::ReadOffline,
        Self::WriteOnline,
        Self::WriteOffline,
    ];

    /// Feast's name, such as `READ_ONLINE`.
    pub const fn feast_name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Describe => "DESCRIBE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::ReadOnline => "READ_ONLINE",
            Self::ReadOffline => "READ_OFFLINE",
            Self::WriteOnline => "WRITE_ONLINE",
            Self::WriteOffline => "WRITE_OFFLINE",
        }
    }
}
