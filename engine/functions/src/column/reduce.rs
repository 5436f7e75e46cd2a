//! Sums, means and the like of a column, as pandas computes them with numpy: to the last digit, so in the order in which numpy adds.
//!
//! What is missing is left out. A sum has a zero in its place, which takes part in the grouping of the numbers around it.

use super::{Column, Data, NO_TIME, is_missing};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// numpy adds up to so many numbers in one run of eight sums beside each other, and halves what is longer.
const BLOCK: usize = 128;
/// Numbers that numpy must convert before it adds them go through a buffer of so many.
const BUFFER: usize = 8192;

/// numpy's sum of floats.
pub(crate) fn sum_floats(values: &[f64]) -> f64 {
    0.0 + pairwise(values)
}

fn pairwise(values: &[f64]) -> f64 {
    if values.len() < 8 {
        return values.iter().fold(-0.0, |sum, value| sum + value);
    }
    if values.len() <= BLOCK {
        let (chunks, rest) = values.as_chunks::<8>();
        let mut sums = [-0.0; 8];
        for chunk in chunks {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value;
            }
        }
        let [a, b, c, d, e, f, g, h] = sums;
        let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
        return rest.iter().fold(sum, |sum, value| sum + value);
    }
    let half = values.len() / 2;
    let (left, right) = values.split_at(half - half % 8);
    pairwise(left) + pairwise(right)
}

/// numpy's sum of numbers that are converted to floats first.
fn sum_converted(values: &[f64]) -> f64 {
    values.chunks(BUFFER).fold(0.0, |sum, chunk| sum + pairwise(chunk))
}

/// `sum()`.
///
/// # Errors
/// Unknown of a column that holds no numbers.
pub(crate) fn sum(column: &Column) -> Outcome {
    Ok(match &column.data {
        Data::Int(values) => Value::scalar(Value::Int(
            values.iter().fold(0, |sum: i64, value| sum.wrapping_add(*value)),
        )),
        Data::Bool(values) => Value::scalar(Value::count(values.iter().filter(|flag| **flag).count())),
        Data::Float(values) => Value::scalar(Value::Float(sum_floats(&without_missing(values)))),
        // Python adds them one after the other, beginning with the 0 that stands for what is missing.
        Data::Object(_) if is_all_missing(column) && column.len() > 0 => Value::Int(0),
        Data::Object(values) if values.iter().all(|value| matches!(value, Value::Bool(_) | Value::None)) => {
            Value::count(values.iter().filter(|value| matches!(value, Value::Bool(true))).count())
        }
        other => return Err(no_reduction("sum", other)),
    })
}

/// Zeros in the place of what is missing.
fn without_missing(values: &[f64]) -> Vec<f64> {
    let filled = values.iter().map(|value| if value.is_nan() { 0.0 } else { *value });
    filled.collect()
}

/// How many values are not missing.
pub(crate) fn count(column: &Column) -> usize {
    is_missing(column).into_iter().filter(|missing| !missing).count()
}

/// `mean()`.
///
/// # Errors
/// As [`sum`].
pub(crate) fn mean(column: &Column) -> Outcome {
    let total = match &column.data {
        Data::Float(values) => sum_floats(&without_missing(values)),
        data @ (Data::Int(_) | Data::Bool(_)) => sum_converted(&numbers("mean", data)?),
        Data::Object(_) if is_all_missing(column) && column.len() > 0 => return Ok(Value::Float(f64::NAN)),
        other => return Err(no_reduction("mean", other)),
    };
    Ok(Value::scalar(Value::Float(match count(column) {
        0 => f64::NAN,
        count => total / count as f64,
    })))
}

/// `var()`, with so many values fewer in the divisor than there are.
///
/// # Errors
/// As [`sum`].
pub(crate) fn variance(column: &Column, fewer: usize) -> Outcome<f64> {
    let values = match &column.data {
        Data::Object(_) if is_all_missing(column) && column.len() > 0 => return Ok(f64::NAN),
        data @ (Data::Float(_) | Data::Int(_)) => numbers("var", data)?,
        other => return Err(no_reduction("var", other)),
    };
    let count = count(column);
    if count <= fewer {
        return Ok(f64::NAN);
    }
    let mean = sum_floats(&without_missing(&values)) / count as f64;
    let missing = is_missing(column);
    let squares = values.iter().zip(missing).map(|(value, missing)| match missing {
        true => 0.0,
        false => (mean - value) * (mean - value),
    });
    Ok(sum_floats(&squares.collect::<Vec<f64>>()) / (count - fewer) as f64)
}

/// `median()`.
///
/// # Errors
/// As [`sum`].
pub(crate) fn median(column: &Column) -> Outcome {
    let mut values = match &column.data {
        Data::Object(_) if is_all_missing(column) && column.len() > 0 => return Ok(Value::Float(f64::NAN)),
        data @ (Data::Float(_) | Data::Int(_)) => numbers("median", data)?,
        other => return Err(no_reduction("median", other)),
    };
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (_, None) => f64::NAN,
        (Some(left), Some(right)) if values.len() % 2 == 0 => (0.0 + (left + right)) / 2.0,
        (_, Some(one)) => 0.0 + one,
    };
    Ok(Value::scalar(Value::Float(median)))
}

