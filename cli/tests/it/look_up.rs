//! Lists, descriptions and edits of what the registry holds, in the form of Feast's own commands.

use std::path::Path;

use feast_fixtures::copy_directory;
use serde_json::{Value, json};

use crate::support::Repository;

/// A repository with a label view, a stream view, a permission and two plain views, applied.
fn applied() -> Repository {
    let repository = Repository::empty();
    copy_directory(&Path::new(feast_fixtures::REGISTRIES).join("types"), &repository.path);
    repository.write(
        "feature_store.yaml",
        "project: vec_types\nregistry: data/registry.db\nonline_store:\n  type: rocksdb\n  path: data/online\n",
    );
    repository.succeed(&["apply", "--skip-source-validation"]);
    repository
}

#[test]
fn lists() {
    let repository = applied();
    let check = |command: &str, expected: &str| {
        assert_eq!(repository.succeed(&[command, "list"]), expected, "{command}");
    };
    check(
        "projects",
        "NAME       DESCRIPTION    TAGS    OWNER\nvec_types                 {}\n",
    );
    check(
        "entities",
        "NAME    DESCRIPTION    TYPE\nuser                   ValueType.STRING\n",
    );
    check(
        "feature-views",
        "NAME       ENTITIES    TYPE         ENABLED    STATE\n\
         all_types  {'user'}    FeatureView  Yes        STATE_UNSPECIFIED\n\
         versioned  {'user'}    FeatureView  Yes        STATE_UNSPECIFIED\n",
    );
    check("stream-feature-views", "NAME\nstream_rates\n");
    check("on-demand-feature-views", "NAME\n");
    check(
        "label-views",
        "NAME    ENTITIES    CONFLICT_POLICY\nlabels  user        majority_vote\n",
    );
    check("saved-datasets", "NAME\n");
    check("validation-references", "NAME\n");
    check(
        "feature-services",
        "NAME    FEATURES\nlogged  all_types:s2, all_types:vec, labels:ok, labels:labeler\n",
    );
    check(
        "data-sources",
        "NAME                CLASS\n\
         data/stats.parquet  <class 'feast.infra.offline_stores.file_source.FileSource'>\n\
         delta_src           <class 'feast.infra.offline_stores.file_source.FileSource'>\n\
         kafka               <class 'feast.data_source.KafkaSource'>\n",
    );
    check(
        "permissions",
        "NAME     TYPES           NAME_PATTERNS    ACTIONS       ROLES    REQUIRED_TAGS\n\
         readers  FeatureView     all_.*           DESCRIBE      admin    env : prod\n         FeatureService                   READ_OFFLINE  reader\n                                          READ_ONLINE\n",
    );
    let tagged = repository.succeed(&["permissions", "list", "--tags", "p:q"]);
    assert_eq!(tagged.lines().count(), 4, "{tagged}");
    let untagged = repository.succeed(&["permissions", "list", "--tags", "p:other"]);
    assert_eq!(untagged.lines().count(), 1, "{untagged}");
}

#[test]
fn lists_as_json() {
    let repository = applied();
    let list = |command: &str| -> Value {
        serde_json::from_str(&repository.succeed(&[command, "list", "--output", "json"])).unwrap()
    };
    assert_eq!(list("entities")[0]["spec"]["joinKey"], "user_id");
    assert_eq!(list("permissions")[0]["spec"]["requiredTags"], json!({"env": "prod"}));
    assert_eq!(
        list("features")[0],
        json!({"feature_name": "s0", "feature_view": "all_types", "dtype": "Bytes"})
    );
    assert_eq!(list("saved-datasets"), json!([]));
    assert_eq!(list("validation-references"), json!([]));
}

