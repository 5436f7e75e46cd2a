//! Reads a repository's Python definition files without Python.
//!
//! A small evaluator over a real Python parser: constructors of Feast's classes, literals, names, helper functions,
//! comprehensions, imports between files. What it cannot know is opaque; that is an error only where an opaque value
//! reaches a stored argument. Knows nothing of the registry or of any store.

mod arguments;
mod call;
mod collect;
mod construct;
mod discover;
mod expression;
mod module;
mod value;

use std::fmt;
use std::path::{Path, PathBuf};

use feast_engine::model::Definitions;

use module::Evaluator;

/// Something in a definition file that is wrong or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DefinitionError {
    /// The file, relative to the repository.
    pub(crate) file: PathBuf,
    /// Line, counted from 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// Reads all definition files below `repository`. A file that fails does not keep the others from being read.
///
/// # Errors
/// Every problem found, at least one.
pub(crate) fn read_definitions(repository: &Path) -> Result<Definitions, Vec<DefinitionError>> {
    let files = discover::definition_files(repository)?;
    let mut evaluator = Evaluator::new(repository);
    let mut errors = Vec::new();
    let mut modules = Vec::new();
    for file in files {
        match evaluator.module(&file) {
            Ok(module) => modules.push((file, module)),
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    collect::definitions(&modules)
}

#[cfg(test)]
mod tests;
