//! Reads with Arrow streams, as bodies and as responses, against the same reads in JSON.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float32Type, Int64Type, TimestampMicrosecondType, UInt8Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde_json::json;

use crate::support::{Repository, Response, Server};

const STREAM: &str = "application/vnd.apache.arrow.stream";
const TRIPS: &str = "features=driver_hourly_stats%3Aconv_rate&features=driver_hourly_stats%3Aavg_daily_trips";

fn served() -> (Repository, Server) {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", "2100-01-01T00:00:00"]);
    let server = repository.serve();
    (repository, server)
}

pub(crate) fn stream(name: &str, keys: ArrayRef) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([(name, keys)]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// The one batch of a response.
fn batch(answer: &Response) -> RecordBatch {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some(STREAM));
    let mut batches = StreamReader::try_new(answer.bytes.as_slice(), None).unwrap();
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none());
    batch
}

#[test]
fn who_accepts_a_stream_gets_one_with_the_values_of_the_json() {
    let (_repository, server) = served();
    let body = json!({
        "features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"],
        "entities": { "driver_id": [1002, 1, 1001] },
    });
    let read = |accept| {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        server.send("POST", "/get-online-features", &headers, &body.to_string())
    };
    let batch = batch(&read(STREAM));
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(
        names,
        [
            "driver_id",
            "conv_rate",
            "conv_rate__status",
            "conv_rate__ts",
            "avg_daily_trips",
            "avg_daily_trips__status",
            "avg_daily_trips__ts",
        ]
    );
    let ids = batch["driver_id"].as_primitive::<Int64Type>();
    assert_eq!(ids.values(), &[1002, 1, 1001]);
    assert_eq!(
        batch["conv_rate__status"].as_primitive::<UInt8Type>().values(),
        &[1, 3, 1]
    );
    let json = read("application/json").json();
    let rates = batch["conv_rate"].as_primitive::<Float32Type>();
    let trips = batch["avg_daily_trips"].as_primitive::<Int64Type>();
    let times = batch["avg_daily_trips__ts"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(
        *times.data_type(),
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()))
    );
    for row in 0..3 {
        let is_there = row != 1;
        assert_eq!((rates.is_valid(row), trips.is_valid(row)), (is_there, is_there));
        if is_there {
            assert_eq!(json["results"][1]["values"][row], f64::from(rates.value(row)));
            assert_eq!(json["results"][2]["values"][row], trips.value(row));
            let time = feast_engine::model::Timestamp::from_micros(times.value(row));
            assert_eq!(json["results"][2]["event_timestamps"][row], time.to_string());
        }
    }
}

#[test]
fn keys_may_come_in_a_stream() {
    let (_repository, server) = served();
    let read = |path: &str, keys: Vec<u8>| server.send_bytes("POST", path, &[("content-type", STREAM)], &keys);
    let expected = server.post(
        "/get-online-features?layout=columns",
        &json!({
            "features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"],
            "entities": { "driver_id": [1001, 5, 1003] },
        })
        .to_string(),
    );
    let columns: [ArrayRef; 3] = [
        Arc::new(Int64Array::from(vec![1001, 5, 1003])),
        Arc::new(Int32Array::from(vec![1001, 5, 1003])),
        Arc::new(StringArray::from(vec!["1001", "5", "1003"])),
    ];
    for keys in columns {
        let kind = keys.data_type().clone();
        let answer = read(
            &format!("/get-online-features?{TRIPS}&layout=columns"),
            stream("driver_id", keys),
        );
        assert_eq!(answer.body, expected.body, "{kind}");
    }
    let service = read(
        "/get-online-features?feature_service=driver_activity&full_feature_names=true&layout=columns",
        stream("driver_id", Arc::new(Int64Array::from(vec![1001]))),
    );
    assert_eq!(
        service.json()["metadata"]["feature_names"],
        json!([
            "driver_id",
            "driver_hourly_stats__conv_rate",
            "driver_hourly_stats__acc_rate",
            "driver_hourly_stats__avg_daily_trips",
        ])
    );
}

#[test]
fn what_is_wrong_with_a_stream_is_said() {
    let (_repository, server) = served();
    let problem = |path: &str, keys: &[u8]| {
        let answer = server.send_bytes("POST", path, &[("content-type", STREAM)], keys);
        assert_eq!(answer.status, 400, "{}", answer.body);
        answer.json().as_str().unwrap().to_owned()
    };
    let path = format!("/get-online-features?{TRIPS}");
    let ids = || stream("driver_id", Arc::new(Int64Array::from(vec![1001])));
    assert!(problem(&path, b"{}").starts_with("the body is no Arrow stream of keys: "));
    assert!(problem(&path, &ids()[..100]).starts_with("the body is no Arrow stream of keys: "));
    assert_eq!(
        problem("/get-online-features", &ids()),
        "No features specified for retrieval"
    );
    let names = stream("driver_id", Arc::new(StringArray::from(vec!["1001", "x"])));
    assert!(problem(&path, &names).starts_with("join key driver_id: "));
    let other = stream("id", Arc::new(Int64Array::from(vec![1001])));
    assert!(problem(&path, &other).contains("Missing join key values for keys: ['driver_id']"));
}
