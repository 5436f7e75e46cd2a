//! A file with an on-demand function in, the text of the names that the function uses out, or why there is none.

use feast_model::ModuleNames;

use super::read_repository;

mod python;

const VIEW: &str = "from feast import Field\nfrom feast.on_demand_feature_view import on_demand_feature_view\n\
                    from feast.types import Int64\nfeast_schema = [Field(name='y', dtype=Int64)]\n";
const DECORATOR: &str = "@on_demand_feature_view(sources=[], input_schema=feast_schema, schema=feast_schema)\n";

/// The names of a function that stands after `module`, with files beside it. A `def` of `function` is decorated.
fn names_of(module: &str, function: &str, files: &[(&str, &str)]) -> Result<ModuleNames, String> {
    let function = function.replace("def f(", &format!("{DECORATOR}def f("));
    let repository = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = repository.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let source = format!("{module}\n{VIEW}{function}\n");
    std::fs::write(repository.path().join("definitions.py"), source).unwrap();
    let read = read_repository(repository.path());
    let read = read.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let mut views = read.definitions.on_demand_feature_views;
    let transformation = views.remove(0).transformation.unwrap();
    Ok(transformation.module_names.unwrap())
}

fn check(module: &str, function: &str, files: &[(&str, &str)], text: &str, missing: &[&str]) {
    let names = names_of(module, function, files).unwrap_or_else(|problem| panic!("{module}: {problem}"));
    let reasons: Vec<String> = names.missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        (names.text.as_str(), reasons),
        (text, missing.iter().map(|reason| (*reason).to_owned()).collect()),
        "{module}"
    );
}

/// What stands before the function, the expression that it returns, and the text.
const TOLD: &[(&str, &str, &str)] = &[
    ("", "df", ""),
    (
        "import pandas as pd\nimport numpy as np\n",
        "pd.DataFrame(np.abs(df))",
        "",
    ),
    ("UNUSED = object()\n", "df", ""),
    ("RATE = 1 / 3\n", "df * RATE", "RATE = 0.3333333333333333\n"),
    (
        "A = -1\nB = 1e300\nC = 'é\\n\"'\nD = (1,)\nE = [None, True, {'a': {1}}]\nF = set()\nG = float('inf')\nH = -G\nI = G - G\n",
        "A, B, C, D, E, F, G, H, I",
        "A = -1\nB = 1e+300\nC = 'é\\n\"'\nD = (1,)\nE = [None, True, {'a': {1}}]\nF = set()\nG = float('inf')\nH = float('-inf')\n\
         I = float('nan')\n",
    ),
    (
        "B = b'\\x00a'\nN = 10 ** 3\nBIG = 99999999999999999999\n",
        "B, N, BIG",
        "B = b'\\x00a'\nN = 1000\nBIG = 99999999999999999999\n",
    ),
    (
        "T = {k: k * 2 for k in range(3)}\nD = dict(a=1)\nD['b'] = 2\n",
        "T, D",
        "T = {0: 0, 1: 2, 2: 4}\nD = {'a': 1, 'b': 2}\n",
    ),
    (
        "import math\nimport json as j\nimport numpy as xnp\nfrom datetime import timedelta as td, datetime\nfrom math import pi\n",
        "math, j, xnp, td, datetime, pi",
        "import math\nimport json as j\nimport numpy as xnp\nfrom datetime import timedelta as td\nfrom datetime import datetime\nfrom math import pi\n",
    ),
    (
        "import xml\nimport xml.dom\n",
        "xml.dom",
        "import xml\nimport xml.dom\n",
    ),
    (
        "from sklearn.base import clone\n",
        "clone(df)",
        "from sklearn.base import clone\n",
    ),
    ("import jax.numpy as np\n", "np.abs(df)", "import jax.numpy as np\n"),
    (
        "LIMIT = 2\n\ndef g(x: Any, n=LIMIT) -> Any:\n    # halves\n    return h(x) / n\n\ndef h(x):\n    return x if x < OTHER else g(x)\n\nOTHER = 5\n",
        "g(df)",
        "LIMIT = 2\nOTHER = 5\n\ndef g(x: Any, n=LIMIT) -> Any:\n    # halves\n    return h(x) / n\n\ndef h(x):\n    return x if x < OTHER else g(x)\n",
    ),
    (
        "K = [1]\ndef h():\n    return K\n\ndef g(x, n=h()):\n    return n\n",
        "g(df)",
        "K = [1]\n\ndef h():\n    return K\n\ndef g(x, n=h()):\n    return n\n",
    ),
    (
        "double = lambda x: x * TWO\nTWO = 2\n",
        "double(df)",
        "TWO = 2\n\ndouble = (lambda x: x * TWO)\n",
    ),
    (
        "def g(x):\n    return x\nh = g\n",
        "h(df)",
        "def g(x):\n    return x\n\nh = g\n",
    ),
    (
        "from functools import lru_cache\n\n@lru_cache(maxsize=None)\ndef g(x):\n    return x\n",
        "g(df)",
        "def g(x):\n    return x\n",
    ),
    (
        "class C:\n    RATE = 3\n    def name(self):\n        return K\nK = 1\n",
        "C.RATE",
        "K = 1\n\nclass C:\n    RATE = 3\n    def name(self):\n        return K\n",
    ),
    (
        "from enum import Enum\nclass Color(Enum):\n    RED = 'r'\n",
        "Color.RED.value",
        "from enum import Enum\n\nclass Color(Enum):\n    RED = 'r'\n",
    ),
    (
        "import math\nfrom datetime import timedelta\nDAYS = 1 + 1\nDAY = timedelta(\n    days=DAYS)\nFLOOR = math.floor\n",
        "DAY, FLOOR(2.5)",
        "from datetime import timedelta\nimport math\n\nDAYS = 2\n\nDAY = (timedelta(\n    days=DAYS))\n\nFLOOR = (math.floor)\n",
    ),
    (
        "from os import path\nfrom feast.utils import make_tzaware\n",
        "path.join('a', 'b'), make_tzaware",
        "from os import path\nfrom feast.utils import make_tzaware\n",
    ),
    // What shadows a name of the module is not that name.
    ("df = 1\nx = 2\nk = 3\n", "[k for k in df if (x := k)]", ""),
    ("k = 3\n", "[k for k in df] + [k]", "k = 3\n"),
    ("k = [3]\n", "[k for k in k]", "k = [3]\n"),
    ("k = 3\n", "lambda k, *args, **rest: (k, args, rest)", ""),
    ("max = 3\n", "max", "max = 3\n"),
    ("", "undefined(df)", ""),
    // What is imported for sure although it is expected that it may fail.
    (
        "try:\n    import json\nexcept ImportError:\n    json = None\n",
        "json.dumps(df)",
        "import json\n",
    ),
];

