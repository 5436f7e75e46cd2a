//! What the evaluator does not know, and whether it could be an object that Feast registers.
//!
//! An object that is not seen would be deleted from the registry, or never get there. So an unknown value remembers whether it
//! can be one.

/// A value that is not known.
pub(crate) struct Unknown {
    /// What it depends on.
    pub(crate) reason: String,
    pub(crate) taint: Taint,
}

/// Whether a value is or holds an object that Feast registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Taint {
    /// It does not.
    Clean,
    /// It comes from code that is not part of the repository, and may.
    MaybeObject,
    /// Feast's own classes take part in making it.
    Object,
}
