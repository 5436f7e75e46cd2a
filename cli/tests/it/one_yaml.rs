//! One `feature_store.yaml` for Python Feast and this binary, and settings in `FEATURE_STORE_YAML_BASE64`.

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::interop;
use crate::support::{Outcome, Repository, Server};

const VARIABLE: &str = "FEATURE_STORE_YAML_BASE64";

/// Settings of which Python would take the file of its notebooks and the registry in a bucket.
const SHARED: &str = "\
project: shop
registry: s3://bucket/registry.db
provider: local
online_store:
  type: sqlite
  path: notebooks.db
serving:
  online_store: {type: rocksdb, path: data/served}
  registry: data/registry.db
";

fn encoded(settings: &str) -> String {
    STANDARD.encode(settings)
}

fn run(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

impl Repository {
    /// Runs `feast` with these variables in its environment.
    fn feast_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Outcome {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        run(command)
    }
}

/// The value of a driver that the example data has.
fn conv_rate(server: &Server) -> Value {
    let read = json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}});
    let answer = server.post_json("/get-online-features", &read);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["results"][1]["values"][0].clone()
}

#[test]
fn python_and_this_binary_read_one_file_and_one_variable() {
    interop::check("one_yaml.py", &[]);
}

#[test]
fn commands_work_on_the_stores_of_overrides() {
    let repository = Repository::from_template();
    repository.write("feature_store.yaml", SHARED);
    repository.succeed(&["apply"]);
    let materialized = repository.succeed(&["materialize", "2000-01-01", "2100-01-01"]);
    assert!(materialized.contains("into the rocksdb online store"), "{materialized}");
    assert!(repository.exists("data/served") && repository.exists("data/registry.db"));
    assert!(!repository.exists("notebooks.db") && !repository.exists("data/online_store"));
    let row = repository.succeed(&["online-store", "get", "driver_hourly_stats", "driver_id=1001", "--json"]);
    assert!(row.contains("conv_rate"), "{row}");

    let server = repository.serve();
    assert!(conv_rate(&server).is_f64());
    repository.succeed(&["backup", "backups"]);
    repository.write("feature_store.yaml", &SHARED.replace("data/served", "data/moved"));
    server.signal("HUP");
    // Nothing else shows that it was read.
    std::thread::sleep(Duration::from_millis(500));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    let remark = "these settings have changed, and count after a restart: serving.online_store.path\n";
    assert!(log.contains(remark), "{log}");

    let backup = std::fs::read_dir(repository.path.join("backups"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    repository.succeed(&["restore", "--force", backup.path().to_str().unwrap()]);
    assert!(repository.exists("data/moved"));
    assert!(conv_rate(&repository.serve()).is_f64());
}

#[test]
fn what_is_in_force_is_shown_where_it_is_written() {
    let repository = Repository::empty();
    let settings = SHARED.replace("path: data/served", "path: $PLACE/served");
    repository.write("feature_store.yaml", &settings);
    let table = |variables: &[(&str, &str)]| {
        let outcome = repository.feast_with(variables, &["configuration", "--effective"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let lines = outcome.stdout.lines().map(|line| {
            let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            cells.collect::<Vec<_>>().join(" | ")
        });
        let of_stores = lines.filter(|line| line.contains("online_store") || line.contains("registry"));
        (of_stores.collect::<Vec<_>>(), outcome.stderr)
    };
    let directory = repository.path.display();
    let expected = |file: &str| {
        let half = "computed: a sixteenth of the memory, 16 at least";
        vec![
            format!("serving.registry.path | {directory}/data/registry.db | {file}:9"),
            "registry.registry_type | file | default".to_owned(),
            "registry.enable_online_feature_view_versioning | false | default".to_owned(),
            format!("serving.online_store.type | rocksdb | {file}:8"),
            format!("serving.online_store.path | /srv/served | {file}:8, $PLACE"),
            format!("serving.online_store.row_cache_mib | {half}"),
            format!("serving.online_store.block_cache_mib | {half}"),
            "serving.online_store.skip_dedup | false | default".to_owned(),
        ]
    };
    // How much memory there is differs.
    let without_memory = |lines: Vec<String>| {
        let lines = lines
            .into_iter()
            .map(|line| match line.split(" | ").collect::<Vec<_>>()[..] {
                [key, _, from] if from.starts_with("computed") => format!("{key} | {from}"),
                _ => line,
            });
        lines.collect::<Vec<_>>()
    };
    let (lines, stderr) = table(&[("PLACE", "/srv")]);
    assert_eq!(
        (without_memory(lines), stderr.as_str()),
        (expected("feature_store.yaml"), "")
    );

    // The same from the variable, which is what a server has that starts here.
    repository.write("feature_store.yaml", "project: another\nregistry: r.db\n");
    let (lines, stderr) = table(&[("PLACE", "/srv"), (VARIABLE, &encoded(&settings))]);
    assert_eq!(without_memory(lines), expected(VARIABLE));
    assert_eq!(stderr, format!("The settings are those of {VARIABLE}\n"));

    // Without --effective it is the file, as it is.
    repository.write(
        "feature_store.yaml",
        &format!("{settings}  api_keys: []\n")
            .replace("rocksdb", "redis")
            .replace("path: $PLACE/served", "connection_string: 'h:1,password=hidden'"),
    );
    let shown = repository.feast_with(&[(VARIABLE, &encoded(SHARED))], &["configuration"]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("path: notebooks.db"), "{}", shown.stdout);
    assert!(
        shown.stdout.contains("connection_string: h:1,password=***"),
        "{}",
        shown.stdout
    );
    assert!(!shown.stdout.contains("hidden"), "{}", shown.stdout);
}

#[test]
fn a_server_runs_on_the_variable_alone() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2000-01-01", "2100-01-01"]);
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    std::fs::remove_file(repository.path.join("feature_store.yaml")).unwrap();
    let settings = encoded(&settings.replace("data/registry.db", "${DATA}/registry.db"));
    let variables = [(VARIABLE, settings.as_str()), ("DATA", "data")];

    // Relative paths start at the working directory, or at that of -c, and nothing but the answer is on stdout.
    let listed = repository.feast_with(&variables, &["entities", "list"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.starts_with("NAME"), "{}", listed.stdout);
    assert_eq!(listed.stderr, format!("The settings are those of {VARIABLE}\n"));
    let elsewhere = Repository::empty();
    let directory = repository.path.to_str().unwrap();
    let from_elsewhere = elsewhere.feast_with(&variables, &["-c", directory, "entities", "list"]);
    assert_eq!((from_elsewhere.code, from_elsewhere.stdout), (Some(0), listed.stdout));
    assert_eq!(std::fs::read_dir(&elsewhere.path).unwrap().count(), 0);

    let mut command = elsewhere.command(&["-c", directory, "serve", "--port", "0"]);
    command.envs(variables);
    let server = Server::start(command);
    assert!(conv_rate(&server).is_f64());
    let computed = json!({"features": ["offer_value:fare_per_km"], "entities": {"driver_id": [1001], "fare": [24.0], "distance_km": [8.0]}});
    let answer = server.post_json("/get-online-features", &computed).json();
    assert_eq!(answer["results"][1]["values"], json!([3.0]));
    // The environment of a process does not change.
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(500));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(
        log.contains("is read again") && !log.contains("count after a restart"),
        "{log}"
    );
}

#[test]
fn what_is_wrong_with_the_variable_is_told() {
    let repository = Repository::empty();
    let check = |value: &str, expected: &str| {
        let outcome = repository.feast_with(&[(VARIABLE, value)], &["entities", "list"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{value}");
        assert!(outcome.stderr.contains(expected), "{value}: {}", outcome.stderr);
    };
    check(
        "project: p",
        "FEATURE_STORE_YAML_BASE64 is not base64: ':' at 8 is no character of it",
    );
    check(
        "cHJvamVjdDogcA",
        "FEATURE_STORE_YAML_BASE64 is not base64: its end is missing",
    );
    check(
        "gIA=",
        "FEATURE_STORE_YAML_BASE64 is base64 of what is not text in UTF-8",
    );
    check("gIA=", "base64 --wrap=0 feature_store.yaml");
    check(&encoded("a: ["), "FEATURE_STORE_YAML_BASE64: not valid YAML: ");
    check(
        &encoded("project: p"),
        "FEATURE_STORE_YAML_BASE64: the key registry is missing",
    );
    check(
        " \n",
        "FEATURE_STORE_YAML_BASE64: must be a mapping with at least the keys project and registry",
    );
    check(
        &encoded("project: p\nregistry: r\nserving: {online_store: {type: rocksdb, path: 'http://h'}}"),
        "FEATURE_STORE_YAML_BASE64: serving.online_store.path is a URL, and the store is a directory",
    );
    check("", "feature_store.yaml. (FEATURE_STORE_YAML_BASE64 is set, but empty)");
}

#[test]
fn which_of_several_settings_is_read_is_told() {
    let repository = Repository::from_template();
    repository.write("other.yaml", "project: of_option\nregistry: data/registry.db\n");
    repository.write("named.yaml", "project: of_file_variable\nregistry: data/registry.db\n");
    let settings = encoded("project: of_variable\nregistry: data/registry.db\n");
    let named = ("FEAST_FS_YAML_FILE_PATH", "named.yaml");
    let check = |variables: &[(&str, &str)], options: &[&str], project: &str, stderr: &str| {
        let outcome = repository.feast_with(variables, &[options, &["projects", "current_project"]].concat());
        // Nothing has been applied yet.
        let stdout = format!("Project {project} does not exist\n");
        assert_eq!((outcome.stdout, outcome.stderr.trim()), (stdout, stderr));
    };
    let option = ["-f", "other.yaml"];
    check(&[], &[], "feature_repo", "");
    check(&[], &option, "of_option", "");
    check(&[named], &[], "of_file_variable", "");
    check(&[named], &option, "of_option", "");
    check(&[(VARIABLE, "")], &option, "of_option", "");
    let variable = (VARIABLE, settings.as_str());
    check(
        &[variable],
        &[],
        "of_variable",
        "The settings are those of FEATURE_STORE_YAML_BASE64",
    );
    check(
        &[variable],
        &option,
        "of_variable",
        "Warning: the file of -f is not read, as in Feast: the settings are those of FEATURE_STORE_YAML_BASE64",
    );
    check(
        &[variable, named],
        &option,
        "of_file_variable",
        "Warning: FEATURE_STORE_YAML_BASE64 is not read, as in Feast: the settings are those of the file that \
         FEAST_FS_YAML_FILE_PATH names",
    );
    for command in ["plan", "apply", "registry-dump", "configuration"] {
        let outcome = repository.feast_with(&[variable], &[command]);
        assert_eq!(outcome.code, Some(0), "{command}: {}", outcome.stderr);
        let warning = "Warning: FEATURE_STORE_YAML_BASE64 is not read by this command, as in Feast: the settings are those of the file\n";
        assert!(outcome.stderr.starts_with(warning), "{command}: {}", outcome.stderr);
        assert!(!outcome.stdout.contains("of_variable"), "{command}: {}", outcome.stdout);
    }
    // Neither of these reads settings.
    for command in [&["version"][..], &["completions", "bash"], &["init", "another"]] {
        let outcome = repository.feast_with(&[variable], command);
        assert_eq!(outcome.code, Some(0), "{command:?}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains(VARIABLE), "{command:?}: {}", outcome.stderr);
    }
}
