//! Operators: of Python's own values here, of columns in `column`.

use std::cmp::Ordering;
use std::rc::Rc;

use super::numbers::{float_binary, int_binary, small};
use super::{Activation, Run, scalar};
use crate::column::{self, Column, Data, Operand};
use crate::native;
use crate::program::{CmpOp, Expression, Operator, UnaryOp};
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::{Value, compare, equals, is_shallow};

impl Run {
    pub(super) fn unary(&mut self, operator: UnaryOp, operand: &Value) -> Outcome {
        match (operator, operand) {
            (UnaryOp::Not, value) => value.truth().map(|flag| Value::Bool(!flag)),
            (_, Value::Scalar(_)) => scalar::unary(operator, operand),
            (_, Value::Series(column)) => {
                self.make(column.len())?;
                column::unary(operator, column).map(Value::series)
            }
            (UnaryOp::USub | UnaryOp::UAdd, Value::Array(column)) if matches!(column.data, Data::Bool(_)) => {
                Err(unknown("a sign of an array of bools is not known here"))
            }
            (_, Value::Array(column)) if matches!(column.data, Data::Object(_)) => {
                Err(unknown("a sign of an array of texts or objects is not known here"))
            }
            (_, Value::Array(column)) => {
                self.make(column.len())?;
                column::unary(operator, column).map(Value::array)
            }
            (UnaryOp::USub, Value::Float(number)) => Ok(Value::Float(-number)),
            (UnaryOp::UAdd, Value::Float(number)) => Ok(Value::Float(*number)),
            (UnaryOp::USub, Value::Delta(micros)) => Ok(Value::Delta(-micros)),
            (operator, value) => match (operator, value.as_int()) {
                (UnaryOp::USub, Some(number)) => small(number.checked_neg()),
                (UnaryOp::UAdd, Some(number)) => Ok(Value::Int(number)),
                (UnaryOp::Invert, Some(number)) => Ok(Value::Int(!number)),
                _ if is_own(value) => Err(type_error(format!(
                    "bad operand type for unary {}: '{}'",
                    match operator {
                        UnaryOp::USub => "-",
                        UnaryOp::UAdd => "+",
                        _ => "~",
                    },
                    value.type_name()
                ))),
                _ => Err(unknown(format!(
                    "this operator on {} is not known here",
                    value.type_name()
                ))),
            },
        }
    }

    pub(crate) fn binary(&mut self, left: &Value, operator: Operator, right: &Value) -> Outcome {
        let rows = match (left, right) {
            (Value::Series(column) | Value::Array(column), _) | (_, Value::Series(column) | Value::Array(column)) => {
                Some(column.len())
            }
            _ => None,
        };
        let Some(rows) = rows else {
            return self.binary_of_singles(left, operator, right);
        };
        if let (Value::Text(_), Operator::Mod) = (left, operator) {
            return Err(unknown("a form of a column is not known here"));
        }
        self.make(rows)?;
        let is_bitwise = matches!(operator, Operator::BitAnd | Operator::BitOr | Operator::BitXor);
        let (left, right) = (
            scalar::beside(left, right, is_bitwise)?,
            scalar::beside(right, left, is_bitwise)?,
        );
        check_numpy_texts(left, right)?;
        let is_series = matches!(left, Value::Series(_)) || matches!(right, Value::Series(_));
        let (left_side, right_side) = (Operand::of(left, rows)?, Operand::of(right, rows)?);
        let bytes = column::bytes_of_texts(operator, &left_side, &right_side);
        self.hold(bytes)?;
        self.step(bytes / 64)?;
        let result = match (left, right) {
            _ if !is_series => column::binary_of_arrays(operator, &left_side, &right_side)?,
            // An array on the left gives way to a series.
            (Value::Array(_), _) if is_bitwise => column::bitwise_of_flags(operator, &right_side, &left_side)?,
            (Value::Array(column), _) if matches!(column.data, Data::Bool(_)) && operator != Operator::Add => {
                return Err(unknown(
                    "this operator on an array of bools and a series is not known here",
                ));
            }
            _ => column::binary(operator, &left_side, &right_side)?,
        };
        Ok(match is_series {
            true => Value::series(result),
            false => Value::array(result),
        })
    }

