//! Binding names, and changing lists, dicts and instances in place.

use std::rc::Rc;

use ruff_python_ast::{Expr, Operator, StmtAugAssign};
use ruff_text_size::{Ranged, TextRange};

use super::equality::member;
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::{Hides, reason_of};
use super::value::{Value, put};
use super::{DefinitionError, Evaluated};

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
                self.set_attribute(&changed, attribute.attr.as_str(), value, target.range(), scope)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// `object.name = value`.
    pub(super) fn set_attribute(
        &self,
        object: &Value,
        name: &str,
        value: Value,
        range: TextRange,
        scope: &Scope,
    ) -> Evaluated<()> {
        match object {
            Value::Opaque(_) if value.hides() < Hides::Object => {}
            // Options of modules that are not part of the repository reach no definition.
            Value::Module(module) if !self.is_of_repository(module) && value.hides() < Hides::Object => {}
            Value::Class(class) => {
                self.check_certain(object, range, scope)?;
                class.scope.bind(name, value);
            }
            known => {
                return Err(scope.limit(
                    range,
                    format!(
                        "changing a {} after it is made cannot be read without running Python; give the value where it is \
                         made",
                        known.type_name()
                    ),
                ));
            }
        }
        Ok(())
    }

    fn unpack(&mut self, targets: &[Expr], value: &Value, range: TextRange, scope: &Rc<Scope>) -> Evaluated<()> {
        let Some(items) = value.items() else {
            let unknown = reason_of(value, range, scope);
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
            Value::Opaque(_) if value.hides() < Hides::Object => return Ok(()),
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
                let position = position_of(*index, items.borrow().len());
                let missing = || scope.raise(range, "IndexError", "list assignment index out of range");
                items.borrow_mut()[position.ok_or_else(missing)?] = value;
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
        if scope.is_kept(container) {
            return Err(scope.limit(
                range,
                format!(
                    "changing a {} after it is given to an object of Feast cannot be read without running Python; change it \
                     before, or copy it",
                    container.type_name()
                ),
            ));
        }
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
        if !matches!(old, Value::List(_) | Value::Dict(_) | Value::Set(_)) {
            let value = self.operate(assign.op, &old, &operand, assign.range, scope)?;
            return self.assign(&assign.target, value, scope);
        }
        // Containers are changed in place, whatever else is bound to them.
        self.check_certain(&old, assign.range, scope)?;
        self.check_acyclic(&old, &operand, assign.range, scope)?;
        let changed = match (&old, operand.items(), assign.op) {
            (Value::List(items), Some(added), Operator::Add) => {
                Value::list([items.borrow().as_slice(), &added].concat())
            }
            _ => self.operate(assign.op, &old, &operand, assign.range, scope)?,
        };
        match (&old, &changed) {
            (Value::List(items), Value::List(changed)) | (Value::Set(items), Value::Set(changed)) => {
                items.replace(changed.take());
            }
            (Value::Dict(members), Value::Dict(changed)) => {
                members.replace(changed.take());
            }
            _ => {
                let text = scope.text(assign.range);
                return Err(scope.limit(
                    assign.range,
                    format!(
                        "what `{text}` does to the {} cannot be known without running Python",
                        old.type_name()
                    ),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, target: &Expr, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Expr::Name(name) if scope.own(name.id.as_str()).is_some() => scope.unbind(name.id.as_str()),
            Expr::Subscript(subscript) if !matches!(&*subscript.slice, Expr::Slice(_)) => {
                let container = self.evaluate(&subscript.value, scope)?;
                let key = self.evaluate(&subscript.slice, scope)?;
                self.check_certain(&container, target.range(), scope)?;
                match (&container, &key) {
                    (Value::Opaque(_), _) => {}
                    (Value::Dict(members), _) => {
                        let position = member(&members.borrow(), &key);
                        let position = position.ok_or_else(|| unclear_deletion(target, scope))?;
                        let missing = || scope.raise(target.range(), "KeyError", scope.text(subscript.slice.range()));
                        members.borrow_mut().remove(position.ok_or_else(missing)?);
                    }
                    (Value::List(items), Value::Integer(index)) => {
                        let position = position_of(*index, items.borrow().len());
                        let missing =
                            || scope.raise(target.range(), "IndexError", "list assignment index out of range");
                        items.borrow_mut().remove(position.ok_or_else(missing)?);
                    }
                    (Value::Globals, Value::Text(name)) => scope.of_module().unbind(name),
                    _ => return Err(unclear_deletion(target, scope)),
                }
            }
            _ => return Err(unclear_deletion(target, scope)),
        }
        Ok(())
    }
}

fn unclear_deletion(target: &Expr, scope: &Scope) -> DefinitionError {
    let text = scope.text(target.range());
    scope.limit(
        target.range(),
        format!("what `del {text}` does cannot be known without running Python"),
    )
}

/// The position in a list that an index means, which is counted from the end where it is negative.
pub(super) fn position_of(index: i64, length: usize) -> Option<usize> {
    let position = if index < 0 {
        index.saturating_add(i64::try_from(length).unwrap_or(i64::MAX))
    } else {
        index
    };
    usize::try_from(position).ok().filter(|position| *position < length)
}

/// Whether a value is a container or holds it.
fn holds(value: &Value, container: &Value) -> bool {
    let same = match (value, container) {
        (Value::List(left), Value::List(right)) | (Value::Set(left), Value::Set(right)) => Rc::ptr_eq(left, right),
        (Value::Dict(left), Value::Dict(right)) => Rc::ptr_eq(left, right),
        _ => false,
    };
    same || match value {
        Value::List(items) | Value::Set(items) => items.borrow().iter().any(|item| holds(item, container)),
        Value::Tuple(items) => items.iter().any(|item| holds(item, container)),
        Value::Dict(members) => members
            .borrow()
            .iter()
            .any(|(key, value)| holds(key, container) || holds(value, container)),
        _ => false,
    }
}
