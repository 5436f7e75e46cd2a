//! Reading a repository: discover, choose, run, collect.

use super::collect::{self, RepositoryDefinitions, UnreadName};
use super::discover;
use super::relevance::{self, Influence};
use crate::budget::Budget;
use crate::context::Session;
use crate::environment::{Environment, ReadColumns};
use crate::error::DefinitionError;
use crate::evaluate::Evaluator;
use crate::names::Names;
use crate::source::{ModuleFile, ModulePath, Search};

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
        let failed = |message: String| vec![DefinitionError::for_file(".", message)];
        let outcome = std::thread::scope(|scope| {
            let reader = std::thread::Builder::new()
                .name("definitions".to_owned())
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, || self.read_here());
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

    /// Reads all definition files below the repository on this thread.
    fn read_here(&self) -> Result<RepositoryDefinitions, Vec<DefinitionError>> {
        let repository = &self.modules.repository;
        let files = discover::definition_files(repository)?;
        let count = files.len();
        let search = Search::new(self.modules.clone());
        let budget = self.budget.clone();
        let session = Session::new(budget, &self.environment, repository, self.read_columns);
        let mut evaluator = Evaluator::new(&session, &search);
        let influence = relevance::influences(&files, &search, &session.budget);
        let mut errors = Vec::new();
        let mut modules = Vec::new();
        let mut passed_over = Vec::new();
        let mut unread = Vec::new();
        for path in files {
            let file = ModuleFile::in_repository(&path);
            let outcome = match influence.get(&path) {
                Some(Influence::Nothing) => {
                    passed_over.push(path);
                    continue;
                }
                Some(Influence::Perhaps(names)) => match evaluator.module_within(&file, session.budget.script_steps) {
                    Err(error) if !error.is_exception() => {
                        unread.extend(names.iter().map(|name| UnreadName::in_script(&path, name, &error)));
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
        let mut collected = collect::definitions(&modules, &Names::new(&evaluator))?;
        collected.unread.extend(unread);
        collected.passed_over = passed_over;
        collected.files = count;
        Ok(collected)
    }
}
