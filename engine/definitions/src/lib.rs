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
//! | `error`, `budget`, `environment` | what can be wrong, how much may be done, what the caller says of the world |
//! | `source` | files before they run: where modules lie, their text, the names of packages |
//! | `value` | what a Python value is, and what can be said of it without running code |
//! | `context` | the session and the place where something is evaluated |
//! | `operators` | `+`, `<`, `-x` between values |
//! | `stdlib` | functions of Python's library, by module |
//! | `feast` | Feast's classes, types and enumerations |
//! | `methods` | attributes and methods of values, by type |
//! | `evaluate` | statements and expressions, a file for each construct |
//! | `repository` | which files to read, and what their names register |

mod budget;
mod context;
mod environment;
mod error;
mod evaluate;
mod feast;
mod methods;
mod operators;
mod repository;
mod source;
mod stdlib;
mod value;

pub use budget::Budget;
pub use environment::{Environment, ReadColumns, TableColumn};
pub use error::DefinitionError;
pub use repository::{Place, RepositoryDefinitions, UnreadName};
pub use source::ModulePath;

/// Stack of the thread that reads: the parser and the evaluator call themselves for each level of nesting. It is made for
/// [`Budget::MAX_DEPTH`] and for what the parser is given. Only what is touched of it takes memory.
const STACK_BYTES: usize = 1 << 30;

/// Reads the definitions of a repository.
#[derive(Debug, Clone)]
pub struct DefinitionReader {
    /// Where the repository lies, and where the modules that it imports are looked for.
    pub modules: ModulePath,
    /// What the files see of the environment.
    pub environment: Environment,
    /// Reads the columns of parquet files, for definitions that are made from them.
    pub read_columns: ReadColumns,
    /// How much one reading may do.
    pub budget: Budget,
}

impl DefinitionReader {
    /// Reads all definition files below the repository, on a thread of its own with a large stack. A file that fails does not keep
    /// the others from being read.
    ///
    /// # Errors
    /// Every problem found, at least one.
    pub fn read(&self) -> Result<RepositoryDefinitions, Vec<DefinitionError>> {
        let failed = |message: String| vec![DefinitionError::of_file(".", message)];
        let outcome = std::thread::scope(|scope| {
            let reader = std::thread::Builder::new()
                .name("definitions".to_owned())
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, || repository::read(self));
            reader.map(std::thread::ScopedJoinHandle::join)
        });
        match outcome {
            Ok(Ok(definitions)) => definitions,
            Ok(Err(_)) => Err(failed(
                "the definition files cannot be read: the reader failed".to_owned(),
            )),
            Err(source) => Err(failed(format!("the definition files cannot be read: {source}"))),
        }
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
