//! Calls: of functions of the text, of library functions, of classes of exceptions.

use std::rc::Rc;
use std::sync::Arc;

use super::{Activation, Function, MAX_DEPTH, Run, scalar};
use crate::program::{Body, CallSite, Text};
use crate::stop::{Outcome, raised, type_error, unknown};
use crate::value::{Exception, ExceptionClass, Value};

/// The arguments of a call.
#[derive(Debug, Default, Clone)]
pub(crate) struct Arguments {
    pub(crate) positional: Vec<Value>,
    pub(crate) named: Vec<(Text, Value)>,
}

impl Arguments {
    pub(crate) fn positional(values: Vec<Value>) -> Self {
        Self {
            positional: values,
            named: Vec::new(),
        }
    }

    /// The arguments by the names of a library function's parameters, in their order.
    ///
    /// # Errors
    /// Unknown when there are others: the function may know them.
    pub(crate) fn bind<const COUNT: usize>(self, names: [&str; COUNT]) -> Outcome<[Option<Value>; COUNT]> {
        let mut bound = [const { None }; COUNT];
        if self.positional.len() > COUNT {
            return Err(unknown("it is called with more arguments than are known here"));
        }
        for (place, value) in bound.iter_mut().zip(self.positional) {
            *place = Some(value);
        }
        for (name, value) in self.named {
            match names.iter().position(|known| **known == *name) {
                Some(position) if bound[position].is_none() => bound[position] = Some(value),
                _ => return Err(unknown(format!("its argument `{name}` is not known here"))),
            }
        }
        Ok(bound)
    }

    /// As [`Arguments::bind`], for functions that need all of them.
    ///
    /// # Errors
    /// Unknown when there are more or fewer.
    pub(crate) fn exactly<const COUNT: usize>(self, names: [&str; COUNT]) -> Outcome<[Value; COUNT]> {
        let bound = self.bind(names)?;
        if bound.iter().any(Option::is_none) {
            return Err(unknown("it is called with fewer arguments than are known here"));
        }
        Ok(bound.map(|value| value.unwrap_or(Value::None)))
    }
}

impl Run {
    pub(super) fn arguments(&mut self, site: &CallSite, around: &Rc<Activation>) -> Outcome<Arguments> {
        let positional = self.elements(&site.positional, around)?;
        let mut named = Vec::with_capacity(site.named.len());
        for (name, value) in &site.named {
            let value = self.evaluate(value, around)?;
            match (name, value) {
                (Some(name), value) => named.push((Text::clone(name), value)),
                (None, Value::Dict(dict)) => {
                    for (key, value) in dict.borrow().members() {
                        match key {
                            Value::Text(name) => named.push((Text::clone(name), value.clone())),
                            _ => return Err(type_error("keywords must be strings")),
                        }
                    }
                }
                (None, _) => return Err(unknown("`**` of something else than a dict is not known here")),
            }
        }
        Ok(Arguments { positional, named })
    }

    /// Calls a value.
    pub(crate) fn call(&mut self, callee: &Value, arguments: Arguments) -> Outcome {
        match callee {
            Value::Function(function) => self.call_function(function, arguments),
            Value::Native(native) => {
                if native.name != "len" {
                    let named = arguments.named.iter().map(|(_, value)| value);
                    let mut all = arguments.positional.iter().chain(named);
                    all.try_for_each(Value::check_plain)?;
                }
                match scalar::called(native.name, &arguments) {
                    Some(outcome) => outcome,
                    None => (native.call)(self, of_scalars(native.name, arguments)?),
                }
            }
            Value::ExceptionClass(class) => exception(*class, arguments),
            other => Err(type_error(format!("'{}' object is not callable", other.type_name()))),
        }
    }

    pub(super) fn call_function(&mut self, function: &Function, arguments: Arguments) -> Outcome {
        if self.depth >= MAX_DEPTH {
            return Err(unknown("calls within calls go too deep to be run here"));
        }
        let activation = Rc::new(Activation::new(Arc::clone(&function.code), function.outer.clone()));
        bind(function, arguments, &activation)?;
        self.depth += 1;
        let outcome = match &function.code.body {
            Body::Expression(expression) => self.evaluate(expression, &activation),
            Body::Statements(statements) => self.run_body(statements, &activation),
        };
        self.depth -= 1;
        outcome
    }
}

