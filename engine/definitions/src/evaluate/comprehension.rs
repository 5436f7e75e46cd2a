//! Comprehensions of lists, sets and dicts, and generators.

use std::rc::Rc;

use ruff_python_ast::{Comprehension, Expr};
use ruff_text_size::Ranged;

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{Scope, Taint, Value, max_taint};

impl Evaluator<'_> {
    /// The value of a comprehension; a generator computes its items at once.
    pub(super) fn comprehension(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        let site = self.at(expression, scope);
        let found = match expression {
            Expr::ListComp(each) => self.combinations(&each.generators, site, |evaluator, scope| {
                evaluator.evaluate(&each.elt, scope)
            }),
            Expr::SetComp(each) => self.combinations(&each.generators, site, |evaluator, scope| {
                evaluator.evaluate(&each.elt, scope)
            }),
            Expr::Generator(each) => self.combinations(&each.generators, site, |evaluator, scope| {
                evaluator.evaluate(&each.elt, scope)
            }),
            Expr::DictComp(each) => self.combinations(&each.generators, site, |evaluator, scope| {
                let key = match &each.key {
                    Some(key) => evaluator.evaluate(key, scope)?,
                    None => evaluator.at(each, scope).unknown(),
                };
                Ok(Value::tuple(vec![key, evaluator.evaluate(&each.value, scope)?]))
            }),
            _ => return Ok(site.unknown()),
        };
        let items = match found? {
            Ok(items) => items,
            Err(taint) => return Ok(site.unknown_with(taint)),
        };
        Ok(match expression {
            Expr::ListComp(_) => Value::list(items),
            Expr::Generator(_) => Value::iterator(items),
            Expr::SetComp(_) => {
                site.pay_for_distinct(items.len())?;
                Value::set(items)
            }
            _ => {
                site.pay_for_distinct(items.len())?;
                let members = items.iter().filter_map(|pair| match pair {
                    Value::Tuple(pair) => Some((pair.first()?.clone(), pair.last()?.clone())),
                    _ => None,
                });
                Value::dict(members.collect())
            }
        })
    }

    /// What `each` returns for every combination of a comprehension; where its items are not known, their taint.
    fn combinations(
        &mut self,
        generators: &[Comprehension],
        site: Site<'_>,
        mut each: impl FnMut(&mut Self, &Rc<Scope>) -> Evaluated<Value>,
    ) -> Evaluated<Result<Vec<Value>, Taint>> {
        let mut found = Vec::new();
        let inner = Rc::new(Scope::inside(site.scope));
        let known = self.combine(generators, &inner, &mut |evaluator, inner| {
            let value = each(evaluator, inner)?;
            site.pay_for([&value])?;
            found.push(value);
            Ok(())
        })?;
        Ok(if known { Ok(found) } else { Err(max_taint(&found)) })
    }

    /// Calls `each` for every combination. Where one is not known, `each` is called once with unknown items, and the answer is
    /// false.
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
        self.at(generator, scope).pay_for([&iterated])?;
        let Some(items) = iterated.items() else {
            self.assign(
                &generator.target,
                self.at(generator.iter.range(), scope).reason_of(&iterated),
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
        let outcome = self.conditionally(|evaluator| evaluator.combine(inner, scope, each));
        match outcome {
            Err(error) if !error.is_exception() => Err(error),
            _ => Ok(false),
        }
    }
}