    /// An operator of two columns as numpy has it, for methods of pandas that leave it to numpy.
    pub(crate) fn binary_of_arrays(&mut self, left: &Column, operator: Operator, right: &Column) -> Outcome<Column> {
        self.make(left.len())?;
        match left.len() == right.len() {
            true => column::binary_of_arrays(operator, &Operand::Column(&left.data), &Operand::Column(&right.data)),
            false => Err(unknown("columns of different lengths are not known here")),
        }
    }

    /// An operator without a column.
    fn binary_of_singles(&mut self, left: &Value, operator: Operator, right: &Value) -> Outcome {
        match (left, right) {
            (Value::Text(form), Value::Scalar(number)) if operator == Operator::Mod && !shows_types(form) => {
                // Python takes a number of numpy for something with items, so arguments that a form does not use are no error.
                let outcome = self.binary_own(left, operator, number);
                outcome.map_err(|_| unknown("this form of a number of numpy is not known here"))
            }
            (Value::Scalar(_), _) | (_, Value::Scalar(_)) => scalar::binary(left, operator, right),
            _ => self.binary_own(left, operator, right),
        }
    }

    fn binary_own(&mut self, left: &Value, operator: Operator, right: &Value) -> Outcome {
        let bytes = match (left, operator, right) {
            (Value::Text(left), Operator::Add, Value::Text(right)) => left.len() + right.len(),
            (Value::List(left), Operator::Add, Value::List(right)) => {
                (left.borrow().len() + right.borrow().len()) * size_of::<Value>()
            }
            (Value::Tuple(left), Operator::Add, Value::Tuple(right)) => (left.len() + right.len()) * size_of::<Value>(),
            (value, Operator::Mult, count) | (count, Operator::Mult, value) if count.as_int().is_some() => {
                let size = match value {
                    Value::Text(text) => text.len(),
                    Value::List(items) => items.borrow().len() * size_of::<Value>(),
                    Value::Tuple(items) => items.len() * size_of::<Value>(),
                    _ => 0,
                };
                size.saturating_mul(usize::try_from(count.as_int().unwrap_or(0)).unwrap_or(0))
            }
            _ => 0,
        };
        self.hold(bytes)?;
        self.step(bytes / 64)?;
        if let (Value::Text(form), Operator::Mod) = (left, operator) {
            return native::percent_format(form, right).map(Value::text);
        }
        match self.is_pandas() {
            false if native::is_time(left) || native::is_time(right) => native::own_time_binary(left, operator, right),
            _ => scalar_binary(left, operator, right),
        }
    }

    pub(super) fn comparison(
        &mut self,
        first: &Expression,
        rest: &[(CmpOp, Expression)],
        around: &Rc<Activation>,
    ) -> Outcome {
        let mut left = self.evaluate(first, around)?;
        let mut result = Value::Bool(true);
        for (number, (operator, right)) in rest.iter().enumerate() {
            let right = self.evaluate(right, around)?;
            result = self.compare(&left, *operator, &right)?;
            if number + 1 < rest.len() && !result.truth()? {
                break;
            }
            left = right;
        }
        Ok(result)
    }

