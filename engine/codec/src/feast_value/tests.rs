//! Values that Python Feast wrote, values of every type both ways, and bytes that are not values.

use arrow::array::ArrayRef;
use feast_model::ValueType::{self, *};
use feast_model::{StructField, Timestamp};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::row::{Cell, RowHeader, RowLayout, RowVersion, storage_type};
use crate::row_reader::{SchemaRow, TypedColumns};

const SQLITE_ROWS: &str = include_str!("../../../../fixtures/redis/sqlite/rows.jsonl");
const HASHES: &str = include_str!("../../../../fixtures/redis/redis.jsonl");

fn hex(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

fn list(element: ValueType) -> ValueType {
    Array(Box::new(element))
}

fn set(element: ValueType) -> ValueType {
    Set(Box::new(element))
}

fn person() -> ValueType {
    let field = |name: &str, value_type| StructField {
        name: name.to_owned(),
        value_type,
    };
    Struct(vec![field("name", String), field("age", Int64)])
}

/// Types of the features of the recorded repository.
fn type_of(feature: &str) -> Option<ValueType> {
    Some(match feature {
        "f_bytes" => Bytes,
        "f_pdf" => PdfBytes,
        "f_image" => ImageBytes,
        "f_string" | "note" | "e_all_null" => String,
        "f_int32" | "n_int32" => Int32,
        "f_int64" | "n_int64" | "e_int64_with_null" | "avg_daily_trips" | "trips_total" => Int64,
        "f_float32" | "n_float32" | "conv_rate" | "acc_rate" => Float32,
        "f_float64" | "n_float64" | "n_float64b" | "e_float64_nan" => Float64,
        "f_bool" => Bool,
        "f_uuid" => Uuid,
        "f_time_uuid" => TimeUuid,
        "f_decimal" => Decimal,
        "f_json" => ValueType::Json,
        "ts_us" | "ts_naive" | "ts_int" | "e_ts_null" => UnixTimestamp,
        "ts_list" => list(UnixTimestamp),
        "l_bytes" => list(Bytes),
        "l_string" => list(String),
        "l_int32" => list(Int32),
        "l_int64" => list(Int64),
        "l_float32" => list(Float32),
        "l_float64" => list(Float64),
        "l_bool" => list(Bool),
        "l_uuid" => list(Uuid),
        "l_time_uuid" => list(TimeUuid),
        "l_decimal" => list(Decimal),
        "l_json" => list(ValueType::Json),
        "l_struct" => list(person()),
        "ll_int64" => list(list(Int64)),
        "ll_string" => list(list(String)),
        "lll_int64" => list(list(list(Int64))),
        "ls_int64" => list(set(Int64)),
        "sl_int64" => set(list(Int64)),
        "s_string" => set(String),
        "s_bytes" => set(Bytes),
        "s_int32" => set(Int32),
        "s_int64" => set(Int64),
        "s_float32" => set(Float32),
        "s_float64" => set(Float64),
        "s_bool" => set(Bool),
        "s_ts" => set(UnixTimestamp),
        "s_uuid" => set(Uuid),
        "s_time_uuid" => set(TimeUuid),
        "s_decimal" => set(Decimal),
        "d_map" | "d_map_json" => Map,
        "d_struct" | "d_struct_null" => person(),
        _ => return None,
    })
}

fn header() -> RowHeader {
    RowHeader {
        schema_id: 0,
        version: RowVersion {
            event_time: Timestamp::EPOCH,
            created_time: None,
        },
    }
}

/// The column of one row that a value is read into, by way of our row.
fn column_of(value_type: &ValueType, value: &[u8]) -> Result<ArrayRef, CorruptValue> {
    let layout = RowLayout::new(&[storage_type(value_type)]);
    let decoder = ValueDecoder::new(value_type);
    let mut row = Vec::new();
    layout.encode_cells(header(), |_, out| decoder.decode(value, out), &mut row)?;
    let mut columns = TypedColumns::new(value_type.arrow_type(), 1);
    columns.push([layout.feature(0)].into_iter());
    Ok(columns.read(&[Some(SchemaRow { bytes: &row, schema: 0 })]).unwrap())
}

fn encoded(value_type: &ValueType, column: &ArrayRef) -> Vec<u8> {
    let mut out = Vec::new();
    ValueEncoder::new(value_type).encode(column, 0, &mut out);
    out
}

/// What Python wrote is read into our rows, and written again as the same bytes.
#[test]
fn values_of_python_are_read_and_written_as_the_same_bytes() {
    let mut seen = std::collections::HashSet::new();
    for line in SQLITE_ROWS.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let Some(value_type) = type_of(row["feature_name"].as_str().unwrap()) else {
            continue;
        };
        let bytes = hex(row["value"].as_str().unwrap());
        let column = column_of(&value_type, &bytes).unwrap_or_else(|corrupt| panic!("{line}: {corrupt}"));
        // The null among times, which is a null to us.
        let is_null_time = bytes == hex("4080808080808080808001");
        let expected = if is_null_time { Vec::new() } else { bytes };
        assert_eq!(encoded(&value_type, &column), expected, "{line}");
        assert_eq!(ValueEncoder::new(&value_type).check(&column), Ok(()), "{line}");
        let text = ValueEncoder::new(&value_type).text_of(&column, 0);
        assert_eq!(text.as_deref(), row["value_text"].as_str(), "{line}");
        seen.insert(value_type);
    }
    assert!(seen.len() >= 38, "{} types", seen.len());
}

