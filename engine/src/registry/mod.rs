//! The registry file: Feast's own protobuf, shared with Python Feast.
//!
//! The only user of prost. Objects nobody changed keep their bytes. Knows nothing of the stores.

mod apply;
mod convert;
mod file;
mod intervals;
mod messages;
mod value_types;

pub use apply::{Change, ObjectKind, Verb};
pub(crate) use file::{FileStamp, RegistryFile};
