//! What functions are given, and what becomes of what they give.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    Int64Builder, ListArray, ListBuilder, StringArray, StringBuilder, TimestampSecondArray,
};
use arrow::datatypes::{Float64Type, Int64Type};
use feast_functions::{Input, Mode, Output};
use feast_model::ValueType;
use feast_python_workers::PoolFunction;

use crate::support::{call_typed, function, input, int64, pool};

fn list_of(element: ValueType) -> ValueType {
    ValueType::Array(Box::new(element))
}

fn int_lists(lists: &[Option<Vec<Option<i64>>>]) -> ArrayRef {
    let mut builder = ListBuilder::new(Int64Builder::new());
    for list in lists {
        match list {
            Some(items) => builder.append_value(items.clone()),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

fn text_lists(lists: &[Option<Vec<&str>>]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for list in lists {
        match list {
            Some(items) => builder.append_value(items.iter().copied().map(Some)),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

/// A column of each type with a null, edges and more.
fn columns() -> Vec<(ValueType, ArrayRef)> {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![
        Some("žluť \u{1f980}"),
        None,
        Some(""),
        Some("nul \0 in it"),
    ]));
    let bytes: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![
        Some(b"\xff\0"),
        None,
        Some(b""),
        Some(b"x"),
    ]));
    let times = vec![Some(1_767_323_045), None, Some(-1), Some(0)];
    let uuid = "00000000-0000-1000-8000-00805f9b34fb";
    vec![
        (
            ValueType::Int64,
            int64(&[Some(i64::MAX), None, Some(i64::MIN), Some(0)]),
        ),
        (
            ValueType::Int32,
            Arc::new(Int32Array::from(vec![Some(i32::MAX), None, Some(i32::MIN), Some(0)])),
        ),
        (
            ValueType::Float64,
            Arc::new(Float64Array::from(vec![
                Some(0.1),
                None,
                Some(f64::INFINITY),
                Some(-0.0),
            ])),
        ),
        (
            ValueType::Float32,
            Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::MAX), Some(-0.0)])),
        ),
        (
            ValueType::Bool,
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
        ),
        (ValueType::String, Arc::clone(&texts)),
        (ValueType::Bytes, Arc::clone(&bytes)),
        (ValueType::ImageBytes, bytes),
        (ValueType::UnixTimestamp, Arc::new(TimestampSecondArray::from(times))),
        (
            ValueType::Uuid,
            Arc::new(StringArray::from(vec![Some(uuid), None, Some(uuid), Some(uuid)])),
        ),
        (
            ValueType::Decimal,
            Arc::new(StringArray::from(vec![Some("1.50"), None, Some("-0.01"), Some("3.00")])),
        ),
        (
            list_of(ValueType::Int64),
            int_lists(&[Some(vec![Some(3), Some(1)]), None, Some(vec![]), Some(vec![Some(-1)])]),
        ),
        (
            list_of(ValueType::String),
            text_lists(&[Some(vec!["ž", ""]), None, Some(vec![]), Some(vec!["a"])]),
        ),
    ]
}

fn identity(mode: Mode) -> PoolFunction {
    let text = match mode {
        Mode::Pandas => "def f(df):\n    return df[['x']].rename(columns={'x': 'o'})\n",
        Mode::Python | Mode::Singleton => "def f(i):\n    return {'o': i['x']}\n",
    };
    function("same", mode, text)
}

#[test]
fn values_of_each_type_go_through_python_mode_unchanged() {
    for mode in [Mode::Python, Mode::Singleton] {
        let Some(pool) = pool(vec![identity(mode)]) else {
            return;
        };
        for (value_type, values) in columns() {
            for values in [
                Arc::clone(&values),
                values.slice(2, 2),
                values.slice(1, 1),
                values.slice(0, 0),
            ] {
                let given = call_typed(&pool, "same", (&value_type, Arc::clone(&values)), &value_type);
                assert_eq!(&given.unwrap(), &values, "{value_type:?}");
            }
        }
    }
}

