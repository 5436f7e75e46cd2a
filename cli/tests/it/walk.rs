//! The documented way from `feast init` to served and pushed features.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::Repository;

const READ: &str = r#"{
    "features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:acc_rate", "driver_hourly_stats:avg_daily_trips"],
    "entities": {"driver_id": [1001, 1002, 1003]}}"#;
const NAMES: [&str; 4] = ["driver_id", "conv_rate", "acc_rate", "avg_daily_trips"];

/// The time in a form of the `date` command, so that the test reads the clock as a user would.
fn date(form: &str) -> String {
    let output = Command::new("date").args(["-u", form]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn push(now: &str, to: &str) -> Value {
    json!({
        "push_source_name": "driver_stats_push_source",
        "df": {"driver_id": [1001], "event_timestamp": [now], "created": [now.trim_end_matches("+00:00")],
               "conv_rate": [1.0], "acc_rate": [0.25], "avg_daily_trips": [1000]},
        "to": to
    })
}

#[test]
fn from_init_to_pushed_features() {
    let repository = Repository::empty();
    repository.succeed(&["init", "."]);
    assert_eq!(
        repository.succeed(&["apply"]),
        "No project found in the repository. Using project name feature_repo defined in feature_store.yaml\n\
         Applying changes for project feature_repo\n\
         Created project feature_repo\n\
         Created entity driver\n\
         Created feature view driver_hourly_stats\n\
         Created on demand feature view offer_value\n\
         Created feature service driver_activity\n\
         \n\
         Created rocksdb table feature_repo_driver_hourly_stats\n\
         \n"
    );
    let again = repository.succeed(&["apply"]);
    assert!(
        again.ends_with("No changes to registry\nNo changes to infrastructure\n"),
        "{again}"
    );

    let end = date("+%Y-%m-%dT%H:%M:%S");
    let planned = repository.succeed(&["materialize-incremental", &end, "--dry-run"]);
    assert!(
        planned.contains("  1 of 1 row groups in 1 file with ") && planned.ends_with("driver_stats.parquet\n"),
        "{planned}"
    );
    let outcome = repository.feast(&["materialize-incremental", &end]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let end = end.replace('T', " ");
    assert!(outcome.stdout.starts_with(&format!(
        "Materializing 1 feature views to {end}+00:00 into the rocksdb online store.\n\n"
    )));
    assert!(
        outcome.stdout.contains("driver_hourly_stats from ")
            && outcome.stdout.ends_with(&format!(" to {end}+00:00:\n"))
    );
    assert!(
        outcome.stderr.starts_with("driver_hourly_stats: 5 rows in "),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome
            .stderr
            .contains(" rows of the sources in 1 row group; 5 rows written ("),
        "{}",
        outcome.stderr
    );

    let server = repository.serve();
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);

    // Without a content type: one result per entity.
    let answer = server.post("/get-online-features", READ);
    assert_eq!((answer.status, answer.header("x-feast-layout")), (200, Some("rows")));
    let rows = answer.json();
    assert_eq!(rows["metadata"]["feature_names"], json!(NAMES));
    assert_eq!(rows["results"].as_array().map(Vec::len), Some(3));
    for (row, driver) in rows["results"].as_array().unwrap().iter().zip([1001, 1002, 1003]) {
        assert_eq!(row["values"][0], driver);
        assert_eq!(row["statuses"], json!(vec!["PRESENT"; 4]));
        assert_eq!(row["event_timestamps"][0], "1970-01-01T00:00:00Z");
        assert_eq!(row["values"].as_array().map(Vec::len), Some(4));
    }

    // With one: one result per feature, with the same values.
    let answer = server.post_json("/get-online-features", &serde_json::from_str(READ).unwrap());
    assert_eq!((answer.status, answer.header("x-feast-layout")), (200, Some("columns")));
    let columns = answer.json();
    assert_eq!(columns["metadata"]["feature_names"], json!(NAMES));
    for feature in 0..4 {
        for row in 0..3 {
            for part in ["values", "statuses", "event_timestamps"] {
                assert_eq!(
                    columns["results"][feature][part][row],
                    rows["results"][row][part][feature]
                );
            }
        }
    }
    let response = server.post("/get-online-features?layout=columns", READ);
    assert_eq!(response.json(), columns);
    let service = r#"{"feature_service": "driver_activity", "entities": {"driver_id": [1001, 1002, 1003]}}"#;
    assert_eq!(server.post("/get-online-features", service).json(), rows);
}

#[test]
fn features_are_computed_for_a_request() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", &date("+%Y-%m-%dT%H:%M:%S")]);
    let server = repository.serve();
    let offers = json!({
        "features": ["offer_value:fare_per_km", "offer_value:expected_fare", "driver_hourly_stats:acc_rate"],
        "entities": {"driver_id": [1001, 1002], "fare": [24.0, 9], "distance_km": [8.0, 4.5]}
    });
    let answer = server.post_json("/get-online-features", &offers).json();
    assert_eq!(
        answer["metadata"]["feature_names"],
        json!(["driver_id", "acc_rate", "fare_per_km", "expected_fare"])
    );
    assert_eq!(answer["results"][2]["values"], json!([3.0, 2.0]));
    let rates = answer["results"][1]["values"].as_array().unwrap().iter();
    let expected = [24.0, 9.0]
        .into_iter()
        .zip(rates)
        .map(|(fare, rate)| json!(fare * rate.as_f64().unwrap()));
    assert_eq!(answer["results"][3]["values"], Value::from_iter(expected));
}

#[test]
fn pushed_rows_outlive_the_server_and_reach_the_parquet_file() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", &date("+%Y-%m-%dT%H:%M:%S")]);
    let server = repository.serve();

    let now = date("+%Y-%m-%d %H:%M:%S+00:00");
    let answer = server.post("/push", &push(&now, "online_and_offline").to_string());
    assert_eq!(
        (answer.status, answer.body.as_str(), answer.header("x-feast-stale-rows")),
        (200, "", Some("0"))
    );

    // Scalars are repeated and columns that no view knows are ignored.
    let event = json!({
        "push_source_name": "driver_stats_push_source",
        "df": {"driver_id": [1002, 1003], "event_timestamp": [now, now], "created": now.trim_end_matches("+00:00"),
               "conv_rate": [0.5, 0.75], "acc_rate": 1.0, "avg_daily_trips": [7, 8], "string_feature": "test2"},
        "to": "online"
    });
    assert_eq!(server.post("/push", &event.to_string()).status, 200);

    // An older row does not replace a newer one.
    let stale = server.post("/push", &push("2022-05-13 10:59:42+00:00", "online").to_string());
    assert_eq!((stale.status, stale.header("x-feast-stale-rows")), (200, Some("1")));

    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("1 of 1 rows for driver_stats_push_source are older than what is stored"),
        "{log}"
    );

    let server = repository.serve();
    let request = r#"{"feature_service": "driver_activity", "entities": {"driver_id": [1001, 1002, 1003]}}"#;
    let read = server.post("/get-online-features", request).json();
    let values: Vec<&Value> = read["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["values"])
        .collect();
    assert_eq!(
        values,
        [
            &json!([1001, 1.0, 0.25, 1000]),
            &json!([1002, 0.5, 1.0, 7]),
            &json!([1003, 0.75, 1.0, 8])
        ]
    );
    let event_time = now.replace(' ', "T").replace("+00:00", "Z");
    assert_eq!(read["results"][0]["event_timestamps"][1], json!(event_time));
    drop(server);

    // A fresh online store gets the row back from the parquet file.
    std::fs::remove_dir_all(repository.path.join("data/online_store")).unwrap();
    repository.succeed(&["materialize", "2020-01-01", &now]);
    let server = repository.serve();
    let read = server.post("/get-online-features", request).json();
    assert_eq!(read["results"][0]["values"], json!([1001, 1.0, 0.25, 1000]));
    assert_ne!(
        read["results"][1]["values"],
        json!([1002, 0.5, 1.0, 7]),
        "that row was pushed online only"
    );
}

