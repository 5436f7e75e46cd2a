//! A repository as a whole: which files it has (`discover`), which of them can matter (`relevance`), and what the names of those
//! that were run register (`collect`).

mod collect;
mod discover;
mod relevance;

use std::collections::HashMap;
use std::path::PathBuf;

use feast_model::{Definitions, ObjectKind};

use crate::DefinitionReader;
use crate::context::Session;
use crate::error::DefinitionError;
use crate::evaluate::Evaluator;
use crate::source::{ModuleFile, Search};
use relevance::Influence;

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

/// Reads all definition files below the repository on this thread.
pub(crate) fn read(reader: &DefinitionReader) -> Result<RepositoryDefinitions, Vec<DefinitionError>> {
    let repository = &reader.modules.repository;
    let files = discover::definition_files(repository)?;
    let search = Search::new(reader.modules.clone());
    let budget = reader.budget.clone();
    let session = Session::new(budget, &reader.environment, repository, reader.read_columns);
    let mut evaluator = Evaluator::new(&session, &search);
    let influence = relevance::of_files(&files, &search, &session.budget);
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
            Some(Influence::Perhaps(names)) => match evaluator.module_within(&file, session.budget.script_steps) {
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
