//! The workers and the native evaluator agree about what becomes of a result: of the same function both make the same columns or raise
//! the same, or the native evaluator refuses.

use arrow::array::ArrayRef;
use feast_functions::{Budget, Failure, Function, Mode, Output};
use feast_model::ValueType;
use feast_python_workers::{CallError, Pool};

use crate::support::{function, input, int64, python, settings};

/// Results for two rows.
const RESULTS: &[&str] = &[
    "i['x']",
    "[1.9, -1.9]",
    "[True, False]",
    "[None, 2]",
    "[2, None]",
    "[float('nan'), 1.0]",
    "[None, None]",
    "['7', ' 8 ']",
    "['x', None]",
    "['', 'ž']",
    "[[1], [2]]",
    "[[1, 2], None]",
    "[[], []]",
    "[[], [1.5]]",
    "[['a'], []]",
    "[(1, 2), (3,)]",
    "[1, [2]]",
    "[[1.0], [2]]",
    "[float('inf'), 1]",
    "[-float('inf'), None]",
    "[1e300, 1]",
    "[0.1, 2 ** 53 + 1]",
    "[2 ** 63 - 1, -2 ** 63]",
    "[2 ** 63, 1]",
    "[2 ** 31, 0]",
    "[-0.5, 0.5]",
    "[b'a', b'']",
    "[{'a': 1}, None]",
    "[0, 0.0]",
    "[False, 0]",
    "[1, True]",
    "['1.5', 2]",
    "[1, 'x']",
    "[1.0, 'x']",
    "[datetime.datetime(2026, 1, 2, 3, 4, 5), None]",
    "[datetime.datetime(1969, 12, 31, 23, 59, 59, 500000), None]",
    "[datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), 5]",
    "[[True], [False]]",
    "[[None], [1]]",
    "['a', 1]",
    "[[['a']], None]",
    "3",
    "None",
    "(1, 2)",
    "'ab'",
    "[1]",
    "[1, 2, 3]",
    "{1: 2}",
];

/// Where the native evaluator gives another answer than Python does: Arrow refuses columns of mixed classes, which it takes; a tuple is
/// no text; frames of tuples and dicts. A line is taken out when that is corrected.
const NATIVELY_WRONG: &[&str] = &[
    "Pandas ['1.5', 2]",
    "Pandas ['a', 1]",
    "Pandas [(1, 2), (3,)]",
    "Pandas [1, 'x']",
    "Pandas [1.0, 'x']",
    "Pandas [1, True]",
    "Pandas [False, 0]",
    "Pandas [1, [2]]",
    "Pandas (1, 2)",
    "Pandas {1: 2}",
    "Python [(1, 2), (3,)]",
    "Singleton [(1, 2), (3,)]",
    "Singleton [float('nan'), 1.0]",
];

fn types() -> Vec<ValueType> {
    let scalars = [
        ValueType::Int64,
        ValueType::Int32,
        ValueType::Float64,
        ValueType::Float32,
        ValueType::Bool,
        ValueType::String,
        ValueType::UnixTimestamp,
        ValueType::Bytes,
    ];
    let lists =
        [ValueType::Int64, ValueType::Float64, ValueType::String].map(|element| ValueType::Array(Box::new(element)));
    scalars.into_iter().chain(lists).collect()
}

fn text(mode: Mode, result: &str) -> String {
    match mode {
        Mode::Python => format!("def f(i):\n    import datetime\n    return {{'o': {result}}}\n"),
        Mode::Singleton => format!("def f(i):\n    import datetime\n    return {{'o': ({result})[0]}}\n"),
        Mode::Pandas => format!("def f(i):\n    import datetime\n    return pd.DataFrame({{'o': {result}}})\n"),
    }
}

#[test]
fn results_become_what_they_become_natively() {
    let Some(python) = python() else {
        return;
    };
    let (mut compared, mut wrong) = (0, Vec::new());
    for mode in [Mode::Python, Mode::Singleton, Mode::Pandas] {
        let functions = RESULTS.iter().map(|result| function(result, mode, &text(mode, result)));
        let pool = Pool::start(settings(python.clone()), functions.collect());
        for result in RESULTS {
            if NATIVELY_WRONG.contains(&format!("{mode:?} {result}").as_str()) {
                continue;
            }
            let Ok(native) = Function::compile("", &text(mode, result), mode) else {
                continue;
            };
            for value_type in types() {
                let outputs = [Output {
                    name: "o",
                    value_type: &value_type,
                }];
                for values in [int64(&[Some(1), Some(2)]), int64(&[Some(1), None])] {
                    let inputs = [input("x", &ValueType::Int64, values)];
                    let Some(expected) = of_native(native.call(&inputs, &outputs, 2, Budget::Full)) else {
                        continue;
                    };
                    compared += 1;
                    let given = of_pool(pool.call_blocking(result, &inputs, &outputs, 2));
                    if given != expected {
                        wrong.push(format!(
                            "{mode:?} {result} as {value_type:?}: {}, and natively {}",
                            shown(&given),
                            shown(&expected)
                        ));
                    }
                }
            }
        }
    }
    assert!(compared > 300, "{compared} are compared");
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

type Outcome = Result<Vec<(usize, ArrayRef)>, (String, String)>;

fn of_native(given: Result<Vec<(usize, ArrayRef)>, Failure>) -> Option<Outcome> {
    Some(match given {
        Ok(columns) => Ok(columns),
        Err(Failure::Raised { class, text }) => Err((class.to_owned(), text)),
        Err(Failure::WrongOutput(problem)) => Err(("".to_owned(), problem)),
        Err(Failure::NotKnown(_) | Failure::Exhausted(_)) => return None,
    })
}

fn of_pool(given: Result<Vec<(usize, ArrayRef)>, CallError>) -> Outcome {
    given.map_err(|error| match error {
        CallError::Raised { class, text } | CallError::Unconvertible { class, text, .. } => (class, text),
        CallError::WrongOutput(problem) => (String::new(), problem),
        other => panic!("{other:?}"),
    })
}

fn shown(outcome: &Outcome) -> String {
    format!("{outcome:?}").split_whitespace().collect::<Vec<_>>().join(" ")
}
