//! numpy's functions of one column, row by row.
//!
//! In a column of objects they ask each value for a method of that name, so that the first one of a kind without it is told.

use crate::column::{Column, Data, unary};
use crate::program::UnaryOp;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::Value;

/// Which part of a number is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    Ceil,
    Floor,
    Trunc,
}

/// Of the only argument, a column that is paid for.
fn with_column(run: &mut Run, arguments: Arguments, compute: impl FnOnce(&Data) -> Outcome<Data>) -> Outcome {
    let [value] = arguments.exactly(["x"])?;
    match &value {
        Value::Series(column) => {
            run.make(column.len())?;
            Ok(Value::series(Column::from(compute(&column.data)?)))
        }
        Value::Array(column) if !matches!(column.data, Data::Object(_)) => {
            run.make(column.len())?;
            Ok(Value::array(Column::from(compute(&column.data)?)))
        }
        other => Err(unknown(format!(
            "a function of numpy of {} is not known here",
            other.type_name()
        ))),
    }
}

fn not_known(name: &str, data: &Data) -> Stop {
    unknown(format!("np.{name}() of a column of {} is not known here", data.dtype()))
}

/// What a function gives for objects that do not have it: nothing of nothing, or what the first one that fails raises.
fn of_objects(name: &str, values: &[Value], fails: impl Fn(&Value) -> Option<String>) -> Outcome<Data> {
    for value in values {
        match fails(value) {
            Some(text) => return Err(type_error(text)),
            // Of a bool the function is known, and of what comes after it only what it raises.
            None if matches!(value, Value::Bool(_)) => {}
            None => break,
        }
    }
    match values.is_empty() {
        true => Ok(Data::Object(Vec::new())),
        false => Err(unknown(format!("np.{name}() of these objects is not known here"))),
    }
}

/// Of floats, and of integers as floats.
pub(super) fn of_float(run: &mut Run, arguments: Arguments, name: &str, compute: fn(f64) -> f64) -> Outcome {
    with_column(run, arguments, |data| match data {
        Data::Float(values) => Ok(Data::Float(values.iter().map(|number| compute(*number)).collect())),
        Data::Int(values) => Ok(Data::Float(
            values.iter().map(|number| compute(*number as f64)).collect(),
        )),
        Data::Object(values) => of_objects(name, values, |value| match value {
            Value::None | Value::Bool(_) | Value::Text(_) | Value::Int(_) | Value::Float(_) => Some(format!(
                "loop of ufunc does not support argument 0 of type {} which has no callable {name} method",
                value.type_name()
            )),
            _ => None,
        }),
        // Those of bools are floats of 16 bits.
        other => Err(not_known(name, other)),
    })
}

/// `np.floor`, `np.ceil`, `np.trunc`: of whole numbers what they are.
pub(super) fn whole(run: &mut Run, arguments: Arguments, parts: Parts, compute: fn(f64) -> f64) -> Outcome {
    with_column(run, arguments, |data| match (data, parts) {
        (Data::Float(values), _) => Ok(Data::Float(values.iter().map(|number| compute(*number)).collect())),
        (Data::Int(_) | Data::Bool(_), _) => Ok(data.clone()),
        (Data::Object(values), Parts::Floor | Parts::Ceil) => of_objects("floor", values, |value| match value {
            Value::None | Value::Text(_) => Some(format!("must be real number, not {}", value.type_name())),
            _ => None,
        }),
        (other, _) => Err(not_known("floor", other)),
    })
}

pub(super) fn absolute(run: &mut Run, arguments: Arguments) -> Outcome {
    with_column(run, arguments, absolute_of)
}

/// The absolute values of a column, as `np.abs`, `abs()` and the method have them.
pub(crate) fn absolute_of(data: &Data) -> Outcome<Data> {
    match data {
        Data::Int(values) => Ok(Data::Int(values.iter().map(|number| number.wrapping_abs()).collect())),
        Data::Float(values) => Ok(Data::Float(values.iter().map(|number| number.abs()).collect())),
        Data::Bool(_) => Ok(data.clone()),
        Data::Object(values) => of_objects("abs", values, |value| match value {
            Value::None | Value::Text(_) => Some(format!("bad operand type for abs(): '{}'", value.type_name())),
            _ => None,
        }),
        other => Err(not_known("abs", other)),
    }
}

pub(super) fn negative(run: &mut Run, arguments: Arguments) -> Outcome {
    with_column(run, arguments, |data| match data {
        Data::Int(_) | Data::Float(_) => Ok(unary(UnaryOp::USub, &Column::from(data.clone()))?.data),
        other => Err(not_known("negative", other)),
    })
}

