//! `str()` and `repr()` of values.

use feast_engine::model::Timestamp;

use super::table;
use super::value::Value;

impl Value {
    /// `str(value)`; `None` when it is not known.
    pub(super) fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::None => "None".to_owned(),
            Self::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => float_text(*number),
            Self::Text(text) | Self::Path(text) => text.to_string(),
            Self::List(_) | Self::Tuple(_) | Self::Dict(_) | Self::Record(_) => return self.represented(),
            Self::Member(member) => return member.to_text(),
            Self::Type(value_type) => value_type.to_string(),
            Self::Dtype(name) if !table::is_time(name) => name.to_string(),
            Self::Duration(duration) => return duration.to_text(),
            Self::Moment(micros) if micros % 1_000_000 == 0 => {
                let text = Timestamp::from_micros(*micros).to_python();
                text.trim_end_matches("+00:00").to_owned()
            }
            _ => return None,
        })
    }

    /// `repr(value)`; `None` when it is not known.
    pub(super) fn represented(&self) -> Option<String> {
        let all = |items: &[Value]| {
            let items = items.iter().map(Self::represented).collect::<Option<Vec<_>>>()?;
            Some(items.join(", "))
        };
        match self {
            Self::Text(text) => Some(quoted(text)),
            Self::Path(path) => Some(format!("PosixPath({})", quoted(path))),
            Self::Duration(duration) => duration.represented(),
            Self::Moment(_) | Self::Dtype(_) => None,
            Self::List(items) => Some(format!("[{}]", all(&items.borrow())?)),
            Self::Tuple(items) if items.len() == 1 => Some(format!("({},)", all(items)?)),
            Self::Tuple(items) => Some(format!("({})", all(items)?)),
            Self::Record(record) => record.represented(),
            Self::Member(member) => member.represented(),
            // Versions of Python differ in how they write others.
            Self::Dict(members) if !members.is_plain() => None,
            Self::Dict(members) => {
                let members = members.borrow();
                let members = members
                    .iter()
                    .map(|(key, value)| Some(format!("{}: {}", key.represented()?, value.represented()?)));
                Some(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(", ")))
            }
            plain => plain.to_text(),
        }
    }
}

/// The shortest text that reads back as the number, in Python's form: an exponent below 0.0001 and from 1e16 on.
fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = number.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A text in Python's quotes: single ones, unless it holds some and no double ones.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut answer = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => answer.push_str("\\\\"),
            '\n' => answer.push_str("\\n"),
            '\r' => answer.push_str("\\r"),
            '\t' => answer.push_str("\\t"),
            _ if character == quote => answer.extend(['\\', quote]),
            _ => answer.push(character),
        }
    }
    answer.push(quote);
    answer
}
