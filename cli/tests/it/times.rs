//! Points in time that are accepted, and those that are not; rows without values.

use serde_json::{Value, json};

use crate::support::{Repository, Response, Server};

const FEATURES: [&str; 3] = ["conv_rate", "acc_rate", "avg_daily_trips"];

fn served(settings: &str) -> (Repository, Server) {
    let repository = Repository::from_template();
    let file = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{file}\n{settings}\n"));
    repository.succeed(&["apply"]);
    let server = repository.serve();
    (repository, server)
}

fn frame(event_timestamp: &Value, created: &Value) -> Value {
    json!({"driver_id": [1, 2], "event_timestamp": ["2026-05-13T10:59:42Z", event_timestamp], "created": ["2026-05-13T10:59:42", created],
           "conv_rate": [1.0, 1.0], "acc_rate": [1.0, 1.0], "avg_daily_trips": [1, 1]})
}

fn push(server: &Server, to: &str, df: &Value) -> Response {
    let body = json!({"push_source_name": "driver_stats_push_source", "to": to, "df": df});
    server.post_json("/push", &body)
}

fn write(server: &Server, df: &Value) -> Response {
    let body = json!({"feature_view_name": "driver_hourly_stats", "df": df});
    server.post_json("/write-to-online-store", &body)
}

