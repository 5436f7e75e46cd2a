//! `form % values`.

use super::format as formatted;
use crate::stop::{Outcome, type_error, unknown};
use crate::value::Value;

/// `form % values`.
///
/// # Errors
/// Python's where values and form do not fit; unknown for forms that are not written down here.
pub(crate) fn percent_format(form: &str, values: &Value) -> Outcome<String> {
    let all = match values {
        Value::Tuple(items) => items.to_vec(),
        Value::Dict(_) => return Err(unknown("`%` of a text and a dict is not known here")),
        other => vec![other.clone()],
    };
    let mut values = all.iter();
    let mut text = String::new();
    let mut parts = form.split('%');
    text.push_str(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        if part.is_empty() {
            // `%%`, or one at the end, which is an error.
            match parts.next() {
                Some(after) => text.extend(["%", after]),
                None => return Err(unknown("a `%` alone is not known here")),
            }
            continue;
        }
        let end = part.find(|character: char| character.is_ascii_alphabetic());
        let Some((flags, kind, after)) = end.and_then(|end| {
            let (flags, rest) = part.split_at(end);
            let kind = rest.chars().next()?;
            Some((flags, kind, rest.get(1..)?))
        }) else {
            return Err(unknown("this form is not known here"));
        };
        let value = values
            .next()
            .ok_or_else(|| type_error("not enough arguments for format string"))?;
        text.push_str(&one(value, flags, kind)?);
        text.push_str(after);
    }
    match values.next() {
        Some(_) => Err(type_error("not all arguments converted during string formatting")),
        None => Ok(text),
    }
}

/// One value, by the format specification that means the same.
fn one(value: &Value, flags: &str, kind: char) -> Outcome<String> {
    let is_plain = flags
        .chars()
        .all(|flag| flag.is_ascii_digit() || matches!(flag, '-' | '+' | '.'));
    let (sign, rest) = flags.split_at(flags.len() - flags.trim_start_matches('+').len());
    let (left, rest) = rest.split_at(rest.len() - rest.trim_start_matches('-').len());
    let is_known = is_plain && sign.len() < 2 && left.len() < 2 && !rest.contains(['+', '-']) && !flags.ends_with('.');
    if !is_known || (!left.is_empty() && rest.starts_with('0')) {
        return Err(unknown("this form is not known here"));
    }
    let align = if left.is_empty() { ">" } else { "<" };
    match kind {
        's' | 'r' if sign.is_empty() && !rest.starts_with('0') => {
            let text = if kind == 's' {
                value.to_text()?
            } else {
                value.to_repr()?
            };
            let specification = if rest.is_empty() {
                String::new()
            } else {
                format!("{align}{rest}")
            };
            formatted(&Value::text(text), &specification)
        }
        'd' | 'i' => {
            if flags.contains('.') {
                return Err(unknown("this form is not known here"));
            }
            let number = match value {
                Value::Float(number) => super::super::math::to_int(number.trunc())?,
                other => match other.as_int() {
                    Some(number) => Value::Int(number),
                    None => {
                        return Err(not_a_number(
                            value,
                            &format!("%{kind} format: a real number is required"),
                        ));
                    }
                },
            };
            formatted(&number, &numeric(align, sign, rest, 'd'))
        }
        'f' | 'e' | 'g' | 'F' | 'E' | 'G' => match value.as_float() {
            Some(number) => formatted(&Value::Float(number), &numeric(align, sign, rest, kind)),
            None => Err(not_a_number(value, "must be real number")),
        },
        _ => Err(unknown("this form is not known here")),
    }
}

/// Zeros come after the sign, blanks before it.
fn numeric(align: &str, sign: &str, rest: &str, kind: char) -> String {
    match rest.starts_with('0') {
        true => format!("{sign}{rest}{kind}"),
        false => format!("{align}{sign}{rest}{kind}"),
    }
}

fn not_a_number(value: &Value, text: &str) -> crate::stop::Stop {
    match value {
        Value::None | Value::Text(_) | Value::List(_) | Value::Dict(_) | Value::Set(_) | Value::Tuple(_) => {
            type_error(format!("{text}, not {}", value.type_name()))
        }
        _ => unknown("this value in a form is not known here"),
    }
}
