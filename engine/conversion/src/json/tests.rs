//! JSON in, a column or a problem out.

use arrow::util::display::array_value_to_string;
use serde_json::json;

use feast_model::ValueType;

use super::*;
use crate::numbers::Numbers;

/// The column as displayed, one item a row, or the problem with its row.
fn check(values: &Value, data_type: &DataType, rules: CoercionRules, expected: &str) {
    let answer = match column(&values.as_array().unwrap().iter().collect::<Vec<_>>(), data_type, rules) {
        Ok(column) => {
            let cells: Vec<_> = (0..column.len())
                .map(|row| array_value_to_string(&column, row).unwrap())
                .collect();
            cells.join(" ")
        }
        Err(error) => format!("row {}: {error}", error.row().unwrap()),
    };
    assert_eq!(answer, expected);
}

#[test]
fn integers_are_read_as_pythons_int_does() {
    let feature = |values, expected| {
        check(
            &values,
            &DataType::Int64,
            CoercionRules::for_json(&ValueType::String),
            expected,
        )
    };
    feature(
        json!([1001, "1002", " 1_003 ", 1004.9, true, null]),
        "1001 1002 1003 1004 1 ",
    );
    feature(
        json!([9_223_372_036_854_775_807_i64, -9_223_372_036_854_775_808_i64]),
        "9223372036854775807 -9223372036854775808",
    );
    feature(json!([1, "x"]), "row 1: invalid literal for int() with base 10: 'x'");
    feature(
        json!([9_223_372_036_854_775_808_u64]),
        "row 0: Value out of range: 9223372036854775808",
    );
    feature(json!([1e300]), "row 0: Value out of range: 1e+300");
    feature(json!([-9_223_372_036_854_775_808.0]), "-9223372036854775808");
    feature(
        json!(["-9223372036854775809"]),
        "row 0: Value out of range: -9223372036854775809",
    );
    check(
        &json!([1.5]),
        &DataType::Int64,
        CoercionRules::JSON_SOURCE,
        "row 0: Float value 1.5 was truncated converting to int64",
    );
}

#[test]
fn integers_beyond_64_bits_are_never_taken_for_others() {
    let values: Value = serde_json::from_str("[-9223372036854775809]").unwrap();
    let lists: Value = serde_json::from_str("[[1, -9223372036854775809]]").unwrap();
    let objects: Value = serde_json::from_str(r#"[{"a": [100000000000000000000]}]"#).unwrap();
    let rules = |value_type| CoercionRules::for_json(&value_type).with(Numbers::Rounded);
    let out_of_range = "row 0: Value out of range: about -9.223372036854776e+18, which is beyond 64 bits";
    check(&values, &DataType::Int64, rules(ValueType::Int64), out_of_range);
    check(&values, &DataType::Int32, rules(ValueType::Int32), out_of_range);
    check(
        &lists,
        &DataType::new_list(DataType::Int64, true),
        rules(ValueType::Int64),
        out_of_range,
    );
    let seconds = DataType::Timestamp(TimeUnit::Second, None);
    check(&values, &seconds, rules(ValueType::UnixTimestamp), out_of_range);
    let digits = "may have had more digits; write it as text";
    let shown = format!("row 0: -9.223372036854776e+18 {digits}");
    check(&values, &DataType::Utf8, rules(ValueType::String), &shown);
    let nested = format!("row 0: an integer beyond 64 bits in it {digits}");
    check(&objects, &DataType::Utf8, rules(ValueType::Map), &nested);
    check(&objects, &DataType::Utf8, rules(ValueType::String), &nested);
    // The nearest float is what a float is.
    check(
        &values,
        &DataType::Float64,
        rules(ValueType::Float64),
        "-9.223372036854776e18",
    );
}

#[test]
fn numbers_out_of_a_narrow_type_name_their_row() {
    let values = json!([1, 3_000_000_000_i64]);
    let Err(error) = column(
        &values.as_array().unwrap().iter().collect::<Vec<_>>(),
        &DataType::Int32,
        CoercionRules::for_json(&ValueType::String),
    ) else {
        panic!("it fits")
    };
    assert_eq!(error.row(), Some(1));
}

#[test]
fn times_are_read_by_form_and_magnitude() {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let time = |values, expected| check(&values, &micros, CoercionRules::JSON_SOURCE, expected);
    time(
        json!(["2022-05-13 10:59:42", "2022-05-13T10:59:42Z", null]),
        "2022-05-13T10:59:42 2022-05-13T10:59:42 ",
    );
    time(
        json!([1_652_439_582, 1_652_439_582_000_i64]),
        "2022-05-13T10:59:42 2022-05-13T10:59:42",
    );
    time(
        json!([1_652_439_582_000_000_i64, 1_652_439_582_000_000_000_i64]),
        "2022-05-13T10:59:42 2022-05-13T10:59:42",
    );
    let seconds = DataType::Timestamp(TimeUnit::Second, None);
    check(
        &json!([5, "7", "1970-01-02"]),
        &seconds,
        CoercionRules::for_json(&ValueType::String),
        "1970-01-01T00:00:05 1970-01-01T00:00:07 1970-01-02T00:00:00",
    );
}

#[test]
fn bytes_are_base64() {
    check(
        &json!(["AAH+", null]),
        &DataType::Binary,
        CoercionRules::for_json(&ValueType::String),
        "0001fe ",
    );
    check(
        &json!(["?"]),
        &DataType::Binary,
        CoercionRules::for_json(&ValueType::String),
        "row 0: \"?\" is not base64, which bytes must be",
    );
}

#[test]
fn nested_values_keep_their_nulls() {
    let list = DataType::new_list(DataType::Int64, true);
    check(
        &json!([[1, null], [], null]),
        &list,
        CoercionRules::for_json(&ValueType::String),
        "[1, ] [] ",
    );
    check(
        &json!([[1], [2, "x"]]),
        &list,
        CoercionRules::for_json(&ValueType::String),
        "row 1: invalid literal for int() with base 10: 'x'",
    );
    check(
        &json!([5]),
        &list,
        CoercionRules::for_json(&ValueType::String),
        "row 0: 5 is not a list",
    );
    check(
        &json!([{"b": 1}, "t", 5, true]),
        &DataType::Utf8,
        CoercionRules::for_json(&ValueType::String),
        "{\"b\":1} t 5 True",
    );
}

#[test]
fn times_that_the_file_does_not_hold_are_refused() {
    let read = |time: &str, data_type: &DataType| {
        let value = Value::from(time);
        let read = column(&[&Value::Null, &value], data_type, CoercionRules::JSON_SOURCE);
        read.map(|_| ()).map_err(|error| error.for_column("t").to_string())
    };
    let millis = DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Paris".into()));
    assert_eq!(read("2026-11-25T10:00:00.001Z", &millis), Ok(()));
    assert_eq!(
        read("2026-11-25T10:00:00.0001Z", &millis).unwrap_err(),
        "column t, row 1: 2026-11-25T10:00:00.0001Z would lose digits: the column of the file is Timestamp(ms, \"Europe/Paris\")"
    );
    assert_eq!(read("2026-11-25", &DataType::Date32), Ok(()));
    assert!(read("2026-11-25T10:00:00Z", &DataType::Date32).is_err());
}
