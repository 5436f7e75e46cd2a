//! `pandas.cut`: into which of some intervals each value falls.

use super::Native;
use crate::column::{Column, Data};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::{Value, equals};

pub(super) static FUNCTIONS: &[Native] = &[Native::function("pandas.cut", cut)];

/// More edges than these are not looked through for each value.
const MAX_EDGES: usize = 1000;

/// `pd.cut(series, bins=edges, labels=names)`.
fn cut(run: &mut Run, arguments: Arguments) -> Outcome {
    if arguments.positional.len() > 2 {
        return Err(unknown("so many positional arguments of pd.cut() are not known here"));
    }
    let [values, edges, labels, right, lowest] = arguments.bind(["x", "bins", "labels", "right", "include_lowest"])?;
    let (is_right, has_lowest) = (flag(right, true)?, flag(lowest, false)?);
    let (Some(Value::Series(column)), Some(Value::List(edges))) = (values, edges) else {
        return Err(unknown("pd.cut() of this is not known here"));
    };
    let edges = edges.borrow();
    if edges.len() < 2 || edges.len() > MAX_EDGES {
        return Err(unknown("so many edges of intervals are not known here"));
    }
    run.make(column.len().saturating_mul(2))?;
    run.step(column.len())?;
    let places = places(&column.data, &edges, is_right, has_lowest)?;
    match labels {
        Some(Value::Bool(false)) => Ok(Value::series(Column::from(numbers(&places)))),
        Some(Value::List(labels)) => {
            let labels = labels.borrow();
            run.step(edges.len() * edges.len() / 8)?;
            check_labels(&labels, edges.len() - 1)?;
            let label = |place: &Option<usize>| {
                let label = place.and_then(|place| labels.get(place));
                label.cloned().unwrap_or(Value::Float(f64::NAN))
            };
            let values = places.iter().map(label).collect();
            Ok(Value::Categories(Column::from(Data::Object(values)).into()))
        }
        _ => Err(unknown("intervals without names are not known here")),
    }
}

fn flag(value: Option<Value>, default: bool) -> Outcome<bool> {
    match value {
        None => Ok(default),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(unknown("this argument of pd.cut() is not known here")),
    }
}

/// Names that are all texts or all integers, each another one.
fn check_labels(labels: &[Value], count: usize) -> Outcome<()> {
    let are_texts = labels.iter().all(|label| matches!(label, Value::Text(_)));
    let are_ints = labels.iter().all(|label| matches!(label, Value::Int(_)));
    let is_repeated = labels.iter().enumerate().any(|(position, label)| {
        let others = labels.iter().skip(position + 1);
        others.into_iter().any(|other| equals(label, other) != Some(false))
    });
    match labels.len() == count && (are_texts || are_ints) && !is_repeated {
        true => Ok(()),
        false => Err(unknown("these names of intervals are not known here")),
    }
}

/// For each value the number of its interval.
fn places(data: &Data, edges: &[Value], is_right: bool, has_lowest: bool) -> Outcome<Vec<Option<usize>>> {
    let ints = |edges: &[Value]| {
        let int = |edge: &Value| match edge {
            Value::Int(number) => Some(*number),
            _ => None,
        };
        edges.iter().map(int).collect::<Option<Vec<i64>>>()
    };
    if let (Data::Int(values), Some(edges)) = (data, ints(edges)) {
        return among(values, &edges, is_right, has_lowest);
    }
    let float = |edge: &Value| match edge {
        Value::Int(number) if number.unsigned_abs() <= 1 << 53 => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    let edges: Option<Vec<f64>> = edges.iter().map(float).collect();
    let edges = edges.ok_or_else(|| unknown("these edges of intervals are not known here"))?;
    match data {
        Data::Int(_) | Data::Float(_) => {
            let values = crate::column::floats(data).unwrap_or_default();
            among(&values, &edges, is_right, has_lowest)
        }
        other => Err(unknown(format!("pd.cut() of {} is not known here", other.dtype()))),
    }
}

fn among<T: PartialOrd + Copy>(
    values: &[T],
    edges: &[T],
    is_right: bool,
    has_lowest: bool,
) -> Outcome<Vec<Option<usize>>> {
    if !edges.is_sorted_by(|left, right| left < right) {
        return Err(unknown("edges that do not increase are not known here"));
    }
    let place = |value: &T| {
        // What is missing is in no order to itself.
        value.partial_cmp(value)?;
        if has_lowest && edges.first() == Some(value) {
            return Some(0);
        }
        let before = edges.partition_point(|edge| if is_right { edge < value } else { edge <= value });
        before.checked_sub(1).filter(|_| before < edges.len())
    };
    Ok(values.iter().map(place).collect())
}

fn numbers(places: &[Option<usize>]) -> Data {
    // There are so few intervals that their numbers are exact.
    match places.iter().all(Option::is_some) {
        true => Data::Int(
            places
                .iter()
                .flatten()
                .filter_map(|place| i64::try_from(*place).ok())
                .collect(),
        ),
        false => Data::Float(
            places
                .iter()
                .map(|place| place.map_or(f64::NAN, |place| place as f64))
                .collect(),
        ),
    }
}
