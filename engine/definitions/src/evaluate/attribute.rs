//! Attributes of values.

use std::rc::Rc;

use ruff_python_ast::ExprAttribute;

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::{DefinitionError, Evaluated};
use crate::methods::{data_frame_attribute, datetime_attribute, path_attribute, timedelta_attribute};
use crate::value::{Binding, CallArguments, Class, EnumMember, FeastObject, Function, NamedTuple, Scope, Taint, Value};
use crate::{feast, stdlib};

impl Evaluator<'_> {
    pub(super) fn attribute(&mut self, attribute: &ExprAttribute, scope: &Rc<Scope>) -> Evaluated<Value> {
        let value = self.evaluate(&attribute.value, scope)?;
        if let Value::DataFrame(_) | Value::Dtypes(_) = &value {
            self.at(attribute, scope).pay_for([&value])?;
        }
        self.attribute_of(&value, attribute.attr.as_str(), self.at(attribute, scope))
    }

    /// `value.name`.
    pub(super) fn attribute_of(&mut self, value: &Value, name: &str, site: Site<'_>) -> Evaluated<Value> {
        let missing = || missing(value, name, site);
        let method = || value.method(name);
        Ok(match value {
            Value::Opaque(_) => value.clone(),
            Value::Module(module) => self.attribute_of_module(module, name, site)?,
            Value::FeastEnum(enumeration) => feast::member(enumeration, name).ok_or_else(missing)?,
            Value::Class(class) => return self.attribute_of_class(value, class, name, site),
            Value::Builtin(class) => stdlib::attribute(class, name, site),
            Value::EnumMember(member) => return self.attribute_of_member(value, member, name, site),
            Value::NamedTuple(tuple) => return self.attribute_of_named_tuple(value, tuple, name, site),
            Value::Object(object) => match object.attribute(name) {
                Some(known) => {
                    // It stands for the object's own: a change of it would change the object.
                    site.session.keep(&known);
                    known
                }
                None if name.starts_with("with_") && object.projection().is_some() => method(),
                None => match (name, object.projection()) {
                    ("projection", Some(projection)) => feast::object_at(FeastObject::Projection(projection), site),
                    _ => site.unknown(),
                },
            },
            Value::DataFrame(_) | Value::Dtypes(_) | Value::Column(..) | Value::Dtype(_) => {
                data_frame_attribute(value, name).unwrap_or_else(|| site.unknown())
            }
            Value::View(view) if view.type_name == "Index" && name == "values" => value.clone(),
            Value::Path(path) => path_attribute(path, name).unwrap_or_else(method),
            Value::TimeDelta(delta) => timedelta_attribute(*delta, name).unwrap_or_else(method),
            Value::DateTime(micros) => datetime_attribute(*micros, name).unwrap_or_else(method),
            Value::Function(function) if name == "__name__" => Value::str(&function.name),
            Value::FeastClass(class) if name == "__name__" => Value::str(class.name),
            _ => method(),
        })
    }

    /// An attribute of a class of a definition file, or of an instance of one.
    fn attribute_of_class(&mut self, value: &Value, class: &Rc<Class>, name: &str, site: Site<'_>) -> Evaluated<Value> {
        let method = || value.method(name);
        if name == "__name__" && !class.is_instance {
            return Ok(Value::str(&class.name));
        }
        if class.is_named_tuple {
            let is_field = class.fields.iter().any(|field| field == name);
            return Ok(match (name, class.scope.own(name).filter(|_| !is_field)) {
                ("_fields", _) => Value::tuple(class.fields.iter().map(Value::str).collect()),
                ("_make", _) => method(),
                (_, known) => known.unwrap_or_else(|| site.unknown()),
            });
        }
        Ok(match class.attribute(name) {
            Some(Value::Function(function)) => match function.binding.get() {
                Binding::Class => method(),
                Binding::Instance | Binding::Property if !class.is_instance => Value::Function(function),
                _ => self.function_of(value, function, name, site)?,
            },
            Some(known) => known,
            // `__getattr__` may have it, or a base that is not known.
            None if class.scope.own("__getattr__").is_some() => site.unknown_with(Taint::MaybeObject),
            None if name.starts_with("__") => site.unknown(),
            None if class.is_plain || class.enumeration.is_some() => return Err(missing(value, name, site)),
            None => site.unknown_with(class.taint),
        })
    }

    fn attribute_of_member(
        &mut self,
        value: &Value,
        member: &EnumMember,
        name: &str,
        site: Site<'_>,
    ) -> Evaluated<Value> {
        let own = member.class.as_ref().and_then(|class| class.scope.own(name));
        Ok(match (name, own) {
            // A type, where Feast's own enumeration has a number.
            ("value", None) if member.class.is_none() && member.enumeration == "ValueType" => site.unknown(),
            ("value" | "_value_", None) => member.value.clone(),
            ("name" | "_name_", None) => Value::str(&member.name),
            (_, Some(Value::Function(function))) => self.function_of(value, function, name, site)?,
            (_, Some(known)) => known,
            (_, None) if member.is_its_value() => self.attribute_of(&member.value, name, site)?,
            (_, None) => site.unknown(),
        })
    }

    fn attribute_of_named_tuple(
        &mut self,
        value: &Value,
        tuple: &NamedTuple,
        name: &str,
        site: Site<'_>,
    ) -> Evaluated<Value> {
        const METHODS: [&str; 5] = ["_asdict", "_replace", "_make", "count", "index"];
        Ok(match (tuple.field(name), tuple.class.scope.own(name)) {
            (Some(known), _) => known.clone(),
            (None, Some(Value::Function(function))) => self.function_of(value, function, name, site)?,
            (None, Some(known)) => known,
            (None, None) if name == "_fields" => Value::tuple(tuple.class.fields.iter().map(Value::str).collect()),
            (None, None) if METHODS.contains(&name) => value.method(name),
            (None, None) if name.starts_with("__") => site.unknown(),
            (None, None) => return Err(missing(value, name, site)),
        })
    }

    /// A function of a class as an attribute of what is made of it.
    fn function_of(&mut self, value: &Value, function: Rc<Function>, name: &str, site: Site<'_>) -> Evaluated<Value> {
        match function.binding.get() {
            Binding::Static => Ok(Value::Function(function)),
            Binding::Property => {
                let arguments = CallArguments::positional([value.clone()]);
                self.call_function(&function, arguments, site)
            }
            Binding::Instance | Binding::Class => Ok(value.method(name)),
        }
    }
}

fn missing(value: &Value, name: &str, site: Site<'_>) -> DefinitionError {
    let message = format!("'{}' object has no attribute '{name}'", value.type_name());
    site.raise("AttributeError", message)
}
