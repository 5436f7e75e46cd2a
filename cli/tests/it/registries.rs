//! Registries that Python Feast 0.67.0 wrote, against ours of the same definitions.

use std::path::Path;

use feast_fixtures::copy_directory;
use serde_json::{Map, Value};

use crate::support::Repository;

/// A directory of `fixtures/registries` and the project in it.
const REPOSITORIES: [(&str, &str); 4] = [
    ("basic", "vec_basic"),
    ("types", "vec_types"),
    ("odfv", "vec_odfv"),
    ("odfv_python", "vec_odfv"),
];

fn repository(directory: &str, project: &str) -> Repository {
    let repository = Repository::empty();
    copy_directory(&Path::new(feast_fixtures::REGISTRIES).join(directory), &repository.path);
    for (settings, registry) in [
        ("feature_store.yaml", "data/registry.db"),
        ("python.yaml", "data/python.db"),
    ] {
        let text =
            format!("project: {project}\nregistry: {registry}\nonline_store:\n  type: rocksdb\n  path: data/online\n");
        repository.write(settings, &text);
    }
    repository
}

/// A dump without what depends on the time or on Python's byte code.
fn comparable(dump: &str) -> Value {
    let mut dump: Value = serde_json::from_str(dump).unwrap();
    let members = dump.as_object_mut().unwrap();
    members.remove("infra");
    strip(&mut dump);
    dump
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("meta");
            members.remove("userDefinedFunction").into_iter().for_each(|function| {
                // The source of the function counts, in whichever member it is; the pickled body does not.
                let text = function.get("bodyText").cloned().unwrap_or_default();
                members.insert("text".to_owned(), text);
            });
            sort_stream_features(members);
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Python stores the features of stream views in an order that changes from run to run.
fn sort_stream_features(members: &mut Map<String, Value>) {
    let features = members
        .contains_key("streamSource")
        .then(|| members.get_mut("features"))
        .flatten();
    if let Some(features) = features.and_then(Value::as_array_mut) {
        features.sort_by_key(ToString::to_string);
    }
}

#[test]
fn an_apply_writes_what_python_wrote() {
    for (directory, project) in REPOSITORIES {
        let repository = repository(directory, project);
        // One of them names columns that its file does not have.
        repository.succeed(&["apply", "--skip-source-validation"]);
        let ours = repository.succeed(&["registry-dump"]);
        let pythons = repository.succeed(&["-f", "python.yaml", "registry-dump"]);
        assert_eq!(comparable(&ours), comparable(&pythons), "{directory}");
    }
}

#[test]
fn a_plan_over_pythons_registry_finds_no_changes() {
    for (directory, project) in REPOSITORIES {
        let repository = repository(directory, project);
        let plan = repository.succeed(&["-f", "python.yaml", "plan", "--skip-source-validation"]);
        assert!(plan.contains("No changes to registry\n"), "{directory}: {plan}");
        let before = std::fs::read(repository.path.join("data/python.db")).unwrap();
        repository.succeed(&["-f", "python.yaml", "apply", "--skip-source-validation"]);
        let after = std::fs::read(repository.path.join("data/python.db")).unwrap();
        assert!(before == after, "{directory}: an apply without changes writes nothing");
    }
}

#[test]
fn a_dump_is_that_of_python() {
    for (directory, project) in REPOSITORIES {
        let repository = repository(directory, project);
        // Python cannot dump one of them.
        let Ok(expected) = std::fs::read_to_string(repository.path.join("registry-dump.json")) else {
            continue;
        };
        let dump = repository.succeed(&["-f", "python.yaml", "registry-dump"]);
        assert_eq!(parse(&dump), parse(&expected), "{directory}");
    }
}

/// A dump without the times of sources that stand in other objects: Python makes new ones each time it reads them.
fn parse(text: &str) -> Value {
    let mut dump: Value = serde_json::from_str(text).unwrap();
    for pointer in ["/onDemandFeatureViews", "/featureServices"] {
        dump.pointer_mut(pointer).into_iter().for_each(without_source_times);
    }
    dump
}

fn without_source_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for source in ["batchSource", "requestDataSource"] {
                if let Some(source) = members.get_mut(source).and_then(Value::as_object_mut) {
                    source.remove("meta");
                }
            }
            members.values_mut().for_each(without_source_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_source_times),
        _ => {}
    }
}

/// What the environment names is read, what a parquet file has becomes a schema, and scripts are passed over once.
#[test]
fn definitions_are_read_with_what_lies_around_them() {
    let repository = Repository::empty();
    let parent = repository.path.parent().unwrap();
    let packages = parent.join("venv/lib/python3.11/site-packages");
    for directory in [
        packages.join("acme"),
        parent.join("shared"),
        repository.path.join("data"),
    ] {
        std::fs::create_dir_all(directory).unwrap();
    }
    std::fs::write(packages.join("acme/__init__.py"), "OWNER = 'acme'\n").unwrap();
    std::fs::write(
        parent.join("shared/limits.py"),
        "from datetime import timedelta\nTTL = timedelta(days=3)\n",
    )
    .unwrap();
    let parquet = Path::new(feast_fixtures::DEFINITIONS).join("data/stats.parquet");
    std::fs::copy(parquet, repository.path.join("data/stats.parquet")).unwrap();
    repository.write(
        "feature_store.yaml",
        "project: around\nregistry: data/registry.db\nonline_store:\n  type: rocksdb\n  path: data/online\n",
    );
    repository.write("make_data.py", "import numpy as np\nwhile True:\n    pass\n");
    repository.write(
        "views.py",
        r#"
import pandas as pd
from acme import OWNER
from limits import TTL
from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float64
driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
rates = FeatureView(
    name="rates",
    entities=[driver],
    ttl=TTL,
    owner=OWNER,
    schema=[Field(name=c, dtype=Float64) for c in pd.read_parquet("data/stats.parquet").columns if c.endswith("_rate")],
    source=FileSource(name="stats", path="data/stats.parquet", timestamp_field="event_timestamp"),
)
"#,
    );
    let output = repository
        .command(&["apply"])
        .env("PYTHONPATH", "../shared:/no/such/directory:")
        .env("VIRTUAL_ENV", parent.join("venv"))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let note = "Not read, because they import neither feast nor a file that does: make_data.py\n";
    assert_eq!(stderr.matches(note).count(), 1, "{stderr}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("make_data"));
    let dump: Value = serde_json::from_str(&repository.succeed(&["registry-dump"])).unwrap();
    let spec = &dump["featureViews"][0]["spec"];
    assert_eq!(spec["owner"], "acme");
    assert_eq!(spec["ttl"], "259200s");
    let names: Vec<_> = spec["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| &field["name"])
        .collect();
    assert_eq!(names, ["conv_rate", "acc_rate"]);
}
