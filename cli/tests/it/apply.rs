//! What `apply` and `plan` accept and print: files that are missing, many problems at once, join keys of any type,
//! join keys that change.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use serde_json::{Value, json};

use crate::support::{Outcome, Repository};

const SETTINGS: &str = "project: p\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online}\n";
const IMPORTS: &str = "from datetime import timedelta\n\
                       from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType\n\
                       from feast.types import *\n";
/// Everything is declared: nothing of the file has to be known.
const COMPLETE: &str = "src = FileSource(name='s', path='data/x.parquet', timestamp_field='ts')\n\
                        e = Entity(name='e', join_keys=['k'], value_type=ValueType.INT64)\n\
                        fv = FeatureView(name='fv', entities=[e], source=src, schema=[Field(name='v', dtype=Int64)])\n";

fn repository(definitions: &str) -> Repository {
    let repository = Repository::empty();
    repository.write("feature_store.yaml", SETTINGS);
    std::fs::create_dir(repository.path.join("data")).unwrap();
    define(&repository, definitions);
    repository
}

fn define(repository: &Repository, definitions: &str) {
    repository.write("definitions.py", &format!("{IMPORTS}{definitions}"));
}

/// `data/x.parquet` with a `ts` in November 2026 for each row.
fn parquet(repository: &Repository, columns: Vec<(&str, ArrayRef)>) {
    let times = TimestampMicrosecondArray::from_value(1_794_000_000_000_000, columns[0].1.len()).with_timezone("UTC");
    let columns = columns.into_iter().chain([("ts", Arc::new(times) as ArrayRef)]);
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    feast_engine::create_parquet(&repository.path.join("data/x.parquet"), &batch).unwrap();
}

fn integers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn check(outcome: &Outcome, code: i32, stderr: &str) {
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(code), stderr),
        "{}",
        outcome.stdout
    );
}

type Prepare = fn(&Repository);

