//! The same values through both entries: as JSON of a body, and as a column of a file. What differs stands here, each with its
//! reason; everything else must agree.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, StructArray, new_null_array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use arrow::util::display::array_value_to_string;
use feast_model::ValueType;
use serde_json::{Value, json};

use crate::json::column;
use crate::{CoercionRules, coerce, coerce_key};

const REFUSED: &str = "refused";

/// A cell a row.
fn shown(column: Option<ArrayRef>, value_type: &ValueType) -> String {
    let Some(column) = column else {
        return REFUSED.to_owned();
    };
    assert_eq!(column.data_type(), &value_type.arrow_type());
    let cell = |row| match column.is_null(row) {
        true => "null".to_owned(),
        false => array_value_to_string(&column, row).unwrap(),
    };
    (0..column.len()).map(cell).collect::<Vec<_>>().join(" ")
}

/// As a write does it: into the type's column, and then what the type demands beyond its Arrow form.
fn through_json(values: &Value, value_type: &ValueType) -> String {
    let values: Vec<&Value> = values.as_array().unwrap().iter().collect();
    let read = column(&values, &value_type.arrow_type(), CoercionRules::for_json(value_type)).ok();
    shown(read.and_then(|column| coerce(&column, value_type).ok()), value_type)
}

fn through_column(column: &ArrayRef, value_type: &ValueType) -> String {
    shown(coerce(column, value_type).ok(), value_type)
}

fn agree(value_type: &ValueType, values: Value, column: impl Array + 'static, expected: &str) {
    differ(value_type, values, column, [expected, expected]);
}

fn differ(
    value_type: &ValueType,
    values: Value,
    column: impl Array + 'static,
    [expected_of_json, expected_of_column]: [&str; 2],
) {
    let of_json = through_json(&values, value_type);
    let of_column = through_column(&(Arc::new(column) as ArrayRef), value_type);
    assert_eq!(
        [of_json.as_str(), of_column.as_str()],
        [expected_of_json, expected_of_column],
        "{values} into {value_type}"
    );
}

fn booleans(values: [bool; 2]) -> BooleanArray {
    values.to_vec().into()
}

fn integers(values: &[Option<i64>]) -> Int64Array {
    values.to_vec().into()
}

fn floats(values: &[f64]) -> Float64Array {
    values.to_vec().into()
}

fn strings(values: &[&str]) -> StringArray {
    values.to_vec().into()
}

fn object() -> StructArray {
    let column: ArrayRef = Arc::new(integers(&[Some(1)]));
    StructArray::new(vec![Field::new("a", DataType::Int64, true)].into(), vec![column], None)
}

fn list_of(item: ValueType) -> ValueType {
    ValueType::Array(Box::new(item))
}

#[test]
fn numbers_agree() {
    for number in [ValueType::Int32, ValueType::Int64] {
        agree(&number, json!([true, false]), booleans([true, false]), "1 0");
        agree(&number, json!([5, null]), integers(&[Some(5), None]), "5 null");
        agree(&number, json!([1.9, -1.9]), floats(&[1.9, -1.9]), "1 -1");
        agree(&number, json!(["12", "-3"]), strings(&["12", "-3"]), "12 -3");
        agree(&number, json!([" 7 "]), strings(&[" 7 "]), "7");
        agree(&number, json!(["1.5"]), strings(&["1.5"]), REFUSED);
        agree(&number, json!([1e300]), floats(&[1e300]), REFUSED);
        agree(&number, json!(["x"]), strings(&["x"]), REFUSED);
        agree(
            &number,
            json!([[1]]),
            ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)])]),
            REFUSED,
        );
        agree(&number, json!([{"a": 1}]), object(), REFUSED);
        agree(
            &number,
            json!([null]),
            Arc::clone(&new_null_array(&DataType::Null, 1)),
            "null",
        );
    }
    agree(
        &ValueType::Int32,
        json!([1_i64 << 40]),
        integers(&[Some(1 << 40)]),
        REFUSED,
    );
    for float in [ValueType::Float32, ValueType::Float64] {
        agree(&float, json!([true, false]), booleans([true, false]), "1.0 0.0");
        agree(&float, json!([5, null]), integers(&[Some(5), None]), "5.0 null");
        agree(&float, json!(["1.5", "-2e3"]), strings(&["1.5", "-2e3"]), "1.5 -2000.0");
        agree(&float, json!(["nan", "inf"]), strings(&["nan", "inf"]), "null inf");
        agree(&float, json!(["x"]), strings(&["x"]), REFUSED);
    }
    agree(
        &ValueType::Bool,
        json!([0, 2, null]),
        integers(&[Some(0), Some(2), None]),
        "false true null",
    );
    agree(&ValueType::Bool, json!([0.0, 0.5]), floats(&[0.0, 0.5]), "false true");
    agree(
        &ValueType::Bool,
        json!(["true", "FALSE"]),
        strings(&["true", "FALSE"]),
        "true false",
    );
}

