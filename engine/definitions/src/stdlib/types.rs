//! `isinstance`, `type` and `callable`.

use std::rc::Rc;

use feast_model::ViewKind;

use crate::value::{Class, DefinedObject, DictKind, EnumKind, FeastObject, Value};

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
        Value::Builtin("object") => Some(true),
        Value::Builtin(name) => match value {
            Value::Class(known) if known.is_instance => is_plain(known).then_some(false),
            Value::Class(_) | Value::Function(_) | Value::Object(_) | Value::Type(_) => Some(false),
            Value::EnumMember(member) => match *name {
                "enum.Enum" => Some(true),
                "enum.IntEnum" => Some(member.kind == EnumKind::Int),
                "enum.StrEnum" => Some(member.kind == EnumKind::Str),
                _ if member.is_its_value() => is_instance(&member.value, class),
                _ => Some(false),
            },
            _ => Some(types_of(value)?.contains(name)),
        },
        Value::Class(class) if !class.is_instance => match value {
            Value::Class(known) if known.is_instance => known.descends_from(class),
            Value::NamedTuple(record) => record.class.descends_from(class),
            Value::EnumMember(member) => member
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
        Value::Int(_) => &["int"],
        Value::Float(_) => &["float"],
        Value::Str(_) => &["str"],
        Value::List(_) => &["list"],
        Value::Tuple(_) | Value::NamedTuple(_) => &["tuple"],
        Value::View(view) if view.type_name == "range" => &["range"],
        Value::View(_) => &[],
        Value::Dict(dict) => match dict.kind {
            DictKind::Plain => &["dict"],
            DictKind::Ordered => &["dict", "collections.OrderedDict"],
            DictKind::Counter => &["dict", "collections.Counter"],
            DictKind::Default(_) => &["dict", "collections.defaultdict"],
        },
        Value::TimeDelta(delta) if delta.is_pandas() => &["datetime.timedelta", "pandas.Timedelta"],
        Value::TimeDelta(_) => &["datetime.timedelta"],
        Value::DateTime(_) => &["datetime.datetime"],
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
fn is_object_of(object: &DefinedObject, class: &str) -> Option<bool> {
    let inner = object.object();
    Some(match (&*inner, class) {
        (FeastObject::Source(_), "DataSource") => true,
        // Sources in stores that are not read here have one class.
        (FeastObject::Source(_), _) if object.class_name() == "DataSource" => return None,
        // Batch views are stored as plain ones.
        (FeastObject::View(view), "BatchFeatureView") if matches!(view.kind, ViewKind::Regular) => return None,
        (FeastObject::View(view), "FeatureView") => !matches!(view.kind, ViewKind::Label(_)),
        (
            FeastObject::Policy(_)
            | FeastObject::FileFormat(_)
            | FeastObject::StreamFormat(_)
            | FeastObject::TableFormat(_),
            _,
        )
        | (
            FeastObject::Logging(_)
            | FeastObject::LoggingDestination(_)
            | FeastObject::Transformation(_)
            | FeastObject::Connection(_),
            _,
        ) => {
            return None;
        }
        _ => object.class_name() == class,
    })
}

/// `type(value)`; `None` when it is not known.
pub(crate) fn type_of(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Bool(_) => Value::Builtin("bool"),
        Value::Class(class) if class.is_instance => Value::Class(Rc::clone(class.bases.first()?)),
        Value::NamedTuple(record) => Value::Class(Rc::clone(&record.class)),
        Value::EnumMember(member) => Value::Class(Rc::clone(member.class.as_ref()?)),
        Value::Path(_) => Value::Builtin("pathlib.PosixPath"),
        Value::TimeDelta(delta) if delta.is_pandas() => Value::Builtin("pandas.Timedelta"),
        Value::Dict(dict) if !dict.is_plain() => Value::Builtin(types_of(value)?.last()?),
        plain => match types_of(plain)? {
            [name] => Value::Builtin(name),
            _ => return None,
        },
    })
}

/// `callable(value)`; `None` when it is not known.
pub(crate) fn is_callable(value: &Value) -> Option<bool> {
    Some(match value {
        Value::Function(_) | Value::Builtin(_) | Value::FeastClass(_) | Value::Partial(_) | Value::Method(..) => true,
        Value::Class(class) => !class.is_instance || class.scope.own("__call__").is_some(),
        _ => {
            types_of(value)?;
            false
        }
    })
}
