//! Classes of definition files: constants, enumerations, dataclasses, named tuples.

use std::collections::BTreeSet;
use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtClassDef};
use ruff_text_size::TextRange;

use super::Evaluated;
use super::expression::LARGEST;
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::Hides;
use super::user_class::{Class, Members, Record};
use super::value::{CallArguments, Value};

const NAMED_TUPLE: &str = "typing.NamedTuple";

impl Evaluator {
    pub(super) fn define_class(&mut self, definition: &StmtClassDef, scope: &Rc<Scope>) -> Evaluated<()> {
        let name = definition.name.as_str();
        let mut bases = Vec::new();
        for base in definition.bases() {
            bases.push(self.evaluate(base, scope)?);
        }
        let body = Rc::new(Scope::of_class(scope));
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
                Value::Library("dataclasses.dataclass") => is_dataclass = true,
                Value::Library("enum.unique") => {}
                _ => is_known = false,
            }
        }
        let is_new_tuple = bases.iter().any(|base| matches!(base, Value::Library(NAMED_TUPLE)));
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
            number_members(&fields, enumeration == Some(Members::Texts), &body);
        }
        let hides = bases.iter().map(|base| match base {
            Value::FeastClass(_) => Hides::Object,
            Value::Class(class) => class.hides,
            other => other.hides(),
        });
        let hides = hides.max().unwrap_or(Hides::Nothing);
        let is_plain_base = |base: &Value| match base {
            Value::Class(class) => class.is_plain || class.enumeration.is_some(),
            Value::Library(name) => matches!(*name, "object" | NAMED_TUPLE),
            _ => false,
        };
        let class = Value::Class(Rc::new(Class {
            name: name.to_owned(),
            fields,
            bases: user_classes(&bases).cloned().collect(),
            is_instance: false,
            is_dataclass,
            is_named_tuple,
            enumeration,
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

    /// `namedtuple("Name", "a b")`, `NamedTuple("Name", [("a", int)])`; `None` where it is not known.
    pub(super) fn named_tuple(
        &self,
        function: &str,
        arguments: &CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        let size: usize = arguments.values().map(|value| value.size(LARGEST)).sum();
        scope.spend(range, size)?;
        let class = named_tuple(function, arguments, scope);
        let mut seen = BTreeSet::new();
        if let Some(class) = &class
            && let Some(twice) = class.fields.iter().find(|field| !seen.insert(field.as_str()))
        {
            let text = format!("Encountered duplicate field name: '{twice}'");
            return Err(scope.raise(range, "ValueError", text));
        }
        Ok(class.map(|class| Value::Class(Rc::new(class))))
    }

    /// An instance of a class of a definition file.
    pub(super) fn instance(
        &mut self,
        class: &Rc<Class>,
        arguments: CallArguments,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        if class.is_named_tuple {
            return record(class, arguments, range, scope);
        }
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
            bases: vec![Rc::clone(class)],
            is_instance: true,
            is_dataclass: class.is_dataclass,
            is_named_tuple: false,
            enumeration: None,
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
                let given = by_field(class, arguments, range, scope)?;
                for (name, value) in class.fields.iter().zip(given) {
                    if let Some(value) = value {
                        own.bind(name, value);
                    }
                }
                if let Some(missing) = class.fields.iter().find(|name| own.own(name).is_none()) {
                    return Err(missing_argument(class, missing, range, scope));
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

/// The class that `namedtuple` or `NamedTuple` makes; `None` where it is not known.
fn named_tuple(function: &str, arguments: &CallArguments, scope: &Rc<Scope>) -> Option<Class> {
    let [Value::Text(name), fields] = arguments.positional.as_slice() else {
        return None;
    };
    let fields: Vec<String> = match fields {
        Value::Text(fields) => fields.replace(',', " ").split_whitespace().map(str::to_owned).collect(),
        fields => {
            let fields = fields.items()?;
            let name = |field: &Value| match function {
                NAMED_TUPLE => field.items()?.first()?.as_text(),
                _ => field.as_text(),
            };
            let names = fields.iter().map(|field| Some(name(field)?.to_string()));
            names.collect::<Option<_>>()?
        }
    };
    let body = Rc::new(Scope::of_class(scope));
    for (argument, value) in &arguments.named {
        match argument.as_str() {
            "defaults" if function != NAMED_TUPLE => {
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
        name: name.to_string(),
        scope: body,
        fields,
        bases: Vec::new(),
        is_instance: false,
        is_dataclass: false,
        is_named_tuple: true,
        enumeration: None,
        is_plain: true,
        hides: Hides::Nothing,
    })
}

/// The classes of definition files among the bases of a class.
fn user_classes(bases: &[Value]) -> impl Iterator<Item = &Rc<Class>> {
    bases.iter().filter_map(|base| match base {
        Value::Class(class) => Some(class),
        _ => None,
    })
}

/// What the members of a class with these bases are; `None` if it is not an enumeration.
fn enumeration(bases: &[Value]) -> Option<Members> {
    let is = |wanted: &[&str]| {
        bases
            .iter()
            .any(|base| matches!(base, Value::Library(known) if wanted.contains(known)))
    };
    let inherited = user_classes(bases).find_map(|class| class.enumeration);
    if is(&["enum.StrEnum"]) {
        Some(Members::Texts)
    } else if is(&["enum.IntEnum"]) {
        Some(Members::Integers)
    } else if is(&["enum.Enum"]) || inherited.is_some() {
        match inherited {
            None | Some(Members::Plain) if is(&["str", "int", "float"]) => Some(Members::Mixed),
            inherited => inherited.or(Some(Members::Plain)),
        }
    } else {
        None
    }
}

/// An instance of a named tuple.
pub(super) fn record(class: &Rc<Class>, arguments: CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Value> {
    let given = by_field(class, arguments, range, scope)?;
    let mut values = Vec::with_capacity(class.fields.len());
    for (field, given) in class.fields.iter().zip(given) {
        match given.or_else(|| class.scope.own(field)) {
            Some(value) => values.push(value),
            None => return Err(missing_argument(class, field, range, scope)),
        }
    }
    Ok(Value::Record(Rc::new(Record {
        class: Rc::clone(class),
        values,
    })))
}

/// The value that is given for each field, if one is.
fn by_field(class: &Class, arguments: CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Vec<Option<Value>>> {
    let name = &class.name;
    let count = arguments.positional.len();
    scope.spend(range, class.fields.len().saturating_mul(1 + arguments.named.len()))?;
    if count > class.fields.len() {
        let text = format!(
            "{name}.__init__() takes {} arguments but {count} were given",
            class.fields.len()
        );
        return Err(scope.raise(range, "TypeError", text));
    }
    let mut given: Vec<Option<Value>> = arguments.positional.into_iter().map(Some).collect();
    given.resize(class.fields.len(), None);
    for (argument, value) in arguments.named {
        let Some(position) = class.fields.iter().position(|field| *field == argument) else {
            let text = format!("{name}.__init__() got an unexpected keyword argument '{argument}'");
            return Err(scope.raise(range, "TypeError", text));
        };
        if given[position].replace(value).is_some() {
            let text = format!("{name}.__init__() got multiple values for argument '{argument}'");
            return Err(scope.raise(range, "TypeError", text));
        }
    }
    Ok(given)
}

fn missing_argument(class: &Class, name: &str, range: TextRange, scope: &Scope) -> super::DefinitionError {
    let text = format!("{}.__init__() missing 1 required argument: '{name}'", class.name);
    scope.raise(range, "TypeError", text)
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
