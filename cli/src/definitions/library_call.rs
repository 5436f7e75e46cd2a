//! Functions of Python's library that call others, look into names or change things: those that need the evaluator.

use std::rc::Rc;

use ruff_text_size::TextRange;

use super::module::Evaluator;
use super::scope::Scope;
use super::value::{CallArguments, Value};
use super::{Evaluated, library};

impl Evaluator {
    /// `None` when the answer is not known.
    pub(super) fn call_library(
        &mut self,
        name: &'static str,
        arguments: CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        match (name, arguments.positional.as_slice(), arguments.named("key")) {
            ("sorted" | "min" | "max", [items], Some(key)) => {
                let Some(items) = items.items() else { return Ok(None) };
                let keys = self.call_for_each(key, &items, range, scope)?;
                scope.spend(range, items.len())?;
                Ok(library::by_keys(name, items, &keys, &arguments))
            }
            ("getattr", [object, Value::Text(attribute), default @ ..], None) => {
                match (self.attribute_of(object, attribute, range, scope), default.first()) {
                    (Err(error), Some(default)) if error.is_exception() => Ok(Some(default.clone())),
                    (outcome, _) => outcome.map(Some),
                }
            }
            ("hasattr", [object, Value::Text(attribute)], None) => {
                match self.attribute_of(object, attribute, range, scope) {
                    Ok(Value::Opaque(_) | Value::Method(..)) => Ok(None),
                    Ok(_) => Ok(Some(Value::Bool(true))),
                    Err(error) if error.is_exception() => Ok(Some(Value::Bool(false))),
                    Err(error) => Err(error),
                }
            }
            ("setattr", [object, Value::Text(attribute), value], None) => {
                self.set_attribute(object, attribute, value.clone(), range, scope)?;
                Ok(Some(Value::None))
            }
            ("exec" | "super" | "setattr" | "delattr", ..) => {
                let text = scope.text(range);
                Err(scope.limit(
                    range,
                    format!("what `{text}` does cannot be read without running Python"),
                ))
            }
            ("importlib.import_module", [Value::Text(module)], None) => self.imported_module(module, scope).map(Some),
            ("globals", [], None) => Ok(Some(Value::Globals)),
            ("locals" | "vars", [], None) if scope.is_module() => Ok(Some(Value::Globals)),
            ("dataclasses.field", [], None) => {
                let field = Value::Library("dataclasses.field");
                Ok(Some(Value::Partial(Rc::new((field, arguments)))))
            }
            ("functools.partial", [function, given @ ..], None) => {
                let given = CallArguments {
                    positional: given.to_vec(),
                    named: arguments.named.clone(),
                };
                Ok(Some(Value::Partial(Rc::new((function.clone(), given)))))
            }
            ("functools.reduce", [function, items, start @ ..], None) => {
                let Some(items) = items.items() else { return Ok(None) };
                let mut items = start.iter().cloned().chain(items);
                let mut total = items.next().unwrap_or(Value::None);
                for item in items {
                    let arguments = CallArguments::positional([total, item]);
                    total = self.call_value(function, arguments, range, scope)?;
                }
                Ok(Some(total))
            }
            ("map", [function, items], None) => {
                let Some(items) = items.items() else { return Ok(None) };
                self.call_for_each(function, &items, range, scope)
                    .map(|answers| Some(Value::list(answers)))
            }
            ("filter", [function, items], None) => {
                let Some(items) = items.items() else { return Ok(None) };
                let answers = self.call_for_each(function, &items, range, scope)?;
                let Some(kept) = answers.iter().map(Value::truth).collect::<Option<Vec<_>>>() else {
                    return Ok(None);
                };
                let items = items.into_iter().zip(kept);
                Ok(Some(Value::list(
                    items.filter_map(|(item, kept)| kept.then_some(item)).collect(),
                )))
            }
            _ => library::call(name, &arguments, range, scope),
        }
    }

    /// What a function gives for each item.
    fn call_for_each(
        &mut self,
        function: &Value,
        items: &[Value],
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Vec<Value>> {
        let call = |item: &Value| {
            let arguments = CallArguments::positional([item.clone()]);
            self.call_value(function, arguments, range, scope)
        };
        items.iter().map(call).collect()
    }
}
