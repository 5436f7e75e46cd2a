//! numpy's functions that make arrays of one dimension.

use crate::column::{Column, Data};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// `np.zeros(rows, dtype=float)`.
pub(super) fn zeros(run: &mut Run, arguments: Arguments) -> Outcome {
    let [shape, dtype] = arguments.bind(["shape", "dtype"])?;
    filled(run, shape, dtype, 0)
}

/// `np.ones(rows, dtype=float)`.
pub(super) fn ones(run: &mut Run, arguments: Arguments) -> Outcome {
    let [shape, dtype] = arguments.bind(["shape", "dtype"])?;
    filled(run, shape, dtype, 1)
}

fn filled(run: &mut Run, shape: Option<Value>, dtype: Option<Value>, number: i64) -> Outcome {
    let value = match &dtype {
        None => Value::Float(number as f64),
        Some(Value::Native(native)) => of_type(native.name, number)?,
        Some(Value::Text(name)) => of_type(name, number)?,
        Some(_) => return Err(unknown("an array of this type is not known here")),
    };
    repeated(run, shape, &value)
}

fn of_type(name: &str, number: i64) -> Outcome {
    match name {
        "int" | "int64" | "numpy.int64" => Ok(Value::Int(number)),
        "float" | "float64" | "numpy.float64" => Ok(Value::Float(number as f64)),
        "bool" | "numpy.bool_" => Ok(Value::Bool(number != 0)),
        _ => Err(unknown(format!("an array of {name} is not known here"))),
    }
}

/// `np.full(rows, value)`.
pub(super) fn full(run: &mut Run, arguments: Arguments) -> Outcome {
    let [shape, value] = arguments.exactly(["shape", "fill_value"])?;
    match &value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
        Value::Text(text) if !text.ends_with('\0') => {}
        _ => return Err(unknown("an array full of this is not known here")),
    }
    repeated(run, Some(shape), &value)
}

fn repeated(run: &mut Run, shape: Option<Value>, value: &Value) -> Outcome {
    let Some(Value::Int(rows)) = shape else {
        return Err(unknown("an array of this shape is not known here"));
    };
    let Ok(rows) = usize::try_from(rows) else {
        return Err(unknown("an array of a negative length is not known here"));
    };
    run.make(rows)?;
    Column::repeated(value, rows).map(Value::array)
}

/// `np.arange(stop)`, `np.arange(start, stop)` of integers.
pub(super) fn arange(run: &mut Run, arguments: Arguments) -> Outcome {
    if !arguments.named.is_empty() {
        return Err(unknown("np.arange() with names of arguments is not known here"));
    }
    let (start, stop) = match arguments.positional.as_slice() {
        [Value::Int(stop)] => (0, *stop),
        [Value::Int(start), Value::Int(stop)] => (*start, *stop),
        _ => return Err(unknown("np.arange() of these is not known here")),
    };
    let Some(count) = stop.checked_sub(start) else {
        return Err(unknown("np.arange() of so many integers is not known here"));
    };
    run.make(usize::try_from(count.max(0)).unwrap_or(usize::MAX))?;
    Ok(Value::array(Column::from(Data::Int((start..stop).collect()))))
}

/// `np.array(items)` of a list whose values are of one kind, or of numbers.
pub(super) fn array(run: &mut Run, arguments: Arguments) -> Outcome {
    let [items] = arguments.exactly(["object"])?;
    let items = match &items {
        Value::List(items) => items.borrow().clone(),
        Value::Series(column) if matches!(column.data, Data::Bool(_) | Data::Int(_) | Data::Float(_)) => {
            return Ok(Value::Array(std::rc::Rc::clone(column)));
        }
        _ => return Err(unknown("an array of this is not known here")),
    };
    run.make(items.len())?;
    let are = |kind: fn(&Value) -> bool| items.iter().all(kind);
    let data = if items.is_empty() {
        Data::Float(Vec::new())
    } else if are(|value| matches!(value, Value::Bool(_))) {
        Data::Bool(items.iter().map(|value| matches!(value, Value::Bool(true))).collect())
    } else if are(|value| matches!(value, Value::Int(_))) {
        Data::Int(items.iter().filter_map(Value::as_int).collect())
    } else if are(|value| matches!(value, Value::Int(_) | Value::Float(_))) {
        Data::Float(items.iter().filter_map(Value::as_float).collect())
    } else if are(|value| matches!(value, Value::Text(text) if !text.ends_with('\0')))
        || (items.iter().any(|value| matches!(value, Value::None)) && are(is_single))
    {
        Data::Object(items)
    } else {
        return Err(unknown("an array of these values is not known here"));
    };
    Ok(Value::array(Column::from(data)))
}

fn is_single(value: &Value) -> bool {
    matches!(
        value,
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_)
    )
}
