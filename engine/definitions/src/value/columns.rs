//! The columns of a data frame as values.

use std::rc::Rc;

use super::data::Value;
use super::data_frame::{Column, DataFrame};

impl DataFrame {
    /// `frame[name] = ...`, where it is certain.
    pub(crate) fn set(&self, name: &Value) {
        let mut columns = self.columns_mut();
        match (name.as_str(), columns.as_mut()) {
            (Some(name), Some(columns)) => match columns.iter_mut().find(|(known, _)| *known == name) {
                Some((_, dtype)) => *dtype = None,
                None => columns.push((name, None)),
            },
            _ => *columns = None,
        }
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> Option<Vec<Value>> {
        let columns = self.columns();
        Some(
            columns
                .as_ref()?
                .iter()
                .map(|(name, _)| Value::Str(Rc::clone(name)))
                .collect(),
        )
    }

    /// The columns with their dtypes, which are opaque where they are not known.
    pub(crate) fn dtypes(&self) -> Option<Vec<(Value, Value)>> {
        let columns = self.columns();
        let columns = columns.as_ref()?.iter();
        let columns = columns.map(|column| (Value::Str(Rc::clone(&column.0)), dtype_of(column)));
        Some(columns.collect())
    }

    /// The dtype of a column: the outer `None` means that it is not known whether there is one.
    pub(crate) fn dtype(&self, name: &str) -> Option<Option<Value>> {
        let columns = self.columns();
        let found = columns.as_ref()?.iter().find(|(known, _)| **known == *name);
        Some(found.map(dtype_of))
    }

    /// A frame of some columns, in that order; `None` where it is not known or one is missing.
    pub(crate) fn choose(&self, names: &Value) -> Option<Value> {
        let columns = self.columns();
        let columns = columns.as_ref()?;
        let chosen = names.items()?.into_iter().map(|name| {
            let name = name.as_str()?;
            columns.iter().find(|(known, _)| *known == name).cloned()
        });
        Some(Value::DataFrame(Self::new(chosen.collect::<Option<_>>()?)))
    }

    /// A frame with the same columns; `None` where they are not known.
    pub(crate) fn copied(&self) -> Option<Value> {
        Some(Value::DataFrame(Self::new(self.columns().clone()?)))
    }

    /// A frame without some columns; `None` where it is not known or one is missing.
    pub(crate) fn without(&self, dropped: &[Rc<str>]) -> Option<Value> {
        let mut columns = self.columns().clone()?;
        let count = columns.len();
        columns.retain(|(name, _)| !dropped.contains(name));
        (count - columns.len() == dropped.len()).then(|| Value::DataFrame(Self::new(columns)))
    }
}

fn dtype_of((name, dtype): &Column) -> Value {
    match dtype {
        Some(dtype) => Value::Dtype(Rc::clone(dtype)),
        None => Value::opaque(format!("the dtype of the column {name}")),
    }
}
