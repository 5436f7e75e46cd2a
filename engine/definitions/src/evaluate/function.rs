//! Functions of definition files: `def`, decorators, defaults, and calling them.

use std::cell::Cell;
use std::rc::Rc;

use ruff_python_ast::{ExprLambda, Parameters, StmtFunctionDef};

use super::evaluator::Evaluator;
use super::generator::{has_yield, is_generator_lambda};
use super::statement::Flow;
use crate::context::Site;
use crate::error::Evaluated;
use crate::feast;
use crate::source::function_source;
use crate::value::{Binding, CallArguments, Function, FunctionBody, PendingDecorator, Scope, Value};

impl Evaluator<'_> {
    pub(super) fn function_def(&mut self, definition: &StmtFunctionDef, scope: &Rc<Scope>) -> Evaluated<()> {
        let function = Rc::new(Function {
            name: definition.name.to_string(),
            parameters: (*definition.parameters).clone(),
            defaults: self.defaults(Some(&definition.parameters), scope)?,
            binding: Cell::new(Binding::Instance),
            is_generator: has_yield(&definition.body),
            body: FunctionBody::Statements(definition.body.to_vec()),
            scope: scope.around_functions(),
            source: function_source(definition, &scope.file().text),
        });
        let mut value = Value::Function(Rc::clone(&function));
        for decorator in definition.decorator_list.iter().rev() {
            let applied = self.evaluate(&decorator.expression, scope)?;
            value = match &applied {
                Value::Decorator(pending) => self.decorate(pending, &function, self.at(decorator.range, scope))?,
                // Such decorators change how a function is called, not what it returns.
                Value::Builtin("functools.lru_cache" | "functools.cache" | "functools.wraps") => value,
                Value::Builtin(name @ ("staticmethod" | "classmethod" | "property")) => {
                    function.binding.set(match *name {
                        "staticmethod" => Binding::Static,
                        "classmethod" => Binding::Class,
                        _ => Binding::Property,
                    });
                    value
                }
                Value::Function(_) => {
                    let arguments = CallArguments::positional([value]);
                    self.call_value(&applied, arguments, self.at(decorator.range, scope))?
                }
                Value::FeastClass(class) => {
                    let message = format!("{}() needs parentheses and its arguments", class.name);
                    return Err(self.at(decorator.range, scope).raise("TypeError", message));
                }
                other => Value::opaque_with(format!("the decorated function {}", function.name), other.taint()),
            };
        }
        if definition.is_async {
            value = Value::opaque(format!("the asynchronous function {}", function.name));
        }
        scope.bind(definition.name.as_str(), value);
        Ok(())
    }

    pub(super) fn lambda(&mut self, lambda: &ExprLambda, scope: &Rc<Scope>) -> Evaluated<Value> {
        Ok(Value::Function(Rc::new(Function {
            name: "<lambda>".to_owned(),
            parameters: lambda.parameters.as_deref().cloned().unwrap_or_default(),
            defaults: self.defaults(lambda.parameters.as_deref(), scope)?,
            binding: Cell::new(Binding::Instance),
            is_generator: is_generator_lambda(&lambda.body),
            body: FunctionBody::Expression(lambda.body.clone()),
            scope: scope.around_functions(),
            source: scope.file().slice(lambda.range).to_owned(),
        })))
    }

    /// The defaults of parameters, computed now.
    fn defaults(&mut self, parameters: Option<&Parameters>, scope: &Rc<Scope>) -> Evaluated<Vec<(String, Value)>> {
        let mut defaults = Vec::new();
        for parameter in parameters.into_iter().flat_map(Parameters::iter_non_variadic_params) {
            if let Some(default) = &parameter.default {
                let value = self.evaluate(default, scope)?;
                defaults.push((parameter.parameter.name.to_string(), value));
            }
        }
        Ok(defaults)
    }

    /// Applies a decorator of Feast to its function.
    pub(super) fn decorate(
        &self,
        pending: &PendingDecorator,
        function: &Rc<Function>,
        site: Site<'_>,
    ) -> Evaluated<Value> {
        feast::construct(
            pending.class,
            pending.arguments.clone(),
            Some(Rc::clone(function)),
            site,
        )
    }

    /// Calls a function; `site` is the place of the call.
    pub(super) fn call_function(
        &mut self,
        function: &Rc<Function>,
        arguments: CallArguments,
        site: Site<'_>,
    ) -> Evaluated<Value> {
        let scope = Rc::new(Scope::inside(&function.scope));
        bind_parameters(function, arguments, &scope, site)?;
        let too_deep = || site.limit(format!("RecursionError: {}() does not end", function.name));
        if function.is_generator {
            return self.with_depth(too_deep, |evaluator| evaluator.generator(function, &scope, site));
        }
        self.with_depth(too_deep, |evaluator| match &function.body {
            FunctionBody::Expression(expression) => evaluator.evaluate(expression, &scope),
            FunctionBody::Statements(body) => match evaluator.run(body, &scope)? {
                Flow::Returned(value) => Ok(value),
                Flow::PerhapsReturned(taint, reason) => Ok(evaluator.at(reason, &scope).unknown_with(taint)),
                Flow::Done | Flow::Broken | Flow::Continued => Ok(Value::None),
            },
        })
    }
}

/// Binds the arguments of a call to the parameters of a function.
fn bind_parameters(function: &Function, arguments: CallArguments, scope: &Scope, site: Site<'_>) -> Evaluated<()> {
    let (parameters, name) = (&function.parameters, &function.name);
    let mut positional = arguments.positional.into_iter();
    let mut named = arguments.named;
    let by_position = parameters.posonlyargs.iter().chain(&parameters.args);
    let by_position = by_position.map(|parameter| (parameter, true));
    let by_name = parameters.kwonlyargs.iter().map(|parameter| (parameter, false));
    for (parameter, may_be_positional) in by_position.chain(by_name) {
        let parameter_name = parameter.parameter.name.as_str();
        let given = may_be_positional.then(|| positional.next()).flatten();
        let position = named.iter().position(|(known, _)| known == parameter_name);
        let default = function.defaults.iter().find(|(name, _)| name == parameter_name);
        let value = match (given, position, default) {
            (Some(value), _, _) => value,
            (None, Some(position), _) => named.remove(position).1,
            (None, None, Some((_, default))) => default.clone(),
            (None, None, None) => {
                let message = format!("{name}() missing 1 required positional argument: '{parameter_name}'");
                return Err(site.raise("TypeError", message));
            }
        };
        scope.bind(parameter_name, value);
    }
    let rest: Vec<Value> = positional.collect();
    match &parameters.vararg {
        Some(parameter) => scope.bind(parameter.name.as_str(), Value::tuple(rest)),
        None if rest.is_empty() => {}
        None => {
            return Err(site.raise("TypeError", format!("{name}() got too many positional arguments")));
        }
    }
    match (&parameters.kwarg, named.first()) {
        (Some(parameter), _) => {
            let members = named.into_iter().map(|(name, value)| (Value::str(name), value));
            scope.bind(parameter.name.as_str(), Value::dict(members.collect()));
        }
        (None, Some((unexpected, _))) => {
            let message = format!("{name}() got an unexpected keyword argument '{unexpected}'");
            return Err(site.raise("TypeError", message));
        }
        (None, None) => {}
    }
    Ok(())
}
