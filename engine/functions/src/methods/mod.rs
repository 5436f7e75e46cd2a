//! Methods and attributes of values, by the value's type: one file a type, each with its table.

mod apply_of;
mod arithmetic_of;
mod array;
mod bytes;
mod categories;
mod characters;
mod datetime;
mod dict;
mod found;
mod frame;
mod letters;
mod list;
mod own_names;
mod reductions;
mod row;
mod series;
mod set;
mod str;
mod strftime_of;
mod text_of;
mod text_patterns;
mod text_shapes;
mod times_of;
mod whole_of;

use std::cell::RefCell;
use std::rc::Rc;

use crate::column::Column;
use crate::native;
use crate::program::Text;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, attribute_error, unknown};
use crate::value::{Frame, Value};

pub(crate) use characters::check as check_characters;
pub(crate) use found::match_item;
pub(crate) use frame::set_where;
pub(crate) use letters::is_space;
pub(crate) use text_of::text_item;

/// Whether a value may be a key.
pub(crate) fn check_key(key: &Value) -> Outcome<()> {
    match key {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => Ok(()),
        _ => Err(unknown("this key is not known here")),
    }
}

/// A method, called on the value.
type Method = fn(&mut Run, &Value, Arguments) -> Outcome;

/// The methods of a type, by name.
type Table = &'static [(&'static str, Method)];

/// Those of all types.
const TABLES: [Table; 20] = [
    apply_of::METHODS,
    arithmetic_of::METHODS,
    array::METHODS,
    bytes::METHODS,
    datetime::METHODS,
    datetime::DELTA_METHODS,
    dict::METHODS,
    found::METHODS,
    found::PATTERN_METHODS,
    frame::METHODS,
    list::METHODS,
    reductions::METHODS,
    reductions::OF_ROWS,
    row::METHODS,
    series::METHODS,
    set::METHODS,
    str::METHODS,
    text_of::METHODS,
    times_of::METHODS,
    whole_of::METHODS,
];

/// Those of a series.
const OF_SERIES: [Table; 5] = [
    apply_of::METHODS,
    arithmetic_of::METHODS,
    reductions::METHODS,
    series::METHODS,
    whole_of::METHODS,
];

/// Those of a frame.
const OF_FRAME: [Table; 2] = [frame::METHODS, reductions::OF_ROWS];

/// The name, if some type has a method of that name that is known.
pub(crate) fn name(name: &str) -> Option<&'static str> {
    let mut all = TABLES.iter().flat_map(|table| table.iter());
    all.find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// Whether a value has a method of that name that is known.
pub(crate) fn has(object: &Value, name: &str) -> bool {
    let table = table_of(object, name);
    table.is_some_and(|table| table.iter().any(|(known, _)| *known == name))
}

/// The methods of a value's type, of those of several tables the one that has the name.
fn table_of(object: &Value, name: &str) -> Option<Table> {
    Some(match object {
        Value::Series(_) => table_with(&OF_SERIES, name),
        Value::Array(_) => array::METHODS,
        Value::Frame(_) => table_with(&OF_FRAME, name),
        Value::Categories(_) => categories::METHODS,
        Value::Row(..) => row::METHODS,
        Value::TextOf(_) => text_of::METHODS,
        Value::TimesOf(_) => times_of::METHODS,
        Value::Bytes(_) => bytes::METHODS,
        Value::Delta(_) => datetime::DELTA_METHODS,
        Value::Dict(_) => dict::METHODS,
        Value::Match(_) => found::METHODS,
        Value::Pattern(_) => found::PATTERN_METHODS,
        Value::List(_) => list::METHODS,
        Value::Set(_) => set::METHODS,
        Value::Text(_) => str::METHODS,
        Value::Time(_) | Value::NaiveTime(_) => datetime::METHODS,
        _ => return None,
    })
}

/// Calls a method.
pub(crate) fn call(run: &mut Run, object: &Value, name: &'static str, arguments: Arguments) -> Outcome {
    check_scalars(object, name, &arguments)?;
    check_kinds(object, name, &arguments)?;
    let table = match object {
        _ if table_of(object, name).is_some() => table_of(object, name).unwrap_or_default(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) if str::METHODS.iter().any(|(known, _)| *known == name) => {
            return Err(attribute_error(object.type_name(), name));
        }
        Value::None => return Err(attribute_error("NoneType", name)),
        Value::NoTime
            if datetime::METHODS
                .iter()
                .chain(datetime::DELTA_METHODS)
                .any(|(known, _)| *known == name) =>
        {
            return datetime::of_no_time(name);
        }
        other => {
            return Err(unknown(format!(
                "the method `{name}` of {} is not known here",
                other.type_name()
            )));
        }
    };
    match table.iter().find(|(known, _)| *known == name) {
        Some((_, method)) => method(run, object, arguments),
        None => Err(unknown(format!(
            "the method `{name}` of {} is not known here",
            object.type_name()
        ))),
    }
}

