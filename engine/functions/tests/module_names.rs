//! Functions that use names of their module: what binds the names, the function, and what it gives or why it is refused.

use std::sync::Arc;

use arrow::array::{Array, Float64Array};
use feast_functions::{Budget, Failure, Function, Input, Mode, Output};
use feast_model::ValueType;

fn called(function: &Function) -> Result<Vec<f64>, Failure> {
    let double = ValueType::Float64;
    let input = Input {
        name: "x",
        twin: None,
        value_type: &double,
        values: Arc::new(Float64Array::from(vec![1.0, 4.0])),
    };
    let output = Output {
        name: "y",
        value_type: &double,
    };
    let columns = function.call(&[input], &[output], 2, Budget::Full)?;
    let values = columns[0].1.as_any().downcast_ref::<Float64Array>();
    Ok(values.map_or_else(Vec::new, |values| values.values().to_vec()))
}

/// Compiles a function of `inputs` that gives `y`.
fn compiled(module: &str, expression: &str) -> Result<Function, String> {
    let text = format!("def f(inputs):\n    return {{'y': [{expression} for x in inputs['x']]}}\n");
    Function::compile(module, &text, Mode::Python).map_err(|refusal| refusal.to_string())
}

#[test]
fn names_of_the_module_are_used() {
    const EVEN_ODD: &str =
        "def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)\n";
    let cases: [(&str, &str, [f64; 2]); 15] = [
        (
            "from datetime import timedelta\nimport math\n\nDAY = (timedelta(\n    days=1))\n\nFLOOR = (math.floor)\n",
            "FLOOR(x) + (0 if DAY == timedelta(hours=24) else 1)",
            [1.0, 4.0],
        ),
        (
            "class C:\n    'Limits.'\n    LOW = -1.5\n    NAME = 'é'\n",
            "x + C.LOW + len(C.NAME.upper())",
            [0.5, 3.5],
        ),
        (
            "from enum import Enum\n\nclass Color(str, Enum):\n    RED = 'red'\n",
            "x + len(Color.RED.value)",
            [4.0, 7.0],
        ),
        ("RATE = 0.5\n", "x * RATE", [0.5, 2.0]),
        ("RATE = -0.5\n", "x * RATE", [-0.5, -2.0]),
        ("RATES = {'é': [1.0, (2.0, 3)]}\n", "x + RATES['é'][1][0]", [3.0, 6.0]),
        ("INFINITE = float('inf')\n", "min(x, INFINITE)", [1.0, 4.0]),
        ("import math as m\n", "m.sqrt(x)", [1.0, 2.0]),
        (
            "import numpy as xnp\nfrom math import sqrt as root\n",
            "root(x)",
            [1.0, 2.0],
        ),
        (
            "K = 2.0\n\ndef scaled(x, k=K):\n    return x * k\n",
            "scaled(x) + scaled(x, k=1)",
            [3.0, 12.0],
        ),
        (
            "def a(x):\n    return b(x) + 1\n\ndef b(x):\n    return x * TWO\n\nTWO = [2][0]\n",
            "a(x)",
            [3.0, 9.0],
        ),
        (EVEN_ODD, "1.0 if even(int(x)) else 0.0", [0.0, 1.0]),
        ("twice = (lambda x:\n    x * 2)\n", "twice(x)", [2.0, 8.0]),
        ("x = 100.0\nNAME = None\n", "x + (0 if NAME is None else 1)", [1.0, 4.0]),
        (
            "def g(v):\n    return sum([x * v for x in [1.0, 2.0]])\nalias = g\n",
            "alias(x)",
            [3.0, 12.0],
        ),
    ];
    for (module, expression, expected) in cases {
        let function = compiled(module, expression).unwrap_or_else(|refusal| panic!("{module}: {refusal}"));
        for _ in 0..2 {
            assert_eq!(
                called(&function).unwrap_or_else(|failure| panic!("{module}: {failure}")),
                expected
            );
        }
    }
}

#[test]
fn what_a_call_changes_the_next_does_not_see() {
    let text = "def f(inputs):\n    SEEN.append(1.0)\n    COUNTS['n'] = COUNTS.get('n', 0) + 1\n    \
                return {'y': [len(SEEN) + COUNTS['n'] for x in inputs['x']]}\n";
    let function = Function::compile("SEEN = []\nCOUNTS = {}\n", text, Mode::Python).unwrap();
    for _ in 0..3 {
        assert_eq!(called(&function).unwrap(), [2.0, 2.0]);
    }
}

#[test]
fn a_lambda_and_single_values_have_the_names_too() {
    let module = "RATES = [3.0]\n\ndef rate(x):\n    return x * RATES[0]\n";
    let lambda = Function::compile(
        module,
        "lambda inputs: {'y': [rate(x) for x in inputs['x']]}",
        Mode::Python,
    )
    .unwrap();
    assert_eq!(called(&lambda).unwrap(), [3.0, 12.0]);
    let single = Function::compile(
        module,
        "def f(inputs, r=rate):\n    return {'y': r(inputs['x'])}\n",
        Mode::Singleton,
    );
    assert_eq!(called(&single.unwrap()).unwrap(), [3.0, 12.0]);
}

#[test]
fn what_is_not_known_of_the_module_is_told_with_its_line_there() {
    let cases = [
        (
            "A = 1\nimport sklearn\n",
            "line 2, `sklearn`: the module sklearn is not known here (in the names of its module)",
        ),
        (
            "def g(x):\n    yield x\n",
            "line 1, `def g(x):...`: functions with `yield` are not known (in the names of its module)",
        ),
        (
            "global max\n",
            "line 1, `global max`: what it is in its module is not known (in the names of its module)",
        ),
        (
            "class C:\n    A = [1]\n",
            "line 1, `class C:...`: this statement is not known (in the names of its module)",
        ),
        (
            "class g:\n    A = 1\n",
            "line 2, `g`: `g` is not defined in the function, and is no builtin that is known here",
        ),
        (
            "",
            "line 2, `g`: `g` is not defined in the function, and is no builtin that is known here",
        ),
    ];
    for (module, expected) in cases {
        assert_eq!(compiled(module, "g(x)").map(|_| ()), Err(expected.to_owned()));
    }
}

#[test]
fn a_helper_that_fails_is_told_with_its_line_there() {
    let function = compiled("def g(x):\n    return 1 / 0\n", "g(x)").unwrap();
    assert_eq!(called(&function).unwrap_err().to_string(), "division by zero");
    let endless = compiled("def g(x):\n    return g(x)\n", "g(x)").unwrap();
    let failure = called(&endless).unwrap_err().to_string();
    assert_eq!(
        failure,
        "line 2, `g(x)`: calls within calls go too deep to be run here (in the names of its module)"
    );
    let steps = compiled("A = []\nwhile True:\n    A.append(1)\n", "x").unwrap();
    assert!(matches!(called(&steps), Err(Failure::Exhausted(_))));
}
