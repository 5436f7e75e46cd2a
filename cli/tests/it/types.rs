//! Types that the recorded repository does not have, because Python Feast cannot fill them: rows in, responses out.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, FixedSizeBinaryBuilder, Int64Array, Int64Builder,
    ListBuilder, MapBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray, UInt8Array,
};
use arrow::datatypes::Int8Type;
use serde_json::{Value, json};

use crate::support::{Repository, Server};

/// A repository with one view `typed` of these columns: name and type.
fn repository(columns: &[(&str, &str)]) -> Repository {
    let repository = Repository::from_template();
    let fields: Vec<String> = columns
        .iter()
        .map(|(name, dtype)| format!("Field(name={name:?}, dtype={dtype})"))
        .collect();
    repository.write(
        "feature_definitions.py",
        &format!(
            "from datetime import timedelta\n\
             from feast import Entity, FeatureView, Field, FileSource, ValueType\n\
             from feast.types import *\n\
             entity = Entity(name=\"entity\", join_keys=[\"id\"], value_type=ValueType.INT64)\n\
             source = FileSource(name=\"typed_source\", path=\"data/typed.parquet\", timestamp_field=\"event_timestamp\")\n\
             typed = FeatureView(name=\"typed\", entities=[entity], ttl=timedelta(0), source=source,\n\
             schema=[Field(name=\"id\", dtype=Int64), {}])\n",
            fields.join(", ")
        ),
    );
    repository
}

fn parquet(repository: &Repository, columns: Vec<(&str, ArrayRef)>) {
    let rows = columns[0].1.len();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((1..).take(rows)));
    let times = TimestampMicrosecondArray::from_value(1_782_907_200_000_000, rows).with_timezone("UTC");
    let keys = [("id", ids), ("event_timestamp", Arc::new(times) as ArrayRef)];
    let batch = RecordBatch::try_from_iter_with_nullable(
        keys.into_iter()
            .chain(columns)
            .map(|(name, column)| (name, column, true)),
    );
    feast_engine::create_parquet(&repository.path.join("data/typed.parquet"), &batch.unwrap()).unwrap();
}

/// An applied repository whose view has features of these types, called `f0`, `f1` and so on, and no rows.
fn applied<'a>(types: impl Iterator<Item = &'a str>) -> (Repository, Vec<String>) {
    let (names, types): (Vec<String>, Vec<&str>) = types
        .enumerate()
        .map(|(index, dtype)| (format!("f{index}"), dtype))
        .unzip();
    let columns: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(types).collect();
    let repository = repository(&columns);
    parquet(&repository, vec![("unused", Arc::new(Int64Array::from(vec![0])))]);
    repository.succeed(&["apply", "--skip-source-validation"]);
    (repository, names)
}

/// The values of a feature for ids 1, 2, ...
fn values(server: &Server, feature: &str, count: i64) -> Value {
    let ids: Vec<i64> = (1..=count).collect();
    let answer = server.post_json(
        "/get-online-features",
        &json!({"features": [format!("typed:{feature}")], "entities": {"id": ids}}),
    );
    assert_eq!(answer.status, 200, "{feature}: {}", answer.body);
    answer.json()["results"][1]["values"].clone()
}

fn maps() -> ArrayRef {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    maps.keys().append_value("a");
    maps.values().append_value(9_007_199_254_740_993);
    maps.keys().append_value("b");
    maps.values().append_null();
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    maps.append(true).unwrap();
    Arc::new(maps.finish())
}

