//! Functions in the Python of `serving.python`: those that are not known in this process, and some that are, to compare both.
//!
//! The processes start when they are first needed, or when a server starts. They have the functions of the state of the registry that is
//! in use; a function that has changed since a request was planned is not run for it.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type};
use feast_config::PythonConfig;
use feast_functions::{Input, Output};
use feast_model::error::{Error, ErrorKind, Result};
use feast_python_workers::{CallError, Pool, PoolFunction, Settings, Snapshot};
use parking_lot::{Mutex, RwLock};

use super::view_functions::ComputedColumns;

/// Remarks that nobody takes are forgotten from here on.
const MAX_REMARKS: usize = 1000;

/// The processes, and what they run.
#[derive(Debug)]
pub(crate) struct PythonTier {
    settings: Settings,
    pool: OnceLock<Pool>,
    functions: Mutex<Vec<PoolFunction>>,
    shadow: Option<Shadow>,
    remarks: Mutex<Vec<String>>,
}

/// Answers that are computed on both sides.
#[derive(Debug)]
struct Shadow {
    every: u64,
    native_answers: AtomicU64,
    /// Comparisons that are due, and had to be left to a thread that may wait.
    owed: AtomicU64,
    /// The functions whose answers differed. They are run in Python from then on.
    different: RwLock<HashSet<String>>,
}

impl PythonTier {
    /// `repository` is where functions import their neighbours from.
    pub(crate) fn new(config: &PythonConfig, repository: &Path) -> Self {
        let settings = Settings {
            workers: config.workers,
            timeout: config.timeout,
            queue: config.queue,
            user: config.user.clone(),
            env: config.variables.clone(),
            memory_bytes: config.memory as u64,
            ..Settings::new(&config.command, repository)
        };
        Self {
            settings,
            pool: OnceLock::new(),
            functions: Mutex::default(),
            shadow: config.shadow.map(|every| Shadow {
                every,
                native_answers: AtomicU64::new(0),
                owed: AtomicU64::new(0),
                different: RwLock::default(),
            }),
            remarks: Mutex::default(),
        }
    }

    /// Replaces the functions.
    pub(crate) fn use_functions(&self, functions: Vec<PoolFunction>) {
        let mut known = self.functions.lock();
        known.clone_from(&functions);
        if let Some(pool) = self.pool.get() {
            pool.replace(functions);
        }
    }

    /// Starts the processes, if they are not started.
    pub(crate) fn pool(&self) -> &Pool {
        // Held, so that functions which change meanwhile are not missed.
        let functions = self.functions.lock();
        self.pool
            .get_or_init(|| Pool::start(self.settings.clone(), functions.clone()))
    }

    /// Starts the processes, and waits until they are there. Gives the views whose functions cannot be loaded, and why.
    ///
    /// # Errors
    /// `Unavailable` when none starts.
    pub(crate) async fn start(&self) -> Result<Vec<(String, String)>> {
        let pool = self.pool();
        let started = pool.started().await;
        started.map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))?;
        let refused = pool.refusals().into_iter();
        let view_of = |key: &str| key.rsplit_once('#').map_or(key, |(view, _)| view).to_owned();
        Ok(refused.map(|(key, reason)| (view_of(&key), reason)).collect())
    }

    /// What the processes have done, if they are started.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        self.pool.get().map(Pool::counters)
    }

    /// What there is to say of the processes and of answers that differ, since the last call.
    pub(crate) fn take_remarks(&self) -> Vec<String> {
        std::mem::take(&mut *self.remarks.lock())
    }

    /// Runs the function that has this key, waiting for it.
    ///
    /// # Errors
    /// `Function` for what it raises and for its end, `Unavailable` when all processes are busy or none runs, `Unsupported` when it
    /// cannot be loaded.
    pub(super) fn call(
        &self,
        key: &str,
        view: &str,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
    ) -> Result<ComputedColumns> {
        let columns = self.pool().call_blocking(key, inputs, outputs, rows);
        columns.map_err(|error| failed(view, error))
    }

    /// Whether a function that this process knows is run in Python all the same, because their answers differed.
    pub(super) fn replaces(&self, key: &str) -> bool {
        let different = self.shadow.as_ref().map(|shadow| shadow.different.read());
        different.is_some_and(|different| different.contains(key))
    }

    /// Counts a native answer. Says whether it is to be compared. A thread that must not wait leaves that to the next one that may.
    pub(super) fn is_compared(&self, may_wait: bool) -> bool {
        let Some(shadow) = &self.shadow else {
            return false;
        };
        let take_owed = |owed: u64| owed.checked_sub(1);
        if may_wait
            && shadow
                .owed
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_owed)
                .is_ok()
        {
            return true;
        }
        let is_due = (shadow.native_answers.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(shadow.every);
        if is_due && !may_wait {
            shadow.owed.fetch_add(1, Ordering::Relaxed);
        }
        is_due
    }

    /// Computes in Python what was computed here. A difference moves the function to Python.
    pub(super) fn compare(
        &self,
        (key, view): (&str, &str),
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
        native: &ComputedColumns,
    ) {
        let difference = match self.pool().call_blocking(key, inputs, outputs, rows) {
            Ok(columns) => difference(outputs, native, &columns),
            Err(CallError::Raised { class, text }) => Some(format!("Python raises {class}: {text}")),
            Err(CallError::WrongOutput(problem)) => Some(format!("Python says: {problem}")),
            Err(CallError::Unconvertible { column, text, .. }) => Some(format!("column {column} in Python: {text}")),
            // Says nothing of the answer.
            Err(_) => None,
        };
        if let (Some(difference), Some(shadow)) = (difference, &self.shadow)
            && shadow.different.write().insert(key.to_owned())
        {
            self.remark(format!(
                "on-demand feature view {view} is computed in Python from now on, because the answers differ: {difference}"
            ));
        }
    }

    fn remark(&self, text: String) {
        let mut remarks = self.remarks.lock();
        if remarks.len() < MAX_REMARKS {
            remarks.push(text);
        }
    }
}