/// What is in the place of the parquet file, and the error.
fn in_place_of_the_file() -> [(Prepare, &'static str); 6] {
    [
        (|_| {}, "there is no parquet file PATH"),
        (
            |repository| repository.write("data/x.parquet", ""),
            "PATH is not readable as parquet",
        ),
        (
            |repository| repository.write("data/x.parquet", "this is not parquet"),
            "PATH is not readable as parquet",
        ),
        (
            |repository| std::fs::create_dir(repository.path.join("data/x.parquet")).unwrap(),
            "no parquet file in PATH",
        ),
        (
            |repository| {
                std::os::unix::fs::symlink("/nonexistent/file", repository.path.join("data/x.parquet")).unwrap()
            },
            "there is no parquet file PATH",
        ),
        (
            |repository| {
                std::fs::remove_dir(repository.path.join("data")).unwrap();
                repository.write("data", "a file where a directory should be");
                repository.write("feature_store.yaml", &SETTINGS.replace("data/", "elsewhere/"));
            },
            "cannot read PATH",
        ),
    ]
}

#[test]
fn where_nothing_must_be_inferred_no_file_is_needed() {
    for (prepare, problem) in in_place_of_the_file() {
        for command in ["plan", "apply"] {
            let repository = repository(COMPLETE);
            prepare(&repository);
            let outcome = repository.feast(&[command]);
            let path = repository.path.join("data/x.parquet");
            let problem = problem.replace("PATH", path.to_str().unwrap());
            assert_eq!(outcome.code, Some(0), "{command}: {}", outcome.stderr);
            assert!(
                outcome.stdout.contains("Created feature view fv\n"),
                "{}",
                outcome.stdout
            );
            let warning = &outcome.stderr;
            assert!(
                warning.starts_with(&format!("Warning: data source s: {problem}"))
                    && warning.ends_with("; its columns are not checked\n")
                    && warning.lines().count() == 1,
                "{warning}"
            );
            // A user who turns the check off gets no warning that it was left out.
            check(&repository.feast(&[command, "--skip-source-validation"]), 0, "");
        }
    }
}

#[test]
fn a_missing_file_of_many_views_is_reported_once() {
    let second = "fv2 = FeatureView(name='fv2', entities=[e], source=src, schema=[Field(name='w', dtype=Int64)])\n\
                  pushed = FeatureView(name='pushed', entities=[e], source=PushSource(name='ps', batch_source=src),\n\
                  schema=[Field(name='w', dtype=Int64)])\n";
    let repository = repository(&format!("{COMPLETE}{second}"));
    let outcome = repository.feast(&["apply"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    // Nothing is done with rows that are not there, and the registry is as if they were.
    let missing = repository.feast(&["materialize-incremental", "2026-11-25"]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stderr.contains("data source s: there is no parquet file"),
        "{}",
        missing.stderr
    );
    parquet(
        &repository,
        vec![("k", integers(&[1])), ("v", integers(&[10])), ("w", integers(&[20]))],
    );
    let outcome = repository.feast(&["apply"]);
    check(&outcome, 0, "");
    assert!(outcome.stdout.contains("No changes to registry"), "{}", outcome.stdout);
    repository.succeed(&["materialize", "2026-01-01", "2026-12-01"]);
}

#[test]
fn where_something_must_be_inferred_a_missing_file_is_an_error() {
    for (declared, subject, hint) in [
        (
            ", timestamp_field='ts'",
            "definitions.py:4: data source s: ",
            "give data source s a timestamp_field",
        ),
        (
            ", schema=[Field(name='v', dtype=Int64)]",
            "definitions.py:6: feature view fv: Could not infer Features for the FeatureView named fv: data source s: ",
            "give the view a schema",
        ),
        (
            ", value_type=ValueType.INT64",
            "definitions.py:6: feature view fv: the type of join key k cannot be inferred: data source s: ",
            "give its entity a value_type",
        ),
    ] {
        let repository = repository(&COMPLETE.replace(declared, ""));
        for command in ["plan", "apply"] {
            let outcome = repository.feast(&[command]);
            assert_eq!(outcome.code, Some(1), "{declared}: {}", outcome.stderr);
            let path = repository.path.join("data/x.parquet");
            let expected = format!(
                "Error: {subject}there is no parquet file {}\nHint: {hint}",
                path.display()
            );
            assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
            assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
        }
        assert!(!repository.exists("data/registry.db"));
    }
}

#[test]
fn all_problems_are_reported_at_once_and_those_without_files_first() {
    let definitions = "src = FileSource(name='s', path='data/missing.parquet')\n\
        again = FileSource(name='S', path='data/other.parquet', timestamp_field='ts')\n\
        x = FileSource(name='x', path='data/x.parquet', timestamp_field='ts', created_timestamp_column='no_time')\n\
        e = Entity(name='e', join_keys=['k'], value_type=ValueType.INT64)\n\
        fv = FeatureView(name='fv', entities=[e], source=src, schema=[Field(name='v', dtype=Int64)])\n\
        FV = FeatureView(name='FV', entities=[e], source=x, schema=[Field(name='v', dtype=Int64),\n\
            Field(name='v', dtype=Int64), Field(name='nope', dtype=Int64)])\n\
        old = FeatureView(name='old', entities=[e, Entity(name='loose')], source=x,\n\
            schema=[Field(name='none', dtype=Int64)])\n\
        inferred = FeatureView(name='inferred', entities=[e], source=src)\n\
        service = FeatureService(name='service', features=[fv, FV, inferred])\n";
    let repository = repository(definitions);
    parquet(&repository, vec![("k", integers(&[1])), ("v", integers(&[10]))]);
    let expected = [
        "definitions.py:4: data source s: Multiple data sources share the same case-insensitive name s.",
        "definitions.py:8: feature view fv: Multiple FeatureViews with name 'fv' found.",
        "definitions.py:9: feature view FV: feature v is defined twice",
        "definitions.py:11: feature view old: its entity loose is not registered (bind the entity loose to a name of a module",
        "definitions.py:4: data source s: there is no parquet file DATA/missing.parquet (give data source s a timestamp_field",
        "definitions.py:9: feature view FV: data source x: DATA/x.parquet has no column no_time, nope (its columns are: k, v, ts)",
        "definitions.py:11: feature view old: data source x: DATA/x.parquet has no column no_time, none (its columns are",
    ];
    let data = repository.path.join("data");
    for command in ["plan", "apply"] {
        let outcome = repository.feast(&[command]);
        assert_eq!(outcome.code, Some(1));
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{}", outcome.stderr);
        for (line, expected) in lines.iter().zip(expected) {
            let expected = expected.replace("DATA", data.to_str().unwrap());
            assert!(
                line.starts_with(&format!("Error: {expected}")),
                "{line}\nis not\n{expected}"
            );
        }
    }
    assert!(!repository.exists("data/registry.db"));
}

fn keyed(dtype: &str) -> Repository {
    let repository = repository(&format!(
        "src = FileSource(name='s', path='data/x.parquet', timestamp_field='ts')\n\
         e = Entity(name='e', join_keys=['k'])\n\
         fv = FeatureView(name='fv', entities=[e], source=PushSource(name='ps', batch_source=src),\n\
         schema=[Field(name='k', dtype={dtype}), Field(name='v', dtype=Int64)])\n"
    ));
    parquet(&repository, vec![("k", integers(&[1])), ("v", integers(&[10]))]);
    repository
}

/// Python Feast applies each of these, and fails with `Value type not supported for feast feature store` when a row is
/// written or read.
#[test]
fn join_keys_that_cannot_be_stored_are_applied_and_refused_when_used() {
    for dtype in [
        "Float32",
        "Float64",
        "Bool",
        "Uuid",
        "TimeUuid",
        "Decimal",
        "Json",
        "Map",
        "ZonedTimestamp",
        "Array(Int64)",
        "Set(String)",
        "Struct({\"a\": Int64})",
    ] {
        let repository = keyed(dtype);
        let reason = format!("feature view fv: join key k is {dtype}, which no key of the online store can be");
        let hint = "use Int64, Int32, String, Bytes or UnixTimestamp";
        let warning = format!("Warning: {reason}, so its rows cannot be written or read online; {hint}\n");
        check(&repository.feast(&["plan"]), 0, &warning);
        let applied = repository.feast(&["apply"]);
        check(&applied, 0, &warning);
        assert!(
            applied.stdout.contains("Created feature view fv\n"),
            "{}",
            applied.stdout
        );

        let refused = format!("Error: {reason}\nHint: {hint}\n");
        let registry = std::fs::read(repository.path.join("data/registry.db")).unwrap();
        for command in [
            &["materialize", "2026-01-01", "2026-12-01"] as &[_],
            &["materialize-incremental", "2026-12-01", "-v", "fv"],
        ] {
            check(&repository.feast(command), 1, &refused);
        }
        assert_eq!(
            std::fs::read(repository.path.join("data/registry.db")).unwrap(),
            registry
        );

        let server = repository.serve();
        let df = json!({"k": [1], "v": [11], "ts": ["2026-11-20"]});
        for (path, body) in [
            (
                "/get-online-features",
                json!({"features": ["fv:v"], "entities": {"k": [1]}}),
            ),
            ("/push", json!({"push_source_name": "ps", "df": &df})),
            ("/write-to-online-store", json!({"feature_view_name": "fv", "df": &df})),
            (
                "/materialize",
                json!({"start_ts": "2026-01-01", "end_ts": "2026-12-01"}),
            ),
        ] {
            let answer = server.post_json(path, &body);
            assert_eq!(
                (answer.status, answer.body.contains(&json!(reason).to_string()[1..20])),
                (400, true),
                "{}",
                answer.body
            );
        }
        // The server has made the store.
        check(
            &repository.feast(&["get-online-features", "-e", "k=1", "-f", "fv:v"]),
            1,
            &refused,
        );
    }
}

/// Python Feast stores documents and images as it stores bytes.
#[test]
fn documents_and_images_are_keys() {
    for dtype in ["Bytes", "PdfBytes", "ImageBytes"] {
        let repository = keyed(dtype);
        let keys: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"a", b"b"]));
        parquet(&repository, vec![("k", keys), ("v", integers(&[10, 20]))]);
        check(&repository.feast(&["apply"]), 0, "");
        repository.succeed(&["materialize", "2026-01-01", "2026-12-01"]);
        let server = repository.serve();
        let read = || {
            let body = json!({"features": ["fv:v"], "entities": {"k": ["YQ==", "Yg==", "Yw=="]}});
            let answer = server.post_json("/get-online-features", &body);
            assert_eq!(answer.status, 200, "{dtype}: {}", answer.body);
            answer.json()["results"][1]["values"].clone()
        };
        assert_eq!(read(), json!([10, 20, null]), "{dtype}");
        let body = json!({"push_source_name": "ps", "df": {"k": ["Yw=="], "v": [30], "ts": ["2026-11-20"]}});
        let answer = server.post_json("/push", &body);
        assert_eq!(answer.status, 200, "{dtype}: {}", answer.body);
        assert_eq!(read(), json!([10, 20, 30]), "{dtype}");
    }
}