    pub(crate) fn compare(&mut self, left: &Value, operator: CmpOp, right: &Value) -> Outcome {
        if let CmpOp::Is | CmpOp::IsNot = operator {
            let same = is_same(left, right)?;
            return Ok(Value::Bool(same == (operator == CmpOp::Is)));
        }
        if let CmpOp::In | CmpOp::NotIn = operator {
            let is_in = self.contains(right, left)?;
            return Ok(Value::Bool(is_in == (operator == CmpOp::In)));
        }
        let rows = match (left, right) {
            (Value::Series(column) | Value::Array(column), _) | (_, Value::Series(column) | Value::Array(column)) => {
                column.len()
            }
            _ => {
                return match (left, right) {
                    (Value::Scalar(_), _) | (_, Value::Scalar(_)) => scalar::compare(left, operator, right),
                    _ => {
                        if !self.is_pandas() && !matches!(operator, CmpOp::Eq | CmpOp::NotEq) {
                            native::check_time_order(left, operator, right)?;
                        }
                        scalar_compare(left, operator, right).map(Value::Bool)
                    }
                };
            }
        };
        self.make(rows)?;
        let (left, right) = (scalar::beside(left, right, false)?, scalar::beside(right, left, false)?);
        check_numpy_texts(left, right)?;
        let (left_side, right_side) = (Operand::of(left, rows)?, Operand::of(right, rows)?);
        match (left, right) {
            // An array gives way to a series.
            (Value::Array(_), Value::Series(_)) => {
                column::compare(column::mirrored(operator), &right_side, &left_side).map(Value::series)
            }
            (Value::Series(_), _) | (_, Value::Series(_)) => {
                column::compare(operator, &left_side, &right_side).map(Value::series)
            }
            _ => column::compare_arrays(operator, &left_side, &right_side).map(Value::array),
        }
    }

    /// `item in container`.
    fn contains(&mut self, container: &Value, item: &Value) -> Outcome<bool> {
        match (container, item) {
            (Value::Text(text), Value::Text(part)) => Ok(text.contains(&**part)),
            (Value::Text(_), other) => Err(type_error(format!(
                "'in <string>' requires string as left operand, not {}",
                other.type_name()
            ))),
            (Value::Dict(dict), key) => {
                super::expressions::check_hashable(key)?;
                Ok(dict.borrow().get(key).is_some())
            }
            (Value::Set(members), item) => {
                super::expressions::check_hashable(item)?;
                let members = members.borrow();
                self.step(members.len() / 4)?;
                members
                    .iter()
                    .try_fold(false, |found, value| Ok(found || same_item(value, item)?))
            }
            (Value::Frame(frame), Value::Text(name)) => Ok(frame.borrow().get(name).is_some()),
            (Value::Row(frame, _), Value::Text(name)) => Ok(frame.get(name).is_some()),
            (Value::Array(column), item) => {
                let items = (0..column.len()).map(|row| column.get(row));
                items
                    .into_iter()
                    .try_fold(false, |found, value| Ok(found || same_item(&value, item)?))
            }
            // Those of a series are its index.
            (Value::Series(_) | Value::Frame(_) | Value::Row(..), _) => {
                Err(unknown(format!("`in` on {} is not known here", container.type_name())))
            }
            (container, item) => {
                let items = container.items().map_err(|stop| match stop {
                    Stop::Raised(_) if !matches!(container, Value::Failing(_)) => {
                        type_error(format!("argument of type '{}' is not iterable", container.type_name()))
                    }
                    other => other,
                })?;
                self.step(items.len())?;
                items
                    .iter()
                    .try_fold(false, |found, value| Ok(found || same_item(value, item)?))
            }
        }
    }
}

/// Equality as containers use it: what is the same object is equal. NaN may be, so it is not known.
fn same_item(left: &Value, right: &Value) -> Outcome<bool> {
    if let (Value::NoTime, Value::NoTime) = (left, right) {
        return Ok(true);
    }
    if let (Value::Float(left), Value::Float(right)) = (left, right)
        && left.is_nan()
        && right.is_nan()
    {
        return Err(unknown("whether NaN is in a container depends on which NaN it is"));
    }
    equals(left, right).ok_or_else(|| unknown("comparing these values is not known here"))
}

/// `left is right`.
fn is_same(left: &Value, right: &Value) -> Outcome<bool> {
    Ok(match (left, right) {
        (Value::None, Value::None) | (Value::NoTime, Value::NoTime) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::None | Value::Bool(_) | Value::NoTime, _) | (_, Value::None | Value::Bool(_) | Value::NoTime) => false,
        (Value::Native(left), Value::Native(right)) => left.name == right.name,
        (Value::List(left), Value::List(right)) => Rc::ptr_eq(left, right),
        (Value::Dict(left), Value::Dict(right)) => Rc::ptr_eq(left, right),
        _ => return Err(unknown("whether these values are the same object is not known here")),
    })
}

