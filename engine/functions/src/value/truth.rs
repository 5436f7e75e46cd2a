//! What `if` makes of a value, how many items it has, and which.

use std::rc::Rc;

use super::Value;
use crate::column::{Column, Data, not_plain};
use crate::program::Text;
use crate::stop::{Outcome, type_error, unknown, value_error};

const AMBIGUOUS_SERIES: &str =
    "The truth value of a Series is ambiguous. Use a.empty, a.bool(), a.item(), a.any() or a.all().";
const AMBIGUOUS_ARRAY: &str =
    "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()";
const AMBIGUOUS_FRAME: &str =
    "The truth value of a DataFrame is ambiguous. Use a.empty, a.bool(), a.item(), a.any() or a.all().";

impl Value {
    pub(crate) fn truth(&self) -> Outcome<bool> {
        Ok(match self {
            Self::None => false,
            Self::Bool(flag) => *flag,
            Self::Int(number) | Self::Delta(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(items) | Self::Set(items) => !items.borrow().is_empty(),
            Self::Tuple(items) | Self::Items(items) => !items.is_empty(),
            Self::Dict(dict) => dict.borrow().len() > 0,
            Self::Time(_)
            | Self::Iterator(_)
            | Self::Failing(_)
            | Self::NaiveTime(_)
            | Self::Function(_)
            | Self::Native(_)
            | Self::Exception(_)
            | Self::ExceptionClass(_)
            | Self::NoTime
            | Self::Calendar(_)
            | Self::Big(_)
            | Self::Pattern(_)
            | Self::Match(_)
            | Self::Slice(_) => true,
            Self::Scalar(value) => value.truth()?,
            Self::Series(_) | Self::Categories(_) | Self::Row(..) => return Err(value_error(AMBIGUOUS_SERIES)),
            Self::Frame(_) => return Err(value_error(AMBIGUOUS_FRAME)),
            Self::Array(column) if column.len() > 1 => return Err(value_error(AMBIGUOUS_ARRAY)),
            Self::Array(column) if column.len() == 1 => column.get(0).truth()?,
            Self::Array(_) | Self::TextOf(_) | Self::TimesOf(_) | Self::PlacesOf(_) => {
                return Err(unknown(format!("the truth of {} is not known here", self.type_name())));
            }
        })
    }

    /// Its items, as a loop sees them.
    pub(crate) fn items(&self) -> Outcome<Vec<Value>> {
        Ok(match self {
            Self::Set(items) if items.borrow().len() > 1 => {
                return Err(unknown("the order of a set is not known here"));
            }
            Self::List(items) | Self::Set(items) => items.borrow().clone(),
            Self::Tuple(items) | Self::Items(items) => items.to_vec(),
            Self::Calendar(numbers) => numbers.iter().map(|number| Self::Int(*number)).collect(),
            Self::Failing(failing) => {
                // Whoever takes items takes the first one.
                if let Some((_, stop)) = failing.borrow_mut().take_if(|(items, _)| items.is_empty()) {
                    return Err(stop);
                }
                return Err(unknown(
                    "a generator that raises after it has given items is not known here",
                ));
            }
            Self::Iterator(items) => match items.take() {
                Some(items) => items,
                // Whether some are left depends on how many were taken.
                None => return Err(unknown("an iterator that is read twice is not known here")),
            },
            Self::Dict(dict) => dict.borrow().members().iter().map(|(key, _)| key.clone()).collect(),
            Self::Text(text) => text
                .chars()
                .map(|character| Self::text(character.to_string()))
                .collect(),
            Self::Bytes(bytes) => bytes.iter().map(|byte| Self::Int(i64::from(*byte))).collect(),
            Self::Series(column) if column.data.is_nullable() => return Err(not_plain(&column.data)),
            // Its values are numbers of numpy, with 32 bits.
            Self::Series(column) | Self::Array(column) if matches!(column.data, Data::UInt32(_)) => {
                return Err(unknown("the items of a column of UInt32 are not known here"));
            }
            Self::Series(column) => column_items(column),
            // Its numbers are numpy's own.
            Self::Array(column) => (0..column.len()).map(|row| column.item(row)).collect::<Outcome<_>>()?,
            Self::Frame(frame) => frame
                .borrow()
                .columns()
                .iter()
                .map(|(name, _)| Self::Text(Text::clone(name)))
                .collect(),
            Self::Row(..) => return Err(unknown("the items of a row are not known here")),
            Self::Categories(_) | Self::TextOf(_) | Self::TimesOf(_) | Self::PlacesOf(_) => {
                return Err(unknown(format!("the items of {} are not known here", self.type_name())));
            }
            other => return Err(type_error(format!("'{}' object is not iterable", other.type_name()))),
        })
    }

    /// What `len()` gives.
    pub(crate) fn length(&self) -> Outcome<usize> {
        Ok(match self {
            Self::Text(text) => text.chars().count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items) | Self::Set(items) => items.borrow().len(),
            Self::Tuple(items) | Self::Items(items) => items.len(),
            Self::Calendar(numbers) => numbers.len(),
            Self::Dict(dict) => dict.borrow().len(),
            Self::Series(column) | Self::Array(column) => column.len(),
            Self::Frame(frame) => frame.borrow().rows(),
            Self::Row(frame, _) => frame.columns().len(),
            Self::Categories(_)
            | Self::Iterator(_)
            | Self::Failing(_)
            | Self::TextOf(_)
            | Self::TimesOf(_)
            | Self::PlacesOf(_) => {
                return Err(unknown(format!("the length of {} is not known here", self.type_name())));
            }
            other => {
                return Err(type_error(format!(
                    "object of type '{}' has no len()",
                    other.type_name()
                )));
            }
        })
    }
}

fn column_items(column: &Rc<Column>) -> Vec<Value> {
    (0..column.len()).map(|row| column.get(row)).collect()
}
