//! The names of a file or of a running function, and how much work may still be done.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ruff_text_size::TextRange;

use super::search::ModuleFile;
use super::value::Value;
use super::{DefinitionError, Evaluated, ReadColumns, TableColumn};

/// Steps that reading one repository may take. A definition file that needs more does not end, or is no definition file.
const MAX_WORK: u64 = 20_000_000;

/// What all files of one reading share.
pub(super) struct Reading {
    /// Steps that may still be taken.
    work: Cell<u64>,
    /// `os.environ`, which files read and change.
    environment: Value,
    /// Containers that objects of Feast keep, by address: a change of one would change the object.
    kept: RefCell<HashMap<usize, Value>>,
    /// Where Feast changes into before it imports definition files.
    repository: PathBuf,
    read_columns: ReadColumns,
}

impl Reading {
    pub(super) fn new(repository: &Path, read_columns: ReadColumns) -> Rc<Self> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((Value::text(name.to_str()?), Value::text(value.to_str()?))));
        Rc::new(Self {
            work: Cell::new(MAX_WORK),
            environment: Value::dict(variables.collect()),
            kept: RefCell::default(),
            repository: repository.to_path_buf(),
            read_columns,
        })
    }

    /// Sets the steps that may still be taken, and gives those that could be until now.
    pub(super) fn replace_work(&self, steps: u64) -> u64 {
        self.work.replace(steps)
    }
}

/// Where a container lies in memory; `None` for other values.
fn address(container: &Value) -> Option<usize> {
    match container {
        Value::List(items) | Value::Set(items) => Some(Rc::as_ptr(items).addr()),
        Value::Dict(members) => Some(Rc::as_ptr(members).addr()),
        _ => None,
    }
}

/// A Python file: where it lies and what it says.
pub(super) struct SourceFile {
    pub(super) module: ModuleFile,
    /// Its path, absolute: what `__file__` is.
    pub(super) absolute: PathBuf,
    pub(super) text: String,
    /// Where each line but the first begins. Every object remembers its line, so lines are not counted anew.
    line_starts: Vec<usize>,
}

impl SourceFile {
    pub(super) fn new(module: ModuleFile, absolute: PathBuf, text: String) -> Self {
        let line_starts = text.match_indices('\n').map(|(position, _)| position + 1).collect();
        Self {
            module,
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
    /// The names of a class body are not seen by the functions in it.
    is_class: bool,
    reading: Rc<Reading>,
}

impl Scope {
    /// A file before it has run.
    pub(super) fn of_file(file: SourceFile, reading: &Rc<Reading>) -> Self {
        Self {
            file: Rc::new(file),
            names: RefCell::default(),
            globals: RefCell::default(),
            nonlocals: RefCell::default(),
            outer: None,
            is_class: false,
            reading: Rc::clone(reading),
        }
    }

    /// A function or a comprehension inside of `outer`.
    pub(super) fn inside(outer: &Rc<Scope>) -> Self {
        Self {
            file: Rc::clone(&outer.file),
            names: RefCell::default(),
            globals: RefCell::default(),
            nonlocals: RefCell::default(),
            outer: Some(Rc::clone(outer)),
            is_class: false,
            reading: Rc::clone(&outer.reading),
        }
    }

    /// The body of a class inside of `outer`.
    pub(super) fn of_class(outer: &Rc<Scope>) -> Self {
        Self {
            is_class: true,
            ..Self::inside(outer)
        }
    }

    /// Where statements run of which it is not known whether they do: what they bind does not reach `outer`.
    pub(super) fn trial(outer: &Rc<Scope>) -> Self {
        Self {
            is_class: outer.is_class,
            ..Self::inside(outer)
        }
    }

    /// The names that a function defined here sees.
    pub(super) fn around_functions(self: &Rc<Self>) -> Rc<Self> {
        match &self.outer {
            Some(outer) if self.is_class => outer.around_functions(),
            _ => Rc::clone(self),
        }
    }

    /// `os.environ`.
    pub(super) fn environment(&self) -> Value {
        self.reading.environment.clone()
    }

    /// Remembers that an object of Feast keeps a container.
    pub(super) fn keep(&self, container: &Value) {
        if let Some(address) = address(container) {
            self.reading.kept.borrow_mut().insert(address, container.clone());
        }
    }

    /// Whether an object of Feast keeps the container.
    pub(super) fn is_kept(&self, container: &Value) -> bool {
        address(container).is_some_and(|address| self.reading.kept.borrow().contains_key(&address))
    }

    pub(super) fn is_module(&self) -> bool {
        self.outer.is_none()
    }

    /// The file, relative to the repository if it lies there.
    pub(super) fn path(&self) -> &Path {
        &self.file.module.path
    }

    pub(super) fn repository(&self) -> &Path {
        &self.reading.repository
    }

    /// The columns of a parquet file as pandas has them.
    pub(super) fn parquet_columns(&self, path: &Path) -> Result<Vec<TableColumn>, String> {
        (self.reading.read_columns)(path)
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

    /// The first line that begins with a name, counted from 1: where a name of the file is bound.
    pub(super) fn line_of_name(&self, name: &str) -> usize {
        let binds = |line: &str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
        };
        self.source().lines().position(binds).map_or(1, |index| index + 1)
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
        let left = self.reading.work.get().saturating_sub(steps);
        self.reading.work.set(left);
        if left > 0 {
            return Ok(());
        }
        Err(self.limit(
            range,
            "reading this takes too long: it does not end, or computes more than definitions need; a file that defines nothing \
             can be listed in .feastignore",
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
