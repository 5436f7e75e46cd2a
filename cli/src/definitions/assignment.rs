//! Binding names, and changing lists, dicts and instances in place.

use std::rc::Rc;

use ruff_python_ast::{Expr, Operator, StmtAugAssign};
use ruff_text_size::{Ranged, TextRange};

use super::Evaluated;
use super::module::Evaluator;
use super::scope::Scope;
use super::value::{Class, Value, put};

impl Evaluator {
    /// Binds names, unpacks tuples, sets items.
    pub(super) fn assign(&mut self, target: &Expr, value: Value, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Expr::Name(name) => scope.bind(name.id.as_str(), value),
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, &value, target.range(), scope)?,
            Expr::List(list) => self.unpack(&list.elts, &value, target.range(), scope)?,
            Expr::Starred(starred) => self.assign(&starred.value, value, scope)?,
            Expr::Subscript(subscript) => {
                let container = self.evaluate(&subscript.value, scope)?;
                let key = self.evaluate(&subscript.slice, scope)?;
                self.set_item(&container, key, value, target.range(), scope)?;
            }
            Expr::Attribute(attribute) => {
                let changed = self.evaluate(&attribute.value, scope)?;
                match changed {
                    Value::Opaque(_) | Value::Module(_) => {}
                    Value::Class(class) => {
                        self.check_certain(&changed_class(&class), target.range(), scope)?;
                        class.scope.bind(attribute.attr.as_str(), value);
                    }
                    known => {
                        return Err(scope.limit(
                            target.range(),
                            format!(
                                "changing a {} after it is made cannot be read without running Python; give the value where it \
                                 is made",
                                known.type_name()
                            ),
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn unpack(&mut self, targets: &[Expr], value: &Value, range: TextRange, scope: &Rc<Scope>) -> Evaluated<()> {
        let Some(items) = value.items() else {
            let unknown = Value::opaque(format!("`{}`", scope.text(range)));
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
            let text = format!("cannot unpack {} values into {} names", items.len(), targets.len());
            return Err(scope.raise(range, "ValueError", text));
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

    /// Sets an item of a list or dict.
    pub(super) fn set_item(
        &self,
        container: &Value,
        key: Value,
        value: Value,
        range: TextRange,
        scope: &Scope,
    ) -> Evaluated<()> {
        match container {
            Value::Opaque(_) => return Ok(()),
            _ => self.check_certain(container, range, scope)?,
        }
        match (container, &key) {
            (Value::Dict(members), _) => {
                self.check_acyclic(container, &value, range, scope)?;
                scope.spend(range, members.borrow().len())?;
                put(&mut members.borrow_mut(), key, value);
            }
            (Value::Globals, Value::Text(name)) => scope.of_module().bind(name, value),
            (Value::List(items), Value::Integer(index)) => {
                self.check_acyclic(container, &value, range, scope)?;
                let mut items = items.borrow_mut();
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let position = if *index < 0 { index + length } else { *index };
                let item = usize::try_from(position)
                    .ok()
                    .and_then(|position| items.get_mut(position));
                *item.ok_or_else(|| scope.raise(range, "IndexError", "list assignment index out of range"))? = value;
            }
            _ => {
                return Err(scope.limit(
                    range,
                    format!(
                        "changing a {} in place cannot be read without running Python",
                        container.type_name()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Changes under a condition that is not known would be lost or made up.
    pub(super) fn check_certain(&self, container: &Value, range: TextRange, scope: &Scope) -> Evaluated<()> {
        if self.uncertain == 0 {
            return Ok(());
        }
        Err(scope.limit(
            range,
            format!(
                "whether this {} is changed depends on a condition that cannot be known without running Python",
                container.type_name()
            ),
        ))
    }

    /// A container in itself could not be looked through.
    pub(super) fn check_acyclic(
        &self,
        container: &Value,
        added: &Value,
        range: TextRange,
        scope: &Scope,
    ) -> Evaluated<()> {
        const LARGEST: usize = 1_000_000;
        let size = added.size(LARGEST);
        scope.spend(range, size)?;
        if size >= LARGEST {
            return Err(scope.limit(range, "this value is too large for a definition"));
        }
        if holds(added, container) {
            return Err(scope.limit(range, "a list or dict that holds itself cannot be read"));
        }
        Ok(())
    }

    pub(super) fn change(&mut self, assign: &StmtAugAssign, scope: &Rc<Scope>) -> Evaluated<()> {
        let old = self.evaluate(&assign.target, scope)?;
        let operand = self.evaluate(&assign.value, scope)?;
        if let (Value::List(items), Some(added), Operator::Add) = (&old, operand.items(), assign.op) {
            self.check_certain(&old, assign.range, scope)?;
            self.check_acyclic(&old, &operand, assign.range, scope)?;
            items.borrow_mut().extend(added);
            return Ok(());
        }
        let value = self.operate(assign.op, &old, &operand, assign.range, scope)?;
        self.assign(&assign.target, value, scope)
    }

    pub(super) fn delete(&mut self, target: &Expr, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Expr::Name(name) => scope.unbind(name.id.as_str()),
            Expr::Subscript(subscript) => {
                let container = self.evaluate(&subscript.value, scope)?;
                let key = self.evaluate(&subscript.slice, scope)?;
                if let Value::Dict(members) = &container {
                    self.check_certain(&container, target.range(), scope)?;
                    members.borrow_mut().retain(|(known, _)| *known != key);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn changed_class(class: &Rc<Class>) -> Value {
    Value::Class(Rc::clone(class))
}

/// Whether a value is a container or holds it.
fn holds(value: &Value, container: &Value) -> bool {
    let same = match (value, container) {
        (Value::List(left), Value::List(right)) => Rc::ptr_eq(left, right),
        (Value::Dict(left), Value::Dict(right)) => Rc::ptr_eq(left, right),
        _ => false,
    };
    same || match value {
        Value::List(items) => items.borrow().iter().any(|item| holds(item, container)),
        Value::Tuple(items) | Value::Set(items) => items.iter().any(|item| holds(item, container)),
        Value::Dict(members) => members
            .borrow()
            .iter()
            .any(|(key, value)| holds(key, container) || holds(value, container)),
        _ => false,
    }
}
