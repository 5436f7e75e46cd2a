//! `str()` and `repr()`.

use std::sync::LazyLock;

use feast_python_notation::{python_float, python_repr};
use regex::Regex;

use super::{Value, is_shallow};
use crate::stop::{Outcome, unknown};

impl Value {
    /// What `str()` gives.
    pub(crate) fn to_text(&self) -> Outcome<String> {
        match self {
            Self::Text(text) => Ok(text.to_string()),
            // numpy writes its numbers as Python does.
            Self::Scalar(value) => value.to_text(),
            Self::Exception(exception) => Ok(exception.text.clone()),
            Self::Time(micros) => crate::native::shown_time(*micros, true, ' '),
            Self::NaiveTime(micros) => crate::native::shown_time(*micros, false, ' '),
            other => other.to_repr(),
        }
    }

    /// What `repr()` gives.
    pub(crate) fn to_repr(&self) -> Outcome<String> {
        match is_shallow(self) {
            true => self.shallow_repr(),
            false => Err(unknown(
                "the text of values that are so deep or so large is not known here",
            )),
        }
    }

    fn shallow_repr(&self) -> Outcome<String> {
        Ok(match self {
            Self::None => "None".to_owned(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Big(number) => number.to_string(),
            Self::NoTime => "NaT".to_owned(),
            Self::Float(number) => python_float(*number),
            Self::Text(text) if !text.is_ascii() && !has_known_characters(text) => {
                return Err(unknown(
                    "whether all characters of a text are printable is not known here",
                ));
            }
            Self::Text(text) => python_repr(text),
            Self::List(items) => format!("[{}]", reprs(&items.borrow())?),
            Self::Tuple(items) if items.len() == 1 => format!("({},)", items[0].shallow_repr()?),
            Self::Tuple(items) => format!("({})", reprs(items)?),
            Self::Dict(dict) => {
                let dict = dict.borrow();
                let members = dict.members().iter();
                let members =
                    members.map(|(key, value)| Ok(format!("{}: {}", key.shallow_repr()?, value.shallow_repr()?)));
                format!("{{{}}}", members.collect::<Outcome<Vec<_>>>()?.join(", "))
            }
            Self::Set(items) if items.borrow().is_empty() => "set()".to_owned(),
            // The order of more members is not known.
            Self::Set(items) if items.borrow().len() == 1 => format!("{{{}}}", reprs(&items.borrow())?),
            other => return Err(unknown(format!("the text of {} is not known here", other.type_name()))),
        })
    }
}

/// Whether the Unicode of Python 3.11 has all characters of a text: it escapes those that it does not have, and later Pythons have more.
fn has_known_characters(text: &str) -> bool {
    static KNOWN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{age:14.0}*$").ok());
    KNOWN.as_ref().is_some_and(|known| known.is_match(text))
}

fn reprs(items: &[Value]) -> Outcome<String> {
    let items = items.iter().map(Value::shallow_repr);
    Ok(items.collect::<Outcome<Vec<_>>>()?.join(", "))
}
