//! Calls: of Feast's classes, of Python's own functions, of helper functions, of methods.

use std::rc::Rc;

use feast_engine::model::{StructField, ValueType};
use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::{Ranged, TextRange};

use super::construct::construct;
use super::expression::unknown;
use super::module::{Evaluated, Evaluator, Flow};
use super::value::{Builtin, Function, Object, Scope, Value, ViewProjection};

/// Positional and named arguments, evaluated.
type CallArguments = (Vec<Value>, Vec<(String, Value)>);

impl Evaluator {
    pub(super) fn call(&mut self, call: &ExprCall, scope: &Rc<Scope>) -> Evaluated<Value> {
        let callee = self.evaluate(&call.func, scope)?;
        let unknown_call = || unknown(&Expr::Call(call.clone()), scope);
        if matches!(callee, Value::Opaque(_)) {
            return Ok(unknown_call());
        }
        let Some(arguments) = self.arguments(call, scope)? else {
            return Ok(unknown_call());
        };
        let range = call.range();
        let answer = match &callee {
            Value::Builtin(builtin) => builtin_call(*builtin, arguments, range, scope)?,
            Value::Function(function) => Some(self.call_function(function, arguments, range, scope)?),
            Value::Method(object, name) => method_call(object, name, &arguments, range, scope)?,
            other => {
                return Err(scope.error(
                    range,
                    format!("TypeError: '{}' object is not callable", other.type_name()),
                ));
            }
        };
        Ok(answer.unwrap_or_else(unknown_call))
    }

    /// `None` when a `*` or `**` argument is not known.
    fn arguments(&mut self, call: &ExprCall, scope: &Rc<Scope>) -> Evaluated<Option<CallArguments>> {
        let mut positional = Vec::new();
        for argument in &call.arguments.args {
            if let Expr::Starred(starred) = argument {
                let Some(items) = self.evaluate(&starred.value, scope)?.items() else {
                    return Ok(None);
                };
                positional.extend(items);
            } else {
                positional.push(self.evaluate(argument, scope)?);
            }
        }
        let mut named = Vec::new();
        for keyword in &call.arguments.keywords {
            let value = self.evaluate(&keyword.value, scope)?;
            match (&keyword.arg, value) {
                (Some(name), value) => named.push((name.to_string(), value)),
                (None, Value::Dict(members)) => {
                    for (key, member) in members.iter() {
                        let Value::Text(name) = key else { return Ok(None) };
                        named.push((name.to_string(), member.clone()));
                    }
                }
                (None, _) => return Ok(None),
            }
        }
        Ok(Some((positional, named)))
    }

    fn call_function(
        &mut self,
        function: &Rc<Function>,
        (positional, named): CallArguments,
        range: TextRange,
        caller: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let definition = &function.definition;
        let name = definition.name.as_str();
        let scope = Rc::new(Scope::of_function(&function.scope));
        let parameters = &definition.parameters;
        let mut positional = positional.into_iter();
        let mut named = named;
        let by_position = parameters
            .posonlyargs
            .iter()
            .chain(&parameters.args)
            .map(|parameter| (parameter, true));
        for (parameter, may_be_positional) in
            by_position.chain(parameters.kwonlyargs.iter().map(|parameter| (parameter, false)))
        {
            let parameter_name = parameter.parameter.name.as_str();
            let by_name = named.iter().position(|(known, _)| known == parameter_name);
            let value = match (
                may_be_positional.then(|| positional.next()).flatten(),
                by_name,
                &parameter.default,
            ) {
                (Some(value), _, _) => value,
                (None, Some(position), _) => named.remove(position).1,
                (None, None, Some(default)) => self.evaluate(default, &function.scope)?,
                (None, None, None) => {
                    let text = format!("TypeError: {name}() missing the required argument '{parameter_name}'");
                    return Err(caller.error(range, text));
                }
            };
            scope.bind(parameter_name, value);
        }
        let rest: Vec<Value> = positional.collect();
        match &parameters.vararg {
            Some(parameter) => scope.bind(parameter.name.as_str(), Value::Tuple(Rc::new(rest))),
            None if rest.is_empty() => {}
            None => return Err(caller.error(range, format!("TypeError: {name}() got too many positional arguments"))),
        }
        match (&parameters.kwarg, named.first()) {
            (Some(parameter), _) => {
                let members = named
                    .into_iter()
                    .map(|(name, value)| (Value::text(name), value))
                    .collect();
                scope.bind(parameter.name.as_str(), Value::Dict(Rc::new(members)));
            }
            (None, Some((unexpected, _))) => {
                return Err(caller.error(
                    range,
                    format!("TypeError: {name}() got an unexpected keyword argument '{unexpected}'"),
                ));
            }
            (None, None) => {}
        }
        let too_deep = || caller.error(range, format!("RecursionError: {name}() does not end"));
        self.deeper(too_deep, |evaluator| match evaluator.run(&definition.body, &scope)? {
            Flow::Returned(value) => Ok(value),
            Flow::Done => Ok(Value::None),
        })
    }
}

