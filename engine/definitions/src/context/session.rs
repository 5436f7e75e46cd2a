//! The state that all files of one reading share: what may still be done, the environment, and what Feast's objects hold.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::budget::Budget;
use crate::environment::{Environment, ReadColumns, TableColumn};
use crate::value::{Value, address};

/// One reading. Everything in it belongs to one thread.
pub(crate) struct Session {
    pub(crate) budget: Budget,
    /// Steps that may still be taken.
    fuel: Cell<u64>,
    /// How many conditions that are not known stand around what runs now.
    conditional_depth: Cell<usize>,
    /// `os.environ`, which files read and change.
    environment: Value,
    /// Containers that objects of Feast keep, by address: a change of one would change the object. They are held here, so that
    /// no other container gets their address.
    kept: RefCell<HashMap<usize, Value>>,
    /// The repository: where Feast changes into before it imports definition files.
    directory: PathBuf,
    read_columns: ReadColumns,
}

impl Session {
    pub(crate) fn new(budget: Budget, environment: &Environment, repository: &Path, read_columns: ReadColumns) -> Self {
        let variables = environment
            .variables
            .iter()
            .filter_map(|(name, value)| Some((Value::str(name.to_str()?), Value::str(value.to_str()?))));
        Self {
            fuel: Cell::new(budget.steps),
            budget,
            conditional_depth: Cell::new(0),
            environment: Value::dict(variables.collect()),
            kept: RefCell::default(),
            directory: repository.to_path_buf(),
            read_columns,
        }
    }

    /// Takes steps of work; false when none are left.
    pub(super) fn use_fuel(&self, steps: usize) -> bool {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let left = self.fuel.get().saturating_sub(steps);
        self.fuel.set(left);
        left > 0
    }

    /// The steps that may still be taken.
    pub(super) fn fuel(&self) -> u64 {
        self.fuel.get()
    }

    /// Sets the steps that may still be taken, and returns those that could be until now.
    pub(crate) fn replace_fuel(&self, steps: u64) -> u64 {
        self.fuel.replace(steps)
    }

    /// Whether it is not known if the running statement runs at all.
    pub(crate) fn is_conditional(&self) -> bool {
        self.conditional_depth.get() > 0
    }

    pub(crate) fn conditional_depth(&self) -> usize {
        self.conditional_depth.get()
    }

    /// Sets how many conditions that are not known stand around what runs now, and returns how many did.
    pub(crate) fn replace_conditional_depth(&self, depth: usize) -> usize {
        self.conditional_depth.replace(depth)
    }

    /// `os.environ`.
    pub(crate) fn environment(&self) -> &Value {
        &self.environment
    }

    /// Where relative paths of files are counted from.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Remembers that an object of Feast keeps a container.
    pub(crate) fn keep(&self, container: &Value) {
        if let Some(address) = address(container) {
            self.kept.borrow_mut().insert(address, container.clone());
        }
    }

    /// Whether an object of Feast keeps the container.
    pub(super) fn is_kept(&self, container: &Value) -> bool {
        address(container).is_some_and(|address| self.kept.borrow().contains_key(&address))
    }

    /// The columns of a parquet file as pandas has them; the error says what is wrong with the file.
    pub(crate) fn parquet_columns(&self, path: &Path) -> Result<Vec<TableColumn>, String> {
        (self.read_columns)(path)
    }
}
