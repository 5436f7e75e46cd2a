//! Settings that lie beside the definitions: `open`, `json` and `yaml`.

use std::path::Path;
use std::rc::Rc;

use super::paths::absolute;
use crate::context::Site;
use crate::error::Evaluated;
use crate::source::is_readable;
use crate::value::{CallArguments, Value};

/// `open`, `json.load`, `json.loads`, `yaml.safe_load`: settings that lie beside the definitions.
pub(super) fn call(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let first = arguments.positional.first();
    if name == "open" {
        let mode = arguments.positional.get(1).and_then(Value::as_str);
        let reads = mode.is_none_or(|mode| &*mode == "r" || &*mode == "rt");
        let path = first.and_then(Value::as_path).filter(|_| reads);
        return Ok(path.map(|path| Value::File(Rc::from(absolute(&path, site)))));
    }
    let text = match first {
        Some(Value::File(path)) => read_text(path, site)?,
        Some(Value::Str(text)) => text.to_string(),
        _ => return Ok(None),
    };
    if name.starts_with("yaml.") && reads_differently(&text) {
        return Ok(None);
    }
    let parsed = if name.starts_with("yaml.") {
        feast_config::parse_yaml(&text).map_err(|error| error.to_string())
    } else {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    };
    let exception = if name.starts_with("yaml.") {
        "YAMLError"
    } else {
        "JSONDecodeError"
    };
    let value = parsed.map_err(|message| site.raise(exception, message))?;
    site.use_fuel(text.len())?;
    from_json(&value, site).map(Some)
}

/// The text of a file.
pub(crate) fn read_text(path: &str, site: Site<'_>) -> Evaluated<String> {
    if is_readable(Path::new(path), site.session.budget.file_bytes).is_ok_and(|is_readable| !is_readable) {
        return Err(site.limit(format!("{path} is not a file that can be read for definitions")));
    }
    let text = std::fs::read_to_string(path).map_err(|source| {
        let exception = match source.kind() {
            std::io::ErrorKind::NotFound => "FileNotFoundError",
            _ => "OSError",
        };
        site.raise(exception, format!("{path}: {source}"))
    })?;
    // Bytes are read faster than characters are looked at.
    site.use_fuel(text.len() / 16)?;
    Ok(text)
}

/// Whether a document has plain values that Python's YAML 1.1 reads as something else than YAML 1.2 does: `yes`, `0123`,
/// `1:30`, `1_000`, `1e3`, `2024-01-01`, `<<`, tags.
fn reads_differently(text: &str) -> bool {
    const WORDS: [&str; 5] = ["yes", "no", "on", "off", "<<"];
    let is_delimiter = |character: char| character.is_whitespace() || ",[]{}".contains(character);
    text.split(is_delimiter).any(|word| {
        let word = word.trim_end_matches(':').trim_start_matches(['+', '-']);
        let is_decimal = |word: &str| {
            let plain = word == "0" || !word.starts_with('0') || word.starts_with("0.");
            plain && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        WORDS.contains(&word.to_ascii_lowercase().as_str())
            || word.starts_with(['!', '&', '*', '.'])
            || (word.starts_with(|first: char| first.is_ascii_digit()) && !is_decimal(word))
    })
}

fn from_json(value: &serde_json::Value, site: Site<'_>) -> Evaluated<Value> {
    Ok(match value {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Int(integer),
            (None, Some(float)) if number.is_f64() && float.abs() < 1e15 => Value::Float(float),
            (None, _) => Value::opaque("a number beyond 64 bits"),
        },
        serde_json::Value::String(text) => Value::str(text),
        serde_json::Value::Array(items) => {
            let items = items.iter().map(|item| from_json(item, site));
            Value::list(items.collect::<Evaluated<_>>()?)
        }
        serde_json::Value::Object(members) => {
            site.pay_for_distinct(members.len())?;
            let members = members
                .iter()
                .map(|(name, member)| Ok((Value::str(name), from_json(member, site)?)));
            Value::dict(members.collect::<Evaluated<_>>()?)
        }
    })
}
