//! `str()` and `repr()` of values.

use feast_model::Timestamp;
use feast_python_notation::{python_float, python_repr};

use super::table;
use super::value::Value;

impl Value {
    /// `str(value)`; `None` when it is not known.
    pub(super) fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::None => "None".to_owned(),
            Self::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => python_float(*number),
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
            Self::Text(text) => Some(python_repr(text)),
            Self::Path(path) => Some(format!("PosixPath({})", python_repr(path))),
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
