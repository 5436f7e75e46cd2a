//! `numpy.ndarray` with one dimension.

use super::series::type_named;
use super::{Table, column_of};
use crate::column::{Column, Data, cast};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

pub(super) const METHODS: Table = &[("astype", astype)];

/// Of numbers it is that of a series, but for floats that are no integers, which numpy does not refuse.
fn astype(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [dtype] = arguments.exactly(["dtype"])?;
    let column: &Column = column_of(object)?;
    let is_finite = match &column.data {
        Data::Float(numbers) => numbers.iter().all(|number| number.is_finite()),
        Data::Bool(_) | Data::Int(_) => true,
        _ => return Err(unknown("an array of these values as another type is not known here")),
    };
    run.make(column.len())?;
    match (type_named(&dtype)?, is_finite) {
        (dtype @ ("int64" | "int32"), true) | (dtype @ ("float64" | "float32" | "bool"), _) => {
            cast(column, dtype).map(Value::array)
        }
        _ => Err(unknown("an array as this type is not known here")),
    }
}
