//! Value types by the registry's numbers (`feast.types.ValueType.Enum`) and in the text notation of its reserved tags.

use feast_model::{StructField, ValueType};
use feast_python_notation::python_json;

/// Tag that holds the fields of a struct, as JSON: the number alone does not say them.
pub(super) const STRUCT_SCHEMA_TAG: &str = "feast:struct_schema";
/// Tag that holds the whole type of a nested collection.
pub(super) const NESTED_TYPE_TAG: &str = "feast:nested_inner_type";

const VALUE_LIST: i32 = 42;
const VALUE_SET: i32 = 43;
const STRUCT: i32 = 34;
const STRUCT_LIST: i32 = 35;

/// Number and name of each simple type, and the numbers of its list and set forms where Feast has them.
struct Simple {
    value_type: ValueType,
    name: &'static str,
    number: i32,
    list: Option<i32>,
    set: Option<i32>,
}

const fn simple(value_type: ValueType, name: &'static str, numbers: (i32, Option<i32>, Option<i32>)) -> Simple {
    Simple {
        value_type,
        name,
        number: numbers.0,
        list: numbers.1,
        set: numbers.2,
    }
}

const SIMPLE_TYPES: &[Simple] = &[
    simple(ValueType::Bytes, "BYTES", (1, Some(11), Some(22))),
    simple(ValueType::String, "STRING", (2, Some(12), Some(23))),
    simple(ValueType::Int32, "INT32", (3, Some(13), Some(24))),
    simple(ValueType::Int64, "INT64", (4, Some(14), Some(25))),
    simple(ValueType::Float64, "FLOAT64", (5, Some(15), Some(26))),
    simple(ValueType::Float32, "FLOAT32", (6, Some(16), Some(27))),
    simple(ValueType::Bool, "BOOL", (7, Some(17), Some(28))),
    simple(ValueType::UnixTimestamp, "UNIX_TIMESTAMP", (8, Some(18), Some(29))),
    simple(ValueType::Map, "MAP", (20, Some(21), None)),
    simple(ValueType::PdfBytes, "PDF_BYTES", (30, None, None)),
    simple(ValueType::ImageBytes, "IMAGE_BYTES", (31, None, None)),
    simple(ValueType::Json, "JSON", (32, Some(33), None)),
    simple(ValueType::Uuid, "UUID", (36, Some(38), Some(40))),
    simple(ValueType::TimeUuid, "TIME_UUID", (37, Some(39), Some(41))),
    simple(ValueType::Decimal, "DECIMAL", (44, Some(45), Some(46))),
    simple(ValueType::ScalarMap, "SCALAR_MAP", (47, None, None)),
    simple(ValueType::ZonedTimestamp, "ZONED_TIMESTAMP", (48, None, None)),
];