#[test]
fn fields_and_event_times_are_those_of_python() {
    let lines: Vec<Json> = HASHES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut times = 0;
    for hash in &lines {
        for field in hash["fields"].as_array().unwrap() {
            let (name, value) = (hex(field[0].as_str().unwrap()), hex(field[1].as_str().unwrap()));
            if !name.starts_with(b"_ts:") {
                continue;
            }
            let mut again = Vec::new();
            encode_timestamp(decode_timestamp(&value).unwrap(), &mut again);
            assert_eq!(again, value);
            times += 1;
        }
    }
    assert!(times > 30, "{times}");
    let known = [
        ("driver_hourly_stats", "conv_rate", "6160e3da"),
        ("driver_hourly_stats", "avg_daily_trips", "18a5e5a3"),
        ("fv", "é", "e035c247"),
        ("va_v1", "x", "ee9af6b6"),
        ("va", "x", "205202f1"),
        ("by_blob", "é ü:x", "6718ace0"),
    ];
    for (view, feature, expected) in known {
        assert_eq!(field_name(view, feature).to_vec(), hex(expected), "{view}:{feature}");
    }
    assert_eq!(time_field("va_v1"), b"_ts:va_v1");
}

#[test]
fn event_times_before_1970_and_out_of_range() {
    let check = |micros: i64, expected: &str| {
        let mut out = Vec::new();
        encode_timestamp(Timestamp::from_micros(micros), &mut out);
        assert_eq!(out, hex(expected));
        assert_eq!(decode_timestamp(&out), Ok(Timestamp::from_micros(micros)));
    };
    check(0, "");
    check(-1_500_000, "08feffffffffffffffff011080cab5ee01");
    check(1_772_366_400_123_456, "08c0d490cd06108094ef3a");
    // Seconds of the year 292 billion, negative nanoseconds, a cut number, another field.
    for bad in ["08ffffffffffffffff7f", "10ffffffffffffffffff01", "0880", "1801"] {
        assert!(decode_timestamp(&hex(bad)).is_err(), "{bad}");
    }
}

fn json_of(value_type: &ValueType, value: &str) -> std::string::String {
    let mut out = Vec::new();
    assert_eq!(
        ValueDecoder::new(value_type).decode(&hex(value), &mut out),
        Ok(Cell::Value),
        "{value}"
    );
    std::string::String::from_utf8(out).unwrap()
}