#[test]
fn names_are_told() {
    for (module, expression, text) in TOLD {
        check(
            module,
            &format!("def f(df):\n    return {expression}\n"),
            &[],
            text,
            &[],
        );
    }
}

/// What stands before the function, the expression that it returns, the text, and what is not in it.
const MISSING: &[(&str, &str, &str, &[&str])] = &[
    (
        "import joblib\nmodel = joblib.load('m')\n",
        "model.predict(df)",
        "",
        &["uses `model`, whose value depends on `joblib.load('m')`, which is not known"],
    ),
    (
        "from datetime import timedelta\nDAY = [timedelta(days=1)]\nFIRST = DAY[0]\n",
        "FIRST",
        "",
        &[
            "uses `DAY`, whose value (list) is not plain data",
            "uses `FIRST`, which needs `DAY` where it is defined",
        ],
    ),
    (
        "try:\n    import orjson\n    FAST = True\nexcept ImportError:\n    FAST = False\n",
        "FAST",
        "",
        &["uses `FAST`, which depends on whether the module orjson is installed"],
    ),
    (
        "BIG = 'x' * 70000\nSMALL = 1\n",
        "BIG, SMALL",
        "SMALL = 1\n",
        &["uses `BIG`, which is too large: no more than 64 KiB are stored with a function"],
    ),
    (
        "import os\nENV = os.environ\n",
        "ENV",
        "",
        &["uses `ENV`, which is the environment"],
    ),
    (
        "from random import choice\nmax = choice([1])\n",
        "max(df)",
        "global max\n",
        &["uses `max`, whose value depends on `choice([1])`, which is not known"],
    ),
    (
        "def outer(k):\n    def inner(x):\n        return x * k\n    return inner\ntwice = outer(2)\n",
        "twice(df)",
        "",
        &["uses `twice`, which is defined inside of another function"],
    ),
    (
        "import random\ndef deco(f):\n    return random.choice([f])\n@deco\ndef g(x):\n    return x\n",
        "g(df)",
        "",
        &["uses `g`, whose value depends on `random.choice([f])`, which is not known"],
    ),
    (
        "K = 1\ndef g(x, k=K):\n    return k\nK = 2\n",
        "g(df)",
        "",
        &[
            "uses `K`, which is bound more than once, and used where a function or class is defined",
            "uses `g`, which needs `K` where it is defined",
        ],
    ),
    (
        "class C:\n    A = 1\nC.A = 2\n",
        "C.A",
        "",
        &["uses `C`, which is a class that is not defined once and for all"],
    ),
    (
        "class C:\n    def __init__(self):\n        self.a = 1\nc = C()\n",
        "c.a",
        "",
        &["uses `c`, whose value (C) is not plain data"],
    ),
    (
        "L = [1]\nL.append(open)\n",
        "L",
        "",
        &["uses `L`, whose value (list) is not plain data"],
    ),
];

#[test]
fn names_that_cannot_be_told_are_missing() {
    for (module, expression, text, missing) in MISSING {
        check(
            module,
            &format!("def f(df):\n    return {expression}\n"),
            &[],
            text,
            missing,
        );
    }
}

