//! What a mistake gets: one clear line, a hint where there is a remedy, the exit code, nothing half-written.

use serde_json::{Value, json};

use crate::support::{Outcome, Repository};

/// The command fails with one line that starts like this and a hint that holds that.
fn check(outcome: &Outcome, message: &str, hint: &str) {
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    let mut lines = outcome.stderr.lines();
    let first = lines.next().unwrap_or_default();
    assert!(
        first.starts_with("Error: ") && first.contains(message),
        "{}",
        outcome.stderr
    );
    if !hint.is_empty() {
        let second = lines.next().unwrap_or_default();
        assert!(
            second.starts_with("Hint: ") && second.contains(hint),
            "{}",
            outcome.stderr
        );
    }
    assert_eq!(lines.next(), None, "{}", outcome.stderr);
}

#[test]
fn settings() {
    let repository = Repository::empty();
    check(
        &repository.feast(&["apply"]),
        "Can't find feature repo configuration file at",
        "feast init",
    );
    repository.write("feature_store.yaml", "project: [\n");
    check(&repository.feast(&["apply"]), "feature_store.yaml: not valid YAML", "");
    repository.write(
        "feature_store.yaml",
        "project: p\nregistry: data/registry.db\nonline_store:\n  type: redys\n",
    );
    check(
        &repository.feast(&["apply"]),
        "online_store.type \"redys\" is not known",
        "the types of online stores are rocksdb, redis",
    );
    repository.write(
        "feature_store.yaml",
        "project: p\nregistry: data/registry.db\nonline_store:\n  type: redis\n  connection_string: h,password=se,cret\n",
    );
    let refused = repository.feast(&["configuration"]);
    check(
        &refused,
        "online_store.connection_string: part 1 (h) has no port",
        "a server is written host:port",
    );
    assert!(!refused.stderr.contains("cret"), "{}", refused.stderr);
    assert!(!repository.exists("data"), "nothing may be written");
}

#[test]
fn passwords_in_settings_are_not_printed() {
    let repository = Repository::empty();
    repository.write(
        "feature_store.yaml",
        "project: p\nregistry: data/registry.db\nonline_store:\n  type: redis\n  connection_string: h:6379,username=me,password=hidden\n",
    );
    let outcome = repository.feast(&["configuration"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("h:6379,username=me,password=***"),
        "{}",
        outcome.stdout
    );
    assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains("hidden"));
}

#[test]
fn unknown_settings() {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let with = |lines: &str| repository.write("feature_store.yaml", &format!("{settings}{lines}\n"));
    with("serving: {max_request: 5}");
    check(
        &repository.feast(&["apply"]),
        "feature_store.yaml: serving.max_request is not known: did you mean max_requests?",
        "the keys of serving are ",
    );
    with("feature_server: {metrics: {enable: true}}");
    check(
        &repository.feast(&["serve", "--port", "0"]),
        "feature_server.metrics.enable is not known: did you mean enabled?",
        "the keys of feature_server.metrics are ",
    );
    with("ofline_store: x\nregistry_path: y");
    let outcome = repository.feast(&["apply"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome
            .stderr
            .starts_with("Warning: ofline_store is not known and is ignored: did you mean offline_store?\nWarning: registry_path is not known and is ignored"),
        "{}",
        outcome.stderr
    );
    with("feature_server: {transformation_service_endpoint: \"x:1\"}\nbatch_engine: spark.engine");
    let (code, log) = repository.serve().stop();
    assert_eq!(code, Some(0), "{log}");
    for key in ["batch_engine", "feature_server.transformation_service_endpoint"] {
        assert!(log.contains(&format!("Warning: {key} has no effect here: ")), "{log}");
    }
}

#[test]
fn required_sign_in() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let with = |lines: &str| repository.write("feature_store.yaml", &format!("{settings}{lines}\n"));
    for (auth, problem, hint) in [
        (
            "auth: {type: kubernetes, anything: x}",
            "this process is in no Kubernetes cluster",
            "",
        ),
        (
            "auth: oidc",
            "says nothing of whose tokens a server accepts",
            "auth: {type: oidc, auth_discovery_url: ",
        ),
    ] {
        with(auth);
        check(&repository.feast(&["serve", "--port", "0"]), problem, hint);
        repository.succeed(&["feature-views", "list"]);
    }
    for auth in ["auth: no_auth", "auth: {type: no_auth}"] {
        with(auth);
        assert_eq!(repository.serve().send("GET", "/health", &[], "").status, 200);
    }
    with("auth: {type: nope}");
    check(
        &repository.feast(&["feature-views", "list"]),
        "auth configuration has invalid authentication type=nope",
        "",
    );
}

