//! The wire format of protobuf, both ways. Knows no message.

use super::CorruptValue;

/// How the bytes of a field are laid out.
pub(super) const VARINT: u8 = 0;
pub(super) const FIXED64: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const FIXED32: u8 = 5;

const CUT: CorruptValue = CorruptValue::Damaged("it is cut");

/// What is left of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Payload<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    /// The number and the payload of the next field; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Payload<'a>)>, CorruptValue> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|number| (1..1 << 29).contains(number))
            .ok_or(CorruptValue::Damaged("a field has no possible number"))?;
        let payload = match (tag & 7) as u8 {
            VARINT => Payload::Varint(self.varint()?),
            FIXED64 => Payload::Fixed64(self.array()?),
            FIXED32 => Payload::Fixed32(self.array()?),
            BYTES => Payload::Bytes(self.bytes()?),
            _ => return Err(CorruptValue::Damaged("a field has no possible form")),
        };
        Ok(Some((number, payload)))
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, CorruptValue> {
        let Some((first, rest)) = self.0.split_first() else {
            return Err(CUT);
        };
        if *first < 0x80 {
            self.0 = rest;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, CorruptValue> {
        let mut value = 0;
        for (position, byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * position);
            if *byte < 0x80 {
                if position == 9 && *byte > 1 {
                    break;
                }
                self.0 = &self.0[position + 1..];
                return Ok(value);
            }
        }
        Err(match self.0.len() {
            0..10 => CUT,
            _ => CorruptValue::Damaged("a number has more than 64 bits"),
        })
    }

    #[inline]
    pub(super) fn array<const WIDTH: usize>(&mut self) -> Result<[u8; WIDTH], CorruptValue> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(*bytes)
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], CorruptValue> {
        let length = usize::try_from(self.varint()?).map_err(|_| CUT)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// Appends a number of 64 bits.
#[inline]
pub(super) fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`push_varint`] appends.
pub(super) fn varint_length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// A signed number of 32 or 64 bits as it is written: negative ones have ten bytes.
pub(super) fn signed(value: i64) -> u64 {
    value.cast_unsigned()
}

#[inline]
pub(super) fn push_tag(number: u32, form: u8, out: &mut Vec<u8>) {
    push_varint(u64::from(number << 3 | u32::from(form)), out);
}

/// Appends a field of bytes.
pub(super) fn push_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    push_tag(number, BYTES, out);
    push_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a field that holds the message which `write` appends. Its length goes before it and is known after it, so one of more
/// than 127 bytes is moved once.
///
/// # Errors
/// Those of `write`; what was appended by then stays.
pub(super) fn push_message<E>(
    number: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    push_tag(number, BYTES, out);
    let length_at = out.len();
    out.push(0);
    write(out)?;
    let length = out.len() - length_at - 1;
    let width = varint_length(length as u64);
    if width > 1 {
        out.resize(out.len() + width - 1, 0);
        out.copy_within(length_at + 1..length_at + 1 + length, length_at + width);
    }
    let mut rest = length;
    for byte in &mut out[length_at..length_at + width] {
        *byte = (rest & 0x7f) as u8 | 0x80;
        rest >>= 7;
    }
    out[length_at + width - 1] &= 0x7f;
    Ok(())
}