#[test]
fn descriptions() {
    let repository = applied();
    let described = repository.succeed(&["permissions", "describe", "readers"]);
    let (spec, meta) = described.split_once("meta:\n").unwrap();
    assert_eq!(
        spec,
        "spec:\n  name: readers\n  types:\n  - FEATURE_VIEW\n  - FEATURE_SERVICE\n  namePatterns:\n  \
         - all_.*\n  requiredTags:\n    env: prod\n  actions:\n  - DESCRIBE\n  - READ_OFFLINE\n  - READ_ONLINE\n  policy:\n    \
         roleBasedPolicy:\n      roles:\n      - reader\n      - admin\n  tags:\n    p: q\n"
    );
    assert!(meta.starts_with("  createdTimestamp: '2"), "{meta}");
    let view = repository.succeed(&["feature-views", "describe", "versioned"]);
    assert!(view.ends_with("enabled: true\nstate: STATE_UNSPECIFIED\n\n"), "{view}");

    for (command, message) in [
        ("entities", "Entity nope does not exist in project vec_types\n"),
        (
            "feature-views",
            "Feature view nope does not exist in project vec_types\n",
        ),
        (
            "feature-services",
            "Feature service nope does not exist in project vec_types\n",
        ),
        ("data-sources", "Data source nope does not exist in project vec_types\n"),
        ("projects", "Project nope does not exist\n"),
        (
            "validation-references",
            "Validation reference nope does not exist in project vec_types\n",
        ),
    ] {
        let missing = repository.feast(&[command, "describe", "nope"]);
        assert_eq!((missing.code, missing.stdout.as_str()), (Some(1), message));
    }
}

#[test]
fn views_are_let_be_used_or_not() {
    let repository = applied();
    let say = |command: &[&str], expected: &str| {
        let mut all = vec!["feature-views"];
        all.extend(command);
        assert_eq!(repository.succeed(&all), format!("{expected}\n"));
    };
    say(&["disable", "versioned"], "Feature view 'versioned' has been disabled.");
    say(
        &["disable", "versioned"],
        "Feature view 'versioned' is already disabled.",
    );
    let list = repository.succeed(&["feature-views", "list"]);
    assert!(list.contains("versioned  {'user'}    FeatureView  No"), "{list}");
    say(&["enable", "versioned"], "Feature view 'versioned' has been enabled.");
    say(
        &["set-state", "versioned", "CREATED"],
        "Feature view 'versioned' state set to CREATED.",
    );
    say(
        &["set-state", "versioned", "available_online"],
        "Invalid state transition: CREATED -> AVAILABLE_ONLINE. Allowed transitions from CREATED: GENERATED.",
    );
    let versions = repository.succeed(&["feature-views", "list-versions", "versioned"]);
    assert!(versions.starts_with("VERSION    TYPE          CREATED"), "{versions}");
    assert_eq!(versions.lines().count(), 2, "{versions}");
    assert_eq!(repository.feast(&["feature-views", "disable", "nope"]).code, Some(1));
}

#[test]
fn a_change_of_schema_is_a_new_version_and_names_what_changed() {
    let repository = applied();
    let definitions = std::fs::read_to_string(repository.path.join("definitions.py")).unwrap();
    let wider = definitions.replace(
        "schema=[Field(name=\"rate\", dtype=Float32), Field(name=\"acc_rate\", dtype=Float64)])",
        "schema=[Field(name=\"rate\", dtype=Float32)], description=\"one rate\")",
    );
    assert_ne!(definitions, wider);
    repository.write("definitions.py", &wider);
    let plan = repository.succeed(&["plan", "--skip-source-validation"]);
    let expected = "Updated feature view versioned\n\
         \tfeatures: [{\"name\":\"rate\",\"value_type\":\"FLOAT\"},{\"name\":\"acc_rate\",\"value_type\":\"DOUBLE\"}] -> \
         [{\"name\":\"rate\",\"value_type\":\"FLOAT\"}]\n\
         \tdescription:  -> one rate\n\
         No changes to infrastructure\n";
    assert!(plan.ends_with(expected), "{plan}");
    repository.succeed(&["apply", "--skip-source-validation"]);
    let versions = repository.succeed(&["feature-views", "list-versions", "versioned"]);
    assert_eq!(versions.lines().count(), 3, "{versions}");
    let described = repository.succeed(&["feature-views", "describe", "versioned"]);
    assert!(described.contains("currentVersionNumber: 1\n"), "{described}");
    // A pin to the first version brings its schema back, and a second apply finds nothing to do.
    repository.write(
        "definitions.py",
        &wider.replace("description=\"one rate\"", "description=\"one rate\", version=\"v0\""),
    );
    repository.succeed(&["apply", "--skip-source-validation"]);
    let described = repository.succeed(&["feature-views", "describe", "versioned"]);
    assert!(
        described.contains("name: acc_rate\n") && described.contains("version: v0\n"),
        "{described}"
    );
    let plan = repository.succeed(&["plan", "--skip-source-validation"]);
    assert!(plan.contains("No changes to registry\n"), "{plan}");
}