#[test]
fn values_of_each_type_go_through_pandas_mode() {
    let Some(pool) = pool(vec![identity(Mode::Pandas)]) else {
        return;
    };
    for (value_type, values) in columns() {
        for values in [
            values.slice(2, 2),
            values.slice(1, 1),
            values.slice(0, 0),
            values.slice(0, 2),
        ] {
            // Beside a null, integers are floats of 53 bits.
            if matches!(value_type, ValueType::Int64) && values.null_count() == 1 && values.len() == 2 {
                continue;
            }
            let given = call_typed(&pool, "same", (&value_type, Arc::clone(&values)), &value_type);
            assert_eq!(&given.unwrap(), &values, "{value_type:?}");
        }
    }
}

#[test]
fn a_list_with_a_missing_item_has_a_zero_there() {
    let Some(pool) = pool(vec![identity(Mode::Python)]) else {
        return;
    };
    let lists = int_lists(&[Some(vec![Some(1), None]), None]);
    let given = call_typed(
        &pool,
        "same",
        (&list_of(ValueType::Int64), lists),
        &list_of(ValueType::Int64),
    );
    assert_eq!(&given.unwrap(), &int_lists(&[Some(vec![Some(1), Some(0)]), None]));
}

#[test]
fn columns_of_pandas_have_the_dtypes_of_feast() {
    let text = "def f(df):\n    v = df['x'].iloc[0]\n    t = f'{df.x.dtype} {type(v).__name__} {getattr(v, \"dtype\", \"\")}'\n    return pd.DataFrame({'o': [t] * len(df)})\n";
    let Some(pool) = pool(vec![function("dtype", Mode::Pandas, text)]) else {
        return;
    };
    let dtype = |value_type: &ValueType, values: ArrayRef| {
        let array = call_typed(&pool, "dtype", (value_type, values), &ValueType::String).unwrap();
        array.as_string::<i32>().value(0).to_owned()
    };
    let expected = [
        "int64 int64 int64",
        "int64 int64 int64",
        "float64 float64 float64",
        "float64 float64 float64",
        "bool bool bool",
    ];
    for ((value_type, values), expected) in columns().into_iter().zip(expected) {
        assert_eq!(dtype(&value_type, values.slice(2, 2)), expected);
        assert_eq!(dtype(&value_type, values.slice(1, 1)), "object NoneType ");
    }
    assert_eq!(
        dtype(&ValueType::Int64, int64(&[Some(1), None])),
        "float64 float64 float64"
    );
    assert_eq!(
        dtype(&ValueType::Bool, Arc::new(BooleanArray::from(vec![Some(true), None]))),
        "object bool "
    );
    let times: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(5), None]));
    assert_eq!(
        dtype(&ValueType::UnixTimestamp, times),
        "datetime64[us, UTC] Timestamp "
    );
    let lists = int_lists(&[Some(vec![Some(1)])]);
    assert_eq!(dtype(&list_of(ValueType::Int64), lists), "object ndarray int64");
    let texts = text_lists(&[Some(vec!["a"])]);
    assert_eq!(dtype(&list_of(ValueType::String), texts), "object ndarray object");
}

