//! A place of a file where something is evaluated: errors name it, work is paid for there, and unknown values say it.

use std::rc::Rc;

use ruff_text_size::{Ranged, TextRange};

use super::Session;
use crate::error::{DefinitionError, Evaluated, Raised};
use crate::value::{Scope, Taint, Value, holds};

/// A place in a file, the names seen there, and the session.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) session: &'a Session,
    pub(crate) scope: &'a Rc<Scope>,
    pub(crate) range: TextRange,
}

impl<'a> Site<'a> {
    pub(crate) fn new(session: &'a Session, scope: &'a Rc<Scope>, place: impl Ranged) -> Self {
        Self {
            session,
            scope,
            range: place.range(),
        }
    }

    /// Another place of the same file.
    pub(crate) fn at(self, place: impl Ranged) -> Self {
        Self {
            range: place.range(),
            ..self
        }
    }

    /// Its line, counted from 1.
    pub(crate) fn line(self) -> usize {
        self.scope.file().line(self.range)
    }

    /// The source of the place, shortened for messages.
    pub(crate) fn text(self) -> String {
        self.scope.file().excerpt(self.range)
    }

    /// What cannot be read without Python.
    pub(crate) fn limit(self, message: impl Into<String>) -> DefinitionError {
        DefinitionError {
            file: self.scope.path().to_path_buf(),
            line: self.line(),
            message: message.into(),
            exception: None,
        }
    }

    /// What Python would raise.
    pub(crate) fn raise(self, exception: &str, message: impl AsRef<str>) -> DefinitionError {
        DefinitionError {
            exception: Some(exception.to_owned()),
            ..self.limit(format!("{exception}: {}", message.as_ref()))
        }
    }

    /// The value, or what Python raises, at this place.
    pub(crate) fn raised<T>(self, outcome: Result<T, Raised>) -> Evaluated<T> {
        outcome.map_err(|(exception, message)| self.raise(exception, message))
    }

    /// Pays for work.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) fn use_fuel(self, steps: usize) -> Evaluated<()> {
        if self.session.use_fuel(steps) {
            return Ok(());
        }
        Err(self.limit(
            "reading this takes too long: it does not end, or computes more than definitions need; a file that defines nothing \
             can be listed in .feastignore",
        ))
    }

    /// How many plain values a value holds, counted as far as it can be paid for. Were it counted to a fixed number, a larger value
    /// would cost no more than that, and could be doubled until the memory is full.
    pub(crate) fn size(self, value: &Value) -> usize {
        let payable = usize::try_from(self.session.fuel()).unwrap_or(usize::MAX / 2);
        value.size(payable.max(self.session.budget.value_size))
    }

    /// How long a string may become that is written from others: each of them may stand in it many times.
    pub(crate) fn max_text_bytes(self) -> usize {
        self.session.budget.value_size.saturating_mul(4)
    }

    /// Pays for looking through values.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) fn pay_for<'v>(self, values: impl IntoIterator<Item = &'v Value>) -> Evaluated<()> {
        // Each before the next is counted.
        values.into_iter().try_for_each(|value| self.use_fuel(self.size(value)))
    }

    /// Pays for making a set or dict of members, which are compared with each other.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) fn pay_for_distinct(self, count: usize) -> Evaluated<()> {
        self.use_fuel(count.saturating_mul(count) / 8)
    }

    /// Pays for adding members to a set or dict of `count`, with which each of them is compared.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) fn pay_for_added(self, count: usize, added: usize) -> Evaluated<()> {
        self.use_fuel(count.saturating_add(added).saturating_mul(added) / 8)
    }

    /// An unknown value that names the expression it comes from.
    pub(crate) fn unknown(self) -> Value {
        self.unknown_with(Taint::Clean)
    }

    /// As [`Site::unknown`], of an expression that may give an object.
    pub(crate) fn unknown_with(self, taint: Taint) -> Value {
        Value::opaque_with(format!("`{}`", self.text()), taint)
    }

    /// The unknown value itself if it is one: its reason lies deeper. Else one that names the expression.
    pub(crate) fn reason_of(self, value: &Value) -> Value {
        match value {
            Value::Opaque(_) => value.clone(),
            _ => self.unknown_with(value.taint()),
        }
    }

    /// Whether a container may be changed here. Changes under a condition that is not known would be lost or made up.
    ///
    /// # Errors
    /// When it may not.
    pub(crate) fn check_mutable(self, container: &Value) -> Evaluated<()> {
        if self.session.is_kept(container) {
            return Err(self.limit(format!(
                "changing this {} after it is given to an object of Feast cannot be read without running Python; change it \
                 before, or copy it",
                container.type_name()
            )));
        }
        if !self.session.is_conditional() {
            return Ok(());
        }
        Err(self.limit(format!(
            "whether this {} is changed depends on a condition that cannot be known without running Python",
            container.type_name()
        )))
    }

    /// Whether a value may be put into a container. A container in itself could not be looked through.
    ///
    /// # Errors
    /// When it may not, or is too large.
    pub(crate) fn check_acyclic(self, container: &Value, added: &Value) -> Evaluated<()> {
        let max_size = self.session.budget.value_size;
        let size = added.size(max_size);
        self.use_fuel(size)?;
        if size >= max_size {
            return Err(self.limit("this value is too large for a definition"));
        }
        if holds(added, container) {
            return Err(self.limit("a list or dict that holds itself cannot be read"));
        }
        Ok(())
    }
}
