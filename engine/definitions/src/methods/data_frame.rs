//! Attributes, items and methods of `pandas.DataFrame`, of its columns and of their dtypes.

use std::rc::Rc;

use crate::value::{CallArguments, DataFrame, Value, is_time_dtype};

/// A method that returns another frame or names; `None` when the result is not known.
pub(super) fn call(frame: &DataFrame, name: &str, arguments: &CallArguments) -> Option<Value> {
    match (name, arguments.positional.as_slice(), arguments.named.as_slice()) {
        ("keys", [], []) => Some(Value::view("Index", frame.names()?)),
        ("copy" | "head" | "tail", [] | [_], []) => frame.copied(),
        ("drop", [], [(argument, dropped)]) if argument == "columns" => frame.without(&names_in(dropped)?),
        ("insert" | "pop" | "update", ..) => {
            frame.forget();
            None
        }
        _ => {
            if arguments.named("inplace").is_some() {
                frame.forget();
            }
            None
        }
    }
}

/// The names that an argument lists: one, or several.
fn names_in(value: &Value) -> Option<Vec<Rc<str>>> {
    match value {
        Value::Str(name) => Some(vec![Rc::clone(name)]),
        several => several.items()?.iter().map(Value::as_str).collect(),
    }
}

/// An attribute of a frame, of its dtypes or of one of its columns; `None` when it is not known.
pub(crate) fn data_frame_attribute(value: &Value, name: &str) -> Option<Value> {
    let method = || Some(value.method(name));
    match value {
        Value::DataFrame(frame) => match (name, frame.names()?) {
            ("columns", names) => Some(Value::view("Index", names)),
            ("dtypes", _) => Some(Value::Dtypes(Rc::clone(frame))),
            // What is set by them may be a new column.
            ("loc" | "iloc" | "at" | "iat", _) => {
                frame.forget();
                None
            }
            _ => match frame.dtype(name)? {
                Some(_) => None,
                None => method(),
            },
        },
        Value::Dtypes(frame) if name == "index" => Some(Value::view("Index", frame.names()?)),
        Value::Dtypes(_) => method(),
        Value::Column(frame, column) => match name {
            "dtype" => frame.dtype(column)?,
            "name" => Some(Value::Str(Rc::clone(column))),
            _ => None,
        },
        Value::Dtype(dtype) if name == "name" && !is_time_dtype(dtype) => Some(Value::Str(Rc::clone(dtype))),
        _ => None,
    }
}

/// An item of a frame or of its dtypes; `None` when it is not known.
///
/// # Errors
/// The inner one, when there is no such column.
pub(crate) fn data_frame_item(value: &Value, index: &Value) -> Option<Result<Value, ()>> {
    match (value, index) {
        (Value::DataFrame(frame), Value::Str(name)) => Some(match frame.dtype(name)? {
            Some(_) => Ok(Value::Column(Rc::clone(frame), Rc::clone(name))),
            None => Err(()),
        }),
        (Value::DataFrame(frame), Value::List(_)) => frame.choose(index).map(Ok),
        (Value::Dtypes(frame), Value::Str(name)) => Some(frame.dtype(name)?.ok_or(())),
        _ => None,
    }
}

/// A method of `frame.columns`; `None` when the result is not known.
pub(super) fn call_index(names: &[Value], method: &str, arguments: &CallArguments) -> Option<Value> {
    let mut columns: Vec<Rc<str>> = names.iter().map(Value::as_str).collect::<Option<_>>()?;
    let view = |columns: Vec<Rc<str>>| Value::view("Index", columns.into_iter().map(Value::Str).collect());
    match (method, arguments.positional.as_slice(), arguments.named.as_slice()) {
        ("tolist" | "to_list", [], []) => Some(Value::list(names.to_vec())),
        ("drop", [dropped], []) => {
            let dropped = names_in(dropped)?;
            let count = columns.len();
            columns.retain(|name| !dropped.contains(name));
            (count - columns.len() == dropped.len()).then(|| view(columns))
        }
        ("difference", [excluded @ (Value::List(_) | Value::Tuple(_) | Value::View(_))], []) => {
            let excluded = names_in(excluded)?;
            columns.retain(|name| !excluded.contains(name));
            columns.sort();
            Some(view(columns))
        }
        _ => None,
    }
}

/// The items of `frame.dtypes` for a loop, and its methods; `None` when the result is not known.
pub(super) fn call_dtypes(frame: &DataFrame, method: &str, arguments: &CallArguments) -> Option<Value> {
    let pairs = frame.dtypes()?;
    match (method, arguments.positional.as_slice()) {
        ("items", []) => Some(Value::iterator(
            pairs
                .into_iter()
                .map(|(name, dtype)| Value::tuple(vec![name, dtype]))
                .collect(),
        )),
        ("to_dict", []) => Some(Value::dict(pairs)),
        ("keys", []) => Some(Value::view("Index", pairs.into_iter().map(|(name, _)| name).collect())),
        ("tolist" | "to_list", []) => Some(Value::list(pairs.into_iter().map(|(_, dtype)| dtype).collect())),
        _ => None,
    }
}
