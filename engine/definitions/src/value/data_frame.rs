//! `pandas.DataFrame`, as far as its columns are known: their names and, where they are sure, their dtypes.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;

/// A column: its name, and the name of its dtype where it is known.
pub(crate) type Column = (Rc<str>, Option<Rc<str>>);

/// Whether all that is known of a dtype is that it is one of times.
pub(crate) fn is_time_dtype(dtype: &str) -> bool {
    dtype.starts_with("datetime64[?")
}

/// Whether a dtype is that of a name; `None` when it is not known.
pub(crate) fn is_same_dtype(dtype: &str, name: &str) -> Option<bool> {
    const NAMES: [&str; 13] = [
        "bool", "object", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
        "float32", "float64",
    ];
    let is_of_times = |name: &str| name.starts_with("datetime64");
    if dtype == name && !is_time_dtype(dtype) {
        Some(true)
    } else if NAMES.contains(&name) || (is_of_times(name) && !is_of_times(dtype)) {
        Some(false)
    } else {
        // It may be another name of the same.
        None
    }
}

/// The dtype that a type of Python stands for.
pub(crate) fn dtype_of_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "float" => "float64",
        "int" => "int64",
        "bool" => "bool",
        "object" => "object",
        _ => return None,
    })
}

/// A data frame; without columns once it has been changed in a way that is not followed.
pub(crate) struct DataFrame {
    columns: RefCell<Option<Vec<Column>>>,
}

impl DataFrame {
    pub(crate) fn new(columns: Vec<Column>) -> Rc<Self> {
        Rc::new(Self {
            columns: RefCell::new(Some(columns)),
        })
    }

    /// From now on nothing is known of it.
    pub(crate) fn forget(&self) {
        self.columns.replace(None);
    }

    /// Its columns; `None` where nothing is known of them.
    pub(super) fn columns(&self) -> Ref<'_, Option<Vec<Column>>> {
        self.columns.borrow()
    }

    pub(super) fn columns_mut(&self) -> RefMut<'_, Option<Vec<Column>>> {
        self.columns.borrow_mut()
    }

    /// How many columns are known.
    pub(crate) fn len(&self) -> usize {
        self.columns.borrow().as_ref().map_or(0, Vec::len)
    }
}
