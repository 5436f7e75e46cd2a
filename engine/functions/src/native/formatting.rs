//! `format(value, spec)`, `str.format` and `%`.

mod number;
mod percent;
mod specification;

pub(crate) use percent::percent_format;

use specification::{Specification, padded};

use crate::stop::{Outcome, type_error, unknown, value_error};
use crate::value::Value;

/// A value by a format specification.
///
/// # Errors
/// Python's for a specification that the value does not take; unknown for those that are not written down here.
pub(crate) fn format(value: &Value, specification: &str) -> Outcome<String> {
    if specification.is_empty() {
        return value.to_text();
    }
    if let Value::Scalar(scalar) = value
        && !matches!(**scalar, Value::Bool(_))
    {
        return format(scalar, specification);
    }
    match value {
        Value::Text(text) => text_by(text, &Specification::parse(specification)?),
        Value::Float(number) => number::float_by(*number, &Specification::parse(specification)?),
        Value::Bool(_) if specification.ends_with(|kind: char| kind.is_ascii_alphabetic() && kind != 'd') => {
            Err(unknown("this format of a bool is not known here"))
        }
        Value::Int(_) | Value::Bool(_) => {
            number::int_by(value.as_int().unwrap_or(0), &Specification::parse(specification)?)
        }
        Value::None | Value::List(_) | Value::Dict(_) | Value::Tuple(_) | Value::Set(_) => Err(type_error(format!(
            "unsupported format string passed to {}.__format__",
            value.type_name()
        ))),
        Value::Time(micros) => super::datetime::strftime(*micros, true, specification),
        Value::NaiveTime(micros) => super::datetime::strftime(*micros, false, specification),
        _ => Err(unknown("this format is not known here")),
    }
}

fn text_by(text: &str, specification: &Specification) -> Outcome<String> {
    if specification.sign.is_some() || specification.grouping.is_some() || specification.is_alternate {
        return Err(unknown("this format of a text is not known here"));
    }
    match specification.kind {
        None | Some('s') => {}
        Some(kind) => {
            return Err(value_error(format!(
                "Unknown format code '{kind}' for object of type 'str'"
            )));
        }
    }
    if specification.has_zero || specification.align == Some('=') {
        return Err(unknown("this format of a text is not known here"));
    }
    let cut: String = match specification.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    padded("", &cut, specification, '<')
}

/// `form.format(*values)`.
///
/// # Errors
/// As [`format()`].
pub(crate) fn format_method(
    form: &str,
    positional: &[Value],
    named: &[(crate::program::Text, Value)],
) -> Outcome<String> {
    let (mut text, mut next, mut rest) = (String::new(), 0, form);
    while let Some(place) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(place);
        text.push_str(before);
        if from.starts_with("{{") || from.starts_with("}}") {
            text.push_str(&from[..1]);
            rest = &from[2..];
            continue;
        }
        let field = from.strip_prefix('{').and_then(|from| from.split_once('}'));
        let Some((field, after)) = field else {
            return Err(unknown("a form with a brace alone is not known here"));
        };
        rest = after;
        if field.contains(['{', '!', '[']) {
            return Err(unknown("this field of a form is not known here"));
        }
        let (name, specification) = field.split_once(':').unwrap_or((field, ""));
        let value = if name.is_empty() {
            next += 1;
            positional.get(next - 1)
        } else if name.bytes().all(|byte| byte.is_ascii_digit()) && next == 0 {
            name.parse::<usize>().ok().and_then(|number| positional.get(number))
        } else {
            named.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
        };
        let value = value.ok_or_else(|| unknown("this field of a form is not known here"))?;
        text.push_str(&format(value, specification)?);
    }
    text.push_str(rest);
    Ok(text)
}
