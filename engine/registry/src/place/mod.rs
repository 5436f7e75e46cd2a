//! Where a registry is kept. A file today; a second place has the same outside: a stamp that tells its states apart without
//! reading them, `load`, `is_current` and `update`. Callers match once on the place, never inside of an operation.
//!
//! What a second place does differently: a file has a lock, which only processes of ours honour. An object store has none, so its
//! `update` writes only over the state that it has read (the stamp is the object's tag) and starts again where that is gone; a
//! database has a transaction for an apply, and a compare-and-set of the one view for an interval. In both, `change` may run more
//! than once.

mod file;

use std::sync::Arc;

pub use file::{RegistryFile, Stamp};

use crate::contents::RegistryContents;

/// A state of a registry, as it was read or written.
#[derive(Clone)]
pub struct Snapshot {
    /// What it holds.
    pub contents: Arc<RegistryContents>,
    /// `None` when there was nothing to read, or when it is not known which state of the place this is.
    pub stamp: Option<Stamp>,
    /// Where in the file the version id stands.
    version_id_at: Option<u64>,
}
