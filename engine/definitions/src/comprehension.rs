//! Comprehensions of lists, sets and dicts, and generators.

use std::rc::Rc;

use ruff_python_ast::{Comprehension, Expr};
use ruff_text_size::{Ranged, TextRange};

use super::Evaluated;
use super::expression::{LARGEST, pairs};
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::{Hides, most, reason_of, unknown, unknown_hiding};
use super::value::Value;

impl Evaluator {
    /// The value of a comprehension; a generator computes its items at once.
    pub(super) fn comprehension(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        let range = expression.range();
        let found = match expression {
            Expr::ListComp(each) => self.combinations(&each.generators, range, scope, |evaluator, scope| {
                evaluator.evaluate(&each.elt, scope)
            }),
            Expr::SetComp(each) => self.combinations(&each.generators, range, scope, |evaluator, scope| {
                evaluator.evaluate(&each.elt, scope)
            }),
            Expr::Generator(each) => self.combinations(&each.generators, range, scope, |evaluator, scope| {
                evaluator.evaluate(&each.elt, scope)
            }),
            Expr::DictComp(each) => self.combinations(&each.generators, range, scope, |evaluator, scope| {
                let key = match &each.key {
                    Some(key) => evaluator.evaluate(key, scope)?,
                    None => unknown(each.range, scope),
                };
                Ok(Value::tuple(vec![key, evaluator.evaluate(&each.value, scope)?]))
            }),
            _ => return Ok(unknown(range, scope)),
        };
        let items = match found? {
            Ok(items) => items,
            Err(hides) => return Ok(unknown_hiding(hides, range, scope)),
        };
        Ok(match expression {
            Expr::ListComp(_) => Value::list(items),
            Expr::Generator(_) => Value::iterator(items),
            Expr::SetComp(_) => {
                scope.spend(range, pairs(items.len()))?;
                Value::set(items)
            }
            _ => {
                scope.spend(range, pairs(items.len()))?;
                let members = items.iter().filter_map(|pair| match pair {
                    Value::Tuple(pair) => Some((pair.first()?.clone(), pair.last()?.clone())),
                    _ => None,
                });
                Value::dict(members.collect())
            }
        })
    }

    /// What `each` gives for every combination of a comprehension; where its items are not known, what one of them may be.
    fn combinations(
        &mut self,
        generators: &[Comprehension],
        range: TextRange,
        scope: &Rc<Scope>,
        mut each: impl FnMut(&mut Self, &Rc<Scope>) -> Evaluated<Value>,
    ) -> Evaluated<Result<Vec<Value>, Hides>> {
        let mut found = Vec::new();
        let inner = Rc::new(Scope::inside(scope));
        let known = self.combine(generators, &inner, &mut |evaluator, inner| {
            let value = each(evaluator, inner)?;
            inner.spend(range, value.size(LARGEST))?;
            found.push(value);
            Ok(())
        })?;
        Ok(if known { Ok(found) } else { Err(most(&found)) })
    }

    /// Calls `each` for every combination. Where one is not known, it is called as for an unknown one; the answer is false.
    fn combine(
        &mut self,
        generators: &[Comprehension],
        scope: &Rc<Scope>,
        each: &mut dyn FnMut(&mut Self, &Rc<Scope>) -> Evaluated<()>,
    ) -> Evaluated<bool> {
        let Some((generator, inner)) = generators.split_first() else {
            return each(self, scope).map(|()| true);
        };
        let iterated = self.evaluate(&generator.iter, scope)?;
        scope.spend(generator.range, iterated.size(LARGEST))?;
        let Some(items) = iterated.items() else {
            self.assign(
                &generator.target,
                reason_of(&iterated, generator.iter.range(), scope),
                scope,
            )?;
            return self.combine_perhaps(generator, inner, scope, each);
        };
        let mut known = true;
        'items: for item in items {
            self.assign(&generator.target, item, scope)?;
            for condition in &generator.ifs {
                match self.evaluate(condition, scope)?.truth() {
                    Some(true) => {}
                    Some(false) => continue 'items,
                    None => return self.combine_perhaps(generator, inner, scope, each),
                }
            }
            known &= self.combine(inner, scope, each)?;
        }
        Ok(known)
    }

    fn combine_perhaps(
        &mut self,
        generator: &Comprehension,
        inner: &[Comprehension],
        scope: &Rc<Scope>,
        each: &mut dyn FnMut(&mut Self, &Rc<Scope>) -> Evaluated<()>,
    ) -> Evaluated<bool> {
        for condition in &generator.ifs {
            self.evaluate_perhaps(condition, scope)?;
        }
        self.uncertain += 1;
        let outcome = self.combine(inner, scope, each);
        self.uncertain -= 1;
        match outcome {
            Err(error) if !error.is_exception() => Err(error),
            _ => Ok(false),
        }
    }
}
