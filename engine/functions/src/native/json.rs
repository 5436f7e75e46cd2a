//! `json.dumps`.

use feast_python_notation::python_float;

use super::Native;
use crate::program::Text;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::{Value, is_shallow};

pub(super) static FUNCTIONS: &[Native] = &[Native::function("json.dumps", dumps)];

/// How it is written.
#[derive(Clone, Copy, Default)]
struct Style {
    sorts_keys: bool,
    keeps_characters: bool,
}

fn dumps(run: &mut Run, arguments: Arguments) -> Outcome {
    if arguments.positional.len() > 1 {
        return Err(unknown("json.dumps() with more than one value is not known here"));
    }
    let [value, sort_keys, ensure_ascii] = arguments.bind(["obj", "sort_keys", "ensure_ascii"])?;
    let value = value.ok_or_else(|| unknown("json.dumps() of nothing is not known here"))?;
    let flag = |argument: Option<Value>, default: bool| match argument {
        None => Ok(default),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(unknown("json.dumps() with such arguments is not known here")),
    };
    let style = Style {
        sorts_keys: flag(sort_keys, false)?,
        keeps_characters: !flag(ensure_ascii, true)?,
    };
    let text = text_of(&value, style)?;
    run.hold(text.len())?;
    Ok(Value::text(text))
}

/// What `json.dumps(value)` gives.
pub(crate) fn json_of(value: &Value) -> Outcome<String> {
    text_of(value, Style::default())
}

fn text_of(value: &Value, style: Style) -> Outcome<String> {
    if !is_shallow(value) {
        return Err(unknown("values so deep or so large are not known here"));
    }
    let mut text = String::new();
    write(value, style, &mut text)?;
    Ok(text)
}

fn write(value: &Value, style: Style, text: &mut String) -> Outcome<()> {
    match value {
        Value::None => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Float(number) if number.is_nan() => text.push_str("NaN"),
        Value::Float(number) if number.is_infinite() => {
            text.push_str(if *number < 0.0 { "-Infinity" } else { "Infinity" });
        }
        Value::Float(number) => text.push_str(&python_float(*number)),
        Value::Text(value) => write_text(value, style, text),
        Value::List(items) => write_items(&items.borrow(), style, text)?,
        Value::Tuple(items) => write_items(items, style, text)?,
        Value::Dict(dict) => {
            text.push('{');
            let dict = dict.borrow();
            let members = dict.members().iter().map(|(key, value)| match key {
                Value::Text(key) => Ok((key, value)),
                _ => Err(unknown("this key in json.dumps() is not known here")),
            });
            let mut members: Vec<(&Text, &Value)> = members.collect::<Outcome<_>>()?;
            if style.sorts_keys {
                // Code points have the order of their bytes.
                members.sort_by_key(|(key, _)| *key);
            }
            for (number, (key, value)) in members.into_iter().enumerate() {
                if number > 0 {
                    text.push_str(", ");
                }
                write_text(key, style, text);
                text.push_str(": ");
                write(value, style, text)?;
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

fn write_items(items: &[Value], style: Style, text: &mut String) -> Outcome<()> {
    text.push('[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        write(item, style, text)?;
    }
    text.push(']');
    Ok(())
}

/// In ASCII if need be, with pairs of surrogates for what 16 bits do not hold.
fn write_text(value: &str, style: Style, text: &mut String) {
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
            // Only control characters are always escaped.
            '\u{7f}'.. if style.keeps_characters => text.push(character),
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
