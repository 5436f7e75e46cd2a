//! Bodies in the encodings that Python reads, and integers that do not fit.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde_json::{Value, json};

use crate::support::{Repository, Response, Server};

const DEFINITIONS: &str = r#"
from feast import Entity, FeatureView, Field, FileSource, PushSource
from feast.types import Array, Float64, Int32, Int64, Map, String, UnixTimestamp
from feast import ValueType

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
named = Entity(name="named", join_keys=["name"], value_type=ValueType.STRING)
source = FileSource(name="source", path="data/source.parquet", timestamp_field="event_timestamp")
pushed = PushSource(name="pushed", batch_source=source)
numbers = FeatureView(name="numbers", entities=[user], source=pushed, schema=[
    Field(name="user_id", dtype=Int64), Field(name="whole", dtype=Int64), Field(name="small", dtype=Int32),
    Field(name="real", dtype=Float64), Field(name="text", dtype=String), Field(name="list", dtype=Array(Int64)),
    Field(name="nested", dtype=Array(Array(Int64))), Field(name="map", dtype=Map), Field(name="time", dtype=UnixTimestamp)])
texts = FeatureView(name="texts", entities=[named], source=source, schema=[
    Field(name="name", dtype=String), Field(name="whole", dtype=Int64)])
"#;

