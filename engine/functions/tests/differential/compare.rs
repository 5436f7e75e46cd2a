//! Runs a case here, and compares what comes of it with Python's answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampSecondType};
use feast_functions::{Budget, Failure, Function, Input, Output};
use feast_model::ValueType;
use serde_json::{Value as Json, json};

use crate::case::Case;
use crate::columns::{array, type_of};
use crate::known;

/// What comes of a case.
pub(crate) enum Outcome {
    Equal,
    /// With the same exception and the same text.
    FailsAlike,
    /// Here, and why.
    Refused(String),
    /// Python has taken too long.
    Skipped,
    /// As it is known to be.
    Known,
    Different(String),
}

type Given = Result<Vec<(usize, ArrayRef)>, Failure>;

pub(crate) fn compare(case: &Case, answer: &Json) -> Outcome {
    if answer.get("skipped").is_some() {
        return Outcome::Skipped;
    }
    let text = case.text();
    let function = match Function::compile("", &text, case.mode) {
        Ok(function) => function,
        Err(refusal) => return Outcome::Refused(refusal.reason),
    };
    let outcome = match catch_unwind(AssertUnwindSafe(|| run(case, &function))) {
        Ok(given) => outcome(case, &given, answer, ulps(&text)),
        Err(_) => Outcome::Different(format!("panics, Python: {answer}")),
    };
    match outcome {
        Outcome::Different(difference) if known::is_known(&text, &difference) => Outcome::Known,
        outcome => outcome,
    }
}

fn run(case: &Case, function: &Function) -> Given {
    let used = case.used();
    let types: Vec<ValueType> = used.iter().map(|column| type_of(column.type_name)).collect();
    let inputs: Vec<Input<'_>> = used
        .iter()
        .zip(&types)
        .map(|(column, value_type)| Input {
            name: column.name,
            twin: None,
            value_type,
            values: array(column.type_name, &column.values[..case.rows]),
        })
        .collect();
    let types: Vec<ValueType> = case.outputs.iter().map(|(_, of)| type_of(of)).collect();
    let outputs: Vec<Output<'_>> = case
        .outputs
        .iter()
        .zip(&types)
        .map(|((name, _), value_type)| Output { name, value_type })
        .collect();
    function.call(&inputs, &outputs, case.rows, Budget::Full)
}

fn outcome(case: &Case, given: &Given, answer: &Json, ulps: u64) -> Outcome {
    let arrays = match given {
        Err(Failure::NotKnown(refusal)) => return Outcome::Refused(refusal.reason.clone()),
        Err(Failure::Exhausted(bound)) => return Outcome::Refused((*bound).to_owned()),
        // Feast answers the text alone, so classes are compared by what functions catch.
        Err(Failure::Raised { text, .. }) if answer["text"] == **text => return Outcome::FailsAlike,
        Err(Failure::WrongOutput(_)) if is_wrong_output(case, answer) => return Outcome::FailsAlike,
        Err(failure) => return Outcome::Different(format!("fails with {failure:?}, Python: {answer}")),
        Ok(arrays) => arrays,
    };
    let expected = answer["outputs"].as_array().map_or(&[][..], Vec::as_slice);
    let is_equal = expected.len() == arrays.len()
        && arrays.iter().zip(expected).all(|((number, array), expected)| {
            let (name, of) = &case.outputs[*number];
            expected[0] == **name && is_same(&type_of(of), array, &expected[1], ulps)
        });
    match is_equal && answer.get("error").is_none() {
        true => Outcome::Equal,
        false => Outcome::Different(format!("gives {}, Python: {answer}", shown(arrays))),
    }
}

fn shown(arrays: &[(usize, ArrayRef)]) -> String {
    let arrays = arrays.iter().map(|(_, array)| format!("{array:?}").replace('\n', " "));
    arrays.collect::<Vec<_>>().join("; ")
}

/// Whether Python's answer lacks an output, or has one of another length, or none at all. Feast leaves such a column out or answers it
/// in its length; here it is an error that names the column.
fn is_wrong_output(case: &Case, answer: &Json) -> bool {
    let Some(outputs) = answer["outputs"].as_array() else {
        return answer["stage"] == "conversion";
    };
    let is_given = |name: &str| {
        let mut outputs = outputs.iter();
        outputs.any(|output| output[0] == name && output[1].as_array().map(Vec::len) == Some(case.rows))
    };
    !case.outputs.iter().all(|(name, _)| is_given(name))
}