#[test]
fn acknowledged_pushes_survive_a_killed_server() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let now = date("+%Y-%m-%d %H:%M:%S+00:00");
    for driver in 0..20 {
        let server = repository.serve();
        let mut body = push(&now, "online_and_offline");
        body["df"]["driver_id"] = json!([driver]);
        assert_eq!(server.post("/push", &body.to_string()).status, 200);
        server.kill();
    }
    let request = json!({"features": ["driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": (0..20).collect::<Vec<_>>()}});
    let read = |repository: &Repository| {
        repository.serve().post_json("/get-online-features", &request).json()["results"][1]["values"].clone()
    };
    assert_eq!(read(&repository), json!(vec![1000; 20]));
    std::fs::remove_dir_all(repository.path.join("data/online_store")).unwrap();
    repository.succeed(&["materialize", "2020-01-01", &now]);
    assert_eq!(read(&repository), json!(vec![1000; 20]), "from the parquet file");
}

#[test]
fn materializing_over_http_is_the_same_as_from_the_command_line() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let end = date("+%Y-%m-%dT%H:%M:%S");
    let answer = server.post("/materialize-incremental", &json!({"end_ts": end}).to_string());
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
    let read = server.post("/get-online-features", READ).json();
    assert_eq!(read["results"][0]["statuses"], json!(vec!["PRESENT"; 4]));
    let backwards = json!({"start_ts": end, "end_ts": "2020-01-01"});
    assert_eq!(server.post("/materialize", &backwards.to_string()).status, 400);
}

