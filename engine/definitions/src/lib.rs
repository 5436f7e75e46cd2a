//! Reads a repository's Python definition files without Python.
//!
//! A small evaluator over a real Python parser: constructors of Feast's classes, literals, names, operators, helper
//! functions, classes of constants, comprehensions, imports between files. What it cannot know is opaque; that is an error
//! only where an opaque value reaches a stored argument. Knows nothing of the registry or of any store.

mod assignment;
mod attribute;
mod call;
mod class;
mod collect;
mod comprehension;
mod discover;
mod duration;
mod equality;
mod expression;
mod feast;
mod free_names;
mod generator;
mod imports;
mod library;
mod library_call;
mod methods;
mod module;
mod object;
mod operators;
mod relevance;
mod representation;
mod scope;
mod search;
mod source_text;
mod statement;
mod subscript;
mod table;
mod text;
mod unknown;
mod user_class;
mod value;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use feast_model::{Definitions, ObjectKind};

use module::Evaluator;
use relevance::Influence;
use search::ModuleFile;
pub use search::ModulePath;

/// Stack of the thread that reads: the parser and the evaluator call themselves for each level of nesting. Only what is
/// touched of it takes memory.
const STACK_BYTES: usize = 1 << 30;

/// Something in a definition file that is wrong or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionError {
    /// The file, relative to the repository.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// The exception that Python would raise; `None` for a limit of this reader.
    exception: Option<String>,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

impl DefinitionError {
    /// Whether Python itself would raise it, so that the file can catch it.
    fn is_exception(&self) -> bool {
        self.exception.is_some()
    }
}

/// Result of evaluating a piece of a file.
type Evaluated<T> = Result<T, DefinitionError>;

/// A file relative to the repository, and a line in it.
pub type Place = (PathBuf, usize);

/// What a repository defines, and where.
#[derive(Debug, Default)]
pub struct RepositoryDefinitions {
    /// The objects.
    pub definitions: Definitions,
    /// Where each object is made.
    pub places: HashMap<(ObjectKind, String), Place>,
    /// Names of modules that come from code outside of the repository, and so may be objects of Feast or not.
    pub unread: Vec<UnreadName>,
    /// Files that were not read, because they cannot define anything: they import neither Feast nor a file that does.
    pub passed_over: Vec<PathBuf>,
}

/// The name of a column of a table, and that of its dtype in pandas where it is known.
pub type TableColumn = (String, Option<String>);

/// Reads the columns of a parquet file as pandas has them; the error says what is wrong with the file.
pub type ReadColumns = fn(&Path) -> Result<Vec<TableColumn>, String>;

/// A name of a definition file of which only Python knows what it is.
#[derive(Debug)]
pub struct UnreadName {
    /// Relative to the repository.
    pub file: PathBuf,
    /// The name it is bound to.
    pub name: String,
    /// What it depends on.
    reason: String,
}

/// Reads all definition files below the repository. A file that fails does not keep the others from being read.
///
/// # Errors
/// Every problem found, at least one.
pub fn read_definitions(
    place: &ModulePath,
    read_columns: ReadColumns,
) -> Result<RepositoryDefinitions, Vec<DefinitionError>> {
    let failed = |message: String| {
        vec![DefinitionError {
            file: PathBuf::from("."),
            line: 1,
            message,
            exception: None,
        }]
    };
    let outcome = std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("definitions".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || read_all(place, read_columns));
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

fn read_all(place: &ModulePath, read_columns: ReadColumns) -> Result<RepositoryDefinitions, Vec<DefinitionError>> {
    /// Steps for a script that perhaps defines something. One that needs more computes something else.
    const MAX_SCRIPT_WORK: u64 = 2_000_000;
    let files = discover::definition_files(&place.repository)?;
    let mut evaluator = Evaluator::new(place.clone(), read_columns);
    let influence = relevance::of_files(&files, &evaluator.search);
    let mut errors = Vec::new();
    let mut modules = Vec::new();
    let mut passed_over = Vec::new();
    let mut unread = Vec::new();
    for path in files {
        let file = ModuleFile::of_repository(&path);
        let outcome = match influence.get(&path) {
            Some(Influence::Nothing) => {
                passed_over.push(path);
                continue;
            }
            Some(Influence::Perhaps(names)) => match evaluator.module_within(&file, MAX_SCRIPT_WORK) {
                Err(error) if !error.is_exception() => {
                    unread.extend(names.iter().map(|name| UnreadName::of_script(&path, name, &error)));
                    passed_over.push(path);
                    continue;
                }
                outcome => outcome,
            },
            _ => evaluator.module(&file),
        };
        match outcome {
            Ok(module) => modules.push(module),
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    // What a definition file imports has been read after all.
    let run = evaluator.files_run();
    passed_over.retain(|file| !run.contains(file) || matches!(influence.get(file), Some(Influence::Perhaps(_))));
    let mut collected = collect::definitions(&modules)?;
    collected.unread.extend(unread);
    collected.passed_over = passed_over;
    Ok(collected)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
