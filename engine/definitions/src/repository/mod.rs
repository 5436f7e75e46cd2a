//! A repository as a whole: which files it has (`discover`), which of them can matter (`relevance`), and what the names of those
//! that were run register (`collect`). `reader` goes through these steps.

mod collect;
mod discover;
mod reader;
mod relevance;

pub use collect::{Place, RepositoryDefinitions, UnreadName};
pub use reader::DefinitionReader;
