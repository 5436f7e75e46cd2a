//! Functions that take too much, go too deep or hold themselves: each ends with an error, and the process goes on.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use feast_functions::{Budget, Failure, Function, Input, Mode, Output};
use feast_model::ValueType;

/// Runs the statements of a function in python mode over three integers `x`, with `o` as output.
fn run(statements: &str) -> Result<Vec<(usize, ArrayRef)>, Failure> {
    let body: String = statements.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!("def f(i):\n{body}    return {{'o': i['x']}}\n");
    let function = Function::compile("", &text, Mode::Python).unwrap_or_else(|refusal| panic!("{refusal}"));
    let inputs = [Input {
        name: "x",
        twin: None,
        value_type: &ValueType::Int64,
        values: Arc::new(Int64Array::from(vec![1, 2, 3])),
    }];
    let outputs = [Output {
        name: "o",
        value_type: &ValueType::Int64,
    }];
    function.call(&inputs, &outputs, 3, Budget::Full)
}

#[test]
fn work_and_memory_are_bounded() {
    for statements in [
        "while True:\n    pass",
        "x = [1]\nwhile True:\n    x = x + x",
        "x = 'ab'\nwhile True:\n    x = x + x",
        "x = 'ab' * 10**15",
        "x = [0] * 10**15",
        "x = list(range(10**15))",
        "x = []\nwhile True:\n    x.append(1)",
    ] {
        let outcome = run(statements);
        assert!(
            matches!(outcome, Err(Failure::Exhausted(_))),
            "{statements}: {outcome:?}"
        );
    }
}

#[test]
fn what_goes_too_deep_is_not_run() {
    let recursion = "def g(n):\n    return g(n + 1)\nx = g(0)";
    assert!(matches!(run(recursion), Err(Failure::NotKnown(_))));
    for statements in ["x = []\nx.append(x)", "x = {}\nx['x'] = [x]", "x = [0]\nx[0] = x"] {
        let outcome = run(statements);
        assert!(
            matches!(outcome, Err(Failure::NotKnown(_))),
            "{statements}: {outcome:?}"
        );
    }
}

#[test]
fn deep_values_are_let_go() {
    for statements in [
        "x = []\nfor k in range(300000):\n    x = [x]",
        "x = ()\nfor k in range(300000):\n    x = (x,)",
        "x = {}\nfor k in range(300000):\n    x = {'x': x}",
        "x = []\ny = x\nfor k in range(300000):\n    z = []\n    y.append(z)\n    y = z",
        "x = []\nfor k in range(300000):\n    x = [x]\ny = str(x)",
        "x = []\ny = []\nfor k in range(300000):\n    x = [x]\n    y = [y]\nz = x == y",
        "x = []\nfor k in range(300000):\n    x = [x]\nz = sorted([x, x])",
        "x = ()\nfor k in range(300000):\n    x = (x,)\nz = {x: 1}",
        "x = ()\nfor k in range(300000):\n    x = (x,)\nz = x in [x, (x,)]",
        "x = []\nfor k in range(300000):\n    x = [x]\nz = max([x], [x])",
        "x = []\nfor k in range(300000):\n    x = [x]\nimport json\nz = json.dumps(x)",
        "f = 0\nfor k in range(100000):\n    def g(f=f):\n        return f\n    f = g",
    ] {
        match run(statements) {
            Ok(_) | Err(Failure::Exhausted(_) | Failure::NotKnown(_)) => {}
            other => panic!("{statements}: {other:?}"),
        }
    }
}
