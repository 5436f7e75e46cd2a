//! Expressions as Python Feast 0.67.0 evaluates them: each is equal here, or refused.
//!
//! `expr` of a vector is the only output of a function over the columns; `values` are what Feast answers, or `text` what the server
//! says of what is raised.

#![expect(clippy::unwrap_used, reason = "a test fails by it, also in its helpers")]
#![expect(
    clippy::print_stdout,
    reason = "how many are refused, for those who run tests with --nocapture"
)]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, TimestampSecondArray,
};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampSecondType};
use feast_functions::{Budget, Failure, Function, Input, Mode, Output};
use feast_model::ValueType;
use serde_json::{Value as Json, json};

/// How many of the vectors may be refused. These figures only fall.
const MAX_REFUSED_PANDAS: usize = 110;
const MAX_REFUSED_PYTHON: usize = 14;

/// What comes of a vector.
enum Outcome {
    Equal,
    Refused(String),
    Wrong(String),
}

#[test]
fn pandas_vectors_are_equal_or_refused() {
    check(
        feast_fixtures::PANDAS_VECTORS,
        Mode::Pandas,
        MAX_REFUSED_PANDAS,
        pandas_function,
    );
}

#[test]
fn python_vectors_are_equal_or_refused() {
    check(
        feast_fixtures::PYTHON_VECTORS,
        Mode::Python,
        MAX_REFUSED_PYTHON,
        python_function,
    );
}

fn pandas_function(expression: &str) -> String {
    format!("def f(df):\n    return pd.DataFrame({{'o': {expression}}})\n")
}

fn python_function(expression: &str) -> String {
    format!("def f(i):\n    import math, re, json, datetime\n    return {{'o': {expression}}}\n")
}

fn check(vectors: &str, mode: Mode, max_refused: usize, function: impl Fn(&str) -> String) {
    let (mut refused, mut wrong) = (Vec::new(), Vec::new());
    let count = vectors.lines().count();
    for line in vectors.lines() {
        let vector: Json = serde_json::from_str(line).unwrap();
        let text = function(vector["expr"].as_str().unwrap());
        let shown = || format!("{} of {}", vector["expr"].as_str().unwrap(), vector["columns"]);
        match outcome(&vector, &text, mode) {
            Outcome::Equal => {}
            Outcome::Refused(reason) => refused.push(format!("{}: {reason}", shown())),
            Outcome::Wrong(difference) => wrong.push(format!("{}\n    {difference}", shown())),
        }
    }
    if std::env::var_os("SHOW_REFUSED").is_some() {
        println!("{}", refused.join("\n"));
    }
    println!("{} of {count} vectors are refused", refused.len());
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        refused.len() <= max_refused,
        "{} are refused, and {max_refused} may be",
        refused.len()
    );
}

fn outcome(vector: &Json, text: &str, mode: Mode) -> Outcome {
    let function = match Function::compile("", text, mode) {
        Ok(function) => function,
        Err(refusal) => return Outcome::Refused(refusal.to_string()),
    };
    let columns: Vec<(String, ValueType, ArrayRef)> = vector["columns"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, column)| {
            let value_type = type_of(column["type"].as_str().unwrap());
            let values = array(&value_type, column["values"].as_array().unwrap());
            (name.clone(), value_type, values)
        })
        .collect();
    let inputs: Vec<Input<'_>> = columns
        .iter()
        .map(|(name, value_type, values)| Input {
            name,
            twin: None,
            value_type,
            values: Arc::clone(values),
        })
        .collect();
    let declared = match vector["declared"].as_str() {
        // It fails before its type matters.
        None if vector.get("text").is_some() => ValueType::Int64,
        // Feast guesses a type from the values, and views declare one.
        None | Some("none") => return Outcome::Refused("no type is declared".to_owned()),
        Some(name) => type_of(name),
    };
    let outputs = [Output {
        name: "o",
        value_type: &declared,
    }];
    let rows = columns.first().map_or(0, |(_, _, values)| values.len());
    let given = function.call(&inputs, &outputs, rows, Budget::Full);
    match (given, vector.get("text")) {
        (Err(Failure::NotKnown(refusal)), _) => Outcome::Refused(refusal.to_string()),
        // What is not as the schema says is an error here.
        (Err(Failure::WrongOutput(_)), None) => Outcome::Refused("the output does not fit its schema".to_owned()),
        (Err(Failure::Raised { text, .. }), Some(expected)) if expected == &json!(text) => Outcome::Equal,
        (Err(failure), Some(expected)) => Outcome::Wrong(format!("fails with {failure:?}, Python with {expected}")),
        (Err(failure), None) => Outcome::Wrong(format!("fails with {failure:?}, Python gives {}", vector["values"])),
        (Ok(arrays), Some(expected)) => {
            Outcome::Wrong(format!("gives {:?}, Python fails with {expected}", arrays[0].1))
        }
        (Ok(arrays), None) => match is_same(&declared, &arrays[0].1, &vector["values"], ulps(text)) {
            true => Outcome::Equal,
            false => Outcome::Wrong(format!("gives {:?}, Python {}", arrays[0].1, vector["values"])),
        },
    }
}

