//! Classes of definition files: constants, enumerations, dataclasses.

use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtClassDef};
use ruff_text_size::TextRange;

use super::Evaluated;
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::Hides;
use super::value::{CallArguments, Class, Value};

impl Evaluator {
    pub(super) fn define_class(&mut self, definition: &StmtClassDef, scope: &Rc<Scope>) -> Evaluated<()> {
        let name = definition.name.as_str();
        let mut bases = Vec::new();
        for base in definition.bases() {
            bases.push(self.evaluate(base, scope)?);
        }
        let is = |wanted: &[&str]| {
            bases
                .iter()
                .any(|base| matches!(base, Value::Library(known) if wanted.contains(known)))
        };
        let inherited = |pick: fn(&Class) -> bool| {
            bases
                .iter()
                .any(|base| matches!(base, Value::Class(class) if pick(class)))
        };
        let body = Rc::new(Scope::of_class(scope));
        let mut fields = Vec::new();
        for base in &bases {
            if let Value::Class(class) = base {
                class
                    .scope
                    .bindings()
                    .into_iter()
                    .for_each(|(name, value)| body.bind(&name, value));
                fields.extend(class.fields.iter().cloned());
            }
        }
        self.run(&definition.body, &body)?;
        for name in definition.body.iter().filter_map(bound_name) {
            if !fields.contains(&name) {
                fields.push(name);
            }
        }
        let is_plain_base = |base: &Value| matches!(base, Value::Class(_) | Value::Library("object"));
        let is_its_value = is(&["str", "int", "enum.StrEnum", "enum.IntEnum"]) || inherited(|class| class.is_its_value);
        let is_enumeration =
            is(&["enum.Enum", "enum.StrEnum", "enum.IntEnum"]) || inherited(|class| class.is_enumeration);
        if is_enumeration {
            number_members(&fields, is(&["enum.StrEnum"]), &body);
        }
        let hides = bases.iter().map(|base| match base {
            Value::FeastClass(_) => Hides::Object,
            Value::Class(class) => class.hides,
            other => other.hides(),
        });
        let hides = hides.max().unwrap_or(Hides::Nothing);
        let mut is_dataclass = inherited(|class| class.is_dataclass);
        let mut is_known = true;
        for decorator in &definition.decorator_list {
            match self.evaluate(&decorator.expression, scope)? {
                Value::Library("dataclasses.dataclass") => is_dataclass = true,
                Value::Library("enum.unique") => {}
                _ => is_known = false,
            }
        }
        let class = Value::Class(Rc::new(Class {
            name: name.to_owned(),
            fields,
            is_instance: false,
            is_dataclass,
            is_enumeration,
            is_its_value,
            is_plain: bases.iter().all(is_plain_base),
            hides,
            scope: body,
        }));
        scope.bind(
            name,
            if is_known {
                class
            } else {
                Value::opaque_hiding(format!("the decorated class {name}"), hides)
            },
        );
        Ok(())
    }

    /// An instance of a class of a definition file.
    pub(super) fn instance(
        &mut self,
        class: &Rc<Class>,
        arguments: CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let own = Rc::new(Scope::of_class(scope));
        for (name, value) in class.scope.bindings() {
            let value = match &value {
                Value::Partial(partial) if matches!(partial.0, Value::Library("dataclasses.field")) => {
                    match self.field_default(&partial.1, range, scope)? {
                        Some(default) => default,
                        None => continue,
                    }
                }
                _ => value,
            };
            own.bind(&name, value);
        }
        let instance = Rc::new(Class {
            name: class.name.clone(),
            scope: Rc::clone(&own),
            fields: class.fields.clone(),
            is_instance: true,
            is_dataclass: class.is_dataclass,
            is_enumeration: false,
            is_its_value: false,
            is_plain: true,
            hides: Hides::Nothing,
        });
        match class.scope.own("__init__") {
            Some(Value::Function(initializer)) => {
                let mut positional = vec![Value::Class(Rc::clone(&instance))];
                positional.extend(arguments.positional);
                let named = arguments.named;
                self.call_function(&initializer, CallArguments { positional, named }, range, scope)?;
            }
            _ if class.is_dataclass => {
                let by_position = class.fields.iter().cloned().zip(arguments.positional);
                by_position
                    .chain(arguments.named)
                    .for_each(|(name, value)| own.bind(&name, value));
                if let Some(missing) = class.fields.iter().find(|name| own.own(name).is_none()) {
                    let text = format!("{}.__init__() missing 1 required argument: '{missing}'", class.name);
                    return Err(scope.raise(range, "TypeError", text));
                }
                if let Some(Value::Function(after)) = class.scope.own("__post_init__") {
                    let arguments = CallArguments::positional([Value::Class(Rc::clone(&instance))]);
                    self.call_function(&after, arguments, range, scope)?;
                }
            }
            _ if arguments.positional.is_empty() && arguments.named.is_empty() => {}
            _ => return Err(scope.raise(range, "TypeError", format!("{}() takes no arguments", class.name))),
        }
        Ok(Value::Class(instance))
    }

    /// The default that `dataclasses.field` gives a new instance.
    fn field_default(
        &mut self,
        field: &CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        match (field.named("default"), field.named("default_factory")) {
            (Some(default), _) => Ok(Some(default.clone())),
            (None, Some(factory)) => self
                .call_value(factory, CallArguments::default(), range, scope)
                .map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The name that a statement of a class body binds or annotates, where it is no function.
fn bound_name(statement: &Stmt) -> Option<String> {
    let target = match statement {
        Stmt::Assign(assign) => assign.targets.first()?,
        Stmt::AnnAssign(assign) => &assign.target,
        _ => return None,
    };
    match target {
        Expr::Name(name) => Some(name.id.to_string()),
        _ => None,
    }
}

/// Gives members that are `auto()` their values: numbers from 1, or their names in lower case in a `StrEnum`.
fn number_members(fields: &[String], is_text: bool, body: &Scope) {
    let mut last = 0;
    for name in fields {
        match body.own(name) {
            Some(Value::Library("enum.auto")) => {
                last += 1;
                let value = if is_text {
                    Value::text(name.to_lowercase())
                } else {
                    Value::Integer(last)
                };
                body.bind(name, value);
            }
            Some(Value::Integer(number)) => last = number,
            _ => {}
        }
    }
}
