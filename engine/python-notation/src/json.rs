//! JSON as Python's `json.dumps` writes it.

use serde_json::Value;

/// JSON as Python's `json.dumps` writes it: a space after commas and colons, only ASCII. Feast compares such strings.
pub fn python_json(value: &Value) -> String {
    match value {
        Value::String(string) => quoted(string),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python_json).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, member)| format!("{}: {}", quoted(name), python_json(member)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

fn quoted(string: &str) -> String {
    let mut result = String::new();
    for character in Value::from(string).to_string().chars() {
        if character.is_ascii() {
            result.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                result.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::python_json;

    #[test]
    fn writes_what_python_writes() {
        let value = serde_json::json!({"a": [1, null, true], "größe": "\"\n😀"});
        assert_eq!(
            python_json(&value),
            r#"{"a": [1, null, true], "gr\u00f6\u00dfe": "\"\n\ud83d\ude00"}"#
        );
    }
}