/// The view `fv` over these entities, materialized up to November 21st, 2026.
fn materialized(entities: &str) -> Repository {
    let repository = repository(&with_entities(entities));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let columns = vec![
        ("k", integers(&[1, 2])),
        ("k2", integers(&[1, 2])),
        ("name", names),
        ("v", integers(&[10, 20])),
    ];
    parquet(&repository, columns);
    check(&repository.feast(&["apply"]), 0, "");
    repository.succeed(&["materialize-incremental", "2026-11-21"]);
    repository
}

fn with_entities(entities: &str) -> String {
    format!(
        "src = FileSource(name='s', path='data/x.parquet', timestamp_field='ts')\n\
         k = Entity(name='k', join_keys=['k'], value_type=ValueType.INT64)\n\
         k_text = Entity(name='k_text', join_keys=['k'], value_type=ValueType.STRING)\n\
         k2 = Entity(name='k2', join_keys=['k2'], value_type=ValueType.INT64)\n\
         name = Entity(name='name', join_keys=['name'], value_type=ValueType.STRING)\n\
         fv = FeatureView(name='fv', entities=[{entities}], source=src, ttl=timedelta(days=60),\n\
         schema=[Field(name='v', dtype=Int64)])\n"
    )
}

fn read(repository: &Repository, keys: &[&str]) -> Value {
    let keys = keys.iter().flat_map(|key| ["-e", key]);
    let command: Vec<&str> = ["get-online-features", "-f", "fv:v"].into_iter().chain(keys).collect();
    let read: Value = serde_json::from_str(&repository.succeed(&command)).unwrap();
    read["v"].clone()
}

