//! Feast's own names: classes with their parameters, types, enumerations, constants. `classes` is the list of them all; the files
//! beside it build the objects.

mod arguments;
mod classes;
mod constants;
mod enumerations;
mod free_names;
mod methods;
mod object;
mod on_demand;
mod permissions;
mod services;
mod sources;
mod transformations;
mod types;
mod views;
mod warehouses;

use std::rc::Rc;

use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, FeastClass, Function, Value};

use arguments::Arguments;
use classes::CLASSES;
use enumerations::ENUMERATIONS;
pub(crate) use enumerations::{member, member_of_value};
pub(crate) use methods::call_method;
pub(crate) use object::object_at;

/// Calls a class, or applies a decorator to its function.
///
/// # Errors
/// What Feast raises, and what only Python can make.
pub(crate) fn construct(
    class: &'static FeastClass,
    arguments: CallArguments,
    function: Option<Rc<Function>>,
    site: Site<'_>,
) -> Evaluated<Value> {
    let known = CLASSES.iter().find(|known| std::ptr::eq(&known.class, class));
    let arguments = Arguments::bind(class, arguments, function, site)?;
    match known {
        Some(known) => (known.build)(arguments),
        None => Ok(site.unknown()),
    }
}

/// What `module.name` means, for Feast's own modules.
pub(crate) fn attribute(module: &str, name: &str) -> Value {
    let last = module.rsplit('.').next().unwrap_or(module);
    let of_name = || {
        CLASSES
            .iter()
            .map(|known| &known.class)
            .filter(|class| class.name == name)
    };
    let class = of_name()
        .find(|class| class.module == Some(last))
        .or_else(|| of_name().find(|class| class.module.is_none()));
    // Under `feast` itself, the decorators' names are their modules.
    let is_module = module == "feast" && name.starts_with(|character: char| character.is_ascii_lowercase());
    if is_module {
        return Value::Module(Rc::from(format!("feast.{name}")));
    }
    if let Some(class) = class {
        return Value::FeastClass(class);
    }
    if let Some(value_type) = types::by_name(name) {
        return Value::Type(value_type);
    }
    if let Some((name, _)) = ENUMERATIONS.iter().find(|(known, _)| *known == name) {
        return Value::FeastEnum(name);
    }
    if let Some(constant) = constants::constant(name) {
        return constant;
    }
    if name.starts_with(|character: char| character.is_ascii_lowercase()) {
        return Value::Module(Rc::from(format!("{module}.{name}")));
    }
    Value::opaque(format!("{name} of the module {module}"))
}

/// What `from feast import *` binds.
pub(crate) fn exported_names() -> impl Iterator<Item = (&'static str, Value)> {
    let classes = CLASSES
        .iter()
        .map(|known| &known.class)
        .filter(|class| class.module.is_none() && !class.is_decorator);
    let classes = classes.map(|class| (class.name, Value::FeastClass(class)));
    let types = types::NAMES
        .into_iter()
        .filter_map(|name| Some((name, Value::Type(types::by_name(name)?))));
    let enumerations = ENUMERATIONS.iter().map(|(name, _)| (*name, Value::FeastEnum(name)));
    let constants = constants::CONSTANTS
        .into_iter()
        .filter_map(|name| Some((name, constants::constant(name)?)));
    classes.chain(types).chain(enumerations).chain(constants)
}
