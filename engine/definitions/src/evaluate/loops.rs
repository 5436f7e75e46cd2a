//! Loops: `for` and `while`, with `break`, `continue` and `else`.

use std::rc::Rc;

use ruff_python_ast::{Stmt, StmtFor, StmtWhile};
use ruff_text_size::Ranged;

use super::evaluator::Evaluator;
use super::statement::Flow;
use crate::context::Site;
use crate::error::{DefinitionError, Evaluated};
use crate::value::{Scope, Value};

impl Evaluator<'_> {
    pub(super) fn for_stmt(&mut self, each: &StmtFor, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let iterated = self.evaluate(&each.iter, scope)?;
        self.at(each, scope).pay_for([&iterated])?;
        let Some(items) = iterated.items() else {
            let reason = format!("the items of `{}`", self.at(each.iter.range(), scope).text());
            self.assign(&each.target, Value::opaque_with(reason, iterated.taint()), scope)?;
            return self.try_loop(&[&each.body, &each.orelse], self.at(each.iter.range(), scope));
        };
        for item in items {
            self.at(each.range, scope).use_fuel(1)?;
            self.assign(&each.target, item, scope)?;
            if let Some(flow) = self.loop_body(&each.body, scope)? {
                return Ok(flow);
            }
        }
        self.run(&each.orelse, scope)
    }

    pub(super) fn while_stmt(&mut self, each: &StmtWhile, scope: &Rc<Scope>) -> Evaluated<Flow> {
        loop {
            self.at(each.range, scope).use_fuel(1)?;
            match self.evaluate(&each.test, scope)?.truth() {
                Some(true) => {}
                Some(false) => return self.run(&each.orelse, scope),
                None => return self.try_loop(&[&each.body, &each.orelse], self.at(each.test.range(), scope)),
            }
            if let Some(flow) = self.loop_body(&each.body, scope)? {
                return Ok(flow);
            }
        }
    }

    /// Runs the body of a loop once; `None` when the loop goes on.
    fn loop_body(&mut self, body: &[Stmt], scope: &Rc<Scope>) -> Evaluated<Option<Flow>> {
        match self.run(body, scope)? {
            Flow::Returned(value) => Ok(Some(Flow::Returned(value))),
            Flow::Broken => Ok(Some(Flow::Done)),
            Flow::Done | Flow::Continued => Ok(None),
            Flow::PerhapsReturned(_, reason) => Err(unclear_loop(self.at(reason, scope))),
        }
    }
}

pub(super) fn unclear_loop(condition: Site<'_>) -> DefinitionError {
    condition.limit(format!(
        "how often this loop runs depends on `{}`, which cannot be read without running Python",
        condition.text()
    ))
}
