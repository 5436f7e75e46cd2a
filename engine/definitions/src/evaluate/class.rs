//! Classes of definition files: constants, enumerations, dataclasses, named tuples.

use std::cell::Cell;
use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtClassDef};

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::Evaluated;
use crate::stdlib::{bind_fields, missing_field, new_named_tuple};
use crate::value::{CallArguments, Class, EnumKind, Scope, Taint, Value};

const NAMED_TUPLE: &str = "typing.NamedTuple";

impl Evaluator<'_> {
    pub(super) fn class_def(&mut self, definition: &StmtClassDef, scope: &Rc<Scope>) -> Evaluated<()> {
        let name = definition.name.as_str();
        let mut bases = Vec::new();
        for base in definition.bases() {
            bases.push(self.evaluate(base, scope)?);
        }
        let body = Rc::new(Scope::for_class(scope));
        let mut fields = Vec::new();
        for class in user_classes(&bases) {
            class
                .scope
                .bindings()
                .into_iter()
                .for_each(|(name, value)| body.bind(&name, value));
            fields.extend(class.fields.iter().cloned());
        }
        self.run(&definition.body, &body)?;
        let mut is_dataclass = user_classes(&bases).any(|class| class.is_dataclass);
        let mut is_known = true;
        for decorator in &definition.decorator_list {
            match self.evaluate(&decorator.expression, scope)? {
                Value::Builtin("dataclasses.dataclass") => is_dataclass = true,
                Value::Builtin("enum.unique") => {}
                _ => is_known = false,
            }
        }
        let is_new_tuple = bases.iter().any(|base| matches!(base, Value::Builtin(NAMED_TUPLE)));
        let is_named_tuple = is_new_tuple || user_classes(&bases).any(|class| class.is_named_tuple);
        let enumeration = enumeration(&bases);
        let own: Vec<String> = match (is_named_tuple && !is_new_tuple, is_dataclass || is_named_tuple) {
            // Only the class that is made from `NamedTuple` has fields.
            (true, _) => Vec::new(),
            (false, true) => definition.body.iter().filter_map(annotated_name).collect(),
            (false, false) => definition.body.iter().filter_map(bound_name).collect(),
        };
        for name in own {
            if !fields.contains(&name) {
                fields.push(name);
            }
        }
        if enumeration.is_some() {
            number_members(&fields, enumeration == Some(EnumKind::Str), &body);
        }
        let taint = inherited_taint(&bases);
        let class = Value::Class(Rc::new(Class {
            is_changed: Cell::new(false),
            name: name.to_owned(),
            fields,
            bases: user_classes(&bases).cloned().collect(),
            is_instance: false,
            is_dataclass,
            is_named_tuple,
            enumeration,
            is_plain: bases.iter().all(is_plain_base),
            taint,
            scope: body,
        }));
        scope.bind(
            name,
            if is_known {
                class
            } else {
                Value::opaque_with(format!("the decorated class {name}"), taint)
            },
        );
        Ok(())
    }

    /// An instance of a class of a definition file.
    pub(super) fn instance(&mut self, class: &Rc<Class>, arguments: CallArguments, site: Site<'_>) -> Evaluated<Value> {
        if class.is_named_tuple {
            return new_named_tuple(class, arguments, site);
        }
        let own = Rc::new(Scope::for_class(site.scope));
        for (name, value) in class.scope.bindings() {
            let value = match &value {
                Value::Partial(partial) if matches!(partial.0, Value::Builtin("dataclasses.field")) => {
                    match self.field_default(&partial.1, site)? {
                        Some(default) => default,
                        None => continue,
                    }
                }
                _ => value,
            };
            own.bind(&name, value);
        }
        let instance = Rc::new(Class {
            is_changed: Cell::new(false),
            name: class.name.clone(),
            scope: Rc::clone(&own),
            fields: class.fields.clone(),
            bases: vec![Rc::clone(class)],
            is_instance: true,
            is_dataclass: class.is_dataclass,
            is_named_tuple: false,
            enumeration: None,
            is_plain: true,
            taint: Taint::Clean,
        });
        match class.scope.own("__init__") {
            Some(Value::Function(initializer)) => {
                let mut positional = vec![Value::Class(Rc::clone(&instance))];
                positional.extend(arguments.positional);
                let named = arguments.named;
                self.call_function(&initializer, CallArguments { positional, named }, site)?;
            }
            _ if class.is_dataclass => {
                let given = bind_fields(class, arguments, site)?;
                for (name, value) in class.fields.iter().zip(given) {
                    if let Some(value) = value {
                        own.bind(name, value);
                    }
                }
                if let Some(missing) = class.fields.iter().find(|name| own.own(name).is_none()) {
                    return Err(missing_field(class, missing, site));
                }
                if let Some(Value::Function(after)) = class.scope.own("__post_init__") {
                    let arguments = CallArguments::positional([Value::Class(Rc::clone(&instance))]);
                    self.call_function(&after, arguments, site)?;
                }
            }
            _ if arguments.positional.is_empty() && arguments.named.is_empty() => {}
            _ => return Err(site.raise("TypeError", format!("{}() takes no arguments", class.name))),
        }
        Ok(Value::Class(instance))
    }

    /// The default that a new instance gets from `dataclasses.field`.
    fn field_default(&mut self, field: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
        match (field.named("default"), field.named("default_factory")) {
            (Some(default), _) => Ok(Some(default.clone())),
            (None, Some(factory)) => self.call_value(factory, CallArguments::default(), site).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The classes of definition files among the bases of a class.
fn user_classes(bases: &[Value]) -> impl Iterator<Item = &Rc<Class>> {
    bases.iter().filter_map(|base| match base {
        Value::Class(class) => Some(class),
        _ => None,
    })
}

/// What the members of a class with these bases are; `None` if it is not an enumeration.
fn enumeration(bases: &[Value]) -> Option<EnumKind> {
    let has = |names: &[&str]| {
        bases
            .iter()
            .any(|base| matches!(base, Value::Builtin(known) if names.contains(known)))
    };
    let inherited = user_classes(bases).find_map(|class| class.enumeration);
    if has(&["enum.StrEnum"]) {
        Some(EnumKind::Str)
    } else if has(&["enum.IntEnum"]) {
        Some(EnumKind::Int)
    } else if has(&["enum.Enum"]) || inherited.is_some() {
        match inherited {
            None | Some(EnumKind::Plain) if has(&["str", "int", "float"]) => Some(EnumKind::Mixed),
            inherited => inherited.or(Some(EnumKind::Plain)),
        }
    } else {
        None
    }
}

/// The name that a statement of a class body binds or annotates, unless it is a function.
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

/// The field that a statement of a class body annotates.
fn annotated_name(statement: &Stmt) -> Option<String> {
    let Stmt::AnnAssign(assign) = statement else {
        return None;
    };
    let annotation = match &*assign.annotation {
        Expr::Subscript(subscript) => &subscript.value,
        other => other,
    };
    let is_of_class = match annotation {
        Expr::Name(name) => name.id == "ClassVar",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "ClassVar",
        Expr::StringLiteral(text) => text.value.to_str().contains("ClassVar"),
        _ => false,
    };
    bound_name(statement).filter(|_| !is_of_class)
}

/// The taint that a class has from its bases.
fn inherited_taint(bases: &[Value]) -> Taint {
    let taints = bases.iter().map(|base| match base {
        Value::FeastClass(_) => Taint::Object,
        Value::Class(class) => class.taint,
        other => other.taint(),
    });
    taints.max().unwrap_or(Taint::Clean)
}

/// Whether the evaluator knows all that a base brings with it.
fn is_plain_base(base: &Value) -> bool {
    match base {
        Value::Class(class) => class.is_plain || class.enumeration.is_some(),
        Value::Builtin(name) => matches!(*name, "object" | NAMED_TUPLE),
        _ => false,
    }
}

/// Gives members that are `auto()` their values: numbers from 1, or their names in lower case in a `StrEnum`.
fn number_members(fields: &[String], is_str: bool, body: &Scope) {
    let mut last = 0;
    for name in fields {
        match body.own(name) {
            Some(Value::Builtin("enum.auto")) => {
                last += 1;
                let value = if is_str {
                    Value::str(name.to_lowercase())
                } else {
                    Value::Int(last)
                };
                body.bind(name, value);
            }
            Some(Value::Int(number)) => last = number,
            _ => {}
        }
    }
}
