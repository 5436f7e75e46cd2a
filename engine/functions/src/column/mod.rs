//! Columns as pandas holds them, and what it does with them, a column at a time.
//!
//! The kind of a column is that of the rows of a request, not of the schema: integers beside a missing value are floats, a column of
//! missing values alone is one of objects. NaN, None and a missing time have rules of their own, so nothing here is Arrow's null.
//!
//! A rule that is not written down here is unknown, never a guess.

mod arithmetic;
mod bitwise;
mod cast;
mod choose;
mod compare;
mod lookup;
mod missing;
mod moments;
mod narrow;
mod numbers;
mod objects;
mod order;
mod reduce;
mod times;

pub(crate) use arithmetic::{binary, binary_of_arrays, unary};
pub(crate) use bitwise::bitwise_of_flags;
pub(crate) use cast::cast;
pub(crate) use choose::{choose, clip, combine_first, replace, round};
pub(crate) use compare::{compare, compare_arrays, mirrored};
pub(crate) use lookup::{is_in, translate};
pub(crate) use missing::{fill, is_missing};
pub(crate) use numbers::{numbers_as_floats, numbers_as_ints};
pub(crate) use objects::bytes_of_texts;
pub(crate) use order::{cumsum, cumulative_extreme, diff, duplicated, fill_backward, fill_forward, rank, shift};
pub(crate) use reduce::{OfRows, count, extreme, is_all_missing, mean, median, of_rows, sum, variance};
pub(crate) use times::{Times, Unit};

use crate::program::Text;
use crate::stop::{Outcome, Stop, unknown};
use crate::value::Value;

/// The place of a time that is missing, in microseconds.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// The values of a column.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    /// `int32`, which only a cast or the parts of a time give.
    Int32(Vec<i32>),
    Float(Vec<f64>),
    /// `float32`, which only a cast gives.
    Float32(Vec<f32>),
    /// `UInt32`, which only the parts of a week give.
    UInt32(Vec<u32>),
    /// `datetime64[us, UTC]` or in another unit: microseconds since 1970, or [`NO_TIME`].
    Time(Times),
    /// `datetime64[us]`, without a zone.
    NaiveTime(Times),
    /// `timedelta64[us]`.
    Delta(Times),
    /// `object`: any values, None among them.
    Object(Vec<Value>),
    /// `Int64` of pandas, whose missing values have rules of their own. It can only be given back, see [`Data::is_nullable`].
    Nullable(Vec<Option<i64>>),
    /// `string` of pandas, as [`Data::Nullable`].
    Texts(Vec<Option<Text>>),
}

/// A column of a frame, a series or an array of one dimension. Its rows are numbered from 0.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) data: Data,
}

