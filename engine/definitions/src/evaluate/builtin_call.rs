//! Builtin functions that call other functions, look into names or change things: those that need the evaluator.

use std::rc::Rc;

use ruff_python_ast::Operator;

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, Taint, Value, max_taint};
use crate::{operators, stdlib};

impl Evaluator<'_> {
    /// `None` when the result is not known.
    pub(super) fn call_builtin(
        &mut self,
        name: &'static str,
        arguments: CallArguments,
        site: Site<'_>,
    ) -> Evaluated<Option<Value>> {
        let Some(arguments) = taken_once(name, arguments) else {
            return Ok(None);
        };
        match (name, arguments.positional.as_slice(), arguments.named("key")) {
            (
                "isinstance" | "type" | "callable" | "str" | "next" | "iter" | "pow" | "divmod" | "getattr" | "hasattr",
                _,
                None,
            ) if arguments.named.is_empty() => self.call_plain(name, &arguments, site),
            ("collections.namedtuple" | "typing.NamedTuple", _, None) => {
                stdlib::named_tuple_class(name, &arguments, site)
            }
            ("sorted" | "min" | "max", [items], Some(key)) => {
                let Some(items) = items.items() else { return Ok(None) };
                let keys = self.call_for_each(key, &items, site)?;
                site.use_fuel(items.len())?;
                Ok(stdlib::by_keys(name, items, &keys, &arguments))
            }
            ("setattr", [object, Value::Str(attribute), value], None) => {
                self.set_attribute(object, attribute, value.clone(), site)?;
                Ok(Some(Value::None))
            }
            ("exec" | "super" | "setattr" | "delattr", ..) => {
                let string = site.text();
                Err(site.limit(format!("what `{string}` does cannot be read without running Python")))
            }
            ("importlib.import_module", [Value::Str(module)], None) => self.imported_module(module).map(Some),
            ("globals", [], None) => Ok(Some(Value::Globals)),
            ("locals" | "vars", [], None) if site.scope.is_module() => Ok(Some(Value::Globals)),
            ("dataclasses.field", [], None) => {
                let field = Value::Builtin("dataclasses.field");
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
                    total = self.call_value(function, arguments, site)?;
                }
                Ok(Some(total))
            }
            ("map", [function, items], None) => {
                let Some(items) = items.items() else { return Ok(None) };
                self.call_for_each(function, &items, site)
                    .map(|results| Some(Value::iterator(results)))
            }
            ("filter", [function, items], None) => {
                let Some(items) = items.items() else { return Ok(None) };
                let results = self.call_for_each(function, &items, site)?;
                let Some(kept) = results.iter().map(Value::truth).collect::<Option<Vec<_>>>() else {
                    return Ok(None);
                };
                let items = items.into_iter().zip(kept);
                Ok(Some(Value::iterator(
                    items.filter_map(|(item, kept)| kept.then_some(item)).collect(),
                )))
            }
            _ => stdlib::call(name, &arguments, site),
        }
    }

    /// Functions that ask for the type or the string of a value, take from iterators or compute with operators.
    fn call_plain(
        &mut self,
        name: &'static str,
        arguments: &CallArguments,
        site: Site<'_>,
    ) -> Evaluated<Option<Value>> {
        match (name, arguments.positional.as_slice()) {
            ("isinstance", [value, class]) => Ok(stdlib::is_instance(value, class).map(Value::Bool)),
            ("type", [value]) => Ok(stdlib::type_of(value)),
            ("callable", [value]) => Ok(stdlib::is_callable(value).map(Value::Bool)),
            ("str", [value]) if !matches!(value, Value::Opaque(_)) => {
                self.str_of(value, site).map(|string| string.map(Value::str))
            }
            ("next", [Value::Iterator(items), default @ ..]) => {
                let next = items.borrow_mut().pop_front();
                let next = next.or_else(|| default.first().cloned());
                next.map(Some).ok_or_else(|| site.raise("StopIteration", ""))
            }
            ("iter", [iterated]) if !matches!(iterated, Value::Iterator(_)) && iterated.has_items() => {
                site.pay_for([iterated])?;
                Ok(iterated.items().map(Value::iterator))
            }
            ("iter", [iterated @ Value::Iterator(_)]) => Ok(Some(iterated.clone())),
            ("next" | "iter", values) => Ok(Some(site.unknown_with(max_taint(values).max(Taint::MaybeObject)))),
            ("pow", [base, exponent]) => operators::binary(Operator::Pow, base, exponent, site).map(Some),
            ("divmod", [dividend, divisor]) => {
                let quotient = operators::binary(Operator::FloorDiv, dividend, divisor, site)?;
                let rest = operators::binary(Operator::Mod, dividend, divisor, site)?;
                Ok(Some(Value::tuple(vec![quotient, rest])))
            }
            ("getattr", [object, Value::Str(attribute), default @ ..]) => {
                match (self.attribute_of(object, attribute, site), default.first()) {
                    (Err(error), Some(default)) if error.is_exception() => Ok(Some(default.clone())),
                    (outcome, _) => outcome.map(Some),
                }
            }
            ("hasattr", [object, Value::Str(attribute)]) => match self.attribute_of(object, attribute, site) {
                Ok(Value::Opaque(_) | Value::Method(..)) => Ok(None),
                Ok(_) => Ok(Some(Value::Bool(true))),
                Err(error) if error.is_exception() => Ok(Some(Value::Bool(false))),
                Err(error) => Err(error),
            },
            _ => stdlib::call(name, arguments, site),
        }
    }

    /// What a function returns for each item.
    fn call_for_each(&mut self, function: &Value, items: &[Value], site: Site<'_>) -> Evaluated<Vec<Value>> {
        let call = |item: &Value| {
            let arguments = CallArguments::positional([item.clone()]);
            self.call_value(function, arguments, site)
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
            Value::Iterator(_) if seen.iter().any(|known| known.equals(&value) == Some(true)) => return None,
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