/// A comparison of Python's own values.
pub(crate) fn scalar_compare(left: &Value, operator: CmpOp, right: &Value) -> Outcome<bool> {
    if let Some(holds) = beside_no_time(left, operator, right) {
        return holds;
    }
    if let CmpOp::Eq | CmpOp::NotEq = operator {
        let equal = equals(left, right).ok_or_else(|| unknown("comparing these values is not known here"))?;
        return Ok(equal == (operator == CmpOp::Eq));
    }
    if let (Value::Set(_), Value::Set(_)) = (left, right) {
        return Err(unknown("comparing sets is not known here"));
    }
    if !is_shallow(left) || !is_shallow(right) {
        return Err(unknown(
            "comparing values that are so deep or so large is not known here",
        ));
    }
    let Some(order) = compare(left, right) else {
        let has_items = |value: &Value| matches!(value, Value::List(_) | Value::Tuple(_));
        // Of lists Python names the items that have no order.
        if !is_own(left) || !is_own(right) || has_items(left) && has_items(right) {
            return Err(unknown("comparing these values is not known here"));
        }
        return Err(type_error(format!(
            "'{}' not supported between instances of '{}' and '{}'",
            operator.as_str(),
            left.type_name(),
            right.type_name()
        )));
    };
    Ok(match (operator, order) {
        (_, None) => false,
        (CmpOp::Lt, Some(order)) => order == Ordering::Less,
        (CmpOp::LtE, Some(order)) => order != Ordering::Greater,
        (CmpOp::Gt, Some(order)) => order == Ordering::Greater,
        (CmpOp::GtE, Some(order)) => order != Ordering::Less,
        _ => return Err(unknown("this comparison is not known here")),
    })
}

/// What a missing time is compared with: it is equal to nothing, and has no order.
fn beside_no_time(left: &Value, operator: CmpOp, right: &Value) -> Option<Outcome<bool>> {
    let other = match (left, right) {
        (Value::NoTime, other) | (other, Value::NoTime) => other,
        _ => return None,
    };
    let is_time = native::is_time(other) || matches!(other, Value::NoTime);
    Some(match operator {
        CmpOp::Eq | CmpOp::NotEq if is_time || matches!(other, Value::None | Value::Int(_) | Value::Text(_)) => {
            Ok(operator == CmpOp::NotEq)
        }
        CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE if is_time => Ok(false),
        _ => Err(unknown("comparing a missing time with this is not known here")),
    })
}

/// An operator on Python's own values.
pub(crate) fn scalar_binary(left: &Value, operator: Operator, right: &Value) -> Outcome {
    if let (Some(left_number), Some(right_number)) = (left.as_int(), right.as_int()) {
        let are_bools = matches!((left, right), (Value::Bool(_), Value::Bool(_)));
        return int_binary(left_number, operator, right_number, are_bools);
    }
    if let (Some(left_number), Some(right_number)) = (left.as_float(), right.as_float()) {
        return float_binary(left_number, operator, right_number).ok_or_else(|| unsupported(left, operator, right))?;
    }
    if let Some(outcome) = super::big::big_binary(left, operator, right) {
        return outcome;
    }
    match (left, operator, right) {
        (Value::Text(left), Operator::Add, Value::Text(right)) => Ok(Value::text(format!("{left}{right}"))),
        (Value::Text(_), Operator::Add, other) if is_own(other) => Err(type_error(format!(
            "can only concatenate str (not \"{}\") to str",
            other.type_name()
        ))),
        (Value::List(_), Operator::Add, other) if is_own(other) && !matches!(other, Value::List(_)) => Err(type_error(
            format!("can only concatenate list (not \"{}\") to list", other.type_name()),
        )),
        (Value::List(left), Operator::Add, Value::List(right)) => {
            Ok(Value::list([left.borrow().as_slice(), &right.borrow()].concat()))
        }
        (Value::Tuple(left), Operator::Add, Value::Tuple(right)) => Ok(Value::tuple([&***left, &***right].concat())),
        (Value::Text(text), Operator::Mult, count) | (count, Operator::Mult, Value::Text(text))
            if count.as_int().is_some() =>
        {
            Ok(Value::text(text.repeat(times(count))))
        }
        (Value::List(items), Operator::Mult, count) | (count, Operator::Mult, Value::List(items))
            if count.as_int().is_some() =>
        {
            Ok(Value::list(repeated(&items.borrow(), count)))
        }
        (Value::Tuple(items), Operator::Mult, count) | (count, Operator::Mult, Value::Tuple(items))
            if count.as_int().is_some() =>
        {
            Ok(Value::tuple(repeated(items, count)))
        }
        (Value::Time(_) | Value::NaiveTime(_) | Value::Delta(_), ..)
        | (.., Value::Time(_) | Value::NaiveTime(_) | Value::Delta(_)) => {
            native::time_binary(left, operator, right).unwrap_or_else(|| Err(unsupported(left, operator, right)))
        }
        (Value::Set(_) | Value::Dict(_), Operator::BitOr | Operator::BitAnd | Operator::Sub | Operator::BitXor, _) => {
            Err(unknown("this operator on sets and dicts is not known here"))
        }
        _ => Err(unsupported(left, operator, right)),
    }
}

