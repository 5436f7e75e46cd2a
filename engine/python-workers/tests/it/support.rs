//! Pools, calls and looks at processes, as the tests need them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, Int64Array};
use feast_functions::{Input, Mode, Output};
use feast_model::ValueType;
use feast_python_workers::{CallError, Pool, PoolFunction, Settings};

/// The Python of the tests; without it they say that they are skipped.
pub(crate) fn python() -> Option<PathBuf> {
    let python = std::env::var_os("FEAST_PYTHON");
    if python.is_none() {
        assert!(
            std::env::var_os("FEAST_REQUIRE_PYTHON").is_none(),
            "FEAST_REQUIRE_PYTHON is set, but FEAST_PYTHON is not: run ./run test"
        );
        eprintln!("skipped: FEAST_PYTHON is not set (./run test makes the environment and sets it)");
    }
    python.map(PathBuf::from)
}

/// One worker, as whoever runs the tests: the environment may lie where nobody else can read. Times are long, machines are slow.
pub(crate) fn settings(python: PathBuf) -> Settings {
    Settings {
        workers: 1,
        timeout: Duration::from_secs(60),
        max_wait: Duration::from_secs(120),
        start_timeout: Duration::from_secs(120),
        user: "root".to_owned(),
        ..Settings::new(python, env!("CARGO_MANIFEST_DIR"))
    }
}

pub(crate) fn function(view: &str, mode: Mode, text: &str) -> PoolFunction {
    PoolFunction {
        view: view.to_owned(),
        mode,
        text: text.to_owned(),
        names: String::new(),
        outputs: vec![("o".to_owned(), ValueType::Int64)],
    }
}

/// A function of python mode that gives `o` for each row of `x`: an expression over `x`, `i` and the list `xs`.
pub(crate) fn each(view: &str, expression: &str) -> PoolFunction {
    function(
        view,
        Mode::Python,
        &format!("def f(i):\n    import os, sys, time\n    return {{'o': [{expression} for x in i['x']]}}\n"),
    )
}

pub(crate) fn pool(functions: Vec<PoolFunction>) -> Option<Pool> {
    Some(Pool::start(settings(python()?), functions))
}

pub(crate) fn int64(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub(crate) fn input<'a>(name: &'a str, value_type: &'a ValueType, values: ArrayRef) -> Input<'a> {
    Input {
        name,
        twin: None,
        value_type,
        values,
    }
}

/// Calls with one column `x` for the output `o` of a type.
pub(crate) fn call_typed(
    pool: &Pool,
    view: &str,
    given: (&ValueType, ArrayRef),
    wanted: &ValueType,
) -> Result<ArrayRef, CallError> {
    let rows = given.1.len();
    let outputs = [Output {
        name: "o",
        value_type: wanted,
    }];
    let mut columns = pool.call_blocking(view, &[input("x", given.0, given.1)], &outputs, rows)?;
    assert_eq!(columns.len(), 1);
    assert_eq!(columns[0].1.data_type(), &wanted.arrow_type());
    Ok(columns.remove(0).1)
}

/// Integers in, integers out.
pub(crate) fn call(pool: &Pool, view: &str, values: &[i64]) -> Result<Vec<i64>, CallError> {
    let given = Arc::new(Int64Array::from(values.to_vec()));
    let array = call_typed(pool, view, (&ValueType::Int64, given), &ValueType::Int64)?;
    let array: &Int64Array = array.as_any().downcast_ref().unwrap();
    Ok(array.values().to_vec())
}

/// Whether a process is there, and is no zombie.
pub(crate) fn runs(process: i64) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
        return false;
    };
    let state = status.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, Some('Z' | 'X'))
}

/// Whether anything of a process is there, also a zombie.
pub(crate) fn is_there(process: i64) -> bool {
    std::path::Path::new(&format!("/proc/{process}")).exists()
}

/// Waits for what must come.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} has not come in a minute");
}
