//! Reads a repository's Python definition files without Python.
//!
//! A small evaluator over a real Python parser: constructors of Feast's classes, literals, names, operators, helper functions,
//! classes of constants, comprehensions, imports between files. It never guesses: what it cannot know is opaque, and that is an
//! error only where an opaque value reaches a stored argument. Knows nothing of the registry or of any store.
//!
//! A reading touches no state of the process and shares nothing with another: any number of threads may read at once, each within
//! the [`Budget`] that its caller gives. Environment variables and the working directory come from the caller too; of the process
//! only files are read.
//!
//! The modules, lowest first; each may use only those before it:
//!
//! | module | what it owns |
//! |---|---|
//! | `error`, `budget`, `environment` | errors, limits of a reading, the environment that the caller passes |
//! | `source` | files before they run: where modules lie, their text, the names of packages |
//! | `value` | what a Python value is, and what can be said of it without running code |
//! | `context` | the session and the place where something is evaluated |
//! | `operators` | `+`, `<`, `-x` between values |
//! | `stdlib` | functions of Python's library, by module |
//! | `feast` | Feast's classes, types and enumerations |
//! | `methods` | attributes and methods of values, by type |
//! | `evaluate` | statements and expressions, a file for each construct |
//! | `names` | the names of its module that a function uses, as a text of their own |
//! | `repository` | which files to read, and what their names register |

mod budget;
mod context;
mod environment;
mod error;
mod evaluate;
mod feast;
mod methods;
mod names;
mod operators;
mod repository;
mod source;
mod stdlib;
mod value;

pub use budget::Budget;
pub use environment::{Environment, ReadColumns, TableColumn};
pub use error::DefinitionError;
pub use repository::{DefinitionReader, Place, RepositoryDefinitions, UnreadName};
pub use source::ModulePath;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
