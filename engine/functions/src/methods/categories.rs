//! Categorical series, as `pandas.cut` makes them: what they are once they are texts or numbers.

use super::Table;
use crate::column::{Column, Data};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown, value_error};
use crate::value::Value;

pub(super) const METHODS: Table = &[("astype", astype)];

fn astype(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [dtype] = arguments.exactly(["dtype"])?;
    let dtype = match &dtype {
        Value::Native(native) if native.is_type => native.name,
        Value::Text(name) => &**name,
        _ => return Err(unknown("categories as this type are not known here")),
    };
    let Value::Categories(column) = object else {
        return Err(unknown("these are no categories"));
    };
    run.make(column.len())?;
    let Data::Object(values) = &column.data else {
        return Err(unknown("categories of this kind are not known here"));
    };
    let has_texts = values.iter().any(|value| matches!(value, Value::Text(_)));
    Ok(Value::series(Column::from(match dtype {
        "str" => Data::Object(values.iter().map(text).collect::<Outcome<_>>()?),
        "int" | "int64" if !has_texts => {
            if values.iter().any(Value::is_missing) {
                return Err(value_error("Cannot convert float NaN to integer"));
            }
            Data::Int(values.iter().filter_map(Value::as_int).collect())
        }
        "float" | "float64" if !has_texts => Data::Float(values.iter().filter_map(Value::as_float).collect()),
        _ => return Err(unknown(format!("categories as {dtype} are not known here"))),
    })))
}

fn text(value: &Value) -> Outcome {
    value.to_text().map(Value::text)
}
