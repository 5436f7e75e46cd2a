//! Documents as JSON: what Feast answers of maps, structs and all that can be in them.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::CorruptValue;
use super::decode::{NULL_SECONDS, Scalar, check_utf8, deeper, each_item, each_number, member_of};
use super::shape::{Form, NULL, Number, form_of_member, is_list_of_values};
use super::wire::{Fields, Payload};
use super::zone::push_zoned_time;

const KEY: u32 = 1;
const VALUE: u32 = 2;

const WRONG_FORM: CorruptValue = CorruptValue::Damaged("a field of a document has the wrong form");

/// Appends a `feast.types.Map` as a JSON object, its members in the order in which they lie there. `depth` is the room for messages
/// in it.
pub(super) fn push_map_json(message: &[u8], depth: u32, out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    let mut keys = Vec::new();
    push_separated(b"{}", message, out, |entry, out| {
        let (key, value) = entry_of(entry)?;
        push_json_string(key, out)?;
        keys.push(key);
        out.push(b':');
        push_value_json(value, deeper(deeper(depth)?)?, out)
    })?;
    refuse_duplicates(keys)
}

/// Python never writes a key twice, and of two members only one could be answered.
fn refuse_duplicates(mut keys: Vec<&[u8]>) -> Result<(), CorruptValue> {
    keys.sort_unstable();
    match keys.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err(CorruptValue::Damaged("a document has the same key twice")),
        false => Ok(()),
    }
}

/// The key and the value of a map's entry, which are empty if they are not there.
fn entry_of(entry: &[u8]) -> Result<(&[u8], &[u8]), CorruptValue> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    let mut fields = Fields(entry);
    while let Some(field) = fields.next()? {
        match field {
            (KEY, Payload::Bytes(bytes)) => key = bytes,
            (VALUE, Payload::Bytes(bytes)) => value = bytes,
            _ => return Err(WRONG_FORM),
        }
    }
    Ok((key, value))
}

/// Appends a `feast.types.ScalarMap` as a JSON object. The keys are what Python's `json.dumps` makes of them.
pub(super) fn push_scalar_map_json(message: &[u8], depth: u32, out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    push_separated(b"{}", message, out, |entry, out| {
        let (key, value) = entry_of(entry)?;
        push_key(key, out)?;
        out.push(b':');
        push_value_json(value, deeper(deeper(depth)?)?, out)
    })
}

fn push_key(key: &[u8], out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    let Some((member, payload)) = member_of(key)? else {
        out.extend_from_slice(b"\"null\"");
        return Ok(());
    };
    let stored = match member {
        1 => Number::Int32,
        2 => Number::Int64,
        3 => Number::Float32,
        4 => Number::Float64,
        5 => Number::Bool,
        6 => Number::Seconds,
        7..=10 => {
            return match (member, payload) {
                (7, Payload::Bytes(bytes)) => push_base64(bytes, out),
                (_, Payload::Bytes(bytes)) => push_json_string(bytes, out),
                _ => Err(WRONG_FORM),
            };
        }
        other => return Err(CorruptValue::UnknownMember(other)),
    };
    let start = out.len();
    push_scalar(Scalar::of(stored, payload)?, out);
    // Not-a-number and infinities are strings already.
    if out.get(start) != Some(&b'"') {
        out.insert(start, b'"');
        out.push(b'"');
    }
    Ok(())
}

fn push_value_json(bytes: &[u8], depth: u32, out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    let Some((member, payload)) = member_of(bytes)? else {
        out.extend_from_slice(b"null");
        return Ok(());
    };
    let message = match (payload, form_of_member(member)) {
        _ if member == NULL => {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        (payload, Some(Form::Number(stored))) => {
            push_scalar(Scalar::of(stored, payload)?, out);
            return Ok(());
        }
        (Payload::Bytes(message), _) => message,
        _ => return Err(WRONG_FORM),
    };
    match form_of_member(member) {
        Some(Form::Bytes) => push_base64(message, out),
        Some(Form::String) => push_json_string(message, out),
        form => push_message_json(member, form, message, deeper(depth)?, out),
    }
}

/// Appends a member that is a message itself.
fn push_message_json(
    member: u32,
    form: Option<Form>,
    message: &[u8],
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<(), CorruptValue> {
    match form {
        Some(Form::Document) => push_map_json(message, depth, out),
        Some(Form::ScalarMap) => push_scalar_map_json(message, depth, out),
        Some(Form::ZonedTime) => push_zoned_time_json(message, out),
        Some(Form::Numbers(stored)) => push_numbers(stored, message, out),
        Some(Form::ListOfBytes) => push_separated(b"[]", message, out, push_base64),
        Some(Form::Strings) => push_separated(b"[]", message, out, push_json_string),
        Some(Form::Documents) => {
            let depth = deeper(depth)?;
            push_separated(b"[]", message, out, |map, out| push_map_json(map, depth, out))
        }
        _ if is_list_of_values(member) => {
            let depth = deeper(depth)?;
            push_separated(b"[]", message, out, |value, out| push_value_json(value, depth, out))
        }
        _ => Err(CorruptValue::UnknownMember(member)),
    }
}

fn push_separated<'a>(
    ends: &[u8; 2],
    message: &'a [u8],
    out: &mut Vec<u8>,
    mut push: impl FnMut(&'a [u8], &mut Vec<u8>) -> Result<(), CorruptValue>,
) -> Result<(), CorruptValue> {
    out.push(ends[0]);
    let first = out.len();
    each_item(message, |item| {
        if out.len() > first {
            out.push(b',');
        }
        push(item, out)
    })?;
    out.push(ends[1]);
    Ok(())
}

fn push_numbers(stored: Number, message: &[u8], out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    out.push(b'[');
    let first = out.len();
    each_number(stored, message, |scalar| {
        if out.len() > first {
            out.push(b',');
        }
        push_scalar(scalar, out);
        Ok(())
    })?;
    out.push(b']');
    Ok(())
}

/// Not-a-number and infinities are Feast's strings, as JSON has no such numbers; a null time is null.
fn push_scalar(scalar: Scalar, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = match scalar {
        Scalar::Bool(value) => write!(out, "{value}"),
        Scalar::Seconds(NULL_SECONDS) => write!(out, "null"),
        Scalar::Integer(value) | Scalar::Seconds(value) => write!(out, "{value}"),
        Scalar::Float(value) => write_float(value.into(), out),
        Scalar::Double(value) => write_float(value, out),
    };
}

fn write_float(value: f64, out: &mut Vec<u8>) -> std::io::Result<()> {
    match serde_json::Number::from_f64(value) {
        Some(number) => write!(out, "{number}"),
        None if value.is_nan() => out.write_all(b"\"NaN\""),
        None if value > 0.0 => out.write_all(b"\"Infinity\""),
        None => out.write_all(b"\"-Infinity\""),
    }
}

fn push_zoned_time_json(message: &[u8], out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    let start = out.len();
    out.push(b'"');
    if push_zoned_time(message, out)? {
        out.push(b'"');
    } else {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
    Ok(())
}

fn push_base64(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    out.push(b'"');
    out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
    Ok(())
}

fn push_json_string(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    let string = check_utf8(bytes)?;
    serde_json::to_writer(out, string).map_err(|_| CorruptValue::Damaged("a string cannot be written as JSON"))
}
