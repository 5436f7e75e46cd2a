//! Named tuples, and the arguments that fill the fields of a class.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::context::Site;
use crate::error::{DefinitionError, Evaluated};
use crate::value::{CallArguments, Class, NamedTuple, Scope, Taint, Value};

const TYPED: &str = "typing.NamedTuple";

/// `namedtuple("Name", "a b")`, `NamedTuple("Name", [("a", int)])`; `None` where it is not known.
pub(crate) fn named_tuple_class(function: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    site.pay_for(arguments.values())?;
    let class = class_of(function, arguments, site.scope);
    let mut seen = BTreeSet::new();
    if let Some(class) = &class
        && let Some(twice) = class.fields.iter().find(|field| !seen.insert(field.as_str()))
    {
        let message = format!("Encountered duplicate field name: '{twice}'");
        return Err(site.raise("ValueError", message));
    }
    Ok(class.map(|class| Value::Class(Rc::new(class))))
}

/// The class that `namedtuple` or `NamedTuple` makes; `None` where it is not known.
fn class_of(function: &str, arguments: &CallArguments, scope: &Rc<Scope>) -> Option<Class> {
    let [Value::Str(name), fields] = arguments.positional.as_slice() else {
        return None;
    };
    let fields: Vec<String> = match fields {
        Value::Str(fields) => fields.replace(',', " ").split_whitespace().map(str::to_owned).collect(),
        fields => {
            let fields = fields.items()?;
            let name = |field: &Value| match function {
                TYPED => field.items()?.first()?.as_str(),
                _ => field.as_str(),
            };
            let names = fields.iter().map(|field| Some(name(field)?.to_string()));
            names.collect::<Option<_>>()?
        }
    };
    let body = Rc::new(Scope::for_class(scope));
    for (argument, value) in &arguments.named {
        match argument.as_str() {
            "defaults" if function != TYPED => {
                let defaults = value.items()?;
                let first = fields.len().checked_sub(defaults.len())?;
                let defaults = fields[first..].iter().zip(defaults);
                defaults.for_each(|(field, default)| body.bind(field, default));
            }
            "module" => {}
            _ => return None,
        }
    }
    Some(Class {
        is_changed: Cell::new(false),
        name: name.to_string(),
        scope: body,
        fields,
        bases: Vec::new(),
        is_instance: false,
        is_dataclass: false,
        is_named_tuple: true,
        enumeration: None,
        is_plain: true,
        taint: Taint::Clean,
    })
}

/// An instance of a named tuple.
pub(crate) fn new_named_tuple(class: &Rc<Class>, arguments: CallArguments, site: Site<'_>) -> Evaluated<Value> {
    let given = bind_fields(class, arguments, site)?;
    let mut values = Vec::with_capacity(class.fields.len());
    for (field, given) in class.fields.iter().zip(given) {
        match given.or_else(|| class.scope.own(field)) {
            Some(value) => values.push(value),
            None => return Err(missing_field(class, field, site)),
        }
    }
    Ok(Value::NamedTuple(Rc::new(NamedTuple {
        class: Rc::clone(class),
        values,
    })))
}

/// The value that is given for each field, if one is.
pub(crate) fn bind_fields(class: &Class, arguments: CallArguments, site: Site<'_>) -> Evaluated<Vec<Option<Value>>> {
    let name = &class.name;
    let count = arguments.positional.len();
    site.use_fuel(class.fields.len().saturating_mul(1 + arguments.named.len()))?;
    if count > class.fields.len() {
        let message = format!(
            "{name}.__init__() takes {} arguments but {count} were given",
            class.fields.len()
        );
        return Err(site.raise("TypeError", message));
    }
    let mut given: Vec<Option<Value>> = arguments.positional.into_iter().map(Some).collect();
    given.resize(class.fields.len(), None);
    for (argument, value) in arguments.named {
        let Some(position) = class.fields.iter().position(|field| *field == argument) else {
            let message = format!("{name}.__init__() got an unexpected keyword argument '{argument}'");
            return Err(site.raise("TypeError", message));
        };
        if given[position].replace(value).is_some() {
            let message = format!("{name}.__init__() got multiple values for argument '{argument}'");
            return Err(site.raise("TypeError", message));
        }
    }
    Ok(given)
}

pub(crate) fn missing_field(class: &Class, name: &str, site: Site<'_>) -> DefinitionError {
    let message = format!("{}.__init__() missing 1 required argument: '{name}'", class.name);
    site.raise("TypeError", message)
}

/// `Class._make(items)`.
pub(crate) fn make_named_tuple(class: &Rc<Class>, items: &Value, site: Site<'_>) -> Evaluated<Option<Value>> {
    let Some(positional) = items.items() else {
        return Ok(None);
    };
    let arguments = CallArguments {
        positional,
        named: Vec::new(),
    };
    new_named_tuple(class, arguments, site).map(Some)
}
