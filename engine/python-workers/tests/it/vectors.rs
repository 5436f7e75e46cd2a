//! Expressions as Python Feast 0.67.0 evaluates them: here they are evaluated by Python too, so all must be equal.
//!
//! `expr` of a vector is the only output of a function over the columns; `values` are what Feast answers, or `text` what the server
//! says of what is raised.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, TimestampSecondArray,
};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampSecondType};
use feast_functions::{Input, Mode, Output};
use feast_model::ValueType;
use feast_python_workers::{CallError, Pool, PoolFunction};
use serde_json::{Value as Json, json};

use crate::support::{python, settings};

#[test]
fn pandas_vectors_are_equal() {
    let function = |expression: &str| format!("def f(df):\n    return pd.DataFrame({{'o': {expression}}})\n");
    check(feast_fixtures::PANDAS_VECTORS, Mode::Pandas, function);
}

#[test]
fn python_vectors_are_equal() {
    let function = |expression: &str| {
        format!("def f(i):\n    import math, re, json, datetime\n    return {{'o': {expression}}}\n")
    };
    check(feast_fixtures::PYTHON_VECTORS, Mode::Python, function);
}

fn check(vectors: &str, mode: Mode, text: impl Fn(&str) -> String) {
    let Some(python) = python() else {
        return;
    };
    let vectors: Vec<Json> = vectors
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let functions = vectors.iter().enumerate().map(|(number, vector)| PoolFunction {
        view: number.to_string(),
        mode,
        text: text(vector["expr"].as_str().unwrap()),
        names: String::new(),
        outputs: Vec::new(),
    });
    let pool = Pool::start(settings(python), functions.collect());
    let outcomes = vectors.iter().enumerate().map(|(number, vector)| {
        let problem = problem(&pool, &number.to_string(), vector)?;
        Some(format!(
            "{} of {}\n    {problem}",
            vector["expr"].as_str().unwrap(),
            vector["columns"]
        ))
    });
    let wrong: Vec<String> = outcomes.flatten().collect();
    assert!(
        wrong.is_empty(),
        "{} of {} are wrong:\n{}",
        wrong.len(),
        vectors.len(),
        wrong.join("\n")
    );
}

/// What of a vector is not equal.
fn problem(pool: &Pool, view: &str, vector: &Json) -> Option<String> {
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
        None | Some("none") => return None,
        Some(name) => type_of(name),
    };
    let outputs = [Output {
        name: "o",
        value_type: &declared,
    }];
    let rows = columns.first().map_or(0, |(_, _, values)| values.len());
    let given = pool.call_blocking(view, &inputs, &outputs, rows);
    let expected = vector.get("text").and_then(Json::as_str);
    match (given, expected) {
        (Err(CallError::Raised { class, text } | CallError::Unconvertible { class, text, .. }), Some(expected)) => {
            let is_same = class == vector["error"] && same_text(&text, expected);
            (!is_same).then(|| format!("{class}: {text}, and in Feast {}: {expected}", vector["error"]))
        }
        // On purpose: Feast answers 200 with a column that has too few rows.
        (Err(CallError::WrongOutput(problem)), None) => {
            let given = vector["values"].as_array().map_or(0, Vec::len);
            let is_same = problem == format!("the function gives {given} values of o for {rows} rows");
            (!is_same).then_some(problem)
        }
        (Err(failure), None) => Some(format!("fails with {failure:?}, Feast gives {}", vector["values"])),
        (Err(failure), Some(expected)) => Some(format!("fails with {failure:?}, Feast with {expected}")),
        (Ok(arrays), Some(expected)) => Some(format!("gives {:?}, Feast fails with {expected}", arrays[0].1)),
        (Ok(arrays), None) => {
            let is_same = is_same(&declared, &arrays[0].1, &vector["values"]);
            (!is_same).then(|| format!("gives {:?}, Feast {}", arrays[0].1, vector["values"]))
        }
    }
}

/// Sets of types are told in any order.
fn same_text(text: &str, expected: &str) -> bool {
    let start = |text: &str| text.split_once(" not in {").map(|(start, _)| start.to_owned());
    text == expected || start(expected).is_some() && start(text) == start(expected)
}

/// Whether the values of an array are those of a vector, to the last digit. A time that is missing is null here.
fn is_same(value_type: &ValueType, array: &ArrayRef, expected: &Json) -> bool {
    let Some(expected) = expected.as_array() else {
        return false;
    };
    let same = |(row, expected): (usize, &Json)| match value_type {
        _ if array.is_null(row) => expected.is_null() || expected == "nan" || expected == &json!(i64::MIN),
        ValueType::Int64 => expected == &json!(array.as_primitive::<Int64Type>().value(row)),
        ValueType::Int32 => expected == &json!(array.as_primitive::<Int32Type>().value(row)),
        ValueType::Float64 => float(expected) == Some(array.as_primitive::<Float64Type>().value(row)),
        ValueType::Float32 => float(expected) == Some(f64::from(array.as_primitive::<Float32Type>().value(row))),
        ValueType::Bool => expected == &json!(array.as_boolean().value(row)),
        ValueType::String => expected == &json!(array.as_string::<i32>().value(row)),
        ValueType::UnixTimestamp => expected == &json!(array.as_primitive::<TimestampSecondType>().value(row)),
        ValueType::Array(element) => is_same(element, &array.as_list::<i32>().value(row), expected),
        other => panic!("no vector declares {other:?}"),
    };
    array.len() == expected.len() && expected.iter().enumerate().all(same)
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
