//! Exceptions and their classes.

use std::fmt;

/// Each class with the one it is made from.
const CLASSES: [(&str, &str); 19] = [
    ("ArithmeticError", "Exception"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("BaseException", ""),
    ("Exception", "BaseException"),
    ("FloatingPointError", "ArithmeticError"),
    ("IndexError", "LookupError"),
    ("JSONDecodeError", "ValueError"),
    ("KeyError", "LookupError"),
    ("LookupError", "Exception"),
    ("NameError", "Exception"),
    ("NotImplementedError", "RuntimeError"),
    ("OverflowError", "ArithmeticError"),
    ("RuntimeError", "Exception"),
    ("StopIteration", "Exception"),
    ("TypeError", "Exception"),
    ("UnboundLocalError", "NameError"),
    ("ValueError", "Exception"),
    ("ZeroDivisionError", "ArithmeticError"),
];

/// A class of exceptions, by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExceptionClass(usize);

/// An exception that is raised, or may be.
#[derive(Debug, Clone)]
pub(crate) struct Exception {
    pub(crate) class: ExceptionClass,
    /// What `str()` gives.
    pub(crate) text: String,
}

impl ExceptionClass {
    /// The class of that name. Asked for one that is not in the list it gives `Exception`, which is never wrong for a handler.
    pub(crate) fn of(name: &str) -> Self {
        Self::find(name).unwrap_or(Self(4))
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        CLASSES.iter().position(|(known, _)| *known == name).map(Self)
    }

    pub(crate) fn name(self) -> &'static str {
        CLASSES[self.0].0
    }

    /// Whether a handler of `other` catches it.
    pub(crate) fn is_a(self, other: Self) -> bool {
        self == other || Self::find(CLASSES[self.0].1).is_some_and(|base| base.is_a(other))
    }
}

impl Exception {
    pub(crate) fn new(class: ExceptionClass, text: String) -> Self {
        Self { class, text }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
