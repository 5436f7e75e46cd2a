//! Columns of types that are not known here: a function that never looks at one gives what it gives, and one that may is refused before
//! it is called.
//!
//! A function gets `x`, a column of floats, and `odd` of each type in turn, which is also `v__odd`. Its only output is `y`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    StringArray, TimestampSecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Float64Type};
use feast_functions::{Budget, Failure, Function, Input, Mode, Output};
use feast_model::{StructField, ValueType};

fn types() -> Vec<ValueType> {
    use ValueType::{
        Array, Bool, Bytes, Decimal, Float32, Float64, ImageBytes, Int32, Int64, Json, Map, PdfBytes, ScalarMap, Set,
        String, Struct, TimeUuid, UnixTimestamp, Uuid, ZonedTimestamp,
    };
    let profile = Struct(vec![StructField {
        name: "name".to_owned(),
        value_type: String,
    }]);
    let scalars = vec![
        Bytes,
        PdfBytes,
        ImageBytes,
        String,
        Int32,
        Int64,
        Float32,
        Float64,
        Bool,
        UnixTimestamp,
        Uuid,
        TimeUuid,
        Decimal,
        Json,
        Map,
        ScalarMap,
        ZonedTimestamp,
        profile,
    ];
    let lists = scalars.iter().map(|scalar| Array(Box::new(scalar.clone())));
    let nested = Array(Box::new(Array(Box::new(Int64))));
    let sets = [String, Int64].map(|element| Set(Box::new(element)));
    scalars
        .iter()
        .cloned()
        .chain(lists)
        .chain([nested])
        .chain(sets)
        .collect()
}

/// Two values of a type.
fn sample(value_type: &ValueType) -> ArrayRef {
    let text = match value_type {
        ValueType::Uuid | ValueType::TimeUuid => "8d5f6e1e-54a2-4c1f-9e0a-3b8e0f6f0f00",
        ValueType::Decimal => "1.50",
        ValueType::ZonedTimestamp => "2026-07-01T12:00:00+02:00",
        ValueType::String => "a",
        _ => "{\"a\": 1}",
    };
    match (value_type.arrow_type(), value_type) {
        (DataType::List(field), ValueType::Array(element) | ValueType::Set(element)) => Arc::new(ListArray::new(
            field,
            OffsetBuffer::from_lengths([1, 1]),
            sample(element),
            None,
        )),
        (DataType::Utf8, _) => Arc::new(StringArray::from(vec![text; 2])),
        (DataType::Binary, _) => Arc::new(BinaryArray::from(vec![&b"ab"[..]; 2])),
        (DataType::Int32, _) => Arc::new(Int32Array::from(vec![1, 2])),
        (DataType::Int64, _) => Arc::new(Int64Array::from(vec![1, 2])),
        (DataType::Float32, _) => Arc::new(Float32Array::from(vec![0.5, 1.5])),
        (DataType::Float64, _) => Arc::new(Float64Array::from(vec![0.5, 1.5])),
        (DataType::Boolean, _) => Arc::new(BooleanArray::from(vec![true, false])),
        (DataType::Timestamp(..), _) => Arc::new(TimestampSecondArray::from(vec![0, 1])),
        (other, _) => panic!("{value_type} is {other}"),
    }
}

fn compiled(mode: Mode, body: &str) -> Function {
    let body: String = body.lines().map(|line| format!("    {line}\n")).collect();
    Function::compile("", &format!("def f(i):\n{body}"), mode).unwrap_or_else(|refusal| panic!("{body}{refusal}"))
}

fn called(function: &Function, odd: &ValueType) -> Result<Vec<f64>, Failure> {
    let double = ValueType::Float64;
    let inputs = [
        Input {
            name: "x",
            twin: None,
            value_type: &double,
            values: Arc::new(Float64Array::from(vec![1.0, 4.0])),
        },
        Input {
            name: "odd",
            twin: Some("v__odd"),
            value_type: odd,
            values: sample(odd),
        },
    ];
    let outputs = [Output {
        name: "y",
        value_type: &double,
    }];
    let columns = function.call(&inputs, &outputs, 2, Budget::Full)?;
    Ok(columns[0].1.as_primitive::<Float64Type>().values().to_vec())
}

fn check(function: &Function, odd: &ValueType) -> Result<(), String> {
    let checked = function.check_input("odd", Some("v__odd"), odd, ["y"]);
    checked.map_err(|refusal| refusal.to_string())
}

/// Whether values of a type can be given at all: what comes of a function that has them and does nothing with them.
fn is_known(mode: Mode, odd: &ValueType) -> bool {
    let function = match mode {
        Mode::Pandas => "odd = i['odd']\nreturn pd.DataFrame({'y': i['x']})",
        Mode::Python => "odd = i['odd']\nreturn {'y': i['x']}",
        Mode::Singleton => "odd = i['odd']\nreturn {'y': i['x']}",
    };
    match called(&compiled(mode, function), odd) {
        Ok(_) => true,
        Err(Failure::NotKnown(_)) => false,
        Err(other) => panic!("{odd}: {other}"),
    }
}