#[test]
fn names_of_other_files_are_told() {
    let helpers = "import math as m\nRATE = 2\n\ndef scaled(x):\n    return m.floor(x) * RATE\n";
    let scaled = "import math as m\n\nRATE = 2\n\ndef scaled(x):\n    return m.floor(x) * RATE\n";
    let files = [
        ("helpers.py", helpers),
        ("pack/__init__.py", "from .inner import *\n"),
        (
            "pack/inner.py",
            "from helpers import scaled as other\nfrom datetime import timedelta as td\nNAME = 'é'\n",
        ),
    ];
    let check = |module: &str, expression: &str, text: &str, missing: &[&str]| {
        check(
            module,
            &format!("def f(df):\n    return {expression}\n"),
            &files,
            text,
            missing,
        );
    };
    check("from helpers import scaled\n", "scaled(df)", scaled, &[]);
    check("from helpers import *\n", "scaled(df)", scaled, &[]);
    check(
        "from helpers import scaled as s\n",
        "s(df)",
        &format!("{scaled}\ns = scaled\n"),
        &[],
    );
    check("from helpers import RATE as R\n", "R", "R = 2\n", &[]);
    check(
        "from pack import NAME, td, other\n",
        "NAME, td, other",
        &format!(
            "from datetime import timedelta as td\n{}\nother = scaled\n",
            scaled.replace("RATE = 2", "NAME = 'é'\nRATE = 2")
        ),
        &[],
    );
    check(
        "import helpers\n",
        "helpers.scaled(df)",
        "",
        &["uses `helpers`, which is a module of the repository; import the names that are used from it"],
    );
    // One name, two things.
    check(
        "from helpers import scaled\nRATE = 3\n",
        "scaled(df) + RATE",
        "import math as m\n\ndef scaled(x):\n    return m.floor(x) * RATE\n",
        &["uses `RATE`, which is one thing in one place and another in another"],
    );
    check(
        "from helpers import scaled\ndef m(): pass\n",
        "scaled(df) + m()",
        "RATE = 2\n\ndef scaled(x):\n    return m.floor(x) * RATE\n",
        &["uses `m`, which is one thing in one place and another in another"],
    );
}

#[test]
fn statements_and_parameters_have_names_too() {
    let check =
        |module: &str, function: &str, text: &str, missing: &[&str]| check(module, function, &[], text, missing);
    check("K = 1\n", "def f(df, k=K):\n    return k\n", "K = 1\n", &[]);
    check("K = 1\n", "def f(df: K) -> K:\n    x: K = 1\n    return x\n", "", &[]);
    check(
        "N = 1\n",
        "def f(df):\n    global N\n    N = 2\n    return df\n",
        "N = 1\n",
        &[],
    );
    check(
        "a = b = c = d = e = g = h = 1\n",
        "def f(df):\n    import a\n    for b, c in df:\n        pass\n    with df as d:\n        pass\n    try:\n        pass\n    \
         except h as e:\n        pass\n    def g(): return a, b, c, d, e, g\n    return g\n",
        "h = 1\n",
        &[],
    );
    check(
        "a = 1\n",
        "def f(df):\n    a = 2\n    def g():\n        nonlocal a\n        a = 3\n    return g\n",
        "",
        &[],
    );
    check(
        "K = 1\n",
        "def f(df):\n    class A:\n        K = 2\n        def m(self):\n            return K\n    return A\n",
        "K = 1\n",
        &[],
    );
    check(
        "def f2(x): return f(x)\n",
        "def f(df):\n    return f2(df)\n",
        "def f2(x): return f(x)\n",
        &["uses `f`, whose value (OnDemandFeatureView) is not plain data"],
    );
}

#[test]
fn a_lambda_has_its_names_or_is_refused() {
    let view = "from feast import OnDemandFeatureView\n\
                v = OnDemandFeatureView(name='v', sources=[], input_schema=feast_schema, schema=feast_schema, ";
    let names = |module: &str, rest: &str| names_of(module, &format!("{view}{rest})"), &[]);
    assert_eq!(names("R = 2\n", "udf=lambda df: df * R").unwrap().text, "R = 2\n");
    assert_eq!(
        names("R = 2\n", "udf=lambda df: 1, udf_string='lambda df: df * R'")
            .unwrap()
            .text,
        "R = 2\n"
    );
    let problem = names("import joblib\nR = joblib.load('m')\n", "udf=lambda df: df * R").unwrap_err();
    let expected = "the lambda uses `R`, whose value depends on `joblib.load('m')`, which is not known, and so cannot be stored \
                    with it; use a function that imports or defines R itself";
    assert!(problem.ends_with(expected), "{problem}");
    let given = "feature_transformation=PandasTransformation(udf=g, udf_string='def g(df):\\n    return df * R\\n')";
    let module = "from feast.transformation.pandas_transformation import PandasTransformation\nR = 2\ndef g(df):\n    return df * R\n";
    assert_eq!(names(module, given).unwrap().text, "R = 2\n");
}
