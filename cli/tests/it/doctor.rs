//! `feast doctor` and `feast serve --check`: a broken thing, and the line that it gives; and that nothing is changed or disturbed.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use feast_engine::create_parquet;
use feast_fixtures::RedisServer;
use serde_json::Value;

use crate::connections::places::{certificate, openssl, text};
use crate::redis_trouble::repository_on;
use crate::support::Repository;

/// A server on a free port, so that nobody else's is in the way.
const SERVE: &str = "serve --check --output json --port 0";
const DOCTOR: &str = "doctor --output json --timeout 2";
const FILE: &str = "data/driver_stats.parquet";

/// What `feast init` makes, applied and materialized.
fn filled() -> Repository {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", "2100-01-01"]);
    repository
}

/// Adds lines to the settings.
fn set(lines: &str) -> impl FnOnce(&Repository) {
    move |repository| {
        let file = repository.path.join("feature_store.yaml");
        let settings = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{settings}{lines}\n")).unwrap();
    }
}

/// Replaces a file, or a directory, by this text.
fn write(name: &str, contents: &str) -> impl FnOnce(&Repository) {
    move |repository| {
        remove(name)(repository);
        repository.write(name, contents);
    }
}

fn remove(name: &str) -> impl FnOnce(&Repository) {
    move |repository| {
        let path = repository.path.join(name);
        match path.is_dir() {
            true => std::fs::remove_dir_all(path).unwrap(),
            false => _ = std::fs::remove_file(path),
        }
    }
}

fn make_pipe(name: &str) -> impl FnOnce(&Repository) {
    move |repository| {
        remove(name)(repository);
        let made = Command::new("mkfifo").arg(repository.path.join(name)).status();
        assert!(made.unwrap().success());
    }
}

/// Replaces the source by one with these columns of a row, `name:int` or `name:time`.
fn write_source(columns: &str) -> impl FnOnce(&Repository) {
    move |repository| {
        remove(FILE)(repository);
        let columns = columns.split_whitespace().map(|column| {
            let (name, kind) = column.split_once(':').unwrap();
            let values: ArrayRef = match kind {
                "time" => Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC")),
                _ => Arc::new(Int64Array::from(vec![1001])),
            };
            (name, values)
        });
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        create_parquet(&repository.path.join(FILE), &rows).unwrap();
    }
}

/// What a command finds, a line each: `level check: text | hint`.
fn found(repository: &Repository, command: &str) -> Vec<String> {
    let outcome = repository.feast(&command.split_whitespace().collect::<Vec<_>>());
    let document: Value = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", outcome.stdout, outcome.stderr));
    let line = |finding: &Value| {
        let of = |name: &str| finding[name].as_str().unwrap_or_default();
        format!("{} {}: {} | {}", of("level"), of("check"), of("text"), of("hint"))
    };
    let findings: Vec<String> = document["findings"].as_array().unwrap().iter().map(line).collect();
    let errors = findings.iter().filter(|line| line.starts_with("error ")).count();
    assert_eq!(document["counts"]["error"], errors);
    assert_eq!(document["ok"], errors == 0);
    assert_eq!(outcome.code, Some(i32::from(errors > 0)), "{}", outcome.stderr);
    assert_eq!(outcome.stderr, "", "the answer is on stdout alone");
    findings
}

/// For each of these there is a line that begins with it; `..` stands for any text.
fn has(findings: &[String], expected: &[&str]) {
    for pattern in expected {
        let is_meant = |line: &&String| {
            let mut parts = pattern.split(" .. ");
            let rest = parts.next().and_then(|first| line.strip_prefix(first));
            let rest =
                rest.and_then(|rest| parts.try_fold(rest, |rest, part| rest.split_once(part).map(|(_, rest)| rest)));
            rest.is_some()
        };
        assert!(
            findings.iter().any(|line| is_meant(&line)),
            "{pattern:?} is not in {findings:#?}"
        );
    }
}

fn has_no_error(findings: &[String]) {
    assert!(findings.iter().all(|line| !line.starts_with("error")), "{findings:#?}");
}

/// What is found of a sound repository once something is broken in it.
fn check(options: &str, broken: impl FnOnce(&Repository), expected: &[&str]) {
    let repository = filled();
    broken(&repository);
    has(&found(&repository, &format!("{SERVE} {options}")), expected);
}