#[test]
fn strings_and_documents_agree() {
    agree(
        &ValueType::String,
        json!([true, false]),
        booleans([true, false]),
        "True False",
    );
    agree(
        &ValueType::String,
        json!([5, null]),
        integers(&[Some(5), None]),
        "5 null",
    );
    let given = [0.1, 1e16, 1e-7, 2.0];
    agree(&ValueType::String, json!(given), floats(&given), "0.1 1e+16 1e-07 2.0");
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])]);
    agree(&ValueType::String, json!([[1, null]]), lists, "[1,null]");
    agree(&ValueType::String, json!([{"a": 1}]), object(), r#"{"a":1}"#);
    let uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    agree(&ValueType::Uuid, json!([uuid]), strings(&[uuid]), uuid);
    agree(&ValueType::Decimal, json!(["1.50"]), strings(&["1.50"]), "1.50");
    agree(&ValueType::Decimal, json!([7]), integers(&[Some(7)]), "7");
    agree(&ValueType::Json, json!(["[1, 2]"]), strings(&["[1, 2]"]), "[1, 2]");
    agree(&ValueType::Json, json!(["x"]), strings(&["x"]), REFUSED);
    agree(
        &ValueType::Json,
        json!([true, false]),
        booleans([true, false]),
        "true false",
    );
    for document in [ValueType::Map, ValueType::ScalarMap] {
        agree(
            &document,
            json!(["{ \"a\" : 1 }"]),
            strings(&["{ \"a\" : 1 }"]),
            r#"{"a":1}"#,
        );
        agree(&document, json!([{"a": 1}]), object(), r#"{"a":1}"#);
        agree(&document, json!(["[1]"]), strings(&["[1]"]), REFUSED);
        agree(&document, json!([5]), integers(&[Some(5)]), REFUSED);
        agree(&document, json!([true, false]), booleans([true, false]), REFUSED);
    }
    let set = ValueType::Set(Box::new(ValueType::Int64));
    let repeated = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(3), Some(1), Some(3)])]);
    agree(&set, json!([[3, 1, 3]]), repeated, "[1, 3]");
    agree(&list_of(ValueType::Int64), json!([5]), integers(&[Some(5)]), REFUSED);
}

#[test]
fn times_agree() {
    let unix = ValueType::UnixTimestamp;
    let days = ["86400", "1970-01-02", "1970-01-02T01:00:00+01:00"];
    let midnight = "1970-01-02T00:00:00";
    agree(&unix, json!(days), strings(&days), &[midnight; 3].join(" "));
    agree(&unix, json!([86_400]), integers(&[Some(86_400)]), midnight);
    agree(&unix, json!([86_400.9]), floats(&[86_400.9]), midnight);
    agree(&unix, json!(["soon"]), strings(&["soon"]), REFUSED);
    agree(&unix, json!([1e300]), floats(&[1e300]), REFUSED);
    agree(&unix, json!([{"a": 1}]), object(), REFUSED);
    let zoned = ["2026-07-01T14:00:00+02:00", "0"];
    agree(
        &ValueType::ZonedTimestamp,
        json!(zoned),
        strings(&zoned),
        "2026-07-01T14:00:00+02:00 1970-01-01T00:00:00+00:00",
    );
}

/// Options of [`CoercionRules`].
#[test]
fn the_rules_say_where_the_entries_differ() {
    // `Integers` of items: pyarrow, which makes Python's columns of a body, refuses what its materialization cuts off.
    let item = ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(1.5)])]);
    differ(&list_of(ValueType::Int64), json!([[1.5]]), item, [REFUSED, "[1]"]);
    // `SecondFractions`.
    let seconds = ["1969-12-31T23:59:58", "1969-12-31T23:59:59"];
    differ(&ValueType::UnixTimestamp, json!([-1.5]), floats(&[-1.5]), seconds);
    // `BeyondFloat32`.
    differ(&ValueType::Float32, json!([1e300]), floats(&[1e300]), ["inf", REFUSED]);
    // `Strings::Exact`: of a float in JSON there may have been more digits.
    differ(&ValueType::Decimal, json!([0.5]), floats(&[0.5]), [REFUSED, "0.5"]);
    // `Integers` of a key: JSON keys are read as Python's server reads them, those of a file must be whole.
    let key = ValueType::Int64;
    let of_file = coerce_key(&(Arc::new(floats(&[1004.9])) as ArrayRef), &key);
    assert_eq!(through_json(&json!([1004.9]), &key), "1004");
    assert_eq!(shown(of_file.ok(), &key), REFUSED);
}

/// What a string or a boolean spells is read by Python's rules in JSON, and by the library's in a column.
#[test]
fn strings_are_spelled_differently() {
    differ(
        &ValueType::Int64,
        json!(["1_003"]),
        strings(&["1_003"]),
        ["1003", REFUSED],
    );
    differ(&ValueType::Bool, json!(["yes"]), strings(&["yes"]), [REFUSED, "true"]);
    // JSON has no bytes, so they come as base64; a file has them.
    differ(
        &ValueType::Bytes,
        json!(["AAE="]),
        strings(&["AAE="]),
        ["0001", "4141453d"],
    );
    let decimal = ["refused", "True False"];
    differ(
        &ValueType::Decimal,
        json!([true, false]),
        booleans([true, false]),
        decimal,
    );
    let seconds = ["1970-01-01T00:00:01 1970-01-01T00:00:00", REFUSED];
    differ(
        &ValueType::UnixTimestamp,
        json!([true, false]),
        booleans([true, false]),
        seconds,
    );
    // Day and month: the first date of a JSON column decides for the others, those of a file are each read by themselves.
    let dates = ["13/01/1970", "02/01/1970"];
    let read = [
        "1970-01-13T00:00:00 1970-01-02T00:00:00",
        "1970-01-13T00:00:00 1970-02-01T00:00:00",
    ];
    differ(&ValueType::UnixTimestamp, json!(dates), strings(&dates), read);
    // Python compares JSON as its own `json.dumps` writes it.
    differ(
        &ValueType::Json,
        json!([{"a": 1}]),
        object(),
        [r#"{"a": 1}"#, r#"{"a":1}"#],
    );
    assert_ne!(through_json(&json!(["now"]), &ValueType::UnixTimestamp), REFUSED);
    assert_eq!(
        through_column(&(Arc::new(strings(&["now"])) as ArrayRef), &ValueType::UnixTimestamp),
        REFUSED
    );
}
