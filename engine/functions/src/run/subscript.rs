//! `object[key]`, read and assigned.

use std::rc::Rc;

use super::Run;
use super::call::index_error;
use super::expressions::check_hashable;
use crate::column::Column;
use crate::methods;
use crate::program::Text;
use crate::stop::{Outcome, Stop, raised, type_error, unknown, value_error};
use crate::value::{ExceptionClass, Frame, Value, check_acyclic};

impl Run {
    pub(crate) fn item(&mut self, object: &Value, key: &Value) -> Outcome {
        match (object, key) {
            (Value::Frame(frame), Value::Text(name)) => match frame.borrow().get(name) {
                Some(column) => Ok(Value::Series(Rc::clone(column))),
                None => Err(key_error(key)?),
            },
            (Value::Frame(frame), Value::List(names)) => selected(&frame.borrow(), &names.borrow()).map(Value::frame),
            (_, Value::Scalar(_)) => Err(unknown("a number of numpy as a subscript is not known here")),
            (Value::Row(frame, row), Value::Text(name)) => match frame.get(name) {
                Some(column) => column.item(*row),
                None => Err(key_error(key)?),
            },
            (Value::Dict(dict), key) => {
                check_hashable(key)?;
                match dict.borrow().get(key) {
                    Some(value) => Ok(value.clone()),
                    None => Err(key_error(key)?),
                }
            }
            (Value::TextOf(column), key) => methods::text_item(self, column, key),
            (Value::Array(column), key) => match key {
                Value::Int(position) => match position_of(*position, column.len()) {
                    Some(position) => column.item(position),
                    None => Err(index_error(&format!(
                        "index {position} is out of bounds for axis 0 with size {}",
                        column.len()
                    ))),
                },
                _ => Err(unknown("this subscript of an array is not known here")),
            },
            (Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_), Value::Slice(bounds)) => {
                self.sliced(object, bounds)
            }
            (Value::Text(text), key) => {
                let position = index_of(key, "string")?;
                let characters = text.chars().count();
                let found = position_of(position, characters).and_then(|position| text.chars().nth(position));
                match found {
                    Some(character) => Ok(Value::text(character.to_string())),
                    None => Err(index_error("string index out of range")),
                }
            }
            (Value::List(items), key) => nth(&items.borrow(), index_of(key, "list")?, "list index out of range"),
            (Value::Tuple(items), key) => nth(items, index_of(key, "tuple")?, "tuple index out of range"),
            (Value::Match(found), key) => methods::match_item(self, found, key),
            (Value::Calendar(numbers), key) => {
                let numbers: Vec<Value> = numbers.iter().map(|number| Value::Int(*number)).collect();
                nth(&numbers, index_of(key, "tuple")?, "tuple index out of range")
            }
            (Value::Items(items), Value::Int(position)) => nth(items, *position, "range object index out of range"),
            (Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_), _) => Err(type_error(format!(
                "'{}' object is not subscriptable",
                object.type_name()
            ))),
            _ => Err(unknown(format!(
                "this subscript of {} is not known here",
                object.type_name()
            ))),
        }
    }

    fn sliced(&mut self, object: &Value, bounds: &[Option<i64>; 3]) -> Outcome {
        if bounds[2] == Some(0) {
            return Err(value_error("slice step cannot be zero"));
        }
        self.step(object.length()? / 8)?;
        Ok(match object {
            Value::Text(text) if text.is_ascii() => {
                let bytes = positions(bounds, text.len()).map(|position| text.as_bytes()[position]);
                Value::text(bytes.map(char::from).collect::<String>())
            }
            Value::Text(text) => {
                let characters: Vec<char> = text.chars().collect();
                Value::text(
                    positions(bounds, characters.len())
                        .map(|position| characters[position])
                        .collect::<String>(),
                )
            }
            Value::Bytes(bytes) => {
                let part: Vec<u8> = positions(bounds, bytes.len()).map(|position| bytes[position]).collect();
                Value::Bytes(part.into())
            }
            Value::List(items) => {
                let items = items.borrow();
                Value::list(
                    positions(bounds, items.len())
                        .map(|position| items[position].clone())
                        .collect(),
                )
            }
            Value::Tuple(items) => Value::tuple(
                positions(bounds, items.len())
                    .map(|position| items[position].clone())
                    .collect(),
            ),
            other => return Err(unknown(format!("a slice of {} is not known here", other.type_name()))),
        })
    }

    pub(super) fn set_item(&mut self, object: &Value, key: &Value, value: Value) -> Outcome<()> {
        match (object, key) {
            (_, Value::Scalar(_)) => Err(unknown("a number of numpy as a subscript is not known here")),
            (Value::Frame(frame), Value::Text(name)) => self.set_column(&mut frame.borrow_mut(), name, &value),
            (Value::PlacesOf(frame), Value::Tuple(places)) => match &***places {
                // It is for the rows that the mask picks.
                [Value::Series(_), Value::Text(_)] if matches!(value, Value::Array(_) | Value::List(_)) => Err(
                    unknown("assigning several values to places of a frame is not known here"),
                ),
                [Value::Series(mask), Value::Text(name)] => methods::set_where(self, frame, mask, name, &value),
                _ => Err(unknown("assigning to these places of a frame is not known here")),
            },
            (Value::Dict(dict), key) => {
                check_hashable(key)?;
                self.make(1)?;
                check_acyclic(object, &value)?;
                dict.borrow_mut().insert(key.clone(), value);
                Ok(())
            }
            (Value::List(items), key) => {
                let position = index_of(key, "list")?;
                check_acyclic(object, &value)?;
                let mut items = items.borrow_mut();
                let count = items.len();
                match position_of(position, count) {
                    Some(position) => items[position] = value,
                    None => return Err(index_error("list assignment index out of range")),
                }
                Ok(())
            }
            (Value::Tuple(_) | Value::Text(_), _) => Err(type_error(format!(
                "'{}' object does not support item assignment",
                object.type_name()
            ))),
            _ => Err(unknown(format!(
                "assigning to an item of {} is not known here",
                object.type_name()
            ))),
        }
    }

    /// `frame[name] = value`.
    pub(crate) fn set_column(&mut self, frame: &mut Frame, name: &Text, value: &Value) -> Outcome<()> {
        let column = match value {
            // pandas takes it for floats.
            Value::List(items) if items.borrow().is_empty() => {
                return Err(unknown("a column of an empty list is not known here"));
            }
            Value::Series(column) | Value::Array(column) => Rc::clone(column),
            Value::List(items) => {
                let items = items.borrow();
                self.make(items.len())?;
                Rc::new(Column::of_values(&items)?)
            }
            Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Scalar(_)
            | Value::Text(_)
            | Value::Time(_) => {
                let value = value.plain();
                if frame.has_no_rows_yet() {
                    frame.set_without_rows(Text::clone(name));
                    return Ok(());
                }
                self.make(frame.rows())?;
                Rc::new(Column::repeated(value, frame.rows())?)
            }
            other => return Err(unknown(format!("{} as a column is not known here", other.type_name()))),
        };
        let is_aligned = matches!(value, Value::Series(_));
        if !frame.has_no_rows_yet() && column.len() != frame.rows() {
            return Err(match is_aligned {
                true => unknown("a series of another length as a column is not known here"),
                false => value_error(format!(
                    "Length of values ({}) does not match length of index ({})",
                    column.len(),
                    frame.rows()
                )),
            });
        }
        frame.set(Text::clone(name), column);
        Ok(())
    }
}

