//! Documents from JSON, with the members that Python infers from the same JSON.

use serde_json::{Map, Number, Value};

use super::decode::ITEMS;
use super::encode::Written;
use super::shape::{BOOL, BOOL_LIST, DOUBLE, DOUBLE_LIST, INT64, INT64_LIST, LIST, MAP, MAP_LIST, STRING, STRING_LIST};
use super::wire::{BYTES, FIXED64, VARINT, push_bytes, push_message, push_tag, push_varint, signed, varint_length};

const KEY: u32 = 1;
const VALUE: u32 = 2;

const TOO_DEEP: &str = "a document is nested more deeply than protobuf reads";

/// Appends the `feast.types.Map` of a JSON object. `depth` is the room for messages in it.
///
/// # Errors
/// What of it no Value can hold.
pub(super) fn push_document(json: &str, depth: u32, out: &mut Vec<u8>) -> Written {
    if has_integer_beyond_64_bits(json) {
        return Err("an integer in a document has more than 64 bits");
    }
    match serde_json::from_str(json) {
        Ok(Value::Object(members)) => push_map(&members, depth, out),
        _ => Err("a document is not a JSON object"),
    }
}

/// A parser would have rounded it.
fn has_integer_beyond_64_bits(json: &str) -> bool {
    let bytes = json.as_bytes();
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        match byte {
            b'"' => position = end_of_string(bytes, position + 1),
            b'-' | b'0'..=b'9' => {
                let rest = &json[position..];
                let is_other = |character: char| !matches!(character, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
                let number = &rest[..rest.find(is_other).unwrap_or(rest.len())];
                if is_integer_beyond_64_bits(number) {
                    return true;
                }
                position += number.len();
            }
            _ => position += 1,
        }
    }
    false
}

/// The position after the quote that ends a string, given one within it.
fn end_of_string(bytes: &[u8], mut position: usize) -> usize {
    loop {
        match bytes.get(position) {
            Some(b'\\') => position += 2,
            Some(b'"') | None => return position + 1,
            Some(_) => position += 1,
        }
    }
}

fn is_integer_beyond_64_bits(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.len() > 18 && digits.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<i64>().is_err()
}

fn deeper(depth: u32) -> Result<u32, &'static str> {
    depth.checked_sub(1).ok_or(TOO_DEEP)
}

fn push_map(members: &Map<String, Value>, depth: u32, out: &mut Vec<u8>) -> Written {
    members.iter().try_for_each(|(key, value)| {
        let depth = deeper(deeper(depth)?)?;
        push_message(ITEMS, out, |out| {
            push_bytes(KEY, key.as_bytes(), out);
            push_message(VALUE, out, |out| push_value(value, depth, out))
        })
    })
}

fn push_value(value: &Value, depth: u32, out: &mut Vec<u8>) -> Written {
    match value {
        Value::Null => {}
        Value::Bool(flag) => {
            push_tag(BOOL, VARINT, out);
            out.push(u8::from(*flag));
        }
        Value::Number(number) => match integer(number) {
            Some(integer) => {
                push_tag(INT64, VARINT, out);
                push_varint(signed(integer), out);
            }
            None => {
                push_tag(DOUBLE, FIXED64, out);
                out.extend_from_slice(&double(number).to_le_bytes());
            }
        },
        Value::String(string) => push_bytes(STRING, string.as_bytes(), out),
        Value::Array(items) => return push_array(items, deeper(depth)?, out),
        Value::Object(members) => {
            let depth = deeper(depth)?;
            return push_message(MAP, out, |out| push_map(members, depth, out));
        }
    }
    Ok(())
}

fn integer(number: &Number) -> Option<i64> {
    number.as_i64()
}

fn double(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN)
}

/// Items of one type are a list of that type. Python refuses all others, which are lists of values here.
fn push_array(items: &[Value], depth: u32, out: &mut Vec<u8>) -> Written {
    let integers = || {
        items
            .iter()
            .map(|item| integer(item.as_number()?))
            .collect::<Option<Vec<_>>>()
    };
    let doubles = || {
        let doubles = items
            .iter()
            .map(|item| item.as_number().filter(|number| number.is_f64()).map(double));
        doubles.collect::<Option<Vec<_>>>()
    };
    let flags = || items.iter().map(Value::as_bool).collect::<Option<Vec<_>>>();
    if items.is_empty() {
        push_bytes(LIST, &[], out);
    } else if items.iter().all(Value::is_string) {
        return push_message(STRING_LIST, out, |out| {
            let strings = items.iter().filter_map(Value::as_str);
            strings.for_each(|string| push_bytes(ITEMS, string.as_bytes(), out));
            Ok(())
        });
    } else if items.iter().all(Value::is_object) {
        let depth = deeper(depth)?;
        return push_message(MAP_LIST, out, |out| {
            let mut maps = items.iter().filter_map(Value::as_object);
            maps.try_for_each(|map| push_message(ITEMS, out, |out| push_map(map, depth, out)))
        });
    } else if let Some(flags) = flags() {
        push_varints(BOOL_LIST, &flags.into_iter().map(u64::from).collect::<Vec<_>>(), out);
    } else if let Some(integers) = integers() {
        push_varints(INT64_LIST, &integers.into_iter().map(signed).collect::<Vec<_>>(), out);
    } else if let Some(doubles) = doubles() {
        let bytes: Vec<u8> = doubles.into_iter().flat_map(f64::to_le_bytes).collect();
        return push_message(DOUBLE_LIST, out, |out| {
            push_bytes(ITEMS, &bytes, out);
            Ok(())
        });
    } else {
        let depth = deeper(depth)?;
        return push_message(LIST, out, |out| {
            let mut items = items.iter();
            items.try_for_each(|item| push_message(ITEMS, out, |out| push_value(item, depth, out)))
        });
    }
    Ok(())
}

fn push_varints(member: u32, values: &[u64], out: &mut Vec<u8>) {
    let length: usize = values.iter().map(|value| varint_length(*value)).sum();
    push_tag(member, BYTES, out);
    push_varint((1 + varint_length(length as u64) + length) as u64, out);
    push_tag(ITEMS, BYTES, out);
    push_varint(length as u64, out);
    values.iter().for_each(|value| push_varint(*value, out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beyond_64_bits_are_found_outside_of_strings() {
        for (json, expected) in [
            (r#"{"a": 9223372036854775807, "b": -9223372036854775808}"#, false),
            (r#"{"a": 9223372036854775808}"#, true),
            (r#"{"a": [1, -9223372036854775809]}"#, true),
            (r#"{"a": "9223372036854775808", "b\\": "\"9223372036854775808"}"#, false),
            (r#"{"a": "\\", "b": 9223372036854775808}"#, true),
            (r#"{"a": 9223372036854775808.0, "b": 1e300}"#, false),
            ("9223372036854775808", true),
            (r#"{"a": "é 9223372036854775808"#, false),
        ] {
            assert_eq!(has_integer_beyond_64_bits(json), expected, "{json}");
        }
    }
}