/// Whether a method knows the kinds of the columns that it gets.
fn check_kinds(object: &Value, name: &str, arguments: &Arguments) -> Outcome<()> {
    let is_allowed = match object {
        Value::Series(_) => ["isna", "isnull", "notna", "notnull"].contains(&name),
        Value::Frame(_) => ["assign", "copy"].contains(&name),
        _ => false,
    };
    if is_allowed {
        return Ok(());
    }
    object.check_plain()?;
    let named = arguments.named.iter().map(|(_, value)| value);
    let mut all = arguments.positional.iter().chain(named);
    all.try_for_each(Value::check_plain)
}

/// Whether a method's arguments are numbers of numpy only where that is known.
fn check_scalars(object: &Value, name: &str, arguments: &Arguments) -> Outcome<()> {
    let named = arguments.named.iter().map(|(_, value)| value);
    let mut all = arguments.positional.iter().chain(named);
    match object {
        Value::Series(_) | Value::Frame(_) => Ok(()),
        _ if all.any(|value| matches!(value, Value::Scalar(_))) => {
            Err(unknown(format!("{name}() with a number of numpy is not known here")))
        }
        _ => Ok(()),
    }
}

/// The table of these that has a method; any other if none has it.
fn table_with(tables: &[Table], name: &str) -> Table {
    let mut all = tables.iter();
    all.find(|table| table.iter().any(|(known, _)| *known == name))
        .copied()
        .unwrap_or_default()
}

/// `object.name`.
pub(crate) fn attribute(run: &mut Run, object: &Value, name: &Text) -> Outcome {
    if let Value::Series(_) = object {
        object.check_plain()?;
    }
    match (object, &**name) {
        (Value::Series(column), "str") => text_of::of(column),
        (Value::Series(column), "dt") => times_of::of(column),
        (Value::TimesOf(column), _) => times_of::part(run, column, name),
        (Value::Series(column), "values") => Ok(Value::Array(Rc::clone(column))),
        (Value::Row(frame, row), name) => row::attribute(frame, *row, name),
        (Value::Frame(frame), "loc") => Ok(Value::PlacesOf(Rc::clone(frame))),
        (Value::Series(column), "empty") => Ok(Value::Bool(column.len() == 0)),
        (Value::Series(column), "size") => Ok(Value::count(column.len())),
        (Value::Frame(frame), "shape") => {
            let frame = frame.borrow();
            let counts = [frame.rows(), frame.columns().len()];
            Ok(Value::tuple(counts.into_iter().map(Value::count).collect()))
        }
        (Value::Frame(frame), "empty") => {
            let frame = frame.borrow();
            Ok(Value::Bool(frame.rows() == 0 || frame.columns().is_empty()))
        }
        (Value::Frame(_), name) if own_names::is_of_frame(name) => {
            Err(unknown(format!("the attribute `{name}` of a frame is not known here")))
        }
        (Value::Frame(frame), name) => match frame.borrow().get(name) {
            Some(column) => Ok(Value::Series(Rc::clone(column))),
            None => Err(unknown(format!("the attribute `{name}` of a frame is not known here"))),
        },
        (Value::Time(micros) | Value::NaiveTime(micros), name) if run.is_pandas() => {
            times_of::part_of_time(*micros, name).unwrap_or_else(|| datetime::attribute(object, name))
        }
        (Value::Time(_) | Value::NaiveTime(_) | Value::Delta(_), name) => datetime::attribute(object, name),
        (Value::NoTime, name) if datetime::is_field(name) || matches!(name, "days" | "seconds" | "microseconds") => {
            datetime::of_no_time(name)
        }
        (_, "__class__") if !run.is_pandas() => native::class_of(object),
        (Value::Native(class), "__name__") if class.is_type && !class.name.contains('.') => Ok(Value::text(class.name)),
        (Value::Calendar(numbers), "year") => Ok(Value::Int(numbers[0])),
        (Value::Calendar(numbers), "week") => Ok(Value::Int(numbers[1])),
        (Value::Calendar(numbers), "weekday") => Ok(Value::Int(numbers[2])),
        (Value::None, name) if datetime::is_field(name) => Err(attribute_error("NoneType", name)),
        (object, name) => Err(unknown(format!(
            "the attribute `{name}` of {} is not known here",
            object.type_name()
        ))),
    }
}

/// The frame of a value that is one.
fn frame_of(object: &Value) -> Outcome<&Rc<RefCell<Frame>>> {
    match object {
        Value::Frame(frame) => Ok(frame),
        other => Err(unknown(format!("{} is no frame", other.type_name()))),
    }
}

/// The column of a series or an array.
fn column_of(object: &Value) -> Outcome<&Rc<Column>> {
    match object {
        Value::Series(column) | Value::Array(column) => Ok(column),
        other => Err(unknown(format!("{} is no column", other.type_name()))),
    }
}
