//! `json.dumps` with its defaults.

use feast_python_notation::python_float;

use super::Native;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// Values within values. The stack must hold them.
const MAX_DEPTH: usize = 50;

pub(super) static FUNCTIONS: &[Native] = &[Native::function("json.dumps", dumps)];

fn dumps(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["obj"])?;
    let mut text = String::new();
    write(&value, 0, &mut text)?;
    run.hold(text.len())?;
    Ok(Value::text(text))
}

fn write(value: &Value, depth: usize, text: &mut String) -> Outcome<()> {
    if depth > MAX_DEPTH {
        return Err(unknown("values so deep are not known here"));
    }
    match value {
        Value::None => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Float(number) if number.is_nan() => text.push_str("NaN"),
        Value::Float(number) if number.is_infinite() => {
            text.push_str(if *number < 0.0 { "-Infinity" } else { "Infinity" });
        }
        Value::Float(number) => text.push_str(&python_float(*number)),
        Value::Text(value) => write_text(value, text),
        Value::List(items) => write_items(&items.borrow(), depth, text)?,
        Value::Tuple(items) => write_items(items, depth, text)?,
        Value::Dict(dict) => {
            text.push('{');
            for (number, (key, value)) in dict.borrow().members().iter().enumerate() {
                let Value::Text(key) = key else {
                    return Err(unknown("this key in json.dumps() is not known here"));
                };
                if number > 0 {
                    text.push_str(", ");
                }
                write_text(key, text);
                text.push_str(": ");
                write(value, depth + 1, text)?;
            }
            text.push('}');
        }
        other => {
            return Err(unknown(format!(
                "json.dumps() of {} is not known here",
                other.type_name()
            )));
        }
    }
    Ok(())
}

fn write_items(items: &[Value], depth: usize, text: &mut String) -> Outcome<()> {
    text.push('[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        write(item, depth + 1, text)?;
    }
    text.push(']');
    Ok(())
}

/// In ASCII, with pairs of surrogates for what 16 bits do not hold.
fn write_text(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(character),
            _ => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.push('"');
}
