//! `isin` and `map` with a dict: values of a column that are looked up among others.

use super::{Column, Data};
use crate::stop::{Outcome, unknown};
use crate::value::{Dict, Value, equals};

/// What the values that are looked among have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bools,
    Ints,
    Numbers,
    Texts,
}

fn kind_of<'a>(values: impl Iterator<Item = &'a Value>) -> Outcome<Kind> {
    let mut common = None;
    for value in values {
        let kind = match value {
            Value::Bool(_) => Kind::Bools,
            // Beyond 2^53 it depends on the other values whether pandas rounds it.
            Value::Int(number) if number.unsigned_abs() <= 1 << 53 => Kind::Ints,
            Value::Float(number) if number.is_finite() => Kind::Numbers,
            Value::Text(_) => Kind::Texts,
            _ => return Err(unknown("looking a column up among these values is not known here")),
        };
        common = match (common, kind) {
            (None, kind) => Some(kind),
            (Some(common), kind) if common == kind => Some(kind),
            (Some(Kind::Ints | Kind::Numbers), Kind::Ints | Kind::Numbers) => Some(Kind::Numbers),
            _ => {
                return Err(unknown(
                    "looking a column up among values of several kinds is not known here",
                ));
            }
        };
    }
    common.ok_or_else(|| unknown("looking a column up among no values is not known here"))
}

/// Whether a column can be looked up among such values by equality alone.
fn check(data: &Data, kind: Kind) -> Outcome<()> {
    let is_known = match (data, kind) {
        (Data::Int(_), Kind::Ints) | (Data::Float(_), Kind::Ints | Kind::Numbers) => true,
        (Data::Int(values), Kind::Numbers) => values.iter().all(|value| value.unsigned_abs() <= 1 << 53),
        (Data::Int(_) | Data::Float(_), Kind::Texts) | (Data::Bool(_), Kind::Bools) => true,
        (Data::Object(values), Kind::Bools) => values.iter().all(|value| matches!(value, Value::Bool(_) | Value::None)),
        (Data::Object(values), _) => values.iter().all(|value| matches!(value, Value::Text(_) | Value::None)),
        _ => false,
    };
    match is_known {
        true => Ok(()),
        false => Err(unknown(format!(
            "looking a column of {} up among these values is not known here",
            data.dtype()
        ))),
    }
}

/// `column.isin(values)`.
///
/// # Errors
/// Unknown for values of kinds that pandas would convert.
pub(crate) fn is_in(column: &Column, values: &[Value]) -> Outcome<Column> {
    if values.is_empty() {
        return Ok(Column::from(Data::Bool(vec![false; column.len()])));
    }
    match (&column.data, kind_of(values.iter())?) {
        (Data::Int32(_), Kind::Ints) => {}
        (data, kind) => check(data, kind)?,
    }
    let mut members = Dict::default();
    for value in values {
        members.insert(value.clone(), Value::None);
    }
    let flags = (0..column.len()).map(|row| members.get(&column.get(row)).is_some());
    Ok(Column::from(Data::Bool(flags.collect())))
}

/// `column.map(dict)`: NaN for a value that is not among the keys.
///
/// # Errors
/// As [`is_in`].
pub(crate) fn translate(column: &Column, dict: &Dict) -> Outcome<Column> {
    if column.len() == 0 {
        return Err(unknown("map() of an empty column is not known here"));
    }
    check(&column.data, kind_of(dict.members().iter().map(|(key, _)| key))?)?;
    let values: Vec<Value> = dict.members().iter().map(|(_, value)| value.clone()).collect();
    let is_plain = |value: &Value| {
        matches!(
            value,
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_)
        )
    };
    if !values.iter().all(is_plain) {
        return Err(unknown("map() to these values is not known here"));
    }
    // The kind of the result is that of all values of the dict, which pandas makes a column first.
    let all = Data::of_values(&values)?;
    let places: Vec<Option<usize>> = (0..column.len()).map(|row| position(dict, &column.get(row))).collect();
    let is_whole = places.iter().all(Option::is_some);
    let taken = |place: &Option<usize>| place.map_or(Value::Float(f64::NAN), |place| all.get(place));
    let floats = || {
        places
            .iter()
            .map(|place| taken(place).as_float().unwrap_or(f64::NAN))
            .collect()
    };
    Ok(Column::from(match &all {
        Data::Int(_) if is_whole => Data::Int(places.iter().filter_map(|place| taken(place).as_int()).collect()),
        Data::Int(_) | Data::Float(_) => Data::Float(floats()),
        Data::Bool(_) if is_whole => Data::Bool(
            places
                .iter()
                .map(|place| matches!(taken(place), Value::Bool(true)))
                .collect(),
        ),
        _ => Data::Object(places.iter().map(taken).collect()),
    }))
}

/// The place of a key among a dict's.
fn position(dict: &Dict, key: &Value) -> Option<usize> {
    dict.get(key)?;
    dict.members()
        .iter()
        .position(|(known, _)| equals(known, key) == Some(true))
}
