//! Values into the form of our rows.

use feast_model::ValueType;

use super::document_reader::{push_map_json, push_scalar_map_json};
use super::shape::{Form, NULL, Number, Shape, form_of_member, is_list_of_values, is_wider, member_name};
use super::wire::{Fields, Payload};
use super::zone::push_zoned_time;
use super::{CorruptValue, MAX_DEPTH, MAX_VALUE_BYTES};
use crate::row::Cell;

/// What Python writes for a null among times.
pub(super) const NULL_SECONDS: i64 = i64::MIN;

/// Reads the values of one feature. Made once a feature.
#[derive(Debug, Clone)]
pub struct ValueDecoder {
    shape: Shape,
}

impl ValueDecoder {
    /// For a feature of this type.
    pub fn new(value_type: &ValueType) -> Self {
        Self {
            shape: Shape::of(value_type),
        }
    }

    /// Reads one serialized `feast.types.Value` and appends the bytes of the value as [`crate::row`] keeps them: little-endian of
    /// the width of the type, or the payload of one of variable width. A value without a member, `null_val` and a null time are
    /// [`Cell::Null`], for which nothing is appended. Never [`Cell::NotStored`].
    ///
    /// # Errors
    /// When the bytes are not a value of the type. Nothing is appended then.
    #[inline]
    pub fn decode(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Cell, CorruptValue> {
        if bytes.len() > MAX_VALUE_BYTES {
            return Err(CorruptValue::TooLong(bytes.len()));
        }
        let start = out.len();
        let cell = decode(&self.shape, bytes, MAX_DEPTH, out);
        if cell.is_err() {
            out.truncate(start);
        }
        cell
    }
}

/// The only member of a Value, which is `None` in an empty one.
pub(super) fn member_of(bytes: &[u8]) -> Result<Option<(u32, Payload<'_>)>, CorruptValue> {
    let mut fields = Fields(bytes);
    let member = fields.next()?;
    if fields.0.is_empty() {
        return Ok(member);
    }
    Err(CorruptValue::Damaged("it has more than one member"))
}

/// The field of a list, and how far the messages in it may still be nested.
pub(super) const ITEMS: u32 = 1;

const WRONG_FORM: CorruptValue = CorruptValue::Damaged("a member has the wrong form");
const OUT_OF_RANGE: CorruptValue = CorruptValue::Damaged("a number is out of the range of its type");

/// The room for messages one level further down.
pub(super) fn deeper(depth: u32) -> Result<u32, CorruptValue> {
    depth
        .checked_sub(1)
        .ok_or(CorruptValue::Damaged("it is nested too deeply"))
}

#[inline]
fn decode(shape: &Shape, bytes: &[u8], depth: u32, out: &mut Vec<u8>) -> Result<Cell, CorruptValue> {
    let Some((member, payload)) = member_of(bytes)? else {
        return Ok(Cell::Null);
    };
    if member == shape.member {
        return decode_member(shape, member, payload, depth, out);
    }
    decode_other_member(shape, member, payload, depth, out)
}

#[cold]
fn decode_other_member(
    shape: &Shape,
    member: u32,
    payload: Payload<'_>,
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<Cell, CorruptValue> {
    if member == NULL {
        return Ok(Cell::Null);
    }
    if is_wider(member, shape.member) || shape.is_nested {
        return decode_member(shape, member, payload, depth, out);
    }
    Err(other_member(member, shape))
}

fn other_member(member: u32, shape: &Shape) -> CorruptValue {
    match member_name(member) {
        Some(found) => CorruptValue::OtherMember {
            found,
            expected: shape.name(),
        },
        None => CorruptValue::UnknownMember(member),
    }
}

fn decode_member(
    shape: &Shape,
    member: u32,
    payload: Payload<'_>,
    depth: u32,
    out: &mut Vec<u8>,
) -> Result<Cell, CorruptValue> {
    match (&shape.form, payload) {
        (Form::Number(number), payload) => {
            let scalar = match form_of_member(member) {
                Some(Form::Number(stored)) => Scalar::of(stored, payload)?,
                _ => return Err(other_member(member, shape)),
            };
            if !scalar.push(*number, out)? {
                return Ok(Cell::Null);
            }
        }
        (Form::Bytes, Payload::Bytes(bytes)) if member == shape.member => out.extend_from_slice(bytes),
        (Form::String, Payload::Bytes(bytes)) if matches!(form_of_member(member), Some(Form::String)) => {
            push_string(bytes, out)?;
        }
        (Form::Document, Payload::Bytes(message)) if matches!(form_of_member(member), Some(Form::Document)) => {
            push_map_json(message, deeper(depth)?, out)?;
        }
        (Form::ScalarMap, Payload::Bytes(message)) if member == shape.member => {
            push_scalar_map_json(message, deeper(depth)?, out)?;
        }
        (Form::ZonedTime, Payload::Bytes(message)) if member == shape.member => {
            if !push_zoned_time(message, out)? {
                return Ok(Cell::Null);
            }
        }
        (_, Payload::Bytes(message)) => push_list(shape, member, message, deeper(depth)?, out)?,
        _ => return Err(WRONG_FORM),
    }
    Ok(Cell::Value)
}

fn push_list(shape: &Shape, member: u32, message: &[u8], depth: u32, out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    match (&shape.form, form_of_member(member)) {
        (Form::Numbers(number), Some(Form::Numbers(stored))) => push_numbers(stored, *number, message, out),
        (Form::ListOfBytes, Some(Form::ListOfBytes)) => push_items(message, out, |bytes, out| {
            out.extend_from_slice(bytes);
            Ok(true)
        }),
        (Form::Strings, Some(Form::Strings)) => push_items(message, out, |bytes, out| {
            push_string(bytes, out)?;
            Ok(true)
        }),
        (Form::Documents, Some(Form::Documents)) => push_items(message, out, |bytes, out| {
            push_map_json(bytes, deeper(depth)?, out)?;
            Ok(true)
        }),
        (Form::Values(items), _) if is_list_of_values(member) => push_items(message, out, |bytes, out| {
            Ok(decode(items, bytes, deeper(depth)?, out)? == Cell::Value)
        }),
        _ => Err(other_member(member, shape)),
    }
}

fn push_string(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    check_utf8(bytes)?;
    out.extend_from_slice(bytes);
    Ok(())
}

pub(super) fn check_utf8(bytes: &[u8]) -> Result<&str, CorruptValue> {
    std::str::from_utf8(bytes).map_err(|_| CorruptValue::Damaged("a string is not UTF-8"))
}

/// A stored number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar {
    Bool(bool),
    Integer(i64),
    Seconds(i64),
    Float(f32),
    Double(f64),
}

impl Scalar {
    #[inline]
    pub(super) fn of(stored: Number, payload: Payload<'_>) -> Result<Self, CorruptValue> {
        Ok(match (stored, payload) {
            (Number::Bool, Payload::Varint(value)) => Self::Bool(value != 0),
            (Number::Int32 | Number::Int64, Payload::Varint(value)) => Self::Integer(value.cast_signed()),
            (Number::Seconds, Payload::Varint(value)) => Self::Seconds(value.cast_signed()),
            (Number::Float32, Payload::Fixed32(bytes)) => Self::Float(f32::from_le_bytes(bytes)),
            (Number::Float64, Payload::Fixed64(bytes)) => Self::Double(f64::from_le_bytes(bytes)),
            _ => return Err(WRONG_FORM),
        })
    }

