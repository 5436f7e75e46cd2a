//! Registry objects as JSON in protobuf's own mapping: defaults left out, 64-bit integers and durations as strings, times in
//! RFC 3339. This is what `describe` and `registry-dump` print and what differences are found by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use prost::DecodeError;
use serde_json::{Map, Value};

use super::descriptors::{FieldType, MessageDescriptor};
use super::protowire::{MAP_KEY, MAP_VALUE, NANOS, SECONDS, WireField, WireValue, fields};

/// How field names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldNaming {
    /// As in the `.proto` files: `feature_views`.
    Proto,
    /// As in protobuf's JSON: `featureViews`.
    Json,
}

/// Messages nested deeper than this are cut: no registry holds them, and a hostile file must not end the process.
const MAX_DEPTH: usize = 64;

/// A message as a JSON object, its fields by ascending number.
///
/// # Errors
/// When the bytes are not a message of that descriptor.
pub(crate) fn to_json(
    descriptor: &MessageDescriptor,
    message: &[u8],
    naming: FieldNaming,
) -> Result<Value, DecodeError> {
    object(descriptor, message, naming, 0)
}

fn object(
    descriptor: &MessageDescriptor,
    message: &[u8],
    naming: FieldNaming,
    depth: usize,
) -> Result<Value, DecodeError> {
    let mut members = Map::new();
    if depth >= MAX_DEPTH {
        return Ok(Value::Object(members));
    }
    let present = fields(message)?;
    for field in descriptor.fields {
        let values: Vec<WireValue<'_>> = present
            .iter()
            .filter(|known| known.number == field.number)
            .map(|known| known.value)
            .collect();
        let Some(last) = values.last() else { continue };
        let value = match &field.field_type {
            FieldType::List(item) => list(item, &values, naming, depth)?,
            FieldType::Map(item) => map(item, &values, naming, depth)?,
            FieldType::Present(inner) => scalar(inner, *last, naming, depth)?,
            field_type => {
                let value = scalar(field_type, *last, naming, depth)?;
                if is_default(field_type, *last) {
                    continue;
                }
                value
            }
        };
        let name = match naming {
            FieldNaming::Proto => field.name.to_owned(),
            FieldNaming::Json => camel_case(field.name),
        };
        members.insert(name, value);
    }
    Ok(Value::Object(members))
}

fn list(item: &FieldType, values: &[WireValue<'_>], naming: FieldNaming, depth: usize) -> Result<Value, DecodeError> {
    let mut items = Vec::with_capacity(values.len());
    for value in values {
        match (item, value) {
            // Numbers of one list may be packed into one field.
            (FieldType::Enum(_), WireValue::Bytes(packed)) => {
                let mut rest = *packed;
                while !rest.is_empty() {
                    let number = prost::encoding::decode_varint(&mut rest)?;
                    items.push(scalar(item, WireValue::Varint(number), naming, depth)?);
                }
            }
            _ => items.push(scalar(item, *value, naming, depth)?),
        }
    }
    Ok(Value::Array(items))
}

fn map(item: &FieldType, entries: &[WireValue<'_>], naming: FieldNaming, depth: usize) -> Result<Value, DecodeError> {
    let mut members = Map::new();
    for entry in entries {
        let WireValue::Bytes(entry) = entry else { continue };
        let parts = fields(entry)?;
        let part = |number: u32| {
            parts
                .iter()
                .rfind(|part| part.number == number)
                .map(|part: &WireField<'_>| part.value)
        };
        let key = part(MAP_KEY).map_or_else(String::new, string);
        let value = scalar(item, part(MAP_VALUE).unwrap_or(WireValue::Bytes(&[])), naming, depth)?;
        members.insert(key, value);
    }
    members.sort_keys();
    Ok(Value::Object(members))
}

fn scalar(
    field_type: &FieldType,
    value: WireValue<'_>,
    naming: FieldNaming,
    depth: usize,
) -> Result<Value, DecodeError> {
    let bytes = match value {
        WireValue::Bytes(bytes) => bytes,
        _ => &[],
    };
    Ok(match field_type {
        FieldType::String => Value::from(string(value)),
        FieldType::Bytes => Value::from(STANDARD.encode(bytes)),
        FieldType::Bool => Value::from(integer(value) != 0),
        FieldType::Int32 => Value::from(integer(value)),
        FieldType::Int64 => Value::from(integer(value).to_string()),
        FieldType::Float => match value {
            WireValue::Fixed32(bytes) => shortest_float(f32::from_le_bytes(bytes)),
            _ => Value::Null,
        },
        FieldType::Timestamp => Value::from(time(bytes)?),
        FieldType::Duration => Value::from(duration(bytes)?),
        FieldType::Enum(known) => {
            let number = integer(value);
            let name = known.iter().find(|(known, _)| i64::from(*known) == number);
            name.map_or_else(|| Value::from(number), |(_, name)| Value::from(*name))
        }
        FieldType::Message(descriptor) => object(descriptor, bytes, naming, depth + 1)?,
        FieldType::List(_) | FieldType::Map(_) | FieldType::Present(_) => Value::Null,
    })
}

/// Proto3 leaves scalars out that have their default value; messages have presence.
fn is_default(field_type: &FieldType, value: WireValue<'_>) -> bool {
    match (field_type, value) {
        (FieldType::Message(_) | FieldType::Timestamp | FieldType::Duration, _) => false,
        (_, WireValue::Varint(number)) => number == 0,
        (_, WireValue::Bytes(bytes)) => bytes.is_empty(),
        (_, WireValue::Fixed32(bytes)) => bytes == [0; 4],
        (_, WireValue::Fixed64(bytes)) => bytes == [0; 8],
    }
}

fn string(value: WireValue<'_>) -> String {
    match value {
        WireValue::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

fn integer(value: WireValue<'_>) -> i64 {
    match value {
        WireValue::Varint(number) => number.cast_signed(),
        _ => 0,
    }
}

/// The shortest decimal that gives the same single-precision number.
fn shortest_float(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// The parts of a timestamp or a duration.
fn seconds_and_nanos(message: &[u8]) -> Result<(i64, i64), DecodeError> {
    let parts = fields(message)?;
    let part = |number: u32| {
        parts
            .iter()
            .rfind(|part| part.number == number)
            .map_or(0, |part| integer(part.value))
    };
    Ok((part(SECONDS), part(NANOS)))
}

fn time(message: &[u8]) -> Result<String, DecodeError> {
    let (seconds, nanos) = seconds_and_nanos(message)?;
    let moment = DateTime::<Utc>::from_timestamp(seconds, u32::try_from(nanos).unwrap_or_default());
    Ok(moment.map_or_else(String::new, |moment| {
        moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }))
}

/// `86400s`, `0.250s`: as many digits as are needed, in threes.
fn duration(message: &[u8]) -> Result<String, DecodeError> {
    let (seconds, nanos) = seconds_and_nanos(message)?;
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (seconds.unsigned_abs(), nanos.unsigned_abs());
    Ok(if nanos == 0 {
        format!("{sign}{seconds}s")
    } else if nanos % 1_000_000 == 0 {
        format!("{sign}{seconds}.{:03}s", nanos / 1_000_000)
    } else if nanos % 1_000 == 0 {
        format!("{sign}{seconds}.{:06}s", nanos / 1_000)
    } else {
        format!("{sign}{seconds}.{nanos:09}s")
    })
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut characters = part.chars();
        camel.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(characters.as_str());
    }
    camel
}