/// `max()` and `min()`.
///
/// # Errors
/// Unknown of nothing, and of values that have no order here.
pub(crate) fn extreme(column: &Column, is_max: bool) -> Outcome {
    let name = if is_max { "max" } else { "min" };
    Ok(match &column.data {
        Data::Int(values) => match if is_max {
            values.iter().max()
        } else {
            values.iter().min()
        } {
            Some(value) => Value::scalar(Value::Int(*value)),
            None => return Err(unknown("an extreme of nothing is not known here")),
        },
        Data::Bool(values) if !values.is_empty() => Value::scalar(Value::Bool(match is_max {
            true => values.contains(&true),
            false => !values.contains(&false),
        })),
        Data::Float(values) => Value::scalar(Value::Float(extreme_float(values.iter().copied(), is_max)?)),
        Data::Object(_) if is_all_missing(column) && column.len() > 0 => Value::Float(f64::NAN),
        Data::Time(times) => {
            let times = times.iter().copied().filter(|time| *time != NO_TIME);
            match if is_max { times.max() } else { times.min() } {
                Some(time) => Value::Time(time),
                None => return Err(unknown("an extreme of missing times is not known here")),
            }
        }
        other => return Err(no_reduction(name, other)),
    })
}

/// NaN of nothing.
fn extreme_float(values: impl Iterator<Item = f64>, is_max: bool) -> Outcome<f64> {
    let (mut best, mut signs) = (f64::NAN, [false; 2]);
    for value in values.filter(|value| !value.is_nan()) {
        if value == 0.0 {
            signs[usize::from(value.is_sign_negative())] = true;
        }
        if best.is_nan() || (is_max && value > best) || (!is_max && value < best) {
            best = value;
        }
    }
    match best == 0.0 && signs == [true, true] {
        true => Err(unknown("which of two zeros is an extreme is not known here")),
        false => Ok(best),
    }
}

fn numbers(name: &str, data: &Data) -> Outcome<Vec<f64>> {
    super::floats(data).ok_or_else(|| no_reduction(name, data))
}

pub(crate) fn is_all_missing(column: &Column) -> bool {
    match &column.data {
        Data::Object(values) => values.iter().all(Value::is_missing),
        _ => false,
    }
}

fn no_reduction(name: &str, data: &Data) -> crate::stop::Stop {
    unknown(format!("{name}() of a column of {} is not known here", data.dtype()))
}

/// A reduction of the rows of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfRows {
    Max,
    Mean,
    Min,
    Sum,
}

/// `frame.sum(axis=1)` and the like, of columns of numbers.
///
/// # Errors
/// Unknown of other columns, and of so many that numpy groups them.
pub(crate) fn of_rows(columns: &[&Data], rows: usize, which: OfRows) -> Outcome<Column> {
    if columns.is_empty() || columns.len() >= 8 || rows == 0 {
        return Err(unknown("a reduction of rows of so many columns is not known here"));
    }
    if columns.iter().all(|data| matches!(data, Data::Int(_))) && which != OfRows::Mean {
        return Ok(Column::from(ints_of_rows(columns, rows, which)));
    }
    let has = |kind: fn(&Data) -> bool| columns.iter().any(|data| kind(data));
    let has_objects = has(|data| matches!(data, Data::Object(_)));
    let has_ints = has(|data| matches!(data, Data::Int(_)));
    let has_floats = has(|data| matches!(data, Data::Float(_)));
    if has_objects && has_ints && has_floats {
        return Err(unknown(
            "a reduction of rows of numbers of several kinds beside objects is not known here",
        ));
    }
    let mut parts = Vec::with_capacity(columns.len());
    for data in columns {
        parts.push(match data {
            Data::Int(values) if has_objects && values.iter().any(|value| value.unsigned_abs() > 1 << 49) => {
                return Err(unknown("large integers of a row beside objects are not known here"));
            }
            Data::Int(_) | Data::Float(_) => numbers("a reduction", data)?,
            Data::Object(values) if values.iter().all(Value::is_missing) => vec![f64::NAN; rows],
            other => return Err(no_reduction("a reduction of rows", other)),
        });
    }
    let values = (0..rows).map(|row| of_row(parts.iter().filter_map(|part| part.get(row).copied()), which));
    let values = values.collect::<Outcome<Vec<f64>>>()?;
    // Python's integers stay integers, and the integer 0 is the sum of nothing. They are so small that the floats are exact.
    let is_of_nothing = |row: usize| parts.iter().all(|part| part[row].is_nan());
    let object = |(row, value): (usize, f64)| match which {
        OfRows::Mean => Value::Float(value),
        OfRows::Sum if is_of_nothing(row) => Value::Int(0),
        OfRows::Max | OfRows::Min if value.is_nan() => Value::None,
        _ if !has_floats => Value::Int(value as i64),
        _ => Value::Float(value),
    };
    match has_objects {
        true => {
            let objects = values.into_iter().enumerate().map(object);
            Ok(Column::from(Data::Object(objects.collect())))
        }
        false => Ok(Column::from(Data::Float(values))),
    }
}

/// Of one row, left to right.
fn of_row(values: impl Iterator<Item = f64> + Clone, which: OfRows) -> Outcome<f64> {
    let present = values.clone().filter(|value| !value.is_nan());
    // A zero stands for what is missing, so that a negative zero never is the sum.
    let sum = present.clone().fold(0.0, |sum, value| sum + value);
    match which {
        OfRows::Sum => Ok(sum),
        OfRows::Mean => Ok(match present.count() {
            0 => f64::NAN,
            count => sum / count as f64,
        }),
        OfRows::Max => extreme_float(values, true),
        OfRows::Min => extreme_float(values, false),
    }
}

fn ints_of_rows(columns: &[&Data], rows: usize, which: OfRows) -> Data {
    let row_values = |row: usize| {
        columns.iter().filter_map(move |data| match data {
            Data::Int(values) => values.get(row).copied(),
            _ => None,
        })
    };
    let one = |row: usize| match which {
        OfRows::Max => row_values(row).max().unwrap_or(0),
        OfRows::Min => row_values(row).min().unwrap_or(0),
        _ => row_values(row).fold(0, |sum: i64, value| sum.wrapping_add(value)),
    };
    Data::Int((0..rows).map(one).collect())
}
