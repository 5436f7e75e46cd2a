//! Statements: running them in order, and which file has which.

use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtRaise, StmtWith};
use ruff_text_size::{Ranged, TextRange};

use super::evaluator::Evaluator;
use crate::error::{DefinitionError, Evaluated};
use crate::value::{Scope, Taint, Value};

/// How a list of statements ended.
pub(super) enum Flow {
    /// At its end.
    Done,
    /// By `return`.
    Returned(Value),
    /// Perhaps by `return`, perhaps at its end: that depends on what is at this place.
    PerhapsReturned(Taint, TextRange),
    /// By `break`.
    Broken,
    /// By `continue`.
    Continued,
}

impl Evaluator<'_> {
    /// Runs statements in order.
    pub(super) fn run(&mut self, body: &[Stmt], scope: &Rc<Scope>) -> Evaluated<Flow> {
        for (index, statement) in body.iter().enumerate() {
            self.at(statement.range(), scope).use_fuel(1)?;
            match self.statement(statement, scope)? {
                Flow::Done => {}
                Flow::PerhapsReturned(taint, reason) => {
                    let rest = self.try_all(&[&body[index + 1..]], self.at(reason, scope))?;
                    let rest = if let Flow::PerhapsReturned(rest, _) = rest {
                        rest
                    } else {
                        Taint::Clean
                    };
                    return Ok(Flow::PerhapsReturned(taint.max(rest), reason));
                }
                ended => return Ok(ended),
            }
        }
        Ok(Flow::Done)
    }

    fn statement(&mut self, statement: &Stmt, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let site = self.at(statement, scope);
        let too_deep = || site.limit("these statements are nested too deeply to be read");
        self.with_depth(too_deep, |evaluator| evaluator.dispatch_statement(statement, scope))
    }

    fn dispatch_statement(&mut self, statement: &Stmt, scope: &Rc<Scope>) -> Evaluated<Flow> {
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
            Stmt::AugAssign(assign) => self.aug_assign(assign, scope)?,
            Stmt::Import(import) => self.import_stmt(import, scope)?,
            Stmt::ImportFrom(import) => self.import_from_stmt(import, scope)?,
            Stmt::FunctionDef(definition) => self.function_def(definition, scope)?,
            Stmt::ClassDef(class) => self.class_def(class, scope)?,
            Stmt::Return(returned) => {
                let value = returned.value.as_ref();
                let value = value.map_or(Ok(Value::None), |value| self.evaluate(value, scope))?;
                return Ok(Flow::Returned(value));
            }
            Stmt::If(branch) => return self.if_stmt(branch, scope),
            Stmt::For(each) => return self.for_stmt(each, scope),
            Stmt::While(each) => return self.while_stmt(each, scope),
            Stmt::Try(statement) => return self.try_stmt(statement, scope),
            Stmt::With(with) => return self.with_stmt(with, scope),
            Stmt::Expr(effect) => {
                self.evaluate(&effect.value, scope)?;
            }
            Stmt::Raise(raise) => return Err(self.raise_stmt(raise, scope)),
            Stmt::Assert(assert) => {
                if self.evaluate(&assert.test, scope)?.truth() == Some(false) {
                    let message = self.at(&*assert.test, scope).text();
                    return Err(self.at(assert, scope).raise("AssertionError", message));
                }
            }
            Stmt::Delete(delete) => {
                for target in &delete.targets {
                    self.delete(target, scope)?;
                }
            }
            Stmt::Global(_) | Stmt::Nonlocal(_) if self.session.is_conditional() => {
                return Err(self.at(statement, scope).limit(
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
                let site = self.at(other, scope);
                return Err(site.limit("this kind of statement cannot be read without running Python"));
            }
        }
        Ok(Flow::Done)
    }

    fn with_stmt(&mut self, with: &StmtWith, scope: &Rc<Scope>) -> Evaluated<Flow> {
        for item in &with.items {
            let value = self.evaluate(&item.context_expr, scope)?;
            if let Some(target) = &item.optional_vars {
                self.assign(target, value, scope)?;
            }
        }
        self.run(&with.body, scope)
    }

    /// The exception of `raise`: its class is known by its name alone.
    fn raise_stmt(&self, raise: &StmtRaise, scope: &Rc<Scope>) -> DefinitionError {
        let site = self.at(raise, scope);
        let Some(raised) = raise.exc.as_deref() else {
            return site.raise("RuntimeError", "");
        };
        let class = match raised {
            Expr::Call(call) => site.at(&*call.func),
            other => site.at(other),
        };
        site.raise(&class.text(), site.at(raised).text())
    }
}
