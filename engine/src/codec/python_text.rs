//! Values in the notation of Python, where Feast compares or prints it.

use serde_json::Value;

/// JSON as Python's `json.dumps` writes it: a space behind commas and colons, only ASCII. Feast compares such texts.
pub fn python_json(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
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

/// A number as Python's `str` writes it: shortest digits, an exponent below 1e-4 and from 1e16 on.
pub fn python_float<Float>(number: Float) -> String
where
    Float: Copy + Into<f64> + std::fmt::Display + std::fmt::LowerExp,
{
    let double: f64 = number.into();
    if double.is_nan() {
        return "nan".to_owned();
    }
    if double.is_infinite() {
        return if double > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) if !(-4..16).contains(&exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                format!("{digits}e{sign}{:02}", exponent.abs())
            }
            _ if double.fract() == 0.0 => format!("{number}.0"),
            _ => number.to_string(),
        },
        None => scientific,
    }
}

/// A list of names as Python prints it: `['a', 'b']`.
pub fn python_list<Name: std::fmt::Display>(names: impl IntoIterator<Item = Name>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

fn quoted(text: &str) -> String {
    let mut answer = String::new();
    for character in Value::from(text).to_string().chars() {
        if character.is_ascii() {
            answer.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                answer.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::{python_float, python_json};

    #[test]
    fn floats_are_written_as_python_does() {
        let texts = [
            0.1,
            1e-7,
            0.0001,
            1e16,
            123456789012345.0,
            -0.0,
            1.5e300,
            1e100,
            f64::INFINITY,
        ]
        .map(python_float);
        assert_eq!(
            texts,
            [
                "0.1",
                "1e-07",
                "0.0001",
                "1e+16",
                "123456789012345.0",
                "-0.0",
                "1.5e+300",
                "1e+100",
                "inf"
            ]
        );
        assert_eq!(python_float(0.1_f32), "0.1");
    }

    #[test]
    fn writes_what_python_writes() {
        let value = serde_json::json!({"a": [1, null, true], "größe": "\"\n😀"});
        assert_eq!(
            python_json(&value),
            r#"{"a": [1, null, true], "gr\u00f6\u00dfe": "\"\n\ud83d\ude00"}"#
        );
    }
}
