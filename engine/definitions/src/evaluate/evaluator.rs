//! The state of one evaluation: how deep it is, which files have run, what running generators have given.

use std::rc::Rc;

use ruff_text_size::Ranged;

use super::generator::GeneratorFrame;
use super::module::Modules;
use crate::budget::Budget;
use crate::context::{Session, Site};
use crate::error::{DefinitionError, Evaluated};
use crate::source::Search;
use crate::value::Scope;

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
