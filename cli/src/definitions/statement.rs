//! Statements.

use std::collections::BTreeSet;
use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtFor, StmtFunctionDef, StmtIf, StmtTry, StmtWhile};
use ruff_text_size::{Ranged, TextRange};

use super::module::Evaluator;
use super::object::Thing;
use super::scope::Scope;
use super::value::{CallArguments, Function, FunctionBody, Value};
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
