//! `+ - * / // % **`, `& | ^` and signs of columns.

use ruff_python_ast::{Operator, UnaryOp};

use super::bitwise::{bitwise, of_arrays};
use super::moments::times;
use super::narrow::{is_narrow, narrow};
use super::numbers::Numbers;
use super::objects::objects;
use super::{Column, Data, Operand, Side, numbers_as_floats, numbers_as_ints, zip};
use crate::run::{divmod, floor_quotient, floor_rest};
use crate::stop::{Outcome, raised, type_error, unknown, value_error};
use crate::value::{ExceptionClass, Value};

const NO_SUBTRACTION_OF_BOOLS: &str = "numpy boolean subtract, the `-` operator, is not supported, use the bitwise_xor, the `^` \
     operator, or the logical_xor function instead.";

pub(crate) fn unary(operator: UnaryOp, column: &Column) -> Outcome<Column> {
    Ok(Column::from(match (operator, &column.data) {
        (UnaryOp::USub, Data::Int(values)) => Data::Int(values.iter().map(|number| number.wrapping_neg()).collect()),
        (UnaryOp::USub, Data::Float(values)) => Data::Float(values.iter().map(|number| -number).collect()),
        (UnaryOp::USub, Data::Delta(values)) => {
            // What is missing is the smallest number, which stays itself.
            Data::Delta(values.with(values.iter().map(|micros| micros.wrapping_neg()).collect()))
        }
        (UnaryOp::USub, Data::Float32(values)) => Data::Float32(values.iter().map(|number| -number).collect()),
        // A minus of flags inverts them.
        (UnaryOp::USub, Data::Bool(values)) => Data::Bool(values.iter().map(|flag| !flag).collect()),
        (UnaryOp::UAdd, data @ (Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Float32(_))) => data.clone(),
        (_, Data::Object(values)) if values.is_empty() => Data::Object(Vec::new()),
        (UnaryOp::Invert, Data::Bool(values)) => Data::Bool(values.iter().map(|flag| !flag).collect()),
        (UnaryOp::Invert, Data::Int(values)) => Data::Int(values.iter().map(|number| !number).collect()),
        (UnaryOp::Invert, Data::Float(_)) => {
            return Err(type_error(
                "ufunc 'invert' not supported for the input types, and the inputs could not be safely coerced to any supported types \
                 according to the casting rule ''safe''",
            ));
        }
        (UnaryOp::USub | UnaryOp::UAdd | UnaryOp::Invert, Data::Object(values))
            if values
                .iter()
                .any(|value| matches!(value, Value::Float(number) if number.is_nan())) =>
        {
            return Err(unknown(
                "this operator on objects of which some are missing is not known here",
            ));
        }
        (UnaryOp::USub | UnaryOp::UAdd | UnaryOp::Invert, Data::Object(values)) => {
            let sign = operator.as_str();
            match values
                .iter()
                .find(|value| !matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_)))
            {
                Some(value @ (Value::None | Value::Text(_))) => {
                    return Err(type_error(format!(
                        "bad operand type for unary {sign}: '{}'",
                        value.type_name()
                    )));
                }
                _ => return Err(unknown("this operator on a column of objects is not known here")),
            }
        }
        (_, data) => {
            return Err(unknown(format!(
                "this operator on a column of {} is not known here",
                data.dtype()
            )));
        }
    }))
}

