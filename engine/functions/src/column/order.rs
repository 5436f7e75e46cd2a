//! Operations along a column: each row's value depends on those of the rows around it.

use std::cmp::Ordering;

use super::{Column, Data, NO_TIME, is_missing};
use crate::program::Text;
use crate::stop::{Outcome, type_error, unknown};
use crate::value::Value;

/// What stands where a shift leaves nothing.
fn shifted<T: Clone>(values: &[T], places: i64, nothing: &T) -> Vec<T> {
    let distance = usize::try_from(places.unsigned_abs())
        .unwrap_or(usize::MAX)
        .min(values.len());
    let gap = std::iter::repeat_n(nothing.clone(), distance);
    match places < 0 {
        true => values.iter().skip(distance).cloned().chain(gap).collect(),
        false => gap
            .chain(values.iter().take(values.len() - distance).cloned())
            .collect(),
    }
}

/// `shift(places)`: integers and bools become what may be missing.
///
/// # Errors
/// Unknown of columns of 32 bits.
pub(crate) fn shift(column: &Column, places: i64) -> Outcome<Column> {
    if places == 0 {
        return Ok(column.clone());
    }
    Ok(Column::from(match &column.data {
        Data::Int(values) => {
            let floats: Vec<f64> = values.iter().map(|value| *value as f64).collect();
            Data::Float(shifted(&floats, places, &f64::NAN))
        }
        Data::Float(values) => Data::Float(shifted(values, places, &f64::NAN)),
        Data::Bool(values) => {
            let flags: Vec<Value> = values.iter().map(|flag| Value::Bool(*flag)).collect();
            Data::Object(shifted(&flags, places, &Value::Float(f64::NAN)))
        }
        Data::Object(values) => Data::Object(shifted(values, places, &Value::None)),
        Data::Time(times) => Data::Time(times.with(shifted(times, places, &NO_TIME))),
        other => return Err(unknown(format!("shift() of {} is not known here", other.dtype()))),
    }))
}

/// `diff(places)`.
///
/// # Errors
/// What Python raises, or unknown.
pub(crate) fn diff(column: &Column, places: i64) -> Outcome<Column> {
    Ok(Column::from(match &column.data {
        Data::Float(values) => Data::Float(differences(values, places)),
        Data::Int(values) if values.iter().all(|value| value.unsigned_abs() <= 1 << 53) => {
            let values: Vec<f64> = values.iter().map(|value| *value as f64).collect();
            Data::Float(differences(&values, places))
        }
        Data::Int(_) => return Err(unknown("diff() of integers beyond 2^53 is not known here")),
        Data::Time(times) => {
            let pairs = times.iter().zip(shifted(times, places, &NO_TIME));
            let difference = |(time, earlier): (&i64, i64)| match *time == NO_TIME || earlier == NO_TIME {
                true => NO_TIME,
                false => time.wrapping_sub(earlier),
            };
            Data::Delta(pairs.map(difference).collect())
        }
        Data::Object(values)
            if values.iter().all(|value| matches!(value, Value::None))
                && places.unsigned_abs() < values.len() as u64 =>
        {
            return Err(type_error(
                "unsupported operand type(s) for -: 'NoneType' and 'NoneType'",
            ));
        }
        other => return Err(unknown(format!("diff() of {} is not known here", other.dtype()))),
    }))
}

fn differences(values: &[f64], places: i64) -> Vec<f64> {
    let pairs = values.iter().zip(shifted(values, places, &f64::NAN));
    pairs.map(|(value, earlier)| value - earlier).collect()
}

/// `cumsum()`: what is missing is left out.
///
/// # Errors
/// Unknown of other columns than numbers.
pub(crate) fn cumsum(column: &Column) -> Outcome<Column> {
    Ok(Column::from(match &column.data {
        Data::Int(values) => Data::Int(running(values.iter().copied())),
        Data::Bool(values) => Data::Int(running(values.iter().map(|flag| i64::from(*flag)))),
        Data::Float(values) => Data::Float(
            values
                .iter()
                .scan(None, |sum: &mut Option<f64>, value| {
                    let added = if value.is_nan() { 0.0 } else { *value };
                    let total = sum.map_or(added, |sum| sum + added);
                    *sum = Some(total);
                    Some(if value.is_nan() { f64::NAN } else { total })
                })
                .collect(),
        ),
        other => return Err(unknown(format!("cumsum() of {} is not known here", other.dtype()))),
    }))
}

fn running(values: impl Iterator<Item = i64>) -> Vec<i64> {
    let sums = values.scan(0, |sum: &mut i64, value| {
        *sum = sum.wrapping_add(value);
        Some(*sum)
    });
    sums.collect()
}

