//! numpy's functions that are operators or methods by another name: of a series pandas runs its own.

use crate::column::Data;
use crate::methods;
use crate::program::{CmpOp, Operator};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// `np.add(x, y)` and the like.
pub(super) fn operator(run: &mut Run, arguments: Arguments, operator: Operator) -> Outcome {
    let [left, right] = columns(arguments)?;
    run.binary(&left, operator, &right)
}

/// `np.equal(x, y)` and the like.
pub(super) fn comparison(run: &mut Run, arguments: Arguments, operator: CmpOp) -> Outcome {
    let [left, right] = columns(arguments)?;
    run.compare(&left, operator, &right)
}

/// Two sides, at least one of them a column of pandas.
fn columns(arguments: Arguments) -> Outcome<[Value; 2]> {
    let [left, right] = arguments.exactly(["x1", "x2"])?;
    let has_nan = |value: &Value| match value {
        Value::Series(column) => match &column.data {
            Data::Object(values) => values.iter().any(|value| matches!(value, Value::Float(_))),
            _ => false,
        },
        _ => false,
    };
    // numpy asks each object, also those that pandas passes over.
    if has_nan(&left) || has_nan(&right) {
        return Err(unknown("an operator of numpy on such objects is not known here"));
    }
    match (&left, &right) {
        (Value::Series(_), _) | (_, Value::Series(_)) => Ok([left, right]),
        _ => Err(unknown("an operator of numpy without a series is not known here")),
    }
}

pub(super) fn clip(run: &mut Run, arguments: Arguments) -> Outcome {
    let [column, lower, upper] = arguments.exactly(["a", "a_min", "a_max"])?;
    of_series(run, &column, "clip", vec![lower, upper])
}

pub(super) fn round(run: &mut Run, arguments: Arguments) -> Outcome {
    let [column, decimals] = arguments.bind(["a", "decimals"])?;
    of_series(
        run,
        &column.unwrap_or(Value::None),
        "round",
        decimals.into_iter().collect(),
    )
}

fn of_series(run: &mut Run, column: &Value, method: &'static str, arguments: Vec<Value>) -> Outcome {
    match column {
        // numpy asks each object for its own `rint`.
        Value::Series(column) if method == "round" && matches!(column.data, Data::Object(_)) => {
            Err(unknown("np.round() of objects is not known here"))
        }
        Value::Series(_) => methods::call(run, column, method, Arguments::positional(arguments)),
        _ => Err(unknown(format!("np.{method}() without a series is not known here"))),
    }
}