/// The arguments of a library's function, of which those that are scalars of numpy are Python's values where that makes no
/// difference.
fn of_scalars(name: &str, arguments: Arguments) -> Outcome<Arguments> {
    let is_scalar = |value: &Value| matches!(value, Value::Scalar(_));
    let mut all = arguments
        .positional
        .iter()
        .chain(arguments.named.iter().map(|(_, value)| value));
    if !all.any(is_scalar) {
        return Ok(arguments);
    }
    match name {
        // They compare, or ask for the text.
        "max" | "min" | "str" => Ok(arguments),
        "bool" | "float" | "int" | "pandas.isna" | "pandas.isnull" | "pandas.notna" | "pandas.notnull" => {
            let positional = arguments.positional.iter().map(|value| value.plain().clone());
            Ok(Arguments {
                positional: positional.collect(),
                named: arguments.named,
            })
        }
        _ => Err(unknown(format!("{name}() of a number of numpy is not known here"))),
    }
}

/// Gives parameters their arguments.
fn bind(function: &Function, arguments: Arguments, activation: &Activation) -> Outcome<()> {
    let name = &function.code.name;
    let parameters = &function.code.parameters;
    let places = parameters
        .iter()
        .filter(|parameter| parameter.may_be_positional)
        .count();
    let given = arguments.positional.len();
    if given > places {
        let (plural, verb) = (
            if places == 1 { "" } else { "s" },
            if given == 1 { "was" } else { "were" },
        );
        return Err(type_error(format!(
            "{name}() takes {places} positional argument{plural} but {given} {verb} given"
        )));
    }
    let mut values = arguments
        .positional
        .iter()
        .chain(arguments.named.iter().map(|(_, value)| value));
    if values.any(|value| matches!(value, Value::Iterator(_) | Value::Failing(_))) {
        return Err(unknown("an iterator that is kept is not known here"));
    }
    for (slot, value) in arguments.positional.into_iter().enumerate() {
        activation.set(slot, value);
    }
    for (argument, value) in arguments.named {
        let slot = parameters.iter().position(|parameter| parameter.name == argument);
        match slot {
            Some(slot) if activation.variables.borrow()[slot].is_none() => activation.set(slot, value),
            Some(_) => {
                return Err(type_error(format!(
                    "{name}() got multiple values for argument '{argument}'"
                )));
            }
            None => {
                return Err(type_error(format!(
                    "{name}() got an unexpected keyword argument '{argument}'"
                )));
            }
        }
    }
    let mut missing = Vec::new();
    for (slot, parameter) in parameters.iter().enumerate() {
        if activation.variables.borrow()[slot].is_some() {
            continue;
        }
        match &function.defaults.borrow()[slot] {
            Some(default) => activation.set(slot, default.clone()),
            None => missing.push(&parameter.name),
        }
    }
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(type_error(format!(
            "{name}() missing 1 required positional argument: '{one}'"
        ))),
        _ => Err(unknown(format!("{name}() lacks several arguments"))),
    }
}

/// An instance: `ValueError("...")`.
fn exception(class: ExceptionClass, arguments: Arguments) -> Outcome {
    if !arguments.named.is_empty() {
        return Err(type_error(format!("{}() takes no keyword arguments", class.name())));
    }
    let arguments = arguments.positional;
    let text = match arguments.as_slice() {
        [] => String::new(),
        // As a key is written.
        [key] if class == ExceptionClass::of("KeyError") => key.to_repr()?,
        [one] => one.to_text()?,
        _ => Value::tuple(arguments.clone()).to_repr()?,
    };
    Ok(Value::Exception(Rc::new(Exception { class, text })))
}

/// `IndexError` and the like, of what Python's own types raise.
pub(crate) fn index_error(text: &str) -> crate::stop::Stop {
    raised(ExceptionClass::of("IndexError"), text)
}
