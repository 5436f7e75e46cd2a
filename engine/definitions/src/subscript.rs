//! Items and slices: `value[index]`.

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprSlice, ExprSubscript};
use ruff_text_size::{Ranged, TextRange};

use super::assignment::position_of;
use super::equality::member;
use super::expression::LARGEST;
use super::module::Evaluator;
use super::object::{Object, Thing};
use super::scope::Scope;
use super::unknown::{Hides, unknown, unknown_hiding};
use super::value::{CallArguments, Dict, DictKind, Value};
use super::{Evaluated, feast, table};

impl Evaluator {
    pub(super) fn subscript(&mut self, subscript: &ExprSubscript, scope: &Rc<Scope>) -> Evaluated<Value> {
        let value = self.evaluate(&subscript.value, scope)?;
        if let Expr::Slice(slice) = &*subscript.slice {
            return self.slice(&value, slice, subscript.range, scope);
        }
        let index = self.evaluate(&subscript.slice, scope)?;
        if let Value::Table(table) | Value::Dtypes(table) = &value {
            scope.spend(subscript.range, table.len().saturating_mul(index.size(LARGEST)))?;
        }
        let raise = |exception: &str, text: &str| scope.raise(subscript.range, exception, text);
        Ok(match (&value, &index) {
            (Value::Object(object), _) => return chosen(object, &index, subscript, scope),
            (Value::Dict(members), _) => return self.item_of_dict(&value, members, index, subscript, scope),
            (Value::Table(_) | Value::Dtypes(_), _) => match table::item(&value, &index) {
                Some(found) => found.map_err(|()| raise("KeyError", &missing_key(&index, subscript, scope)))?,
                None => unknown(subscript.range, scope),
            },
            (Value::Globals, Value::Text(name)) => scope
                .of_module()
                .own(name)
                .ok_or_else(|| raise("KeyError", &format!("'{name}'")))?,
            (Value::View(view), Value::Integer(_)) if !view.has_positions() => unknown(subscript.range, scope),
            (
                Value::List(_) | Value::Tuple(_) | Value::Text(_) | Value::Record(_) | Value::View(_),
                Value::Integer(index),
            ) => {
                let items = value.items().unwrap_or_default();
                scope.spend(subscript.range, items.len() / 16)?;
                let position = position_of(*index, items.len());
                let position = position.ok_or_else(|| raise("IndexError", "list index out of range"))?;
                items[position].clone()
            }
            (Value::FeastEnumeration(enumeration), Value::Text(name)) => {
                feast::member(enumeration, name).ok_or_else(|| raise("KeyError", &format!("'{name}'")))?
            }
            (Value::Class(class), Value::Text(name)) if class.enumeration.is_some() => class
                .attribute(name)
                .ok_or_else(|| raise("KeyError", &format!("'{name}'")))?,
            _ => unknown_hiding(value.hides(), subscript.range, scope),
        })
    }

    fn item_of_dict(
        &mut self,
        value: &Value,
        members: &Rc<Dict>,
        key: Value,
        subscript: &ExprSubscript,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        scope.spend(subscript.range, members.borrow().len() / 16)?;
        let found = member(&members.borrow(), &key);
        Ok(match (found, &members.kind) {
            (Some(Some(position)), _) => members.borrow()[position].1.clone(),
            (Some(None), DictKind::Counter) => Value::Integer(0),
            (Some(None), DictKind::Default(factory)) if !matches!(factory, Value::None) => {
                let made = self.call_value(factory, CallArguments::default(), subscript.range, scope)?;
                self.set_item(value, key, made.clone(), subscript.range, scope)?;
                made
            }
            (Some(None), _) => {
                let text = missing_key(&key, subscript, scope);
                return Err(scope.raise(subscript.range, "KeyError", text));
            }
            (None, _) => unknown_hiding(value.hides(), subscript.range, scope),
        })
    }