/// The name of a function among those of the processes. Another function of the same view has another one.
pub(super) fn key(view: &str, text: &str, names: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (text, names).hash(&mut hasher);
    format!("{view}#{:016x}", hasher.finish())
}

fn failed(view: &str, error: CallError) -> Error {
    match error {
        CallError::Raised { text, .. } | CallError::Unconvertible { text, .. } => Error::of_function(view, text),
        CallError::Busy(_) | CallError::NotStarted(_) => Error::new(
            ErrorKind::Unavailable,
            format!("On demand feature view '{view}': {error}"),
        ),
        CallError::NotLoaded(_) => Error::new(
            ErrorKind::Unsupported,
            format!("On demand feature view '{view}' is not computed by this server: {error}"),
        ),
        CallError::WrongOutput(_) | CallError::TimedOut { .. } | CallError::Died { .. } | CallError::WrongInput(_) => {
            Error::of_function(view, format!("On demand feature view '{view}': {error}"))
        }
    }
}

/// The first value that is not the same on both sides.
fn difference(outputs: &[Output<'_>], native: &ComputedColumns, python: &ComputedColumns) -> Option<String> {
    let name = |number: usize| outputs.get(number).map_or("", |output| output.name);
    let order = |columns: &ComputedColumns| columns.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    if order(native) != order(python) {
        return Some("the outputs come in another order".to_owned());
    }
    native.iter().zip(python).find_map(|((number, native), (_, python))| {
        let row = (0..native.len().min(python.len())).find(|row| !is_same(native, python, *row))?;
        Some(format!("column {}, row {row}", name(*number)))
    })
}

/// Functions such as `exp` may differ in the last digit.
fn is_same(native: &ArrayRef, python: &ArrayRef, row: usize) -> bool {
    if native.slice(row, 1).to_data() == python.slice(row, 1).to_data() {
        return true;
    }
    if native.is_null(row) || python.is_null(row) || native.data_type() != python.data_type() {
        return false;
    }
    let floats = |array: &ArrayRef| match (
        array.as_primitive_opt::<Float64Type>(),
        array.as_primitive_opt::<Float32Type>(),
    ) {
        (Some(floats), _) => Some((floats.value(row), f64::EPSILON)),
        (_, Some(floats)) => Some((f64::from(floats.value(row)), f64::from(f32::EPSILON))),
        _ => None,
    };
    let (Some((left, step)), Some((right, _))) = (floats(native), floats(python)) else {
        return false;
    };
    (left.is_nan() && right.is_nan()) || (left - right).abs() <= step * left.abs()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};
    use feast_model::ValueType;

    use super::*;

    fn check(native: ArrayRef, python: ArrayRef, expected: Option<&str>) {
        let outputs = [Output {
            name: "o",
            value_type: &ValueType::Float64,
        }];
        let found = difference(&outputs, &vec![(0, native)], &vec![(0, python)]);
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn answers_differ_by_more_than_the_last_digit_of_a_float() {
        let floats = |values: &[Option<f64>]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
        let ints = |values: &[i64]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
        let texts = |values: &[&str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let next = f64::from_bits(1.5_f64.to_bits() + 1);
        check(floats(&[Some(1.5), None]), floats(&[Some(next), None]), None);
        check(floats(&[Some(f64::NAN)]), floats(&[Some(f64::NAN)]), None);
        check(floats(&[Some(f64::INFINITY)]), floats(&[Some(f64::INFINITY)]), None);
        check(
            floats(&[Some(1.5), Some(1.5)]),
            floats(&[Some(1.5), Some(1.51)]),
            Some("column o, row 1"),
        );
        check(floats(&[Some(1.5)]), floats(&[None]), Some("column o, row 0"));
        check(ints(&[1, 2]), ints(&[1, 3]), Some("column o, row 1"));
        check(texts(&["a"]), texts(&["a"]), None);
        check(texts(&["a"]), texts(&["b"]), Some("column o, row 0"));
    }

    #[test]
    fn what_a_thread_cannot_compare_the_next_one_does() {
        let config = PythonConfig {
            command: "python3".into(),
            workers: 1,
            timeout: std::time::Duration::from_secs(1),
            queue: 1,
            memory: 1 << 30,
            user: "nobody".to_owned(),
            variables: Vec::new(),
            shadow: Some(3),
        };
        let tier = PythonTier::new(&config, Path::new("."));
        let compared = |may_wait: bool| tier.is_compared(may_wait);
        assert_eq!([false, false, false].map(compared), [false, false, true]);
        // Owed by the last one.
        assert_eq!([true, true, true, true].map(compared), [true, false, false, true]);
    }
}