#[test]
fn values_of_python_mode_have_the_types_of_feast() {
    let Some(pool) = pool(vec![function(
        "type",
        Mode::Python,
        "def f(i):\n    return {'o': [repr(x) for x in i['x']]}\n",
    )]) else {
        return;
    };
    let shown = |value_type: &ValueType, values: ArrayRef| {
        let array = call_typed(&pool, "type", (value_type, values), &ValueType::String).unwrap();
        array.as_string::<i32>().value(0).to_owned()
    };
    let uuid: ArrayRef = Arc::new(StringArray::from(vec!["00000000-0000-1000-8000-00805f9b34fb"]));
    assert_eq!(
        shown(&ValueType::Uuid, uuid),
        "UUID('00000000-0000-1000-8000-00805f9b34fb')"
    );
    let time: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0]));
    assert_eq!(
        shown(&ValueType::UnixTimestamp, time),
        "datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)"
    );
    assert_eq!(
        shown(&ValueType::Float32, Arc::new(Float32Array::from(vec![0.1]))),
        "0.10000000149011612"
    );
    let json: ArrayRef = Arc::new(StringArray::from(vec![r#"{"a": [1, null]}"#]));
    assert_eq!(shown(&ValueType::Json, Arc::clone(&json)), "{'a': [1, None]}");
    assert_eq!(shown(&ValueType::Map, json), "{'a': [1, None]}");
    assert_eq!(
        shown(&ValueType::Decimal, Arc::new(StringArray::from(vec!["1.50"]))),
        "Decimal('1.50')"
    );
}

#[test]
fn twins_are_there_and_are_copies() {
    let python_text = "def f(i):\n    i['v__x'][0] = 7\n    i['v__l'][0].append(1)\n    return {'o': i['x'], 'p': i['v__x'], 'q': [len(l) for l in i['l']]}\n";
    let pandas_text = "def f(df):\n    df.loc[0, 'v__x'] = 7\n    df['n'] = [','.join(df.columns)] * len(df)\n    return pd.DataFrame({'o': df['x'], 'p': df['v__x'], 'q': df['n'].str.len()})\n";
    for (mode, text, third) in [(Mode::Python, python_text, 1), (Mode::Pandas, pandas_text, 13)] {
        let Some(pool) = pool(vec![function("twins", mode, text)]) else {
            return;
        };
        let lists = list_of(ValueType::Int64);
        let mut inputs = [
            input("x", &ValueType::Int64, int64(&[Some(5)])),
            input("l", &lists, int_lists(&[Some(vec![Some(1)])])),
        ];
        inputs[0].twin = Some("v__x");
        inputs[1].twin = Some("v__l");
        let outputs = ["q", "p", "o"].map(|name| Output {
            name,
            value_type: &ValueType::Int64,
        });
        let given = pool.call_blocking("twins", &inputs, &outputs, 1).unwrap();
        let given: Vec<(usize, i64)> = given
            .iter()
            .map(|(number, array)| (*number, array.as_primitive::<Int64Type>().value(0)))
            .collect();
        // In the order in which the function gives them.
        assert_eq!(given, [(2, 5), (1, 7), (0, third)]);
    }
}

#[test]
fn many_rows_and_columns_go_through_both_modes() {
    let python_text = "def f(i):\n    return {k[1:]: [v * 2 for v in i[k]] for k in i}\n";
    let pandas_text = "def f(df):\n    return (df * 2).rename(columns=lambda c: c[1:])\n";
    for (mode, text) in [(Mode::Python, python_text), (Mode::Pandas, pandas_text)] {
        let Some(pool) = pool(vec![function("many", mode, text)]) else {
            return;
        };
        let names: Vec<String> = (0..40).map(|number| format!("x{number}")).collect();
        let values: ArrayRef = Arc::new((0..10_000).map(|row| f64::from(row) / 3.0).collect::<Float64Array>());
        let inputs: Vec<Input<'_>> = names
            .iter()
            .map(|name| input(name, &ValueType::Float64, Arc::clone(&values)))
            .collect();
        let outputs: Vec<Output<'_>> = names
            .iter()
            .map(|name| Output {
                name: &name[1..],
                value_type: &ValueType::Float64,
            })
            .collect();
        let given = pool.call_blocking("many", &inputs, &outputs, 10_000).unwrap();
        assert_eq!(given.len(), 40);
        for (position, (number, column)) in given.iter().enumerate() {
            assert_eq!(position, *number);
            let column = column.as_primitive::<Float64Type>();
            assert!((0..10_000).all(|row| column.value(row) == row as f64 / 3.0 * 2.0));
        }
    }
}

#[test]
fn lists_of_a_slice_are_those_of_the_slice() {
    let Some(pool) = pool(vec![identity(Mode::Pandas)]) else {
        return;
    };
    let lists: ListArray = int_lists(&[Some(vec![Some(1), Some(2)]), Some(vec![Some(3)]), Some(vec![Some(4)])])
        .as_list()
        .clone();
    let slice: ArrayRef = Arc::new(lists.slice(1, 1));
    let given = call_typed(
        &pool,
        "same",
        (&list_of(ValueType::Int64), Arc::clone(&slice)),
        &list_of(ValueType::Int64),
    );
    assert_eq!(&given.unwrap(), &slice);
    let empty: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    assert!(
        call_typed(&pool, "same", (&ValueType::Int64, empty), &ValueType::Int64)
            .unwrap()
            .is_empty()
    );
}
