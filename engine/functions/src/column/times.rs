//! Points in time and spans of time of a column, and the unit in which pandas counts them.
//!
//! All are microseconds here. pandas counts in a unit of its own for each column, which shows in few places: as integers, where a number
//! divides a span, and in how far times reach. Where the unit is not known, those are unknown.

use std::ops::Deref;

use ruff_python_ast::{CmpOp, Operator};

use super::{Data, NO_TIME, Operand};
use crate::native::{check_reach, shown_time};
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::Value;

/// What pandas counts, as far as columns here have it: Feast's own are of microseconds, and what pandas makes of most else of
/// nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Micro,
    Nano,
}

/// Microseconds, or [`NO_TIME`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Times {
    micros: Vec<i64>,
    /// `None` where it is not known.
    unit: Option<Unit>,
}

impl Times {
    pub(crate) fn new(micros: Vec<i64>, unit: Option<Unit>) -> Self {
        Self { micros, unit }
    }

    pub(crate) fn unit(&self) -> Option<Unit> {
        self.unit
    }

    /// Others in the same unit.
    pub(crate) fn with(&self, micros: Vec<i64>) -> Self {
        Self {
            micros,
            unit: self.unit,
        }
    }

    /// As integers in their unit. What is missing is the smallest one.
    pub(crate) fn counts(&self) -> Outcome<Vec<i64>> {
        let unit = self
            .unit
            .ok_or_else(|| unknown("the unit of these times is not known here"))?;
        let count = |micros: &i64| match *micros {
            NO_TIME => Some(NO_TIME),
            micros => unit.count(micros),
        };
        let counts: Option<Vec<i64>> = self.micros.iter().map(count).collect();
        counts.ok_or_else(|| unknown("times so far away are not known here"))
    }
}

impl Unit {
    /// So many of it. `None` where they are too many.
    fn count(self, micros: i64) -> Option<i64> {
        match self {
            Self::Micro => Some(micros),
            Self::Nano => micros.checked_mul(1000),
        }
    }

    /// Its name in the names of types.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Micro => "us",
            Self::Nano => "ns",
        }
    }
}

impl Deref for Times {
    type Target = Vec<i64>;

    fn deref(&self) -> &Vec<i64> {
        &self.micros
    }
}

/// In a unit that is not known.
impl From<Vec<i64>> for Times {
    fn from(micros: Vec<i64>) -> Self {
        Self { micros, unit: None }
    }
}

/// In a unit that is not known.
impl FromIterator<i64> for Times {
    fn from_iter<Items: IntoIterator<Item = i64>>(items: Items) -> Self {
        Self::from(items.into_iter().collect::<Vec<i64>>())
    }
}

impl<'a> IntoIterator for &'a Times {
    type Item = &'a i64;
    type IntoIter = std::slice::Iter<'a, i64>;

    fn into_iter(self) -> Self::IntoIter {
        self.micros.iter()
    }
}

/// The column that pandas makes of points in time or spans, with missing ones among them. It counts nanoseconds then.
pub(super) fn of_values(values: &[Value]) -> Outcome<Data> {
    let not_known = || unknown("a list of such times as a column is not known here");
    let first = values.iter().find(|value| !value.is_missing()).ok_or_else(not_known)?;
    let micros = |value: &Value| match (first, value) {
        (_, value) if value.is_missing() => Ok(NO_TIME),
        (Value::Time(_), Value::Time(micros))
        | (Value::NaiveTime(_), Value::NaiveTime(micros))
        | (Value::Delta(_), Value::Delta(micros)) => Ok(*micros),
        _ => Err(not_known()),
    };
    let times = Times::new(values.iter().map(micros).collect::<Outcome<_>>()?, Some(Unit::Nano));
    check_reach(&times)?;
    Ok(match first {
        Value::Time(_) => Data::Time(times),
        Value::NaiveTime(_) => Data::NaiveTime(times),
        _ => Data::Delta(times),
    })
}

