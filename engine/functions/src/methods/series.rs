//! `pandas.Series`.

use super::{Table, column_of};
use crate::column::{Column, Data, cast, fill, is_missing};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

pub(super) const METHODS: Table = &[
    ("astype", astype),
    ("fillna", fillna),
    ("isna", isna),
    ("isnull", isna),
    ("notna", notna),
    ("notnull", notna),
];

fn astype(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [dtype] = arguments.exactly(["dtype"])?;
    let column = column_of(object)?;
    run.make(column.len())?;
    cast(column, type_named(&dtype)?).map(Value::series)
}

/// numpy's name of a type that is given by a name or a class.
pub(super) fn type_named(dtype: &Value) -> Outcome<&str> {
    let name = match dtype {
        Value::Native(native) if native.is_type => native.name,
        Value::Text(name) => &**name,
        _ => return Err(unknown("a column as this type is not known here")),
    };
    Ok(match name {
        "int" | "numpy.int64" => "int64",
        "float" | "numpy.float64" => "float64",
        "numpy.float32" => "float32",
        "numpy.int32" => "int32",
        "numpy.bool_" => "bool",
        other => other,
    })
}

fn fillna(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["value"])?;
    let column = column_of(object)?;
    run.make(column.len())?;
    if let Value::Array(_) = value {
        return Err(unknown("fillna() with an array is not known here"));
    }
    fill(column, value.plain()).map(Value::series)
}

fn isna(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let column = column_of(object)?;
    run.make(column.len())?;
    Ok(Value::series(Column::from(Data::Bool(is_missing(column)))))
}

fn notna(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let column = column_of(object)?;
    run.make(column.len())?;
    let flags = is_missing(column).into_iter().map(|missing| !missing).collect();
    Ok(Value::series(Column::from(Data::Bool(flags))))
}