/// `None` when the answer is not known.
fn builtin_call(
    builtin: Builtin,
    arguments: CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    let first = arguments.0.first().cloned();
    Ok(match (builtin, first) {
        (Builtin::Array | Builtin::Set | Builtin::Struct, element) => {
            let element = element.or_else(|| arguments.1.first().map(|(_, value)| value.clone()));
            let Some(value_type) = element.as_ref().and_then(|element| collection_type(builtin, element)) else {
                return Err(scope.error(range, format!("{builtin:?} needs a feature type")));
            };
            Some(Value::Type(value_type))
        }
        (Builtin::Str, Some(value)) => value.to_text().map(Value::text),
        (Builtin::Int, Some(value)) => match value {
            Value::Integer(number) => Some(Value::Integer(number)),
            Value::Bool(flag) => Some(Value::Integer(i64::from(flag))),
            Value::Text(text) => text.trim().parse().ok().map(Value::Integer),
            _ => None,
        },
        (Builtin::Float, Some(value)) => match value {
            Value::Integer(number) => Some(Value::Float(number as f64)),
            Value::Float(number) => Some(Value::Float(number)),
            Value::Text(text) => text.trim().parse().ok().map(Value::Float),
            _ => None,
        },
        (Builtin::Bool, Some(value)) => value.truth().map(Value::Bool),
        (Builtin::Len, Some(Value::Text(text))) => i64::try_from(text.chars().count()).ok().map(Value::Integer),
        (Builtin::Len, Some(value)) => value
            .items()
            .and_then(|items| i64::try_from(items.len()).ok())
            .map(Value::Integer),
        (Builtin::List, value) => value.map_or(Some(Vec::new()), |value| value.items()).map(Value::list),
        (Builtin::Dict, None) => Some(Value::Dict(Rc::new(
            arguments
                .1
                .into_iter()
                .map(|(name, value)| (Value::text(name), value))
                .collect(),
        ))),
        (Builtin::Dict, Some(dict @ Value::Dict(_))) => Some(dict),
        (Builtin::Range, _) => range_items(&arguments.0),
        (Builtin::Str | Builtin::Int | Builtin::Float | Builtin::Bool | Builtin::Len | Builtin::Dict, _) => None,
        (class, _) => Some(construct(class, arguments, range, scope)?),
    })
}

fn range_items(arguments: &[Value]) -> Option<Value> {
    let (start, end) = match arguments {
        [Value::Integer(end)] => (0, *end),
        [Value::Integer(start), Value::Integer(end)] => (*start, *end),
        _ => return None,
    };
    // A definition file with more objects than this is a mistake.
    (end.saturating_sub(start) <= 1_000_000).then(|| Value::list((start..end).map(Value::Integer).collect()))
}

fn collection_type(builtin: Builtin, element: &Value) -> Option<ValueType> {
    match (builtin, element) {
        (Builtin::Array, Value::Type(element)) => Some(ValueType::Array(Box::new(element.clone()))),
        (Builtin::Set, Value::Type(element)) => Some(ValueType::Set(Box::new(element.clone()))),
        (Builtin::Struct, Value::Dict(members)) => {
            let fields = members.iter().map(|member| match member {
                (Value::Text(name), Value::Type(value_type)) => Some(StructField {
                    name: name.to_string(),
                    value_type: value_type.clone(),
                }),
                _ => None,
            });
            fields
                .collect::<Option<Vec<_>>>()
                .filter(|fields| !fields.is_empty())
                .map(ValueType::Struct)
        }
        _ => None,
    }
}

fn method_call(
    object: &Value,
    name: &str,
    (positional, named): &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    let first = positional.first().or_else(|| named.first().map(|(_, value)| value));
    Ok(match (object, name, first) {
        (Value::Dict(members), "items", None) => {
            let pairs = members
                .iter()
                .map(|(key, value)| Value::Tuple(Rc::new(vec![key.clone(), value.clone()])));
            Some(Value::list(pairs.collect()))
        }
        (Value::Dict(members), "keys", None) => Some(Value::list(members.iter().map(|(key, _)| key.clone()).collect())),
        (Value::Dict(members), "values", None) => {
            Some(Value::list(members.iter().map(|(_, value)| value.clone()).collect()))
        }
        (Value::Text(text), "lower", None) => Some(Value::text(text.to_lowercase())),
        (Value::Text(text), "upper", None) => Some(Value::text(text.to_uppercase())),
        (Value::Object(object), "with_name" | "with_join_key_map", Some(argument)) => {
            let projection = match &**object {
                Object::View(view) => ViewProjection::of(view),
                Object::Projection(projection) => projection.clone(),
                _ => return Ok(None),
            };
            let projection = projection.renamed(name, argument);
            let problem = || scope.error(range, format!("{name} got a {} it cannot use", argument.type_name()));
            Some(Value::object(Object::Projection(projection.ok_or_else(problem)?)))
        }
        _ => None,
    })
}

impl ViewProjection {
    /// All features of a view under its own name.
    pub(super) fn of(view: &feast_engine::model::FeatureView) -> Self {
        Self {
            view: view.clone(),
            features: None,
            alias: None,
            join_key_map: std::collections::BTreeMap::new(),
        }
    }

    fn renamed(self, method: &str, argument: &Value) -> Option<Self> {
        match (method, argument) {
            ("with_name", Value::Text(alias)) => Some(Self {
                alias: Some(alias.to_string()),
                ..self
            }),
            ("with_join_key_map", Value::Dict(members)) => {
                let pairs = members.iter().map(|pair| match pair {
                    (Value::Text(key), Value::Text(mapped)) => Some((key.to_string(), mapped.to_string())),
                    _ => None,
                });
                Some(Self {
                    join_key_map: pairs.collect::<Option<_>>()?,
                    ..self
                })
            }
            _ => None,
        }
    }
}
