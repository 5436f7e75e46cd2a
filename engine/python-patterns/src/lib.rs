//! Regular expressions of Python in the syntax of the crate `regex`, where both mean the same.
//!
//! Only syntax is taken of which both have the same rules. Characters are written by their numbers, so that none of them means
//! something else there, and classes by what Python has in them. Knows nothing of what patterns are for, and compiles none: the facts
//! beside the translated pattern say for which texts the two would still differ.

mod translate;

pub use translate::{MORE_WORDS, Purpose, Translated, UnknownPattern, translate};
