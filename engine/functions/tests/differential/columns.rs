//! Columns of values at the edges.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, TimestampSecondArray};
use arrow::datatypes::Int64Type;
use feast_fixtures::Random;
use feast_model::ValueType;
use serde_json::{Value as Json, json};

use crate::grammar::one_of;

pub(crate) const MAX_ROWS: usize = 8;

/// Names of the columns with their types: two of each.
const COLUMNS: [(&str, &str); 12] = [
    ("a", "Int64"),
    ("b", "Int64"),
    ("x", "Float64"),
    ("y", "Float64"),
    ("p", "Bool"),
    ("q", "Bool"),
    ("s", "String"),
    ("u", "String"),
    ("t", "UnixTimestamp"),
    ("w", "UnixTimestamp"),
    ("l", "Array(Int64)"),
    ("m", "Array(Int64)"),
];

const BIG: i64 = 1 << 53;
const INTEGERS: [i64; 17] = [
    0,
    1,
    -1,
    2,
    3,
    7,
    -7,
    10,
    12,
    100,
    1_767_323_045,
    BIG - 1,
    BIG,
    BIG + 1,
    -BIG - 1,
    i64::MAX,
    i64::MIN,
];
/// The first of them are common ones.
const COMMON_INTEGERS: usize = 10;

const FLOATS: [f64; 20] = [
    0.0,
    1.0,
    -1.0,
    2.5,
    0.1,
    -0.0,
    0.5,
    2.0,
    -3.75,
    1.5,
    2.675,
    1e16,
    9_007_199_254_740_993.0,
    -9_007_199_254_740_991.0,
    1e22,
    1e308,
    -1e308,
    5e-324,
    f64::INFINITY,
    f64::NEG_INFINITY,
];
const COMMON_FLOATS: usize = 11;

const TEXTS: [&str; 17] = [
    "a", "b", "Ab c ", "", " ", "12", "ab,c", "007", "3.5", "1e5", "straße", "ŽÁK 12", "²", "日本", "x_y z", "-7",
    "A\nb\t",
];
const COMMON_TEXTS: usize = 7;

const TIMES: [i64; 8] = [
    1_767_323_045,
    1_709_164_800,
    0,
    -1,
    1_767_225_600,
    86_399,
    4_102_444_800,
    -2_208_988_800,
];

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) type_name: &'static str,
    /// Floats as text: a reader of JSON would round them.
    pub(crate) values: Vec<Json>,
}

/// A column of each name.
pub(crate) fn columns(random: &mut Random) -> Vec<Column> {
    let column = |&(name, type_name): &(&'static str, &'static str)| {
        let (nulls, edges) = (random.below(16), random.below(3) == 0);
        let value = |_| match nulls {
            0 => Json::Null,
            1..6 if random.below(3) == 0 => Json::Null,
            _ => value(random, type_name, edges),
        };
        Column {
            name,
            type_name,
            values: (0..MAX_ROWS).map(value).collect(),
        }
    };
    COLUMNS.iter().map(column).collect()
}

fn value(random: &mut Random, type_name: &str, edges: bool) -> Json {
    match type_name {
        "Int64" => json!(one_of(
            random,
            if edges { &INTEGERS } else { &INTEGERS[..COMMON_INTEGERS] }
        )),
        "Float64" => float(one_of(random, if edges { &FLOATS } else { &FLOATS[..COMMON_FLOATS] })),
        "Bool" => json!(random.below(2) == 0),
        "String" => json!(one_of(random, if edges { &TEXTS } else { &TEXTS[..COMMON_TEXTS] })),
        "UnixTimestamp" => json!(one_of(random, &TIMES)),
        _ => json!(one_of::<&[i64]>(random, &[&[], &[1], &[3, 1, 2], &[2, 2], &[-1, 0]])),
    }
}

pub(crate) fn float(number: f64) -> Json {
    json!(format!("{number:?}"))
}

/// Simpler values for the same type, the simplest first.
pub(crate) fn simple(type_name: &str) -> Vec<Json> {
    match type_name {
        "Int64" => vec![json!(1), json!(0), json!(2), json!(-1)],
        "Float64" => [1.0, 0.0, 2.5, -1.0].into_iter().map(float).collect(),
        "Bool" => vec![json!(true), json!(false)],
        "String" => vec![json!("a"), json!(""), json!("b")],
        "UnixTimestamp" => vec![json!(0), json!(86_399)],
        _ => vec![json!([1]), json!([])],
    }
}

pub(crate) fn type_of(name: &str) -> ValueType {
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
        "Bytes" => ValueType::Bytes,
        "Decimal" => ValueType::Decimal,
        "Json" => ValueType::Json,
        "Map" => ValueType::Map,
        "Uuid" => ValueType::Uuid,
        other => panic!("unknown type {other}"),
    }
}

/// The values as Arrow has them.
pub(crate) fn array(type_name: &str, values: &[Json]) -> ArrayRef {
    match type_name {
        "Int64" => Arc::new(values.iter().map(Json::as_i64).collect::<Int64Array>()),
        "Float64" => {
            let float = |value: &Json| value.as_str().map(|text| text.parse::<f64>().unwrap());
            Arc::new(values.iter().map(float).collect::<Float64Array>())
        }
        "Bool" => Arc::new(values.iter().map(Json::as_bool).collect::<BooleanArray>()),
        "String" => Arc::new(values.iter().map(Json::as_str).collect::<StringArray>()),
        "UnixTimestamp" => Arc::new(values.iter().map(Json::as_i64).collect::<TimestampSecondArray>()),
        _ => {
            let lists = values.iter().map(|list| {
                let items = list.as_array()?.iter();
                Some(items.map(Json::as_i64).collect::<Vec<_>>())
            });
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))
        }
    }
}