/// `frame[[names]]`.
fn selected(frame: &Frame, names: &[Value]) -> Outcome<Frame> {
    let mut chosen = Frame::with_rows(frame.rows());
    let mut missing = Vec::new();
    for name in names {
        let Value::Text(text) = name else {
            return Err(unknown("this choice of columns is not known here"));
        };
        match frame.get(text) {
            Some(_) if chosen.get(text).is_some() => return Err(unknown("a column twice is not known here")),
            Some(column) => chosen.set(Text::clone(text), Rc::clone(column)),
            None => missing.push(name.to_repr()?),
        }
    }
    match missing.len() {
        0 => Ok(chosen),
        // pandas writes its index of names into the message.
        count if count == names.len() => {
            let list = missing.join(", ");
            Err(raised(
                ExceptionClass::of("KeyError"),
                format!("\"None of [Index([{list}], dtype='object')] are in the [columns]\""),
            ))
        }
        _ => Err(raised(
            ExceptionClass::of("KeyError"),
            format!("\"[{}] not in index\"", missing.join(", ")),
        )),
    }
}

/// The error for a key that is not there, whose text is the key as it is written.
pub(crate) fn key_error(key: &Value) -> Outcome<Stop> {
    Ok(raised(ExceptionClass::of("KeyError"), key.to_repr()?))
}

fn index_of(key: &Value, type_name: &str) -> Outcome<i64> {
    key.as_int().ok_or_else(|| match type_name {
        _ if matches!(key, Value::Big(_)) => unknown("a place beyond 64 bits is not known here"),
        "string" => type_error(format!("string indices must be integers, not '{}'", key.type_name())),
        _ => type_error(format!(
            "{type_name} indices must be integers or slices, not {}",
            key.type_name()
        )),
    })
}

fn nth(items: &[Value], position: i64, error: &str) -> Outcome {
    match position_of(position, items.len()) {
        Some(position) => Ok(items[position].clone()),
        None => Err(index_error(error)),
    }
}

/// A position, of which negative ones count from the end.
fn position_of(position: i64, count: usize) -> Option<usize> {
    let position = match position < 0 {
        true => count.checked_sub(usize::try_from(position.unsigned_abs()).ok()?)?,
        false => usize::try_from(position).ok()?,
    };
    (position < count).then_some(position)
}

/// The positions of a slice, whose step is not zero.
fn positions(bounds: &[Option<i64>; 3], count: usize) -> impl Iterator<Item = usize> + use<> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let [start, end, step] = *bounds;
    let step = step.unwrap_or(1);
    let (low, high) = if step > 0 { (0, count) } else { (-1, count - 1) };
    let clamped = |bound: i64| {
        let bound = if bound < 0 { bound.saturating_add(count) } else { bound };
        bound.clamp(low, high)
    };
    let first = start.map_or(if step > 0 { low } else { high }, clamped);
    let end = end.map_or(if step > 0 { high } else { low }, clamped);
    std::iter::successors(Some(first), move |position| position.checked_add(step))
        .take_while(move |position| if step > 0 { *position < end } else { *position > end })
        .filter_map(|position| usize::try_from(position).ok())
}