/// One side of an operator: a value for each row, or one for all of them.
#[derive(Debug)]
pub(crate) enum Operand<'a> {
    Column(&'a Data),
    Value(&'a Value),
}

impl From<Data> for Column {
    fn from(data: Data) -> Self {
        Self { data }
    }
}

impl Data {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Time(values) | Self::NaiveTime(values) | Self::Delta(values) => values.len(),
            Self::Int32(values) => values.len(),
            Self::UInt32(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Float32(values) => values.len(),
            Self::Object(values) => values.len(),
            Self::Nullable(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether it is of a kind of pandas' own, of which little is known here: methods, operators, functions and loops refuse it.
    pub(crate) fn is_nullable(&self) -> bool {
        matches!(self, Self::Nullable(_) | Self::Texts(_))
    }

    /// numpy's name of its type, as messages of Python have it.
    ///
    /// # Errors
    /// Unknown for times in a unit that is not known.
    pub(crate) fn exact_dtype(&self) -> Outcome<String> {
        let (times, kind, zone) = match self {
            Self::Time(times) => (times, "datetime64", ", UTC"),
            Self::NaiveTime(times) => (times, "datetime64", ""),
            Self::Delta(times) => (times, "timedelta64", ""),
            other => return Ok(other.dtype().to_owned()),
        };
        match times.unit() {
            Some(unit) => Ok(format!("{kind}[{}{zone}]", unit.name())),
            None => Err(unknown("the unit of these times is not known here")),
        }
    }

    /// numpy's name of its type, where the unit of times does not matter.
    pub(crate) fn dtype(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Int(_) => "int64",
            Self::Int32(_) => "int32",
            Self::UInt32(_) => "UInt32",
            Self::Float(_) => "float64",
            Self::Float32(_) => "float32",
            Self::Time(_) => "datetime64[us, UTC]",
            Self::NaiveTime(_) => "datetime64[us]",
            Self::Delta(_) => "timedelta64[us]",
            Self::Object(_) => "object",
            Self::Nullable(_) => "Int64",
            Self::Texts(_) => "string",
        }
    }

    /// The value of a row, as a loop over the column sees it.
    pub(crate) fn get(&self, row: usize) -> Value {
        match self {
            Self::Bool(values) => Value::Bool(values[row]),
            Self::Int(values) => Value::Int(values[row]),
            Self::Int32(values) => Value::Int(i64::from(values[row])),
            Self::UInt32(values) => Value::Int(i64::from(values[row])),
            Self::Float(values) => Value::Float(values[row]),
            Self::Float32(values) => Value::Float(f64::from(values[row])),
            Self::Time(values) | Self::NaiveTime(values) | Self::Delta(values) if values[row] == NO_TIME => {
                Value::NoTime
            }
            Self::Time(values) => Value::Time(values[row]),
            Self::NaiveTime(values) => Value::NaiveTime(values[row]),
            Self::Delta(values) => Value::Delta(values[row]),
            Self::Object(values) => values[row].clone(),
            Self::Nullable(values) => values[row].map_or(Value::None, Value::Int),
            Self::Texts(values) => values[row].clone().map_or(Value::None, Value::Text),
        }
    }
}

impl Column {
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn get(&self, row: usize) -> Value {
        self.data.get(row)
    }

    /// The value of a row as numpy gives it: a scalar of its own, but of objects.
    ///
    /// # Errors
    /// Unknown for numbers of 32 bits, which wrap and are rounded at their own width.
    pub(crate) fn item(&self, row: usize) -> Outcome {
        match &self.data {
            Data::Bool(_) | Data::Int(_) | Data::Float(_) => Ok(Value::scalar(self.get(row))),
            Data::Int32(_) | Data::UInt32(_) | Data::Float32(_) => {
                Err(unknown("a single number of 32 bits is not known here"))
            }
            _ => Ok(self.get(row)),
        }
    }

    /// The column that pandas makes of a list of values.
    ///
    /// # Errors
    /// Unknown for values of which it makes a kind that is not here.
    pub(crate) fn of_values(values: &[Value]) -> Outcome<Self> {
        Ok(Self::from(Data::of_values(values)?))
    }

    /// One value in every row.
    ///
    /// # Errors
    /// As [`Column::of_values`].
    pub(crate) fn repeated(value: &Value, rows: usize) -> Outcome<Self> {
        Ok(Self::from(match value {
            Value::Bool(flag) => Data::Bool(vec![*flag; rows]),
            Value::Int(number) => Data::Int(vec![*number; rows]),
            Value::Float(number) => Data::Float(vec![*number; rows]),
            Value::None | Value::Text(_) => Data::Object(vec![value.clone(); rows]),
            Value::Time(micros) => Data::Time(vec![*micros; rows].into()),
            other => return Err(unknown(format!("{} in every row is not known here", other.type_name()))),
        }))
    }
}

impl Data {
    pub(crate) fn of_values(values: &[Value]) -> Outcome<Self> {
        if values.iter().any(|value| matches!(value, Value::Big(_))) {
            return Err(unknown("a column of integers beyond 64 bits is not known here"));
        }
        if values.iter().any(|value| matches!(value, Value::Scalar(_))) {
            let plain: Vec<Value> = values.iter().map(|value| value.plain().clone()).collect();
            return match Self::of_values(&plain)? {
                Self::Object(_) => Err(unknown("numbers of numpy among objects are not known here")),
                data => Ok(data),
            };
        }
        let mut kinds = Kinds::default();
        values.iter().for_each(|value| kinds.add(value));
        let float = |value: &Value| value.as_float().unwrap_or(f64::NAN);
        Ok(match kinds {
            _ if values.is_empty() => Self::Object(Vec::new()),
            Kinds { other: true, .. } => Self::Object(values.to_vec()),
            Kinds { times: true, .. } => times::of_values(values)?,
            Kinds {
                texts: false,
                bools: true,
                ints: false,
                floats: false,
                nones: false,
                ..
            } => Self::Bool(values.iter().map(|value| matches!(value, Value::Bool(true))).collect()),
            Kinds { texts: true, .. } | Kinds { bools: true, .. } => Self::Object(values.to_vec()),
            Kinds {
                ints: true,
                floats: false,
                nones: false,
                ..
            } => Self::Int(values.iter().filter_map(Value::as_int).collect()),
            Kinds {
                ints: false,
                floats: false,
                ..
            } => Self::Object(values.to_vec()),
            _ => Self::Float(values.iter().map(float).collect()),
        })
    }
}

/// Which kinds of values there are among some.
#[derive(Default)]
struct Kinds {
    nones: bool,
    bools: bool,
    ints: bool,
    floats: bool,
    texts: bool,
    times: bool,
    other: bool,
}

impl Kinds {
    fn add(&mut self, value: &Value) {
        let kind = match value {
            Value::None => &mut self.nones,
            Value::Bool(_) => &mut self.bools,
            Value::Int(_) => &mut self.ints,
            Value::Float(_) => &mut self.floats,
            Value::Text(_) => &mut self.texts,
            Value::Time(_) | Value::NaiveTime(_) | Value::Delta(_) | Value::NoTime => &mut self.times,
            _ => &mut self.other,
        };
        *kind = true;
    }
}

impl<'a> Operand<'a> {
    /// A column, or a value for so many rows.
    ///
    /// # Errors
    /// Unknown for a column of another length, and for values that are neither.
    pub(crate) fn of(value: &'a Value, rows: usize) -> Outcome<Self> {
        match value {
            Value::Series(column) if column.data.is_nullable() => Err(not_plain(&column.data)),
            Value::Series(column) | Value::Array(column) if column.len() == rows => Ok(Self::Column(&column.data)),
            Value::Series(_) | Value::Array(_) => Err(unknown("columns of different lengths are not known here")),
            Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Time(_)
            | Value::NaiveTime(_)
            | Value::Delta(_)
            | Value::NoTime => Ok(Self::Value(value)),
            other => Err(unknown(format!(
                "a column beside {} is not known here",
                other.type_name()
            ))),
        }
    }

    /// The value beside a row.
    pub(crate) fn get(&self, row: usize) -> Value {
        match self {
            Self::Column(data) => data.get(row),
            Self::Value(value) => (*value).clone(),
        }
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Column(Data::Object(_)))
    }
}

/// What is not known of a column of pandas' own kinds.
pub(crate) fn not_plain(data: &Data) -> Stop {
    unknown(format!("a column of {} can only be given back here", data.dtype()))
}

/// What an operator sees of numbers: one for each row, or one for all.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side<'a, T> {
    All(&'a [T]),
    One(T),
}

impl<T> Side<'_, T> {
    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::All([]))
    }
}

