//! What recordings do not hold: on-demand views, versions, gates, searches, the server's own documents.

use serde_json::{Value, json};

use crate::support::{Repository, Server, eventually};

const DEFINITIONS: &str = r#"
from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureService, FeatureView, Field, FileSource, LabelView, PushSource, RequestSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Array, Float32, Float64, Int64, String

driver = Entity(name="driver", join_keys=["driver_id"])
source = FileSource(name="stats_source", path="data/driver_stats.parquet", timestamp_field="event_timestamp", created_timestamp_column="created")
pushed = PushSource(name="stats_push", batch_source=source)
stats = FeatureView(name="stats", entities=[driver], ttl=timedelta(days=1), source=pushed,
                    schema=[Field(name="conv_rate", dtype=Float32), Field(name="avg_daily_trips", dtype=Int64)])
more = FeatureView(name="more", entities=[driver], source=pushed, schema=[Field(name="acc_rate", dtype=Float32)])

@on_demand_feature_view(sources=[stats, RequestSource(name="asked", schema=[Field(name="val", dtype=Int64)])],
                        schema=[Field(name="doubled", dtype=Float64)])
def doubled(inputs: pd.DataFrame) -> pd.DataFrame:
    answer = pd.DataFrame()
    answer["doubled"] = inputs["conv_rate"] * 2
    return answer

labels = LabelView(name="labels", entities=[driver], source=PushSource(name="labels_push", batch_source=source),
                   schema=[Field(name="avg_daily_trips", dtype=Int64)])
plain = FeatureService(name="plain", features=[stats[["conv_rate"]], more.with_name("extra")])
computed = FeatureService(name="computed", features=[stats, doubled])
"#;

fn repository() -> Repository {
    let repository = Repository::from_template();
    repository.write("feature_definitions.py", DEFINITIONS);
    repository.succeed(&["apply"]);
    repository
}

fn read(server: &Server, features: &[&str], more: &Value) -> (u16, Value) {
    let mut body = json!({"features": features, "entities": {"driver_id": [1001]}});
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let answer = server.post_json("/get-online-features", &body);
    (answer.status, answer.json())
}

#[test]
fn data_of_the_request_is_checked() {
    let repository = repository();
    let server = repository.serve();
    let with = |val: Value| json!({"entities": {"driver_id": [1001, 1002], "val": val}});
    let asked = ["doubled:doubled"];
    let expected = "{\"module\": \"feast.errors\", \"class\": \"RequestDataNotFoundInEntityRowsException\", \"message\": \
                    \"Required request data source features ['val'] not found in the entity rows, but required by feature views\"}";
    assert_eq!(read(&server, &asked, &json!({})), (404, json!(expected)));
    let (status, answer) = read(&server, &[], &json!({"feature_service": "computed"}));
    assert_eq!((status, answer), (404, json!(expected)));
    assert_eq!(read(&server, &asked, &with(json!([1, 2.0]))).0, 200);
    let (status, answer) = read(&server, &asked, &with(json!([1, "x"])));
    assert_eq!(status, 422, "{answer}");
    assert!(
        answer.as_str().unwrap().starts_with("request data val, row 1: "),
        "{answer}"
    );
    let write = json!({"feature_view_name": "doubled", "df": {"doubled": [1.0]}});
    let answer = server.post_json("/write-to-online-store", &write);
    let expected = json!("OnDemandFeatureView doubled is not configured for write_to_online_store.");
    assert_eq!((answer.status, answer.json()), (400, expected));
    // An unknown view comes first, as in Feast.
    assert_eq!(read(&server, &["nope:x", "doubled:doubled"], &json!({})).0, 404);
}

