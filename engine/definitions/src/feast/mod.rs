//! Feast's own names: classes with their parameters, types, enumerations, constants.

mod arguments;
mod classes;
mod on_demand;
mod permissions;
mod services;
mod sources;
mod types;
mod views;
mod warehouses;

use std::rc::Rc;

use ruff_text_size::TextRange;

use super::Evaluated;
use super::object::{Object, Thing};
use super::scope::Scope;
use super::user_class::{Member, Members};
use super::value::Value;

pub(super) use arguments::Arguments;
use classes::CLASSES;

/// A class or decorator of Feast.
pub(super) struct FeastClass {
    /// The name under which definition files import it.
    pub(super) name: &'static str,
    /// The last part of its module, where another class has the same name.
    module: Option<&'static str>,
    /// All parameters in their order, separated by blanks.
    parameters: &'static str,
    positional: Positional,
    /// Whether it is called for a decorator, which is applied to a function then.
    pub(super) is_decorator: bool,
    /// Makes the object.
    pub(super) build: fn(Arguments<'_>) -> Evaluated<Value>,
}

/// Which arguments of a class may be positional.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Positional {
    None,
    All,
}

/// An object made at a place.
pub(super) fn object(thing: Thing, range: TextRange, scope: &Scope) -> Value {
    Value::Object(Rc::new(Object::new(
        thing,
        scope.path().to_path_buf(),
        scope.line(range),
    )))
}

/// What `module.name` means, for Feast's own modules.
pub(super) fn attribute(module: &str, name: &str) -> Value {
    let last = module.rsplit('.').next().unwrap_or(module);
    let of_name = || CLASSES.iter().filter(|class| class.name == name);
    let class = of_name()
        .find(|class| class.module == Some(last))
        .or_else(|| of_name().find(|class| class.module.is_none()));
    // Under `feast` itself, the decorators' names are their modules.
    let is_module = module == "feast" && name.starts_with(|character: char| character.is_ascii_lowercase());
    if is_module {
        return Value::Module(Rc::from(format!("feast.{name}")));
    }
    if let Some(class) = class {
        return Value::FeastClass(class);
    }
    if let Some(value_type) = types::by_name(name) {
        return Value::Type(value_type);
    }
    if let Some((name, _)) = ENUMERATIONS.iter().find(|(known, _)| *known == name) {
        return Value::FeastEnumeration(name);
    }
    if let Some(constant) = permissions::constant(name) {
        return constant;
    }
    if name.starts_with(|character: char| character.is_ascii_lowercase()) {
        return Value::Module(Rc::from(format!("{module}.{name}")));
    }
    Value::opaque(format!("{name} of the module {module}"))
}

/// What `from feast import *` binds.
pub(super) fn exported_names() -> impl Iterator<Item = (&'static str, Value)> {
    let classes = CLASSES
        .iter()
        .filter(|class| class.module.is_none() && !class.is_decorator);
    let classes = classes.map(|class| (class.name, Value::FeastClass(class)));
    let types = types::NAMES
        .into_iter()
        .filter_map(|name| Some((name, Value::Type(types::by_name(name)?))));
    let enumerations = ENUMERATIONS
        .iter()
        .map(|(name, _)| (*name, Value::FeastEnumeration(name)));
    let constants = permissions::CONSTANTS
        .into_iter()
        .filter_map(|name| Some((name, permissions::constant(name)?)));
    classes.chain(types).chain(enumerations).chain(constants)
}

/// Enumerations whose members have texts for values.
const ENUMERATIONS: &[(&str, &[(&str, &str)])] = &[
    ("ValueType", &[]),
    (
        "TransformationMode",
        &[
            ("PYTHON", "python"),
            ("PANDAS", "pandas"),
            ("SPARK_SQL", "spark_sql"),
            ("SPARK", "spark"),
            ("FLINK", "flink"),
            ("RAY", "ray"),
            ("SQL", "sql"),
            ("TRINO_SQL", "trino_sql"),
            ("SUBSTRAIT", "substrait"),
        ],
    ),
    (
        "ConflictPolicy",
        &[
            ("LAST_WRITE_WINS", "last_write_wins"),
            ("LABELER_PRIORITY", "labeler_priority"),
            ("MAJORITY_VOTE", "majority_vote"),
        ],
    ),
    (
        "AuthzedAction",
        &[
            ("CREATE", "create"),
            ("DESCRIBE", "describe"),
            ("UPDATE", "update"),
            ("DELETE", "delete"),
            ("READ_ONLINE", "read_online"),
            ("READ_OFFLINE", "read_offline"),
            ("WRITE_ONLINE", "write_online"),
            ("WRITE_OFFLINE", "write_offline"),
        ],
    ),
    (
        "PushMode",
        &[("ONLINE", "1"), ("OFFLINE", "2"), ("ONLINE_AND_OFFLINE", "3")],
    ),
    (
        "FeatureViewState",
        &[
            ("STATE_UNSPECIFIED", "0"),
            ("CREATED", "1"),
            ("GENERATED", "2"),
            ("MATERIALIZING", "3"),
            ("AVAILABLE_ONLINE", "4"),
        ],
    ),
];

/// A value type as the member of `ValueType`.
pub(super) fn value_type_as_member(value_type: Option<&feast_model::ValueType>) -> Option<Value> {
    match value_type {
        None => member("ValueType", "UNKNOWN"),
        Some(value_type) => member("ValueType", &value_type.feast_name()),
    }
}

/// The member of one of Feast's enumerations that has a value.
pub(super) fn member_of_value(enumeration: &str, value: &Value) -> Option<Value> {
    let (_, members) = ENUMERATIONS.iter().find(|(known, _)| *known == enumeration)?;
    let value = value.to_text()?;
    let (name, _) = members.iter().find(|(_, known)| *known == value)?;
    member(enumeration, name)
}

/// A member of one of Feast's enumerations.
pub(super) fn member(enumeration: &str, name: &str) -> Option<Value> {
    let value = if enumeration == "ValueType" {
        match name {
            "UNKNOWN" => Value::None,
            _ => Value::Type(feast_model::ValueType::by_feast_name(name)?),
        }
    } else {
        let (_, members) = ENUMERATIONS.iter().find(|(known, _)| *known == enumeration)?;
        let (_, value) = members.iter().find(|(known, _)| *known == name)?;
        Value::text(value)
    };
    Some(Value::Member(Rc::new(Member {
        enumeration: enumeration.to_owned(),
        name: name.to_owned(),
        value,
        kind: Members::Plain,
        class: None,
    })))
}