/// numpy has its own type for arrays of texts, and its own messages when the other side is not text.
fn check_numpy_texts(left: &Value, right: &Value) -> Outcome<()> {
    let has_texts = |value: &Value| match value {
        Value::Array(column) => match &column.data {
            Data::Object(values) => values.iter().any(|value| matches!(value, Value::Text(_))),
            _ => false,
        },
        _ => false,
    };
    let is_text = |value: &Value| match value {
        Value::Series(column) | Value::Array(column) => matches!(column.data, Data::Object(_)),
        value => matches!(value, Value::Text(_)),
    };
    match has_texts(left) && !is_text(right) || has_texts(right) && !is_text(left) {
        true => Err(unknown("texts of numpy beside what is no text are not known here")),
        false => Ok(()),
    }
}

/// Items so many times.
fn repeated(items: &[Value], count: &Value) -> Vec<Value> {
    // Nothing costs nothing, and would be repeated for ever.
    match items.is_empty() {
        true => Vec::new(),
        false => std::iter::repeat_n(items, times(count)).flatten().cloned().collect(),
    }
}

/// Whether a form of `%` may show what type a value has: `%r` and `%a`.
fn shows_types(form: &str) -> bool {
    form.split('%').skip(1).any(|part| {
        let is_option = |character: char| !character.is_alphabetic() || matches!(character, 'l' | 'h' | 'L');
        part.trim_start_matches(is_option).starts_with(['r', 'a'])
    })
}

fn times(count: &Value) -> usize {
    usize::try_from(count.as_int().unwrap_or(0)).unwrap_or(0)
}

fn unsupported(left: &Value, operator: Operator, right: &Value) -> crate::stop::Stop {
    if !is_own(left) || !is_own(right) {
        return unknown(format!(
            "`{}` of {} and {} is not known here",
            operator.as_str(),
            left.type_name(),
            right.type_name()
        ));
    }
    let is_sequence = |value: &Value| matches!(value, Value::Text(_) | Value::List(_) | Value::Tuple(_));
    if operator == Operator::Mult && (is_sequence(left) || is_sequence(right)) {
        let count = if is_sequence(left) { right } else { left };
        return type_error(format!(
            "can't multiply sequence by non-int of type '{}'",
            count.type_name()
        ));
    }
    let shown = match operator {
        Operator::Pow => "** or pow()",
        operator => operator.as_str(),
    };
    type_error(format!(
        "unsupported operand type(s) for {shown}: '{}' and '{}'",
        left.type_name(),
        right.type_name()
    ))
}

/// Whether it is a value of Python itself, for which its rules are all written down here.
fn is_own(value: &Value) -> bool {
    matches!(
        value,
        Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Tuple(_)
            | Value::Dict(_)
            | Value::Set(_)
    )
}