    fn slice(&mut self, value: &Value, slice: &ExprSlice, range: TextRange, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut bound = |expression: &Option<Box<Expr>>| match expression {
            None => Ok(Value::None),
            Some(expression) => self.evaluate(expression, scope),
        };
        let (lower, upper, step) = (bound(&slice.lower)?, bound(&slice.upper)?, bound(&slice.step)?);
        let has_positions = match value {
            Value::Dict(_) | Value::Set(_) | Value::Iterator(_) | Value::Table(_) | Value::Dtypes(_) => false,
            Value::View(view) => view.has_positions(),
            _ => true,
        };
        let Some(items) = has_positions.then(|| value.items()).flatten() else {
            return Ok(unknown_hiding(value.hides(), range, scope));
        };
        scope.spend(range, items.len())?;
        let Some(positions) = slice_positions(&lower, &upper, &step, items.len()) else {
            return Ok(unknown_hiding(value.hides(), range, scope));
        };
        let chosen: Vec<Value> = positions
            .into_iter()
            .filter_map(|position| items.get(position).cloned())
            .collect();
        Ok(match value {
            Value::Tuple(_) | Value::Record(_) => Value::tuple(chosen),
            Value::View(view) => Value::view(view.type_name, chosen),
            Value::Text(_) => Value::text(chosen.iter().filter_map(Value::to_text).collect::<String>()),
            _ => Value::list(chosen),
        })
    }
}

/// `view[["a", "b"]]`: a choice of a view's features.
fn chosen(object: &Object, index: &Value, subscript: &ExprSubscript, scope: &Scope) -> Evaluated<Value> {
    let raise = |exception: &str, text: &str| scope.raise(subscript.range, exception, text);
    let Some(projection) = object.projection() else {
        return Ok(unknown(subscript.range, scope));
    };
    let Value::List(names) = index else {
        return Err(raise(
            "AssertionError",
            "features of a view are chosen by a list of their names",
        ));
    };
    let names = names.borrow();
    let names = names.iter().map(|name| name.as_text().map(|name| name.to_string()));
    let Some(names) = names.collect::<Option<Vec<_>>>() else {
        return Ok(unknown_hiding(Hides::Object, subscript.slice.range(), scope));
    };
    let chosen = projection.choose(names).map_err(|name| {
        raise(
            "ValueError",
            &format!("Feature {name} does not exist in this feature view."),
        )
    })?;
    Ok(feast::object(Thing::Projection(chosen), subscript.range, scope))
}

/// The positions that a slice of so many items has; `None` when a bound is not known or the step is nothing.
fn slice_positions(lower: &Value, upper: &Value, step: &Value, count: usize) -> Option<Vec<usize>> {
    let length = i64::try_from(count).unwrap_or(i64::MAX);
    let step = match step {
        Value::None => 1,
        Value::Integer(step) if *step != 0 => *step,
        _ => return None,
    };
    // A slice that goes backwards ends before the first item, and starts at the last.
    let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |bound: &Value, default: i64| match bound {
        Value::None => Some(default),
        Value::Integer(index) if *index < 0 => Some(index.saturating_add(length).max(least)),
        Value::Integer(index) => Some((*index).min(most)),
        _ => None,
    };
    let (start, end) = if step > 0 { (least, most) } else { (most, least) };
    let (mut position, end) = (bound(lower, start)?, bound(upper, end)?);
    let mut positions = Vec::new();
    while if step > 0 { position < end } else { position > end } {
        positions.extend(usize::try_from(position));
        position = position.saturating_add(step);
    }
    Some(positions)
}

fn missing_key(key: &Value, subscript: &ExprSubscript, scope: &Scope) -> String {
    let key = match key.to_text() {
        Some(text) => format!("'{text}'"),
        None => scope.text(subscript.slice.range()),
    };
    if scope.text(subscript.value.range()).ends_with("environ") {
        format!("{key}, an environment variable that is not set")
    } else {
        key
    }
}
