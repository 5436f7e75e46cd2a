//! The text of a value where a class of a definition file may say it.

use std::rc::Rc;

use ruff_text_size::TextRange;

use super::Evaluated;
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::unknown;
use super::value::{CallArguments, Value};

impl Evaluator {
    /// What `__str__` of the value's class gives; `None` where there is no such method.
    pub(super) fn own_text(&mut self, value: &Value, range: TextRange, scope: &Rc<Scope>) -> Evaluated<Option<Value>> {
        let class = match value {
            Value::Class(instance) if instance.is_instance => Some(instance),
            Value::Member(member) => member.class.as_ref(),
            Value::Record(record) => Some(&record.class),
            _ => None,
        };
        let Some(class) = class else { return Ok(None) };
        if class.has_method(&["__format__"]) {
            return Ok(Some(unknown(range, scope)));
        }
        let Some(Value::Function(function)) = class.scope.own("__str__") else {
            return Ok(None);
        };
        let arguments = CallArguments::positional([value.clone()]);
        self.call_function(&function, arguments, range, scope).map(Some)
    }

    /// `str(value)`; `None` when it is not known.
    pub(super) fn written(&mut self, value: &Value, range: TextRange, scope: &Rc<Scope>) -> Evaluated<Option<String>> {
        Ok(match self.own_text(value, range, scope)? {
            Some(text) => text.as_text().map(|text| text.to_string()),
            None => value.to_text(),
        })
    }
}
