//! Binding names, and changing lists, dicts and instances in place.

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprCall, Operator, StmtAugAssign};
use ruff_text_size::{Ranged, TextRange};

use super::equality::member;
use super::module::Evaluator;
use super::scope::Scope;
use super::unknown::{Hides, reason_of};
use super::value::{Value, put};
use super::{DefinitionError, Evaluated, library};

impl Evaluator {
    /// Binds names, unpacks tuples, sets items.
    pub(super) fn assign(&mut self, target: &Expr, value: Value, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Expr::Name(name) => scope.bind(name.id.as_str(), value),
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, &value, target.range(), scope)?,
            Expr::List(list) => self.unpack(&list.elts, &value, target.range(), scope)?,
            Expr::Starred(starred) => self.assign(&starred.value, value, scope)?,
            Expr::Subscript(subscript) => {
                if let Some(object) = self.object_with_tags(&subscript.value, scope)? {
                    let name = self.evaluate(&subscript.slice, scope)?;
                    return self.set_tag(&object, &name, &value, target.range(), scope);
                }
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
            Value::Table(table) => table.forget(),
            // Options of modules that are not part of the repository reach no definition.
            Value::Module(module) if !self.is_read(module) && value.hides() < Hides::Object => {}
            Value::Class(class) => {
                self.check_certain(object, range, scope)?;
                class.scope.bind(name, value);
            }
            Value::Object(known) if self.uncertain == 0 => {
                check_known(object, name, &value, range, scope)?;
                let set = known.set_attribute(name, &value);
                set.map_err(|expected| unclear_change(object, name, expected, range, scope))?;
            }
            known => return Err(unclear_change(known, name, None, range, scope)),
        }
        Ok(())
    }

    /// The object of `object.tags`, if an expression is of that form and it is one of Feast.
    fn object_with_tags(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Option<Value>> {
        match expression {
            Expr::Attribute(attribute)
                if attribute.attr.as_str() == "tags"
                    && matches!(&*attribute.value, Expr::Name(_) | Expr::Attribute(_)) =>
            {
                let object = self.evaluate(&attribute.value, scope)?;
                Ok(matches!(object, Value::Object(_)).then_some(object))
            }
            _ => Ok(None),
        }
    }

    /// The object of `object.tags.method`, as [`Evaluator::object_with_tags`].
    pub(super) fn object_of_tags(
        &mut self,
        expression: &Expr,
        method: &str,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        match expression {
            Expr::Attribute(attribute) if attribute.attr.as_str() == method => {
                self.object_with_tags(&attribute.value, scope)
            }
            _ => Ok(None),
        }
    }

    /// `object.tags.update(...)`.
    pub(super) fn update_tags(&mut self, object: &Value, call: &ExprCall, scope: &Rc<Scope>) -> Evaluated<Value> {
        let unclear = || unclear_change(object, "tags", None, call.range(), scope);
        let arguments = self.arguments(call, scope)?.map_err(|_| unclear())?;
        let mut added = match arguments.positional.as_slice() {
            [] => Vec::new(),
            [given] => library::pairs_of(given).ok_or_else(unclear)?,
            _ => return Err(unclear()),
        };
        added.extend(
            arguments
                .named
                .into_iter()
                .map(|(name, value)| (Value::text(name), value)),
        );
        for (name, value) in added {
            self.set_tag(object, &name, &value, call.range(), scope)?;
        }
        Ok(Value::None)
    }

    fn set_tag(&self, object: &Value, name: &Value, value: &Value, range: TextRange, scope: &Scope) -> Evaluated<()> {
        match object {
            Value::Object(known) if self.uncertain == 0 => {
                check_known(object, "tags", name, range, scope)?;
                check_known(object, "tags", value, range, scope)?;
                let set = known.set_tag(name, value);
                set.map_err(|expected| unclear_change(object, "tags", expected, range, scope))
            }
            _ => Err(unclear_change(object, "tags", None, range, scope)),
        }
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
            Value::Table(table) => {
                scope.spend(range, table.len())?;
                match self.uncertain {
                    0 => table.set(&key),
                    _ => table.forget(),
                }
                return Ok(());
            }
            Value::Column(table, _) | Value::Dtypes(table) => {
                table.forget();
                return Ok(());
            }
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
                        "changing this {} in place cannot be read without running Python",
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
                    "changing this {} after it is given to an object of Feast cannot be read without running Python; change it \
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
                if let Value::Table(table) = &container {
                    table.forget();
                    return Ok(());
                }
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

/// What an object is given must be known: it is stored.
fn check_known(object: &Value, name: &str, value: &Value, range: TextRange, scope: &Scope) -> Evaluated<()> {
    let Value::Opaque(unknown) = value else { return Ok(()) };
    let text = format!(
        "{name} of {} depends on {}, which cannot be read without running Python",
        object.type_name(),
        unknown.reason
    );
    Err(scope.limit(range, text))
}

/// A change of an object that is not followed, or that gives it what Feast could not store.
fn unclear_change(
    object: &Value,
    name: &str,
    expected: Option<&str>,
    range: TextRange,
    scope: &Scope,
) -> DefinitionError {
    let kind = object.type_name();
    let text = match expected {
        Some(expected) => format!("{name} of {kind} is not {expected}"),
        None => format!(
            "changing this {kind} after it is made cannot be read without running Python; give the value where it is made"
        ),
    };
    scope.limit(range, text)
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
        Value::View(view) => view.items.iter().any(|item| holds(item, container)),
        Value::Record(record) => record.values.iter().any(|item| holds(item, container)),
        Value::Iterator(items) => items.borrow().iter().any(|item| holds(item, container)),
        Value::Dict(members) => members
            .borrow()
            .iter()
            .any(|(key, value)| holds(key, container) || holds(value, container)),
        _ => false,
    }
}
