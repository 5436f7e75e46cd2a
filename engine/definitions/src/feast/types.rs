//! Feature types: `feast.types` and the members of `feast.ValueType`.

use feast_model::{StructField, ValueType};

use super::arguments::Arguments;
use crate::error::{DefinitionError, Evaluated};
use crate::value::Value;

/// The simple types of `feast.types`.
pub(super) const NAMES: [&str; 17] = [
    "Bytes",
    "PdfBytes",
    "ImageBytes",
    "String",
    "Bool",
    "Int32",
    "Int64",
    "Float32",
    "Float64",
    "UnixTimestamp",
    "Map",
    "Json",
    "Uuid",
    "TimeUuid",
    "Decimal",
    "ScalarMap",
    "ZonedTimestamp",
];

pub(super) fn by_name(name: &str) -> Option<ValueType> {
    Some(match name {
        "Bytes" => ValueType::Bytes,
        "PdfBytes" => ValueType::PdfBytes,
        "ImageBytes" => ValueType::ImageBytes,
        "String" => ValueType::String,
        "Bool" => ValueType::Bool,
        "Int32" => ValueType::Int32,
        "Int64" => ValueType::Int64,
        "Float32" => ValueType::Float32,
        "Float64" => ValueType::Float64,
        "UnixTimestamp" => ValueType::UnixTimestamp,
        "Map" => ValueType::Map,
        "Json" => ValueType::Json,
        "Uuid" => ValueType::Uuid,
        "TimeUuid" => ValueType::TimeUuid,
        "Decimal" => ValueType::Decimal,
        "ScalarMap" => ValueType::ScalarMap,
        "ZonedTimestamp" => ValueType::ZonedTimestamp,
        _ => return None,
    })
}

fn base_type(arguments: &mut Arguments<'_>, class: &str) -> Evaluated<ValueType> {
    match arguments.take("base_type")? {
        Some(Value::Type(base)) => Ok(base),
        Some(other) => Err(arguments.wrong_type("base_type", &other, "a feature type")),
        None => Err(arguments.raise(
            "TypeError",
            format!("{class}() missing 1 required argument: 'base_type'"),
        )),
    }
}

fn unsupported(arguments: &Arguments<'_>, base: &ValueType, class: &str) -> DefinitionError {
    arguments.raise(
        "ValueError",
        format!("Type {base} is currently not supported as a base type for {class}."),
    )
}

pub(super) fn array(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let base = base_type(&mut arguments, "Array")?;
    let refused = [
        ValueType::ScalarMap,
        ValueType::ZonedTimestamp,
        ValueType::PdfBytes,
        ValueType::ImageBytes,
    ];
    if refused.contains(&base) {
        return Err(unsupported(&arguments, &base, "Array"));
    }
    Ok(Value::Type(ValueType::Array(Box::new(base))))
}

pub(super) fn set(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let base = base_type(&mut arguments, "Set")?;
    let refused = [
        ValueType::Map,
        ValueType::Json,
        ValueType::ScalarMap,
        ValueType::ZonedTimestamp,
        ValueType::PdfBytes,
        ValueType::ImageBytes,
    ];
    if refused.contains(&base) || matches!(base, ValueType::Struct(_)) {
        return Err(unsupported(&arguments, &base, "Set"));
    }
    Ok(Value::Type(ValueType::Set(Box::new(base))))
}

pub(super) fn structure(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let given = arguments.take("fields")?;
    let Some(Value::Dict(members)) = &given else {
        return Err(arguments.raise("TypeError", "Struct needs a dict of field names to feature types"));
    };
    let members = members.borrow();
    let fields = members.iter().map(|member| match member {
        (Value::Str(name), Value::Type(value_type)) => Ok(StructField {
            name: name.to_string(),
            value_type: value_type.clone(),
        }),
        (_, other) => Err(arguments.wrong_type("fields", other, "a dict of field names to feature types")),
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    if fields.is_empty() {
        return Err(arguments.raise("ValueError", "Struct must have at least one field."));
    }
    Ok(Value::Type(ValueType::Struct(fields)))
}
