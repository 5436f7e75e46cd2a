//! What is missing, and what is put in its place.

use super::{Column, Data, NO_TIME, Operand, Unit};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// For each row whether it is missing.
pub(crate) fn is_missing(column: &Column) -> Vec<bool> {
    match &column.data {
        Data::Bool(values) => vec![false; values.len()],
        Data::Int(values) => vec![false; values.len()],
        Data::Int32(values) => vec![false; values.len()],
        Data::UInt32(values) => vec![false; values.len()],
        Data::Float(values) => values.iter().map(|number| number.is_nan()).collect(),
        Data::Float32(values) => values.iter().map(|number| number.is_nan()).collect(),
        Data::Time(values) | Data::NaiveTime(values) | Data::Delta(values) => {
            values.iter().map(|micros| *micros == NO_TIME).collect()
        }
        Data::Object(values) => values.iter().map(Value::is_missing).collect(),
        Data::Nullable(values) => values.iter().map(Option::is_none).collect(),
        Data::Texts(values) => values.iter().map(Option::is_none).collect(),
    }
}

/// `fillna(value)`. A column of objects becomes one of its values' kind where all of them have one.
///
/// # Errors
/// Unknown where pandas would make another kind of the column.
pub(crate) fn fill(column: &Column, value: &Value) -> Outcome<Column> {
    fill_with(column, &Operand::of(value, column.len())?)
}

fn fill_with(column: &Column, values: &Operand<'_>) -> Outcome<Column> {
    let missing = is_missing(column);
    if let (Data::Bool(_) | Data::Int(_), false) = (&column.data, missing.contains(&true)) {
        return Ok(column.clone());
    }
    let filled = |row: usize| match missing[row] {
        true => values.get(row),
        false => column.get(row),
    };
    Ok(Column::from(match (&column.data, values) {
        (Data::Float(numbers), _) => {
            let filled = numbers.iter().enumerate().map(|(row, number)| match missing[row] {
                true => values
                    .get(row)
                    .as_float()
                    .filter(|_| !matches!(values.get(row), Value::Bool(_))),
                false => Some(*number),
            });
            match filled.collect::<Option<Vec<_>>>() {
                Some(filled) => Data::Float(filled),
                None => return Err(unknown("filling a column of numbers with this is not known here")),
            }
        }
        (Data::Float32(numbers), Operand::Value(value @ (Value::Int(_) | Value::Float(_)))) => {
            let value = value.as_float().unwrap_or(f64::NAN);
            let narrow = value as f32;
            if f64::from(narrow) != value {
                return Err(unknown("filling floats of 32 bits with this is not known here"));
            }
            let filled = numbers
                .iter()
                .map(|number| if number.is_nan() { narrow } else { *number });
            Data::Float32(filled.collect())
        }
        (Data::Time(times), Operand::Value(Value::Time(micros))) => {
            let filled = times
                .iter()
                .map(|time| if *time == NO_TIME { *micros } else { *time })
                .collect::<Vec<i64>>();
            Data::Time(
                // In its unit, as far as this holds what is filled in.
                match times.unit() {
                    Some(Unit::Micro | Unit::Nano) => times.with(filled),
                    _ => filled.into(),
                },
            )
        }
        (Data::Object(_), Operand::Value(Value::Time(_) | Value::NaiveTime(_) | Value::Delta(_) | Value::NoTime)) => {
            return Err(unknown("filling a column of objects with a time is not known here"));
        }
        (Data::Object(_), _) => {
            let filled: Vec<Value> = (0..column.len()).map(filled).collect();
            Data::of_values(&filled)?
        }
        _ => return Err(unknown("filling a column of this kind is not known here")),
    }))
}
