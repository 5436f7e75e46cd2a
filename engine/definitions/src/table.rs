//! `pandas.DataFrame`, as far as its columns are known: their names and, where they are sure, their dtypes.

use std::cell::RefCell;
use std::rc::Rc;

use super::value::{CallArguments, Value};

/// A column: its name, and the name of its dtype where it is known.
pub(super) type Column = (Rc<str>, Option<Rc<str>>);

/// Whether it is not known which dtype it is, but that it is one of times.
pub(super) fn is_time(dtype: &str) -> bool {
    dtype.starts_with("datetime64[?")
}

/// Whether a dtype is that of a name; `None` when it is not known.
pub(super) fn same_dtype(dtype: &str, name: &str) -> Option<bool> {
    const NAMES: [&str; 13] = [
        "bool", "object", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
        "float32", "float64",
    ];
    let is_of_times = |name: &str| name.starts_with("datetime64");
    if dtype == name && !is_time(dtype) {
        Some(true)
    } else if NAMES.contains(&name) || (is_of_times(name) && !is_of_times(dtype)) {
        Some(false)
    } else {
        // It may be another name of the same.
        None
    }
}

/// The dtype that a type of Python stands for.
pub(super) fn dtype_of_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "float" => "float64",
        "int" => "int64",
        "bool" => "bool",
        "object" => "object",
        _ => return None,
    })
}

/// A data frame; without columns once it has been changed in a way that is not followed.
pub(super) struct Table {
    columns: RefCell<Option<Vec<Column>>>,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>) -> Rc<Self> {
        Rc::new(Self {
            columns: RefCell::new(Some(columns)),
        })
    }

    /// From now on nothing is known of it.
    pub(super) fn forget(&self) {
        self.columns.replace(None);
    }

    /// `frame[name] = ...`, where it is certain.
    pub(super) fn set(&self, name: &Value) {
        let mut columns = self.columns.borrow_mut();
        match (name.as_text(), columns.as_mut()) {
            (Some(name), Some(columns)) => match columns.iter_mut().find(|(known, _)| *known == name) {
                Some((_, dtype)) => *dtype = None,
                None => columns.push((name, None)),
            },
            _ => *columns = None,
        }
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> Option<Vec<Value>> {
        let columns = self.columns.borrow();
        Some(
            columns
                .as_ref()?
                .iter()
                .map(|(name, _)| Value::Text(Rc::clone(name)))
                .collect(),
        )
    }

    /// The columns with their dtypes, which are opaque where they are not known.
    pub(super) fn dtypes(&self) -> Option<Vec<(Value, Value)>> {
        let columns = self.columns.borrow();
        let columns = columns.as_ref()?.iter();
        let columns = columns.map(|column| (Value::Text(Rc::clone(&column.0)), dtype_of(column)));
        Some(columns.collect())
    }

    /// How many columns are known.
    pub(super) fn len(&self) -> usize {
        self.columns.borrow().as_ref().map_or(0, Vec::len)
    }

    /// The dtype of a column: the outer `None` means that it is not known whether there is one.
    pub(super) fn dtype(&self, name: &str) -> Option<Option<Value>> {
        let columns = self.columns.borrow();
        let found = columns.as_ref()?.iter().find(|(known, _)| **known == *name);
        Some(found.map(dtype_of))
    }

    /// A frame of some columns, in that order; `None` where it is not known or one is missing.
    pub(super) fn choose(&self, names: &Value) -> Option<Value> {
        let columns = self.columns.borrow();
        let columns = columns.as_ref()?;
        let chosen = names.items()?.into_iter().map(|name| {
            let name = name.as_text()?;
            columns.iter().find(|(known, _)| *known == name).cloned()
        });
        Some(Value::Table(Self::new(chosen.collect::<Option<_>>()?)))
    }

    /// A method that gives another frame or names; `None` when the answer is not known.
    pub(super) fn call(&self, name: &str, arguments: &CallArguments) -> Option<Value> {
        match (name, arguments.positional.as_slice(), arguments.named.as_slice()) {
            ("keys", [], []) => Some(Value::view("Index", self.names()?)),
            ("copy" | "head" | "tail", [] | [_], []) => {
                let columns = self.columns.borrow().clone()?;
                Some(Value::Table(Self::new(columns)))
            }
            ("drop", [], [(argument, dropped)]) if argument == "columns" => self.without(dropped),
            ("insert" | "pop" | "update", ..) => {
                self.forget();
                None
            }
            _ => {
                if arguments.named("inplace").is_some() {
                    self.forget();
                }
                None
            }
        }
    }

    fn without(&self, dropped: &Value) -> Option<Value> {
        let dropped = match dropped {
            Value::Text(_) => vec![dropped.clone()],
            several => several.items()?,
        };
        let dropped: Vec<Rc<str>> = dropped.iter().map(Value::as_text).collect::<Option<_>>()?;
        let mut columns = self.columns.borrow().clone()?;
        let count = columns.len();
        columns.retain(|(name, _)| !dropped.contains(name));
        (count - columns.len() == dropped.len()).then(|| Value::Table(Self::new(columns)))
    }
}