/// Functions that numpy computes by itself, on each processor otherwise in the last digit.
const TRANSCENDENTAL: [&str; 12] = [
    "arctan2(", "cos(", "exp(", "expm1(", "hypot(", "log(", "log10(", "log1p(", "log2(", "sin(", "tan(", "tanh(",
];

/// Powers of numpy are likewise not those of the C library.
const POWERS: [&str; 3] = ["**", "pow(", "np.power("];

/// By how many units in the last place a float may differ.
fn ulps(text: &str) -> u64 {
    let is_pandas = text.starts_with("def f(df)");
    let is_near = TRANSCENDENTAL.iter().any(|name| text.contains(&format!("np.{name}")))
        || (is_pandas && POWERS.iter().any(|name| text.contains(name)));
    u64::from(is_near)
}

/// Whether the values of an array are Python's.
fn is_same(value_type: &ValueType, array: &ArrayRef, expected: &Json, ulps: u64) -> bool {
    let Some(expected) = expected.as_array() else {
        return false;
    };
    let same = |(row, expected): (usize, &Json)| match value_type {
        // A time that is missing is null here, and the least integer in Feast.
        ValueType::UnixTimestamp if array.is_null(row) => expected.is_null() || expected == &json!(i64::MIN),
        _ if array.is_null(row) => expected.is_null(),
        ValueType::Int64 => expected == &json!(array.as_primitive::<Int64Type>().value(row)),
        ValueType::Int32 => expected == &json!(array.as_primitive::<Int32Type>().value(row)),
        ValueType::Float64 => is_near(expected, array.as_primitive::<Float64Type>().value(row), ulps),
        ValueType::Float32 => is_near(
            expected,
            f64::from(array.as_primitive::<Float32Type>().value(row)),
            ulps << 29,
        ),
        ValueType::Bool => expected == &json!(array.as_boolean().value(row)),
        ValueType::Map => {
            let map = serde_json::from_str(array.as_string::<i32>().value(row));
            map.is_ok_and(|map| is_same_map(&map, expected, ulps))
        }
        // Of bytes that are all empty Feast makes nulls.
        ValueType::Bytes if expected.is_null() => array.as_binary::<i32>().value(row).is_empty(),
        ValueType::Bytes => {
            let bytes = array.as_binary::<i32>().value(row).iter();
            expected == &json!(bytes.map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        ValueType::String | ValueType::Json | ValueType::Uuid | ValueType::Decimal => {
            expected == &json!(array.as_string::<i32>().value(row))
        }
        ValueType::UnixTimestamp => expected == &json!(array.as_primitive::<TimestampSecondType>().value(row)),
        ValueType::Array(element) => is_same(element, &array.as_list::<i32>().value(row), expected, ulps),
        other => panic!("no case declares {other:?}"),
    };
    array.len() == expected.len() && expected.iter().enumerate().all(same)
}

/// Whether what is in a map is Python's.
fn is_same_map(given: &Json, expected: &Json, ulps: u64) -> bool {
    match (given, expected) {
        (Json::Object(given), Json::Object(expected)) => {
            let has = |(key, value): (&String, &Json)| expected.get(key).is_some_and(|it| is_same_map(value, it, ulps));
            given.len() == expected.len() && given.iter().all(has)
        }
        (Json::Array(given), Json::Array(expected)) => {
            given.len() == expected.len()
                && given
                    .iter()
                    .zip(expected)
                    .all(|(given, it)| is_same_map(given, it, ulps))
        }
        (Json::Number(number), expected) if number.is_f64() => number
            .as_f64()
            .is_some_and(|number| is_near(&expected["float"], number, ulps)),
        (given, expected) => given == expected,
    }
}

/// Whether it is this float, with the sign of a zero, or one so near to it.
fn is_near(expected: &Json, given: f64, ulps: u64) -> bool {
    let Some(expected) = expected.as_str().and_then(|text| text.parse::<f64>().ok()) else {
        return false;
    };
    let difference = expected.to_bits().cast_signed().abs_diff(given.to_bits().cast_signed());
    difference <= ulps || (expected.is_nan() && given.is_nan())
}
