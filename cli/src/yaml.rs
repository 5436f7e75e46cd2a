//! JSON values as block YAML, in the form that Feast prints: lists not indented, strings quoted only where they must be.

use serde_json::{Map, Value};

/// The document, with a line feed after each line.
pub(crate) fn to_yaml(document: &Value) -> String {
    let mut text = String::new();
    match document {
        Value::Object(members) if !members.is_empty() => write_members(members, 0, &mut text),
        Value::Array(items) if !items.is_empty() => write_items(items, 0, &mut text),
        scalar => text.push_str(&format!("{}\n", written(scalar))),
    }
    text
}

fn write_members(members: &Map<String, Value>, indent: usize, text: &mut String) {
    for (index, (name, value)) in members.iter().enumerate() {
        // The first member of a list's item follows its dash.
        let margin = if index == 0 && text.ends_with("- ") { 0 } else { indent };
        text.push_str(&format!("{:margin$}{}:", "", written(&Value::from(name.as_str()))));
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                write_members(inner, indent + 2, text);
            }
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                write_items(items, indent, text);
            }
            scalar => text.push_str(&format!(" {}\n", written(scalar))),
        }
    }
}

fn write_items(items: &[Value], indent: usize, text: &mut String) {
    for item in items {
        text.push_str(&format!("{:indent$}- ", ""));
        match item {
            Value::Object(members) if !members.is_empty() => write_members(members, indent + 2, text),
            Value::Array(inner) if !inner.is_empty() => {
                text.push('\n');
                write_items(inner, indent + 2, text);
            }
            scalar => text.push_str(&format!("{}\n", written(scalar))),
        }
    }
}

fn written(scalar: &Value) -> String {
    let Value::String(text) = scalar else {
        return scalar.to_string();
    };
    if text.chars().any(char::is_control) {
        // JSON's quotes and escapes mean the same in YAML.
        scalar.to_string()
    } else if is_plain(text) {
        text.clone()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Whether a string reads back as itself without quotes.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "", "~", "null", "true", "false", "yes", "no", "on", "off", ".nan", ".inf", "=",
    ];
    let first = text.chars().next().unwrap_or(' ');
    let looks_like_a_number = first.is_ascii_digit() || (matches!(first, '+' | '.') && text.len() > 1);
    let is_special = "-?:,[]{}#&*!|>'\"%@`".contains(first);
    !(WORDS.contains(&text.to_ascii_lowercase().as_str())
        || looks_like_a_number
            && text
                .chars()
                .all(|character| character.is_ascii_digit() || "+-.:eE_TZ ".contains(character))
        || is_special
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with(':')
        || text.trim() != text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_yaml;

    #[test]
    fn objects_lists_and_texts() {
        let document = json!({
            "spec": {"name": "a", "tags": {"k": "v", "empty": ""}, "features": [{"name": "f", "valueType": "INT64"}], "list": ["x", "1"]},
            "meta": {"created": "2026-11-22T07:05:44.046726Z", "count": 1, "flag": true, "none": {}},
            "text": "two\nlines", "odd": "a: b", "quote": "it's", "dash": "-x"
        });
        let expected = "\
spec:
  name: a
  tags:
    k: v
    empty: ''
  features:
  - name: f
    valueType: INT64
  list:
  - x
  - '1'
meta:
  created: '2026-11-22T07:05:44.046726Z'
  count: 1
  flag: true
  none: {}
text: \"two\\nlines\"
odd: 'a: b'
quote: it's
dash: '-x'
";
        assert_eq!(to_yaml(&document), expected);
    }
}