#[test]
fn a_running_server_materializes_for_the_command_line() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let outcome = repository.feast(&["materialize-incremental", "2030-01-01T00:00:00"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome
            .stdout
            .starts_with("Materializing 1 feature views to 2030-01-01 00:00:00+00:00")
    );
    assert!(
        outcome.stderr.contains("has the online store open and does it"),
        "{}",
        outcome.stderr
    );
    let read = server.post("/get-online-features", READ).json();
    assert_eq!(read["results"][0]["statuses"], json!(vec!["PRESENT"; 4]));
    let refused = repository.feast(&["materialize", "2030-01-01", "2030-01-01"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("says: start_ts"), "{}", refused.stderr);
    server.stop();
    assert!(!repository.exists("data/online_store/SERVER"));
}

#[test]
fn an_applied_change_reaches_a_running_server() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let request = r#"{"feature_service": "late", "entities": {"driver_id": [1001]}}"#;
    assert_eq!(server.post("/get-online-features", request).status, 404);
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    let late = "late = FeatureService(name=\"late\", features=[driver_hourly_stats[[\"acc_rate\"]]])\n";
    repository.write("feature_definitions.py", &format!("{definitions}\n{late}"));
    repository.succeed(&["apply"]);
    assert_eq!(
        server.post("/get-online-features", request).status,
        200,
        "known at once"
    );
}

#[test]
fn a_view_that_is_deleted_now_takes_its_rows_with_it() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", &date("+%Y-%m-%dT%H:%M:%S")]);
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    repository.write(
        "feature_definitions.py",
        "from feast import Entity\ndriver = Entity(name=\"driver\")\n",
    );
    let deleted = repository.succeed(&["apply", "--now"]);
    assert!(
        deleted.contains("Deleted feature view driver_hourly_stats\n"),
        "{deleted}"
    );
    assert!(
        deleted.contains("Deleted rocksdb table feature_repo_driver_hourly_stats\n"),
        "{deleted}"
    );
    repository.write("feature_definitions.py", &definitions);
    repository.succeed(&["apply"]);
    let read = repository.serve().post("/get-online-features", READ).json();
    let statuses = &read["results"][0]["statuses"];
    assert_eq!(*statuses, json!(["PRESENT", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]));
}