/// Each file below a directory with its mode, its size and the time of its last change.
fn files(directory: &Path) -> BTreeMap<String, (u32, u64, SystemTime)> {
    let (mut found, mut pending) = (BTreeMap::new(), vec![directory.to_path_buf()]);
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                pending.push(path.clone());
            }
            let state = (metadata.mode(), metadata.len(), metadata.modified().unwrap());
            found.insert(path.display().to_string(), state);
        }
    }
    found
}

#[test]
fn a_sound_repository_has_no_errors() {
    let repository = filled();
    let before = files(&repository.path);
    let findings = found(&repository, SERVE);
    has(
        &findings,
        &[
            "ok settings: project feature_repo .. rocksdb",
            "ok registry:  .. 1 feature view, 1 on-demand feature view, 1 feature service, written ",
            "ok online store: rocksdb  .. format 2,  .. in 0 table files and the log of writes, about ",
            "ok rows:  .. have their rows",
            "ok sources: driver_stats_source: 6 columns in  .. for driver_hourly_stats",
            "ok functions: of 1 on-demand feature views 1 are computed natively",
            "ok ports: 127.0.0.1 has a free port",
            "ok clock: it is ",
        ],
    );
    has_no_error(&findings);
    assert_eq!(files(&repository.path), before);

    let outcome = repository.feast(&["serve", "--check", "--port", "0"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let first = outcome.stdout.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("ok       settings      project feature_repo"),
        "{first}"
    );
    let last = outcome.stdout.lines().last().unwrap_or_default();
    assert!(last.ends_with(" 0 errors"), "{last}");
}

#[test]
fn a_new_repository_is_told_what_comes_first_and_nothing_is_made() {
    let repository = Repository::from_template();
    let before = files(&repository.path);
    let expected = [
        "warning registry: there is no registry at  .. run: feast apply",
        "ok online store:  .. made by the first start",
    ];
    has(&found(&repository, SERVE), &expected);
    assert_eq!(files(&repository.path), before);
    let findings = found(&repository, &format!("{SERVE} --read-only"));
    has(
        &findings,
        &["error online store:  .. a server that only reads makes none"],
    );
    assert_eq!(files(&repository.path), before);
}

#[test]
fn settings_that_are_wrong_or_change_nothing() {
    const YAML: &str = "feature_store.yaml";
    let expected = "error settings: Can't find feature repo configuration file .. feast init";
    check("", remove(YAML), &[expected]);
    let directory = |repository: &Repository| {
        remove(YAML)(repository);
        std::fs::create_dir(repository.path.join(YAML)).unwrap();
    };
    check("", directory, &["error settings: cannot read  .. Is a directory"]);
    check("", write(YAML, "project: [\n"), &["error settings:  .. not valid YAML"]);
    check(
        "--registry_ttl_sec 5",
        set("registy: x\nserving: {max_memory_mib: 900000}\nowner: ${FEAST_TEST_NOBODY}"),
        &[
            "warning settings: registy is not known and is ignored: did you mean registry?",
            "warning settings: owner names the variable FEAST_TEST_NOBODY, which is not set .. in the environment",
            "warning settings: --registry_ttl_sec has no effect here",
            "warning memory: the settings let it hold  .. serving.max_memory_mib",
        ],
    );
}

#[test]
fn one_check_that_fails_keeps_no_other() {
    let damaged = |repository: &Repository| {
        write("data/registry.db", "no registry")(repository);
        write("data/online_store/CURRENT", "nonsense")(repository);
    };
    check(
        "",
        damaged,
        &[
            "error registry:  .. is not a Feast registry",
            "warning registry: without it rows, sources, functions",
            "error online store: online store  .. restore it, or remove the directory",
            "ok ports: ",
            "ok disk: ",
        ],
    );
    // What is not the store's fault is not said of it.
    let expected = ["error registry: ", "ok online store: rocksdb "];
    check("", write("data/registry.db", "no registry"), &expected);
    let expected = "error rows: the registry says that rows of driver_hourly_stats were materialized .. --full";
    check("", remove("data/online_store"), &[expected]);
    // A volume on which there is nothing.
    let emptied = |repository: &Repository| {
        remove("data/online_store")(repository);
        std::fs::create_dir(repository.path.join("data/online_store")).unwrap();
    };
    check("", emptied, &[expected]);
    let expected = "error online store: cannot write into  .. not a directory";
    check("", write("data/online_store", ""), &[expected]);
}

#[test]
fn a_damaged_store_is_not_one_that_is_being_made() {
    let repository = filled();
    let store = repository.path.join("data/online_store");
    // Opened again, it has its rows in a file.
    repository.succeed(&["online-store", "stats"]);
    has(
        &found(&repository, SERVE),
        &["ok online store: rocksdb  .. in 1 table file and the log of writes"],
    );
    let entries = std::fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path());
    let tables: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "sst"))
        .collect();
    let [table] = &tables[..] else { panic!("{tables:?}") };
    let file = File::options().write(true).open(table).unwrap();
    file.set_len(100).unwrap();
    let expected = [
        "error online store: online store  .. cannot be read: Corruption .. .sst .. | restore it, or remove the directory",
    ];
    for options in ["", "--read-only"] {
        has(&found(&repository, &format!("{SERVE} {options}")), &expected);
    }
    std::fs::remove_file(table).unwrap();
    has(&found(&repository, &format!("{SERVE} --read-only")), &expected);
}

