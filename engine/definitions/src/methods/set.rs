//! Methods of sets.

use std::cell::RefCell;
use std::rc::Rc;

use ruff_python_ast::Operator;

use super::mutating::{changes, unclear};
use crate::context::Site;
use crate::error::Evaluated;
use crate::operators::set_operation;
use crate::value::{CallArguments, Value, find_position, insert_distinct};

/// `None` when the result is not known.
pub(super) fn call(
    items: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    arguments: &CallArguments,
    site: Site<'_>,
) -> Evaluated<Option<Value>> {
    let unknown = || unclear("set", site);
    let object = Value::Set(Rc::clone(items));
    if changes(&object, name) {
        match (name, arguments.positional.as_slice()) {
            ("add", [item]) => insert_distinct(&mut items.borrow_mut(), item.clone()),
            ("update", [more]) => {
                let more = more.items().ok_or_else(unknown)?;
                site.pay_for_added(items.borrow().len(), more.len())?;
                for item in more {
                    insert_distinct(&mut items.borrow_mut(), item);
                }
            }
            ("discard" | "remove", [item]) => {
                let position = find_position(items.borrow().iter(), item).ok_or_else(unknown)?;
                match position {
                    Some(position) => drop(items.borrow_mut().remove(position)),
                    None if name == "discard" => {}
                    None => return Err(site.raise("KeyError", site.text())),
                }
            }
            ("clear", []) => items.borrow_mut().clear(),
            _ => return Err(unknown()),
        }
        return Ok(Some(Value::None));
    }
    let operator = match name {
        "copy" if arguments.positional.is_empty() => return Ok(Some(Value::set(items.borrow().clone()))),
        "union" => Operator::BitOr,
        "intersection" => Operator::BitAnd,
        "difference" => Operator::Sub,
        "symmetric_difference" => Operator::BitXor,
        _ => return Ok(None),
    };
    let [other] = arguments.positional.as_slice() else {
        return Ok(None);
    };
    let Some(other) = other.items() else { return Ok(None) };
    site.use_fuel(items.borrow().len().saturating_mul(other.len()))?;
    site.pay_for_distinct(other.len())?;
    let Value::Set(other) = Value::set(other) else {
        return Ok(None);
    };
    Ok(set_operation(operator, &items.borrow(), &other.borrow()).map(Value::set))
}