/// The log names the files; a client does not need to know where they are.
#[test]
fn failures_do_not_tell_clients_where_files_are() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let directory = repository.path.to_str().unwrap();
    let parquet = repository.path.join("data/driver_stats.parquet");
    let registry = repository.path.join("data/registry.db");
    let kept = (std::fs::read(&parquet).unwrap(), std::fs::read(&registry).unwrap());
    let push = json!({
        "push_source_name": "driver_stats_push_source", "to": "offline",
        "df": {"driver_id": [1], "event_timestamp": ["2026-05-13T10:59:42+00:00"], "created": ["2026-05-13 10:59:42"],
               "conv_rate": [1.0], "acc_rate": [1.0], "avg_daily_trips": [1]}
    });
    let run = json!({"start_ts": "2020-01-01", "end_ts": "2030-01-01"});
    let fails = |path: &str, body: &Value| {
        let answer = server.post_json(path, body);
        assert!(
            [500, 503].contains(&answer.status),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        let bare = directory.trim_start_matches('/');
        assert!(
            !answer.body.contains(bare) && !answer.body.contains("/tmp"),
            "{path}: {}",
            answer.body
        );
        answer.body
    };
    std::fs::remove_file(&parquet).unwrap();
    fails("/materialize", &run);
    fails("/push", &push);
    std::fs::create_dir(&parquet).unwrap();
    fails("/materialize", &run);
    fails("/push", &push);
    std::fs::remove_dir(&parquet).unwrap();
    for damaged in [&b"this is not parquet"[..], &kept.0[..kept.0.len() / 2], &[]] {
        std::fs::write(&parquet, damaged).unwrap();
        fails("/materialize", &run);
        fails("/push", &push);
    }
    let mut changed = kept.0.clone();
    let middle = changed.len() / 2;
    changed[middle..middle + 64].fill(0xff);
    std::fs::write(&parquet, &changed).unwrap();
    let answer = server.post_json("/materialize", &run);
    assert!(!answer.body.contains(directory), "{}", answer.body);
    std::fs::write(&parquet, &kept.0).unwrap();

    std::fs::write(&registry, "this is no registry").unwrap();
    let body = fails("/materialize", &run);
    assert!(body.contains("registry.db is not a Feast registry"), "{body}");
    std::fs::remove_file(&registry).unwrap();
    std::fs::create_dir(&registry).unwrap();
    let body = fails("/materialize", &run);
    assert!(body.contains("registry.db"), "{body}");
    std::fs::remove_dir(&registry).unwrap();
    std::fs::write(&registry, &kept.1).unwrap();
    let (_, log) = server.stop();
    assert!(
        log.contains(&format!("{directory}/data/registry.db is not a Feast registry")),
        "{log}"
    );
    assert!(log.contains(&format!("{directory}/data/driver_stats.parquet")), "{log}");
}

#[test]
fn dates() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let registry = std::fs::read(repository.path.join("data/registry.db")).unwrap();
    check(
        &repository.feast(&["materialize-incremental", "tomorrow"]),
        "END_TS: \"tomorrow\" is not a date or time",
        "",
    );
    check(
        &repository.feast(&["materialize", "2026-02-01", "2026-01-01"]),
        "is greater than the given end_date",
        "",
    );
    for year in ["+99999-01-01", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"] {
        check(
            &repository.feast(&["materialize-incremental", year]),
            "is not in the years 1 to 9999",
            "",
        );
    }
    assert_eq!(repository.feast(&["materialize", "2026-02-01"]).code, Some(2));
    assert_eq!(repository.feast(&["nonsense"]).code, Some(2));
    check(
        &repository.feast(&["materialize", "2026-01-01", "2026-02-01", "-v", "nope"]),
        "Feature view nope does not exist in project feature_repo",
        "",
    );
    assert_eq!(
        std::fs::read(repository.path.join("data/registry.db")).unwrap(),
        registry
    );
}

#[test]
fn files() {
    let repository = Repository::from_template();
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    repository.write(
        "feature_definitions.py",
        &definitions.replace("name=\"acc_rate\"", "name=\"nope\""),
    );
    check(
        &repository.feast(&["apply"]),
        "has no column nope",
        "its columns are: event_timestamp, driver_id",
    );
    assert!(!repository.exists("data/registry.db"), "nothing may be written");

    repository.write("feature_definitions.py", &definitions);
    repository.succeed(&["apply"]);
    std::fs::remove_file(repository.path.join("data/driver_stats.parquet")).unwrap();
    let missing = repository.feast(&["materialize", "2020-01-01", "2026-01-01"]);
    check(
        &missing,
        "data source driver_stats_source: there is no parquet file",
        "put the file there",
    );
    repository.write("data/driver_stats.parquet", "this is not parquet");
    let broken = repository.feast(&["materialize", "2020-01-01", "2026-01-01"]);
    check(&broken, "is not readable as parquet", "");
    repository.write("data/registry.db", "this is no registry");
    check(&repository.feast(&["apply"]), "is not a Feast registry", "feast apply");
}