fn statuses(server: &Server, drivers: &[i64]) -> Value {
    let features: Vec<String> = FEATURES
        .iter()
        .map(|name| format!("driver_hourly_stats:{name}"))
        .collect();
    let body = json!({"features": features, "entities": {"driver_id": drivers}});
    let answer = server.post_json("/get-online-features", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["results"][1]["statuses"].clone()
}

#[test]
fn event_times_that_nothing_could_replace_are_refused() {
    let (repository, server) = served("");
    let parquet = repository.path.join("data/driver_stats.parquet");
    let before = std::fs::read(&parquet).unwrap();
    let outside = [
        json!("1000-01-01T00:00:00Z"),
        json!("1677-09-21T00:12:43.145223Z"),
        json!("2262-04-11T23:47:16.854776Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("+262142-12-31T00:00:00Z"),
        json!(i64::MIN),
        json!(i64::MAX),
    ];
    let check = |answer: Response, column: &str, case: &str| {
        let named = answer.body.contains(&format!("column {column}")) && answer.body.contains("row 1");
        assert!(
            answer.status == 400 && named,
            "{case}: {} {}",
            answer.status,
            answer.body
        );
    };
    let good = json!("2026-05-13T10:59:42");
    for time in &outside {
        for to in ["online", "offline", "online_and_offline"] {
            let case = format!("{time} {to}");
            check(push(&server, to, &frame(time, &good)), "event_timestamp", &case);
            let naive = time
                .as_str()
                .map_or_else(|| time.clone(), |text| json!(text.trim_end_matches('Z')));
            check(push(&server, to, &frame(&good, &naive)), "created", &case);
        }
        check(
            write(&server, &frame(time, &good)),
            "event_timestamp",
            &time.to_string(),
        );
        check(write(&server, &frame(&good, time)), "created", &time.to_string());
    }
    for to in ["online", "offline", "online_and_offline"] {
        check(push(&server, to, &frame(&Value::Null, &good)), "event_timestamp", to);
    }
    check(write(&server, &frame(&Value::Null, &good)), "event_timestamp", "null");
    assert_eq!(std::fs::read(&parquet).unwrap(), before);
    assert_eq!(statuses(&server, &[1, 2]), json!(["NOT_FOUND", "NOT_FOUND"]));
}

#[test]
fn rows_ahead_of_the_clock_are_counted_and_refused_where_that_is_set() {
    let (_repository, server) = served("");
    let good = json!("2026-05-13T10:59:42");
    let ahead = json!("2200-01-01T00:00:00Z");
    for to in ["online", "offline", "online_and_offline"] {
        let answer = push(&server, to, &frame(&ahead, &good));
        assert_eq!(
            (answer.status, answer.header("x-feast-future-rows")),
            (200, Some("1")),
            "{}",
            answer.body
        );
        let answer = push(&server, to, &frame(&json!("2026-05-13T11:00:00Z"), &good));
        assert_eq!((answer.status, answer.header("x-feast-future-rows")), (200, Some("0")));
    }
    assert_eq!(
        write(&server, &frame(&ahead, &good)).header("x-feast-future-rows"),
        Some("1")
    );
    let (_, log) = server.stop();
    assert_eq!(
        log.matches("are more than a day ahead of the clock").count(),
        1,
        "{log}"
    );

    let (_repository, server) = served("serving: {max_event_time_skew: 12h}");
    for to in ["online", "offline", "online_and_offline"] {
        let answer = push(&server, to, &frame(&ahead, &good));
        let text = &answer.body;
        assert!(
            answer.status == 400 && text.contains("column event_timestamp") && text.contains("row 1"),
            "{text}"
        );
        assert!(text.contains("serving.max_event_time_skew"), "{text}");
        assert_eq!(
            push(&server, to, &frame(&json!("2026-05-13T11:00:00Z"), &good)).status,
            200
        );
    }
}

#[test]
fn a_wrong_span_in_the_settings_is_named() {
    let repository = Repository::from_template();
    let file = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    for (key, value) in [
        ("max_event_time_skew", "1w"),
        ("drop_after", "-1"),
        ("drop_after", "[1]"),
    ] {
        repository.write("feature_store.yaml", &format!("{file}\nserving: {{{key}: {value}}}\n"));
        let outcome = repository.feast(&["apply"]);
        assert_eq!(outcome.code, Some(1));
        assert!(
            outcome
                .stderr
                .contains(&format!("serving.{key} must be a whole number of seconds")),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn frames_without_values_write_nothing_online_and_say_so() {
    let (repository, server) = served("");
    let rows = |drivers: Value, values: Value| {
        let mut df =
            json!({"driver_id": drivers, "event_timestamp": "2026-05-13T10:59:42Z", "created": "2026-05-13T10:59:42"});
        FEATURES.iter().for_each(|name| df[*name] = values.clone());
        df
    };
    let all_null = rows(json!([1, 2]), json!([null, null]));
    let one_null = rows(json!([3, 4]), json!([null, 1]));
    for (answer, dropped) in [
        (push(&server, "online", &all_null), "2"),
        (push(&server, "online", &one_null), "0"),
        (write(&server, &all_null), "2"),
        (write(&server, &one_null), "0"),
        (push(&server, "online_and_offline", &all_null), "2"),
    ] {
        assert_eq!(
            (answer.status, answer.header("x-feast-dropped-rows")),
            (200, Some(dropped)),
            "{}",
            answer.body
        );
    }
    let expected = json!(["NOT_FOUND", "NOT_FOUND", "PRESENT", "PRESENT"]);
    assert_eq!(statuses(&server, &[1, 2, 3, 4]), expected);
    // The parquet source has them, as with Python.
    drop(server);
    repository.succeed(&["materialize", "2026-05-13", "2026-05-14"]);
    let server = repository.serve();
    assert_eq!(statuses(&server, &[1, 2]), json!(["PRESENT", "PRESENT"]));
}

#[test]
fn no_end_makes_the_registry_unreadable_and_one_to_come_is_warned_of() {
    let (repository, server) = served("");
    for end in ["+99999-01-01", "+10000-01-01T00:00:00", "9999-12-31T23:59:59-01:00"] {
        let answer = server.post_json("/materialize-incremental", &json!({ "end_ts": end }));
        let text = &answer.body;
        assert!(
            answer.status == 400 && text.contains("is not in the years 1 to 9999"),
            "{end}: {text}"
        );
        let answer = server.post_json("/materialize", &json!({ "start_ts": "2020-01-01", "end_ts": end }));
        assert_eq!(answer.status, 400, "{end}: {}", answer.body);
    }
    let answer = server.post_json(
        "/materialize-incremental",
        &json!({ "end_ts": "9999-12-31T23:59:59.999999" }),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (_, log) = server.stop();
    assert!(
        log.contains("the end 9999-12-31 23:59:59+00:00 has not come yet"),
        "{log}"
    );

    let run = repository.feast(&["materialize", "0001-01-01", "9999-12-31"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("Warning: the end 9999-12-31 00:00:00+00:00 has not come yet"),
        "{}",
        run.stderr
    );
}
