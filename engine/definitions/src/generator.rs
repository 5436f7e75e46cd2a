//! Functions with `yield`. Their items are computed when they are called: one that does not end is one that takes too long.

use std::rc::Rc;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprYield, ExprYieldFrom, Stmt};
use ruff_text_size::TextRange;

use super::Evaluated;
use super::expression::LARGEST;
use super::module::Evaluator;
use super::scope::Scope;
use super::statement::Flow;
use super::unknown::{Hides, most, unknown, unknown_hiding};
use super::value::{Function, FunctionBody, Value};

/// What a running generator has given so far.
pub(super) struct Given {
    items: Vec<Value>,
    /// How many statements around the call perhaps do not run.
    uncertain: usize,
    /// What items may be of which it is not known whether they are given.
    doubtful: Option<Hides>,
}

impl Evaluator {
    /// `yield value`, which is `None` for the function.
    pub(super) fn give_one(&mut self, given: &ExprYield, scope: &Rc<Scope>) -> Evaluated<Value> {
        let value = given.value.as_ref();
        let value = value.map_or(Ok(Value::None), |value| self.evaluate(value, scope))?;
        self.give(value, given.range, scope)?;
        Ok(Value::None)
    }

    /// `yield from values`.
    pub(super) fn give_all(&mut self, given: &ExprYieldFrom, scope: &Rc<Scope>) -> Evaluated<Value> {
        let iterated = self.evaluate(&given.value, scope)?;
        match (iterated.items(), self.generators.last_mut()) {
            (Some(items), _) => items
                .into_iter()
                .try_for_each(|item| self.give(item, given.range, scope))?,
            (None, Some(outer)) => outer.doubtful = outer.doubtful.max(Some(iterated.hides())),
            (None, None) => {}
        }
        Ok(unknown(given.range, scope))
    }

    fn give(&mut self, value: Value, range: TextRange, scope: &Scope) -> Evaluated<()> {
        scope.spend(range, value.size(LARGEST))?;
        let uncertain = self.uncertain;
        match self.generators.last_mut() {
            Some(given) if uncertain > given.uncertain => given.doubtful = given.doubtful.max(Some(value.hides())),
            Some(given) => given.items.push(value),
            None => return Err(scope.raise(range, "SyntaxError", "'yield' outside function")),
        }
        Ok(())
    }

    /// Runs a function with `yield` to its end.
    pub(super) fn generate(&mut self, function: &Function, range: TextRange, scope: &Rc<Scope>) -> Evaluated<Value> {
        self.generators.push(Given {
            items: Vec::new(),
            uncertain: self.uncertain,
            doubtful: None,
        });
        let flow = match &function.body {
            FunctionBody::Expression(expression) => self.evaluate(expression, scope).map(|_| Flow::Done),
            FunctionBody::Statements(body) => self.run(body, scope),
        };
        let given = self.generators.pop();
        let doubtful = match flow? {
            Flow::PerhapsReturned(hides, _) => Some(hides),
            _ => None,
        };
        let Some(given) = given else { return Ok(Value::None) };
        Ok(match doubtful.max(given.doubtful) {
            Some(hides) => unknown_hiding(hides.max(most(&given.items)), range, scope),
            None => Value::iterator(given.items),
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
pub(super) fn gives(body: &Expr) -> bool {
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
