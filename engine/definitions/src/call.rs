//! Calls: of Feast's classes, of Python's own functions, of helper functions, of methods.

use std::rc::Rc;

use ruff_python_ast::ExprCall;
use ruff_text_size::{Ranged, TextRange};

use super::expression::LARGEST;
use super::feast::{self, Arguments};
use super::module::Evaluator;
use super::scope::Scope;
use super::statement::Flow;
use super::unknown::{Hides, most, unknown, unknown_hiding};
use super::value::{CallArguments, Function, FunctionBody, PendingDecorator, Value};
use super::{Evaluated, methods};

impl Evaluator {
    pub(super) fn call(&mut self, call: &ExprCall, scope: &Rc<Scope>) -> Evaluated<Value> {
        if let Some(object) = self.object_of_tags(&call.func, "update", scope)? {
            return self.update_tags(&object, call, scope);
        }
        let callee = self.evaluate(&call.func, scope)?;
        let range = call.range();
        match self.arguments(call, scope)? {
            Ok(arguments) => self.call_value(&callee, arguments, range, scope),
            Err(reason) => match &callee {
                Value::FeastClass(class) => Err(scope.limit(
                    range,
                    format!(
                        "the arguments of {} depend on `{}`, which cannot be read without running Python; write them out, \
                         or let Python's `feast apply` write the registry and only serve with this binary",
                        class.name,
                        scope.text(reason)
                    ),
                )),
                Value::Function(_) | Value::Partial(_) | Value::Decorator(_) | Value::Method(..) => {
                    Ok(unknown_hiding(Hides::Object, range, scope))
                }
                Value::Class(class) => Ok(unknown_hiding(class.hides, range, scope)),
                other => Ok(unknown_hiding(other.hides(), range, scope)),
            },
        }
    }

    /// Calls something that the evaluator does not know.
    fn call_unknown(
        &mut self,
        callee: &Value,
        arguments: &CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        for argument in arguments.values() {
            match argument {
                Value::Globals => {
                    let text = scope.text(range);
                    return Err(scope.limit(
                        range,
                        format!("what `{text}` does to the names of this file cannot be known without running Python"),
                    ));
                }
                Value::Table(table) if callee.hides() == Hides::Perhaps => table.forget(),
                // Code from elsewhere may change what it is given.
                Value::List(items) | Value::Set(items) if callee.hides() == Hides::Perhaps => {
                    self.check_certain(argument, range, scope)?;
                    items.borrow_mut().push(unknown(range, scope));
                }
                Value::Dict(members) if callee.hides() == Hides::Perhaps => {
                    self.check_certain(argument, range, scope)?;
                    members
                        .borrow_mut()
                        .push((unknown(range, scope), unknown(range, scope)));
                }
                _ => {}
            }
        }
        // What is given may come back.
        let hides = match callee.hides() {
            Hides::Nothing => Hides::Nothing,
            hides => hides.max(most(arguments.values())),
        };
        Ok(unknown_hiding(hides, range, scope))
    }

    /// Calls a value; opaque where the answer cannot be known.
    pub(super) fn call_value(
        &mut self,
        callee: &Value,
        arguments: CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let answer = match callee {
            Value::FeastClass(class) if class.is_decorator => {
                Some(Value::Decorator(Rc::new(PendingDecorator { class, arguments })))
            }
            Value::FeastClass(class) => Some((class.build)(Arguments::bind(class, arguments, None, range, scope)?)?),
            Value::Library(name) => self.call_library(name, arguments, range, scope)?,
            Value::Function(function) => Some(self.call_function(function, arguments, range, scope)?),
            Value::Method(object, name) => self.call_method(object, name, &arguments, range, scope)?,
            Value::Decorator(pending) => match arguments.positional.first() {
                Some(Value::Function(function)) => Some(self.decorate(pending, function, range, scope)?),
                _ => return Ok(unknown_hiding(Hides::Object, range, scope)),
            },
            Value::Class(class) if class.enumeration.is_some() => {
                scope.spend(range, callee.size(LARGEST))?;
                let wanted = arguments.positional.first();
                callee.items().unwrap_or_default().into_iter().find(|member| {
                    matches!((member, wanted), (Value::Member(member), Some(wanted)) if member.value.same(wanted) == Some(true))
                })
            }
            Value::Class(class) if class.is_plain && !class.is_instance => {
                Some(self.instance(class, arguments, range, scope)?)
            }
            Value::Partial(partial) => {
                let (function, given) = (&partial.0, &partial.1);
                let positional = [given.positional.as_slice(), &arguments.positional].concat();
                let mut named = given.named.clone();
                named.retain(|(name, _)| arguments.named.iter().all(|(other, _)| other != name));
                named.extend(arguments.named);
                Some(self.call_value(function, CallArguments { positional, named }, range, scope)?)
            }
            Value::FeastEnumeration(enumeration) => {
                let wanted = arguments.positional.first();
                wanted.and_then(|wanted| feast::member_of_value(enumeration, wanted))
            }
            Value::Opaque(_) => Some(self.call_unknown(callee, &arguments, range, scope)?),
            Value::Class(class) if !class.is_instance => return Ok(unknown_hiding(class.hides, range, scope)),
            Value::Class(instance) => match instance.scope.own("__call__") {
                Some(Value::Function(_)) => self.call_method(callee, "__call__", &arguments, range, scope)?,
                _ => None,
            },
            Value::Module(_) => None,
            other => {
                return Err(scope.raise(
                    range,
                    "TypeError",
                    format!("'{}' object is not callable", other.type_name()),
                ));
            }
        };
        Ok(answer.unwrap_or_else(|| unknown(range, scope)))
    }

