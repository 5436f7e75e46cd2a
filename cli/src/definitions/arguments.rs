//! The arguments of a constructor: taken by name, with the type that Feast expects, and an error that names the file,
//! the line and the argument.

use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_text_size::TextRange;

use super::DefinitionError;
use super::module::Evaluated;
use super::value::{Object, Scope, Value};

/// Evaluated arguments of one call.
pub(super) struct Arguments<'a> {
    /// The class, for messages.
    class: &'static str,
    named: Vec<(String, Value)>,
    range: TextRange,
    scope: &'a Scope,
}

impl<'a> Arguments<'a> {
    /// For a class whose parameters are these, in the order in which positional arguments are read; a class that takes
    /// none by position has `positional` 0.
    pub(super) fn bind(
        class: &'static str,
        (parameters, positional_count): (&[&str], usize),
        (positional, named): (Vec<Value>, Vec<(String, Value)>),
        (range, scope): (TextRange, &'a Scope),
    ) -> Evaluated<Self> {
        if positional.len() > positional_count {
            let text = format!(
                "TypeError: {class}.__init__() takes {} positional argument{} but {} were given",
                positional_count + 1,
                if positional_count == 0 { "" } else { "s" },
                positional.len() + 1
            );
            return Err(scope.error(range, text));
        }
        if let Some((name, _)) = named.iter().find(|(name, _)| !parameters.contains(&name.as_str())) {
            return Err(scope.error(
                range,
                format!("TypeError: {class}.__init__() got an unexpected keyword argument '{name}'"),
            ));
        }
        let by_position = parameters.iter().map(|name| (*name).to_owned()).zip(positional);
        Ok(Self {
            class,
            named: by_position.chain(named).collect(),
            range,
            scope,
        })
    }

    /// An error at the call.
    pub(super) fn error(&self, message: impl Into<String>) -> DefinitionError {
        self.scope.error(self.range, message)
    }

    /// The value of an argument; `None` when it is not given. An opaque value is an error: it would be stored.
    pub(super) fn take(&mut self, name: &str) -> Evaluated<Option<Value>> {
        let Some(position) = self.named.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        let (_, value) = self.named.swap_remove(position);
        self.check_known(name, &value)?;
        Ok(Some(value))
    }

    fn check_known(&self, name: &str, value: &Value) -> Evaluated<()> {
        match value {
            Value::Opaque(reason) => Err(self.error(format!(
                "{name} of {} depends on {reason}, which cannot be read without running Python; write the value out, or let \
                 Python's `feast apply` write the registry and only serve with this binary",
                self.class
            ))),
            Value::List(items) | Value::Tuple(items) => items.iter().try_for_each(|item| self.check_known(name, item)),
            Value::Dict(members) => members.iter().try_for_each(|(_, member)| self.check_known(name, member)),
            _ => Ok(()),
        }
    }

    fn wrong_type(&self, name: &str, value: &Value, wanted: &str) -> DefinitionError {
        self.error(format!(
            "argument \"{name}\" ({}) of {} is not {wanted}",
            value.type_name(),
            self.class
        ))
    }

    pub(super) fn text(&mut self, name: &str) -> Evaluated<Option<String>> {
        match self.take(name)? {
            None | Some(Value::None) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.to_string())),
            Some(other) => Err(self.wrong_type(name, &other, "a str")),
        }
    }

    pub(super) fn text_or_empty(&mut self, name: &str) -> Evaluated<String> {
        Ok(self.text(name)?.unwrap_or_default())
    }

    pub(super) fn required_text(&mut self, name: &str) -> Evaluated<String> {
        match self.text(name)? {
            Some(text) => Ok(text),
            None => Err(self.error(format!(
                "TypeError: {}.__init__() missing the required argument '{name}'",
                self.class
            ))),
        }
    }

    pub(super) fn flag(&mut self, name: &str, default: bool) -> Evaluated<bool> {
        match self.take(name)? {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.wrong_type(name, &other, "a bool")),
        }
    }

    pub(super) fn integer(&mut self, name: &str) -> Evaluated<i64> {
        match self.take(name)? {
            None | Some(Value::None) => Ok(0),
            Some(Value::Integer(number)) => Ok(number),
            Some(other) => Err(self.wrong_type(name, &other, "an int")),
        }
    }

    pub(super) fn texts_by_name(&mut self, name: &str) -> Evaluated<BTreeMap<String, String>> {
        match self.take(name)? {
            None | Some(Value::None) => Ok(BTreeMap::new()),
            Some(Value::Dict(members)) => {
                let text = |value: &Value| match value {
                    Value::Text(text) => Ok(text.to_string()),
                    other => Err(self.wrong_type(name, other, "a dict of str to str")),
                };
                members
                    .iter()
                    .map(|(key, member)| Ok((text(key)?, text(member)?)))
                    .collect()
            }
            Some(other) => Err(self.wrong_type(name, &other, "a dict")),
        }
    }

    /// The items of a list argument, each of which `pick` must know.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        wanted: &str,
        pick: impl Fn(&Value) -> Option<T>,
    ) -> Evaluated<Option<Vec<T>>> {
        match self.take(name)? {
            None | Some(Value::None) => Ok(None),
            Some(Value::List(items)) => {
                let picked = items
                    .iter()
                    .map(|item| pick(item).ok_or_else(|| self.wrong_type(name, item, wanted)));
                picked.collect::<Result<_, _>>().map(Some)
            }
            Some(other) => Err(self.wrong_type(name, &other, "a list")),
        }
    }

    /// An argument that must be a Feast object.
    pub(super) fn object(&mut self, name: &str) -> Evaluated<Option<Rc<Object>>> {
        match self.take(name)? {
            None | Some(Value::None) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(self.wrong_type(name, &other, "an object of Feast")),
        }
    }
}
