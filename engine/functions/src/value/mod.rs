//! What a value is while a function runs: Python's own values, and the columns and frames of pandas.
//!
//! They belong to one run, which belongs to one thread. What is done with them is in `run`, `column`, `native` and `methods`; here is
//! what can be said of a value alone. Text is shared with the program, so that a constant costs no copy.

mod dict;
mod equality;
mod exception;
mod frame;
mod notation;
mod sequence;
mod truth;
mod walk;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

pub(crate) use dict::Dict;
pub(crate) use equality::{compare, equals};
pub(crate) use exception::{Exception, ExceptionClass};
pub(crate) use frame::Frame;
pub(crate) use sequence::{FixedItems, Items, check_acyclic};
pub(crate) use walk::{is_shallow, take_owed_steps};

use crate::column::{Column, not_plain};
use crate::native::Native;
use crate::pattern::{Pattern, Spans};
use crate::program::{Constant, Text};
use crate::run::Function;
use crate::stop::{Outcome, Stop};

#[derive(Debug, Clone)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, of which little more is known than how it is written.
    Big(Rc<i128>),
    Float(f64),
    Text(Text),
    Bytes(Arc<[u8]>),
    List(Rc<Items>),
    Tuple(Rc<FixedItems>),
    /// Without equal members, in the order in which they came. Python's order is another, so nothing may depend on it.
    Set(Rc<Items>),
    Dict(Rc<RefCell<Dict>>),
    /// `range`, or another sequence of which only the items matter.
    Items(Rc<FixedItems>),
    /// `zip`, a generator, and whatever else gives its items once.
    Iterator(Rc<RefCell<Option<Vec<Value>>>>),
    /// The same, with what is raised instead of a later item.
    Failing(Rc<RefCell<Option<Failing>>>),
    /// Microseconds since 1970: a `datetime` or a `pandas.Timestamp` in UTC.
    Time(i64),
    /// The same without a zone.
    NaiveTime(i64),
    /// Microseconds: a `timedelta` or a `pandas.Timedelta`.
    Delta(i64),
    /// `NaT`: a point in time or a span that is missing.
    NoTime,
    /// What `isocalendar()` gives: a year, a week and a day of the week.
    Calendar(Rc<[i64; 3]>),
    /// `pandas.Series`.
    Series(Rc<Column>),
    /// A number or bool of numpy, such as the sum of a column: it computes as numpy does. Of Python's values it is the one inside.
    Scalar(Rc<Value>),
    /// `numpy.ndarray` with one dimension.
    Array(Rc<Column>),
    /// `pandas.DataFrame`.
    Frame(Rc<RefCell<Frame>>),
    /// A categorical series, as `pandas.cut` makes it: texts or integers, NaN where there is none.
    Categories(Rc<Column>),
    /// `series.str`.
    TextOf(Rc<Column>),
    /// `series.dt`.
    TimesOf(Rc<Column>),
    /// `frame.loc`.
    PlacesOf(Rc<RefCell<Frame>>),
    /// `re.Pattern`.
    Pattern(Rc<Pattern>),
    /// `re.Match`.
    Match(Rc<Match>),
    /// A row that `frame.apply(..., axis=1)` gives to a function.
    Row(Rc<Frame>, usize),
    /// A function of the text.
    Function(Rc<Function>),
    /// A function or type of a library.
    Native(&'static Native),
    /// An instance of an exception.
    Exception(Rc<Exception>),
    /// The class of exceptions.
    ExceptionClass(ExceptionClass),
    /// A subscript with `:`.
    Slice(Rc<[Option<i64>; 3]>),
}

/// The items that an iterator gives, and what it raises then.
pub(crate) type Failing = (Vec<Value>, Stop);

/// What a regular expression has found.
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) text: Text,
    pub(crate) pattern: Rc<Pattern>,
    pub(crate) spans: Spans,
}