    /// Applies a decorator of Feast to its function.
    pub(super) fn decorate(
        &mut self,
        pending: &PendingDecorator,
        function: &Rc<Function>,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let function = Some(Rc::clone(function));
        let arguments = Arguments::bind(pending.class, pending.arguments.clone(), function, range, scope)?;
        (pending.class.build)(arguments)
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
            if let ruff_python_ast::Expr::Starred(starred) = argument {
                match self.evaluate(&starred.value, scope)?.items() {
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
                    for (key, member) in members.borrow().iter() {
                        match key {
                            Value::Text(name) => arguments.named.push((name.to_string(), member.clone())),
                            _ => unknown = Some(keyword.range()),
                        }
                    }
                }
                (None, _) => unknown = Some(keyword.range()),
            }
        }
        Ok(unknown.map_or(Ok(arguments), Err))
    }

    pub(super) fn call_function(
        &mut self,
        function: &Rc<Function>,
        arguments: CallArguments,
        range: TextRange,
        caller: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let scope = Rc::new(Scope::inside(&function.scope));
        Self::bind_parameters(function, arguments, &scope, range, caller)?;
        let too_deep = || caller.limit(range, format!("RecursionError: {}() does not end", function.name));
        if function.is_generator {
            return self.deeper(too_deep, |evaluator| evaluator.generate(function, range, &scope));
        }
        self.deeper(too_deep, |evaluator| match &function.body {
            FunctionBody::Expression(expression) => evaluator.evaluate(expression, &scope),
            FunctionBody::Statements(body) => match evaluator.run(body, &scope)? {
                Flow::Returned(value) => Ok(value),
                Flow::PerhapsReturned(hides, reason) => Ok(unknown_hiding(hides, reason, &scope)),
                Flow::Done | Flow::Broken | Flow::Continued => Ok(Value::None),
            },
        })
    }

    fn bind_parameters(
        function: &Rc<Function>,
        arguments: CallArguments,
        scope: &Scope,
        range: TextRange,
        caller: &Scope,
    ) -> Evaluated<()> {
        let (parameters, name) = (&function.parameters, &function.name);
        let mut positional = arguments.positional.into_iter();
        let mut named = arguments.named;
        let by_position = parameters.posonlyargs.iter().chain(&parameters.args);
        let by_position = by_position.map(|parameter| (parameter, true));
        let by_name = parameters.kwonlyargs.iter().map(|parameter| (parameter, false));
        for (parameter, may_be_positional) in by_position.chain(by_name) {
            let wanted = parameter.parameter.name.as_str();
            let given = may_be_positional.then(|| positional.next()).flatten();
            let position = named.iter().position(|(known, _)| known == wanted);
            let default = function.defaults.iter().find(|(name, _)| name == wanted);
            let value = match (given, position, default) {
                (Some(value), _, _) => value,
                (None, Some(position), _) => named.remove(position).1,
                (None, None, Some((_, default))) => default.clone(),
                (None, None, None) => {
                    let text = format!("{name}() missing 1 required positional argument: '{wanted}'");
                    return Err(caller.raise(range, "TypeError", text));
                }
            };
            scope.bind(wanted, value);
        }
        let rest: Vec<Value> = positional.collect();
        match &parameters.vararg {
            Some(parameter) => scope.bind(parameter.name.as_str(), Value::tuple(rest)),
            None if rest.is_empty() => {}
            None => {
                return Err(caller.raise(
                    range,
                    "TypeError",
                    format!("{name}() got too many positional arguments"),
                ));
            }
        }
        match (&parameters.kwarg, named.first()) {
            (Some(parameter), _) => {
                let members = named.into_iter().map(|(name, value)| (Value::text(name), value));
                scope.bind(parameter.name.as_str(), Value::dict(members.collect()));
            }
            (None, Some((unexpected, _))) => {
                let text = format!("{name}() got an unexpected keyword argument '{unexpected}'");
                return Err(caller.raise(range, "TypeError", text));
            }
            (None, None) => {}
        }
        Ok(())
    }

    pub(super) fn call_method(
        &mut self,
        object: &Value,
        name: &str,
        arguments: &CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        let class = match object {
            Value::Class(class) => Some(class),
            Value::Record(record) => Some(&record.class),
            Value::Member(member) => member.class.as_ref(),
            _ => None,
        };
        if let Some(class) = class {
            if let Some(Value::Function(function)) = class.scope.own(name) {
                let mut positional = vec![object.clone()];
                positional.extend(arguments.positional.iter().cloned());
                let named = arguments.named.clone();
                return self
                    .call_function(&function, CallArguments { positional, named }, range, scope)
                    .map(Some);
            }
            return match (object, arguments.positional.as_slice()) {
                (Value::Record(_), _) => methods::call(object, name, arguments, range, scope),
                (Value::Class(class), [items]) if class.is_named_tuple && name == "_make" => {
                    methods::make(class, items, range, scope)
                }
                _ => Ok(None),
            };
        }
        if let (Value::List(items), "sort", []) = (object, name, arguments.positional.as_slice()) {
            self.check_certain(object, range, scope)?;
            let sorting = CallArguments {
                positional: vec![object.clone()],
                named: arguments.named.clone(),
            };
            let sorted = self.call_library("sorted", sorting, range, scope)?;
            let unclear = || scope.limit(range, "the order of these items cannot be known without running Python");
            *items.borrow_mut() = sorted.and_then(|sorted| sorted.items()).ok_or_else(unclear)?;
            return Ok(Some(Value::None));
        }
        if methods::changes(object, name) {
            self.check_certain(object, range, scope)?;
            for added in arguments.values() {
                self.check_acyclic(object, added, range, scope)?;
            }
        }
        methods::call(object, name, arguments, range, scope)
    }
}
