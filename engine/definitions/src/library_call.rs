//! Functions of Python's library that call others, look into names or change things: those that need the evaluator.

use std::rc::Rc;

use ruff_python_ast::Operator;
use ruff_text_size::TextRange;

use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::{Hides, most, unknown_hiding};
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
        let Some(arguments) = taken_once(name, arguments) else {
            return Ok(None);
        };
        match (name, arguments.positional.as_slice(), arguments.named("key")) {
            (
                "isinstance" | "type" | "callable" | "str" | "next" | "iter" | "pow" | "divmod" | "getattr" | "hasattr",
                _,
                None,
            ) if arguments.named.is_empty() => self.call_plain(name, &arguments, range, scope),
            ("collections.namedtuple" | "typing.NamedTuple", _, None) => {
                self.named_tuple(name, &arguments, range, scope)
            }
            ("sorted" | "min" | "max", [items], Some(key)) => {
                let Some(items) = items.items() else { return Ok(None) };
                let keys = self.call_for_each(key, &items, range, scope)?;
                scope.spend(range, items.len())?;
                Ok(library::by_keys(name, items, &keys, &arguments))
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
            ("importlib.import_module", [Value::Text(module)], None) => self.imported_module(module).map(Some),
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
                    .map(|answers| Some(Value::iterator(answers)))
            }
            ("filter", [function, items], None) => {
                let Some(items) = items.items() else { return Ok(None) };
                let answers = self.call_for_each(function, &items, range, scope)?;
                let Some(kept) = answers.iter().map(Value::truth).collect::<Option<Vec<_>>>() else {
                    return Ok(None);
                };
                let items = items.into_iter().zip(kept);
                Ok(Some(Value::iterator(
                    items.filter_map(|(item, kept)| kept.then_some(item)).collect(),
                )))
            }
            _ => library::call(name, &arguments, range, scope),
        }
    }

    /// Functions that ask for kinds and texts of values, take from iterators or compute with operators.
    fn call_plain(
        &mut self,
        name: &'static str,
        arguments: &CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        match (name, arguments.positional.as_slice()) {
            ("isinstance", [value, class]) => Ok(library::is_instance(value, class).map(Value::Bool)),
            ("type", [value]) => Ok(library::type_of(value)),
            ("callable", [value]) => Ok(library::is_callable(value).map(Value::Bool)),
            ("str", [value]) if !matches!(value, Value::Opaque(_)) => {
                self.written(value, range, scope).map(|text| text.map(Value::text))
            }
            ("next", [Value::Iterator(items), default @ ..]) => {
                let next = items.borrow_mut().pop_front();
                let next = next.or_else(|| default.first().cloned());
                next.map(Some).ok_or_else(|| scope.raise(range, "StopIteration", ""))
            }
            ("iter", [iterated]) if !matches!(iterated, Value::Iterator(_)) && iterated.has_items() => {
                Ok(iterated.items().map(Value::iterator))
            }
            ("iter", [iterated @ Value::Iterator(_)]) => Ok(Some(iterated.clone())),
            ("next" | "iter", values) => Ok(Some(unknown_hiding(most(values).max(Hides::Perhaps), range, scope))),
            ("pow", [base, exponent]) => self.operate(Operator::Pow, base, exponent, range, scope).map(Some),
            ("divmod", [dividend, divisor]) => {
                let quotient = self.operate(Operator::FloorDiv, dividend, divisor, range, scope)?;
                let rest = self.operate(Operator::Mod, dividend, divisor, range, scope)?;
                Ok(Some(Value::tuple(vec![quotient, rest])))
            }
            ("getattr", [object, Value::Text(attribute), default @ ..]) => {
                match (self.attribute_of(object, attribute, range, scope), default.first()) {
                    (Err(error), Some(default)) if error.is_exception() => Ok(Some(default.clone())),
                    (outcome, _) => outcome.map(Some),
                }
            }
            ("hasattr", [object, Value::Text(attribute)]) => match self.attribute_of(object, attribute, range, scope) {
                Ok(Value::Opaque(_) | Value::Method(..)) => Ok(None),
                Ok(_) => Ok(Some(Value::Bool(true))),
                Err(error) if error.is_exception() => Ok(Some(Value::Bool(false))),
                Err(error) => Err(error),
            },
            _ => library::call(name, arguments, range, scope),
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

/// The arguments of a function that looks through them, with the items of iterators taken; `None` where one iterator stands
/// for two arguments, which take turns then.
fn taken_once(name: &str, arguments: CallArguments) -> Option<CallArguments> {
    const KEEP: [&str; 16] = [
        "next",
        "iter",
        "isinstance",
        "type",
        "callable",
        "getattr",
        "hasattr",
        "setattr",
        "print",
        "len",
        "bool",
        "str",
        "repr",
        "copy.copy",
        "copy.deepcopy",
        "functools.partial",
    ];
    if KEEP.contains(&name) {
        return Some(arguments);
    }
    let mut seen: Vec<Value> = Vec::new();
    let mut positional = Vec::with_capacity(arguments.positional.len());
    for value in arguments.positional {
        match &value {
            Value::Iterator(_) if seen.iter().any(|known| known.same(&value) == Some(true)) => return None,
            Value::Iterator(_) => {
                positional.push(Value::tuple(value.items().unwrap_or_default()));
                seen.push(value);
            }
            _ => positional.push(value),
        }
    }
    Some(CallArguments {
        positional,
        named: arguments.named,
    })
}
