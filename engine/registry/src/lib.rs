//! The registry file: Feast's own protobuf, shared with Python Feast.
//!
//! The only user of prost. Objects nobody changed keep their bytes. Knows nothing of the stores.

mod apply;
mod convert;
mod document;
mod file;
#[cfg(test)]
mod fuzz;
mod intervals;
mod look_up;
mod messages;
mod schema;
mod value_types;
mod wire;

pub use apply::{Change, FieldChange, KeyChange, Verb};
pub use file::UnreadObject;
pub use file::{FileStamp, RegistryFile};
pub use look_up::ViewVersion;
