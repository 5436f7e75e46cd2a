//! What the evaluator does not know, and whether it could be an object that Feast registers.
//!
//! An object that is not seen would be deleted from the registry, or never get there. So an unknown value remembers whether it
//! can be one.

use ruff_text_size::TextRange;

use super::scope::Scope;
use super::value::Value;

/// A value that is not known.
pub(super) struct Unknown {
    /// What it depends on.
    pub(super) reason: String,
    pub(super) hides: Hides,
}

/// Whether a value is or holds an object that Feast registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hides {
    Nothing,
    /// It comes from code that is not part of the repository.
    Perhaps,
    /// Feast's own classes take part in making it.
    Object,
}

impl Value {
    /// See [`Hides`].
    pub(super) fn hides(&self) -> Hides {
        match self {
            Self::Opaque(unknown) => unknown.hides,
            Self::Object(object) if object.thing().is_registered() => Hides::Object,
            Self::List(items) | Self::Set(items) => most(items.borrow().iter()),
            Self::Tuple(items) => most(items.iter()),
            Self::View(view) => most(&view.items),
            Self::Record(record) => most(&record.values),
            Self::Iterator(items) => most(items.borrow().iter()),
            Self::Dict(members) => members
                .borrow()
                .iter()
                .map(|(_, value)| value.hides())
                .max()
                .unwrap_or(Hides::Nothing),
            _ => Hides::Nothing,
        }
    }
}

/// What any of the values hides.
pub(super) fn most<'a>(values: impl IntoIterator<Item = &'a Value>) -> Hides {
    values.into_iter().map(Value::hides).max().unwrap_or(Hides::Nothing)
}

/// An unknown value that names the expression it comes from.
pub(super) fn unknown(range: TextRange, scope: &Scope) -> Value {
    unknown_hiding(Hides::Nothing, range, scope)
}

/// As [`unknown`], of an expression that may give an object.
pub(super) fn unknown_hiding(hides: Hides, range: TextRange, scope: &Scope) -> Value {
    Value::opaque_hiding(format!("`{}`", scope.text(range)), hides)
}

/// The unknown value itself if it is one: its reason lies deeper. Else one that names the expression.
pub(super) fn reason_of(value: &Value, range: TextRange, scope: &Scope) -> Value {
    match value {
        Value::Opaque(_) => value.clone(),
        _ => unknown_hiding(value.hides(), range, scope),
    }
}
