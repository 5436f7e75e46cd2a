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
        "x = (1,)\nwhile True:\n    x = x + x",
        "x = (1,) * 10**15",
    ] {
        let outcome = run(statements);
        assert!(
            matches!(outcome, Err(Failure::Exhausted(_))),
            "{statements}: {outcome:?}"
        );
    }
}

/// Small values that take for ever to go through, and long ones that are gone through again and again.
#[test]
fn what_is_compared_and_written_is_paid_for() {
    let doubled = "x = [0]\nfor k in range(48):\n    x = [x, x]\n";
    let long = "x = list(range(200000))\ny = list(range(200000))\n";
    let texts = "x = 'ab' * 1000000\ny = 'ab' * 1000000\n";
    for statements in [
        format!("{doubled}y = x == [x]"),
        format!("{doubled}y = str(x)"),
        format!("{doubled}import json\ny = json.dumps(x)"),
        format!("{doubled}y = f'{{x}}'"),
        format!("{doubled}y = x in [x, [x]]"),
        format!("{doubled}y = sorted([x, x])"),
        "x = (0,)\nfor k in range(48):\n    x = (x, x)\ny = {x: 1}".to_owned(),
        "x = {}\nfor k in range(48):\n    x = {'a': x, 'b': x}\ny = x == {'a': x}".to_owned(),
        format!("{long}while x == y:\n    pass"),
        format!("{long}while x <= y:\n    pass"),
        format!("{long}x.append(0)\nwhile y != x:\n    pass"),
        format!("{long}while x in [y]:\n    pass"),
        format!("{long}while str(x):\n    pass"),
        format!("{texts}while x == y:\n    pass"),
        format!("{texts}while x <= y:\n    pass"),
        format!("{texts}d = {{x: 1}}\nwhile d[y]:\n    pass"),
        "d = {}\nwhile True:\n    d[(len(d), 0)] = 1".to_owned(),
        "d = set()\nwhile True:\n    d.add((len(d), 0))".to_owned(),
        "d = set()\nwhile True:\n    d.add(len(d))".to_owned(),
    ] {
        let outcome = run(&statements);
        assert!(
            matches!(outcome, Err(Failure::Exhausted(_) | Failure::NotKnown(_))),
            "{statements}: {outcome:?}"
        );
    }
}

#[test]
fn what_goes_too_deep_is_not_run() {
    let recursion = "def g(n):\n    return g(n + 1)\nx = g(0)";
    assert!(matches!(run(recursion), Err(Failure::NotKnown(_))));
    for statements in [
        "x = []\nx.append(x)",
        "x = []\nx += [x]",
        "x = {}\nx['x'] = [x]",
        "x = [0]\nx[0] = x",
    ] {
        let outcome = run(statements);
        assert!(
            matches!(outcome, Err(Failure::NotKnown(_))),
            "{statements}: {outcome:?}"
        );
    }
}

#[test]
fn nothing_is_repeated_at_no_cost() {
    for statements in ["x = [] * 2**53", "x = () * 2**53", "x = '' * 2**53", "x = 2**53 * []"] {
        assert!(run(statements).is_ok(), "{statements}");
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
