//! Why a run ends before it has given a value.

use ruff_text_size::TextRange;

use crate::value::{Exception, ExceptionClass, Value};

pub(crate) type Outcome<T = Value> = Result<T, Stop>;

/// Boxed, as it is in the result of everything.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Python raises this, and the function may catch it.
    Raised(Box<Exception>),
    /// What Python does here is not known. Nothing catches it.
    Unknown(Box<Unknown>),
    /// The run has used up what it may.
    Exhausted(&'static str),
    /// What it has given is not what its schema says.
    WrongOutput(String),
}

#[derive(Debug)]
pub(crate) struct Unknown {
    pub(crate) reason: String,
    /// The innermost expression that it is about.
    pub(crate) range: Option<TextRange>,
}

impl Stop {
    /// Says where it is, if nobody has said it more exactly.
    pub(crate) fn at(mut self, range: TextRange) -> Self {
        if let Self::Unknown(unknown) = &mut self {
            unknown.range.get_or_insert(range);
        }
        self
    }
}

/// What Python raises.
pub(crate) fn raised(class: ExceptionClass, text: impl Into<String>) -> Stop {
    Stop::Raised(Box::new(Exception::new(class, text.into())))
}

pub(crate) fn type_error(text: impl Into<String>) -> Stop {
    raised(ExceptionClass::of("TypeError"), text)
}

pub(crate) fn value_error(text: impl Into<String>) -> Stop {
    raised(ExceptionClass::of("ValueError"), text)
}

pub(crate) fn attribute_error(type_name: &str, attribute: &str) -> Stop {
    raised(
        ExceptionClass::of("AttributeError"),
        format!("'{type_name}' object has no attribute '{attribute}'"),
    )
}

/// What is not known.
pub(crate) fn unknown(reason: impl Into<String>) -> Stop {
    Stop::Unknown(Box::new(Unknown {
        reason: reason.into(),
        range: None,
    }))
}