/// Each gives `x * 2`.
const NEVER_LOOK: &[(Mode, &str)] = &[
    (Mode::Pandas, "return pd.DataFrame({'y': i['x'] * 2})"),
    (Mode::Pandas, "d = pd.DataFrame()\nd['y'] = i.x + i['x']\nreturn d"),
    (Mode::Pandas, "d = i.copy()\nd['y'] = d['x'] * 2\nreturn d"),
    (Mode::Pandas, "i['y'] = i['x'] * 2\nreturn i[['y', 'x']]"),
    (Mode::Pandas, "return i.assign(z=i['x'], y=lambda d: d['x'] + d['z'])"),
    (
        Mode::Pandas,
        "return pd.DataFrame({'y': i.apply(lambda row: row['x'] * 2, axis=1)})",
    ),
    (
        Mode::Pandas,
        "def y(row):\n    return row.get('x') * 2\nreturn pd.DataFrame({'y': i.apply(y, axis=1)})",
    ),
    (
        Mode::Pandas,
        "def x_of(d):\n    return d['x']\nreturn pd.DataFrame({'y': x_of(d=i) * 2})",
    ),
    (
        Mode::Pandas,
        "def with_y(d):\n    d = d.copy()\n    d['y'] = d['x'] * 2\n    return d\nreturn with_y(i)",
    ),
    (
        Mode::Pandas,
        "d = i.drop(columns=['odd'])\nd['y'] = i['x'] * 2\nreturn d",
    ),
    (
        Mode::Pandas,
        "d = i.rename(columns={'x': 'z'})\nreturn pd.DataFrame({'y': d['z'] * 2})",
    ),
    (
        Mode::Pandas,
        "i['y'] = i['x'] * 2\ni.loc[i['x'] > 100.0, 'y'] = 0.0\nreturn i",
    ),
    (
        Mode::Pandas,
        "return pd.DataFrame({'y': i['x'] * len(i) * i.shape[1] / 3})",
    ),
    (Mode::Pandas, "i['y'] = i['x']\ni['y'] = i['y'] + i['x']\nreturn i"),
    (Mode::Python, "return {'y': [x * 2 for x in i['x']]}"),
    (Mode::Python, "d = {**i}\nreturn {'y': [x * 2 for x in d.get('x', [])]}"),
    (Mode::Python, "i['y'] = [x * 2 for x in i['x']]\nreturn i"),
    (
        Mode::Python,
        "def xs():\n    return i['x']\nk = 2 if 'odd' in i else 3\nreturn {'y': [x * k for x in xs()]}",
    ),
    (Mode::Singleton, "return {'y': i['x'] * 2}"),
    (Mode::Singleton, "i['y'] = i['x'] * 2\nreturn i"),
];

