//! Registry objects as JSON in protobuf's own mapping: defaults left out, 64-bit integers and durations as text, times in
//! RFC 3339. This is what `describe` and `registry-dump` print and what differences are told by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use prost::DecodeError;
use serde_json::{Map, Value};

use super::schema::{Schema, Shape};
use super::wire::{WireField, WireValue, fields};

/// How field names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
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
/// When the bytes are no message of that schema.
pub(super) fn document(schema: &Schema, message: &[u8], names: Names) -> Result<Value, DecodeError> {
    object(schema, message, names, 0)
}

fn object(schema: &Schema, message: &[u8], names: Names, depth: usize) -> Result<Value, DecodeError> {
    let mut answer = Map::new();
    if depth >= MAX_DEPTH {
        return Ok(Value::Object(answer));
    }
    let present = fields(message)?;
    for field in schema.fields {
        let values: Vec<WireValue<'_>> = present
            .iter()
            .filter(|known| known.number == field.number)
            .map(|known| known.value)
            .collect();
        let Some(last) = values.last() else { continue };
        let value = match &field.shape {
            Shape::List(item) => list(item, &values, names, depth)?,
            Shape::Map(item) => map(item, &values, names, depth)?,
            Shape::Present(inner) => scalar(inner, *last, names, depth)?,
            shape => {
                let value = scalar(shape, *last, names, depth)?;
                if is_default(shape, *last) {
                    continue;
                }
                value
            }
        };
        let name = match names {
            Names::Proto => field.name.to_owned(),
            Names::Json => camel_case(field.name),
        };
        answer.insert(name, value);
    }
    Ok(Value::Object(answer))
}

fn list(item: &Shape, values: &[WireValue<'_>], names: Names, depth: usize) -> Result<Value, DecodeError> {
    let mut items = Vec::with_capacity(values.len());
    for value in values {
        match (item, value) {
            // Numbers of one list may be packed into one field.
            (Shape::Enumeration(_), WireValue::Bytes(packed)) => {
                let mut rest = *packed;
                while !rest.is_empty() {
                    let number = prost::encoding::decode_varint(&mut rest)?;
                    items.push(scalar(item, WireValue::Varint(number), names, depth)?);
                }
            }
            _ => items.push(scalar(item, *value, names, depth)?),
        }
    }
    Ok(Value::Array(items))
}

fn map(item: &Shape, entries: &[WireValue<'_>], names: Names, depth: usize) -> Result<Value, DecodeError> {
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
        let key = part(1).map_or_else(String::new, text);
        let value = scalar(item, part(2).unwrap_or(WireValue::Bytes(&[])), names, depth)?;
        members.insert(key, value);
    }
    members.sort_keys();
    Ok(Value::Object(members))
}

fn scalar(shape: &Shape, value: WireValue<'_>, names: Names, depth: usize) -> Result<Value, DecodeError> {
    let bytes = match value {
        WireValue::Bytes(bytes) => bytes,
        _ => &[],
    };
    Ok(match shape {
        Shape::Text => Value::from(text(value)),
        Shape::Bytes => Value::from(STANDARD.encode(bytes)),
        Shape::Boolean => Value::from(integer(value) != 0),
        Shape::Integer => Value::from(integer(value)),
        Shape::LongInteger => Value::from(integer(value).to_string()),
        Shape::Float => match value {
            WireValue::Fixed32(bytes) => shortest_float(f32::from_le_bytes(bytes)),
            _ => Value::Null,
        },
        Shape::Time => Value::from(time(bytes)?),
        Shape::Duration => Value::from(duration(bytes)?),
        Shape::Enumeration(known) => {
            let number = integer(value);
            let name = known.iter().find(|(known, _)| i64::from(*known) == number);
            name.map_or_else(|| Value::from(number), |(_, name)| Value::from(*name))
        }
        Shape::Message(schema) => object(schema, bytes, names, depth + 1)?,
        Shape::List(_) | Shape::Map(_) | Shape::Present(_) => Value::Null,
    })
}

/// Proto3 leaves scalars out that have their default value; messages have presence.
fn is_default(shape: &Shape, value: WireValue<'_>) -> bool {
    match (shape, value) {
        (Shape::Message(_) | Shape::Time | Shape::Duration, _) => false,
        (_, WireValue::Varint(number)) => number == 0,
        (_, WireValue::Bytes(bytes)) => bytes.is_empty(),
        (_, WireValue::Fixed32(bytes)) => bytes == [0; 4],
        (_, WireValue::Fixed64(bytes)) => bytes == [0; 8],
    }
}

fn text(value: WireValue<'_>) -> String {
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

/// `seconds` 1 and `nanos` 2, as in timestamps and durations.
fn seconds_and_nanos(message: &[u8]) -> Result<(i64, i64), DecodeError> {
    let parts = fields(message)?;
    let part = |number: u32| {
        parts
            .iter()
            .rfind(|part| part.number == number)
            .map_or(0, |part| integer(part.value))
    };
    Ok((part(1), part(2)))
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
    let mut answer = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut characters = part.chars();
        answer.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        answer.push_str(characters.as_str());
    }
    answer
}