/// Points in time as `str()` writes them. Of those without a zone pandas leaves the hours out, if all are midnights.
pub(super) fn texts(data: &Data) -> Outcome<Vec<Value>> {
    let (times, has_zone) = match data {
        Data::Time(times) => (times, true),
        Data::NaiveTime(times)
            if times
                .iter()
                .any(|micros| *micros != NO_TIME && micros % 86_400_000_000 != 0) =>
        {
            (times, false)
        }
        other => return Err(unknown(format!("{} as text is not known here", other.dtype()))),
    };
    // Each must be written in the same way, whatever the unit is.
    let text = |micros: &i64| match *micros {
        NO_TIME => Ok(Value::text("NaT")),
        micros => shown_time(micros, has_zone, ' ').map(Value::text),
    };
    if !has_zone && times.iter().any(|micros| *micros != NO_TIME && micros % 1_000_000 != 0) {
        return Err(unknown("fractions of seconds of such times as text are not known here"));
    }
    times.iter().map(text).collect()
}

/// Comparisons of times with other kinds of values: they are never equal, and have no order. `None` for those that have a rule of
/// their own.
pub(super) fn compare_kinds(operator: CmpOp, left: &Operand<'_>, right: &Operand<'_>) -> Option<Outcome<Vec<bool>>> {
    if let (Operand::Column(Data::UInt32(_)), _) | (_, Operand::Column(Data::UInt32(_))) = (left, right) {
        return Some(Err(unknown("comparing a column of UInt32 is not known here")));
    }
    let (times, other) = match (left, right) {
        (Operand::Column(data @ (Data::Time(_) | Data::NaiveTime(_) | Data::Delta(_))), other)
        | (other, Operand::Column(data @ (Data::Time(_) | Data::NaiveTime(_) | Data::Delta(_)))) => (*data, other),
        _ => return None,
    };
    let name = match (times, other) {
        (Data::Time(_), Operand::Value(Value::NaiveTime(_)))
        | (Data::NaiveTime(_), Operand::Value(Value::Time(_)))
        | (Data::Delta(_), Operand::Value(Value::Time(_) | Value::NaiveTime(_))) => "Timestamp",
        (_, Operand::Value(Value::Int(_))) => "int",
        (_, Operand::Value(Value::Float(_))) => "float",
        (_, Operand::Value(Value::Bool(_))) => "bool",
        (_, Operand::Value(Value::None)) => "NoneType",
        (Data::Time(_), Operand::Column(Data::NaiveTime(_))) | (Data::Delta(_), Operand::Column(Data::Time(_))) => {
            "DatetimeArray"
        }
        _ => return None,
    };
    Some(match operator {
        CmpOp::Eq => Ok(vec![false; times.len()]),
        CmpOp::NotEq => Ok(vec![true; times.len()]),
        _ => times.exact_dtype().and_then(|dtype| {
            Err(type_error(format!(
                "Invalid comparison between dtype={dtype} and {name}"
            )))
        }),
    })
}

/// Operators of a column in which all is None with times.
pub(super) fn beside_nones(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Data> {
    let is_none = |data: &Data| match data {
        Data::Object(values) => !values.is_empty() && values.iter().all(|value| matches!(value, Value::None)),
        _ => false,
    };
    let refused = |text: &str| -> Stop { type_error(format!("unsupported operand type(s) for {text}")) };
    match (left, operator, right) {
        (Operand::Column(nones), Operator::Add | Operator::Sub, Operand::Value(Value::Delta(_)))
        | (Operand::Value(Value::Delta(_)), Operator::Add | Operator::Sub, Operand::Column(nones))
            if is_none(nones) =>
        {
            Ok(Data::Object(vec![Value::NoTime; nones.len()]))
        }
        (Operand::Column(nones), Operator::Sub, Operand::Value(Value::Time(_) | Value::NaiveTime(_)))
            if is_none(nones) =>
        {
            Err(refused("-: 'numpy.ndarray' and 'Timestamp'"))
        }
        (Operand::Value(Value::Time(_) | Value::NaiveTime(_)), Operator::Sub, Operand::Column(nones))
            if is_none(nones) =>
        {
            Err(refused("-: 'Timestamp' and 'NoneType'"))
        }
        (Operand::Column(nones), Operator::Sub, Operand::Column(Data::Time(_) | Data::NaiveTime(_)))
            if is_none(nones) =>
        {
            Err(type_error("cannot subtract DatetimeArray from ndarray"))
        }
        // What is missing becomes a missing time, or raises, by rules that are not written down.
        _ => Err(unknown("times beside a column of objects are not known here")),
    }
}