/// Each may look at `odd`, or it cannot be told that it does not.
const MAY_LOOK: &[(Mode, &str)] = &[
    (Mode::Pandas, "return pd.DataFrame({'y': i['odd']})"),
    (Mode::Pandas, "return pd.DataFrame({'y': i['v__odd']})"),
    (Mode::Pandas, "return pd.DataFrame({'y': i.odd})"),
    (Mode::Pandas, "return i[['x', 'odd']]"),
    (Mode::Pandas, "return i[[*'odd']]"),
    (Mode::Pandas, "n = 'odd'\nreturn pd.DataFrame({'y': i[n]})"),
    (Mode::Pandas, "a = b = i\nreturn pd.DataFrame({'y': b['odd']})"),
    (Mode::Pandas, "return pd.DataFrame({'y': (d := i)['odd']})"),
    (Mode::Pandas, "return pd.DataFrame({'y': (i if len(i) else i)['odd']})"),
    (Mode::Pandas, "d = i.copy()\nreturn d.fillna(0)"),
    (Mode::Pandas, "return pd.DataFrame(i)"),
    (Mode::Pandas, "names = [name for name in i]\nreturn i"),
    (Mode::Pandas, "names = list(i)\nreturn i"),
    (Mode::Pandas, "names = i.columns\nreturn i"),
    (Mode::Pandas, "return pd.DataFrame({'y': i.sum(axis=1)})"),
    (
        Mode::Pandas,
        "d = i.rename(columns={'odd': 'z'})\nreturn pd.DataFrame({'y': d['z']})",
    ),
    (Mode::Pandas, "return i.rename(columns={'odd': 'y'})"),
    (Mode::Pandas, "i.loc[i['x'] > 1.0, 'odd'] = 0.0\nreturn i"),
    (Mode::Pandas, "i['odd'] += 1\nreturn i[['x']]"),
    (Mode::Pandas, "return i.assign(y=lambda d: d['odd'])"),
    (Mode::Pandas, "return i.assign(**{'y': lambda d: d['odd']})"),
    (
        Mode::Pandas,
        "return pd.DataFrame({'y': i.apply(lambda row: row['odd'], axis=1)})",
    ),
    (
        Mode::Pandas,
        "return pd.DataFrame({'y': i.apply(lambda row: [row], axis=1)})",
    ),
    (
        Mode::Pandas,
        "f = [lambda row: row['odd']][0]\nreturn pd.DataFrame({'y': i.apply(f, axis=1)})",
    ),
    (
        Mode::Pandas,
        "def odd(d):\n    return d['odd']\nreturn pd.DataFrame({'y': odd(i)})",
    ),
    (
        Mode::Pandas,
        "def odd(d):\n    return d['odd']\nf = odd\nreturn pd.DataFrame({'y': f(i)})",
    ),
    (
        Mode::Pandas,
        "def same(d):\n    return d\nreturn pd.DataFrame({'y': same(i)['odd']})",
    ),
    (
        Mode::Pandas,
        "def odd():\n    return i['odd']\nreturn pd.DataFrame({'y': odd()})",
    ),
    (
        Mode::Pandas,
        "frames = [i]\nreturn pd.DataFrame({'y': frames[0]['odd']})",
    ),
    (
        Mode::Pandas,
        "g = [lambda: i][0]\nreturn pd.DataFrame({'y': g()['odd']})",
    ),
    (
        Mode::Pandas,
        "d = None\ndef keep():\n    nonlocal d\n    d = i\nkeep()\nreturn pd.DataFrame({'y': d['odd']})",
    ),
    (
        Mode::Pandas,
        "def run(f, d):\n    return f(d)\nreturn pd.DataFrame({'y': run(lambda d: d['odd'], i)})",
    ),
    (Mode::Python, "return {'y': i['odd']}"),
    (Mode::Python, "return {'y': i.get('odd')}"),
    (Mode::Python, "return {'y': list(i.values())[1]}"),
    (Mode::Python, "return {'y': [i[n] for n in i.keys()][1]}"),
    (Mode::Python, "return {'y': {**i}['odd']}"),
    (Mode::Python, "return {'y': [str(i)]}"),
    (Mode::Singleton, "return {'y': i['odd']}"),
    (Mode::Singleton, "return {'y': len(i.items())}"),
];

#[test]
fn a_function_that_never_looks_at_a_column_takes_it_in_any_type() {
    for (mode, body) in NEVER_LOOK {
        let function = compiled(*mode, body);
        for odd in types() {
            assert_eq!(check(&function, &odd), Ok(()), "{odd}:\n{body}");
            assert_eq!(called(&function, &odd), Ok(vec![2.0, 8.0]), "{odd}:\n{body}");
        }
    }
}

#[test]
fn a_function_that_may_look_at_a_column_is_refused_where_its_type_is_not_known() {
    for (mode, body) in MAY_LOOK {
        let function = compiled(*mode, body);
        for odd in types() {
            let checked = check(&function, &odd);
            assert_eq!(checked.is_ok(), is_known(*mode, &odd), "{odd}:\n{body}\n{checked:?}");
        }
    }
}

/// An output is what the view declares, and a function that gives its input back gives every column of it.
#[test]
fn an_output_with_the_name_of_a_column_is_that_column() {
    let function = compiled(Mode::Pandas, "return i");
    let check = |outputs: &[&'static str]| {
        let checked = function.check_input("odd", Some("v__odd"), &ValueType::Map, outputs.iter().copied());
        checked.map_err(|refusal| refusal.to_string())
    };
    assert_eq!(check(&["x"]), Ok(()));
    let refused = "line 2, `i`: odd, a column of type Map, which is not known here in pandas mode";
    assert_eq!(check(&["x", "odd"]), Err(refused.to_owned()));
    assert_eq!(check(&["v__odd"]), Err(refused.to_owned()));
}

#[test]
fn a_refusal_says_where_the_column_may_be_looked_at() {
    let reason = |body: &str| check(&compiled(Mode::Pandas, body), &ValueType::Map).unwrap_err();
    assert_eq!(
        reason("x = i['x']\nreturn pd.DataFrame({'y': i['odd'].fillna(x)})"),
        "line 3, `i['odd']`: odd, a column of type Map, which is not known here in pandas mode"
    );
    assert_eq!(
        reason("return pd.DataFrame({'y': i.sum(axis=1)})"),
        "line 2, `i.sum(axis=1)`: this may look at odd, a column of type Map, which is not known here in pandas mode"
    );
}
