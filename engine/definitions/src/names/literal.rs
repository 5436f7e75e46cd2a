//! Plain data as Python writes it.

use feast_python_notation::python_repr;
use ruff_python_ast::{Expr, UnaryOp};

use crate::value::Value;

/// An expression that gives an equal value of the same type; `None` for what is not plain data.
pub(super) fn literal(value: &Value) -> Option<String> {
    let all = |items: &[Value]| {
        let items = items.iter().map(literal).collect::<Option<Vec<_>>>()?;
        Some(items.join(", "))
    };
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) => value.to_str(),
        Value::Float(number) if number.is_nan() => Some("float('nan')".to_owned()),
        Value::Float(number) if number.is_infinite() => {
            let sign = if *number < 0.0 { "-" } else { "" };
            Some(format!("float('{sign}inf')"))
        }
        Value::Float(_) => value.to_str(),
        Value::Str(string) => Some(python_repr(string)),
        Value::List(items) => Some(format!("[{}]", all(&items.borrow())?)),
        Value::Tuple(items) if items.len() == 1 => Some(format!("({},)", all(items)?)),
        Value::Tuple(items) => Some(format!("({})", all(items)?)),
        Value::Set(items) if items.borrow().is_empty() => Some("set()".to_owned()),
        Value::Set(items) => Some(format!("{{{}}}", all(&items.borrow())?)),
        Value::Dict(members) if members.is_plain() => {
            let members = members.borrow();
            let members = members
                .iter()
                .map(|(key, value)| Some(format!("{}: {}", literal(key)?, literal(value)?)));
            Some(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        _ => None,
    }
}

/// Whether an expression is a value that cannot be changed in place, written out: what the evaluator has no value for, such as bytes.
pub(super) fn is_fixed(expression: &Expr) -> bool {
    match expression {
        Expr::Tuple(tuple) => tuple.elts.iter().all(is_fixed),
        Expr::UnaryOp(unary) => matches!(unary.op, UnaryOp::USub) && is_fixed(&unary.operand),
        Expr::FString(_) => false,
        other => other.is_literal_expr(),
    }
}
