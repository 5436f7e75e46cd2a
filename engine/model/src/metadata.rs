//! The name, description, tags, owner, organization and version of an object. Knows nothing of the kinds of objects.

use std::collections::BTreeMap;

/// Name and description of an object of any kind. What a kind of object does not have stays empty in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Unique among the objects of its kind.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Free text. Permissions have none.
    pub owner: String,
    /// Free text. Only views have it.
    pub org: String,
    /// `latest`, `vN` or `versionN`. Only views have it.
    pub version: String,
}

impl Metadata {
    /// A name, and nothing else.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Of a view that does not pin a version.
    pub fn for_view(name: impl Into<String>) -> Self {
        Self {
            version: "latest".to_owned(),
            ..Self::new(name)
        }
    }
}