#[test]
fn removing() {
    let repository = applied();
    assert_eq!(
        repository.succeed(&["delete", "logged"]),
        "Deleted FeatureService logged from vec_types.\n"
    );
    assert_eq!(
        repository.succeed(&["delete", "logged"]),
        "Object not found. Deletion skipped.\n"
    );
    assert_eq!(repository.succeed(&["teardown", "-y"]), "");
    assert_eq!(
        repository.succeed(&["entities", "list"]),
        "NAME    DESCRIPTION    TYPE\n"
    );
    assert_eq!(
        repository.succeed(&["registry-dump"]),
        "{\n  \"project\": \"vec_types\"\n}\n"
    );
    // What was torn down can be made again.
    let again = repository.succeed(&["apply", "--skip-source-validation"]);
    assert!(again.contains("Created feature view versioned\n"), "{again}");
}

#[test]
fn a_protected_project_is_not_torn_down() {
    let repository = Repository::from_template();
    repository.write(
        "project.py",
        "from feast import Project\nproject = Project(name=\"feature_repo\", tags={\"feast.dev/protected-project\": \"true\"})\n",
    );
    repository.succeed(&["apply"]);
    let refused = repository.feast(&["teardown", "-y"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("project feature_repo is protected"),
        "{}",
        refused.stderr
    );
    assert!(repository.succeed(&["entities", "list"]).contains("driver"));
}

#[test]
fn completions_and_help() {
    let repository = Repository::empty();
    assert!(repository.succeed(&["completions", "bash"]).contains("_feast()"));
    for command in [
        "apply",
        "plan",
        "serve",
        "feature-views",
        "get-online-features",
        "teardown",
    ] {
        assert!(
            repository.succeed(&[command, "--help"]).contains("Usage: feast "),
            "{command}"
        );
    }
    // A group without a command prints its help to standard error, as a usage error.
    let group = repository.feast(&["entities"]);
    assert_eq!((group.code, group.stdout.as_str()), (Some(2), ""));
    assert!(group.stderr.contains("describe"), "{}", group.stderr);
}

#[test]
fn a_history_ends_with_its_view_and_not_before() {
    let repository = Repository::empty();
    repository.write(
        "feature_store.yaml",
        "project: histories\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online}\n",
    );
    let define = |views: &str| {
        let imports = "from feast import Entity, FeatureService, FeatureView, Field, BigQuerySource, LabelView, ValueType\n\
                       from feast.types import Int64, String\n\
                       source = BigQuerySource(name='versioned', table='t', timestamp_field='ts')\n\
                       driver = Entity(name='driver', value_type=ValueType.INT64)\n";
        repository.write("definitions.py", &format!("{imports}{views}"));
        repository.succeed(&["apply", "--skip-source-validation"]);
    };
    let versions = || {
        repository
            .feast(&["feature-views", "list-versions", "versioned"])
            .stdout
            .matches('-')
            .count()
    };
    define(
        "v = FeatureView(name='versioned', entities=[driver], source=source, schema=[Field(name='a', dtype=Int64)])\n",
    );
    let one = versions();
    define(
        "v = LabelView(name='versioned', entities=[driver], source=source, schema=[Field(name='a', dtype=Int64), Field(name='labeler', dtype=String)])\n",
    );
    let two = versions();
    assert!(two > one, "another kind of view keeps the history: {one} {two}");
    // A source of the same name comes later in the order of deletion, but an entity comes first.
    define(
        "v = LabelView(name='versioned', entities=[driver], source=source, schema=[Field(name='a', dtype=Int64), Field(name='labeler', dtype=String)])\nversioned = Entity(name='versioned')\n",
    );
    repository.succeed(&["delete", "versioned"]);
    assert_eq!(versions(), two, "the history is of the view, not of the entity");
}

#[test]
fn nothing_is_deleted_while_not_all_definitions_can_be_read() {
    let repository = Repository::empty();
    repository.write(
        "feature_store.yaml",
        "project: unread\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online}\n",
    );
    repository.write(
        "definitions.py",
        "from feast import Entity\na = Entity(name='a')\nb = Entity(name='b')\n",
    );
    repository.succeed(&["apply"]);
    let registry = || std::fs::read(repository.path.join("data/registry.db")).unwrap();
    let before = registry();
    repository.write(
        "definitions.py",
        "from feast import Entity\nfrom acme.entities import b\na = Entity(name='a')\n",
    );
    let outcome = repository.feast(&["apply"]);
    assert_eq!(outcome.code, Some(1));
    let stderr = &outcome.stderr;
    assert!(
        stderr.contains("this would delete entity b, but not all definitions can be read"),
        "{stderr}"
    );
    assert!(stderr.contains("b in definitions.py"), "{stderr}");
    assert_eq!(registry(), before);
    repository.write("definitions.py", "from feast import Entity\nfrom acme.entities import b\na = Entity(name='a')\nc = Entity(name='c')\nb2 = Entity(name='b')\n");
    let applied = repository.feast(&["apply"]);
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
    assert!(applied.stdout.contains("Created entity c"), "{}", applied.stdout);
    assert!(
        applied
            .stderr
            .contains("not applied, should they be objects of Feast: b in definitions.py"),
        "{}",
        applied.stderr
    );
}

/// A protobuf field that holds bytes; everything here is shorter than 128 bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2, u8::try_from(value.len()).unwrap()];
    bytes.extend(value);
    bytes
}