fn served() -> (Repository, Server) {
    let repository = Repository::from_template();
    let list = |item: DataType| DataType::new_list(item, true);
    let columns = [
        ("user_id", DataType::Int64),
        ("name", DataType::Utf8),
        ("event_timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("whole", DataType::Int64),
        ("small", DataType::Int32),
        ("real", DataType::Float64),
        ("text", DataType::Utf8),
        ("list", list(DataType::Int64)),
        ("nested", list(list(DataType::Int64))),
        ("map", DataType::Utf8),
        ("time", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ];
    let fields: Vec<Field> = columns
        .into_iter()
        .map(|(name, data_type)| Field::new(name, data_type, true))
        .collect();
    let rows = RecordBatch::new_empty(Arc::new(Schema::new(fields)));
    feast_engine::create_parquet(&repository.path.join("data/source.parquet"), &rows).unwrap();
    repository.write("feature_definitions.py", DEFINITIONS);
    repository.succeed(&["apply"]);
    let server = repository.serve();
    (repository, server)
}

/// A row of user 1 in which one column is written as given.
fn row(column: &str, cell: &str) -> String {
    let cells = [
        ("user_id", "1"),
        ("event_timestamp", "\"2026-05-13\""),
        ("whole", "1"),
        ("small", "1"),
        ("real", "0.5"),
        ("text", "\"a\""),
        ("list", "[1]"),
        ("nested", "[[1]]"),
        ("map", "{\"a\":1}"),
        ("time", "1"),
    ];
    let cells = cells.map(|(name, usual)| {
        let cell = if name == column { cell } else { usual };
        format!("\"{name}\":[{cell}]")
    });
    format!("{{{}}}", cells.join(","))
}

fn stored(server: &Server, column: &str) -> Value {
    let body = json!({"features": [format!("numbers:{column}")], "entities": {"user_id": [1]}});
    server.post_json("/get-online-features", &body).json()["results"][1]["values"][0].clone()
}

#[test]
fn integers_beyond_64_bits_are_refused_and_never_written_as_others() {
    let (_repository, server) = served();
    let push = |column: &str, cell: &str| {
        let body = format!("{{\"push_source_name\":\"pushed\",\"df\":{}}}", row(column, cell));
        server.post("/push", &body)
    };
    const BELOW: &str = "-9223372036854775809";
    const ABOVE: &str = "9223372036854775808";
    let refused = |column: &str, cell: &str| {
        let answer = push(column, cell);
        assert_eq!(answer.status, 400, "{column} {cell}: {}", answer.body);
        assert!(
            answer.body.contains(&format!("column {column}, row 0")),
            "{}",
            answer.body
        );
    };
    for number in [
        BELOW,
        ABOVE,
        "-18446744073709551616",
        "1e19",
        "-1e19",
        "100000000000000000000000000000",
    ] {
        refused("user_id", number);
        refused("whole", number);
        refused("small", number);
        refused("time", number);
        refused("list", &format!("[1,{number}]"));
        if number.contains('e') {
            continue;
        }
        for column in ["user_id", "whole", "small", "time"] {
            refused(column, &format!("\"{number}\""));
        }
        refused("list", &format!("[\"{number}\"]"));
    }
    for number in [BELOW, "100000000000000000000"] {
        refused("text", number);
        refused("map", &format!("{{\"a\":[{number}]}}"));
        refused("map", &format!("\"{{\\\"a\\\":{number}}}\""));
        refused("nested", &format!("[[{number}]]"));
    }
    // The bounds themselves are exact.
    for number in ["-9223372036854775808", "9223372036854775807"] {
        for column in ["whole", "list", "nested", "map"] {
            let cell = match column {
                "list" => format!("[{number}]"),
                "nested" => format!("[[{number}]]"),
                "map" => format!("{{\"a\":{number}}}"),
                _ => number.to_owned(),
            };
            let answer = push(column, &cell);
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(stored(&server, column).to_string(), cell);
        }
    }
    // A float is the nearest one, however it was written.
    assert_eq!(push("real", BELOW).status, 200);
    assert_eq!(stored(&server, "real"), json!(-9_223_372_036_854_775_808.0));
    assert_eq!(push("map", "{\"a\":1e300}").status, 200);
    assert_eq!(stored(&server, "map"), json!({"a": 1e300}));
    let huge = push("real", &"9".repeat(400));
    assert_eq!(huge.status, 400, "{}", huge.body);
    assert!(
        huge.body.contains("an integer of 400 digits is beyond 64 bits"),
        "{}",
        huge.body
    );
}

#[test]
fn keys_beyond_64_bits_find_nothing_of_others() {
    let (_repository, server) = served();
    let read = |features: &str, entities: &str| {
        let body = format!("{{\"features\":[\"{features}\"],\"entities\":{entities}}}");
        server.post("/get-online-features", &body)
    };
    let check = |features: &str, entities: &str| {
        let answer = read(features, entities);
        assert_eq!(answer.status, 400, "{entities}: {}", answer.body);
    };
    check("numbers:whole", "{\"user_id\":[-9223372036854775809]}");
    check("numbers:whole", "{\"user_id\":[1,9223372036854775808]}");
    check("numbers:whole", "{\"user_id\":[\"-9223372036854775809\"]}");
    check("texts:whole", "{\"name\":[-9223372036854775809]}");
    check("texts:whole", "{\"name\":[\"a\"],\"user_id\":[-9223372036854775809]}");
    let answer = read("numbers:whole", "{\"user_id\":[-9223372036854775808]}");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("-9223372036854775808"), "{}", answer.body);
}

fn utf16(text: &str, mark: bool, big: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units
        .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

fn utf32(text: &str, mark: bool, big: bool) -> Vec<u8> {
    let units = mark.then_some('\u{feff}').into_iter().chain(text.chars());
    units
        .flat_map(|unit| {
            let unit = u32::from(unit);
            if big { unit.to_be_bytes() } else { unit.to_le_bytes() }
        })
        .collect()
}

#[test]
fn bodies_are_read_in_every_encoding_that_python_reads() {
    let (_repository, server) = served();
    let requests = [
        (
            "/push",
            format!("{{\"push_source_name\":\"pushed\",\"df\":{}}}", row("text", "\"é 😀\"")),
        ),
        (
            "/write-to-online-store",
            format!(
                "{{\"feature_view_name\":\"numbers\",\"df\":{}}}",
                row("text", "\"é 😀\"")
            ),
        ),
        (
            "/get-online-features",
            "{\"features\":[\"numbers:text\"],\"entities\":{\"user_id\":[1]}}".to_owned(),
        ),
        (
            "/materialize",
            "{\"start_ts\":\"2020-01-01\",\"end_ts\":\"2020-01-02\",\"feature_views\":[]}".to_owned(),
        ),
        (
            "/materialize-incremental",
            "{\"end_ts\":\"2020-01-02\",\"feature_views\":[]}".to_owned(),
        ),
        ("/search", "{\"features\":[\"nope:x\"]}".to_owned()),
    ];
    let send = |path: &str, body: &[u8]| -> Response {
        server.send_bytes("POST", path, &[("content-type", "application/json")], body)
    };
    for (path, body) in requests {
        let usual = send(path, body.as_bytes());
        assert!(usual.status < 300 || path == "/search", "{path}: {}", usual.body);
        let mut bodies = vec![[b"\xef\xbb\xbf", body.as_bytes()].concat()];
        for (mark, big) in [(false, false), (false, true), (true, false), (true, true)] {
            bodies.extend([utf16(&body, mark, big), utf32(&body, mark, big)]);
        }
        for encoded in bodies {
            let answer = send(path, &encoded);
            let start = &encoded[..8];
            assert_eq!(
                (answer.status, &answer.body),
                (usual.status, &usual.body),
                "{path} {start:?}"
            );
        }
        let cut = utf16(&body, true, false);
        let answer = send(path, &cut[..cut.len() - 1]);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (400, "{\"detail\":\"There was an error parsing the body\"}"),
            "{path}"
        );
    }
    assert_eq!(stored(&server, "text"), "é 😀");
}
