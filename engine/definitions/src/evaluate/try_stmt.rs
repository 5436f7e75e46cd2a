//! `try`, and which `except` clause catches an exception.

use std::rc::Rc;

use ruff_python_ast::{ExceptHandler, Expr, StmtTry};
use ruff_text_size::Ranged;

use super::evaluator::Evaluator;
use super::statement::Flow;
use crate::error::{DefinitionError, Evaluated};
use crate::value::{Scope, Value};

impl Evaluator<'_> {
    pub(super) fn try_stmt(&mut self, statement: &StmtTry, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let expects_import_errors = statement.handlers.iter().any(|handler| {
            let ExceptHandler::ExceptHandler(handler) = handler;
            catches(handler.type_.as_deref(), "ModuleNotFoundError", scope)
        });
        self.expecting_import_errors += usize::from(expects_import_errors);
        let outcome = self.run(&statement.body, scope);
        self.expecting_import_errors -= usize::from(expects_import_errors);
        let outcome = match outcome {
            Ok(Flow::Done) => self.run(&statement.orelse, scope),
            Err(error) => self.handle(statement, error, scope),
            other => other,
        };
        match self.run(&statement.finalbody, scope)? {
            Flow::Done => outcome,
            decided => Ok(decided),
        }
    }

    fn handle(&mut self, statement: &StmtTry, error: DefinitionError, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let Some(exception) = error.exception.clone() else {
            return Err(error);
        };
        for handler in &statement.handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
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
        "ZeroDivisionError" | "OverflowError" => &["ArithmeticError"],
        "JSONDecodeError" | "OutOfBoundsTimedelta" => &["ValueError"],
        "FileNotFoundError" => &["OSError", "IOError"],
        _ => &[],
    };
    match class {
        None => true,
        Some(Expr::Tuple(tuple)) => tuple.elts.iter().any(|class| catches(Some(class), exception, scope)),
        Some(class) => {
            let name = scope.file().excerpt(class.range());
            name == exception || parents.contains(&name.as_str()) || name == "Exception" || name == "BaseException"
        }
    }
}
