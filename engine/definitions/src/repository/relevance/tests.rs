//! Which scripts of a repository are read, and which can have no influence on definitions.

use std::path::Path;

use crate::tests::reader;

/// Reads a repository of these files and gives the files that were passed over, or the errors.
fn passed_over(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let repository = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = repository.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let shown = |path: &Path| path.display().to_string();
    reader(repository.path())
        .read()
        .map(|read| read.passed_over.iter().map(|path| shown(path)).collect())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// A script that does not end.
const ENDLESS: &str = "while True:\n    pass\n";
const VIEWS: (&str, &str) = ("views.py", "from feast import Entity\ne = Entity(name='e')\n");

fn check(files: &[(&str, &str)], expected: &[&str]) {
    let all: Vec<_> = files.iter().copied().chain([VIEWS]).collect();
    assert_eq!(
        passed_over(&all).as_deref(),
        Ok(expected
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
            .as_slice()),
        "{files:?}"
    );
}

#[test]
fn scripts_that_cannot_define_anything_are_not_read() {
    check(&[("make_data.py", ENDLESS)], &["make_data.py"]);
    check(
        &[(
            "deep/train.py",
            &format!("import os, numpy as np\nfrom sklearn.svm import SVC\n{ENDLESS}"),
        )],
        &["deep/train.py"],
    );
    // What it imports is a script too.
    check(
        &[
            ("a.py", "from b import x\n"),
            ("b.py", ENDLESS),
            ("c/d.py", "from ..b import x\n"),
        ],
        &["a.py", "b.py", "c/d.py"],
    );
    // Constants that it shares with the definitions.
    check(
        &[
            ("constants.py", "NAMES = ['a']\n"),
            (
                "entities.py",
                "from feast import Entity\nfrom constants import NAMES\ne = Entity(name=NAMES[0])\n",
            ),
            (
                "train.py",
                &format!("from constants import NAMES\nprint(sorted(NAMES), NAMES[0])\n{ENDLESS}"),
            ),
        ],
        &["train.py"],
    );
    // Under other names, and read only; the environment too.
    let reads = "import os, constants\nfrom constants import NAMES as N\nfirst = constants.NAMES[0]\nfor a, *b in N:\n    print(a)\nlabel: str = N\nos.environ.get('A')\nprint(os.environ['HOME'])\n";
    check(
        &[
            ("constants.py", "NAMES = ['a']\n"),
            ("train.py", &format!("{reads}{ENDLESS}")),
        ],
        &["constants.py", "train.py"],
    );
    check(
        &[(
            "train.py",
            &format!("import torch\nmodel = torch.nn.Linear(1, 2)\nmodel.eval()\nlist(model.modules())\n{ENDLESS}"),
        )],
        &["train.py"],
    );
    // One that cannot be looked into, and computes much.
    check(
        &[("script.py", &format!("import some_library\n{ENDLESS}"))],
        &["script.py"],
    );
}

#[test]
fn what_can_define_or_change_something_is_read() {
    check(&[("views_too.py", "import feast.types\n")], &[]);
    check(
        &[
            ("outer.py", "import inner\n"),
            ("inner.py", "from feast import Entity\n"),
        ],
        &[],
    );
    check(
        &[
            ("outer.py", "import pack.inner\n"),
            ("pack/__init__.py", "import feast\n"),
            ("pack/inner.py", ""),
        ],
        &[],
    );
    check(&[("variables.py", "import os\nos.environ['A'] = 'b'\n")], &[]);
    check(
        &[("dynamic.py", "import importlib\nm = importlib.import_module('views')\n")],
        &[],
    );
    check(
        &[
            ("lib.py", "L = []\n"),
            ("changes.py", "from lib import L\nL.append(1)\n"),
        ],
        &[],
    );
    check(
        &[
            ("lib.py", "L = [1]\n"),
            ("changes.py", "import lib as l\nl.L[0] = 2\n"),
            ("s.py", ""),
        ],
        &["s.py"],
    );
    check(
        &[
            ("lib.py", "L = [[1]]\n"),
            (
                "changes.py",
                "from lib import L\nm = L\nfor one in m:\n    one.append(2)\n",
            ),
        ],
        &[],
    );
    check(
        &[
            ("lib.py", "L = [1]\n"),
            (
                "changes.py",
                "from lib import L\ndef f():\n    m.append(2)\nm = L\nf()\n",
            ),
        ],
        &[],
    );
    check(&[("script.py", "import some_library\nx = some_library.y\n")], &[]);
}

#[test]
fn a_script_that_a_definition_imports_is_read() {
    let files = [
        ("constants.py", "NAME = 'named'\n"),
        (
            "entities.py",
            "from feast import Entity\nfrom constants import NAME\ne = Entity(name=NAME)\n",
        ),
    ];
    check(&files, &[]);
    let endless = [("constants.py", ENDLESS), files[1]];
    let error = passed_over(&endless).unwrap_err();
    assert!(
        error.starts_with("constants.py:1: reading this takes too long"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_parsed_is_an_error() {
    let error = passed_over(&[("broken.py", "x = (\n"), VIEWS]).unwrap_err();
    assert!(error.starts_with("broken.py:2: SyntaxError"), "{error}");
}

/// Files of other encodings and links: what imports Feast is never left out silently.
#[test]
fn what_cannot_be_decoded_is_an_error_where_it_matters() {
    let repository = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(repository.path().join(name), bytes).unwrap();
    write("views.py", VIEWS.1.as_bytes());
    write("script.py", b"# caf\xe9\nimport os\n");
    std::os::unix::fs::symlink("nowhere.py", repository.path().join("link.py")).unwrap();
    let read = reader(repository.path()).read().unwrap();
    assert_eq!(read.passed_over, [Path::new("script.py")]);
    write(
        "more.py",
        b"# caf\xe9\nfrom feast import Entity\ne = Entity(name='f')\n",
    );
    let errors = reader(repository.path()).read().unwrap_err();
    assert_eq!(errors[0].to_string(), "more.py:1: is not UTF-8 text");
}
