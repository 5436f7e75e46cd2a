//! Texts of functions as Feast keeps them, and results that are not what a schema says.

use feast_functions::Mode;
use feast_model::ValueType;
use feast_python_workers::{CallError, Pool, PoolFunction};

use crate::support::{call, call_typed, each, function, int64, pool, python, settings};

#[test]
fn texts_of_functions_are_those_of_feast() {
    let expected = |view: &str, text: &str| {
        (
            view.to_owned(),
            PoolFunction {
                names: "import math as m\nK = 4\ndef helper(x):\n    return x + K\n".to_owned(),
                ..function(view, Mode::Python, text)
            },
        )
    };
    let functions = [
        expected(
            "decorated",
            "@on_demand_feature_view(\n    sources=[unknown],  # it's \"here\n    mode='python',\n)\n@other\ndef f(i: Dict[str, Any]) -> Nothing:\n    y: Unknown = 1\n    return {'o': [x + 4 * y for x in i['x']]}\n",
        ),
        expected(
            "helper",
            "def f(i, k=K):\n    return {'o': [helper(x) for x in i['x']]}\n",
        ),
        expected(
            "module",
            "def f(i):\n    return {'o': [x + m.floor(4.5) for x in i['x']]}\n",
        ),
        expected("lambda", "lambda i: {'o': [helper(x) for x in i['x']]}"),
        expected("assigned", "f = lambda i: {'o': [helper(x) for x in i['x']]}\n"),
        expected("argument", "    udf=lambda i: {'o': [helper(x) for x in i['x']]},\n)\n"),
        expected(
            "indented",
            "    @view\n    def f(i):\n        return {'o': [x + 4 for x in i['x']]}\n",
        ),
        expected(
            "nested",
            "def f(i):\n    def g(x):\n        return x + 4\n    return {'o': list(map(g, i['x']))}\n",
        ),
        expected(
            "numpy",
            "def f(i):\n    return {'o': [int(np.add(x, 4)) for x in i['x']]}\n",
        ),
        expected(
            "neighbour",
            "def f(i):\n    from tests.it.neighbour import add\n    return {'o': [add(x, 4) for x in i['x']]}\n",
        ),
    ];
    let (views, functions): (Vec<_>, Vec<_>) = functions.into_iter().unzip();
    let Some(pool) = pool(functions) else {
        return;
    };
    for view in views {
        assert_eq!(call(&pool, &view, &[1, 2]), Ok(vec![5, 6]), "{view}");
    }
}

#[test]
fn lines_of_a_function_keep_their_numbers() {
    let text = "@view(\n    sources=[],\n)\ndef f(i):\n    import traceback\n    try:\n        raise ValueError\n    except ValueError as e:\n        return {'o': [e.__traceback__.tb_lineno] * len(i['x'])}\n";
    let Some(pool) = pool(vec![function("line", Mode::Python, text)]) else {
        return;
    };
    assert_eq!(call(&pool, "line", &[1]), Ok(vec![7]));
}

#[test]
fn python_mode_needs_no_libraries() {
    let Some(pool) = pool(vec![each(
        "loaded",
        "len({'numpy', 'pandas', 'pyarrow'} & set(sys.modules)) + x",
    )]) else {
        return;
    };
    assert_eq!(call(&pool, "loaded", &[0]), Ok(vec![0]));
}