/// An operator of pandas: at least one side is a series.
pub(crate) fn binary(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Column> {
    if let Operator::BitAnd | Operator::BitOr | Operator::BitXor = operator {
        return bitwise(operator, left, right).map(Column::from);
    }
    if left.is_object() || right.is_object() {
        return objects(operator, left, right).map(Column::from);
    }
    check_none(operator, left, right)?;
    check_flags(operator, left, right)?;
    match numbers(operator, left, right)? {
        Some(data) => Ok(Column::from(data)),
        None => times(operator, left, right).map(Column::from),
    }
}

/// An operator of numpy, of arrays alone. Integers it divides by zero otherwise than pandas, and of objects it knows no missing ones.
pub(crate) fn binary_of_arrays(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Column> {
    if let Operator::BitAnd | Operator::BitOr | Operator::BitXor = operator {
        return of_arrays(operator, left, right).map(Column::from);
    }
    if let Operator::FloorDiv | Operator::Mod = operator
        && let (Some(Numbers::Int(left)), Some(Numbers::Int(right))) = (Numbers::of(left), Numbers::of(right))
    {
        return Ok(Column::from(Data::Int(divided(operator, left, right))));
    }
    if operator == Operator::Add && are_texts(left) && are_texts(right) {
        return objects(operator, left, right).map(Column::from);
    }
    let is_flags = |operand: &Operand<'_>| matches!(Numbers::of(operand), Some(Numbers::Bool(_)));
    if let Operator::FloorDiv | Operator::Mod | Operator::Pow = operator
        && (is_flags(left) || is_flags(right) || is_narrow(left) || is_narrow(right))
    {
        return Err(unknown("an operator of arrays of such numbers is not known here"));
    }
    match numbers(operator, left, right)? {
        Some(data) => Ok(Column::from(data)),
        None => Err(unknown("an operator of these arrays is not known here")),
    }
}

fn are_texts(operand: &Operand<'_>) -> bool {
    match operand {
        Operand::Column(Data::Object(values)) => values.iter().all(|value| matches!(value, Value::Text(_))),
        Operand::Value(value) => matches!(value, Value::Text(text) if !text.ends_with('\0')),
        Operand::Column(_) => false,
    }
}

/// As numpy divides: by zero it is zero.
fn divided(operator: Operator, left: Side<'_, i64>, right: Side<'_, i64>) -> Vec<i64> {
    zip(left, right, |left: i64, right: i64| match (operator, right) {
        (_, 0) => 0,
        (Operator::FloorDiv, _) => floor_quotient(left, right).unwrap_or(i64::MIN),
        _ => floor_rest(left.wrapping_rem(right), right),
    })
}

/// Of numbers of all kinds; nothing of other values.
fn numbers(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Option<Data>> {
    if is_narrow(left) || is_narrow(right) {
        return narrow(operator, left, right);
    }
    Ok(match (Numbers::of(left), Numbers::of(right)) {
        (Some(Numbers::Bool(_)), Some(Numbers::Int(Side::One(_)))) if operator == Operator::Pow => {
            return Err(unknown(
                "a power of bools is a number of 8 bits, which is not known here",
            ));
        }
        (Some(Numbers::Bool(left)), Some(Numbers::Bool(right))) => Some(bools(operator, left, right)?),
        (Some(left_numbers), Some(right_numbers)) => {
            let by_flags = matches!(right_numbers, Numbers::Bool(Side::All(_))) && operator == Operator::Mod;
            match (numbers_as_ints(left), numbers_as_ints(right)) {
                // pandas leaves it to numpy, of which a rest by False is 0.
                (Some(left), Some(right)) if by_flags && !left_numbers.is_float() => {
                    return Ok(Some(Data::Int(zip(left.side(), right.side(), |_, _| 0))));
                }
                (Some(left), Some(right)) if !left_numbers.is_float() && !right_numbers.is_float() => {
                    return ints(operator, left.side(), right.side()).map(Some);
                }
                _ => {}
            }
            wide(operator, left, right)?
        }
        _ => None,
    })
}

/// Of numbers as floats of 64 bits.
pub(super) fn wide(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<Option<Data>> {
    match (numbers_as_floats(left), numbers_as_floats(right)) {
        (Some(left), Some(right)) => {
            floats(operator, left.side(), right.side()).map(|values| Some(Data::Float(values)))
        }
        _ => Ok(None),
    }
}

/// What pandas says of flags that are divided by flags.
fn check_flags(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<()> {
    let name = match operator {
        Operator::Div => "truediv",
        Operator::FloorDiv => "floordiv",
        Operator::Pow => "pow",
        _ => return Ok(()),
    };
    match (Numbers::of(left), Numbers::of(right)) {
        (Some(Numbers::Bool(_)), Some(Numbers::Bool(_))) => Err(raised(
            ExceptionClass::of("NotImplementedError"),
            format!("operator '{name}' not implemented for bool dtypes"),
        )),
        _ => Ok(()),
    }
}

/// What Python says of a column of numbers and None.
fn check_none(operator: Operator, left: &Operand<'_>, right: &Operand<'_>) -> Outcome<()> {
    let name = |operand: &Operand<'_>| match operand {
        Operand::Column(Data::Bool(values)) if !values.is_empty() => Some("bool"),
        Operand::Column(Data::Int(values)) if !values.is_empty() => Some("int"),
        Operand::Column(Data::Float(values)) if !values.is_empty() => Some("float"),
        Operand::Value(Value::None) => Some("NoneType"),
        _ => None,
    };
    let has_none = [left, right]
        .iter()
        .any(|operand| matches!(operand, Operand::Value(Value::None)));
    match (name(left), name(right)) {
        (Some(left), Some(right)) if has_none => Err(type_error(format!(
            "unsupported operand type(s) for {}: '{left}' and '{right}'",
            match operator {
                Operator::Pow => "** or pow()",
                operator => operator.as_str(),
            }
        ))),
        _ => Ok(()),
    }
}

/// As numpy: `+` and `*` are `or` and `and`, and what is counted is an integer.
fn bools(operator: Operator, left: Side<'_, bool>, right: Side<'_, bool>) -> Outcome<Data> {
    Ok(match operator {
        Operator::Add => Data::Bool(zip(left, right, |left, right| left || right)),
        Operator::Mult => Data::Bool(zip(left, right, |left, right| left && right)),
        Operator::Sub => return Err(type_error(NO_SUBTRACTION_OF_BOOLS)),
        Operator::Div => {
            let number = |flag: bool| f64::from(u8::from(flag));
            Data::Float(zip(left, right, |left, right| number(left) / number(right)))
        }
        _ => return Err(unknown("this operator on two columns of bool is not known here")),
    })
}

/// They wrap, and what is divided by zero is a float, as pandas makes it one.
pub(super) fn ints(operator: Operator, left: Side<'_, i64>, right: Side<'_, i64>) -> Outcome<Data> {
    let divides_by_zero = || match right {
        Side::All(values) => values.contains(&0),
        Side::One(value) => value == 0,
    };
    Ok(match operator {
        Operator::Add => Data::Int(zip(left, right, i64::wrapping_add)),
        Operator::Sub => Data::Int(zip(left, right, i64::wrapping_sub)),
        Operator::Mult => Data::Int(zip(left, right, i64::wrapping_mul)),
        Operator::Div => Data::Float(zip(left, right, |left, right| left as f64 / right as f64)),
        Operator::FloorDiv if divides_by_zero() => Data::Float(zip(left, right, |left, right| match right {
            0 => left as f64 / 0.0,
            _ => floor_quotient(left, right).unwrap_or(i64::MIN) as f64,
        })),
        Operator::FloorDiv => Data::Int(zip(left, right, |left, right| {
            floor_quotient(left, right).unwrap_or(i64::MIN)
        })),
        Operator::Mod if divides_by_zero() => Data::Float(zip(left, right, |left, right| match right {
            0 => f64::NAN,
            _ => floor_rest(left.wrapping_rem(right), right) as f64,
        })),
        Operator::Mod => Data::Int(zip(left, right, |left, right| {
            floor_rest(left.wrapping_rem(right), right)
        })),
        Operator::Pow => {
            let is_negative = match right {
                Side::All(values) => values.iter().any(|value| *value < 0),
                Side::One(value) => value < 0,
            };
            // Of no rows none is raised to it.
            if is_negative && !left.is_empty() {
                return Err(value_error("Integers to negative integer powers are not allowed."));
            }
            Data::Int(zip(left, right, wrapping_power))
        }
        _ => return Err(unknown(format!("`{}` of columns is not known here", operator.as_str()))),
    })
}

fn wrapping_power(base: i64, exponent: i64) -> i64 {
    let (mut base, mut exponent, mut power) = (base, exponent, 1i64);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    power
}

pub(super) fn floats(operator: Operator, left: Side<'_, f64>, right: Side<'_, f64>) -> Outcome<Vec<f64>> {
    Ok(match operator {
        Operator::Add => zip(left, right, |left, right| left + right),
        Operator::Sub => zip(left, right, |left, right| left - right),
        Operator::Mult => zip(left, right, |left, right| left * right),
        Operator::Div => zip(left, right, |left, right| left / right),
        Operator::FloorDiv => zip(left, right, |left, right| match right {
            0.0 => left / right,
            _ => divmod(left, right).0,
        }),
        Operator::Mod => zip(left, right, |left, right| match right {
            0.0 => f64::NAN,
            _ => divmod(left, right).1,
        }),
        Operator::Pow => powers(left, right),
        _ => return Err(unknown(format!("`{}` of columns is not known here", operator.as_str()))),
    })
}

/// Of one exponent for all rows numpy knows some by heart.
fn powers(left: Side<'_, f64>, right: Side<'_, f64>) -> Vec<f64> {
    match (left, right) {
        (left @ Side::All(_), Side::One(2.0)) => zip(left, right, |number, _| number * number),
        (left @ Side::All(_), Side::One(0.5)) => zip(left, right, |number: f64, _| number.sqrt()),
        (left @ Side::All(_), Side::One(-1.0)) => zip(left, right, |number, _| 1.0 / number),
        _ => zip(left, right, f64::powf),
    }
}