/// First and last event time that were materialized, as they are recorded.
fn interval(repository: &Repository) -> (String, String) {
    let described = repository.succeed(&["feature-views", "describe", "fv"]);
    let time = |name: &str| {
        let line = described
            .lines()
            .find_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(name));
        line.unwrap().trim_matches(['\'', ' ']).to_owned()
    };
    (time("startTime:"), time("endTime:"))
}

/// Entities before and after, the keys as they are printed, and a row to read.
const CHANGED_KEYS: &[(&str, &str, &str, &str, &[&str])] = &[
    ("k", "k2", "k (Int64)", "k2 (Int64)", &["k2=1"]),
    (
        "k",
        "k, name",
        "k (Int64)",
        "k (Int64), name (String)",
        &["k=1", "name=a"],
    ),
    (
        "k, name",
        "name",
        "k (Int64), name (String)",
        "name (String)",
        &["name=a"],
    ),
    ("k", "k_text", "k (Int64)", "k (String)", &["k=1"]),
    ("k", "", "k (Int64)", "none", &["k=1"]),
    ("", "k", "none", "k (Int64)", &["k=1"]),
];

#[test]
fn changed_join_keys_are_reported_and_the_next_run_starts_anew() {
    for (before, after, former, present, row) in CHANGED_KEYS {
        let repository = materialized(before);
        let (start, end) = interval(&repository);
        define(&repository, &with_entities(after));
        let warning = format!(
            "Warning: feature view fv: its join keys were {former} and are {present} now; rows stored under the former ones are \
             not found any more. The next `feast materialize-incremental` reads what was materialized so far again; to do it \
             at once, run: feast materialize {start} {end} --views fv\n"
        );
        check(&repository.feast(&["plan"]), 0, &warning);
        check(&repository.feast(&["apply"]), 0, &warning);
        check(&repository.feast(&["apply"]), 0, "");
        assert_eq!(read(&repository, row), json!([null]), "{before} -> {after}");

        let seconds = start[..19].replace('T', " ");
        let outcome = repository.feast(&["materialize-incremental", "2026-11-22"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(
            outcome
                .stdout
                .contains(&format!("fv from {seconds}+00:00 to 2026-11-22 00:00:00+00:00:")),
            "{}",
            outcome.stdout
        );
        assert!(
            outcome.stderr.starts_with(&format!(
                "Warning: the join keys of feature view fv were {former} when rows were stored, so these are not found any more; \
                 all since {seconds}+00:00 is read again\n"
            )),
            "{}",
            outcome.stderr
        );
        assert_eq!(
            read(&repository, row).as_array().map(|values| values[0].is_i64()),
            Some(true),
            "{before} -> {after}"
        );

        // From then on it goes on as before.
        let outcome = repository.feast(&["materialize-incremental", "2026-11-23"]);
        assert!(
            outcome
                .stdout
                .contains("fv from 2026-11-22 00:00:00+00:00 to 2026-11-23 00:00:00+00:00:"),
            "{}",
            outcome.stdout
        );
        assert!(!outcome.stderr.contains("Warning"), "{}", outcome.stderr);
    }
}

#[test]
fn the_command_that_is_recommended_brings_the_rows_back() {
    let repository = materialized("k");
    define(&repository, &with_entities("k2"));
    let outcome = repository.feast(&["apply"]);
    let command = outcome.stderr.trim().rsplit_once("run: feast ").unwrap().1;
    repository.succeed(&command.split(' ').collect::<Vec<_>>());
    assert_eq!(read(&repository, &["k2=1", "k2=2"]), json!([10, 20]));
    let outcome = repository.feast(&["materialize-incremental", "2026-11-22"]);
    assert!(
        outcome.stdout.contains("fv from 2026-11-21 00:00:00+00:00 to ") && !outcome.stderr.contains("Warning"),
        "{}{}",
        outcome.stdout,
        outcome.stderr
    );
}

#[test]
fn a_run_of_a_part_does_not_hide_the_rest() {
    let repository = materialized("k");
    let (start, _) = interval(&repository);
    define(&repository, &with_entities("k2"));
    assert_eq!(repository.feast(&["apply"]).code, Some(0));
    repository.succeed(&["materialize", "2026-11-20", "2026-11-21"]);
    let outcome = repository.feast(&["materialize-incremental", "2026-11-22"]);
    let seconds = start[..19].replace('T', " ");
    assert!(
        outcome.stdout.contains(&format!("fv from {seconds}+00:00 to ")),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome
            .stderr
            .starts_with("Warning: the join keys of feature view fv were k (Int64)"),
        "{}",
        outcome.stderr
    );
    assert_eq!(read(&repository, &["k2=1", "k2=2"]), json!([10, 20]));
}

#[test]
fn changes_that_leave_the_keys_alone_are_not_reported() {
    let repository = materialized("k, name");
    let before = interval(&repository);
    for definitions in [
        with_entities("name, k"),
        with_entities("name, k").replace("days=60", "days=61"),
        with_entities("name, k").replace("schema=[", "schema=[Field(name='k2', dtype=Int64), "),
    ] {
        define(&repository, &definitions);
        let outcome = repository.feast(&["apply"]);
        check(&outcome, 0, "");
        assert!(
            outcome.stdout.contains("Updated feature view fv\n"),
            "{}",
            outcome.stdout
        );
        assert_eq!(interval(&repository), before);
    }
    assert_eq!(read(&repository, &["k=1", "name=a"]), json!([10]));
}

#[test]
fn rows_that_were_only_pushed_have_to_be_pushed_again() {
    let pushed = |entities: &str| {
        with_entities(entities).replace("source=src,", "source=PushSource(name='ps', batch_source=src),")
    };
    let repository = repository(&pushed("k"));
    assert_eq!(repository.feast(&["apply"]).code, Some(0));
    define(&repository, &pushed("k2"));
    let outcome = repository.feast(&["apply", "--skip-source-validation"]);
    check(
        &outcome,
        0,
        "Warning: feature view fv: its join keys were k (Int64) and are k2 (Int64) now; rows stored under the former ones are \
         not found any more. Rows that were pushed online only have to be pushed again\n",
    );
    // Where nothing can have been stored there is nothing to report.
    let repository = self::repository(&with_entities("k"));
    assert_eq!(repository.feast(&["apply"]).code, Some(0));
    define(&repository, &with_entities("k2"));
    check(&repository.feast(&["apply", "--skip-source-validation"]), 0, "");
}

#[test]
fn a_server_logs_that_it_reads_again() {
    for query in ["", "?async=true"] {
        let repository = materialized("k");
        define(&repository, &with_entities("k2"));
        assert_eq!(repository.feast(&["apply"]).code, Some(0));
        let server = repository.serve();
        let body = json!({"end_ts": "2026-11-22T00:00:00"});
        let answer = server.post_json(&format!("/materialize-incremental{query}"), &body);
        assert!(answer.status == 200 || answer.status == 202, "{}", answer.body);
        crate::support::eventually("the rows come back", || {
            let body = json!({"features": ["fv:v"], "entities": {"k2": [1, 2]}});
            let answer = server.post_json("/get-online-features", &body);
            answer.status == 200 && answer.json()["results"][1]["values"] == json!([10, 20])
        });
        let (_, log) = server.stop();
        assert!(
            log.contains("the join keys of fv were k (Int64) when rows were stored"),
            "{log}"
        );
    }
}

/// A directory that is not mounted looks like a repository from which all definitions were removed.
#[test]
fn a_repository_without_any_file_deletes_nothing() {
    let repository = repository(COMPLETE);
    repository.succeed(&["apply", "--skip-source-validation"]);
    let definitions = repository.path.join("definitions.py");
    let text = std::fs::read_to_string(&definitions).unwrap();
    std::fs::remove_file(&definitions).unwrap();
    for command in ["apply", "plan"] {
        let outcome = repository.feast(&[command]);
        assert_eq!(outcome.code, Some(1));
        for part in [
            "would delete",
            "feature view fv",
            "has no definition file",
            "feast teardown",
        ] {
            assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
        }
    }
    assert!(repository.succeed(&["feature-views", "list"]).contains("fv"));
    // An empty file is a decision.
    repository.write("definitions.py", "");
    assert!(repository.succeed(&["apply"]).contains("Deleted feature view fv\n"));
    repository.write("definitions.py", &text);
    repository.succeed(&["apply", "--skip-source-validation"]);
}