    fn read(stored: Number, packed: &mut Fields<'_>) -> Result<Self, CorruptValue> {
        let payload = match stored {
            Number::Float32 => Payload::Fixed32(packed.array()?),
            Number::Float64 => Payload::Fixed64(packed.array()?),
            _ => Payload::Varint(packed.varint()?),
        };
        Self::of(stored, payload)
    }

    /// Appends it as a number of a type. `false`, with nothing appended, for a null time.
    ///
    /// # Errors
    /// When the type does not have the number. Only items of lists within lists are of any other type than a wider one.
    #[inline]
    fn push(self, number: Number, out: &mut Vec<u8>) -> Result<bool, CorruptValue> {
        match (number, self) {
            (Number::Bool, Self::Bool(value)) => out.push(u8::from(value)),
            (Number::Int32, scalar) => {
                let value = i32::try_from(scalar.integer()?).map_err(|_| OUT_OF_RANGE)?;
                out.extend_from_slice(&value.to_le_bytes());
            }
            (Number::Int64, scalar) => out.extend_from_slice(&scalar.integer()?.to_le_bytes()),
            (Number::Seconds, Self::Integer(NULL_SECONDS) | Self::Seconds(NULL_SECONDS)) => return Ok(false),
            (Number::Seconds, scalar) => out.extend_from_slice(&scalar.integer()?.to_le_bytes()),
            (Number::Float32, scalar) => out.extend_from_slice(&scalar.float()?.to_le_bytes()),
            (Number::Float64, scalar) => out.extend_from_slice(&scalar.double()?.to_le_bytes()),
            (Number::Bool, _) => return Err(OTHER_ITEMS),
        }
        Ok(true)
    }

