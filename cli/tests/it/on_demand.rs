//! On-demand views: what their functions give, where they are computed, and those whose results are stored.

use std::collections::BTreeMap;
use std::path::Path;

use feast_fixtures::copy_directory;
use serde_json::{Value, json};

use crate::golden::{difference, intended_differences};
use crate::interop::python;
use crate::support::{Repository, Server, eventually};

/// The repository with on-demand views of every sort, filled.
fn recorded_repository() -> Repository {
    let repository = Repository::empty();
    copy_directory(Path::new(feast_fixtures::ON_DEMAND_REPOSITORY), &repository.path);
    std::fs::remove_file(repository.path.join("data/registry.db")).unwrap();
    let settings =
        "project: on_demand\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online_store}\n";
    repository.write("feature_store.yaml", settings);
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2019-01-01T00:00:00", "2026-07-01T00:00:00"]);
    repository
}

#[test]
fn recorded_answers_are_given_again() {
    let server = recorded_repository().serve();
    let records = feast_fixtures::ON_DEMAND_ANSWERS.lines();
    let records: Vec<Value> = records.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 71);
    let found: Vec<Value> = records
        .iter()
        .filter_map(|record| difference(&server, record))
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let parts = found
        .iter()
        .map(|found| (text(&found["name"]), text(&found["differs"])));
    let parts: BTreeMap<String, String> = parts.collect();
    let lines: Vec<String> = found.iter().map(Value::to_string).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = Path::new(feast_fixtures::ON_DEMAND_REPOSITORY).with_file_name("differences.jsonl");
        std::fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        return;
    }
    assert_eq!(parts, intended_differences(feast_fixtures::ON_DEMAND_DIFFERENCES));
    let expected: Vec<&str> = feast_fixtures::DIFFERENT_ON_DEMAND_ANSWERS.lines().collect();
    assert_eq!(lines, expected, "if this is intended: UPDATE_GOLDEN=1 ./run test");
}

/// A view of drivers whose rows are pushed, and on-demand views of it.
const DRIVERS: &str = r#"
from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureView, Field, FileSource, PushSource, RequestSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64, String
from feast.value_type import ValueType

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
stats_file = FileSource(name="stats_file", path="data/stats.parquet", timestamp_field="event_timestamp")
stats_push = PushSource(name="stats_push", batch_source=stats_file)
stats = FeatureView(
    name="stats",
    entities=[driver],
    ttl=timedelta(days=3650),
    schema=[Field(name="trips", dtype=Int64), Field(name="rate", dtype=Float64)],
    source=stats_push,
)
fare_file = FileSource(name="fare_file", path="data/fares.parquet", timestamp_field="event_timestamp")
fares = FeatureView(
    name="fares",
    entities=[driver],
    ttl=timedelta(days=3650),
    schema=[Field(name="fare", dtype=Float64)],
    source=PushSource(name="fares_push", batch_source=fare_file),
)
order = RequestSource(name="order", schema=[Field(name="km", dtype=Float64)])
"#;

/// A repository with [`DRIVERS`] and more.
fn drivers(more: &str) -> Repository {
    let repository = Repository::empty();
    let settings =
        "project: rides\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online_store}\n";
    repository.write("feature_store.yaml", settings);
    repository.write("definitions.py", &format!("{DRIVERS}{more}"));
    repository
}

