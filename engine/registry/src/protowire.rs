//! Protobuf messages as a row of fields, without knowing what they mean.

use prost::DecodeError;
use prost::encoding::{WireType, decode_key, decode_varint};

// Fields of protobuf's own messages: the entry of a map; a timestamp or a duration.
pub(crate) const MAP_KEY: u32 = 1;
pub(crate) const MAP_VALUE: u32 = 2;
pub(crate) const SECONDS: u32 = 1;
pub(crate) const NANOS: u32 = 2;

/// One field as it stands in a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireField<'a> {
    pub(crate) number: u32,
    pub(crate) value: WireValue<'a>,
    /// Key and value together.
    pub(crate) bytes: &'a [u8],
}

/// The value of a field by its wire type. Groups are not in use and are an error.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WireValue<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
}

/// The fields of a message in order.
///
/// # Errors
/// When the bytes are not a message.
pub(crate) fn fields(message: &[u8]) -> Result<Vec<WireField<'_>>, DecodeError> {
    let mut found = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let (number, wire_type) = decode_key(&mut rest)?;
        let value = match wire_type {
            WireType::Varint => WireValue::Varint(decode_varint(&mut rest)?),
            WireType::SixtyFourBit => WireValue::Fixed64(take_array(&mut rest)?),
            WireType::ThirtyTwoBit => WireValue::Fixed32(take_array(&mut rest)?),
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut rest)?).unwrap_or(usize::MAX);
                let value = rest.get(..length).ok_or_else(cut)?;
                rest = &rest[length..];
                WireValue::Bytes(value)
            }
            WireType::StartGroup | WireType::EndGroup => return Err(cut()),
        };
        let bytes = &start[..start.len() - rest.len()];
        found.push(WireField { number, value, bytes });
    }
    Ok(found)
}

/// The last value of a field that holds bytes; nothing when the message has none.
pub(crate) fn bytes_of(message: &[u8], number: u32) -> &[u8] {
    let fields = fields(message).unwrap_or_default();
    let found = fields.iter().rev().find_map(|field| match field.value {
        WireValue::Bytes(bytes) if field.number == number => Some(bytes),
        _ => None,
    });
    found.unwrap_or_default()
}

/// The message without some of its fields.
pub(crate) fn without(message: &[u8], numbers: &[u32]) -> Vec<u8> {
    let fields = fields(message).unwrap_or_default();
    let kept = fields.iter().filter(|field| !numbers.contains(&field.number));
    kept.flat_map(|field| field.bytes).copied().collect()
}

/// Appends a field of bytes.
pub(crate) fn put(message: &mut Vec<u8>, number: u32, value: &[u8]) {
    prost::encoding::bytes::encode(number, &value.to_vec(), message);
}

fn take_array<const LENGTH: usize>(rest: &mut &[u8]) -> Result<[u8; LENGTH], DecodeError> {
    let (value, after) = rest.split_first_chunk().ok_or_else(cut)?;
    *rest = after;
    Ok(*value)
}

/// The error that prost itself gives for a message that ends too early or makes no sense.
fn cut() -> DecodeError {
    let truncated: &[u8] = &[0x80];
    decode_varint(&mut { truncated }).err().unwrap_or_else(cut)
}
