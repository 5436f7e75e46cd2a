//! Files that are run: each once, whichever file imports it first.

use std::collections::HashSet;
use std::path::PathBuf;
use std::rc::Rc;

use super::evaluator::Evaluator;
use crate::error::{DefinitionError, Evaluated};
use crate::source::{ModuleFile, SourceFile, check_nesting, read_source};
use crate::value::Scope;

impl Evaluator<'_> {
    /// Runs a file, or returns what its first run returned.
    pub(crate) fn module(&mut self, file: &ModuleFile) -> Evaluated<Rc<Scope>> {
        if let Some(known) = self.modules.outcomes.get(&file.path) {
            return known.clone();
        }
        // Files that import each other see what is bound so far, as in Python.
        if let Some((_, scope)) = self.modules.running.iter().find(|(running, _)| *running == file.path) {
            return Ok(Rc::clone(scope));
        }
        // A file runs for sure, wherever it is imported.
        let conditional_depth = self.session.replace_conditional_depth(0);
        let generators = std::mem::take(&mut self.generators);
        let outcome = if file.is_outside() {
            self.run_outside(file)
        } else {
            self.run_file(file)
        };
        self.session.replace_conditional_depth(conditional_depth);
        self.generators = generators;
        self.modules.outcomes.insert(file.path.clone(), outcome.clone());
        outcome
    }

    /// Runs a file with steps of its own instead of those that are left.
    pub(crate) fn module_within(&mut self, file: &ModuleFile, steps: u64) -> Evaluated<Rc<Scope>> {
        let left = self.session.replace_fuel(steps);
        let outcome = self.module(file);
        self.session.replace_fuel(left);
        outcome
    }

    /// The files that have been run.
    pub(crate) fn files_run(&self) -> HashSet<PathBuf> {
        self.modules.outcomes.keys().cloned().collect()
    }

    fn run_outside(&mut self, file: &ModuleFile) -> Evaluated<Rc<Scope>> {
        self.modules.outside_files += 1;
        if self.modules.outside_files > self.session.budget.outside_files {
            let message = "too many files outside of the repository are imported";
            return Err(DefinitionError::for_file(&file.path, message));
        }
        if self.modules.is_outside_running {
            return self.run_file(file);
        }
        self.modules.is_outside_running = true;
        let left = self.session.replace_fuel(self.modules.outside_steps);
        let outcome = self.run_file(file);
        self.modules.outside_steps = self.session.replace_fuel(left);
        self.modules.is_outside_running = false;
        outcome
    }

    fn run_file(&mut self, file: &ModuleFile) -> Evaluated<Rc<Scope>> {
        let refused = |message: String| DefinitionError::for_file(&file.path, message);
        let absolute = self.search.absolute(file);
        let text = read_source(&absolute, self.session.budget.file_bytes).map_err(refused)?;
        let scope = Rc::new(Scope::for_file(SourceFile::new(file.clone(), absolute, text)));
        let source = scope.file().text.as_str();
        check_nesting(source).map_err(|message| refused(message.to_owned()))?;
        let parsed = ruff_python_parser::parse_module(source).map_err(|problem| {
            self.at(problem.location, &scope)
                .raise("SyntaxError", problem.error.to_string())
        })?;
        self.modules.running.push((file.path.clone(), Rc::clone(&scope)));
        let outcome = self.run(&parsed.syntax().body, &scope);
        self.modules.running.pop();
        outcome.map(|_| scope)
    }
}