#[test]
fn versions_are_counted_and_shown() {
    let repository = repository();
    repository.write(
        "feature_definitions.py",
        &DEFINITIONS.replace(
            "Field(name=\"avg_daily_trips\", dtype=Int64)",
            "Field(name=\"acc_rate\", dtype=Float32)",
        ),
    );
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let options = json!({"include_feature_view_version_metadata": true});
    let (status, answer) = read(&server, &["more:acc_rate", "stats:conv_rate"], &options);
    assert_eq!(status, 200);
    assert_eq!(
        answer["metadata"]["feature_view_metadata"],
        json!([{"name": "more"}, {"name": "stats", "version": 1}])
    );
    let service = json!({"feature_service": "plain", "include_feature_view_version_metadata": 1});
    let (_, answer) = read(&server, &[], &service);
    assert_eq!(
        answer["metadata"],
        json!({"feature_names": ["driver_id", "conv_rate", "acc_rate"],
               "feature_view_metadata": [{"name": "stats", "version": 1}, {"name": "extra"}]})
    );
    let (status, answer) = read(&server, &["stats@v1:conv_rate"], &json!({}));
    assert_eq!(status, 400);
    assert!(
        answer.as_str().unwrap().contains("online versioning is disabled"),
        "{answer}"
    );
    let (_, log) = server.stop();
    assert!(!log.contains("panicked"), "{log}");

    // With versions, the current one is read under its number; others are not kept.
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let with_versions = settings.replace(
        "registry: data/registry.db",
        "registry:\n    path: data/registry.db\n    enable_online_feature_view_versioning: true",
    );
    assert_ne!(with_versions, settings);
    repository.write("feature_store.yaml", &with_versions);
    let server = repository.serve();
    let full = json!({"full_feature_names": true});
    let (status, answer) = read(&server, &["stats@v1:conv_rate"], &full);
    assert_eq!(
        (status, &answer["metadata"]["feature_names"]),
        (200, &json!(["driver_id", "stats@v1__conv_rate"]))
    );
    let (status, answer) = read(&server, &["stats@v2:conv_rate"], &full);
    assert_eq!(status, 404);
    assert!(
        answer.as_str().unwrap().contains("FeatureViewVersionNotFound"),
        "{answer}"
    );
    let (status, answer) = read(&server, &["stats@v0:conv_rate"], &full);
    assert_eq!(status, 501);
    assert!(
        answer.as_str().unwrap().contains("Version v0 of feature view 'stats'"),
        "{answer}"
    );
}

#[test]
fn one_push_feeds_all_views() {
    let repository = repository();
    let server = repository.serve();
    let push = json!({
        "push_source_name": "stats_push", "to": "online_and_offline",
        "df": {"driver_id": [7], "event_timestamp": ["2026-05-13T10:59:42Z"], "created": ["2026-05-13T10:59:42"],
               "conv_rate": [0.5], "acc_rate": [0.25], "avg_daily_trips": [9007199254740993_i64]}
    });
    let answer = server.post_json("/push", &push);
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("content-type"), None);
    let features = ["stats:avg_daily_trips", "more:acc_rate", "stats:conv_rate"];
    let (_, read_back) = read(&server, &features, &json!({"entities": {"driver_id": [7]}}));
    let values: Vec<&Value> = read_back["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| &column["values"][0])
        .collect();
    // Features of one view stand together, views in the order of their first mention.
    assert_eq!(
        values,
        [&json!(7), &json!(9007199254740993_i64), &json!(0.5), &json!(0.25)]
    );
    // What cannot go to the file does not go to the online store either.
    let wrong = json!({
        "push_source_name": "stats_push", "to": "online_and_offline",
        "df": {"driver_id": [8], "event_timestamp": ["2026-05-13T10:59:42Z"], "created": ["2026-05-13T10:59:42"],
               "conv_rate": [0.5], "acc_rate": [0.25], "avg_daily_trips": [1.5]}
    });
    assert_eq!(server.post_json("/push", &wrong).status, 400);
    let (_, absent) = read(&server, &["stats:conv_rate"], &json!({"entities": {"driver_id": [8]}}));
    assert_eq!(absent["results"][1]["statuses"], json!(["NOT_FOUND"]));
}

