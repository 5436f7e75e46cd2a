//! Values written into strings: format specs, `str.format` and `%`.

use super::data::{CallArguments, Value};

/// The greatest width that is written; a wider value is not known.
pub(crate) const MAX_WIDTH: usize = 1_000;
const MAX_PLACES: usize = 100;

/// `format(value, spec)` for the usual specs; `None` for the rest.
pub(crate) fn format_spec(value: &Value, spec: &str) -> Option<String> {
    if let Value::EnumMember(member) = value {
        let string = member.formatted()?;
        return if spec.is_empty() { Some(string) } else { None };
    }
    if spec.is_empty() {
        return value.to_str();
    }
    let (align, rest) = match spec.as_bytes() {
        [b'<' | b'>' | b'^', ..] => (spec.chars().next(), &spec[1..]),
        _ => (None, spec),
    };
    let (fill, rest) = match rest.strip_prefix('0') {
        Some(rest) if align.is_none() => ('0', rest),
        _ => (' ', rest),
    };
    let digits = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let width: usize = if digits == 0 { 0 } else { rest[..digits].parse().ok()? };
    if width > MAX_WIDTH {
        return None;
    }
    let (thousands, kind) = match rest[digits..].strip_prefix(',') {
        Some(kind) if !kind.is_empty() => (true, kind),
        _ => (false, &rest[digits..]),
    };
    let string = match (kind, value) {
        ("" | "d", Value::Int(number)) => number.to_string(),
        (",", Value::Int(number)) => grouped(&number.to_string()),
        ("" | "s", Value::Str(string)) if fill == ' ' => string.to_string(),
        (precision, Value::Float(_) | Value::Int(_)) => {
            let is_percent = precision.ends_with('%');
            let places: usize = precision.strip_prefix('.')?.strip_suffix(['f', '%'])?.parse().ok()?;
            if places > MAX_PLACES {
                return None;
            }
            let number = match value {
                Value::Float(number) => *number,
                Value::Int(number) => *number as f64,
                _ => return None,
            };
            if is_percent {
                format!("{:.places$}%", number * 100.0)
            } else {
                format!("{number:.places$}")
            }
        }
        _ => return None,
    };
    let string = if thousands { grouped(&string) } else { string };
    let padding = width.saturating_sub(string.chars().count());
    let is_str = matches!(value, Value::Str(_));
    Some(match align.unwrap_or(if is_str { '<' } else { '>' }) {
        '<' => string + &" ".repeat(padding),
        '^' => format!(
            "{}{string}{}",
            " ".repeat(padding / 2),
            " ".repeat(padding - padding / 2)
        ),
        _ if fill == '0' && string.starts_with('-') => format!("-{}{}", "0".repeat(padding), &string[1..]),
        _ => fill.to_string().repeat(padding) + &string,
    })
}

/// Commas between groups of three digits, before the point.
fn grouped(number: &str) -> String {
    let (sign, rest) = number.split_at(usize::from(number.starts_with('-')));
    let (digits, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut result = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            result.push(',');
        }
        result.push(digit);
    }
    result + fraction
}

/// `"{} {name}".format(...)` with plain fields; `None` for the rest, and where it would become longer than `max_bytes`.
pub(crate) fn brace_format(form: &str, arguments: &CallArguments, max_bytes: usize) -> Option<String> {
    let mut result = String::new();
    let mut rest = form;
    let mut next = 0;
    while let Some(position) = rest.find(['{', '}']) {
        result.push_str(&rest[..position]);
        let brace = &rest[position..];
        if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
            result.push_str(&brace[..1]);
            rest = after;
            continue;
        }
        let end = brace.find('}').filter(|end| *end > 0)?;
        let (field, spec) = brace[1..end].split_once(':').unwrap_or_else(|| (&brace[1..end], ""));
        let value = match (field, field.parse::<usize>()) {
            ("", _) => {
                next += 1;
                arguments.positional.get(next - 1)
            }
            (_, Ok(index)) => arguments.positional.get(index),
            (name, Err(_)) => arguments.named(name),
        };
        result.push_str(&format_spec(value?, spec)?);
        if result.len() > max_bytes {
            return None;
        }
        rest = &brace[end + 1..];
    }
    result.push_str(rest);
    Some(result)
}

/// `"%s_%d" % (...)` with plain fields; `None` for the rest, and where it would become longer than `max_bytes`.
pub(crate) fn percent_format(form: &str, arguments: &Value, max_bytes: usize) -> Option<String> {
    let mut values = match arguments {
        Value::Tuple(items) => items.to_vec(),
        other => vec![other.clone()],
    }
    .into_iter();
    let mut result = String::new();
    let mut characters = form.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            result.push(character);
            continue;
        }
        let kind = characters.next()?;
        if kind == '%' {
            result.push('%');
            continue;
        }
        match (kind, values.next()?) {
            ('s', value) => result.push_str(&value.to_str()?),
            ('d' | 'i', Value::Int(number)) => result.push_str(&number.to_string()),
            _ => return None,
        }
        if result.len() > max_bytes {
            return None;
        }
    }
    values.next().is_none().then_some(result)
}
