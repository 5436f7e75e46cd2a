//! Functions with `yield`. Their items are computed when they are called: one that does not end is one that takes too long.

use std::rc::Rc;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprYield, ExprYieldFrom, Stmt};

use super::evaluator::{Evaluator, GeneratorFrame};
use super::statement::Flow;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{Function, FunctionBody, Scope, Value, max_taint};

impl Evaluator<'_> {
    /// `yield value`, which is `None` for the function.
    pub(super) fn yield_expr(&mut self, expression: &ExprYield, scope: &Rc<Scope>) -> Evaluated<Value> {
        let value = expression.value.as_ref();
        let value = value.map_or(Ok(Value::None), |value| self.evaluate(value, scope))?;
        self.push_yielded(value, self.at(expression, scope))?;
        Ok(Value::None)
    }

    /// `yield from values`.
    pub(super) fn yield_from(&mut self, expression: &ExprYieldFrom, scope: &Rc<Scope>) -> Evaluated<Value> {
        let site = self.at(expression, scope);
        let iterated = self.evaluate(&expression.value, scope)?;
        match (iterated.items(), self.generators.last_mut()) {
            (Some(items), _) => items.into_iter().try_for_each(|item| self.push_yielded(item, site))?,
            (None, Some(frame)) => frame.conditional = frame.conditional.max(Some(iterated.taint())),
            (None, None) => {}
        }
        Ok(site.unknown())
    }

    fn push_yielded(&mut self, value: Value, site: Site<'_>) -> Evaluated<()> {
        site.pay_for([&value])?;
        let conditional_depth = self.session.conditional_depth();
        match self.generators.last_mut() {
            Some(frame) if conditional_depth > frame.conditional_depth => {
                frame.conditional = frame.conditional.max(Some(value.taint()));
            }
            Some(frame) => frame.items.push(value),
            None => return Err(site.raise("SyntaxError", "'yield' outside function")),
        }
        Ok(())
    }

    /// Runs a function with `yield` to its end.
    pub(super) fn generator(&mut self, function: &Function, scope: &Rc<Scope>, site: Site<'_>) -> Evaluated<Value> {
        self.generators.push(GeneratorFrame {
            items: Vec::new(),
            conditional_depth: self.session.conditional_depth(),
            conditional: None,
        });
        let flow = match &function.body {
            FunctionBody::Expression(expression) => self.evaluate(expression, scope).map(|_| Flow::Done),
            FunctionBody::Statements(body) => self.run(body, scope),
        };
        let frame = self.generators.pop();
        let returned = match flow? {
            Flow::PerhapsReturned(taint, _) => Some(taint),
            _ => None,
        };
        let Some(frame) = frame else { return Ok(Value::None) };
        Ok(match returned.max(frame.conditional) {
            Some(taint) => site.unknown_with(taint.max(max_taint(&frame.items))),
            None => Value::iterator(frame.items),
        })
    }
}

/// Whether a function with these statements is a generator.
pub(super) fn has_yield(body: &[Stmt]) -> bool {
    let mut search = Search { found: false };
    body.iter().for_each(|statement| search.visit_stmt(statement));
    search.found
}

/// As [`has_yield`], of a lambda.
pub(super) fn is_generator_lambda(body: &Expr) -> bool {
    let mut search = Search { found: false };
    search.visit_expr(body);
    search.found
}

/// Looks for `yield` outside of functions within.
struct Search {
    found: bool,
}

impl<'a> Visitor<'a> for Search {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if !self.found && !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            walk_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Yield(_) | Expr::YieldFrom(_) => self.found = true,
            Expr::Lambda(_) => {}
            other if !self.found => walk_expr(self, other),
            _ => {}
        }
    }
}