fn lists_of_maps() -> ArrayRef {
    let mut lists = ListBuilder::new(MapBuilder::new(None, StringBuilder::new(), Int64Builder::new()));
    lists.values().keys().append_value("k");
    lists.values().values().append_value(1);
    lists.values().append(true).unwrap();
    lists.values().append(true).unwrap();
    lists.append(true);
    lists.append(true);
    lists.append(false);
    Arc::new(lists.finish())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn columns_that_python_cannot_materialize() {
    let mut uuids = FixedSizeBinaryBuilder::new(16);
    uuids.append_value([0xab; 16]).unwrap();
    uuids.append_null();
    uuids.append_value([0; 16]).unwrap();
    let zoned = TimestampMicrosecondArray::from(vec![Some(1_782_907_200_000_000), None, Some(0)]);
    let decimals = Decimal128Array::from(vec![Some(110), None, Some(-5)]);
    let words: DictionaryArray<Int8Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
    let cases: Vec<(&str, &str, ArrayRef, Value)> = vec![
        (
            "a_map",
            "Map",
            maps(),
            json!([{"a": 9007199254740993_i64, "b": null}, null, {}]),
        ),
        (
            "a_scalar_map",
            "ScalarMap",
            maps(),
            json!([{"a": 9007199254740993_i64, "b": null}, null, {}]),
        ),
        (
            "map_list",
            "Array(Map)",
            lists_of_maps(),
            json!([[{"k": 1}, {}], [], null]),
        ),
        (
            "zoned",
            "ZonedTimestamp",
            Arc::new(zoned.with_timezone("Europe/Berlin")),
            json!(["2026-07-01T14:00:00+02:00", null, "1970-01-01T01:00:00+01:00"]),
        ),
        (
            "a_uuid",
            "Uuid",
            Arc::new(uuids.finish()),
            json!([
                "abababab-abab-abab-abab-abababababab",
                null,
                "00000000-0000-0000-0000-000000000000"
            ]),
        ),
        (
            "a_decimal",
            "Decimal",
            Arc::new(decimals.with_precision_and_scale(10, 2).unwrap()),
            json!(["1.10", null, "-0.05"]),
        ),
        (
            "a_day",
            "UnixTimestamp",
            Arc::new(Date32Array::from(vec![Some(1), None, Some(-1)])),
            json!([86400, null, -86400]),
        ),
        ("a_word", "String", Arc::new(words), json!(["x", null, "x"])),
        (
            "small",
            "Int32",
            Arc::new(UInt8Array::from(vec![Some(255), None, Some(0)])),
            json!([255, null, 0]),
        ),
        (
            "text_of_map",
            "Map",
            Arc::new(StringArray::from(vec![
                Some("{\"z\": 1, \"a\": [1.0]}"),
                None,
                Some("{}"),
            ])),
            json!([{"z": 1, "a": [1.0]}, null, {}]),
        ),
    ];
    let types: Vec<(&str, &str)> = cases.iter().map(|(name, dtype, ..)| (*name, *dtype)).collect();
    let repository = repository(&types);
    parquet(
        &repository,
        cases
            .iter()
            .map(|(name, _, column, _)| (*name, Arc::clone(column)))
            .collect(),
    );
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    let server = repository.serve();
    for (name, _, _, expected) in cases {
        assert_eq!(values(&server, name, 3), expected, "{name}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn values_written_over_http() {
    // Written, and what is answered where it is not the same.
    let cases: &[(&str, Value, Option<Value>)] = &[
        ("Bytes", json!(["AP8=", "", null]), None),
        ("Array(Bytes)", json!([["AP8=", null], [], null]), None),
        (
            "Set(Bytes)",
            json!([["AP8=", "AP8="], [], null]),
            Some(json!([["AP8="], [], null])),
        ),
        ("Int64", json!([9223372036854775807_i64, i64::MIN, null]), None),
        (
            "Int64",
            json!(["9007199254740993", true, 1.9]),
            Some(json!([9007199254740993_i64, 1, 1])),
        ),
        ("Array(Int64)", json!([[9007199254740993_i64, null], [], null]), None),
        (
            "Array(Float64)",
            json!([[1, 2], [1.5, null], [null]]),
            Some(json!([[1.0, 2.0], [1.5, null], [null]])),
        ),
        (
            "Float32",
            json!([0.1, "1.25", null]),
            Some(json!([0.10000000149011612, 1.25, null])),
        ),
        (
            "Float64",
            json!(["Infinity", "-Infinity", "NaN"]),
            Some(json!(["Infinity", "-Infinity", null])),
        ),
        ("Bool", json!([1, "true", false]), Some(json!([true, true, false]))),
        (
            "UnixTimestamp",
            json!(["2026-07-01T12:00:00+02:00", 1782900000, null]),
            Some(json!([1782900000, 1782900000, null])),
        ),
        (
            "Array(UnixTimestamp)",
            json!([["2026-07-01", null], [], null]),
            Some(json!([[1782864000, null], [], null])),
        ),
        (
            "ZonedTimestamp",
            json!(["2026-07-01T12:00:00+02:00", "2026-07-01T12:00:00Z", null]),
            Some(json!(["2026-07-01T12:00:00+02:00", "2026-07-01T12:00:00+00:00", null])),
        ),
        (
            "Uuid",
            json!(["A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11", "not checked", null]),
            None,
        ),
        ("Decimal", json!(["1.10", 2, null]), Some(json!(["1.10", "2", null]))),
        ("Json", json!(["{\"a\": 1}", "[1,2]", null]), None),
        (
            "Json",
            json!([{"a": 1}, [1, 2], 5]),
            Some(json!(["{\"a\": 1}", "[1, 2]", "5"])),
        ),
        (
            "Map",
            json!([{"a": {"b": [1, null]}}, "{\"k\": \"v\"}", null]),
            Some(json!([{"a": {"b": [1, null]}}, {"k": "v"}, null])),
        ),
        // Two rows with other keys keep their own.
        ("Map", json!([{"a": 1}, {"b": "x"}, {}]), None),
        (
            "Struct({\"n\": String, \"i\": Int64})",
            json!([{"n": "x", "i": 5, "more": true}, {"i": null}, null]),
            None,
        ),
        ("Array(Map)", json!([[{"a": 1}, {}], [], null]), None),
        (
            "Array(Struct({\"n\": String}))",
            json!([[{"n": "x"}], [{"n": null}], null]),
            None,
        ),
        ("Array(Array(Int64))", json!([[[1], []], [], [[], null]]), None),
        (
            "Set(Int64)",
            json!([[3, 1, 3], [], null]),
            Some(json!([[1, 3], [], null])),
        ),
        (
            "Set(String)",
            json!([["b", "a", "b"], [""], null]),
            Some(json!([["b", "a"], [""], null])),
        ),
        (
            "String",
            json!([5, true, "é😀\u{0}"]),
            Some(json!(["5", "True", "é😀\u{0}"])),
        ),
    ];
    let (repository, names) = applied(cases.iter().map(|case| case.0));
    let server = repository.serve();
    let mut df = json!({"id": [1, 2, 3], "event_timestamp": "2026-07-01T00:00:00Z"});
    for (name, (_, given, _)) in names.iter().zip(cases) {
        df[name] = given.clone();
    }
    let answer = server.post_json(
        "/write-to-online-store",
        &json!({"feature_view_name": "typed", "df": df}),
    );
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
    for (name, (dtype, given, expected)) in names.iter().zip(cases) {
        assert_eq!(&values(&server, name, 3), expected.as_ref().unwrap_or(given), "{dtype}");
    }
}

#[test]
fn values_that_do_not_fit_are_named() {
    let cases = [
        (
            "Bytes",
            json!("no base64!"),
            "column f0, row 1: \"no base64!\" is not base64, which bytes must be",
        ),
        (
            "Int32",
            json!(2147483648_i64),
            "column f1, row 1: Value out of range: 2147483648",
        ),
        ("Int64", json!([1]), "column f2, row 1: [1] is not an integer"),
        ("Bool", json!("maybe"), "column f3, row 1: \"maybe\" is not a bool"),
        ("Array(Int64)", json!("x"), "column f4, row 1: \"x\" is not a list"),
        ("Map", json!("x"), "column f5"),
        ("Json", json!("{"), "column f6"),
        ("ZonedTimestamp", json!("soon"), "column f7"),
    ];
    let (repository, names) = applied(cases.iter().map(|case| case.0));
    let server = repository.serve();
    for (name, (dtype, wrong, text)) in names.iter().zip(&cases) {
        let mut df = json!({"id": [1, 2], "event_timestamp": "2026-07-01T00:00:00Z"});
        names.iter().for_each(|name| df[name] = json!([null, null]));
        df[name][1] = wrong.clone();
        let answer = server.post_json(
            "/write-to-online-store",
            &json!({"feature_view_name": "typed", "df": df}),
        );
        assert_eq!(answer.status, 400, "{dtype}: {}", answer.body);
        let said = answer.json();
        assert!(said.as_str().unwrap().contains(text), "{dtype}: {said}");
    }
    assert_eq!(values(&server, "f1", 2), json!([null, null]));
}
