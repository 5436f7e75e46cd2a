//! Operators between two values: `+`, `-`, `*`, `/`, `//`, `%`, `**`, `|`, `&`, `^`, `<<`, `>>`.

use ruff_python_ast::Operator;

use super::numbers::{float_operation, integer_operation};
use super::times::time_operation;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{Taint, Value, find_position, joined_path, max_taint, percent_format};

/// `left operator right`; opaque where it cannot be known.
pub(crate) fn binary(operator: Operator, left: &Value, right: &Value, site: Site<'_>) -> Evaluated<Value> {
    if let Some(opaque) = [left, right]
        .into_iter()
        .find(|value| matches!(value, Value::Opaque(_)))
    {
        return Ok(match max_taint([left, right]) {
            Taint::Clean => opaque.clone(),
            taint => site.unknown_with(taint),
        });
    }
    let (left, right) = (plain_value(left), plain_value(right));
    if let Some(value) = joined(operator, left, right, site)? {
        return Ok(value);
    }
    if let Some(value) = time_operation(operator, left, right, site)? {
        return Ok(value);
    }
    let overflow = || site.limit("a number beyond 64 bits");
    Ok(match (operator, left, right) {
        (_, Value::Bool(flag), _) => {
            return binary(operator, &Value::Int(i64::from(*flag)), right, site);
        }
        (_, _, Value::Bool(flag)) => {
            return binary(operator, left, &Value::Int(i64::from(*flag)), site);
        }
        (_, Value::Int(left), Value::Int(right)) => match integer_operation(operator, *left, *right) {
            Some(number) => number.ok_or_else(overflow)?,
            None if matches!(operator, Operator::Div | Operator::FloorDiv | Operator::Mod) && *right == 0 => {
                return Err(site.raise("ZeroDivisionError", "division by zero"));
            }
            None => site.unknown(),
        },
        (_, Value::Int(left), Value::Float(right)) => float_operation(operator, *left as f64, *right, site),
        (_, Value::Float(left), Value::Int(right)) => float_operation(operator, *left, *right as f64, site),
        (_, Value::Float(left), Value::Float(right)) => float_operation(operator, *left, *right, site),
        _ => site.unknown(),
    })
}

/// Operators on strings and containers; `None` for other operands.
fn joined(operator: Operator, left: &Value, right: &Value, site: Site<'_>) -> Evaluated<Option<Value>> {
    let value = match (operator, left, right) {
        (Operator::Add, Value::Str(left), Value::Str(right)) => Value::str(format!("{left}{right}")),
        (Operator::Add, Value::List(left), Value::List(right)) => {
            Value::list([left.borrow().as_slice(), &right.borrow()].concat())
        }
        (Operator::Add, Value::Tuple(left), Value::Tuple(right)) => Value::tuple([left.as_slice(), right].concat()),
        (Operator::Mult, Value::Str(_) | Value::List(_), Value::Int(count))
        | (Operator::Mult, Value::Int(count), Value::Str(_) | Value::List(_)) => {
            let repeated = if matches!(right, Value::Int(_)) { left } else { right };
            let count = usize::try_from(*count).unwrap_or(0);
            site.use_fuel(repeated.size(usize::MAX / 2).saturating_mul(count))?;
            match repeated {
                Value::Str(string) => Value::str(string.repeat(count)),
                other => {
                    let items = other.items().unwrap_or_default();
                    Value::list((0..count).flat_map(|_| items.clone()).collect())
                }
            }
        }
        (Operator::Div, Value::Path(left), Value::Str(right) | Value::Path(right)) => {
            Value::path(joined_path(&[left, right]))
        }
        (Operator::Div, Value::Str(left), Value::Path(right)) => Value::path(joined_path(&[left, right])),
        (Operator::BitOr, Value::Dict(left), Value::Dict(right)) if left.is_plain() && right.is_plain() => {
            site.pay_for_distinct(left.borrow().len() + right.borrow().len())?;
            Value::dict([left.borrow().as_slice(), &right.borrow()].concat())
        }
        (_, Value::Set(left), Value::Set(right)) => {
            let (left, right) = (left.borrow(), right.borrow());
            site.use_fuel(left.len().saturating_mul(right.len()))?;
            match set_operation(operator, &left, &right) {
                Some(items) => Value::set(items),
                None => site.unknown(),
            }
        }
        (Operator::Mod, Value::Str(_), Value::NamedTuple(tuple)) => {
            let values = Value::tuple(tuple.values.clone());
            return joined(operator, left, &values, site);
        }
        (Operator::Mod, Value::Str(form), arguments) => {
            site.pay_for([left, arguments])?;
            match percent_format(form, arguments, site.max_text_bytes()) {
                Some(string) => Value::str(string),
                None => site.unknown(),
            }
        }
        _ => return Ok(None),
    };
    site.use_fuel(site.size(&value))?;
    Ok(Some(value))
}

/// The value that a member of an enumeration is too, for operators.
fn plain_value(value: &Value) -> &Value {
    match value {
        Value::EnumMember(member) if member.is_its_value() => &member.value,
        other => other,
    }
}

/// Operators on sets; `None` where the result is not known.
pub(crate) fn set_operation(operator: Operator, left: &[Value], right: &[Value]) -> Option<Vec<Value>> {
    let mut both = Vec::new();
    let mut only_left = Vec::new();
    for item in left {
        match find_position(right, item)? {
            Some(_) => both.push(item.clone()),
            None => only_left.push(item.clone()),
        }
    }
    let mut only_right = Vec::new();
    for item in right {
        if find_position(left, item)?.is_none() {
            only_right.push(item.clone());
        }
    }
    match operator {
        Operator::BitOr => Some([left, &only_right].concat()),
        Operator::BitAnd => Some(both),
        Operator::Sub => Some(only_left),
        Operator::BitXor => Some([only_left, only_right].concat()),
        _ => None,
    }
}