    fn integer(self) -> Result<i64, CorruptValue> {
        match self {
            Self::Integer(value) | Self::Seconds(value) => Ok(value),
            Self::Float(value) => whole(value.into()),
            Self::Double(value) => whole(value),
            Self::Bool(_) => Err(OTHER_ITEMS),
        }
    }

    fn float(self) -> Result<f32, CorruptValue> {
        match self {
            Self::Float(value) => Ok(value),
            Self::Double(value) if value.is_finite() && !(value as f32).is_finite() => Err(OUT_OF_RANGE),
            // What the type says: Python keeps all floats of such a list as doubles.
            Self::Double(value) => Ok(value as f32),
            Self::Integer(value) if i128::from(value) == value as f32 as i128 => Ok(value as f32),
            Self::Integer(_) => Err(OUT_OF_RANGE),
            Self::Bool(_) | Self::Seconds(_) => Err(OTHER_ITEMS),
        }
    }

    fn double(self) -> Result<f64, CorruptValue> {
        match self {
            Self::Float(value) => Ok(value.into()),
            Self::Double(value) => Ok(value),
            Self::Integer(value) if i128::from(value) == value as f64 as i128 => Ok(value as f64),
            Self::Integer(_) => Err(OUT_OF_RANGE),
            Self::Bool(_) | Self::Seconds(_) => Err(OTHER_ITEMS),
        }
    }
}

const OTHER_ITEMS: CorruptValue = CorruptValue::Damaged("items of a list are of another type than the registry says");

/// A float that is an integer. Both bounds are exact; the upper one is out of range already.
fn whole(value: f64) -> Result<i64, CorruptValue> {
    let is_in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    if is_in_range && value.fract() == 0.0 {
        Ok(value as i64)
    } else {
        Err(OUT_OF_RANGE)
    }
}

fn width_of(number: Number) -> usize {
    match number {
        Number::Bool => 1,
        Number::Int32 | Number::Float32 => 4,
        Number::Int64 | Number::Float64 | Number::Seconds => 8,
    }
}

/// Hands out the numbers of a list, packed or not, and gives their count.
pub(super) fn each_number(
    stored: Number,
    message: &[u8],
    mut take: impl FnMut(Scalar) -> Result<(), CorruptValue>,
) -> Result<(), CorruptValue> {
    let mut fields = Fields(message);
    while let Some((field, payload)) = fields.next()? {
        if field != ITEMS {
            return Err(WRONG_FORM);
        }
        match payload {
            Payload::Bytes(packed) => {
                let mut packed = Fields(packed);
                while !packed.0.is_empty() {
                    take(Scalar::read(stored, &mut packed)?)?;
                }
            }
            one => take(Scalar::of(stored, one)?)?,
        }
    }
    Ok(())
}

/// How many numbers a list has, if none of them is cut.
fn count_numbers(stored: Number, message: &[u8]) -> Result<usize, CorruptValue> {
    let mut fields = Fields(message);
    let mut count = 0;
    while let Some((_, payload)) = fields.next()? {
        count += match (payload, stored) {
            (Payload::Bytes(packed), Number::Float32) => packed.len() / 4,
            (Payload::Bytes(packed), Number::Float64) => packed.len() / 8,
            (Payload::Bytes(packed), _) => packed.iter().filter(|byte| **byte < 0x80).count(),
            _ => 1,
        };
    }
    Ok(count)
}

/// Appends `count` and bits that say that all items are there; gives where the bits start.
fn push_list_head(count: usize, out: &mut Vec<u8>) -> usize {
    // No value is long enough to have more items than 32 bits can say.
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    let bits_at = out.len();
    out.resize(bits_at + count / 8, 0xff);
    if !count.is_multiple_of(8) {
        out.push((1 << (count % 8)) - 1);
    }
    bits_at
}

fn push_numbers(stored: Number, number: Number, message: &[u8], out: &mut Vec<u8>) -> Result<(), CorruptValue> {
    let count = count_numbers(stored, message)?;
    let width = width_of(number);
    out.reserve(4 + count.div_ceil(8) + count * width);
    let bits_at = push_list_head(count, out);
    if let (Number::Float32 | Number::Float64, true) = (number, number == stored) {
        let mut fields = Fields(message);
        // Vectors are one run of floats, which are the same in our rows.
        if let (Some((ITEMS, Payload::Bytes(packed))), []) = (fields.next()?, fields.0)
            && packed.len().is_multiple_of(width)
        {
            out.extend_from_slice(packed);
            return Ok(());
        }
    }
    let mut item = 0;
    each_number(stored, message, |scalar| {
        if !scalar.push(number, out)? {
            out[bits_at + item / 8] &= !(1 << (item % 8));
            out.resize(out.len() + width, 0);
        }
        item += 1;
        Ok(())
    })
}

/// Hands out the items of a list that are bytes.
pub(super) fn each_item<'a>(
    message: &'a [u8],
    mut take: impl FnMut(&'a [u8]) -> Result<(), CorruptValue>,
) -> Result<(), CorruptValue> {
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        match field {
            (ITEMS, Payload::Bytes(item)) => take(item)?,
            _ => return Err(WRONG_FORM),
        }
    }
    Ok(())
}

/// Appends a list of values of variable width. `push` appends one; `false`, with nothing appended, if it is null.
fn push_items(
    message: &[u8],
    out: &mut Vec<u8>,
    mut push: impl FnMut(&[u8], &mut Vec<u8>) -> Result<bool, CorruptValue>,
) -> Result<(), CorruptValue> {
    let mut count = 0;
    each_item(message, |_| {
        count += 1;
        Ok(())
    })?;
    let bits_at = push_list_head(count, out);
    let ends_at = out.len();
    out.resize(ends_at + count * 4, 0);
    let bytes_at = out.len();
    let mut item = 0;
    each_item(message, |bytes| {
        if !push(bytes, out)? {
            out[bits_at + item / 8] &= !(1 << (item % 8));
        }
        // Rows have 32 bits for an end, and a value in them is not much longer than the one that is read.
        let end = u32::try_from(out.len() - bytes_at).map_err(|_| CorruptValue::TooLong(message.len()))?;
        out[ends_at + item * 4..ends_at + item * 4 + 4].copy_from_slice(&end.to_le_bytes());
        item += 1;
        Ok(())
    })
}