#[test]
fn what_hangs_is_given_up() {
    let start = Instant::now();
    let repository = filled();
    make_pipe("data/registry.db")(&repository);
    let expected = [
        "error registry: not done within 2 s, at reading  .. registry.db .. --timeout",
        "ok online store: ",
    ];
    has(&found(&repository, DOCTOR), &expected);
    make_pipe("feature_store.yaml")(&repository);
    has(&found(&repository, DOCTOR), &["error settings: not done within 2 s"]);
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn sources_that_cannot_fill_their_views() {
    const SOURCE: &str = "error sources: data source driver_stats_source: ";
    const VIEW: &str = "error sources: feature view driver_hourly_stats: ";
    let of_source = |expected: &str| format!("{SOURCE} .. {expected}");
    let of_view = |expected: &str| format!("{VIEW} .. {expected}");
    check(
        "",
        remove(FILE),
        &[&of_source("there is no parquet file .. put the file there")],
    );
    check(
        "",
        write(FILE, "not parquet"),
        &[&of_source("is not readable as parquet")],
    );
    check("", make_pipe(FILE), &[&of_source("is not a file")]);
    check(
        "",
        write_source("driver_id:int event_timestamp:time created:time acc_rate:int"),
        &[&of_view(
            "has no column conv_rate, avg_daily_trips .. its columns are: driver_id",
        )],
    );
    check(
        "",
        write_source("driver_id:int event_timestamp:time created:time acc_rate:int conv_rate:int avg_daily_trips:time"),
        &[&of_view(
            "column avg_daily_trips of data source driver_stats_source is Timestamp( .. which does not become Int64",
        )],
    );
    check(
        "",
        write_source("driver_id:int event_timestamp:int created:time acc_rate:int conv_rate:int avg_daily_trips:int"),
        &[&of_view("column event_timestamp of .. must be a timestamp or a date")],
    );
}

#[test]
fn files_of_a_source_that_are_passed_over() {
    let directory = |repository: &Repository| {
        let file = repository.path.join(FILE);
        let part = repository.path.join("data/part-0.parquet");
        std::fs::rename(&file, &part).unwrap();
        std::fs::create_dir(&file).unwrap();
        std::fs::rename(&part, file.join("part-0.parquet")).unwrap();
        make_pipe(&format!("{FILE}/pipe.parquet"))(repository);
        (0..7).for_each(|number| repository.write(&format!("{FILE}/{number}.txt"), "x"));
    };
    check(
        "",
        directory,
        &[
            "ok sources: driver_stats_source: 6 columns in ",
            "warning sources: data source driver_stats_source:  .. 0.txt is left out: it is not parquet",
            "warning sources: data source driver_stats_source: 3 more are left out",
        ],
    );
}

#[test]
fn ports_and_sockets_that_are_taken() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let process = std::process::id();
    let repository = filled();
    for (options, expected) in [
        (
            format!("--port {port}"),
            format!(
                "error ports: cannot listen on 127.0.0.1:{port} .. process {process} ( .. choose another port with --port"
            ),
        ),
        (
            "--socket feature_store.yaml".to_owned(),
            "error ports: cannot listen on feature_store.yaml .. name another path".to_owned(),
        ),
        (
            "--host 0.0.0.0 --port 0".to_owned(),
            "warning ports: nobody has to sign in: who reaches 0.0.0.0:0".to_owned(),
        ),
    ] {
        let findings = found(&repository, &format!("serve --check --output json {options}"));
        has(&findings, &[&expected]);
    }
    let metrics = format!("serving: {{metrics_host: 127.0.0.1, metrics_port: {port}}}");
    let expected = "error ports: cannot listen on 127.0.0.1: .. for metrics .. serving.metrics_port";
    check("--metrics", set(&metrics), &[expected]);
}

