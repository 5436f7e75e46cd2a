//! The state of one evaluation: how deep it is, which files have run, what running generators have given.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use ruff_text_size::Ranged;

use crate::budget::Budget;
use crate::context::{Session, Site};
use crate::error::{DefinitionError, Evaluated};
use crate::source::Search;
use crate::value::{Scope, Taint, Value};

/// Runs files of Python. It belongs to one thread, and everything it knows is given to it.
pub(crate) struct Evaluator<'s> {
    pub(super) session: &'s Session,
    pub(super) search: &'s Search,
    pub(super) modules: Modules,
    depth: usize,
    /// How many `try` statements around this one expect imports to fail.
    pub(super) expecting_import_errors: usize,
    /// What the running functions with `yield` have given, the innermost last.
    pub(super) generators: Vec<GeneratorFrame>,
}

/// The files that have run, and those that are running.
pub(super) struct Modules {
    pub(super) outcomes: HashMap<PathBuf, Evaluated<Rc<Scope>>>,
    pub(super) running: Vec<(PathBuf, Rc<Scope>)>,
    /// Files outside of the repository that have been run.
    pub(super) outside_files: usize,
    /// Steps that files outside of the repository may still take: they have a share of their own.
    pub(super) outside_steps: u64,
    pub(super) is_outside_running: bool,
}

impl Modules {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            outcomes: HashMap::new(),
            running: Vec::new(),
            outside_files: 0,
            outside_steps: budget.outside_steps,
            is_outside_running: false,
        }
    }
}

/// What a running generator has given so far.
pub(super) struct GeneratorFrame {
    pub(super) items: Vec<Value>,
    /// How many conditions that are not known stand around its call.
    pub(super) conditional_depth: usize,
    /// The taint of items of which it is not known whether they are given.
    pub(super) conditional: Option<Taint>,
}

impl<'s> Evaluator<'s> {
    pub(crate) fn new(session: &'s Session, search: &'s Search) -> Self {
        Self {
            session,
            search,
            modules: Modules::new(&session.budget),
            depth: 0,
            expecting_import_errors: 0,
            generators: Vec::new(),
        }
    }

    /// A place of the file that a scope belongs to.
    pub(super) fn at<'a>(&self, place: impl Ranged, scope: &'a Rc<Scope>) -> Site<'a>
    where
        's: 'a,
    {
        Site::new(self.session, scope, place)
    }

    /// Runs `call` one level deeper.
    ///
    /// # Errors
    /// `too_deep` where the budget allows no more levels.
    pub(super) fn with_depth<T>(
        &mut self,
        too_deep: impl FnOnce() -> DefinitionError,
        call: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        if self.depth >= self.session.budget.depth.min(Budget::MAX_DEPTH) {
            return Err(too_deep());
        }
        self.depth += 1;
        let outcome = call(self);
        self.depth -= 1;
        outcome
    }

    /// Runs `call` under a condition that is not known.
    pub(super) fn conditionally<T>(&mut self, call: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.session.conditional_depth();
        self.session.replace_conditional_depth(depth + 1);
        let outcome = call(self);
        self.session.replace_conditional_depth(depth);
        outcome
    }
}
