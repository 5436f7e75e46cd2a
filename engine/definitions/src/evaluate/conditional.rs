//! Conditions: `if`, and statements and expressions of which it is not known whether they run.
//!
//! Both sides of a condition that is not known are evaluated. What they bind is unknown afterwards, and what they would change in
//! place is refused.

use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtIf};
use ruff_text_size::Ranged;

use super::evaluator::Evaluator;
use super::loops::unclear_loop;
use super::statement::Flow;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{Scope, Taint, Value};

impl Evaluator<'_> {
    pub(super) fn if_stmt(&mut self, branch: &StmtIf, scope: &Rc<Scope>) -> Evaluated<Flow> {
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
                    return self.try_all(&bodies, self.at(test.range(), scope));
                }
            }
        }
        Ok(Flow::Done)
    }

    /// As [`Evaluator::try_all`], where `break` and `continue` belong to the statements.
    pub(super) fn try_loop(&mut self, bodies: &[&[Stmt]], condition: Site<'_>) -> Evaluated<Flow> {
        self.try_each(bodies, true, condition)
    }

    /// Runs statements of which it is not known whether they run: what they bind is not known afterwards.
    pub(super) fn try_all(&mut self, bodies: &[&[Stmt]], condition: Site<'_>) -> Evaluated<Flow> {
        self.try_each(bodies, false, condition)
    }

    fn try_each(&mut self, bodies: &[&[Stmt]], is_loop: bool, condition: Site<'_>) -> Evaluated<Flow> {
        let mut bound = BTreeMap::new();
        let mut returned = None;
        for body in bodies {
            let trial = Rc::new(Scope::trial(condition.scope));
            match self.conditionally(|evaluator| evaluator.run(body, &trial)) {
                Ok(Flow::Returned(value)) => returned = returned.max(Some(value.taint())),
                Ok(Flow::PerhapsReturned(taint, _)) => returned = returned.max(Some(taint)),
                Ok(Flow::Broken | Flow::Continued) if !is_loop => return Err(unclear_loop(condition)),
                Ok(_) => {}
                // An exception of Python's own means only that this body is not the one that runs.
                Err(error) if error.is_exception() => {}
                Err(error) => return Err(error),
            }
            for (name, value) in trial.bindings() {
                let taint = value.taint();
                if taint == Taint::Object {
                    return Err(condition.limit(format!(
                        "whether {name} is defined depends on `{}`, which cannot be read without running Python",
                        condition.text()
                    )));
                }
                let known = bound.entry(name).or_insert(taint);
                *known = taint.max(*known);
            }
        }
        for (name, taint) in bound {
            condition.scope.bind(&name, condition.unknown_with(taint));
        }
        Ok(returned.map_or(Flow::Done, |taint| Flow::PerhapsReturned(taint, condition.range)))
    }

    /// The value of an expression of which it is not known whether it is computed: what it changes is refused, and an
    /// exception means only that it is not.
    pub(super) fn evaluate_perhaps(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        let trial = Rc::new(Scope::trial(scope));
        let outcome = self.conditionally(|evaluator| evaluator.evaluate(expression, &trial));
        for (name, value) in trial.bindings() {
            scope.bind(&name, self.at(expression.range(), scope).unknown_with(value.taint()));
        }
        match outcome {
            Err(error) if error.is_exception() => Ok(self.at(expression.range(), scope).unknown()),
            outcome => outcome,
        }
    }
}