impl Value {
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Text::from(text.as_ref()))
    }

    pub(crate) fn list(items: Vec<Value>) -> Self {
        Self::List(Rc::new(Items::from(items)))
    }

    pub(crate) fn tuple(items: Vec<Value>) -> Self {
        Self::Tuple(Rc::new(FixedItems::from(items)))
    }

    /// What gives these items once.
    pub(crate) fn iterator(items: Vec<Value>) -> Self {
        Self::Iterator(Rc::new(RefCell::new(Some(items))))
    }

    /// What gives these items once, and raises then.
    pub(crate) fn failing(items: Vec<Value>, stop: Stop) -> Self {
        Self::Failing(Rc::new(RefCell::new(Some((items, stop)))))
    }

    pub(crate) fn dict(dict: Dict) -> Self {
        Self::Dict(Rc::new(RefCell::new(dict)))
    }

    pub(crate) fn frame(frame: Frame) -> Self {
        Self::Frame(Rc::new(RefCell::new(frame)))
    }

    pub(crate) fn series(column: Column) -> Self {
        Self::Series(Rc::new(column))
    }

    pub(crate) fn array(column: Column) -> Self {
        Self::Array(Rc::new(column))
    }

    /// A number or bool of numpy.
    pub(crate) fn scalar(value: Value) -> Self {
        Self::Scalar(Rc::new(value))
    }

    /// Python's value of a number or bool of numpy, where the difference does not matter; any other value as it is.
    pub(crate) fn plain(&self) -> &Self {
        match self {
            Self::Scalar(value) => value,
            other => other,
        }
    }

    /// The value of a count of things in memory.
    pub(crate) fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Python's name of its type, as messages have it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Set(_) => "set",
            Self::Dict(_) => "dict",
            Self::Items(_) => "range",
            Self::Iterator(_) | Self::Failing(_) => "generator",
            Self::Time(_) | Self::NaiveTime(_) => "datetime.datetime",
            Self::Delta(_) => "datetime.timedelta",
            Self::NoTime => "NaTType",
            Self::Calendar(_) => "datetime.IsoCalendarDate",
            Self::Series(_) | Self::Categories(_) | Self::Row(..) => "Series",
            Self::Array(_) => "numpy.ndarray",
            Self::Scalar(value) => match **value {
                Self::Bool(_) => "numpy.bool",
                Self::Int(_) => "numpy.int64",
                _ => "numpy.float64",
            },
            Self::Frame(_) => "DataFrame",
            Self::TextOf(_) => "StringMethods",
            Self::TimesOf(_) => "DatetimeProperties",
            Self::PlacesOf(_) => "_LocIndexer",
            Self::Pattern(_) => "re.Pattern",
            Self::Match(_) => "re.Match",
            Self::Function(_) => "function",
            Self::Native(native) if native.is_type => "type",
            Self::Native(_) => "builtin_function_or_method",
            Self::Exception(exception) => exception.class.name(),
            Self::ExceptionClass(_) => "type",
            Self::Slice(_) => "slice",
        }
    }

    /// A number as a float; of no other value.
    pub(crate) fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            Self::Int(number) => Some(*number as f64),
            Self::Bool(flag) => Some(f64::from(u8::from(*flag))),
            _ => None,
        }
    }

    /// An integer, or a bool as one.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bool(flag) => Some(i64::from(*flag)),
            _ => None,
        }
    }

    /// Refuses a column of pandas' own kinds, and a frame with one.
    ///
    /// # Errors
    /// Unknown.
    pub(crate) fn check_plain(&self) -> Outcome<()> {
        let check = |column: &Column| match column.data.is_nullable() {
            true => Err(not_plain(&column.data)),
            false => Ok(()),
        };
        match self {
            Self::Series(column) => check(column),
            Self::Frame(frame) => frame
                .borrow()
                .columns()
                .iter()
                .try_for_each(|(_, column)| check(column)),
            _ => Ok(()),
        }
    }

    /// What pandas takes for missing: None, NaN, NaT.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::None | Self::NoTime => true,
            Self::Float(number) => number.is_nan(),
            Self::Scalar(value) => value.is_missing(),
            _ => false,
        }
    }
}

impl From<&Constant> for Value {
    fn from(constant: &Constant) -> Self {
        match constant {
            Constant::None => Self::None,
            Constant::Bool(flag) => Self::Bool(*flag),
            Constant::Int(number) => Self::Int(*number),
            Constant::Float(number) => Self::Float(*number),
            Constant::Text(text) => Self::Text(Text::clone(text)),
            Constant::Bytes(bytes) => Self::Bytes(Arc::clone(bytes)),
            Constant::ExceptionClass(name) => Self::ExceptionClass(ExceptionClass::of(name)),
        }
    }
}