/// A result for each row.
pub(crate) fn zip<L: Copy, R: Copy, Out>(
    left: Side<'_, L>,
    right: Side<'_, R>,
    combine: impl Fn(L, R) -> Out,
) -> Vec<Out> {
    match (left, right) {
        (Side::All(left), Side::All(right)) => left
            .iter()
            .zip(right)
            .map(|(left, right)| combine(*left, *right))
            .collect(),
        (Side::All(left), Side::One(right)) => left.iter().map(|left| combine(*left, right)).collect(),
        (Side::One(left), Side::All(right)) => right.iter().map(|right| combine(left, *right)).collect(),
        (Side::One(left), Side::One(right)) => vec![combine(left, right)],
    }
}

/// Numbers of a column as floats.
pub(crate) fn floats(data: &Data) -> Option<Vec<f64>> {
    Some(match data {
        Data::Bool(values) => values.iter().map(|flag| f64::from(u8::from(*flag))).collect(),
        Data::Int(values) => values.iter().map(|number| *number as f64).collect(),
        Data::Int32(values) => values.iter().map(|number| f64::from(*number)).collect(),
        Data::Float(values) => values.clone(),
        Data::Float32(values) => values.iter().map(|number| f64::from(*number)).collect(),
        _ => return None,
    })
}

/// A column for each of its rows by a rule for values, of any kind.
pub(crate) fn map_values(data: &Data, mut change: impl FnMut(Value) -> Outcome) -> Outcome<Vec<Value>> {
    (0..data.len()).map(|row| change(data.get(row))).collect()
}