#[test]
fn results_that_are_not_of_the_schema_are_told_with_their_column() {
    let python = |result: &str| function(result, Mode::Python, &format!("def f(i):\n    return {result}\n"));
    let pandas = |result: &str| function(result, Mode::Pandas, &format!("def f(df):\n    return {result}\n"));
    let texts = [
        "{}",
        "{'o': [1]}",
        "{'o': (1, 2)}",
        "{'o': 3}",
        "None",
        "[1]",
        "{'o': ['x', 1]}",
        "{'o': [1, 1 << 63]}",
        "{'o': [1.0, float('inf')]}",
    ];
    let frames = [
        "pd.DataFrame()",
        "df[df.x > 1][['x']].rename(columns={'x': 'o'})",
        "df['x']",
        "pd.DataFrame({'o': [1, 'x']})",
    ];
    let functions = texts
        .iter()
        .map(|text| python(text))
        .chain(frames.iter().map(|text| pandas(text)));
    let Some(pool) = pool(functions.collect()) else {
        return;
    };
    let missing = || CallError::WrongOutput("the function gives no column o".to_owned());
    let rows = |count: usize| CallError::WrongOutput(format!("the function gives {count} values of o for 2 rows"));
    let raised = |class: &str, text: &str| CallError::Raised {
        class: class.to_owned(),
        text: text.to_owned(),
    };
    let value = |class: &str, text: &str| CallError::Unconvertible {
        column: "o".to_owned(),
        class: class.to_owned(),
        text: text.to_owned(),
    };
    let no_list = |class: &str| {
        CallError::WrongOutput(format!(
            "o of the function's result is a {class}, not a list with a value for each row"
        ))
    };
    let expected = [
        ("{}", missing()),
        ("{'o': [1]}", rows(1)),
        ("{'o': (1, 2)}", no_list("tuple")),
        ("{'o': 3}", no_list("int")),
        ("None", raised("TypeError", "'NoneType' object is not a mapping")),
        ("[1]", raised("TypeError", "'list' object is not a mapping")),
        (
            "{'o': ['x', 1]}",
            value("ValueError", "invalid literal for int() with base 10: 'x'"),
        ),
        (
            "{'o': [1, 1 << 63]}",
            value("ValueError", "Value out of range: 9223372036854775808"),
        ),
        (
            "{'o': [1.0, float('inf')]}",
            value("OverflowError", "cannot convert float infinity to integer"),
        ),
        ("pd.DataFrame()", missing()),
        ("df[df.x > 1][['x']].rename(columns={'x': 'o'})", rows(1)),
        (
            "df['x']",
            raised("AttributeError", "'Series' object has no attribute 'columns'"),
        ),
    ];
    for (view, error) in expected {
        assert_eq!(call(&pool, view, &[1, 2]), Err(error), "{view}");
    }
    // Feast takes a single value for the only row.
    assert_eq!(call(&pool, "{'o': 3}", &[1]), Ok(vec![3]));
    match call(&pool, "pd.DataFrame({'o': [1, 'x']})", &[1, 2]) {
        Err(CallError::Unconvertible { column, class, .. }) => {
            assert_eq!((column.as_str(), class.as_str()), ("o", "ArrowInvalid"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_singleton_is_called_once_a_row() {
    let Some(pool) = pool(vec![function(
        "one",
        Mode::Singleton,
        "def f(i):\n    return {'o': i['x'] * 2}\n",
    )]) else {
        return;
    };
    assert_eq!(call(&pool, "one", &[1, 2, 3]), Ok(vec![2, 4, 6]));
    assert_eq!(call(&pool, "one", &[]), Ok(vec![]));
}

#[test]
fn types_that_functions_cannot_give_are_refused_when_they_are_loaded() {
    let set = ValueType::Set(Box::new(ValueType::Int64));
    let sets = PoolFunction {
        outputs: vec![("o".to_owned(), ValueType::Int64), ("s".to_owned(), set)],
        ..each("sets", "x")
    };
    let Some(pool) = pool(vec![sets, each("same", "x")]) else {
        return;
    };
    let reason = "output s: values of type INT64_SET are not known".to_owned();
    assert_eq!(call(&pool, "sets", &[1]), Err(CallError::NotLoaded(reason)));
    assert_eq!(call(&pool, "same", &[1]), Ok(vec![1]));
}

#[test]
fn too_large_requests_and_answers_are_told() {
    let Some(python) = python() else {
        return;
    };
    let settings = feast_python_workers::Settings {
        max_frame: 4096,
        ..settings(python)
    };
    let texts = function(
        "texts",
        Mode::Python,
        "def f(i):\n    return {'o': ['x' * 1000 for _ in i['x']]}\n",
    );
    let pool = Pool::start(settings, vec![each("same", "x"), texts]);
    let many = vec![1; 1000];
    assert!(
        matches!(call(&pool, "same", &many), Err(CallError::WrongInput(text)) if text.contains("4096 are the most"))
    );
    let given = call_typed(
        &pool,
        "texts",
        (&ValueType::Int64, int64(&[Some(1); 10])),
        &ValueType::String,
    );
    assert!(matches!(given, Err(CallError::WrongOutput(text)) if text.contains("4096 are the most")));
    assert_eq!(call(&pool, "same", &[1]), Ok(vec![1]));
}
