//! `np.where` and `np.select`: for each row one of several values, in a column of the kind that they have in common.
//!
//! A text that is no column of pandas makes texts of numbers, as numpy's arrays of texts hold nothing else.

use std::rc::Rc;

use super::numpy_elementwise::truth_of;
use crate::column::{Column, Data, Operand};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::Value;

/// What a value or column is to numpy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Float,
    /// An array of texts, or one text.
    Text,
    /// Texts of an array, of which it is not known whether they are numpy's or objects.
    Texts,
    Object,
}

/// `np.where(condition, then, otherwise)`.
pub(super) fn where_(run: &mut Run, arguments: Arguments) -> Outcome {
    let [condition, then, otherwise] = arguments.exactly(["condition", "x", "y"])?;
    let (Value::Series(column) | Value::Array(column)) = &condition else {
        return Err(unknown("np.where() of this condition is not known here"));
    };
    if let (Value::Array(_), Data::Object(_)) = (&condition, &column.data) {
        return Err(unknown("an array of objects as a condition is not known here"));
    }
    let rows = column.len();
    run.make(rows.saturating_mul(2))?;
    let flags = flags_of(&column.data)?;
    let choices = [&then, &otherwise];
    let kind = match common(&choices)? {
        Some(kind) => kind,
        None => return Err(no_common_type(&then, &otherwise, "")),
    };
    let operands = [Operand::of(&then, rows)?, Operand::of(&otherwise, rows)?];
    let picked: Vec<usize> = flags.into_iter().map(|flag| usize::from(!flag)).collect();
    pick(run, &picked, &operands, kind)
}

/// For each row whether the condition holds. NaN does.
fn flags_of(data: &Data) -> Outcome<Vec<bool>> {
    match data {
        Data::Bool(values) => Ok(values.clone()),
        Data::Int(values) => Ok(values.iter().map(|number| *number != 0).collect()),
        Data::Float(values) => Ok(values.iter().map(|number| *number != 0.0).collect()),
        Data::Object(values) => values.iter().map(truth_of).collect(),
        other => Err(unknown(format!(
            "np.where() of a condition of {} is not known here",
            other.dtype()
        ))),
    }
}

/// `np.select(conditions, choices, default=0)`: the choice of the first condition that holds.
pub(super) fn select(run: &mut Run, arguments: Arguments) -> Outcome {
    let [conditions, choices, default] = arguments.bind(["condlist", "choicelist", "default"])?;
    let (conditions, choices) = (list_of(conditions)?, list_of(choices)?);
    if conditions.is_empty() || conditions.len() != choices.len() {
        return Err(unknown("np.select() of these lists is not known here"));
    }
    let default = default.unwrap_or(Value::Int(0));
    let mut columns = Vec::with_capacity(conditions.len());
    for condition in &conditions {
        match condition {
            Value::Series(column) | Value::Array(column) => columns.push(column),
            _ => return Err(unknown("np.select() of this condition is not known here")),
        }
    }
    let rows = columns.first().map_or(0, |column| column.len());
    run.make(rows.saturating_mul(columns.len() + 2))?;
    let all: Vec<&Value> = choices.iter().chain([&default]).collect();
    let Some(kind) = common(&all)? else {
        return match choices.as_slice() {
            [choice] => Err(no_common_type(
                choice,
                &default,
                "Choicelist and default value do not have a common dtype: ",
            )),
            _ => Err(unknown("np.select() of texts and numbers is not known here")),
        };
    };
    let picked = first_that_holds(&columns, rows)?;
    let operands: Vec<Operand<'_>> = all
        .into_iter()
        .map(|value| Operand::of(value, rows))
        .collect::<Outcome<_>>()?;
    pick(run, &picked, &operands, kind)
}

fn list_of(value: Option<Value>) -> Outcome<Vec<Value>> {
    match value {
        Some(Value::List(items)) => Ok(items.borrow().clone()),
        _ => Err(unknown("np.select() of anything but lists is not known here")),
    }
}

/// For each row the number of the first condition that holds, or how many there are.
fn first_that_holds(conditions: &[&Rc<Column>], rows: usize) -> Outcome<Vec<usize>> {
    let mut picked = vec![conditions.len(); rows];
    for (number, condition) in conditions.iter().enumerate().rev() {
        let Data::Bool(flags) = &condition.data else {
            return match conditions[..number].iter().all(|other| is_flags(other)) {
                true => Err(type_error(format!(
                    "invalid entry {number} in condlist: should be boolean ndarray"
                ))),
                false => continue,
            };
        };
        if flags.len() != rows {
            return Err(unknown("conditions of different lengths are not known here"));
        }
        for (place, flag) in picked.iter_mut().zip(flags) {
            if *flag {
                *place = number;
            }
        }
    }
    Ok(picked)
}