/// How a type is kept in a `FeatureSpecV2`: its number, and a reserved tag where the number does not say all.
pub(super) fn encode(value_type: &ValueType) -> (i32, Option<(&'static str, String)>) {
    let named = |value_type: &ValueType| SIMPLE_TYPES.iter().find(|simple| simple.value_type == *value_type);
    match value_type {
        ValueType::Struct(fields) => (STRUCT, Some((STRUCT_SCHEMA_TAG, struct_schema(fields)))),
        ValueType::Array(element) => match &**element {
            ValueType::Struct(fields) => (STRUCT_LIST, Some((STRUCT_SCHEMA_TAG, struct_schema(fields)))),
            element => match named(element).and_then(|simple| simple.list) {
                Some(number) => (number, None),
                None => (VALUE_LIST, Some((NESTED_TYPE_TAG, notation(value_type)))),
            },
        },
        ValueType::Set(element) => match named(element).and_then(|simple| simple.set) {
            Some(number) => (number, None),
            None => (VALUE_SET, Some((NESTED_TYPE_TAG, notation(value_type)))),
        },
        simple => (named(simple).map_or(0, |simple| simple.number), None),
    }
}

/// The type of a number and the reserved tags; `None` when Feast has no such type.
pub(super) fn decode(number: i32, tag: impl Fn(&str) -> Option<String>) -> Option<ValueType> {
    let structure = || {
        let schema = tag(STRUCT_SCHEMA_TAG).unwrap_or_default();
        ValueType::Struct(parse_struct_schema(&schema).unwrap_or_default())
    };
    match number {
        STRUCT => return Some(structure()),
        STRUCT_LIST => return Some(ValueType::Array(Box::new(structure()))),
        VALUE_LIST | VALUE_SET => return parse_notation(&tag(NESTED_TYPE_TAG)?),
        _ => {}
    }
    SIMPLE_TYPES.iter().find_map(|simple| {
        let boxed = || Box::new(simple.value_type.clone());
        match number {
            _ if simple.number == number => Some(simple.value_type.clone()),
            _ if simple.list == Some(number) => Some(ValueType::Array(boxed())),
            _ if simple.set == Some(number) => Some(ValueType::Set(boxed())),
            _ => None,
        }
    })
}

/// `Array(Array(INT64))`.
fn notation(value_type: &ValueType) -> String {
    match value_type {
        ValueType::Array(element) => format!("Array({})", notation(element)),
        ValueType::Set(element) => format!("Set({})", notation(element)),
        ValueType::Struct(fields) => format!("{{\"__struct__\": {}}}", struct_schema(fields)),
        simple => SIMPLE_TYPES
            .iter()
            .find(|known| known.value_type == *simple)
            .map_or("INVALID", |known| known.name)
            .to_owned(),
    }
}

fn parse_notation(notation: &str) -> Option<ValueType> {
    let inner = |prefix: &str| notation.strip_prefix(prefix)?.strip_suffix(')');
    if let Some(element) = inner("Array(") {
        return Some(ValueType::Array(Box::new(parse_notation(element)?)));
    }
    if let Some(element) = inner("Set(") {
        return Some(ValueType::Set(Box::new(parse_notation(element)?)));
    }
    if notation.starts_with('{') {
        let outer: serde_json::Value = serde_json::from_str(notation).ok()?;
        return Some(ValueType::Struct(parse_struct_schema(
            &outer.get("__struct__")?.to_string(),
        )?));
    }
    SIMPLE_TYPES
        .iter()
        .find(|simple| simple.name == notation)
        .map(|simple| simple.value_type.clone())
}

fn struct_schema(fields: &[StructField]) -> String {
    let members = fields
        .iter()
        .map(|field| (field.name.clone(), notation(&field.value_type).into()));
    python_json(&serde_json::Value::Object(members.collect()))
}

fn parse_struct_schema(json: &str) -> Option<Vec<StructField>> {
    let schema: serde_json::Value = serde_json::from_str(json).ok()?;
    let members = schema.as_object()?.iter().map(|(name, notation)| {
        Some(StructField {
            name: name.clone(),
            value_type: parse_notation(notation.as_str()?)?,
        })
    });
    members.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(element: ValueType) -> ValueType {
        ValueType::Array(Box::new(element))
    }

    #[test]
    fn every_type_reads_back_from_its_number_and_tag() {
        let place = ValueType::Struct(vec![StructField {
            name: "street".to_owned(),
            value_type: ValueType::String,
        }]);
        let person = ValueType::Struct(vec![
            StructField {
                name: "home".to_owned(),
                value_type: place,
            },
            StructField {
                name: "name".to_owned(),
                value_type: ValueType::String,
            },
            StructField {
                name: "scores".to_owned(),
                value_type: array(ValueType::Float32),
            },
        ]);
        let mut types: Vec<ValueType> = SIMPLE_TYPES.iter().map(|simple| simple.value_type.clone()).collect();
        types.extend(types.clone().into_iter().map(array));
        types.extend([ValueType::Int64, ValueType::Uuid].map(|element| ValueType::Set(Box::new(element))));
        types.extend([
            person.clone(),
            array(person),
            array(array(ValueType::Int64)),
            ValueType::Set(Box::new(array(ValueType::Int64))),
        ]);
        for value_type in types {
            let (number, tag) = encode(&value_type);
            let lookup = |name: &str| {
                tag.as_ref()
                    .filter(|(tag, _)| *tag == name)
                    .map(|(_, notation)| notation.clone())
            };
            assert_eq!(decode(number, lookup).as_ref(), Some(&value_type), "{value_type}");
        }
    }

    #[test]
    fn tags_have_pythons_spacing() {
        let fields = vec![
            StructField {
                name: "name".to_owned(),
                value_type: ValueType::String,
            },
            StructField {
                name: "age".to_owned(),
                value_type: ValueType::Int64,
            },
        ];
        let expected = r#"{"name": "STRING", "age": "INT64"}"#;
        assert_eq!(
            encode(&ValueType::Struct(fields)),
            (34, Some((STRUCT_SCHEMA_TAG, expected.to_owned())))
        );
        let nested = array(array(ValueType::Float64));
        assert_eq!(
            encode(&nested),
            (42, Some((NESTED_TYPE_TAG, "Array(Array(FLOAT64))".to_owned())))
        );
    }
}
