//! Feast's enumerations and their members.

use std::rc::Rc;

use feast_model::ValueType;

use crate::value::{EnumKind, EnumMember, Value};

/// Enumerations whose members have strings for values.
pub(super) const ENUMERATIONS: &[(&str, &[(&str, &str)])] = &[
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
pub(super) fn value_type_member(value_type: Option<&ValueType>) -> Option<Value> {
    match value_type {
        None => member("ValueType", "UNKNOWN"),
        Some(value_type) => member("ValueType", &value_type.feast_name()),
    }
}

/// The member of one of Feast's enumerations that has a value.
pub(crate) fn member_of_value(enumeration: &str, value: &Value) -> Option<Value> {
    let (_, members) = ENUMERATIONS.iter().find(|(known, _)| *known == enumeration)?;
    let value = value.to_str()?;
    let (name, _) = members.iter().find(|(_, known)| *known == value)?;
    member(enumeration, name)
}

/// A member of one of Feast's enumerations.
pub(crate) fn member(enumeration: &str, name: &str) -> Option<Value> {
    let value = if enumeration == "ValueType" {
        match name {
            "UNKNOWN" => Value::None,
            _ => Value::Type(ValueType::by_feast_name(name)?),
        }
    } else {
        let (_, members) = ENUMERATIONS.iter().find(|(known, _)| *known == enumeration)?;
        let (_, value) = members.iter().find(|(known, _)| *known == name)?;
        Value::str(value)
    };
    Some(Value::EnumMember(Rc::new(EnumMember {
        enumeration: enumeration.to_owned(),
        name: name.to_owned(),
        value,
        kind: EnumKind::Plain,
        class: None,
    })))
}
