//! Rows of a frame, as `frame.apply(axis=1)` gives them to a function.

use super::{Table, own_names};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::{Frame, Value};

/// What a row has beside its values.
pub(super) const METHODS: Table = &[("get", get)];

/// `row.get(name, default)`.
fn get(_: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [name, default] = arguments.bind(["key", "default"])?;
    match (object, name) {
        (Value::Row(frame, row), Some(Value::Text(name))) => match frame.get(&name) {
            Some(column) => column.item(*row),
            None => Ok(default.unwrap_or(Value::None)),
        },
        _ => Err(unknown("get() of this is not known here")),
    }
}

/// `row.name`: a value, where a series has nothing of that name itself.
pub(super) fn attribute(frame: &Frame, row: usize, name: &str) -> Outcome {
    match frame.get(name) {
        Some(column) if !own_names::is_of_series(name) => column.item(row),
        _ => Err(unknown(format!("the attribute `{name}` of a row is not known here"))),
    }
}