/// Functions that numpy computes by itself, on each processor otherwise in the last digit.
const TRANSCENDENTAL: [&str; 12] = [
    "arctan2(", "cos(", "exp(", "expm1(", "hypot(", "log(", "log10(", "log1p(", "log2(", "sin(", "tan(", "tanh(",
];

/// By how many units in the last place a value may differ.
fn ulps(text: &str) -> i64 {
    i64::from(TRANSCENDENTAL.iter().any(|name| text.contains(&format!("np.{name}"))))
}

/// Whether the values of an array are those of a vector, to the last digit or so. A time that is missing is null here.
fn is_same(value_type: &ValueType, array: &ArrayRef, expected: &Json, ulps: i64) -> bool {
    let Some(expected) = expected.as_array() else {
        return false;
    };
    let same = |(row, expected): (usize, &Json)| match value_type {
        _ if array.is_null(row) => expected.is_null() || expected == "nan" || expected == &json!(i64::MIN),
        ValueType::Int64 => expected == &json!(array.as_primitive::<Int64Type>().value(row)),
        ValueType::Int32 => expected == &json!(array.as_primitive::<Int32Type>().value(row)),
        ValueType::Float64 => is_near(expected, array.as_primitive::<Float64Type>().value(row), ulps),
        ValueType::Float32 => is_near(expected, f64::from(array.as_primitive::<Float32Type>().value(row)), 0),
        ValueType::Bool => expected == &json!(array.as_boolean().value(row)),
        ValueType::String => expected == &json!(array.as_string::<i32>().value(row)),
        ValueType::UnixTimestamp => expected == &json!(array.as_primitive::<TimestampSecondType>().value(row)),
        ValueType::Array(element) => is_same(element, &array.as_list::<i32>().value(row), expected, ulps),
        other => panic!("no vector declares {other:?}"),
    };
    array.len() == expected.len() && expected.iter().enumerate().all(same)
}

/// Whether it is this float, with the sign of a zero, or one so near to it.
fn is_near(expected: &Json, given: f64, ulps: i64) -> bool {
    let Some(expected) = float(expected) else {
        return false;
    };
    let difference = expected.to_bits().cast_signed().abs_diff(given.to_bits().cast_signed());
    difference <= ulps.unsigned_abs()
}

fn type_of(name: &str) -> ValueType {
    if let Some(element) = name.strip_prefix("Array(").and_then(|rest| rest.strip_suffix(')')) {
        return ValueType::Array(Box::new(type_of(element)));
    }
    match name {
        "Int32" => ValueType::Int32,
        "Int64" => ValueType::Int64,
        "Float32" => ValueType::Float32,
        "Float64" => ValueType::Float64,
        "Bool" => ValueType::Bool,
        "String" => ValueType::String,
        "UnixTimestamp" => ValueType::UnixTimestamp,
        other => panic!("unknown type {other}"),
    }
}

/// Floats are written as text: the reader of JSON would round them.
fn float(value: &Json) -> Option<f64> {
    value.as_str().map(|text| text.parse().unwrap())
}

fn array(value_type: &ValueType, values: &[Json]) -> ArrayRef {
    match value_type {
        ValueType::Int64 => Arc::new(values.iter().map(Json::as_i64).collect::<Int64Array>()),
        ValueType::Float64 => Arc::new(values.iter().map(float).collect::<Float64Array>()),
        ValueType::Bool => Arc::new(values.iter().map(Json::as_bool).collect::<BooleanArray>()),
        ValueType::String => Arc::new(values.iter().map(Json::as_str).collect::<StringArray>()),
        ValueType::UnixTimestamp => Arc::new(values.iter().map(Json::as_i64).collect::<TimestampSecondArray>()),
        ValueType::Array(_) => {
            let lists = values.iter().map(|list| {
                let items = list.as_array()?.iter();
                Some(items.map(Json::as_i64).collect::<Vec<_>>())
            });
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))
        }
        other => panic!("no vector has {other:?}"),
    }
}