#[test]
fn definitions_name_file_and_line() {
    let repository = Repository::from_template();
    repository.write("more.py", "from feast import Entity\n\nx = Entity(name=5)\n");
    check(
        &repository.feast(&["apply"]),
        "more.py:3: TypeCheckError: argument \"name\" (int) of Entity is not an instance of str",
        "",
    );
    assert!(!repository.exists("data/registry.db"));
}

#[test]
fn init_keeps_what_is_there() {
    let repository = Repository::empty();
    repository.write("README.md", "mine");
    repository.succeed(&["init", "."]);
    assert_eq!(
        std::fs::read_to_string(repository.path.join("README.md")).unwrap(),
        "mine"
    );
    check(
        &repository.feast(&["init", "."]),
        "is a feature repository already",
        "feast apply",
    );

    let minimal = Repository::empty();
    minimal.succeed(&["init", "-m", "small"]);
    assert!(minimal.exists("small/feature_store.yaml") && !minimal.exists("small/data"));
}

#[test]
fn one_owner_of_port_and_store() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    check(
        &repository.feast(&["serve", "--port", &port]),
        "cannot listen on 127.0.0.1:",
        "--port",
    );

    let server = repository.serve();
    check(
        &repository.feast(&["serve", "--port", "0"]),
        "is in use by another process",
        "stop it",
    );
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    // A server that is gone has left its address, and another one of another store listens there.
    let other = Repository::from_template();
    other.succeed(&["apply"]);
    let listening = other.serve();
    let posted = repository.path.join("data/online_store/SERVER");
    let text = std::fs::read_to_string(&posted).unwrap();
    let (_, identity) = text.split_once('\n').unwrap();
    for address in [listening.address(), "127.0.0.1:1"] {
        std::fs::write(&posted, format!("{address}\n{identity}")).unwrap();
        let outcome = repository.feast(&["materialize", "2020-01-01", "2026-01-01"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
        assert!(
            outcome.stderr.contains("is in use by another process"),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn requests() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let check = |path: &str, body: &str, status: u16, message: &str| {
        let answer = server.post(path, body);
        assert_eq!(
            (answer.status, answer.body.contains(message)),
            (status, true),
            "{body}: {}",
            answer.body
        );
    };
    let source = r#""push_source_name":"driver_stats_push_source""#;
    let row = r#""event_timestamp":["2026-01-01"],"created":["2026-01-01"],"conv_rate":[1],"acc_rate":[1],"avg_daily_trips":[1]"#;
    check("/get-online-features", "{", 422, "json_invalid");
    check(
        "/get-online-features",
        r#"{"features":["driver_hourly_stats:nope"],"entities":{"driver_id":[1]}}"#,
        404,
        "'Feature nope not found",
    );
    check(
        "/get-online-features",
        r#"{"features":["driver_hourly_stats:acc_rate"],"entities":{"id":[1]}}"#,
        400,
        "Missing join key values for keys: ['driver_id']",
    );
    check(
        "/push",
        r#"{"push_source_name":"nope","df":{}}"#,
        422,
        "Unable to find push source",
    );
    check(
        "/push",
        &format!(r#"{{{source},"df":{{"driver_id":["x"],{row}}}}}"#),
        400,
        "column driver_id, row 0",
    );
    check(
        "/push",
        &format!(r#"{{{source},"df":{{"driver_id":[null],{row}}}}}"#),
        400,
        "column driver_id of feature view driver_hourly_stats is null in row 0",
    );
    check(
        "/push",
        &format!(r#"{{{source},"df":{{"driver_id":[1],{row},"zz":[1]}},"to":"offline"}}"#),
        400,
        "extra_unexpected_columns: ['zz']",
    );
    check(
        "/write-to-online-store",
        r#"{"feature_view_name":"nope","df":{"a":[1]}}"#,
        404,
        "FeastObjectNotFoundException",
    );
    // Much from little: ten thousand scalars beside a long list must not be repeated a million times each.
    let scalars: String = (0..10_000).map(|index| format!(r#","c{index}":0"#)).collect();
    let long = format!(
        r#"{{{source},"df":{{"driver_id":[{}]{scalars}}}}}"#,
        vec!["0"; 200_000].join(",")
    );
    check("/push", &long, 400, "not in index");
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
}

#[test]
fn output_that_is_not_read() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let check = |stdout: std::process::Stdio, code: i32, text: &str| {
        let output = repository.command(&["registry-dump"]).stdout(stdout).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), stderr.contains(text)),
            (Some(code), true),
            "{stderr}"
        );
        assert!(!stderr.contains("panicked"), "{stderr}");
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    check(writer.into(), 0, "");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    check(full.into(), 1, "the output is not complete");
}