#[test]
fn label_views_are_pushed_to_and_not_materialized() {
    let repository = repository();
    repository.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    let server = repository.serve();
    let (_, answer) = read(&server, &["labels:avg_daily_trips"], &json!({}));
    assert_eq!(answer["results"][1]["statuses"], json!(["NOT_FOUND"]));
    let push = json!({
        "push_source_name": "labels_push",
        "df": {"driver_id": [1001], "event_timestamp": ["2026-05-13"], "created": [null], "avg_daily_trips": [7]}
    });
    assert_eq!(server.post_json("/push", &push).status, 200);
    let (_, answer) = read(&server, &["labels:avg_daily_trips"], &json!({}));
    assert_eq!(answer["results"][1]["values"], json!([7]));
    let body = json!({"start_ts": "2020-01-01", "end_ts": "2030-01-01", "feature_views": ["labels"]});
    let answer = server.post_json("/materialize", &body);
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("LabelView labels cannot be materialized"),
        "{}",
        answer.body
    );
}

#[test]
fn gates_are_those_of_feast() {
    let repository = repository();
    let server = repository.serve();
    let none = json!({});
    repository.succeed(&["feature-views", "disable", "more"]);
    repository.succeed(&["feature-views", "set-state", "stats", "CREATED"]);
    eventually("the server sees the new state", || {
        read(&server, &["stats:conv_rate"], &none).0 == 400
    });
    let (status, answer) = read(&server, &["more:acc_rate"], &none);
    assert_eq!(
        (status, answer),
        (
            400,
            json!(
                "Feature view 'more' is disabled and cannot serve features. Enable it with `feast feature-views enable more` or set enabled=True."
            )
        )
    );
    let (status, answer) = read(&server, &["stats:conv_rate"], &none);
    assert_eq!(
        (status, answer),
        (
            400,
            json!(
                "Feature view 'stats' is in state 'CREATED' and cannot serve features. Only AVAILABLE_ONLINE feature views can serve."
            )
        )
    );
}

#[test]
fn vector_search_is_named() {
    let repository = repository();
    let server = repository.serve();
    let search = |path: &str, body: Value| {
        let answer = server.post_json(path, &body);
        (answer.status, answer.json())
    };
    let expected = json!("vector search for stats:conv_rate is not supported by this server");
    for path in ["/search", "/retrieve-online-documents"] {
        let body = json!({"features": ["stats:conv_rate"], "query": [0.5], "top_k": 1});
        assert_eq!(search(path, body), (501, expected.clone()));
        assert_eq!(search(path, json!({"features": ["nope:x"]})).0, 404);
        assert_eq!(search(path, json!({"features": 5})).0, 422);
    }
    repository.write(
        "feature_definitions.py",
        &DEFINITIONS.replace(
            "Field(name=\"acc_rate\", dtype=Float32)",
            "Field(name=\"acc_rate\", dtype=Float32), Field(name=\"place\", dtype=Array(Float32), vector_index=True)",
        ),
    );
    repository.succeed(&["apply", "--skip-source-validation"]);
    let expected = json!("vector search for feature more:place is not supported by this server");
    let list = || server.send("GET", "/v1/vector_stores", &[], "");
    eventually("the server sees the new view", || list().status == 501);
    assert_eq!(list().json(), expected);
}

#[test]
fn the_server_describes_itself() {
    let repository = repository();
    let server = repository.serve();
    let document = server.send("GET", "/openapi.json", &[], "");
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(document.json()["openapi"], "3.1.0");
    let page = server.send("GET", "/docs", &[], "");
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    for (method, path) in [
        ("POST", "/chat"),
        ("GET", "/metrics"),
        ("GET", "/static/chat/index.html"),
    ] {
        let answer = server.send(method, path, &[], "");
        assert_eq!(
            (answer.status, answer.json()),
            (404, json!({"detail": "Not Found"})),
            "{path}"
        );
    }
}

#[test]
fn bytes_that_are_not_a_request_are_refused() {
    let repository = repository();
    let server = repository.serve();
    // A request line with a host in the place of the path.
    assert_eq!(server.send("POST", "push", &[], "{}").status, 400);
    let line = "POST push HTTP/1.1\r\nhost: push\r\nconnection: close\r\n\r\n";
    assert_eq!(server.send_raw(line).status, 404);
    let gzip = [0x1f_u8, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0];
    let answer = server.send_bytes("POST", "/push", &[("content-encoding", "gzip")], &gzip);
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"detail": "There was an error parsing the body"}))
    );
}
