//! Statements.

use std::collections::BTreeSet;
use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtAugAssign, StmtClassDef, StmtFor, StmtFunctionDef, StmtIf, StmtTry, StmtWhile};
use ruff_text_size::{Ranged, TextRange};

use super::module::Evaluator;
use super::object::Thing;
use super::scope::Scope;
use super::value::{CallArguments, Class, Function, FunctionBody, Value, put};
use super::{DefinitionError, Evaluated, source_text};

/// How a list of statements ended.
pub(super) enum Flow {
    /// At its end.
    Done,
    /// By `return`.
    Returned(Value),
    /// By `break`.
    Broken,
    /// By `continue`.
    Continued,
}

impl Evaluator {
    /// Runs statements in order.
    pub(super) fn run(&mut self, body: &[Stmt], scope: &Rc<Scope>) -> Evaluated<Flow> {
        for statement in body {
            scope.spend(statement.range(), 1)?;
            let flow = self.statement(statement, scope)?;
            if !matches!(flow, Flow::Done) {
                return Ok(flow);
            }
        }
        Ok(Flow::Done)
    }

    fn statement(&mut self, statement: &Stmt, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let too_deep = || scope.limit(statement.range(), "these statements are nested too deeply to be read");
        self.deeper(too_deep, |evaluator| evaluator.statement_here(statement, scope))
    }

    fn statement_here(&mut self, statement: &Stmt, scope: &Rc<Scope>) -> Evaluated<Flow> {
        match statement {
            Stmt::Assign(assign) => {
                let value = self.evaluate(&assign.value, scope)?;
                for target in &assign.targets {
                    self.assign(target, value.clone(), scope)?;
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    let value = self.evaluate(value, scope)?;
                    self.assign(&assign.target, value, scope)?;
                }
            }
            Stmt::AugAssign(assign) => self.change(assign, scope)?,
            Stmt::Import(import) => self.import(import, scope)?,
            Stmt::ImportFrom(import) => self.import_from(import, scope)?,
            Stmt::FunctionDef(definition) => self.define(definition, scope)?,
            Stmt::ClassDef(class) => self.define_class(class, scope)?,
            Stmt::Return(returned) => {
                let value = returned.value.as_ref();
                let value = value.map_or(Ok(Value::None), |value| self.evaluate(value, scope))?;
                return Ok(Flow::Returned(value));
            }
            Stmt::If(branch) => return self.branch(branch, scope),
            Stmt::For(each) => return self.repeat(each, scope),
            Stmt::While(each) => return self.repeat_while(each, scope),
            Stmt::Try(attempt) => return self.attempt(attempt, scope),
            Stmt::With(with) => {
                for item in &with.items {
                    let value = self.evaluate(&item.context_expr, scope)?;
                    if let Some(target) = &item.optional_vars {
                        self.assign(target, value, scope)?;
                    }
                }
                return self.run(&with.body, scope);
            }
            Stmt::Expr(effect) => {
                self.evaluate(&effect.value, scope)?;
            }
            Stmt::Raise(raise) => {
                let what = raise.exc.as_deref();
                let class = what.map(|what| match what {
                    Expr::Call(call) => scope.text(call.func.range()),
                    other => scope.text(other.range()),
                });
                let text = what.map(|what| scope.text(what.range())).unwrap_or_default();
                return Err(scope.raise(raise.range, &class.unwrap_or_else(|| "RuntimeError".to_owned()), text));
            }
            Stmt::Assert(assert) => {
                if self.evaluate(&assert.test, scope)?.truth() == Some(false) {
                    return Err(scope.raise(assert.range, "AssertionError", scope.text(assert.test.range())));
                }
            }
            Stmt::Delete(delete) => {
                for target in &delete.targets {
                    self.delete(target, scope)?;
                }
            }
            Stmt::Global(global) => global.names.iter().for_each(|name| scope.declare_global(name.as_str())),
            Stmt::Nonlocal(names) => names
                .names
                .iter()
                .for_each(|name| scope.declare_nonlocal(name.as_str())),
            Stmt::Break(_) => return Ok(Flow::Broken),
            Stmt::Continue(_) => return Ok(Flow::Continued),
            Stmt::Pass(_) | Stmt::TypeAlias(_) => {}
            other => {
                return Err(scope.limit(
                    other.range(),
                    "this kind of statement cannot be read without running Python",
                ));
            }
        }
        Ok(Flow::Done)
    }