#[test]
fn places_that_cannot_be_written() {
    let audit =
        |path: &str| format!("feature_server: {{audit_logging: {{enabled: true, sink: file, file_path: {path}}}}}");
    for path in ["feature_store.yaml/below", "none/audit.log", "data"] {
        check("", set(&audit(path)), &["error audit log: "]);
    }
    let repository = filled();
    set(&audit("audit.log"))(&repository);
    let log = File::create(repository.path.join("audit.log")).unwrap();
    log.lock().unwrap();
    let expected = format!(
        "error audit log: process {} ( .. writes the audit log .. a file of its own",
        std::process::id()
    );
    has(&found(&repository, SERVE), &[&expected]);
    drop(log);
    has(
        &found(&repository, SERVE),
        &["ok audit log:  .. audit.log can be written"],
    );
    // A file, and what cannot be below one.
    for path in ["feature_store.yaml", "feature_store.yaml/below"] {
        check(
            "",
            set(&format!(
                "feature_server: {{feature_logging: {{enabled: true}}}}\nserving: {{feature_log_spool_path: {path}}}"
            )),
            &[
                "error feature log: features that are to be logged cannot wait on disk .. serving.feature_log_spool_path",
            ],
        );
    }
    check(
        "",
        set("serving: {backups: {directory: nowhere}}"),
        &["error backups: the directory of backups  .. is not there .. feast backup DIR"],
    );
    check(
        "",
        set("serving: {backups: {directory: data/online_store/backups}}"),
        &["error backups:  .. is inside of the online store"],
    );
    check(
        "",
        set("serving: {backups: {directory: data}}"),
        &["ok backups:  .. has none of this store yet"],
    );
}

#[test]
fn tls_files() {
    let directory = tempfile::tempdir().unwrap();
    let (key, good) = certificate(directory.path(), "good", &[]);
    let (other_key, _) = certificate(directory.path(), "other", &[]);
    let path = |name: &str| directory.path().join(name);
    let (request, ended, extensions) = (path("request.pem"), path("ended.pem"), path("extensions"));
    // Without an extension it is a certificate of the first version.
    std::fs::write(&extensions, "basicConstraints = CA:FALSE\n").unwrap();
    openssl(&[
        "req",
        "-new",
        "-key",
        text(&key),
        "-subj",
        "/CN=ended",
        "-out",
        text(&request),
    ]);
    openssl(&[
        "x509",
        "-req",
        "-days",
        "-1",
        "-in",
        text(&request),
        "-signkey",
        text(&key),
        "-extfile",
        text(&extensions),
        "-out",
        text(&ended),
    ]);
    let check = |key: &Path, certificate: &Path, expected: &str| {
        let options = format!("--key {} --cert {}", text(key), text(certificate));
        self::check(&options, |_| {}, &[expected]);
    };
    check(
        &key,
        &good,
        "ok tls:  .. good.pem belongs to its key, and is valid until 20",
    );
    check(
        &other_key,
        &good,
        "error tls: --cert  .. cannot be used .. the certificate of the key that --key names",
    );
    check(&key, &ended, "error tls:  .. has ended at  .. clients refuse it");
    check(&key, &path("none"), "error tls: --cert  .. cannot be used");
    check(&request, &good, "error tls: --key  .. cannot be used");
}

#[test]
fn functions_and_those_who_are_asked_about_tokens() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let provider = format!("http://{closed}/.well-known/openid-configuration");
    check(
        "",
        set(&format!(
            "auth: {{type: oidc, audience: a, auth_discovery_url: \"{provider}\"}}"
        )),
        &[
            "error sign-in: the OpenID provider http:// .. cannot be asked, so that none of its tokens is accepted",
            "warning sign-in: there are no permissions",
        ],
    );
    check(
        "",
        set("serving: {python: {command: ./no/python}}"),
        &["error functions: serving.python:  .. name an interpreter that starts"],
    );
    let refused = |repository: &Repository| {
        let file = repository.path.join("feature_definitions.py");
        let definitions = std::fs::read_to_string(&file).unwrap();
        let computed = "df[\"fare\"] * df[\"acc_rate\"]";
        assert!(definitions.contains(computed));
        std::fs::write(&file, definitions.replace(computed, "open(\"/x\").read()")).unwrap();
        repository.succeed(&["apply"]);
    };
    check(
        "",
        refused,
        &["error functions: on-demand feature view offer_value  .. reads of it are refused .. serving.python.command"],
    );
}

