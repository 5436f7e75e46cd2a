//! `+ - * / // % **` of columns of objects, value by value.

use ruff_python_ast::Operator;

use super::moments::Moments;
use super::{Data, Operand};
use crate::run::scalar_binary;
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::Value;

/// Value by value, as Python computes with them; what is missing on either side is missing in the result.
pub(super) fn objects(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Data> {
    let rows = match (left, right) {
        (Operand::Column(data), _) | (_, Operand::Column(data)) => data.len(),
        _ => return Err(unknown("an operator on columns without a column")),
    };
    if Moments::of(left).is_some() || Moments::of(right).is_some() {
        return super::times::beside_nones(operator, left, right);
    }
    if rows == 0 {
        return Err(unknown("an operator on an empty column of objects is not known here"));
    }
    let is_bools = |operand: &Operand<'_>| matches!(operand, Operand::Column(Data::Bool(_)));
    if is_bools(left) || is_bools(right) {
        return Err(unknown(
            "an operator on columns of bools and of objects is not known here",
        ));
    }
    if let (Operator::Pow, Operand::Value(base)) = (operator, left)
        && base.as_float() == Some(1.0)
    {
        return Err(unknown("powers of 1 by objects are not known here"));
    }
    let has = |operand: &Operand<'_>, kind: fn(&Value) -> bool| match operand {
        Operand::Column(Data::Object(values)) => values.iter().any(kind),
        _ => false,
    };
    let is_no_time = |value: &Value| matches!(value, Value::NoTime);
    if has(left, is_no_time) || has(right, is_no_time) {
        return Err(unknown("an operator on missing times among objects is not known here"));
    }
    // Without None among them Python divides each, also what is missing.
    if let (Operator::Div | Operator::FloorDiv | Operator::Mod, Operand::Value(value)) = (operator, right)
        && value.plain().as_float() == Some(0.0)
        && has(left, |value| matches!(value, Value::Float(_)))
    {
        return Err(unknown("dividing floats among objects by zero is not known here"));
    }
    let is_zero = |row: usize| right.get(row).as_float() == Some(0.0);
    match (operator, right) {
        (Operator::Div | Operator::FloorDiv | Operator::Mod, Operand::Column(_)) if (0..rows).any(is_zero) => {
            return Err(unknown("dividing objects by zeros of a column is not known here"));
        }
        (Operator::FloorDiv, Operand::Value(Value::Int(0) | Value::Float(0.0)))
        | (Operator::Mod, Operand::Value(Value::Int(0))) => return Err(by_zero(operator, left, rows)),
        (Operator::FloorDiv | Operator::Mod, Operand::Value(Value::Bool(false))) => {
            return Err(unknown("dividing objects by False is not known here"));
        }
        _ => {}
    }
    let is_column = |operand: &Operand<'_>| matches!(operand, Operand::Column(_));
    let (left_is_column, right_is_column) = (is_column(left), is_column(right));
    // A single value is passed over with the rows that are missing, and computed with in the others.
    let is_masked = |value: &Value, is_of_column: bool| is_of_column && value.is_missing();
    let is_plain = |value: &Value| {
        matches!(
            value,
            Value::None | Value::Bool(_) | Value::Text(_) | Value::Int(_) | Value::Float(_)
        )
    };
    let result = (0..rows).map(|row| {
        let (left, right) = (left.get(row), right.get(row));
        if is_masked(&left, left_is_column) || is_masked(&right, right_is_column) {
            return Ok(Value::Float(f64::NAN));
        }
        // `%` of a text is a format.
        let is_format = operator == Operator::Mod && matches!(left, Value::Text(_));
        match is_plain(&left) && is_plain(&right) && !is_format {
            true => scalar_binary(&left, operator, &right),
            false => Err(unknown("an operator on a column of these objects is not known here")),
        }
    });
    Ok(Data::Object(result.collect::<Outcome<_>>()?))
}

/// How many bytes of text an operator makes, which have to be paid for.
pub(crate) fn bytes_of_texts(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> usize {
    let rows = match (left, right) {
        (Operand::Column(data @ Data::Object(_)), _) | (_, Operand::Column(data @ Data::Object(_))) => data.len(),
        _ => return 0,
    };
    let of_row = |row: usize| match (operator, left.get(row), right.get(row)) {
        (Operator::Add, Value::Text(left), Value::Text(right)) => left.len() + right.len(),
        (Operator::Mult, Value::Text(text), count) | (Operator::Mult, count, Value::Text(text)) => {
            let count = count.as_int().and_then(|count| usize::try_from(count).ok());
            text.len().saturating_mul(count.unwrap_or(0))
        }
        _ => 0,
    };
    (0..rows).map(of_row).fold(0, usize::saturating_add)
}

/// pandas looks for zeros among the results, in ways that objects refuse.
fn by_zero(operator: Operator, left: &Operand<'_>, rows: usize) -> Stop {
    let all_none = rows > 0 && (0..rows).all(|row| matches!(left.get(row), Value::None));
    match (operator, all_none) {
        (Operator::FloorDiv, true) => type_error("'<' not supported between instances of 'NoneType' and 'int'"),
        (_, true) => type_error(
            "ufunc 'isnan' not supported for the input types, and the inputs could not be safely coerced to any supported types \
             according to the casting rule ''safe''",
        ),
        _ => unknown("dividing a column of objects by zero is not known here"),
    }
}
