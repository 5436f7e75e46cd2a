//! Calls: of classes, builtins, functions and methods.

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::{Ranged, TextRange};

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, PendingDecorator, Scope, Taint, Value, max_taint};
use crate::{feast, methods, stdlib};

impl Evaluator<'_> {
    pub(super) fn call(&mut self, call: &ExprCall, scope: &Rc<Scope>) -> Evaluated<Value> {
        if let Some(object) = self.object_of_tags(&call.func, "update", scope)? {
            return self.update_tags(&object, call, scope);
        }
        let callee = self.evaluate(&call.func, scope)?;
        let site = self.at(call, scope);
        match self.arguments(call, scope)? {
            Ok(arguments) => self.call_value(&callee, arguments, site),
            Err(reason) => match &callee {
                Value::FeastClass(class) => Err(site.limit(format!(
                    "the arguments of {} depend on `{}`, which cannot be read without running Python; write them out, \
                         or let Python's `feast apply` write the registry and only serve with this binary",
                    class.name,
                    self.at(reason, scope).text()
                ))),
                Value::Function(_) | Value::Partial(_) | Value::Decorator(_) | Value::Method(..) => {
                    Ok(site.unknown_with(Taint::Object))
                }
                Value::Class(class) => Ok(site.unknown_with(class.taint)),
                other => Ok(site.unknown_with(other.taint())),
            },
        }
    }

    /// Calls something that the evaluator does not know.
    fn call_unknown(&self, callee: &Value, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Value> {
        for argument in arguments.values() {
            match argument {
                Value::Globals => {
                    let text = site.text();
                    return Err(site.limit(format!(
                        "what `{text}` does to the names of this file cannot be known without running Python"
                    )));
                }
                Value::DataFrame(table) if callee.taint() == Taint::MaybeObject => table.forget(),
                // Code from elsewhere may change what it is given.
                Value::List(items) | Value::Set(items) if callee.taint() == Taint::MaybeObject => {
                    site.check_mutable(argument)?;
                    items.borrow_mut().push(site.unknown());
                }
                Value::Dict(members) if callee.taint() == Taint::MaybeObject => {
                    site.check_mutable(argument)?;
                    members.borrow_mut().push((site.unknown(), site.unknown()));
                }
                _ => {}
            }
        }
        // What is given may come back.
        let taint = match callee.taint() {
            Taint::Clean => Taint::Clean,
            taint => taint.max(max_taint(arguments.values())),
        };
        Ok(site.unknown_with(taint))
    }

    /// Calls a value; opaque where the result cannot be known.
    pub(super) fn call_value(&mut self, callee: &Value, arguments: CallArguments, site: Site<'_>) -> Evaluated<Value> {
        let result = match callee {
            Value::FeastClass(class) if class.is_decorator => {
                Some(Value::Decorator(Rc::new(PendingDecorator { class, arguments })))
            }
            Value::FeastClass(class) => Some(feast::construct(class, arguments, None, site)?),
            Value::Builtin(name) => self.call_builtin(name, arguments, site)?,
            Value::Function(function) => Some(self.call_function(function, arguments, site)?),
            Value::Method(object, name) => self.call_method(object, name, &arguments, site)?,
            Value::Decorator(pending) => match arguments.positional.first() {
                Some(Value::Function(function)) => Some(self.decorate(pending, function, site)?),
                _ => return Ok(site.unknown_with(Taint::Object)),
            },
            Value::Class(class) if class.enumeration.is_some() => {
                site.pay_for([callee])?;
                let sought = arguments.positional.first();
                let has_value = |member: &Value| match (member, sought) {
                    (Value::EnumMember(member), Some(sought)) => member.value.equals(sought) == Some(true),
                    _ => false,
                };
                callee.items().unwrap_or_default().into_iter().find(has_value)
            }
            Value::Class(class) if class.is_plain && !class.is_instance => Some(self.instance(class, arguments, site)?),
            Value::Partial(partial) => {
                let (function, given) = (&partial.0, &partial.1);
                site.use_fuel(given.positional.len() + given.named.len() + arguments.positional.len())?;
                let positional = [given.positional.as_slice(), &arguments.positional].concat();
                let mut named = given.named.clone();
                named.retain(|(name, _)| arguments.named.iter().all(|(other, _)| other != name));
                named.extend(arguments.named);
                Some(self.call_value(function, CallArguments { positional, named }, site)?)
            }
            Value::FeastEnum(enumeration) => {
                let sought = arguments.positional.first();
                sought.and_then(|value| feast::member_of_value(enumeration, value))
            }
            Value::Opaque(_) => Some(self.call_unknown(callee, &arguments, site)?),
            Value::Class(class) if !class.is_instance => return Ok(site.unknown_with(class.taint)),
            Value::Class(instance) => match instance.scope.own("__call__") {
                Some(Value::Function(_)) => self.call_method(callee, "__call__", &arguments, site)?,
                _ => None,
            },
            Value::Module(_) => None,
            other => {
                return Err(site.raise("TypeError", format!("'{}' object is not callable", other.type_name())));
            }
        };
        Ok(result.unwrap_or_else(|| site.unknown()))
    }

    /// The arguments of a call, or the place of a `*` or `**` argument that is not known.
    pub(super) fn arguments(
        &mut self,
        call: &ExprCall,
        scope: &Rc<Scope>,
    ) -> Evaluated<Result<CallArguments, TextRange>> {
        let mut arguments = CallArguments::default();
        let mut unknown = None;
        for argument in &call.arguments.args {
            if let Expr::Starred(starred) = argument {
                let value = self.evaluate(&starred.value, scope)?;
                self.at(starred, scope).pay_for([&value])?;
                match value.items() {
                    Some(items) => arguments.positional.extend(items),
                    None => unknown = Some(starred.range()),
                }
            } else {
                arguments.positional.push(self.evaluate(argument, scope)?);
            }
        }
        for keyword in &call.arguments.keywords {
            let value = self.evaluate(&keyword.value, scope)?;
            match (&keyword.arg, value) {
                (Some(name), value) => arguments.named.push((name.to_string(), value)),
                (None, Value::Dict(members)) => {
                    // Each is compared with the others where it is bound.
                    self.at(keyword, scope).pay_for_distinct(members.borrow().len())?;
                    for (key, member) in members.borrow().iter() {
                        match key {
                            Value::Str(name) => arguments.named.push((name.to_string(), member.clone())),
                            _ => unknown = Some(keyword.range()),
                        }
                    }
                }
                (None, _) => unknown = Some(keyword.range()),
            }
        }
        Ok(unknown.map_or(Ok(arguments), Err))
    }

    pub(super) fn call_method(
        &mut self,
        object: &Value,
        name: &str,
        arguments: &CallArguments,
        site: Site<'_>,
    ) -> Evaluated<Option<Value>> {
        let class = match object {
            Value::Class(class) => Some(class),
            Value::NamedTuple(record) => Some(&record.class),
            Value::EnumMember(member) => member.class.as_ref(),
            _ => None,
        };
        if let Some(class) = class {
            if let Some(Value::Function(function)) = class.scope.own(name) {
                let mut positional = vec![object.clone()];
                positional.extend(arguments.positional.iter().cloned());
                let named = arguments.named.clone();
                return self
                    .call_function(&function, CallArguments { positional, named }, site)
                    .map(Some);
            }
            return match (object, arguments.positional.as_slice()) {
                (Value::NamedTuple(_), _) => methods::call(object, name, arguments, site),
                (Value::Class(class), [items]) if class.is_named_tuple && name == "_make" => {
                    stdlib::make_named_tuple(class, items, site)
                }
                _ => Ok(None),
            };
        }
        if let (Value::List(items), "sort", []) = (object, name, arguments.positional.as_slice()) {
            site.check_mutable(object)?;
            let sorting = CallArguments {
                positional: vec![object.clone()],
                named: arguments.named.clone(),
            };
            let sorted = self.call_builtin("sorted", sorting, site)?;
            let unclear = || site.limit("the order of these items cannot be known without running Python");
            *items.borrow_mut() = sorted.and_then(|sorted| sorted.items()).ok_or_else(unclear)?;
            return Ok(Some(Value::None));
        }
        methods::call(object, name, arguments, site)
    }
}