    /// Binds names, unpacks tuples, sets items.
    pub(super) fn assign(&mut self, target: &Expr, value: Value, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Expr::Name(name) => scope.bind(name.id.as_str(), value),
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, &value, target.range(), scope)?,
            Expr::List(list) => self.unpack(&list.elts, &value, target.range(), scope)?,
            Expr::Starred(starred) => self.assign(&starred.value, value, scope)?,
            Expr::Subscript(subscript) => {
                let container = self.evaluate(&subscript.value, scope)?;
                let key = self.evaluate(&subscript.slice, scope)?;
                self.set_item(&container, key, value, target.range(), scope)?;
            }
            Expr::Attribute(attribute) => {
                let changed = self.evaluate(&attribute.value, scope)?;
                match changed {
                    Value::Opaque(_) | Value::Module(_) => {}
                    Value::Class(class) => {
                        self.check_certain(&changed_class(&class), target.range(), scope)?;
                        class.scope.bind(attribute.attr.as_str(), value);
                    }
                    known => {
                        return Err(scope.limit(
                            target.range(),
                            format!(
                                "changing a {} after it is made cannot be read without running Python; give the value where it \
                                 is made",
                                known.type_name()
                            ),
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn unpack(&mut self, targets: &[Expr], value: &Value, range: TextRange, scope: &Rc<Scope>) -> Evaluated<()> {
        let Some(items) = value.items() else {
            let unknown = Value::opaque(format!("`{}`", scope.text(range)));
            return targets
                .iter()
                .try_for_each(|target| self.assign(target, unknown.clone(), scope));
        };
        let starred = targets.iter().position(|target| matches!(target, Expr::Starred(_)));
        let fits = match starred {
            None => items.len() == targets.len(),
            Some(_) => items.len() + 1 >= targets.len(),
        };
        if !fits {
            let text = format!("cannot unpack {} values into {} names", items.len(), targets.len());
            return Err(scope.raise(range, "ValueError", text));
        }
        let surplus = items.len() + 1 - targets.len();
        let mut items = items.into_iter();
        for (index, target) in targets.iter().enumerate() {
            let value = if Some(index) == starred {
                Value::list(items.by_ref().take(surplus).collect())
            } else {
                items.next().unwrap_or(Value::None)
            };
            self.assign(target, value, scope)?;
        }
        Ok(())
    }

    /// Sets an item of a list or dict.
    pub(super) fn set_item(
        &self,
        container: &Value,
        key: Value,
        value: Value,
        range: TextRange,
        scope: &Scope,
    ) -> Evaluated<()> {
        match container {
            Value::Opaque(_) => return Ok(()),
            _ => self.check_certain(container, range, scope)?,
        }
        match (container, &key) {
            (Value::Dict(members), _) => {
                self.check_acyclic(container, &value, range, scope)?;
                scope.spend(range, members.borrow().len())?;
                put(&mut members.borrow_mut(), key, value);
            }
            (Value::Globals, Value::Text(name)) => scope.of_module().bind(name, value),
            (Value::List(items), Value::Integer(index)) => {
                self.check_acyclic(container, &value, range, scope)?;
                let mut items = items.borrow_mut();
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let position = if *index < 0 { index + length } else { *index };
                let item = usize::try_from(position)
                    .ok()
                    .and_then(|position| items.get_mut(position));
                *item.ok_or_else(|| scope.raise(range, "IndexError", "list assignment index out of range"))? = value;
            }
            _ => {
                return Err(scope.limit(
                    range,
                    format!(
                        "changing a {} in place cannot be read without running Python",
                        container.type_name()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Changes under a condition that is not known would be lost or made up.
    pub(super) fn check_certain(&self, container: &Value, range: TextRange, scope: &Scope) -> Evaluated<()> {
        if self.uncertain == 0 {
            return Ok(());
        }
        Err(scope.limit(
            range,
            format!(
                "whether this {} is changed depends on a condition that cannot be known without running Python",
                container.type_name()
            ),
        ))
    }

    /// A container in itself could not be looked through.
    pub(super) fn check_acyclic(
        &self,
        container: &Value,
        added: &Value,
        range: TextRange,
        scope: &Scope,
    ) -> Evaluated<()> {
        const LARGEST: usize = 1_000_000;
        let size = added.size(LARGEST);
        scope.spend(range, size)?;
        if size >= LARGEST {
            return Err(scope.limit(range, "this value is too large for a definition"));
        }
        if holds(added, container) {
            return Err(scope.limit(range, "a list or dict that holds itself cannot be read"));
        }
        Ok(())
    }

    fn change(&mut self, assign: &StmtAugAssign, scope: &Rc<Scope>) -> Evaluated<()> {
        let old = self.evaluate(&assign.target, scope)?;
        let operand = self.evaluate(&assign.value, scope)?;
        if let (Value::List(items), Some(added), ruff_python_ast::Operator::Add) = (&old, operand.items(), assign.op) {
            self.check_certain(&old, assign.range, scope)?;
            self.check_acyclic(&old, &operand, assign.range, scope)?;
            items.borrow_mut().extend(added);
            return Ok(());
        }
        let value = self.operate(assign.op, &old, &operand, assign.range, scope)?;
        self.assign(&assign.target, value, scope)
    }

    fn delete(&mut self, target: &Expr, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Expr::Name(name) => scope.unbind(name.id.as_str()),
            Expr::Subscript(subscript) => {
                let container = self.evaluate(&subscript.value, scope)?;
                let key = self.evaluate(&subscript.slice, scope)?;
                if let Value::Dict(members) = &container {
                    self.check_certain(&container, target.range(), scope)?;
                    members.borrow_mut().retain(|(known, _)| *known != key);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn define(&mut self, definition: &StmtFunctionDef, scope: &Rc<Scope>) -> Evaluated<()> {
        let function = Rc::new(Function {
            name: definition.name.to_string(),
            parameters: (*definition.parameters).clone(),
            body: FunctionBody::Statements(definition.body.to_vec()),
            scope: Rc::clone(scope),
            text: source_text::of_function(definition, scope.source()),
        });
        let mut value = Value::Function(Rc::clone(&function));
        for decorator in definition.decorator_list.iter().rev() {
            let applied = self.evaluate(&decorator.expression, scope)?;
            value = match &applied {
                Value::Decorator(pending) => self.decorate(pending, &function, decorator.range, scope)?,
                // Such decorators change how a function is called, not what it gives.
                Value::Library("functools.lru_cache" | "functools.cache" | "functools.wraps" | "staticmethod") => value,
                Value::Function(_) => {
                    let arguments = CallArguments {
                        positional: vec![value],
                        named: Vec::new(),
                    };
                    self.call_value(&applied, arguments, decorator.range, scope)?
                }
                Value::Opaque(_) => Value::opaque(format!("the decorated function {}", function.name)),
                Value::FeastClass(class) => {
                    let text = format!("{}() needs parentheses and its arguments", class.name);
                    return Err(scope.raise(decorator.range, "TypeError", text));
                }
                _ => Value::opaque(format!("the decorated function {}", function.name)),
            };
        }
        if definition.is_async {
            value = Value::opaque(format!("the asynchronous function {}", function.name));
        }
        scope.bind(definition.name.as_str(), value);
        Ok(())
    }

    fn define_class(&mut self, definition: &StmtClassDef, scope: &Rc<Scope>) -> Evaluated<()> {
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
        let body = Rc::new(Scope::inside(scope));
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
        let is_text = is(&["str", "enum.StrEnum"]) || inherited(|class| class.is_text);
        let is_enumeration =
            is(&["enum.Enum", "enum.StrEnum", "enum.IntEnum"]) || inherited(|class| class.is_enumeration);
        if is_enumeration {
            number_members(&fields, is_text, &body);
        }
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
            is_text,
            is_plain: bases.iter().all(is_plain_base),
            scope: body,
        }));
        scope.bind(
            name,
            if is_known {
                class
            } else {
                Value::opaque(format!("the decorated class {name}"))
            },
        );
        Ok(())
    }

    fn branch(&mut self, branch: &StmtIf, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let clauses = branch.elif_else_clauses.iter();
        let clauses = clauses.map(|clause| (clause.test.as_ref(), clause.body.as_slice()));
        let all: Vec<(Option<&Expr>, &[Stmt])> = std::iter::once((Some(&*branch.test), branch.body.as_slice()))
            .chain(clauses)
            .collect();
        for (index, (test, body)) in all.iter().enumerate() {
            let Some(test) = test else { return self.run(body, scope) };
            match self.evaluate(test, scope)?.truth() {
                Some(true) => return self.run(body, scope),
                Some(false) => {}
                None => {
                    let bodies: Vec<&[Stmt]> = all[index..].iter().map(|(_, body)| *body).collect();
                    return self.try_all(&bodies, test.range(), scope);
                }
            }
        }
        Ok(Flow::Done)
    }

    fn repeat(&mut self, each: &StmtFor, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let iterated = self.evaluate(&each.iter, scope)?;
        let Some(items) = iterated.items() else {
            let unknown = Value::opaque(format!("the items of `{}`", scope.text(each.iter.range())));
            self.assign(&each.target, unknown, scope)?;
            return self.try_all(&[&each.body], each.iter.range(), scope);
        };
        for item in items {
            scope.spend(each.range, 1)?;
            self.assign(&each.target, item, scope)?;
            match self.run(&each.body, scope)? {
                Flow::Returned(value) => return Ok(Flow::Returned(value)),
                Flow::Broken => return Ok(Flow::Done),
                Flow::Done | Flow::Continued => {}
            }
        }
        self.run(&each.orelse, scope)
    }

    fn repeat_while(&mut self, each: &StmtWhile, scope: &Rc<Scope>) -> Evaluated<Flow> {
        loop {
            scope.spend(each.range, 1)?;
            match self.evaluate(&each.test, scope)?.truth() {
                Some(true) => {}
                Some(false) => return self.run(&each.orelse, scope),
                None => return self.try_all(&[&each.body], each.test.range(), scope),
            }
            match self.run(&each.body, scope)? {
                Flow::Returned(value) => return Ok(Flow::Returned(value)),
                Flow::Broken => return Ok(Flow::Done),
                Flow::Done | Flow::Continued => {}
            }
        }
    }

    /// Runs statements of which it is not known whether they run: what they bind is not known afterwards.
    fn try_all(&mut self, bodies: &[&[Stmt]], reason: TextRange, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let unknown = Value::opaque(format!("`{}`", scope.text(reason)));
        let mut bound = BTreeSet::new();
        let mut returns = false;
        for body in bodies {
            let trial = Rc::new(Scope::inside(scope));
            self.uncertain += 1;
            let outcome = self.run(body, &trial);
            self.uncertain -= 1;
            match outcome {
                Ok(flow) => returns |= matches!(flow, Flow::Returned(_)),
                // An exception of Python's own means only that this body is not the one that runs.
                Err(error) if error.is_exception() => {}
                Err(error) => return Err(error),
            }
            for (name, value) in trial.bindings() {
                if matches!(&value, Value::Object(object) if is_registered(&object.thing)) {
                    return Err(scope.limit(
                        reason,
                        format!(
                            "whether {name} is defined depends on `{}`, which cannot be read without running Python",
                            scope.text(reason)
                        ),
                    ));
                }
                bound.insert(name);
            }
        }
        bound.iter().for_each(|name| scope.bind(name, unknown.clone()));
        Ok(if returns { Flow::Returned(unknown) } else { Flow::Done })
    }

    fn attempt(&mut self, attempt: &StmtTry, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let expects_import_errors = attempt.handlers.iter().any(|handler| {
            let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
            catches(handler.type_.as_deref(), "ModuleNotFoundError", scope)
        });
        self.expecting_import_errors += usize::from(expects_import_errors);
        let outcome = self.run(&attempt.body, scope);
        self.expecting_import_errors -= usize::from(expects_import_errors);
        let outcome = match outcome {
            Ok(Flow::Done) => self.run(&attempt.orelse, scope),
            Err(error) => self.handle(attempt, error, scope),
            other => other,
        };
        match self.run(&attempt.finalbody, scope)? {
            Flow::Done => outcome,
            decided => Ok(decided),
        }
    }

    fn handle(&mut self, attempt: &StmtTry, error: DefinitionError, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let Some(exception) = error.exception.clone() else {
            return Err(error);
        };
        for handler in &attempt.handlers {
            let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
            if catches(handler.type_.as_deref(), &exception, scope) {
                if let Some(name) = &handler.name {
                    scope.bind(name.as_str(), Value::opaque(format!("the {exception}")));
                }
                return self.run(&handler.body, scope);
            }
        }
        Err(error)
    }
}

fn changed_class(class: &Rc<Class>) -> Value {
    Value::Class(Rc::clone(class))
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

/// Gives members that are `auto()` their values: numbers from 1, or their names in lower case where they are texts.
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

/// Whether an `except` clause with that expression catches the exception.
fn catches(class: Option<&Expr>, exception: &str, scope: &Scope) -> bool {
    let parents: &[&str] = match exception {
        "ModuleNotFoundError" => &["ImportError"],
        "KeyError" | "IndexError" => &["LookupError"],
        "FileNotFoundError" => &["OSError", "IOError"],
        _ => &[],
    };
    match class {
        None => true,
        Some(Expr::Tuple(tuple)) => tuple.elts.iter().any(|class| catches(Some(class), exception, scope)),
        Some(class) => {
            let name = scope.text(class.range());
            name == exception || parents.contains(&name.as_str()) || name == "Exception" || name == "BaseException"
        }
    }
}

/// Whether Feast registers such an object when a name of a module is bound to it.
fn is_registered(thing: &Thing) -> bool {
    matches!(
        thing,
        Thing::Project(_)
            | Thing::Entity(_)
            | Thing::Source(_)
            | Thing::View(_)
            | Thing::OnDemandView(_)
            | Thing::Projection(_)
            | Thing::Service(_)
            | Thing::Permission(_)
    )
}

/// Whether a value is a container or holds it.
fn holds(value: &Value, container: &Value) -> bool {
    let same = match (value, container) {
        (Value::List(left), Value::List(right)) => Rc::ptr_eq(left, right),
        (Value::Dict(left), Value::Dict(right)) => Rc::ptr_eq(left, right),
        _ => false,
    };
    same || match value {
        Value::List(items) => items.borrow().iter().any(|item| holds(item, container)),
        Value::Tuple(items) | Value::Set(items) => items.iter().any(|item| holds(item, container)),
        Value::Dict(members) => members
            .borrow()
            .iter()
            .any(|(key, value)| holds(key, container) || holds(value, container)),
        _ => false,
    }
}