fn apply(repository: &Repository) -> (String, String) {
    let outcome = repository.feast(&["apply", "--skip-source-validation"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    (outcome.stdout, outcome.stderr)
}

fn push(server: &Server, source: &str, rows: &Value) {
    let body = json!({"push_source_name": source, "df": rows, "to": "online"});
    let response = server.post_json("/push", &body);
    assert_eq!(response.status, 200, "{}", response.json());
}

/// The values of features of drivers, by their names.
fn values(server: &Server, features: &[&str], drivers: &[i64]) -> Value {
    let body = json!({"features": features, "entities": {"driver_id": drivers}});
    let response = server.send(
        "POST",
        "/get-online-features",
        &[("content-type", "application/json")],
        &body.to_string(),
    );
    assert_eq!(response.status, 200, "{}", response.json());
    let answer = response.json();
    let names = answer["metadata"]["feature_names"].as_array().unwrap().iter();
    let results = answer["results"].as_array().unwrap().iter();
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .zip(results.map(|result| result["values"].clone()))
        .filter(|(name, _)| name != "driver_id")
        .collect()
}

const STORED: &str = r#"
@on_demand_feature_view(
    entities=[driver], sources=[stats], schema=[Field(name="score", dtype=Float64)], write_to_online_store=True
)
def scored(df):
    return pd.DataFrame({"score": df["trips"] * df["rate"]})
"#;

#[test]
fn stored_views_are_computed_when_rows_are_pushed() {
    let repository = drivers(STORED);
    let (stdout, stderr) = apply(&repository);
    assert!(stdout.contains("Created rocksdb table rides_scored\n"), "{stdout}");
    assert_eq!(stderr, "");
    let server = repository.serve();
    let rows = |trips: &[i64]| json!({"driver_id": [1, 2], "trips": trips, "rate": [0.5, 2.0], "event_timestamp": ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"]});
    push(&server, "stats_push", &rows(&[4, 6]));
    assert_eq!(
        values(&server, &["scored:score"], &[1, 2, 3]),
        json!({"score": [2.0, 12.0, null]})
    );
    push(&server, "stats_push", &rows(&[8, 6]));
    assert_eq!(
        values(&server, &["scored:score", "stats:trips"], &[1, 2]),
        json!({"score": [4.0, 12.0], "trips": [8, 6]})
    );
    // The time is that of the row of the source.
    let body = json!({"features": ["scored:score"], "entities": {"driver_id": [1, 3]}}).to_string();
    let response = server.send(
        "POST",
        "/get-online-features",
        &[("content-type", "application/json")],
        &body,
    );
    let answer = response.json();
    assert_eq!(answer["results"][1]["event_timestamps"][0], "2026-03-01T00:00:00Z");
    assert_eq!(answer["results"][1]["statuses"], json!(["PRESENT", "NOT_FOUND"]));
}

#[test]
fn runs_of_functions_are_measured_on_writes_where_a_view_asks_for_it() {
    let measured = STORED.replace(
        "write_to_online_store=True",
        "write_to_online_store=True, track_metrics=True",
    );
    let repository = drivers(&format!("{measured}{}", STORED.replace("scored", "silent")));
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write(
        "feature_store.yaml",
        &format!("{settings}serving: {{metrics_route: true}}\n"),
    );
    apply(&repository);
    let server = repository.serve();
    let time = "2026-03-01T00:00:00Z";
    let rows = |trips: &[i64]| json!({"driver_id": [1], "trips": trips, "rate": [0.5], "event_timestamp": [time]});
    push(&server, "stats_push", &rows(&[4]));
    push(&server, "stats_push", &rows(&[6]));
    let given = json!({"feature_view_name": "scored", "df": {"driver_id": [1], "trips": [4], "rate": [0.5]}});
    let written = server.post_json("/write-to-online-store", &given);
    assert_eq!(written.status, 200, "{}", written.json());
    let page = server.send("GET", "/metrics", &[], "").body;
    let runs = page
        .lines()
        .filter(|line| line.starts_with("feast_feature_server_write_transformation_duration_seconds_count"));
    assert_eq!(
        runs.collect::<Vec<_>>(),
        [r#"feast_feature_server_write_transformation_duration_seconds_count{odfv_name="scored",mode="pandas"} 3"#]
    );
}

#[test]
fn stored_views_are_written_by_what_their_function_gets_or_gives() {
    let more = r#"
@on_demand_feature_view(
    entities=[driver], sources=[stats, order], schema=[Field(name="cost", dtype=Float64)], write_to_online_store=True
)
def costs(df):
    return pd.DataFrame({"cost": df["rate"] * df["km"]})
"#;
    let repository = drivers(more);
    let (_, stderr) = apply(&repository);
    assert!(
        stderr.contains(
            "definitions.py:30: on-demand feature view costs takes km from requests, so rows of its other sources do not update it"
        ),
        "{stderr}"
    );
    let server = repository.serve();
    // A push has no kilometres.
    push(
        &server,
        "stats_push",
        &json!({"driver_id": [1], "trips": [1], "rate": [0.5], "event_timestamp": ["2026-03-01T00:00:00Z"]}),
    );
    assert_eq!(values(&server, &["costs:cost"], &[1]), json!({"cost": [null]}));
    let write = |df: &Value, transforms: bool| {
        let body = json!({"feature_view_name": "costs", "df": df, "transform_on_write": transforms});
        server.post_json("/write-to-online-store", &body)
    };
    let given = json!({"driver_id": [1, 2], "trips": [1, 1], "rate": [0.5, 2.0], "km": [10, 20.5]});
    assert_eq!(write(&given, true).status, 200);
    assert_eq!(values(&server, &["costs:cost"], &[1, 2]), json!({"cost": [5.0, 41.0]}));
    assert_eq!(write(&json!({"driver_id": [2], "cost": [-1.0]}), false).status, 200);
    assert_eq!(values(&server, &["costs:cost"], &[1, 2]), json!({"cost": [5.0, -1.0]}));
    let response = write(&json!({"driver_id": [2], "rate": [1.0], "trips": [1]}), true);
    assert_eq!(
        (response.status, response.json()),
        (400, json!("\"['km'] not in index\""))
    );
}

#[test]
fn stored_views_of_several_sources_take_the_stored_rows_of_the_others() {
    let more = r#"
@on_demand_feature_view(
    entities=[driver], sources=[stats, fares], schema=[Field(name="paid", dtype=Float64)], write_to_online_store=True
)
def paid(df):
    return pd.DataFrame({"paid": df["stats__trips"] * df["fare"]})
"#;
    let repository = drivers(more);
    apply(&repository);
    let server = repository.serve();
    let stats = |trips: i64, day: i64| json!({"driver_id": [1], "trips": [trips], "rate": [0.5], "event_timestamp": [format!("2026-03-0{day}T00:00:00Z")]});
    let fare = |fare: f64, day: i64| json!({"driver_id": [1], "fare": [fare], "event_timestamp": [format!("2026-03-0{day}T00:00:00Z")]});
    push(&server, "stats_push", &stats(3, 1));
    assert_eq!(values(&server, &["paid:paid"], &[1]), json!({"paid": [null]}));
    push(&server, "fares_push", &fare(2.5, 2));
    assert_eq!(values(&server, &["paid:paid"], &[1]), json!({"paid": [7.5]}));
    push(&server, "stats_push", &stats(4, 3));
    assert_eq!(values(&server, &["paid:paid"], &[1]), json!({"paid": [10.0]}));
}

#[test]
fn a_function_that_raises_fails_the_push_whole() {
    let more = r#"
@on_demand_feature_view(
    mode="python", entities=[driver], sources=[stats], schema=[Field(name="share", dtype=Float64)], write_to_online_store=True
)
def shares(inputs):
    return {"share": [1 / trips for trips in inputs["trips"]]}
"#;
    let repository = drivers(more);
    apply(&repository);
    let server = repository.serve();
    let rows = json!({"driver_id": [1, 2], "trips": [2, 0], "rate": [0.5, 0.5], "event_timestamp": ["2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"]});
    let response = server.post_json(
        "/push",
        &json!({"push_source_name": "stats_push", "df": rows, "to": "online"}),
    );
    assert_eq!(
        (response.status, response.json()),
        (
            500,
            json!("on-demand feature view shares, computed from rows of stats: division by zero")
        )
    );
    assert_eq!(response.header("x-feast-feature-view"), Some("shares"));
    assert_eq!(
        values(&server, &["stats:trips", "shares:share"], &[1, 2]),
        json!({"trips": [null, null], "share": [null, null]})
    );
}

#[test]
fn a_view_that_is_not_computed_here_says_why_everywhere() {
    let more = r#"
@on_demand_feature_view(sources=[stats], schema=[Field(name="doubled", dtype=Int64)])
def doubled(df):
    return pd.DataFrame({"doubled": df["trips"] * 2})


@on_demand_feature_view(sources=[stats], schema=[Field(name="guess", dtype=Float64)])
def guess(df):
    rows = len(df)
    return pd.DataFrame({"guess": model.predict(df)})
"#;
    let repository = drivers(more);
    let reason = "`model`: `model` is not defined in the function, and is no builtin that is known here";
    let (_, stderr) = apply(&repository);
    assert!(
        stderr.contains(&format!(
            "Warning: definitions.py:38: on-demand feature view guess is not computed by this binary, and reads of it are refused: {reason}"
        )),
        "{stderr}"
    );
    let plan = repository.feast(&["plan", "--skip-source-validation"]);
    assert!(plan.stderr.contains(reason), "{}", plan.stderr);
    let list = repository.succeed(&["on-demand-feature-views", "list", "--execution"]);
    let rows: Vec<Vec<&str>> = list
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    let in_function = format!("line 4 of its function, {reason}");
    assert_eq!(
        rows,
        [
            vec!["NAME", "MODE", "EXECUTION", "REASON"],
            vec!["doubled", "pandas", "native"],
            vec!["guess", "pandas", "refused", &in_function],
        ]
    );
    assert_eq!(
        repository.succeed(&["on-demand-feature-views", "list"]),
        "NAME\ndoubled\nguess\n"
    );
    let described = repository.succeed(&["on-demand-feature-views", "describe", "guess"]);
    assert!(described.contains("execution: refused\n"), "{described}");
    let server = repository.serve();
    let body = json!({"features": ["guess:guess"], "entities": {"driver_id": [1]}});
    let response = server.post_json("/get-online-features", &body);
    assert_eq!(response.status, 501);
    assert_eq!(
        response.json(),
        json!(format!(
            "On demand feature view 'guess' is not computed by this server: {in_function}"
        ))
    );
    assert_eq!(values(&server, &["doubled:doubled"], &[1]), json!({"doubled": [null]}));
}

/// Settings with a Python beside the server, if there is one to test with.
fn settings_with_python(project: &str, more: &str) -> Option<String> {
    let python = python()?;
    Some(format!(
        "project: {project}\nregistry: data/registry.db\nonline_store: {{type: rocksdb, path: data/online_store}}\n\
         serving: {{python: {{command: {}, user: root{more}}}}}\n",
        Path::new(&python).display()
    ))
}

#[test]
fn recorded_answers_are_given_again_with_python() {
    let Some(settings) = settings_with_python("on_demand", "") else {
        return;
    };
    let repository = recorded_repository();
    repository.write("feature_store.yaml", &settings);
    let list = repository.succeed(&["on-demand-feature-views", "list", "--execution"]);
    assert!(!list.contains("refused"), "{list}");
    let server = repository.serve();
    let records = feast_fixtures::ON_DEMAND_ANSWERS.lines();
    let records = records.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found: Vec<String> = records
        .filter_map(|record| difference(&server, &record))
        .map(|found| found.to_string())
        .collect();
    let is_answered = |line: &&str| {
        let found: Value = serde_json::from_str(line).unwrap();
        found["answer"]["status"] != 501
    };
    let expected: Vec<&str> = feast_fixtures::DIFFERENT_ON_DEMAND_ANSWERS
        .lines()
        .filter(is_answered)
        .collect();
    assert_eq!(found, expected);
}

const IN_PYTHON: &str = r#"
@on_demand_feature_view(mode="python", sources=[order], schema=[Field(name="metres", dtype=Float64)])
def metres(inputs):
    import gc
    import os
    import time

    for km in inputs["km"]:
        if km == -1:
            time.sleep(60)
        if km == -2:
            os._exit(3)
        if km == -3:
            print("a line that a function prints", flush=True)
        if km == -4:
            raise KeyError("km")
    return {"metres": [km * 1000 for km in inputs["km"]]}


@on_demand_feature_view(mode="python", sources=[order], schema=[Field(name="lost", dtype=Float64)])
def lost(inputs):
    import a_module_that_is_not_there

    return {"lost": inputs["km"]}
"#;

fn metres(server: &Server, km: f64) -> (u16, Value) {
    let body = json!({"features": ["metres:metres"], "entities": {"km": [km]}});
    let response = server.post_json("/get-online-features", &body);
    (response.status, response.json())
}

#[test]
fn what_functions_do_in_python_costs_one_request() {
    let Some(settings) = settings_with_python("rides", ", workers: 1, timeout_ms: 500") else {
        return;
    };
    let repository = drivers(IN_PYTHON);
    repository.write("feature_store.yaml", &settings);
    let (_, stderr) = apply(&repository);
    assert!(
        stderr.contains("Warning: definitions.py:32: on-demand feature view metres is computed by the Python of serving.python: `gc`"),
        "{stderr}"
    );
    let server = repository.serve();
    let is_computed = |km: f64| {
        let (status, answer) = metres(&server, km);
        assert_eq!((status, &answer["results"][0]["values"]), (200, &json!([km * 1000.0])));
    };
    is_computed(2.5);
    let failed = |km: f64, text: &str| {
        let (status, answer) = metres(&server, km);
        assert_eq!(status, 500, "{answer}");
        assert!(answer.as_str().unwrap().contains(text), "{answer}");
        // The next request has another process.
        is_computed(1.5);
    };
    failed(
        -1.0,
        "On demand feature view 'metres': the function took longer than 500 ms and was ended",
    );
    failed(
        -2.0,
        "On demand feature view 'metres': the Python process that ran the function has ended",
    );
    failed(-4.0, "'km'");
    is_computed(-3.0);
    let body = json!({"features": ["lost:lost"], "entities": {"km": [1]}});
    let response = server.post_json("/get-online-features", &body);
    assert_eq!(
        (response.status, response.json()),
        (500, json!("No module named 'a_module_that_is_not_there'"))
    );
    let log = server.stop().1;
    assert!(log.contains("a line that a function prints"), "{log}");
}

#[test]
fn every_request_gets_an_answer_when_there_are_more_than_python_takes() {
    let Some(settings) = settings_with_python("rides", ", workers: 1, queue: 4") else {
        return;
    };
    let repository = drivers(IN_PYTHON);
    repository.write("feature_store.yaml", &settings);
    apply(&repository);
    let server = repository.serve();
    assert_eq!(metres(&server, 1.0).0, 200);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let requests: Vec<_> = (0..200).map(|_| scope.spawn(|| metres(&server, 1.0).0)).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&200));
    assert_eq!(metres(&server, 2.0).0, 200);
}

/// A registry that Python wrote does not have the helper; the definitions beside it do.
#[test]
fn names_of_the_module_come_from_the_registry_or_from_the_definitions() {
    let more = r#"
import math

RATES = {"km": 1000}


def scaled(value, unit="km"):
    return math.floor(value * RATES[unit])


@on_demand_feature_view(mode="python", sources=[order], schema=[Field(name="metres", dtype=Int64)])
def metres(inputs):
    return {"metres": [scaled(km) for km in inputs["km"]]}
"#;
    let repository = drivers(more);
    assert_eq!(apply(&repository).1, "");
    let (_, answer) = metres(&repository.serve(), 1.5);
    assert_eq!(answer["results"][0]["values"], json!([1500]));
    // Another rate is another view, although the text of the function is the same.
    repository.write("definitions.py", &format!("{DRIVERS}{}", more.replace("1000", "2000")));
    let (stdout, _) = apply(&repository);
    assert!(stdout.contains("Updated on demand feature view metres\n"), "{stdout}");
    let (_, answer) = metres(&repository.serve(), 1.5);
    assert_eq!(answer["results"][0]["values"], json!([3000]));
}

#[test]
fn a_registry_of_python_is_completed_by_the_definitions_beside_it() {
    for has_definitions in [true, false] {
        let repository = Repository::empty();
        copy_directory(Path::new(feast_fixtures::ON_DEMAND_REPOSITORY), &repository.path);
        repository.write(
            "feature_store.yaml",
            "project: on_demand\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online_store}\n",
        );
        repository.succeed(&["materialize", "2019-01-01T00:00:00", "2026-07-01T00:00:00"]);
        if !has_definitions {
            std::fs::remove_file(repository.path.join("definitions.py")).unwrap();
        }
        let server = repository.serve();
        let body = json!({"features": ["module_helper:taxed"], "entities": {"driver_id": [1001]}});
        let read = || server.post_json("/get-online-features", &body);
        if has_definitions {
            eventually("the helper is known", || read().status == 200);
            assert_eq!(read().json()["results"][1]["values"], json!([8.33]));
        } else {
            let (status, answer) = (read().status, read().json());
            assert_eq!(status, 501, "{answer}");
            assert!(answer.as_str().unwrap().contains("with_tax"), "{answer}");
        }
    }
}

#[test]
fn stored_views_are_materialized_with_their_sources() {
    let more = r#"
@on_demand_feature_view(
    entities=[driver], sources=[driver_view[["trips"]]], schema=[Field(name="thirds", dtype=Int64)], write_to_online_store=True
)
def stored_thirds(df):
    return pd.DataFrame({"thirds": df["trips"] // 3})
"#;
    for store in [
        "{type: rocksdb, path: data/online_store}",
        "{type: sqlite, path: data/online.db}",
    ] {
        let repository = Repository::empty();
        copy_directory(Path::new(feast_fixtures::ON_DEMAND_REPOSITORY), &repository.path);
        let definitions = std::fs::read_to_string(repository.path.join("definitions.py")).unwrap();
        repository.write("definitions.py", &format!("{definitions}{more}"));
        let settings = format!("project: on_demand\nregistry: data/registry.db\nonline_store: {store}\n");
        repository.write("feature_store.yaml", &settings);
        let applied = repository.succeed(&["apply"]);
        assert!(applied.contains("table on_demand_stored_thirds\n"), "{applied}");
        // By the name of the view its sources are materialized.
        let span = [
            "materialize",
            "2019-01-01T00:00:00",
            "2026-07-01T00:00:00",
            "--views",
            "stored_thirds",
        ];
        let printed = repository.succeed(&span);
        assert!(printed.contains("driver_view:\n"), "{printed}");
        let server = repository.serve();
        let read = || values(&server, &["stored_thirds:thirds"], &[1001, 1002, 1003, 1004, 9999]);
        assert_eq!(read(), json!({"thirds": [2, 83, -3, null, null]}));
    }
}

#[test]
fn an_incremental_run_says_which_stored_views_have_no_rows_yet() {
    let repository = Repository::from_template();
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", "2030-01-01T00:00:00"]);
    let more = r#"
@on_demand_feature_view(
    entities=[driver], sources=[driver_hourly_stats], schema=[Field(name="half", dtype=Float64)], write_to_online_store=True
)
def halved(df):
    return pd.DataFrame({"half": df["acc_rate"] / 2})
"#;
    repository.write("feature_definitions.py", &format!("{definitions}{more}"));
    repository.succeed(&["apply"]);
    let outcome = repository.feast(&["materialize-incremental", "2030-01-02T00:00:00"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains(
            "driver_hourly_stats: the online store has no rows of on-demand feature view halved, which is computed from it"
        ),
        "{}",
        outcome.stderr
    );
    repository.succeed(&[
        "materialize",
        "2020-01-01T00:00:00",
        "2030-01-02T00:00:00",
        "-v",
        "halved",
    ]);
    let outcome = repository.feast(&["materialize-incremental", "2030-01-03T00:00:00"]);
    assert!(!outcome.stderr.contains("no rows"), "{}", outcome.stderr);
}

#[test]
fn native_answers_are_compared_with_those_of_python() {
    let Some(settings) = settings_with_python("rides", ", workers: 1, shadow: 1") else {
        return;
    };
    let more = r#"
@on_demand_feature_view(sources=[order], schema=[Field(name="metres", dtype=Float64)])
def metres(df):
    return pd.DataFrame({"metres": df["km"] * 1000})
"#;
    let repository = drivers(more);
    repository.write("feature_store.yaml", &settings);
    assert_eq!(apply(&repository).1, "");
    let server = repository.serve();
    for km in [0.5, 1.5, 2.5] {
        let (_, answer) = metres(&server, km);
        assert_eq!(answer["results"][0]["values"], json!([km * 1000.0]));
    }
    let log = server.stop().1;
    assert!(!log.contains("differ"), "{log}");
}

/// A view that gives one output of each of many types; its function begins with a statement.
fn view_of_many_types(name: &str, first: &str) -> String {
    format!(
        r#"
@on_demand_feature_view(
    mode="python",
    sources=[order],
    schema=[
        Field(name="a_map", dtype=Map),
        Field(name="json", dtype=Json),
        Field(name="id", dtype=Uuid),
        Field(name="price", dtype=Decimal),
        Field(name="raw", dtype=Bytes),
        Field(name="flags", dtype=Array(Bool)),
        Field(name="small", dtype=Array(Int32)),
        Field(name="narrow", dtype=Array(Float32)),
    ],
)
def {name}(inputs):
    {first}
    km = inputs["km"]
    return {{
        "a_map": [None if k < 0 else {{"km": k, "more": {{"is_far": k > 1.0, "names": ["a", "ž"]}}, "nothing": None}} for k in km],
        "json": [[k, {{"b": 1}}] for k in km],
        "id": ["8d5f6e1e-54a2-4c1f-9e0a-3b8e0f6f0f00"] * len(km),
        "price": ["1.50"] * len(km),
        "raw": [str(k).encode() for k in km],
        "flags": [[k > 1.0, True] for k in km],
        "small": [[1, int(k)] for k in km],
        "narrow": [[k, 0.5] for k in km],
    }}
"#
    )
}

#[test]
fn outputs_may_be_of_many_types_here_and_in_python() {
    let Some(settings) = settings_with_python("rides", ", workers: 1") else {
        return;
    };
    let more = format!(
        "from feast.types import Array, Bool, Bytes, Decimal, Float32, Int32, Json, Map, Uuid\n{}{}",
        view_of_many_types("here", "pass"),
        view_of_many_types("there", "import gc")
    );
    let repository = drivers(&more);
    repository.write("feature_store.yaml", &settings);
    apply(&repository);
    let list = repository.succeed(&["on-demand-feature-views", "list", "--execution"]);
    let execution = |name: &str| {
        let line = list.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(2).unwrap().to_owned()
    };
    assert_eq!((&*execution("here"), &*execution("there")), ("native", "python"));
    let server = repository.serve();
    let answer = |view: &str| {
        let features = ["a_map", "json", "id", "price", "raw", "flags", "small", "narrow"];
        let features = features.map(|feature| format!("{view}:{feature}"));
        let body = json!({"features": features, "entities": {"km": [0.1, 2.5, -1.0]}});
        let response = server.post_json("/get-online-features", &body);
        assert_eq!(response.status, 200, "{view}: {}", response.json());
        let results = response.json()["results"].clone();
        let values = results
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["values"].clone());
        Value::Array(values.collect())
    };
    let expected = json!([
        [
            {"km": 0.1, "more": {"is_far": false, "names": ["a", "ž"]}, "nothing": null},
            {"km": 2.5, "more": {"is_far": true, "names": ["a", "ž"]}, "nothing": null},
            null
        ],
        ["[0.1, {\"b\": 1}]", "[2.5, {\"b\": 1}]", "[-1.0, {\"b\": 1}]"],
        ["8d5f6e1e-54a2-4c1f-9e0a-3b8e0f6f0f00", "8d5f6e1e-54a2-4c1f-9e0a-3b8e0f6f0f00", "8d5f6e1e-54a2-4c1f-9e0a-3b8e0f6f0f00"],
        ["1.50", "1.50", "1.50"],
        ["MC4x", "Mi41", "LTEuMA=="],
        [[false, true], [true, true], [false, true]],
        [[1, 0], [1, 2], [1, -1]],
        [[0.10000000149011612, 0.5], [2.5, 0.5], [-1.0, 0.5]]
    ]);
    assert_eq!(answer("here"), expected);
    assert_eq!(answer("there"), expected);
}

#[test]
fn stored_views_may_be_computed_in_python() {
    let Some(settings) = settings_with_python("rides", ", workers: 1") else {
        return;
    };
    let in_python = STORED.replace("    return", "    import gc\n\n    return");
    let repository = drivers(&in_python);
    repository.write("feature_store.yaml", &settings);
    apply(&repository);
    let server = repository.serve();
    let rows = json!({"driver_id": [1], "trips": [4], "rate": [0.5], "event_timestamp": ["2026-03-01T00:00:00Z"]});
    push(&server, "stats_push", &rows);
    assert_eq!(values(&server, &["scored:score"], &[1]), json!({"score": [2.0]}));
}

/// The view of stored features of Python's `feast init`, its on-demand view, and two that look at columns of other types.
const PYTHONS_TEMPLATE: &str = r#"
from feast.types import Float32, Json, Map, Struct

driver_hourly_stats = FeatureView(
    name="driver_hourly_stats",
    entities=[driver],
    ttl=timedelta(days=3650),
    schema=[
        Field(name="conv_rate", dtype=Float32),
        Field(name="acc_rate", dtype=Float32),
        Field(name="avg_daily_trips", dtype=Int64),
        Field(name="driver_metadata", dtype=Map),
        Field(name="driver_config", dtype=Json),
        Field(name="driver_profile", dtype=Struct({"name": String, "age": String})),
    ],
    source=PushSource(
        name="hourly_push",
        batch_source=FileSource(name="hourly", path="data/hourly.parquet", timestamp_field="event_timestamp"),
    ),
    enable_validation=True,
    version="latest",
)
input_request = RequestSource(
    name="vals_to_add", schema=[Field(name="val_to_add", dtype=Int64), Field(name="val_to_add_2", dtype=Int64)]
)


@on_demand_feature_view(
    sources=[driver_hourly_stats, input_request],
    schema=[Field(name="conv_rate_plus_val1", dtype=Float64), Field(name="conv_rate_plus_val2", dtype=Float64)],
)
def transformed_conv_rate(inputs: pd.DataFrame) -> pd.DataFrame:
    df = pd.DataFrame()
    df["conv_rate_plus_val1"] = inputs["conv_rate"] + inputs["val_to_add"]
    df["conv_rate_plus_val2"] = inputs["conv_rate"] + inputs["val_to_add_2"]
    return df


@on_demand_feature_view(sources=[driver_hourly_stats], schema=[Field(name="vehicle", dtype=String)])
def vehicles(inputs):
    vehicle = inputs["driver_metadata"].apply(lambda metadata: metadata["vehicle_type"])
    return pd.DataFrame({"vehicle": vehicle})


@on_demand_feature_view(sources=[driver_hourly_stats], schema=[Field(name="present", dtype=Int64)])
def presence(inputs):
    return pd.DataFrame({"present": inputs.count(axis=1)})
"#;

/// Where on-demand views are computed, and why, by their names.
fn executions(repository: &Repository) -> BTreeMap<String, (String, String)> {
    let list = repository.succeed(&["on-demand-feature-views", "list", "--execution", "--output", "json"]);
    let views: Vec<Value> = serde_json::from_str(&list).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    views
        .iter()
        .map(|view| {
            let name = text(&view["spec"]["name"]);
            (name, (text(&view["execution"]), text(&view["reason"])))
        })
        .collect()
}

/// A read of one output, of driver 1 and with this data of requests.
fn read_one(server: &Server, feature: &str, data: &Value) -> (u16, Value) {
    let mut entities = json!({"driver_id": [1]});
    for (name, value) in data.as_object().unwrap() {
        entities[name] = json!([value]);
    }
    let body = json!({"features": [feature], "entities": entities});
    let response = server.post_json("/get-online-features", &body);
    let answer = response.json();
    match response.status {
        200 => {
            let names = answer["metadata"]["feature_names"].as_array().unwrap();
            let name = feature.split(':').next_back().unwrap();
            let place = names.iter().position(|known| known == name).unwrap();
            (200, answer["results"][place]["values"][0].clone())
        }
        status => (status, answer),
    }
}

#[test]
fn pythons_template_is_computed_here_and_what_looks_at_its_maps_is_not() {
    let repository = drivers(PYTHONS_TEMPLATE);
    let (_, stderr) = apply(&repository);
    assert!(!stderr.contains("transformed_conv_rate"), "{stderr}");
    let named =
        "`inputs[\"driver_metadata\"]`: driver_metadata, a column of type Map, which is not known here in pandas mode";
    let whole = "`inputs.count(axis=1)`: this may look at driver_metadata, a column of type Map, which is not known here in pandas mode";
    let in_function = |reason: &str| format!("line 3 of its function, {reason}");
    let expected = |place: &str| -> BTreeMap<String, (String, String)> {
        let not_native = |reason: &str| (place.to_owned(), in_function(reason));
        [
            ("presence".to_owned(), not_native(whole)),
            ("transformed_conv_rate".to_owned(), ("native".to_owned(), String::new())),
            ("vehicles".to_owned(), not_native(named)),
        ]
        .into()
    };
    assert_eq!(executions(&repository), expected("refused"));
    let doctor = repository.feast(&["doctor", "--timeout", "2"]).stdout;
    assert!(
        doctor.contains("of 3 on-demand feature views 1 are computed natively, 0 in Python"),
        "{doctor}"
    );
    assert!(doctor.contains(named), "{doctor}");

    let rows = json!({
        "driver_id": [1], "event_timestamp": ["2026-03-01T00:00:00Z"], "conv_rate": [0.5], "acc_rate": [0.25],
        "avg_daily_trips": [3], "driver_metadata": [{"vehicle_type": "truck", "rating": "5.0"}],
        "driver_config": ["{\"max_distance_km\": 100}"], "driver_profile": [{"name": "driver_1", "age": "30"}],
    });
    let transformed = |server: &Server| {
        let data = json!({"val_to_add": 1, "val_to_add_2": 2});
        read_one(server, "transformed_conv_rate:conv_rate_plus_val2", &data)
    };
    let nothing = json!({});
    let server = repository.serve();
    push(&server, "hourly_push", &rows);
    assert_eq!(transformed(&server), (200, json!(2.5)));
    let refused = |view: &str, reason: &str| {
        let reason = in_function(reason);
        let text = format!("On demand feature view '{view}' is not computed by this server: {reason}");
        (501, json!(text))
    };
    assert_eq!(
        read_one(&server, "vehicles:vehicle", &nothing),
        refused("vehicles", named)
    );
    assert_eq!(
        read_one(&server, "presence:present", &nothing),
        refused("presence", whole)
    );
    server.stop();

    let Some(settings) = settings_with_python("rides", ", workers: 1") else {
        return;
    };
    repository.write("feature_store.yaml", &settings);
    assert_eq!(executions(&repository), expected("python"));
    let server = repository.serve();
    assert_eq!(transformed(&server), (200, json!(2.5)));
    assert_eq!(read_one(&server, "vehicles:vehicle", &nothing), (200, json!("truck")));
    // With the join key and both names of each feature.
    assert_eq!(read_one(&server, "presence:present", &nothing), (200, json!(13)));
}

/// A type, and a value of it as JSON.
fn values_of_types() -> Vec<(&'static str, Value)> {
    vec![
        ("Bool", json!(true)),
        ("Bytes", json!("AP8=")),
        ("Decimal", json!("1.50")),
        ("Float32", json!(0.5)),
        ("Float64", json!(0.5)),
        ("ImageBytes", json!("AP8=")),
        ("Int32", json!(5)),
        ("Int64", json!(5)),
        ("Json", json!("{\"a\": 1}")),
        ("Map", json!({"a": {"b": [1, null]}})),
        ("PdfBytes", json!("AP8=")),
        ("String", json!("a")),
        ("Struct({\"n\": String, \"i\": Int64})", json!({"n": "x", "i": 5})),
        ("TimeUuid", json!("e4eaaaf2-d142-11e1-b3e4-080027620cdd")),
        ("UnixTimestamp", json!("2026-07-01T12:00:00Z")),
        ("Uuid", json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("ZonedTimestamp", json!("2026-07-01T12:00:00+02:00")),
        ("Array(Array(Int64))", json!([[1], []])),
        ("Array(Bytes)", json!(["AP8="])),
        ("Array(Float32)", json!([0.5])),
        ("Array(Int64)", json!([5, 6])),
        ("Array(Map)", json!([{"a": 1}])),
        ("Array(String)", json!(["a", "b"])),
        ("Array(Struct({\"n\": String}))", json!([{"n": "x"}])),
        ("Array(UnixTimestamp)", json!(["2026-07-01"])),
        ("Array(Uuid)", json!(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])),
        ("Set(Int64)", json!([1, 3])),
        ("Set(String)", json!(["a"])),
    ]
}

/// Functions over the feature `rate` and another one, `ODD`: the arguments of their decorator, and what they are.
const ODD_FUNCTIONS: [(&str, &str, &str); 8] = [
    ("unread", "", "pd.DataFrame({\"y\": inputs[\"rate\"] * 2})"),
    ("copied", "", "inputs.copy().assign(y=lambda df: df[\"rate\"] * 2)"),
    (
        "named",
        "",
        "inputs[[\"rate\", \"ODD\"]].assign(y=lambda df: df[\"rate\"] * 2)",
    ),
    ("kept", "", "pd.DataFrame({\"y\": [inputs][0][\"rate\"] * 2})"),
    (
        "unread_list",
        "mode=\"python\", ",
        "{\"y\": [rate * 2 for rate in inputs[\"rate\"]]}",
    ),
    (
        "named_list",
        "mode=\"python\", ",
        "{\"y\": [rate * 2 for rate, _ in zip(inputs[\"rate\"], inputs[\"ODD\"])]}",
    ),
    (
        "unread_row",
        "mode=\"python\", singleton=True, ",
        "{\"y\": inputs[\"rate\"] * 2}",
    ),
    (
        "copied_row",
        "mode=\"python\", singleton=True, ",
        "{\"y\": inputs[\"rate\"] * 2, **inputs}",
    ),
];

/// A view of stored features of every type, and for each of them every function.
fn views_of_every_type() -> String {
    let types = values_of_types();
    let fields = types.iter().enumerate();
    let fields = fields.map(|(number, (of, _))| format!("        Field(name=\"f{number}\", dtype={of}),\n"));
    let mut text = format!(
        "from feast.types import *\n\ntyped = FeatureView(\n    name=\"typed\",\n    entities=[driver],\n    ttl=timedelta(days=3650),\n    \
         schema=[\n        Field(name=\"rate\", dtype=Float64),\n{}    ],\n    source=PushSource(name=\"typed_push\", batch_source=stats_file),\n)\n",
        fields.collect::<String>()
    );
    for number in 0..types.len() {
        for (name, arguments, given) in ODD_FUNCTIONS {
            let given = given.replace("ODD", &format!("f{number}"));
            text += &format!(
                "\n\n@on_demand_feature_view(\n    {arguments}sources=[typed[[\"rate\", \"f{number}\"]]], \
                 schema=[Field(name=\"y\", dtype=Float64)]\n)\ndef {name}_{number}(inputs):\n    return {given}\n"
            );
        }
    }
    text
}

/// Whatever the types of the columns are that a function gets: native views are computed, and refused ones refused with the reason
/// that was told; with a Python beside the server all are computed.
#[test]
fn what_is_said_of_a_view_is_what_a_read_of_it_does() {
    let repository = drivers(&views_of_every_type());
    apply(&repository);
    let types = values_of_types();
    let mut rows = json!({"driver_id": [1], "rate": [0.5], "event_timestamp": ["2026-03-01T00:00:00Z"]});
    for (number, (_, value)) in types.iter().enumerate() {
        rows[format!("f{number}")] = json!([value]);
    }
    let server = repository.serve();
    push(&server, "typed_push", &rows);
    let said = executions(&repository);
    assert_eq!(said.len(), types.len() * ODD_FUNCTIONS.len());
    for (view, (place, reason)) in &said {
        let number: usize = view.rsplit_once('_').unwrap().1.parse().unwrap();
        let (status, answer) = read_one(&server, &format!("{view}:y"), &json!({}));
        let about = format!("{view}, of {}: {place} {reason}: {answer}", types[number].0);
        match place.as_str() {
            "native" => assert_eq!((status, &answer), (200, &json!(1.0)), "{about}"),
            _ => {
                assert_eq!((status, place.as_str()), (501, "refused"), "{about}");
                assert!(answer.as_str().unwrap().ends_with(reason.as_str()), "{about}");
                assert!(!view.starts_with("unread"), "{about}");
            }
        }
    }
    server.stop();

    let Some(settings) = settings_with_python("rides", ", workers: 1") else {
        return;
    };
    repository.write("feature_store.yaml", &settings);
    let server = repository.serve();
    for (view, (place, _)) in executions(&repository) {
        assert_eq!(place == "native", said[&view].0 == "native", "{view}");
        let (status, answer) = read_one(&server, &format!("{view}:y"), &json!({}));
        assert_eq!((status, &answer), (200, &json!(1.0)), "{view}, {place}");
    }
}
