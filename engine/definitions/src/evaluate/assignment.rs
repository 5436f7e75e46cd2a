//! Assignment: binding names, unpacking, `+=` and `del`.

use std::rc::Rc;

use ruff_python_ast::{Expr, Operator, StmtAugAssign};
use ruff_text_size::Ranged;

use super::evaluator::Evaluator;
use super::mutation::set_item;
use super::tags::set_tag;
use crate::context::Site;
use crate::error::{DefinitionError, Evaluated};
use crate::operators;
use crate::value::{Scope, Value, find_key, position_of_index};

impl Evaluator<'_> {
    /// Binds names, unpacks tuples, sets items.
    pub(super) fn assign(&mut self, target: &Expr, value: Value, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Expr::Name(name) => scope.bind(name.id.as_str(), value),
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, &value, self.at(target.range(), scope))?,
            Expr::List(list) => self.unpack(&list.elts, &value, self.at(target.range(), scope))?,
            Expr::Starred(starred) => self.assign(&starred.value, value, scope)?,
            Expr::Subscript(subscript) => {
                if let Some(object) = self.object_with_tags(&subscript.value, scope)? {
                    let name = self.evaluate(&subscript.slice, scope)?;
                    return set_tag(&object, &name, &value, self.at(target.range(), scope));
                }
                let container = self.evaluate(&subscript.value, scope)?;
                let key = self.evaluate(&subscript.slice, scope)?;
                set_item(&container, key, value, self.at(target.range(), scope))?;
            }
            Expr::Attribute(attribute) => {
                let changed = self.evaluate(&attribute.value, scope)?;
                self.set_attribute(&changed, attribute.attr.as_str(), value, self.at(target.range(), scope))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn unpack(&mut self, targets: &[Expr], value: &Value, site: Site<'_>) -> Evaluated<()> {
        let scope = site.scope;
        site.pay_for([value])?;
        let Some(items) = value.items() else {
            let unknown = site.reason_of(value);
            return targets
                .iter()
                .try_for_each(|target| self.assign(target, unknown.clone(), scope));
        };
        let starred = targets.iter().position(|target| matches!(target, Expr::Starred(_)));
        let fits = match starred {
            None => items.len() == targets.len(),
            Some(_) => items.len() + 1 >= targets.len(),
        };
        if !fits {
            let message = format!("cannot unpack {} values into {} names", items.len(), targets.len());
            return Err(site.raise("ValueError", message));
        }
        let surplus = items.len() + 1 - targets.len();
        let mut items = items.into_iter();
        for (index, target) in targets.iter().enumerate() {
            let value = if Some(index) == starred {
                Value::list(items.by_ref().take(surplus).collect())
            } else {
                items.next().unwrap_or(Value::None)
            };
            self.assign(target, value, scope)?;
        }
        Ok(())
    }

    pub(super) fn aug_assign(&mut self, assign: &StmtAugAssign, scope: &Rc<Scope>) -> Evaluated<()> {
        let old = self.evaluate(&assign.target, scope)?;
        let operand = self.evaluate(&assign.value, scope)?;
        let site = self.at(assign, scope);
        if !matches!(old, Value::List(_) | Value::Dict(_) | Value::Set(_)) {
            let value = operators::binary(assign.op, &old, &operand, site)?;
            return self.assign(&assign.target, value, scope);
        }
        // Containers are changed in place, whatever else is bound to them.
        site.check_mutable(&old)?;
        site.check_acyclic(&old, &operand)?;
        let changed = match (&old, operand.items(), assign.op) {
            (Value::List(items), Some(added), Operator::Add) => {
                Value::list([items.borrow().as_slice(), &added].concat())
            }
            _ => operators::binary(assign.op, &old, &operand, site)?,
        };
        match (&old, &changed) {
            (Value::List(items), Value::List(changed)) | (Value::Set(items), Value::Set(changed)) => {
                items.replace(changed.take());
            }
            (Value::Dict(members), Value::Dict(changed)) => {
                members.replace(changed.take());
            }
            _ => {
                return Err(site.limit(format!(
                    "what `{}` does to the {} cannot be known without running Python",
                    site.text(),
                    old.type_name()
                )));
            }
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, target: &Expr, scope: &Rc<Scope>) -> Evaluated<()> {
        let site = self.at(target, scope);
        match target {
            Expr::Name(name) if scope.own(name.id.as_str()).is_some() => scope.unbind(name.id.as_str()),
            Expr::Subscript(subscript) if !matches!(&*subscript.slice, Expr::Slice(_)) => {
                let container = self.evaluate(&subscript.value, scope)?;
                let key = self.evaluate(&subscript.slice, scope)?;
                if let Value::DataFrame(table) = &container {
                    table.forget();
                    return Ok(());
                }
                site.check_mutable(&container)?;
                match (&container, &key) {
                    (Value::Opaque(_), _) => {}
                    (Value::Dict(members), _) => {
                        let position = find_key(&members.borrow(), &key);
                        let position = position.ok_or_else(|| unclear_deletion(site))?;
                        let missing = || site.raise("KeyError", site.at(&*subscript.slice).text());
                        members.borrow_mut().remove(position.ok_or_else(missing)?);
                    }
                    (Value::List(items), Value::Int(index)) => {
                        let position = position_of_index(*index, items.borrow().len());
                        let missing = || site.raise("IndexError", "list assignment index out of range");
                        items.borrow_mut().remove(position.ok_or_else(missing)?);
                    }
                    (Value::Globals, Value::Str(name)) => scope.module().unbind(name),
                    _ => return Err(unclear_deletion(site)),
                }
            }
            _ => return Err(unclear_deletion(site)),
        }
        Ok(())
    }
}

fn unclear_deletion(target: Site<'_>) -> DefinitionError {
    target.limit(format!(
        "what `del {}` does cannot be known without running Python",
        target.text()
    ))
}
