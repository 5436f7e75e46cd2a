//! `str()` and `repr()` of values.

use feast_python_notation::{python_float, python_repr};

use super::data::Value;
use super::data_frame::is_time_dtype;
use super::date_time::DateTimeParts;

impl Value {
    /// `str(value)`; `None` when it is not known.
    pub(crate) fn to_str(&self) -> Option<String> {
        Some(match self {
            Self::None => "None".to_owned(),
            Self::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => python_float(*number),
            Self::Str(string) | Self::Path(string) => string.to_string(),
            Self::List(_) | Self::Tuple(_) | Self::Dict(_) | Self::NamedTuple(_) => return self.repr(),
            Self::EnumMember(member) => return member.to_str(),
            Self::Type(value_type) => value_type.to_string(),
            Self::Dtype(name) if !is_time_dtype(name) => name.to_string(),
            Self::TimeDelta(delta) => return delta.to_str(),
            Self::DateTime(micros) if micros % 1_000_000 == 0 => {
                let parts = DateTimeParts::from_micros(*micros)?;
                format!("{} {}", parts.date(), parts.time())
            }
            _ => return None,
        })
    }

    /// `repr(value)`; `None` when it is not known.
    pub(crate) fn repr(&self) -> Option<String> {
        let all = |items: &[Value]| {
            let items = items.iter().map(Self::repr).collect::<Option<Vec<_>>>()?;
            Some(items.join(", "))
        };
        match self {
            Self::Str(string) => Some(python_repr(string)),
            Self::Path(path) => Some(format!("PosixPath({})", python_repr(path))),
            Self::TimeDelta(delta) => delta.repr(),
            Self::DateTime(_) | Self::Dtype(_) => None,
            Self::List(items) => Some(format!("[{}]", all(&items.borrow())?)),
            Self::Tuple(items) if items.len() == 1 => Some(format!("({},)", all(items)?)),
            Self::Tuple(items) => Some(format!("({})", all(items)?)),
            Self::NamedTuple(tuple) => tuple.repr(),
            Self::EnumMember(member) => member.repr(),
            // Versions of Python differ in how they write others.
            Self::Dict(members) if !members.is_plain() => None,
            Self::Dict(members) => {
                let members = members.borrow();
                let members = members
                    .iter()
                    .map(|(key, value)| Some(format!("{}: {}", key.repr()?, value.repr()?)));
                Some(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(", ")))
            }
            plain => plain.to_str(),
        }
    }
}