#[test]
fn the_machine_and_a_store_in_sqlite() {
    let later = |repository: &Repository| {
        let registry = File::options()
            .append(true)
            .open(repository.path.join("data/registry.db"));
        let time = SystemTime::now() + Duration::from_secs(7200);
        registry.unwrap().set_modified(time).unwrap();
    };
    check(
        "",
        later,
        &["warning clock: the clock says  .. registry.db was changed .. later .. NTP"],
    );
    let sqlite = |repository: &Repository| {
        let yaml =
            "project: feature_repo\nregistry: data/registry.db\nonline_store: {type: sqlite, path: data/online.db}\n";
        repository.write("feature_store.yaml", yaml);
    };
    let expected = ["ok online store: sqlite  .. made by the first write", "ok push log: "];
    check("", sqlite, &expected);
    let damaged = |repository: &Repository| {
        sqlite(repository);
        repository.write("data/online.db", &"no database. ".repeat(100));
    };
    check(
        "",
        damaged,
        &["error online store: online store  .. online.db cannot be read"],
    );

    let limited = format!("ulimit -n 128; exec '{}' {SERVE}", env!("CARGO_BIN_EXE_feast"));
    let mut command = Command::new("sh");
    let output = command
        .args(["-c", &limited])
        .current_dir(&filled().path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("64 connections can be open, not ") && text.contains("LimitNOFILE"),
        "{text}"
    );
}

#[test]
fn a_running_server_is_not_disturbed() {
    let repository = filled();
    let server = repository.serve();
    let before = files(&repository.path);
    let (_, port) = server.address().rsplit_once(':').unwrap();
    let command = format!("serve --check --output json --port {port}");
    let process = format!("process {} (feast)", server.process_id());
    let findings = found(&repository, &command);
    has(
        &findings,
        &[
            &format!("ok online store: {process} has it open, the server at http://"),
            &format!(
                "ok ports: {process}, which has the online store open .. must be stopped before another one starts"
            ),
        ],
    );
    has_no_error(&findings);
    assert_eq!(files(&repository.path), before);
    let read = r#"{"features":["driver_hourly_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#;
    assert_eq!(server.post("/get-online-features", read).status, 200);
    make_pipe("data/online_store/SERVER")(&repository);
    let expected = format!("warning online store: {process} has it open, and is no server that answers");
    has(&found(&repository, &command), &[&expected]);
    // A server of another repository is in the way, and may be meant.
    let expected = format!("warning ports: cannot listen on  .. {process} listens there");
    has(&found(&filled(), &command), &[&expected]);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[test]
fn redis_that_may_hold_features_and_one_that_may_not() {
    let mut redis = RedisServer::start(&[]);
    let repository = repository_on(&redis, "");
    let keys = redis.cli(&["DBSIZE"]);
    let place = format!("redis {}", redis.address());
    let check = |expected: &[&str]| has(&found(&repository, SERVE), expected);
    check(&[&format!("ok online store: {place}: "), "ok push log: "]);
    assert_eq!(redis.cli(&["DBSIZE"]), keys);
    for (setting, value) in [
        ("maxmemory-policy", "allkeys-lru"),
        ("maxmemory", "100mb"),
        ("save", ""),
        ("appendonly", "no"),
    ] {
        redis.cli(&["CONFIG", "SET", setting, value]);
    }
    check(&[
        &format!(
            "warning online store: {place} evicts rows when its memory is full: maxmemory-policy is allkeys-lru .. noeviction"
        ),
        &format!("warning online store: {place} keeps nothing on disk"),
    ]);
    redis.hang();
    let start = Instant::now();
    check(&["error online store: Redis at  .. within", "ok sources: "]);
    assert!(start.elapsed() < Duration::from_secs(60));
    redis.go_on();
    redis.kill();
    check(&["error online store: Redis at  .. refuses connections .. connection_string right"]);
}
