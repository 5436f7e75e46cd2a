//! What an apply changes, in words.

use std::fmt;

use feast_model::{ObjectKind, StoredKeys, Timestamp};
use serde_json::Value;

/// One difference between the registry and the repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What happened to the object.
    pub verb: Verb,
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// The fields that differ, for an updated object.
    pub fields: Vec<FieldChange>,
    /// For an updated view whose stored rows are not found any more: why.
    pub keys: Option<KeyChange>,
}

/// The join keys of a view are others than before.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyChange {
    /// Those of the rows that are stored.
    pub former: StoredKeys,
    /// Those of the rows that are looked for.
    pub present: StoredKeys,
    /// First and last event time that were materialized under the former ones.
    pub materialized: Option<(Timestamp, Timestamp)>,
}

/// One field of an updated object, named as in the registry's messages.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Field name.
    pub name: String,
    /// Its value before; null where it had none.
    pub old: Value,
    /// Its value now; null where it has none.
    pub new: Value,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Verb {
    Created,
    Updated,
    Deleted,
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}
