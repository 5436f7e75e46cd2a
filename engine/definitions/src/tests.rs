//! Definition files in, definitions or errors out.

use std::path::Path;

use feast_model::Definitions;

use super::*;

mod budgets;
mod module_names;
mod numbers_and_paths;
mod times_and_kinds;

/// Reads a repository alone: no environment, no other directories, no parquet.
pub(crate) fn reader(repository: &Path) -> DefinitionReader {
    DefinitionReader {
        modules: ModulePath {
            repository: repository.to_path_buf(),
            ..ModulePath::default()
        },
        environment: Environment::default(),
        read_columns: |_| Err("no parquet here".to_owned()),
        budget: Budget::default(),
    }
}

fn read_repository(repository: &Path) -> Result<RepositoryDefinitions, Vec<DefinitionError>> {
    reader(repository).read()
}

/// Reads one file and gives its definitions, or its errors, as text.
fn read(source: &str) -> Result<Definitions, String> {
    let repository = tempfile::tempdir().unwrap();
    std::fs::write(repository.path().join("definitions.py"), source).unwrap();
    read_repository(repository.path())
        .map(|read| read.definitions)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn problem(source: &str) -> String {
    read(source).map_or_else(|problem| problem, |definitions| format!("{definitions:?}"))
}

#[test]
fn the_repository_of_every_type_is_read() {
    let definitions = read(feast_fixtures::TYPES_DEFINITIONS).unwrap();
    assert_eq!(
        definitions.project.as_ref().map(|project| project.name()),
        Some("types_repo")
    );
    assert_eq!(definitions.entities.len(), 6);
    assert_eq!(definitions.feature_views.len(), 23);
    assert_eq!(definitions.services.len(), 4);
    let nested = definitions
        .feature_view("nested")
        .and_then(|view| view.feature("ls_int64"))
        .unwrap()
        .1;
    assert_eq!(nested.value_type.to_string(), "Array(Set(Int64))");
    let mapped = definitions
        .feature_view("mapped")
        .and_then(|view| view.batch_source.clone())
        .unwrap();
    assert_eq!(mapped.source_column("value"), "raw_value");
    let stats = definitions.feature_view("driver_stats").unwrap();
    assert_eq!(stats.push_source().map(|source| source.name()), Some("driver_push"));
    assert_eq!(stats.ttl, Some(86_400_000_000));
    let route = definitions.service("svc_route").unwrap();
    assert_eq!(route.projections[0].alias.as_deref(), Some("origin"));
    assert_eq!(route.projections[0].request_key("stop_id"), "origin_id");
}

#[test]
fn values_are_computed_as_python_does() {
    let source = r#"
from datetime import timedelta
from feast import Entity, FeatureView, Field
from feast.types import Array, Float32, Int64
DAYS = 7
names = [f"f{i}" for i in range(3) if i != 1]
base = {"team": "ml"}
driver = Entity(name="driver", join_keys=["driver" + "_id"])
if DAYS == 7:
    ttl = 2 * timedelta(days=DAYS, hours=1)
else:
    ttl = None
view = FeatureView(name="v", entities=[driver], ttl=ttl, tags={**base, "a": "b"},
                   schema=[Field(name=n, dtype=Array(Float32)) for n in names] + [Field(name="driver_id", dtype=Int64)])
"#;
    let definitions = read(source).unwrap();
    let view = definitions.feature_view("v").unwrap();
    assert_eq!(definitions.entities[0].join_key, "driver_id");
    assert_eq!(
        view.features
            .iter()
            .map(|field| field.name.as_str())
            .collect::<Vec<_>>(),
        ["f0", "f2"]
    );
    assert_eq!(view.entity_columns[0].name, "driver_id");
    assert_eq!(view.ttl, Some(2 * (7 * 24 + 1) * 3600 * 1_000_000));
    assert_eq!(view.metadata.tags.len(), 2);
}

#[test]
fn numbers_have_pythons_text() {
    let source = "from feast import Entity\ne = Entity(name=f'{1e16} {1e-5} {0.1 + 0.2} {100.0} {1 / 3} {-0.0} {7 // -2} {-7 % 3}')\n";
    let definitions = read(source).unwrap();
    assert_eq!(
        definitions.entities[0].name(),
        "1e+16 1e-05 0.30000000000000004 100.0 0.3333333333333333 -0.0 -4 2"
    );
}

#[test]
fn files_import_each_other() {
    let repository = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(repository.path().join(name), text).unwrap();
    write(
        "entities.py",
        "from feast import Entity\ndriver = Entity(name='driver')\n",
    );
    write(
        "views.py",
        "from feast import FeatureView\nfrom entities import driver\nv = FeatureView(name='v', entities=[driver])\n",
    );
    let definitions = read_repository(repository.path()).unwrap().definitions;
    assert_eq!((definitions.entities.len(), definitions.feature_views.len()), (1, 1));
}

#[test]
fn problems_name_file_line_and_remedy() {
    let imports = "from feast import Entity, Field, FeatureView\nfrom feast.types import Int64\n";
    let check = |source: &str, expected: &str| {
        let text = problem(&format!("{imports}{source}"));
        assert!(text.starts_with(expected), "{text}");
    };
    check(
        "e = Entity(\"driver\")\n",
        "definitions.py:3: TypeError: Entity.__init__() takes 1 positional argument but 2 were given",
    );
    check(
        "e = Entity(name='a', foo=1)\n",
        "definitions.py:3: TypeError: Entity.__init__() got an unexpected keyword argument 'foo'",
    );
    check(
        "e = Entity(name=5)\n",
        "definitions.py:3: TypeCheckError: argument \"name\" (int) of Entity is not an instance of str",
    );
    check(
        "e = Entity(name=nope)\n",
        "definitions.py:3: NameError: name 'nope' is not defined",
    );
    check("e = Entity(\n", "definitions.py:4: SyntaxError");
    check(
        "import os\ne = Entity(name=os.environ['NO_SUCH_VARIABLE'])\n",
        "definitions.py:4: KeyError: 'NO_SUCH_VARIABLE', an environment variable that is not set",
    );
    check(
        "import uuid\ne = Entity(name=str(uuid.uuid4()))\n",
        "definitions.py:4: name of Entity depends on `uuid.uuid4()`, which cannot be read without running Python",
    );
    check(
        "import requests\nif requests.get('http://localhost').ok:\n    e = Entity(name='a')\n",
        "definitions.py:4: whether e is defined depends on `requests.get('http://localhost').ok`, which cannot be read",
    );
    check(
        "import random\ns = []\nif random.random() > 0.5:\n    s.append(1)\n",
        "definitions.py:6: whether this list is changed depends on a condition that cannot be known",
    );
    check(
        "e = Entity(name='a')\ne.name = 'b'\n",
        "definitions.py:4: changing this Entity after it is made cannot be read without running Python",
    );
    check(
        "v = FeatureView(name='v', schema=[Field(name='a', dtype=Int64)])\nw = [v[['b']]]\n",
        "definitions.py:4: ValueError: Feature b does not exist in this feature view.",
    );
    check(
        "v = FeatureView(name='v')\nw = v[['a']]\n",
        "definitions.py:4: w is bound to a choice of features or a renaming of v",
    );
    check(
        "e = Entity(name='a', join_keys=['b', 'c'])\n",
        "definitions.py:3: ValueError: An entity may only have a single join key.",
    );
    check(
        "def f(x):\n    return f(x)\ny = f(1)\n",
        "definitions.py:4: this expression is nested too deeply to be read",
    );
    check(
        "while True:\n    pass\n",
        "definitions.py:3: reading this takes too long",
    );
    check(
        "x = [1]\nx.append(x)\n",
        "definitions.py:4: a list or dict that holds itself cannot be read",
    );
    check(
        "x = 'a' * 10\nfor i in range(30):\n    x = x + x\n",
        "definitions.py:5: reading this takes too long",
    );
}

#[test]
fn what_cannot_be_stored_is_an_error_at_its_place() {
    let check = |source: &str, expected: &str| {
        let text = problem(&format!("from feast import FeatureView\nimport os\n{source}"));
        assert!(text.starts_with(expected), "{text}");
    };
    check(
        "from datetime import timedelta\nv = FeatureView(name='v', ttl=timedelta(days=999999999))\n",
        "definitions.py:4: ttl of FeatureView \"v\" is too long to be stored: 999999999 days, 0:00:00",
    );
    check(
        "from datetime import timedelta\nt = timedelta(days=float('inf'))\n",
        "definitions.py:4: OverflowError: cannot convert float infinity to integer",
    );
    check(
        "def g():\n    while True:\n        yield 1\nx = list(g())\n",
        "definitions.py:5: reading this takes too long",
    );
    check(
        "R = 2\nfrom feast import BatchFeatureView\nv = BatchFeatureView(name='o', mode='pandas', udf=lambda df: df * R)\n",
        "definitions.py:5: the lambda uses R of this file, which would not be stored with it",
    );
    check(
        "from feast import BatchFeatureView\nv = BatchFeatureView(name='b', mode='spark_sql', udf=lambda df: df)\n",
        "definitions.py:4: ValueError: Unsupported transformation mode: spark_sql for BatchFeatureView",
    );
}

#[test]
fn what_is_not_stored_may_be_unknown() {
    let source =
        "import os\nfrom feast import Entity\npath = os.path.join('a', 'b')\ne = Entity(name='e')\nprint(path)\n";
    assert_eq!(read(source).unwrap().entities.len(), 1);
}

#[test]
fn errors_of_several_files_come_together() {
    let repository = tempfile::tempdir().unwrap();
    std::fs::write(repository.path().join("a.py"), "x = (").unwrap();
    std::fs::write(repository.path().join("b.py"), "import feast\ny = nope").unwrap();
    let errors = read_repository(repository.path()).unwrap_err();
    assert_eq!(
        errors
            .iter()
            .map(|error| error.file.display().to_string())
            .collect::<Vec<_>>(),
        ["a.py", "b.py"]
    );
}

#[test]
fn ignored_files_are_not_read() {
    let repository = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = repository.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(".feastignore", "# a comment\nskip/\n**/old_*.py\ngen.py\n");
    write(
        "views.py",
        "from feast import *\nfrom feast.types import *\nx = Entity(name='x')\nf = Field(name='f', dtype=String)\n",
    );
    for ignored in ["skip/deep/a.py", "old_a.py", "deep/old_b.py", "gen.py"] {
        write(ignored, "broken(");
    }
    assert_eq!(
        read_repository(repository.path()).unwrap().definitions.entities.len(),
        1
    );
}

#[test]
fn scripts_beside_definitions_are_harmless() {
    let source = "import random\nwith_data = sorted([2, 1])\nopen('data/x', 'wb').write(b'x')\nfor_later = max(1, 2)\n";
    assert_eq!(problem(source), format!("{:?}", Definitions::default()));
    let stored = "from feast import Entity\ne = Entity(name=input())\n";
    assert!(
        problem(stored).contains("name of Entity depends on `input()`, which cannot be read without running Python")
    );
}

/// What is not seen would be deleted from the registry, or never get there.
#[test]
fn an_object_that_may_be_there_is_never_left_out_silently() {
    const UNKNOWN: &str = "import random\nfrom feast import Entity, FeatureView\nunknown = random.random() > 0.5\n";
    let refused = [
        "a = Entity(name='a') if unknown else None\n",
        "a = unknown and Entity(name='a')\n",
        "def make():\n    if unknown:\n        return None\n    return Entity(name='a')\na = make()\n",
        "def make():\n    if unknown:\n        return Entity(name='a')\na = make()\n",
        "a = Entity(**random.choice([{}]))\n",
        "a = Entity(*random.choice([[]]))\n",
        "def make(name):\n    return Entity(name=name)\na = make(*random.choice([[]]))\n",
        "a, b = [Entity(name='a') for _ in random.sample(range(9), 2)]\n",
        "exec('a = Entity()')\n",
        "import sys\nsetattr(sys.modules[__name__], 'a', Entity(name='a'))\n",
        "import sys\nsys.modules[__name__].a = Entity(name='a')\n",
        "globals()[random.choice(['a'])] = Entity(name='a')\n",
        "import copy\na = copy.copy(Entity(name='a'))\n",
        "class Named(Entity):\n    pass\na = Named(name='a')\n",
        "for x in range(2):\n    if unknown:\n        break\n    a = Entity(name='a')\n",
        "a = Entity(name='a')\nif unknown:\n    del a\n",
        "def define():\n    global a\n    a = Entity(name='a')\nif unknown:\n    define()\n",
        "entities = {'a': Entity(name='a')}\na = entities[random.choice(['a'])]\n",
        "import acme\na = acme.checked(Entity(name='a'))\n",
        "from functools import partial\na = partial(Entity, name='a')(*random.choice([[]]))\n",
    ];
    for source in refused {
        let text = problem(&format!("{UNKNOWN}{source}"));
        assert!(text.contains("without running Python"), "{source}\n{text}");
    }
    let seen = [
        "globals().update(a=Entity(name='a'))\n",
        "globals().update({'a': Entity(name='a')})\n",
        "locals()['a'] = Entity(name='a')\n",
        "class Make:\n    @classmethod\n    def entity(cls):\n        return Entity(name='a')\na = Make.entity()\n",
        "class Make:\n    @property\n    def entity(self):\n        return Entity(name='a')\na = Make().entity\n",
        "class Make:\n    @staticmethod\n    def entity():\n        return Entity(name='a')\na = Make().entity()\n",
    ];
    for source in seen {
        let definitions = read(&format!("{UNKNOWN}{source}")).unwrap();
        assert_eq!(definitions.entities.len(), 1, "{source}");
    }
}

/// Files that give an entity a name, and the name; where Python's is not known, reading is refused.
const NAMES: &[(&str, Option<&str>)] = &[
    (
        "s = set()\ns.add('a'); s.add('a'); s.add('b'); s.discard('a')\nn = ''.join(s)",
        Some("b"),
    ),
    ("l = ['a', 'b']\ndel l[0]\nn = l[0]", Some("b")),
    ("d = {'a': 'x'}\no = d\nd |= {'a': 'y'}\nn = o['a']", Some("y")),
    ("l = ['a']\no = l\nl *= 2\nn = ''.join(o)", Some("aa")),
    (
        "import os\nos.environ['FEAST_X'] = 'v'\nn = os.getenv('FEAST_X', 'd')",
        Some("v"),
    ),
    (
        "from dotenv import load_dotenv\nimport os\nload_dotenv()\nn = os.getenv('FEAST_NOT_SET', 'd')",
        None,
    ),
    (
        "def f(x, seen=[]):\n    seen.append(x)\n    return seen\nf('a')\nn = ''.join(f('b'))",
        Some("ab"),
    ),
    ("x = 'a'\ndef f(y=x):\n    return y\nx = 'b'\nn = f()", Some("a")),
    (
        "x = 'outer'\nclass C:\n    x = 'inner'\n    def get(self):\n        return x\nn = C().get()",
        Some("outer"),
    ),
    (
        "from dataclasses import dataclass, field\n@dataclass\nclass D:\n    l: list = field(default_factory=list)\n    def __post_init__(self):\n        self.l.append('p')\nD()\nn = ''.join(D().l)",
        Some("p"),
    ),
    (
        "from enum import Enum\nclass E(Enum):\n    A = 'x'\n    B = 'x'\nn = E.B.name + str(len(E))",
        Some("A1"),
    ),
    (
        "n = ''.join(sorted(['bx', 'ay', 'ax'], key=lambda t: t[1], reverse=True))",
        Some("aybxax"),
    ),
    ("n = max(['ax', 'bx'], key=lambda t: t[1])", Some("ax")),
    ("n = {1: 'a'}[True]", Some("a")),
    ("import datetime\nn = str(datetime.date(2024, 1, 2))", None),
    (
        "import datetime\nn = str(datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc))",
        None,
    ),
    (
        "from datetime import timedelta\nn = str((timedelta(microseconds=3) / 2).microseconds)",
        Some("2"),
    ),
    ("n = '-7'.zfill(4) + 'a3b'.title()", Some("-007A3B")),
    ("from feast import ValueType\nn = str(ValueType.INT64.value)", None),
    ("import random\nl = [random.random(), 'a']\nn = str('a' in l)", None),
    (
        "import random\nd = {random.random(): 'x'}\nn = d.get('a', 'default')",
        None,
    ),
    ("import os\nn = os.path.join(None, 'a')", None),
    ("import acme\nl = ['a']\nacme.extend(l)\nn = ''.join(l)", None),
    (
        "t = {'a': 'b'}\nx = Entity(name='x', tags=t)\nt['c'] = 'd'\nn = 'a'",
        None,
    ),
    ("x = Entity(name='x')\nx.tags['c'] = 'd'\nn = x.tags['c']", Some("d")),
    ("x = Entity(name='x')\nt = x.tags\nt['c'] = 'd'\nn = 'a'", None),
    (
        "class P:\n    def __init__(self):\n        self.a = 'a'\nclass C(P):\n    def __init__(self):\n        super().__init__()\nn = C().a",
        None,
    ),
    ("n = 'a b'.split(sep=' ')[0]", None),
    ("n = 'yes' if __import__('acme') else 'no'", None),
    (
        "try:\n    n = 'a'\nexcept (PermissionError, TimeoutError, __import__('x').E):\n    n = 'b'",
        Some("a"),
    ),
    (
        "class L:\n    def __len__(self):\n        return 0\nn = 'a' if L() else 'b'",
        None,
    ),
    (
        "import copy\nd = {'l': ['a']}\nc = copy.deepcopy(d)\nd['l'].append('b')\nn = ''.join(c['l'])",
        Some("a"),
    ),
];

#[test]
fn values_are_pythons_or_refused() {
    for (source, expected) in NAMES
        .iter()
        .chain(times_and_kinds::NAMES)
        .chain(numbers_and_paths::NAMES)
    {
        let text = read(&format!("from feast import Entity\n{source}\ne = Entity(name=n)\n"));
        match (text, expected) {
            (Ok(definitions), Some(expected)) => {
                let names: Vec<&str> = definitions.entities.iter().map(|entity| entity.name()).collect();
                assert!(names.contains(expected), "{source}: {names:?}");
            }
            (Err(text), None) => assert!(text.contains("without running Python"), "{source}\n{text}"),
            (outcome, _) => panic!("{source}: {outcome:?}"),
        }
    }
}

/// Feast keeps the text of what it decorates; of a function that is given, only what `udf_string` says.
#[test]
fn functions_have_the_text_that_feast_gives_them() {
    let source = r#"
from feast import BatchFeatureView, FeatureView, Field, FileSource, OnDemandFeatureView
from feast.batch_feature_view import batch_feature_view
from feast.types import Int64
s = FileSource(name="s", path="p")
f = [Field(name="f", dtype=Int64)]
def same(rows):
    return rows
a = BatchFeatureView(name="given", mode="ray", source=s, udf=same)
b = BatchFeatureView(name="given_text", mode="ray", source=s, udf=same, udf_string="text")
c = BatchFeatureView(name="lambda", mode="pandas", source=s, udf=lambda rows: rows * 2)
@batch_feature_view(name="decorated", mode="ray", source=s)
def d(rows):
    return rows
v = FeatureView(name="v", source=s, schema=f)
e = OnDemandFeatureView(name="on_demand", sources=[v], schema=f, udf=lambda df:
    df * 2)
"#;
    let definitions = read(source).unwrap();
    let view = |name: &str| {
        let function = definitions.feature_view(name).unwrap().transformation.clone().unwrap();
        (function.name, function.text, function.source)
    };
    let of = |name: &str, text: &str, source: &str| (name.to_owned(), text.to_owned(), source.to_owned());
    let same = "def same(rows):\n    return rows\n";
    assert_eq!(view("given"), of("same", "", same));
    assert_eq!(view("given_text"), of("same", "text", same));
    assert_eq!(view("lambda"), of("<lambda>", "", "lambda rows: rows * 2"));
    let decorated = "@batch_feature_view(name=\"decorated\", mode=\"ray\", source=s)\ndef d(rows):\n    return rows\n";
    assert_eq!(view("decorated"), of("d", decorated, ""));
    let on_demand = definitions.on_demand_feature_views[0].transformation.clone().unwrap();
    assert_eq!(on_demand.text, "lambda df:\n    df * 2");
}
