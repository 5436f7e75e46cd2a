//! Comparisons: `==`, `<`, `is`, `in`.

use std::cmp::Ordering;

use ruff_python_ast::CmpOp;

use crate::value::{Value, find_position, is_identical, order};

/// Whether a comparison holds; `None` where it is not known.
pub(crate) fn compare(operator: CmpOp, left: &Value, right: &Value) -> Option<bool> {
    let is_unknown = |value: &Value| matches!(value, Value::Opaque(_));
    if is_unknown(left) || is_unknown(right) {
        return None;
    }
    let contains = || match (left, right) {
        // It would be used up to the item.
        (_, Value::Iterator(_)) => None,
        (Value::Str(part), Value::Str(whole)) => Some(whole.contains(&**part)),
        _ => find_position(&right.items()?, left).map(|found| found.is_some()),
    };
    match operator {
        CmpOp::Eq => left.equals(right),
        CmpOp::NotEq => left.equals(right).map(|same| !same),
        CmpOp::Is => is_identical(left, right),
        CmpOp::IsNot => is_identical(left, right).map(|same| !same),
        CmpOp::In => contains(),
        CmpOp::NotIn => contains().map(|found| !found),
        CmpOp::Lt => order(left, right).map(Ordering::is_lt),
        CmpOp::LtE => order(left, right).map(Ordering::is_le),
        CmpOp::Gt => order(left, right).map(Ordering::is_gt),
        CmpOp::GtE => order(left, right).map(Ordering::is_ge),
    }
}
