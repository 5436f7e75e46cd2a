//! `isinstance`, `type` and `callable`.

use std::rc::Rc;

use feast_model::ViewKind;

use super::super::object::{Object, Thing};
use super::super::user_class::{Class, Members};
use super::super::value::{DictKind, Value};

/// `isinstance(value, class)`; `None` when it is not known.
pub(crate) fn is_instance(value: &Value, class: &Value) -> Option<bool> {
    if matches!(value, Value::Opaque(_)) {
        return None;
    }
    match class {
        Value::Tuple(classes) => {
            let mut is_known = true;
            for class in classes.iter() {
                match is_instance(value, class) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => is_known = false,
                }
            }
            is_known.then_some(false)
        }
        Value::Library("object") => Some(true),
        Value::Library(name) => match value {
            Value::Class(known) if known.is_instance => is_plain(known).then_some(false),
            Value::Class(_) | Value::Function(_) | Value::Object(_) | Value::Type(_) => Some(false),
            Value::Member(member) => match *name {
                "enum.Enum" => Some(true),
                "enum.IntEnum" => Some(member.kind == Members::Integers),
                "enum.StrEnum" => Some(member.kind == Members::Texts),
                _ if member.is_its_value() => is_instance(&member.value, class),
                _ => Some(false),
            },
            _ => Some(types_of(value)?.contains(name)),
        },
        Value::Class(class) if !class.is_instance => match value {
            Value::Class(known) if known.is_instance => known.descends_from(class),
            Value::Record(record) => record.class.descends_from(class),
            Value::Member(member) => member
                .class
                .as_ref()
                .map_or(Some(false), |known| known.descends_from(class)),
            Value::Class(_) | Value::FeastClass(_) => None,
            _ => Some(false),
        },
        Value::FeastClass(class) => match value {
            Value::Object(object) => is_object_of(object, class.name),
            Value::Class(_) | Value::Type(_) | Value::FeastClass(_) => None,
            _ => Some(false),
        },
        _ => None,
    }
}

fn is_plain(class: &Rc<Class>) -> bool {
    class.is_plain && class.bases.iter().all(is_plain)
}

/// The types of Python's library that a plain value is of, among those that have a name here; `None` where a value stands
/// for several.
fn types_of(value: &Value) -> Option<&'static [&'static str]> {
    Some(match value {
        Value::None | Value::Iterator(_) => &[],
        Value::Bool(_) => &["bool", "int"],
        Value::Integer(_) => &["int"],
        Value::Float(_) => &["float"],
        Value::Text(_) => &["str"],
        Value::List(_) => &["list"],
        Value::Tuple(_) | Value::Record(_) => &["tuple"],
        Value::View(view) if view.type_name == "range" => &["range"],
        Value::View(_) => &[],
        Value::Dict(dict) => match dict.kind {
            DictKind::Plain => &["dict"],
            DictKind::Ordered => &["dict", "collections.OrderedDict"],
            DictKind::Counter => &["dict", "collections.Counter"],
            DictKind::Default(_) => &["dict", "collections.defaultdict"],
        },
        Value::Duration(duration) if duration.is_pandas() => &["datetime.timedelta", "pandas.Timedelta"],
        Value::Duration(_) => &["datetime.timedelta"],
        Value::Moment(_) => &["datetime.datetime"],
        Value::Path(_) => &[
            "pathlib.Path",
            "pathlib.PosixPath",
            "pathlib.PurePath",
            "pathlib.PurePosixPath",
        ],
        _ => return None,
    })
}

/// Whether an object is of a class of Feast by that name.
fn is_object_of(object: &Object, class: &str) -> Option<bool> {
    let thing = object.thing();
    Some(match (&*thing, class) {
        (Thing::Source(_), "DataSource") => true,
        // Sources in stores that are not read here have one class.
        (Thing::Source(_), _) if object.class_name() == "DataSource" => return None,
        // Batch views are stored as plain ones.
        (Thing::View(view), "BatchFeatureView") if matches!(view.kind, ViewKind::Regular) => return None,
        (Thing::View(view), "FeatureView") => !matches!(view.kind, ViewKind::Label(_)),
        (Thing::Policy(_) | Thing::FileFormat(_) | Thing::StreamFormat(_) | Thing::TableFormat(_), _)
        | (Thing::Logging(_) | Thing::LoggingDestination(_) | Thing::Transformation(_) | Thing::Connection(_), _) => {
            return None;
        }
        _ => object.class_name() == class,
    })
}

/// `type(value)`; `None` when it is not known.
pub(crate) fn type_of(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Bool(_) => Value::Library("bool"),
        Value::Class(class) if class.is_instance => Value::Class(Rc::clone(class.bases.first()?)),
        Value::Record(record) => Value::Class(Rc::clone(&record.class)),
        Value::Member(member) => Value::Class(Rc::clone(member.class.as_ref()?)),
        Value::Path(_) => Value::Library("pathlib.PosixPath"),
        Value::Duration(duration) if duration.is_pandas() => Value::Library("pandas.Timedelta"),
        Value::Dict(dict) if !dict.is_plain() => Value::Library(types_of(value)?.last()?),
        plain => match types_of(plain)? {
            [name] => Value::Library(name),
            _ => return None,
        },
    })
}

/// `callable(value)`; `None` when it is not known.
pub(crate) fn is_callable(value: &Value) -> Option<bool> {
    Some(match value {
        Value::Function(_) | Value::Library(_) | Value::FeastClass(_) | Value::Partial(_) | Value::Method(..) => true,
        Value::Class(class) => !class.is_instance || class.scope.own("__call__").is_some(),
        _ => {
            types_of(value)?;
            false
        }
    })
}
