//! Attributes and methods of Python's own values: one file for a type, or for types that are alike.
//!
//! Methods of Feast's objects are in `feast`, those of classes of definition files are the evaluator's.

mod data_frame;
mod datetime;
mod dict;
mod globals;
mod list;
mod mutating;
mod named_tuple;
mod path;
mod set;
mod str;

use std::rc::Rc;

use crate::context::Site;
use crate::error::Evaluated;
use crate::feast;
use crate::stdlib::{absolute, read_text};
use crate::value::{CallArguments, Value};
use mutating::changes;

pub(crate) use data_frame::{data_frame_attribute, data_frame_item};
pub(crate) use datetime::{datetime_attribute, timedelta_attribute};
pub(crate) use path::path_attribute;

/// A call of a method; `None` when the result is not known.
///
/// # Errors
/// What Python raises, and a change of which it is not known whether it happens.
pub(crate) fn call(object: &Value, name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    if changes(object, name) {
        site.check_mutable(object)?;
        for added in arguments.values() {
            site.check_acyclic(object, added)?;
        }
    } else {
        site.pay_for(arguments.values())?;
    }
    site.pay_for([object])?;
    let takes_names = matches!(
        (object, name),
        (Value::Str(_), "format")
            | (Value::Dict(_) | Value::Globals, "update")
            | (Value::Object(_) | Value::NamedTuple(_) | Value::DataFrame(_), _)
    );
    if !takes_names && !arguments.named.is_empty() && !changes(object, name) {
        return Ok(None);
    }
    match object {
        Value::Str(string) => {
            let made = str::call(string, name, arguments, site);
            site.pay_for(&made)?;
            Ok(made)
        }
        Value::List(_) => list::call(object, name, arguments, site),
        Value::Dict(_) => dict::call(object, name, arguments, site),
        Value::DataFrame(frame) => Ok(data_frame::call(frame, name, arguments)),
        Value::Dtypes(frame) => Ok(data_frame::call_dtypes(frame, name, arguments)),
        Value::View(view) if view.type_name == "Index" => Ok(data_frame::call_index(&view.items, name, arguments)),
        Value::NamedTuple(tuple) => named_tuple::call(tuple, name, arguments, site),
        Value::Tuple(_) | Value::View(_) => list::call_sequence(object, name, arguments, site),
        Value::Set(items) => set::call(items, name, arguments, site),
        Value::Globals => globals::call(name, arguments, site),
        Value::TimeDelta(delta) => Ok(datetime::timedelta_method(*delta, name)),
        Value::DateTime(micros) => Ok(datetime::datetime_method(*micros, name, arguments)),
        Value::File(path) if name == "read" => read_text(path, site).map(|string| Some(Value::str(string))),
        Value::Path(path) if name == "read_text" => {
            read_text(&absolute(path, site), site).map(|string| Some(Value::str(string)))
        }
        Value::Path(path) if name == "open" => Ok(Some(Value::File(Rc::from(absolute(path, site))))),
        Value::Path(path) => Ok(path::call(path, name, arguments, site)),
        Value::Object(object) => Ok(feast::call_method(object, name, arguments, site)),
        _ => Ok(None),
    }
}
