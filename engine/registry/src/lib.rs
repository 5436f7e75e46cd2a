//! The registry: Feast's own protobuf, shared with Python Feast.
//!
//! `contents` is what a registry holds and how it changes, `place` is where it is kept: a file today. The only user of prost.
//! Objects that did not change keep their bytes. Knows nothing of the stores.

mod contents;
mod convert;
mod descriptors;
mod kinds;
mod messages;
mod place;
mod protowire;
mod to_json;
mod value_types;

pub use contents::{
    Change, FieldChange, KeyChange, RegistryContents, ResumePoint, UnsupportedObject, Verb, ViewVersion,
};
pub use place::{RegistryFile, Snapshot, Stamp};