/// `rank()`: from 1 on, the mean of their places for equal values, NaN for what is missing.
///
/// # Errors
/// Unknown of other columns than numbers.
pub(crate) fn rank(column: &Column) -> Outcome<Column> {
    let rows = column.len();
    let missing = is_missing(column);
    let order: Box<dyn Fn(usize, usize) -> Ordering> = match &column.data {
        Data::Int(values) => Box::new(|left, right| values.get(left).cmp(&values.get(right))),
        Data::Float(values) => Box::new(|left, right| {
            let (left, right) = (values.get(left), values.get(right));
            left.partial_cmp(&right).unwrap_or(Ordering::Equal)
        }),
        Data::Object(_) if super::is_all_missing(column) => Box::new(|_, _| Ordering::Equal),
        other => return Err(unknown(format!("rank() of {} is not known here", other.dtype()))),
    };
    let mut places: Vec<usize> = (0..rows).filter(|row| missing.get(*row) == Some(&false)).collect();
    places.sort_by(|left, right| order(*left, *right));
    let mut ranks = vec![f64::NAN; rows];
    let mut before = 0usize;
    for equal in places.chunk_by(|left, right| order(*left, *right) == Ordering::Equal) {
        let last = before + equal.len();
        // The places are whole numbers far below 2^53, so that their sum is exact.
        let sum = (before + 1 + last) as f64 * equal.len() as f64 / 2.0;
        for row in equal {
            if let Some(rank) = ranks.get_mut(*row) {
                *rank = sum / equal.len() as f64;
            }
        }
        before = last;
    }
    Ok(Column::from(Data::Float(ranks)))
}

/// `cummax()` and `cummin()`: what is missing is left out.
///
/// # Errors
/// Unknown of other columns than numbers, and where two zeros are of different signs.
pub(crate) fn cumulative_extreme(column: &Column, is_max: bool) -> Outcome<Column> {
    Ok(Column::from(match &column.data {
        Data::Int(values) => Data::Int(
            values
                .iter()
                .scan(None, |best: &mut Option<i64>, value| {
                    let next = best.map_or(*value, |best| if is_max { best.max(*value) } else { best.min(*value) });
                    *best = Some(next);
                    *best
                })
                .collect(),
        ),
        Data::Float(values) => {
            if values.iter().any(|value| *value == 0.0 && value.is_sign_negative()) {
                return Err(unknown("which of two zeros is an extreme is not known here"));
            }
            let mut best = f64::NAN;
            let next = values.iter().map(|value| {
                if best.is_nan() || (is_max && *value > best) || (!is_max && *value < best) {
                    best = *value;
                }
                if value.is_nan() { f64::NAN } else { best }
            });
            Data::Float(next.collect())
        }
        other => return Err(unknown(format!("cummax() of {} is not known here", other.dtype()))),
    }))
}

/// `ffill()`: the last value before in the place of what is missing.
///
/// # Errors
/// Unknown of objects of which pandas would make another kind.
pub(crate) fn fill_forward(column: &Column) -> Outcome<Column> {
    let mut last = None;
    filled(
        column,
        (0..column.len())
            .map(|row| last_present(column, row, &mut last))
            .collect(),
    )
}

/// `bfill()`: the next value in the place of what is missing.
///
/// # Errors
/// As [`fill_forward`].
pub(crate) fn fill_backward(column: &Column) -> Outcome<Column> {
    let mut next = None;
    let mut rows: Vec<usize> = (0..column.len())
        .rev()
        .map(|row| last_present(column, row, &mut next))
        .collect();
    rows.reverse();
    filled(column, rows)
}

/// The row whose value stands in a row: the last that was not missing, or the row itself.
fn last_present(column: &Column, row: usize, last: &mut Option<usize>) -> usize {
    let missing = match &column.data {
        Data::Float(values) => values.get(row).is_some_and(|value| value.is_nan()),
        Data::Time(times) => times.get(row) == Some(&NO_TIME),
        Data::Object(values) => values.get(row).is_some_and(Value::is_missing),
        _ => false,
    };
    if !missing {
        *last = Some(row);
    }
    last.unwrap_or(row)
}

fn filled(column: &Column, rows: Vec<usize>) -> Outcome<Column> {
    Ok(Column::from(match &column.data {
        data @ (Data::Int(_) | Data::Bool(_)) => data.clone(),
        Data::Float(values) => Data::Float(rows.iter().filter_map(|row| values.get(*row).copied()).collect()),
        Data::Time(times) => Data::Time(rows.iter().filter_map(|row| times.get(*row).copied()).collect()),
        Data::Object(values) if values.iter().all(|value| matches!(value, Value::Text(_) | Value::None)) => {
            Data::Object(rows.iter().filter_map(|row| values.get(*row).cloned()).collect())
        }
        other => {
            return Err(unknown(format!(
                "filling a column of {} is not known here",
                other.dtype()
            )));
        }
    }))
}

/// `duplicated()`: whether an equal value came before.
///
/// # Errors
/// Unknown of objects that are no text.
pub(crate) fn duplicated(column: &Column) -> Outcome<Column> {
    let mut seen = std::collections::HashSet::new();
    let flags = match &column.data {
        Data::Int(values) => values.iter().map(|value| !seen.insert(*value as u64)).collect(),
        Data::Time(times) => times.iter().map(|value| !seen.insert(*value as u64)).collect(),
        // Adding zero makes one of the two zeros; all that is missing is one value.
        Data::Float(values) => {
            let one = |value: &f64| {
                if value.is_nan() {
                    f64::NAN.to_bits()
                } else {
                    (value + 0.0).to_bits()
                }
            };
            values.iter().map(|value| !seen.insert(one(value))).collect()
        }
        Data::Object(values) if values.iter().all(|value| matches!(value, Value::Text(_) | Value::None)) => {
            let mut texts = std::collections::HashSet::new();
            let text = |value: &Value| match value {
                Value::Text(text) => Some(Text::clone(text)),
                _ => None,
            };
            values.iter().map(|value| !texts.insert(text(value))).collect()
        }
        other => return Err(unknown(format!("duplicated() of {} is not known here", other.dtype()))),
    };
    Ok(Column::from(Data::Bool(flags)))
}
