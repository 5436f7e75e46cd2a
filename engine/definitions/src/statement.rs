//! Statements.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_python_ast::{Expr, Parameters, Stmt, StmtFor, StmtFunctionDef, StmtIf, StmtTry, StmtWhile};
use ruff_text_size::{Ranged, TextRange};

use super::expression::LARGEST;
use super::generator::has_yield;
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::{Hides, unknown, unknown_hiding};
use super::value::{Binding, CallArguments, Function, FunctionBody, Value};
use super::{DefinitionError, Evaluated, source_text};

/// How a list of statements ended.
pub(super) enum Flow {
    /// At its end.
    Done,
    /// By `return`.
    Returned(Value),
    /// Perhaps by `return`, perhaps at its end: that depends on what is at this place.
    PerhapsReturned(Hides, TextRange),
    /// By `break`.
    Broken,
    /// By `continue`.
    Continued,
}

impl Evaluator {
    /// Runs statements in order.
    pub(super) fn run(&mut self, body: &[Stmt], scope: &Rc<Scope>) -> Evaluated<Flow> {
        for (index, statement) in body.iter().enumerate() {
            scope.spend(statement.range(), 1)?;
            match self.statement(statement, scope)? {
                Flow::Done => {}
                Flow::PerhapsReturned(hides, reason) => {
                    let rest = self.try_all(&[&body[index + 1..]], reason, scope)?;
                    let rest = if let Flow::PerhapsReturned(rest, _) = rest {
                        rest
                    } else {
                        Hides::Nothing
                    };
                    return Ok(Flow::PerhapsReturned(hides.max(rest), reason));
                }
                ended => return Ok(ended),
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
            Stmt::Global(_) | Stmt::Nonlocal(_) if self.uncertain > 0 => {
                return Err(scope.limit(
                    statement.range(),
                    "whether this changes names around it depends on a condition that cannot be known without running Python",
                ));
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
            defaults: self.defaults(Some(&definition.parameters), scope)?,
            binding: Cell::new(Binding::Instance),
            is_generator: has_yield(&definition.body),
            body: FunctionBody::Statements(definition.body.to_vec()),
            scope: scope.around_functions(),
            text: source_text::of_function(definition, scope.source()),
        });
        let mut value = Value::Function(Rc::clone(&function));
        for decorator in definition.decorator_list.iter().rev() {
            let applied = self.evaluate(&decorator.expression, scope)?;
            value = match &applied {
                Value::Decorator(pending) => self.decorate(pending, &function, decorator.range, scope)?,
                // Such decorators change how a function is called, not what it gives.
                Value::Library("functools.lru_cache" | "functools.cache" | "functools.wraps") => value,
                Value::Library(name @ ("staticmethod" | "classmethod" | "property")) => {
                    function.binding.set(match *name {
                        "staticmethod" => Binding::Nothing,
                        "classmethod" => Binding::Class,
                        _ => Binding::Property,
                    });
                    value
                }
                Value::Function(_) => {
                    let arguments = CallArguments::positional([value]);
                    self.call_value(&applied, arguments, decorator.range, scope)?
                }
                Value::FeastClass(class) => {
                    let text = format!("{}() needs parentheses and its arguments", class.name);
                    return Err(scope.raise(decorator.range, "TypeError", text));
                }
                other => Value::opaque_hiding(format!("the decorated function {}", function.name), other.hides()),
            };
        }
        if definition.is_async {
            value = Value::opaque(format!("the asynchronous function {}", function.name));
        }
        scope.bind(definition.name.as_str(), value);
        Ok(())
    }

    /// The defaults of parameters, computed now.
    pub(super) fn defaults(
        &mut self,
        parameters: Option<&Parameters>,
        scope: &Rc<Scope>,
    ) -> Evaluated<Vec<(String, Value)>> {
        let mut defaults = Vec::new();
        for parameter in parameters.into_iter().flat_map(Parameters::iter_non_variadic_params) {
            if let Some(default) = &parameter.default {
                let value = self.evaluate(default, scope)?;
                defaults.push((parameter.parameter.name.to_string(), value));
            }
        }
        Ok(defaults)
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
                    for (test, _) in &all[index + 1..] {
                        if let Some(test) = test {
                            self.evaluate_perhaps(test, scope)?;
                        }
                    }
                    let bodies: Vec<&[Stmt]> = all[index..].iter().map(|(_, body)| *body).collect();
                    return self.try_all(&bodies, test.range(), scope);
                }
            }
        }
        Ok(Flow::Done)
    }

    fn repeat(&mut self, each: &StmtFor, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let iterated = self.evaluate(&each.iter, scope)?;
        scope.spend(each.range, iterated.size(LARGEST))?;
        let Some(items) = iterated.items() else {
            let reason = format!("the items of `{}`", scope.text(each.iter.range()));
            self.assign(&each.target, Value::opaque_hiding(reason, iterated.hides()), scope)?;
            return self.try_loop(&[&each.body, &each.orelse], each.iter.range(), scope);
        };
        for item in items {
            scope.spend(each.range, 1)?;
            self.assign(&each.target, item, scope)?;
            if let Some(flow) = self.repeated(&each.body, scope)? {
                return Ok(flow);
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
                None => return self.try_loop(&[&each.body, &each.orelse], each.test.range(), scope),
            }
            if let Some(flow) = self.repeated(&each.body, scope)? {
                return Ok(flow);
            }
        }
    }

    /// Runs the body of a loop once; `None` when the loop goes on.
    fn repeated(&mut self, body: &[Stmt], scope: &Rc<Scope>) -> Evaluated<Option<Flow>> {
        match self.run(body, scope)? {
            Flow::Returned(value) => Ok(Some(Flow::Returned(value))),
            Flow::Broken => Ok(Some(Flow::Done)),
            Flow::Done | Flow::Continued => Ok(None),
            Flow::PerhapsReturned(_, reason) => Err(loop_depends(reason, scope)),
        }
    }

    /// As [`Evaluator::try_all`], where `break` and `continue` belong to the statements.
    fn try_loop(&mut self, bodies: &[&[Stmt]], reason: TextRange, scope: &Rc<Scope>) -> Evaluated<Flow> {
        self.try_each(bodies, true, reason, scope)
    }

    /// Runs statements of which it is not known whether they run: what they bind is not known afterwards.
    fn try_all(&mut self, bodies: &[&[Stmt]], reason: TextRange, scope: &Rc<Scope>) -> Evaluated<Flow> {
        self.try_each(bodies, false, reason, scope)
    }

    fn try_each(&mut self, bodies: &[&[Stmt]], is_loop: bool, reason: TextRange, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let mut bound = BTreeMap::new();
        let mut returned = None;
        for body in bodies {
            let trial = Rc::new(Scope::trial(scope));
            self.uncertain += 1;
            let outcome = self.run(body, &trial);
            self.uncertain -= 1;
            match outcome {
                Ok(Flow::Returned(value)) => returned = returned.max(Some(value.hides())),
                Ok(Flow::PerhapsReturned(hides, _)) => returned = returned.max(Some(hides)),
                Ok(Flow::Broken | Flow::Continued) if !is_loop => return Err(loop_depends(reason, scope)),
                Ok(_) => {}
                // An exception of Python's own means only that this body is not the one that runs.
                Err(error) if error.is_exception() => {}
                Err(error) => return Err(error),
            }
            for (name, value) in trial.bindings() {
                let hides = value.hides();
                if hides == Hides::Object {
                    return Err(scope.limit(
                        reason,
                        format!(
                            "whether {name} is defined depends on `{}`, which cannot be read without running Python",
                            scope.text(reason)
                        ),
                    ));
                }
                let known = bound.entry(name).or_insert(hides);
                *known = hides.max(*known);
            }
        }
        for (name, hides) in bound {
            scope.bind(&name, unknown_hiding(hides, reason, scope));
        }
        Ok(returned.map_or(Flow::Done, |hides| Flow::PerhapsReturned(hides, reason)))
    }

    /// The value of an expression of which it is not known whether it is computed: what it changes is refused, and an
    /// exception means only that it is not.
    pub(super) fn evaluate_perhaps(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        let trial = Rc::new(Scope::trial(scope));
        self.uncertain += 1;
        let outcome = self.evaluate(expression, &trial);
        self.uncertain -= 1;
        for (name, value) in trial.bindings() {
            scope.bind(&name, unknown_hiding(value.hides(), expression.range(), scope));
        }
        match outcome {
            Err(error) if error.is_exception() => Ok(unknown(expression.range(), scope)),
            outcome => outcome,
        }
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

fn loop_depends(reason: TextRange, scope: &Scope) -> DefinitionError {
    let text = scope.text(reason);
    scope.limit(
        reason,
        format!("how often this loop runs depends on `{text}`, which cannot be read without running Python"),
    )
}

/// Whether an `except` clause with that expression catches the exception.
fn catches(class: Option<&Expr>, exception: &str, scope: &Scope) -> bool {
    let parents: &[&str] = match exception {
        "ModuleNotFoundError" => &["ImportError"],
        "KeyError" | "IndexError" => &["LookupError"],
        "ZeroDivisionError" | "OverflowError" => &["ArithmeticError"],
        "JSONDecodeError" | "OutOfBoundsTimedelta" => &["ValueError"],
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
