//! Items and slices: `value[index]`.

use std::rc::Rc;

use feast_python_notation::python_repr;
use ruff_python_ast::{Expr, ExprSlice, ExprSubscript};

use super::evaluator::Evaluator;
use super::mutation::set_item;
use crate::context::Site;
use crate::error::Evaluated;
use crate::feast;
use crate::methods::data_frame_item;
use crate::value::{
    CallArguments, DefinedObject, Dict, DictKind, FeastObject, Scope, Taint, Value, find_key, position_of_index,
};

impl Evaluator<'_> {
    pub(super) fn subscript(&mut self, subscript: &ExprSubscript, scope: &Rc<Scope>) -> Evaluated<Value> {
        let site = self.at(subscript, scope);
        let value = self.evaluate(&subscript.value, scope)?;
        if let Expr::Slice(slice) = &*subscript.slice {
            return self.slice(&value, slice, site);
        }
        let index = self.evaluate(&subscript.slice, scope)?;
        if let Value::DataFrame(table) | Value::Dtypes(table) = &value {
            site.use_fuel(table.len().saturating_mul(site.size(&index)))?;
        }
        let raise = |exception: &str, text: &str| site.raise(exception, text);
        Ok(match (&value, &index) {
            (Value::Object(object), _) => return projected(object, &index, subscript, site),
            (Value::Dict(members), _) => return self.item_of_dict(&value, members, index, subscript, site),
            (Value::DataFrame(_) | Value::Dtypes(_), _) => match data_frame_item(&value, &index) {
                Some(found) => found.map_err(|()| raise("KeyError", &missing_key(&index, subscript, site)))?,
                None => site.unknown(),
            },
            (Value::Globals, Value::Str(name)) => site
                .scope
                .module()
                .own(name)
                .ok_or_else(|| raise("KeyError", &python_repr(name)))?,
            (Value::View(view), Value::Int(_)) if !view.has_positions() => site.unknown(),
            (
                Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::NamedTuple(_) | Value::View(_),
                Value::Int(index),
            ) => {
                let items = value.items().unwrap_or_default();
                site.use_fuel(items.len() / 16)?;
                let position = position_of_index(*index, items.len());
                let position = position.ok_or_else(|| raise("IndexError", "list index out of range"))?;
                items[position].clone()
            }
            (Value::FeastEnum(enumeration), Value::Str(name)) => {
                feast::member(enumeration, name).ok_or_else(|| raise("KeyError", &python_repr(name)))?
            }
            (Value::Class(class), Value::Str(name)) if class.enumeration.is_some() => class
                .attribute(name)
                .ok_or_else(|| raise("KeyError", &python_repr(name)))?,
            _ => site.unknown_with(value.taint()),
        })
    }

    fn item_of_dict(
        &mut self,
        value: &Value,
        members: &Rc<Dict>,
        key: Value,
        subscript: &ExprSubscript,
        site: Site<'_>,
    ) -> Evaluated<Value> {
        site.use_fuel(members.borrow().len() / 16)?;
        let found = find_key(&members.borrow(), &key);
        Ok(match (found, &members.kind) {
            (Some(Some(position)), _) => members.borrow()[position].1.clone(),
            (Some(None), DictKind::Counter) => Value::Int(0),
            (Some(None), DictKind::Default(factory)) if !matches!(factory, Value::None) => {
                let made = self.call_value(factory, CallArguments::default(), site)?;
                set_item(value, key, made.clone(), site)?;
                made
            }
            (Some(None), _) => {
                let message = missing_key(&key, subscript, site);
                return Err(site.raise("KeyError", message));
            }
            (None, _) => site.unknown_with(value.taint()),
        })
    }

    fn slice(&mut self, value: &Value, slice: &ExprSlice, site: Site<'_>) -> Evaluated<Value> {
        let mut bound = |expression: &Option<Box<Expr>>| match expression {
            None => Ok(Value::None),
            Some(expression) => self.evaluate(expression, site.scope),
        };
        let (lower, upper, step) = (bound(&slice.lower)?, bound(&slice.upper)?, bound(&slice.step)?);
        let has_positions = match value {
            Value::Dict(_) | Value::Set(_) | Value::Iterator(_) | Value::DataFrame(_) | Value::Dtypes(_) => false,
            Value::View(view) => view.has_positions(),
            _ => true,
        };
        let Some(items) = has_positions.then(|| value.items()).flatten() else {
            return Ok(site.unknown_with(value.taint()));
        };
        site.use_fuel(items.len())?;
        let Some(positions) = slice_positions(&lower, &upper, &step, items.len()) else {
            return Ok(site.unknown_with(value.taint()));
        };
        let chosen: Vec<Value> = positions
            .into_iter()
            .filter_map(|position| items.get(position).cloned())
            .collect();
        Ok(match value {
            Value::Tuple(_) | Value::NamedTuple(_) => Value::tuple(chosen),
            Value::View(view) => Value::view(view.type_name, chosen),
            Value::Str(_) => Value::str(chosen.iter().filter_map(Value::to_str).collect::<String>()),
            _ => Value::list(chosen),
        })
    }
}

/// `view[["a", "b"]]`: a choice of a view's features.
fn projected(object: &DefinedObject, index: &Value, subscript: &ExprSubscript, site: Site<'_>) -> Evaluated<Value> {
    let raise = |exception: &str, text: &str| site.raise(exception, text);
    let Some(projection) = object.projection() else {
        return Ok(site.unknown());
    };
    let Value::List(names) = index else {
        return Err(raise(
            "AssertionError",
            "features of a view are chosen by a list of their names",
        ));
    };
    let names = names.borrow();
    let names = names.iter().map(|name| name.as_str().map(|name| name.to_string()));
    let Some(names) = names.collect::<Option<Vec<_>>>() else {
        return Ok(site.at(&*subscript.slice).unknown_with(Taint::Object));
    };
    let chosen = projection.choose(names).map_err(|name| {
        raise(
            "ValueError",
            &format!("Feature {name} does not exist in this feature view."),
        )
    })?;
    Ok(feast::object_at(FeastObject::Projection(chosen), site))
}

/// The positions that a slice of `count` items has; `None` when a bound is not known or the step is 0.
fn slice_positions(lower: &Value, upper: &Value, step: &Value, count: usize) -> Option<Vec<usize>> {
    let length = i64::try_from(count).unwrap_or(i64::MAX);
    let step = match step {
        Value::None => 1,
        Value::Int(step) if *step != 0 => *step,
        _ => return None,
    };
    // A slice that goes backwards ends before the first item, and starts at the last.
    let (min, max) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |bound: &Value, default: i64| match bound {
        Value::None => Some(default),
        Value::Int(index) if *index < 0 => Some(index.saturating_add(length).max(min)),
        Value::Int(index) => Some((*index).min(max)),
        _ => None,
    };
    let (start, end) = if step > 0 { (min, max) } else { (max, min) };
    let (mut position, end) = (bound(lower, start)?, bound(upper, end)?);
    let mut positions = Vec::new();
    while if step > 0 { position < end } else { position > end } {
        positions.extend(usize::try_from(position));
        position = position.saturating_add(step);
    }
    Some(positions)
}

fn missing_key(key: &Value, subscript: &ExprSubscript, site: Site<'_>) -> String {
    let key = key.repr().unwrap_or_else(|| site.at(&*subscript.slice).text());
    if site.at(&*subscript.value).text().ends_with("environ") {
        format!("{key}, an environment variable that is not set")
    } else {
        key
    }
}