fn is_flags(column: &Column) -> bool {
    matches!(column.data, Data::Bool(_))
}

/// The kind that the values have in common. `None` for a text and a number that are no columns, which have none.
fn common(values: &[&Value]) -> Outcome<Option<Kind>> {
    let kinds: Vec<Kind> = values.iter().map(|value| kind_of(value)).collect::<Outcome<_>>()?;
    let has = |kind: Kind| kinds.contains(&kind);
    let has_numbers = has(Kind::Bool) || has(Kind::Int) || has(Kind::Float);
    if has(Kind::Texts) && has_numbers {
        return Err(unknown("these texts beside numbers are not known here"));
    }
    let has_single_number = values
        .iter()
        .any(|value| matches!(value, Value::Int(_) | Value::Float(_)));
    Ok(Some(match () {
        () if has(Kind::Object) || has(Kind::Texts) => Kind::Object,
        () if has(Kind::Text) && has_single_number => {
            let has_columns = values
                .iter()
                .any(|value| matches!(value, Value::Series(_) | Value::Array(_)));
            if has_columns || values.len() > 2 {
                return Err(unknown("a text beside a number is not known here"));
            }
            return Ok(None);
        }
        () if has(Kind::Text) => Kind::Text,
        () if has(Kind::Float) => Kind::Float,
        () if has(Kind::Int) => Kind::Int,
        () => Kind::Bool,
    }))
}

fn kind_of(value: &Value) -> Outcome<Kind> {
    Ok(match value {
        Value::Bool(_) => Kind::Bool,
        Value::Int(_) => Kind::Int,
        Value::Float(_) => Kind::Float,
        Value::None => Kind::Object,
        // numpy drops zeros at the end of a text.
        Value::Text(text) if text.ends_with('\0') => {
            return Err(unknown("a text that ends with \\0 is not known here"));
        }
        Value::Text(_) => Kind::Text,
        Value::Series(column) | Value::Array(column) => match &column.data {
            Data::Bool(_) => Kind::Bool,
            Data::Int(_) => Kind::Int,
            Data::Float(_) => Kind::Float,
            Data::Object(values) => match value {
                Value::Array(_) if values.iter().all(|value| matches!(value, Value::Text(_))) => Kind::Texts,
                _ => Kind::Object,
            },
            other => {
                return Err(unknown(format!(
                    "choosing among values of {} is not known here",
                    other.dtype()
                )));
            }
        },
        other => {
            return Err(unknown(format!("choosing {} is not known here", other.type_name())));
        }
    })
}

/// What numpy says of a text and a number.
fn no_common_type(left: &Value, right: &Value, before: &str) -> Stop {
    let name = |value: &Value| match value {
        Value::Text(_) => "StrDType",
        Value::Int(_) => "_PyLongDType",
        _ => "_PyFloatDType",
    };
    let (left, right) = (name(left), name(right));
    type_error(format!(
        "{before}The DType <class 'numpy.dtypes.{left}'> could not be promoted by <class 'numpy.dtypes.{right}'>. This means that no \
         common DType exists for the given inputs. For example they cannot be stored in a single array unless the dtype is `object`. \
         The full list of DTypes is: (<class 'numpy.dtypes.{left}'>, <class 'numpy.dtypes.{right}'>)"
    ))
}

/// The value of the picked operand in each row.
fn pick(run: &mut Run, picked: &[usize], operands: &[Operand<'_>], kind: Kind) -> Outcome {
    let chosen = picked
        .iter()
        .enumerate()
        .map(|(row, number)| operands.get(*number).map_or(Value::None, |operand| operand.get(row)));
    let data = match kind {
        Kind::Bool => Data::Bool(chosen.map(|value| matches!(value, Value::Bool(true))).collect()),
        Kind::Int => Data::Int(chosen.filter_map(|value| value.as_int()).collect()),
        Kind::Float => Data::Float(chosen.filter_map(|value| value.as_float()).collect()),
        Kind::Text => {
            let texts = chosen.map(|value| match value {
                Value::Text(_) => Ok(value),
                number => Ok(Value::text(number.to_text()?)),
            });
            run.hold(picked.len().saturating_mul(32))?;
            Data::Object(texts.collect::<Outcome<_>>()?)
        }
        Kind::Texts | Kind::Object => Data::Object(chosen.collect()),
    };
    Ok(Value::array(Column::from(data)))
}