fn dtype_of((name, dtype): &Column) -> Value {
    match dtype {
        Some(dtype) => Value::Dtype(Rc::clone(dtype)),
        None => Value::opaque(format!("the dtype of the column {name}")),
    }
}

/// An attribute of a frame, of its dtypes or of one of its columns; `None` when it is not known.
pub(super) fn attribute(value: &Value, name: &str) -> Option<Value> {
    let method = || Some(Value::Method(Rc::new(value.clone()), Rc::from(name)));
    match value {
        Value::Table(table) => match (name, table.names()?) {
            ("columns", names) => Some(Value::view("Index", names)),
            ("dtypes", _) => Some(Value::Dtypes(Rc::clone(table))),
            // What is set by them may be a new column.
            ("loc" | "iloc" | "at" | "iat", _) => {
                table.forget();
                None
            }
            _ => match table.dtype(name)? {
                Some(_) => None,
                None => method(),
            },
        },
        Value::Dtypes(table) if name == "index" => Some(Value::view("Index", table.names()?)),
        Value::Dtypes(_) => method(),
        Value::Column(table, column) => match name {
            "dtype" => table.dtype(column)?,
            "name" => Some(Value::Text(Rc::clone(column))),
            _ => None,
        },
        Value::Dtype(dtype) if name == "name" && !is_time(dtype) => Some(Value::Text(Rc::clone(dtype))),
        _ => None,
    }
}

/// An item of a frame or of its dtypes; `None` when it is not known.
///
/// # Errors
/// The inner one, when there is no such column.
pub(super) fn item(value: &Value, index: &Value) -> Option<Result<Value, ()>> {
    match (value, index) {
        (Value::Table(table), Value::Text(name)) => Some(match table.dtype(name)? {
            Some(_) => Ok(Value::Column(Rc::clone(table), Rc::clone(name))),
            None => Err(()),
        }),
        (Value::Table(table), Value::List(_)) => table.choose(index).map(Ok),
        (Value::Dtypes(table), Value::Text(name)) => Some(table.dtype(name)?.ok_or(())),
        _ => None,
    }
}

/// A method of `frame.columns`; `None` when the answer is not known.
pub(super) fn call_index(names: &[Value], method: &str, arguments: &CallArguments) -> Option<Value> {
    let others = |value: &Value| -> Option<Vec<Rc<str>>> {
        match value {
            Value::Text(text) => Some(vec![Rc::clone(text)]),
            several => several.items()?.iter().map(Value::as_text).collect(),
        }
    };
    let text = |value: &Value| value.as_text();
    let mut texts: Vec<Rc<str>> = names.iter().map(text).collect::<Option<_>>()?;
    let view = |texts: Vec<Rc<str>>| Value::view("Index", texts.into_iter().map(Value::Text).collect());
    match (method, arguments.positional.as_slice(), arguments.named.as_slice()) {
        ("tolist" | "to_list", [], []) => Some(Value::list(names.to_vec())),
        ("drop", [dropped], []) => {
            let dropped = others(dropped)?;
            let count = texts.len();
            texts.retain(|name| !dropped.contains(name));
            (count - texts.len() == dropped.len()).then(|| view(texts))
        }
        ("difference", [excluded @ (Value::List(_) | Value::Tuple(_) | Value::View(_))], []) => {
            let excluded = others(excluded)?;
            texts.retain(|name| !excluded.contains(name));
            texts.sort();
            Some(view(texts))
        }
        _ => None,
    }
}

/// The items of `frame.dtypes` for a loop, and its methods; `None` when the answer is not known.
pub(super) fn call_dtypes(table: &Table, method: &str, arguments: &CallArguments) -> Option<Value> {
    let pairs = table.dtypes()?;
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
