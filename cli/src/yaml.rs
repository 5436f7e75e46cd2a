//! JSON values as block YAML, in the form that Feast prints: lists not indented, strings quoted only where they must be.

use serde_json::{Map, Value};

/// The document, with a line feed after each line.
pub(crate) fn to_yaml(document: &Value) -> String {
    let mut out = String::new();
    match document {
        Value::Object(members) if !members.is_empty() => write_members(members, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write_items(items, 0, &mut out),
        scalar => out.push_str(&format!("{}\n", written(scalar))),
    }
    out
}

fn write_members(members: &Map<String, Value>, indent: usize, out: &mut String) {
    for (index, (name, value)) in members.iter().enumerate() {
        // The first member of a list's item follows its dash.
        let margin = if index == 0 && out.ends_with("- ") { 0 } else { indent };
        out.push_str(&format!("{:margin$}{}:", "", written(&Value::from(name.as_str()))));
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                write_members(inner, indent + 2, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                write_items(items, indent, out);
            }
            scalar => out.push_str(&format!(" {}\n", written(scalar))),
        }
    }
}

fn write_items(items: &[Value], indent: usize, out: &mut String) {
    for item in items {
        out.push_str(&format!("{:indent$}- ", ""));
        match item {
            Value::Object(members) if !members.is_empty() => write_members(members, indent + 2, out),
            Value::Array(inner) if !inner.is_empty() => {
                out.push('\n');
                write_items(inner, indent + 2, out);
            }
            scalar => out.push_str(&format!("{}\n", written(scalar))),
        }
    }
}

fn written(scalar: &Value) -> String {
    let Value::String(string) = scalar else {
        return scalar.to_string();
    };
    if string.chars().any(char::is_control) {
        // JSON's quotes and escapes mean the same in YAML.
        scalar.to_string()
    } else if is_plain(string) {
        string.clone()
    } else {
        format!("'{}'", string.replace('\'', "''"))
    }
}

/// Whether a string reads back as itself without quotes.
fn is_plain(string: &str) -> bool {
    const WORDS: [&str; 12] = [
        "", "~", "null", "true", "false", "yes", "no", "on", "off", ".nan", ".inf", "=",
    ];
    let first = string.chars().next().unwrap_or(' ');
    let looks_like_a_number = first.is_ascii_digit() || (matches!(first, '+' | '.') && string.len() > 1);
    let is_special = "-?:,[]{}#&*!|>'\"%@`".contains(first);
    !(WORDS.contains(&string.to_ascii_lowercase().as_str())
        || looks_like_a_number
            && string
                .chars()
                .all(|character| character.is_ascii_digit() || "+-.:eE_TZ ".contains(character))
        || is_special
        || string.contains(": ")
        || string.contains(" #")
        || string.ends_with(':')
        || string.trim() != string)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_yaml;

    #[test]
    fn objects_lists_and_strings() {
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
