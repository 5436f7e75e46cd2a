//! Statements.

use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtImport, StmtImportFrom, StmtTry};

use super::scope::Scope;
use super::{Compiled, refused};
use crate::native::{self, Known};
use crate::program::{Expression, Handler, Statement, Target};

impl Scope<'_> {
    pub(super) fn statements(&mut self, statements: &[Stmt]) -> Compiled<Vec<Statement>> {
        self.each_statement(statements)
    }

    pub(super) fn each_statement<'a>(
        &mut self,
        statements: impl IntoIterator<Item = &'a Stmt>,
    ) -> Compiled<Vec<Statement>> {
        let mut compiled = Vec::new();
        for statement in statements {
            self.statement(statement, &mut compiled)?;
        }
        Ok(compiled)
    }

    fn statement(&mut self, statement: &Stmt, compiled: &mut Vec<Statement>) -> Compiled<()> {
        compiled.push(match statement {
            Stmt::Pass(_) => return Ok(()),
            // A text that stands alone is a comment.
            Stmt::Expr(expression)
                if matches!(*expression.value, Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)) =>
            {
                return Ok(());
            }
            Stmt::Expr(expression) => Statement::Evaluate(self.expression(&expression.value)?),
            Stmt::Assign(assign) => Statement::Assign {
                value: self.expression(&assign.value)?,
                targets: assign
                    .targets
                    .iter()
                    .map(|target| self.target(target))
                    .collect::<Compiled<_>>()?,
            },
            Stmt::AnnAssign(annotated) => match &annotated.value {
                Some(value) => Statement::Assign {
                    value: self.expression(value)?,
                    targets: vec![self.target(&annotated.target)?],
                },
                None => return Ok(()),
            },
            Stmt::AugAssign(augment) => Statement::Augment {
                target: self.target(&augment.target)?,
                operator: augment.op,
                value: self.expression(&augment.value)?,
                range: augment.range,
            },
            Stmt::Return(returned) => Statement::Return(self.optional(returned.value.as_deref())?),
            Stmt::If(condition) => {
                let mut branches = vec![(self.expression(&condition.test)?, self.statements(&condition.body)?)];
                let mut otherwise = Vec::new();
                for clause in &condition.elif_else_clauses {
                    match &clause.test {
                        Some(test) => branches.push((self.expression(test)?, self.statements(&clause.body)?)),
                        None => otherwise = self.statements(&clause.body)?,
                    }
                }
                Statement::If { branches, otherwise }
            }
            Stmt::For(each) if !each.is_async => Statement::For {
                items: self.expression(&each.iter)?,
                target: self.target(&each.target)?,
                body: self.statements(&each.body)?,
                otherwise: self.statements(&each.orelse)?,
            },
            Stmt::While(repeat) => Statement::While {
                test: self.expression(&repeat.test)?,
                body: self.statements(&repeat.body)?,
                otherwise: self.statements(&repeat.orelse)?,
            },
            Stmt::Break(_) => Statement::Break,
            Stmt::Continue(_) => Statement::Continue,
            // The cause is shown by nothing that Feast answers.
            Stmt::Raise(raise) => Statement::Raise(self.optional(raise.exc.as_deref())?),
            Stmt::Try(attempt) => self.attempt(attempt)?,
            Stmt::Assert(assert) => Statement::Assert {
                test: self.expression(&assert.test)?,
                message: self.optional(assert.msg.as_deref())?,
            },
            Stmt::FunctionDef(function) => {
                if let Some(decorator) = function.decorator_list.first() {
                    return refused(decorator, "decorators of nested functions are not known");
                }
                Statement::Define {
                    slot: self.variable(function.name.as_str()),
                    code: self.function(function)?,
                }
            }
            Stmt::Import(import) => return self.import_modules(import),
            Stmt::ImportFrom(import) => return self.import_names(import),
            // The names were collected before.
            Stmt::Nonlocal(_) => return Ok(()),
            Stmt::Global(_) if self.is_module() => return refused(statement, "what it is in its module is not known"),
            other => return refused(other, "this statement is not known"),
        });
        Ok(())
    }

    fn attempt(&mut self, attempt: &StmtTry) -> Compiled<Statement> {
        if attempt.is_star {
            return refused(attempt, "`except*` is not known");
        }
        let body = self.statements(&attempt.body)?;
        let mut handlers = Vec::new();
        for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            handlers.push(Handler {
                classes: self.optional(handler.type_.as_deref())?,
                slot: handler.name.as_ref().map(|name| self.variable(name.as_str())),
                body: self.statements(&handler.body)?,
            });
        }
        Ok(Statement::Try {
            body,
            handlers,
            otherwise: self.statements(&attempt.orelse)?,
            finally: self.statements(&attempt.finalbody)?,
        })
    }

    fn import_modules(&mut self, import: &StmtImport) -> Compiled<()> {
        for alias in &import.names {
            let module = alias.name.as_str();
            let Some(known) = native::module(module) else {
                return refused(alias, format!("the module {module} is not known here"));
            };
            let bound = match &alias.asname {
                Some(name) => name.as_str(),
                None if module.contains('.') => {
                    return refused(alias, "import a part of a module by `from`, or `as` a name");
                }
                None => module,
            };
            self.import(bound, Known::Module(known), alias)?;
        }
        Ok(())
    }

    fn import_names(&mut self, import: &StmtImportFrom) -> Compiled<()> {
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        if import.level > 0 || module.is_empty() {
            return refused(import, "imports of the repository's own modules are not known");
        }
        for alias in &import.names {
            let name = alias.name.as_str();
            let Some(known) = native::attribute(module, name) else {
                return refused(alias, format!("{name} of the module {module} is not known here"));
            };
            let bound = alias.asname.as_ref().unwrap_or(&alias.name);
            self.import(bound.as_str(), known, alias)?;
        }
        Ok(())
    }

    pub(super) fn target(&mut self, target: &Expr) -> Compiled<Target> {
        Ok(match target {
            Expr::Name(name) => match self.outer_variable(name.id.as_str()) {
                Some((levels, slot)) => Target::Outer { levels, slot },
                None => Target::Variable(self.variable(name.id.as_str())),
            },
            Expr::Tuple(tuple) => self.target_items(&tuple.elts)?,
            Expr::List(list) => self.target_items(&list.elts)?,
            Expr::Subscript(subscript) => Target::Subscript {
                object: self.expression(&subscript.value)?,
                key: self.expression(&subscript.slice)?,
            },
            other => return refused(other, "assigning to this is not known"),
        })
    }

    fn target_items(&mut self, items: &[Expr]) -> Compiled<Target> {
        let items = items.iter().map(|item| self.target(item));
        Ok(Target::Items(items.collect::<Compiled<_>>()?))
    }

    pub(super) fn optional(&mut self, expression: Option<&Expr>) -> Compiled<Option<Expression>> {
        expression.map(|expression| self.expression(expression)).transpose()
    }

    pub(super) fn boxed(&mut self, expression: &Expr) -> Compiled<Box<Expression>> {
        self.expression(expression).map(Box::new)
    }
}