pub(super) fn square(run: &mut Run, arguments: Arguments) -> Outcome {
    with_column(run, arguments, |data| match data {
        Data::Int(values) => Ok(Data::Int(
            values.iter().map(|number| number.wrapping_mul(*number)).collect(),
        )),
        Data::Float(values) => Ok(Data::Float(values.iter().map(|number| number * number).collect())),
        Data::Object(values) => of_objects("square", values, |value| match value {
            Value::None => Some("unsupported operand type(s) for *: 'NoneType' and 'NoneType'".to_owned()),
            Value::Text(_) => Some("can't multiply sequence by non-int of type 'str'".to_owned()),
            _ => None,
        }),
        // Those of bools are integers of 8 bits.
        other => Err(not_known("square", other)),
    })
}

pub(super) fn sign(run: &mut Run, arguments: Arguments) -> Outcome {
    with_column(run, arguments, |data| match data {
        Data::Int(values) => Ok(Data::Int(values.iter().map(|number| number.signum()).collect())),
        Data::Float(values) => {
            let sign = |number: &f64| match *number {
                number if number > 0.0 => 1.0,
                number if number < 0.0 => -1.0,
                0.0 => 0.0,
                number => number,
            };
            Ok(Data::Float(values.iter().map(sign).collect()))
        }
        Data::Bool(_) => Err(type_error(
            "ufunc 'sign' did not contain a loop with signature matching types <class 'numpy.dtypes.BoolDType'> -> None",
        )),
        Data::Object(values) => of_objects("sign", values, |value| match value {
            Value::None | Value::Text(_) => Some(format!(
                "'<' not supported between instances of '{}' and 'int'",
                value.type_name()
            )),
            _ => None,
        }),
        other => Err(not_known("sign", other)),
    })
}

/// `np.isnan` and the like.
pub(super) fn test(run: &mut Run, arguments: Arguments, name: &str, holds: fn(f64) -> bool) -> Outcome {
    with_column(run, arguments, |data| match data {
        Data::Float(values) => Ok(Data::Bool(values.iter().map(|number| holds(*number)).collect())),
        Data::Int(_) | Data::Bool(_) => Ok(Data::Bool(vec![holds(0.0); data.len()])),
        Data::Object(_) => Err(type_error(format!(
            "ufunc '{name}' not supported for the input types, and the inputs could not be safely coerced to any supported types \
             according to the casting rule ''safe''"
        ))),
        other => Err(not_known(name, other)),
    })
}

pub(super) fn logical_not(run: &mut Run, arguments: Arguments) -> Outcome {
    with_column(run, arguments, |data| match data {
        Data::Bool(values) => Ok(Data::Bool(values.iter().map(|flag| !flag).collect())),
        Data::Int(values) => Ok(Data::Bool(values.iter().map(|number| *number == 0).collect())),
        Data::Float(values) => Ok(Data::Bool(values.iter().map(|number| *number == 0.0).collect())),
        Data::Object(values) => {
            let inverted = values.iter().map(|value| Ok(Value::Bool(!truth_of(value)?)));
            Ok(Data::Object(inverted.collect::<Outcome<_>>()?))
        }
        other => Err(not_known("logical_not", other)),
    })
}

/// Whether a value of a column of objects holds.
pub(super) fn truth_of(value: &Value) -> Outcome<bool> {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => value.truth(),
        _ => Err(unknown("whether these objects hold is not known here")),
    }
}

/// `np.nan_to_num(x, nan=0.0, posinf=..., neginf=...)`, which gives an array whatever it is given.
pub(super) fn nan_to_num(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value, copy, nan, positive, negative] = arguments.bind(["x", "copy", "nan", "posinf", "neginf"])?;
    if copy.is_some() {
        return Err(unknown("np.nan_to_num(copy=) is not known here"));
    }
    let Some(Value::Series(column) | Value::Array(column)) = &value else {
        return Err(unknown("np.nan_to_num() of this is not known here"));
    };
    run.make(column.len())?;
    let replacement = |given: Option<Value>, default: f64| match given {
        None => Ok(default),
        Some(number @ (Value::Int(_) | Value::Float(_))) => Ok(number.as_float().unwrap_or(default)),
        Some(_) => Err(unknown("replacing numbers by this is not known here")),
    };
    let (nan, positive, negative) = (
        replacement(nan, 0.0)?,
        replacement(positive, f64::MAX)?,
        replacement(negative, f64::MIN)?,
    );
    let replaced = |number: &f64| match *number {
        number if number.is_nan() => nan,
        f64::INFINITY => positive,
        f64::NEG_INFINITY => negative,
        number => number,
    };
    match &column.data {
        Data::Float(values) => Ok(Value::array(Column::from(Data::Float(
            values.iter().map(replaced).collect(),
        )))),
        Data::Int(_) | Data::Bool(_) | Data::Object(_) => Ok(Value::array((**column).clone())),
        other => Err(not_known("nan_to_num", other)),
    }
}
