//! What the callers of this crate learn when a function cannot be run, or fails.

use std::fmt;

/// Why a function is not run here. It is not wrong: Python may run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Line of the function's text, counted from 1.
    pub line: usize,
    /// The expression or statement that is not known, shortened.
    pub expression: String,
    /// What is not known about it.
    pub reason: String,
}

/// Why a run has given no columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The function raises an exception of this class, of which `str()` gives this text.
    Raised {
        /// Such as `ZeroDivisionError`.
        class: &'static str,
        /// What Feast answers.
        text: String,
    },
    /// What Python does with these values is not known here.
    NotKnown(Refusal),
    /// It has done more than a function may: which bound was met.
    Exhausted(&'static str),
    /// It has given something else than its schema says: what, naming the column.
    WrongOutput(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            expression,
            reason,
        } = self;
        write!(formatter, "line {line}, `{expression}`: {reason}")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised { text, .. } => formatter.write_str(text),
            Self::NotKnown(refusal) => refusal.fmt(formatter),
            Self::Exhausted(bound) => formatter.write_str(bound),
            Self::WrongOutput(problem) => formatter.write_str(problem),
        }
    }
}

impl std::error::Error for Refusal {}
impl std::error::Error for Failure {}