#[test]
fn validation_references_of_python_are_shown_and_removed() {
    let repository = applied();
    let path = repository.path.join("data/registry.db");
    let reference = |name: &[u8], project: &[u8]| {
        let members = [
            field(1, name),
            field(2, b"logged rows"),
            field(3, project),
            field(4, b"as of May"),
        ];
        field(13, &members.concat())
    };
    let mut registry = std::fs::read(&path).unwrap();
    registry.extend([reference(b"mine", b"vec_types"), reference(b"theirs", b"other")].concat());
    std::fs::write(&path, &registry).unwrap();
    assert_eq!(repository.succeed(&["validation-references", "list"]), "NAME\nmine\n");
    assert_eq!(
        repository.succeed(&["validation-references", "describe", "mine"]),
        "name: mine\nreferenceDatasetName: logged rows\ndescription: as of May\n\n"
    );
    assert_eq!(
        repository.succeed(&["delete", "mine"]),
        "Deleted ValidationReference mine from vec_types.\n"
    );
    assert_eq!(repository.succeed(&["validation-references", "list"]), "NAME\n");
    repository.succeed(&["teardown", "-y"]);
    let left = std::fs::read(&path).unwrap();
    assert!(
        left.windows(6).any(|window| window == b"theirs"),
        "what is of another project stays"
    );
}

/// Feast prints these to standard output, with the exit code of a failure.
#[test]
fn names_that_nothing_has() {
    let repository = applied();
    let view = "Feature view nope does not exist in project vec_types\n";
    for (command, text) in [
        (&["feature-views", "enable", "nope"] as &[_], view),
        (&["feature-views", "disable", "nope"], view),
        (&["feature-views", "set-state", "nope", "created"], view),
        (
            &["projects", "delete", "nope", "-y"],
            "Project nope does not exist in registry\n",
        ),
    ] {
        let outcome = repository.feast(command);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()),
            (Some(1), text, ""),
            "{command:?}"
        );
    }
    // The form of an entity is looked at before anything else.
    assert_eq!(
        repository.succeed(&["get-online-features", "-e", "bad", "-f", "nope:nope"]),
        "Invalid entity format: bad. Use key=value format.\n"
    );
    let project = repository.succeed(&["projects", "current_project"]);
    assert_eq!(project, repository.succeed(&["projects", "describe", "vec_types"]));
}