/// Recorded from `python_values_to_proto_values`.
#[test]
fn documents_become_the_values_that_python_makes_of_the_same_json() {
    let recorded = [
        ("{}", "a20100"),
        (r#"{"":"x"}"#, "a201090a070a001203120178"),
        (r#"{"a":[1,2]}"#, "a2010d0a0b0a0161120672040a020102"),
        (r#"{"a":{}}"#, "a2010a0a080a01611203a20100"),
        (r#"{"a":[{}]}"#, "a2010c0a0a0a01611205aa01020a00"),
        (r#"{"a":[true]}"#, "a2010d0a0b0a016112068a01030a0101"),
        (r#"{"a":1.5}"#, "a201100a0e0a0161120929000000000000f83f"),
        (r#"{"a":null}"#, "a201070a050a01611200"),
        (r#"{"a":[""]}"#, "a2010b0a090a0161120462020a00"),
        (
            r#"{"a":{"b":{"c":1}}}"#,
            "a2011d0a1b0a01611216a201130a110a0162120ca201090a070a016312022001",
        ),
    ];
    for (json, bytes) in recorded {
        let column: ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec![json]));
        assert_eq!(encoded(&Map, &column), hex(bytes), "{json}");
        assert_eq!(json_of(&Map, bytes), json);
    }
}

#[test]
fn floats_in_documents_keep_their_last_digit() {
    let mut random = feast_fixtures::Random::seeded();
    let any = std::iter::repeat_with(|| f64::from_bits(u64::from_le_bytes(std::array::from_fn(|_| random.byte()))));
    let floats = [-9_007_199_254_740_991.0, 0.909_297_426_825_681_7, 5e-324, 1e308];
    for float in floats
        .into_iter()
        .chain(any.filter(|float| float.is_finite()).take(5000))
    {
        let json = format!(r#"{{"a":{float:?}}}"#);
        let column: ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec![json.as_str()]));
        let bytes = encoded(&Map, &column);
        let value = &bytes[bytes.len() - 8..];
        assert_eq!(value, float.to_le_bytes(), "{json}");
    }
}

#[test]
fn documents_that_python_refuses_read_back_and_the_impossible_is_refused() {
    for json in [
        r#"{"a":[]}"#,
        r#"{"a":[1,2.5,null,[true],{"b":"x"}]}"#,
        r#"{"a":[[1],[]]}"#,
    ] {
        let column: ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec![json]));
        let bytes = encoded(&Map, &column);
        let read = column_of(&Map, &bytes).unwrap();
        assert_eq!(&read, &column, "{json}");
    }
    let nested = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    for (json, fits) in [
        (nested(33), true),
        (nested(34), false),
        (r#"{"a":9223372036854775807}"#.to_owned(), true),
        (r#"{"a":9223372036854775808}"#.to_owned(), false),
        (r#"{"a":"9223372036854775808\" 1e5"}"#.to_owned(), true),
        ("[1]".to_owned(), false),
    ] {
        let column: ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec![json.as_str()]));
        assert_eq!(ValueEncoder::new(&Map).check(&column).is_ok(), fits, "{json}");
    }
}

#[test]
fn zoned_times_and_scalar_maps_are_read() {
    for (bytes, expected) in [
        ("82031108c08294d20612095554432b30323a3030", "2026-07-01T14:00:00+02:00"),
        ("82030b08e0ba94d2061203555443", "2026-07-01T14:00:00+00:00"),
        ("82030608e0ba94d206", "2026-07-01T14:00:00+00:00"),
        (
            "82031508c08294d206120d4575726f70652f4265726c696e",
            "2026-07-01T14:00:00+02:00",
        ),
        (
            "82031608d9b4baf8ffffffffff0112095554432d30373a3330",
            "1969-07-01T14:00:01-07:30",
        ),
    ] {
        assert_eq!(json_of(&ZonedTimestamp, bytes), expected);
    }
    assert_eq!(json_of(&ScalarMap, "fa020b0a090a0210011203120161"), r#"{"1":"a"}"#);
    assert_eq!(
        json_of(&ScalarMap, "fa020f0a0d0a0921000000000000f83f1200"),
        r#"{"1.5":null}"#
    );
}

#[test]
fn wrong_members_and_hostile_values_are_errors() {
    let error = |value_type: &ValueType, bytes: &[u8]| {
        let mut out = vec![7];
        let error = ValueDecoder::new(value_type).decode(bytes, &mut out).unwrap_err();
        assert_eq!(out, [7]);
        error.to_string()
    };
    let expected = "stored value is a int64_val, and the registry expects a string_val";
    assert_eq!(error(&String, &hex("2007")), expected);
    for (value_type, bytes) in [
        (Int32, "2007"),
        (String, "120161".get(..4).unwrap()),
        (String, "1202c328"),
        (Int64, "20"),
        (Int64, "20ffffffffffffffffffff01"),
        (list(Int64), "7205"),
        (list(Int64), "72ffffffffffffffff7f"),
        (String, "980601"),
        (Int64, "20072008"),
    ] {
        error(&value_type, &hex(bytes));
    }
    assert!(matches!(
        ValueDecoder::new(&String).decode(&vec![0x12; 100 << 20], &mut Vec::new()),
        Err(CorruptValue::TooLong(_))
    ));
    let mut nested = hex("2001");
    for _ in 0..200 {
        let mut outer = Vec::new();
        let _ = wire::push_message::<()>(42, &mut outer, |out| {
            wire::push_bytes(1, &nested, out);
            Ok(())
        });
        nested = outer;
    }
    let mut map = Vec::new();
    let _ = wire::push_message::<()>(20, &mut map, |out| {
        wire::push_message(1, out, |out| {
            wire::push_bytes(1, b"a", out);
            wire::push_bytes(2, &nested, out);
            Ok(())
        })
    });
    assert_eq!(error(&Map, &map), "stored value is damaged: it is nested too deeply");
    let wider = |value_type: &ValueType, bytes: &str| column_of(value_type, &hex(bytes)).unwrap();
    assert_eq!(
        encoded(&Int64, &wider(&Int64, "18ffffffffffffffffff01")),
        hex("20ffffffffffffffffff01")
    );
    assert_eq!(
        encoded(&Float64, &wider(&Float64, "350000003f")),
        hex("29000000000000e03f")
    );
}

fn any_type() -> impl Strategy<Value = ValueType> {
    let simple = prop::sample::select(vec![
        Bytes,
        PdfBytes,
        String,
        Int32,
        Int64,
        Float32,
        Float64,
        Bool,
        UnixTimestamp,
        Uuid,
        Decimal,
        ValueType::Json,
        Map,
        ScalarMap,
        ZonedTimestamp,
        person(),
    ]);
    simple.prop_recursive(3, 8, 1, |inner| {
        prop_oneof![inner.clone().prop_map(list), inner.prop_map(set)]
    })
}

proptest! {
    #[test]
    fn damaged_bytes_are_errors_and_never_panic(value_type in any_type(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = column_of(&value_type, &bytes);
        let _ = decode_timestamp(&bytes);
        let _ = crate::entity_key::key_length(&bytes);
    }

    /// One byte of a value of Python is another, or what follows is cut.
    #[test]
    fn damaged_values_of_python_never_panic(line in 0_usize..292, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let row: Json = serde_json::from_str(SQLITE_ROWS.lines().nth(line).unwrap()).unwrap();
        let mut bytes = hex(row["value"].as_str().unwrap());
        if let (Some(value_type), false) = (type_of(row["feature_name"].as_str().unwrap()), bytes.is_empty()) {
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let _ = column_of(&value_type, &bytes);
        }
    }

    #[test]
    fn event_times_read_back(micros in -62_135_596_800_000_000_i64..=253_402_300_799_999_999) {
        let mut out = Vec::new();
        encode_timestamp(Timestamp::from_micros(micros), &mut out);
        prop_assert_eq!(decode_timestamp(&out), Ok(Timestamp::from_micros(micros)));
    }
}

#[test]
fn keys_end_where_the_project_begins() {
    for line in HASHES.lines() {
        let hash: Json = serde_json::from_str(line).unwrap();
        let key = hex(hash["key"].as_str().unwrap());
        let length = crate::entity_key::key_length(&key).unwrap();
        assert_eq!(&key[length..], b"types_repo");
    }
}
