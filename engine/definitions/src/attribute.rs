//! Attributes of values.

use std::rc::Rc;

use ruff_python_ast::ExprAttribute;
use ruff_text_size::TextRange;

use super::expression::LARGEST;
use super::module::Evaluator;
use super::object::Thing;
use super::scope::Scope;
use super::unknown::{Hides, unknown, unknown_hiding};
use super::user_class::{Class, Member, Record};
use super::value::{Binding, CallArguments, Function, Value};
use super::{DefinitionError, Evaluated, feast, library, methods, table};

impl Evaluator {
    pub(super) fn attribute(&mut self, attribute: &ExprAttribute, scope: &Rc<Scope>) -> Evaluated<Value> {
        let value = self.evaluate(&attribute.value, scope)?;
        if let Value::Table(_) | Value::Dtypes(_) = &value {
            scope.spend(attribute.range, value.size(LARGEST))?;
        }
        self.attribute_of(&value, attribute.attr.as_str(), attribute.range, scope)
    }

    /// `value.name`.
    pub(super) fn attribute_of(
        &mut self,
        value: &Value,
        name: &str,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let missing = || missing(value, name, range, scope);
        let method = || Value::Method(Rc::new(value.clone()), Rc::from(name));
        Ok(match value {
            Value::Opaque(_) => value.clone(),
            Value::Module(module) => self.attribute_of_module(module, name, range, scope)?,
            Value::FeastEnumeration(enumeration) => feast::member(enumeration, name).ok_or_else(missing)?,
            Value::Class(class) => return self.attribute_of_class(value, class, name, range, scope),
            Value::Library(class) => library::attribute(class, name, scope),
            Value::Member(member) => return self.attribute_of_member(value, member, name, range, scope),
            Value::Record(record) => return self.attribute_of_record(value, record, name, range, scope),
            Value::Object(object) => match object.attribute(name) {
                Some(known) => {
                    // It stands for the object's own: a change of it would change the object.
                    scope.keep(&known);
                    known
                }
                None if name.starts_with("with_") && object.projection().is_some() => method(),
                None => match (name, object.projection()) {
                    ("projection", Some(projection)) => feast::object(Thing::Projection(projection), range, scope),
                    _ => unknown(range, scope),
                },
            },
            Value::Table(_) | Value::Dtypes(_) | Value::Column(..) | Value::Dtype(_) => {
                table::attribute(value, name).unwrap_or_else(|| unknown(range, scope))
            }
            Value::View(view) if view.type_name == "Index" && name == "values" => value.clone(),
            Value::Path(path) => methods::path_attribute(path, name).unwrap_or_else(method),
            Value::Duration(duration) => methods::duration_attribute(*duration, name).unwrap_or_else(method),
            Value::Moment(micros) => methods::moment_attribute(*micros, name).unwrap_or_else(method),
            Value::Function(function) if name == "__name__" => Value::text(&function.name),
            Value::FeastClass(class) if name == "__name__" => Value::text(class.name),
            _ => method(),
        })
    }

    /// An attribute of a class of a definition file, or of an instance of one.
    fn attribute_of_class(
        &mut self,
        value: &Value,
        class: &Rc<Class>,
        name: &str,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let method = || Value::Method(Rc::new(value.clone()), Rc::from(name));
        if name == "__name__" && !class.is_instance {
            return Ok(Value::text(&class.name));
        }
        if class.is_named_tuple {
            let is_field = class.fields.iter().any(|field| field == name);
            return Ok(match (name, class.scope.own(name).filter(|_| !is_field)) {
                ("_fields", _) => Value::tuple(class.fields.iter().map(Value::text).collect()),
                ("_make", _) => method(),
                (_, known) => known.unwrap_or_else(|| unknown(range, scope)),
            });
        }
        Ok(match class.attribute(name) {
            Some(Value::Function(function)) => match function.binding.get() {
                Binding::Class => method(),
                Binding::Instance | Binding::Property if !class.is_instance => Value::Function(function),
                _ => self.function_of(value, function, name, range, scope)?,
            },
            Some(known) => known,
            // `__getattr__` may answer, or a base that is not known.
            None if class.scope.own("__getattr__").is_some() => unknown_hiding(Hides::Perhaps, range, scope),
            None if name.starts_with("__") => unknown(range, scope),
            None if class.is_plain || class.enumeration.is_some() => return Err(missing(value, name, range, scope)),
            None => unknown_hiding(class.hides, range, scope),
        })
    }

    fn attribute_of_member(
        &mut self,
        value: &Value,
        member: &Member,
        name: &str,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let own = member.class.as_ref().and_then(|class| class.scope.own(name));
        Ok(match (name, own) {
            // A type, where Feast's own enumeration has a number.
            ("value", None) if member.class.is_none() && member.enumeration == "ValueType" => unknown(range, scope),
            ("value" | "_value_", None) => member.value.clone(),
            ("name" | "_name_", None) => Value::text(&member.name),
            (_, Some(Value::Function(function))) => self.function_of(value, function, name, range, scope)?,
            (_, Some(known)) => known,
            (_, None) if member.is_its_value() => self.attribute_of(&member.value, name, range, scope)?,
            (_, None) => unknown(range, scope),
        })
    }

    fn attribute_of_record(
        &mut self,
        value: &Value,
        record: &Record,
        name: &str,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        const METHODS: [&str; 5] = ["_asdict", "_replace", "_make", "count", "index"];
        Ok(match (record.field(name), record.class.scope.own(name)) {
            (Some(known), _) => known.clone(),
            (None, Some(Value::Function(function))) => self.function_of(value, function, name, range, scope)?,
            (None, Some(known)) => known,
            (None, None) if name == "_fields" => Value::tuple(record.class.fields.iter().map(Value::text).collect()),
            (None, None) if METHODS.contains(&name) => Value::Method(Rc::new(value.clone()), Rc::from(name)),
            (None, None) if name.starts_with("__") => unknown(range, scope),
            (None, None) => return Err(missing(value, name, range, scope)),
        })
    }

    /// A function of a class as an attribute of what is made of it.
    fn function_of(
        &mut self,
        value: &Value,
        function: Rc<Function>,
        name: &str,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        match function.binding.get() {
            Binding::Nothing => Ok(Value::Function(function)),
            Binding::Property => {
                let arguments = CallArguments::positional([value.clone()]);
                self.call_function(&function, arguments, range, scope)
            }
            Binding::Instance | Binding::Class => Ok(Value::Method(Rc::new(value.clone()), Rc::from(name))),
        }
    }
}

fn missing(value: &Value, name: &str, range: TextRange, scope: &Scope) -> DefinitionError {
    let text = format!("'{}' object has no attribute '{name}'", value.type_name());
    scope.raise(range, "AttributeError", text)
}
