//! The names of a file or of a running function, and how much work may still be done.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ruff_text_size::TextRange;

use super::value::Value;
use super::{DefinitionError, Evaluated};

/// Steps that reading one repository may take. A definition file that needs more does not end, or is no definition file.
const MAX_WORK: u64 = 20_000_000;

/// Work left for reading a repository, shared by all its scopes.
pub(super) struct Work(Cell<u64>);

impl Work {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self(Cell::new(MAX_WORK)))
    }
}

/// A Python file: where it lies and what it says.
pub(super) struct SourceFile {
    /// Relative to the repository.
    pub(super) path: PathBuf,
    /// The same, absolute: what `__file__` is.
    pub(super) absolute: PathBuf,
    pub(super) text: String,
    /// Where each line but the first begins. Every object remembers its line, so lines are not counted anew.
    line_starts: Vec<usize>,
}

impl SourceFile {
    pub(super) fn new(path: PathBuf, absolute: PathBuf, text: String) -> Self {
        let line_starts = text.match_indices('\n').map(|(position, _)| position + 1).collect();
        Self {
            path,
            absolute,
            text,
            line_starts,
        }
    }
}

/// The names of a file, or of a running function with those of its file behind them.
pub(super) struct Scope {
    file: Rc<SourceFile>,
    names: RefCell<BTreeMap<String, Value>>,
    /// Names that `global` has made those of the file.
    globals: RefCell<BTreeSet<String>>,
    /// Names that `nonlocal` has made those of the function around.
    nonlocals: RefCell<BTreeSet<String>>,
    outer: Option<Rc<Scope>>,
    work: Rc<Work>,
}

impl Scope {
    /// A file before it has run.
    pub(super) fn of_file(file: SourceFile, work: &Rc<Work>) -> Self {
        Self {
            file: Rc::new(file),
            names: RefCell::default(),
            globals: RefCell::default(),
            nonlocals: RefCell::default(),
            outer: None,
            work: Rc::clone(work),
        }
    }

    /// A function, a class body or a comprehension inside of `outer`.
    pub(super) fn inside(outer: &Rc<Scope>) -> Self {
        Self {
            file: Rc::clone(&outer.file),
            names: RefCell::default(),
            globals: RefCell::default(),
            nonlocals: RefCell::default(),
            outer: Some(Rc::clone(outer)),
            work: Rc::clone(&outer.work),
        }
    }

    /// The file, relative to the repository.
    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }

    pub(super) fn file(&self) -> &Rc<SourceFile> {
        &self.file
    }

    pub(super) fn source(&self) -> &str {
        &self.file.text
    }

    pub(super) fn bind(&self, name: &str, value: Value) {
        let of_function = self.nonlocals.borrow().contains(name);
        match &self.outer {
            _ if self.globals.borrow().contains(name) => self.of_module().insert(name, value),
            Some(outer) if of_function => outer.bind_where_bound(name, value),
            _ => self.insert(name, value),
        }
    }

    fn insert(&self, name: &str, value: Value) {
        self.names.borrow_mut().insert(name.to_owned(), value);
    }

    /// Binds a name in the nearest scope that has it.
    fn bind_where_bound(&self, name: &str, value: Value) {
        match &self.outer {
            Some(outer) if self.own(name).is_none() => outer.bind_where_bound(name, value),
            _ => self.insert(name, value),
        }
    }

    /// From now on the name means that of the function around.
    pub(super) fn declare_nonlocal(&self, name: &str) {
        self.nonlocals.borrow_mut().insert(name.to_owned());
    }

    pub(super) fn of_module(&self) -> &Self {
        self.outer.as_ref().map_or(self, |outer| outer.of_module())
    }

    /// From now on the name means that of the file.
    pub(super) fn declare_global(&self, name: &str) {
        self.globals.borrow_mut().insert(name.to_owned());
    }

    pub(super) fn unbind(&self, name: &str) {
        self.names.borrow_mut().remove(name);
    }

    pub(super) fn lookup(&self, name: &str) -> Option<Value> {
        let own = self.names.borrow().get(name).cloned();
        own.or_else(|| self.outer.as_ref()?.lookup(name))
    }

    /// As [`Scope::lookup`], without the names of what is around it.
    pub(super) fn own(&self, name: &str) -> Option<Value> {
        self.names.borrow().get(name).cloned()
    }

    /// Own names in alphabetical order, as Feast looks through them.
    pub(super) fn bindings(&self) -> Vec<(String, Value)> {
        self.names
            .borrow()
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Line of a place, counted from 1.
    pub(super) fn line(&self, range: TextRange) -> usize {
        let position = usize::from(range.start());
        self.file.line_starts.partition_point(|start| *start <= position) + 1
    }

    /// What cannot be read without Python, at a place of this file.
    pub(super) fn limit(&self, range: TextRange, message: impl Into<String>) -> DefinitionError {
        DefinitionError {
            file: self.path().to_path_buf(),
            line: self.line(range),
            message: message.into(),
            exception: None,
        }
    }

    /// What Python would raise at a place of this file.
    pub(super) fn raise(&self, range: TextRange, exception: &str, message: impl AsRef<str>) -> DefinitionError {
        DefinitionError {
            message: format!("{exception}: {}", message.as_ref()),
            exception: Some(exception.to_owned()),
            ..self.limit(range, "")
        }
    }

    /// Pays for work.
    ///
    /// # Errors
    /// When none is left.
    pub(super) fn spend(&self, range: TextRange, steps: usize) -> Evaluated<()> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let left = self.work.0.get().saturating_sub(steps);
        self.work.0.set(left);
        if left > 0 {
            return Ok(());
        }
        Err(self.limit(
            range,
            "reading this takes too long: it does not end, or computes more than definitions need",
        ))
    }

    /// The source text of a place.
    pub(super) fn source_of(&self, range: TextRange) -> &str {
        let place = usize::from(range.start())..usize::from(range.end());
        self.source().get(place).unwrap_or_default()
    }

    /// The source text of a place, shortened for messages.
    pub(super) fn text(&self, range: TextRange) -> String {
        const LONGEST: usize = 60;
        let text = self.source_of(range);
        let first_line = text.lines().next().unwrap_or_default();
        let shortened: String = first_line.chars().take(LONGEST).collect();
        if shortened.len() == text.len() {
            shortened
        } else {
            format!("{shortened}...")
        }
    }
}
