//! Rows on their way into the file: keys that name their table, and rows that can be written without looking anything up.
//!
//! The log of pushes keeps them, and another process may write them, so their form is stable:
//!
//! ```text
//! key: u32 length of the table's name | the name | entity key
//! row: u8 format, 1
//!      i64 event second
//!      i64 created second, or i64::MIN when the source has none
//!      for each feature: u32 length of its name | the name | u32 length of its value | the value
//!                        u8 what value_text is | u32 its length | value_text
//! ```
//! Integers are little-endian.

use feast_codec::row::RowVersion;
use feast_model::Timestamp;

const FORMAT: u8 = 1;
const NO_CREATED_SECOND: i64 = i64::MIN;

/// What a value is as a string, in the column `value_text`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ValueText<'a> {
    /// Null: the type has no such form, or the value is null.
    None,
    /// A string.
    String(&'a str),
    /// A number, as Python's `str` writes it.
    Number(&'a str),
    /// `True` or `False`.
    Bool(&'a str),
}

/// A feature of an encoded row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EncodedFeature<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
    pub(super) text: ValueText<'a>,
}

/// A row or key is not in the form of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a row on its way into the file is damaged: {0}")]
pub(super) struct CorruptEncodedRow(&'static str);

/// Which row is newer, in whole seconds: the columns hold no fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SecondsVersion {
    pub(super) event_second: i64,
    /// `None` is the lowest.
    pub(super) created_second: Option<i64>,
}

impl SecondsVersion {
    /// Fractions are cut toward zero, as Python cuts them.
    pub(super) fn new(version: RowVersion) -> Self {
        let second = |time: Timestamp| time.micros() / 1_000_000;
        Self {
            event_second: second(version.event_time),
            created_second: version.created_time.map(second),
        }
    }
}

impl ValueText<'_> {
    /// The column `value_text`.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::String(text) | Self::Number(text) | Self::Bool(text) => Some(text),
        }
    }

    /// The column `value_num`.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::None | Self::String(_) => None,
            Self::Number(text) => text.parse().ok(),
            Self::Bool(text) => Some(f64::from(*text == "True")),
        }
    }
}

/// What stands before the entity key in the keys of a table.
pub(super) fn key_prefix(table: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(4 + table.len());
    push_bytes(table.as_bytes(), &mut prefix);
    prefix
}

/// The table and the entity key of a key.
pub(super) fn split_key(key: &[u8]) -> Result<(&str, &[u8]), CorruptEncodedRow> {
    let mut rest = key;
    let table = take_string(&mut rest)?;
    Ok((table, rest))
}

/// Appends what precedes the features.
pub(super) fn push_header(version: SecondsVersion, out: &mut Vec<u8>) {
    out.push(FORMAT);
    out.extend_from_slice(&version.event_second.to_le_bytes());
    let created = version.created_second.unwrap_or(NO_CREATED_SECOND);
    out.extend_from_slice(&created.to_le_bytes());
}

/// Appends the name of a feature.
pub(super) fn push_name(name: &str, out: &mut Vec<u8>) {
    push_bytes(name.as_bytes(), out);
}

/// Appends the value that `write` appends.
pub(super) fn push_value(write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = length_u32(out.len() - length_at - 4);
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Appends what a value is as a string.
pub(super) fn push_text(text: ValueText<'_>, out: &mut Vec<u8>) {
    out.push(match text {
        ValueText::None => 0,
        ValueText::String(_) => 1,
        ValueText::Number(_) => 2,
        ValueText::Bool(_) => 3,
    });
    push_bytes(text.text().unwrap_or_default().as_bytes(), out);
}

/// The version of a row, and the bytes of its features.
pub(super) fn split_row(row: &[u8]) -> Result<(SecondsVersion, &[u8]), CorruptEncodedRow> {
    let (format, rest) = row.split_first().ok_or(CorruptEncodedRow("too short"))?;
    if *format != FORMAT {
        return Err(CorruptEncodedRow("its format is not known to this version"));
    }
    let (event_second, rest) = take_i64(rest)?;
    let (created_second, features) = take_i64(rest)?;
    let version = SecondsVersion {
        event_second,
        created_second: (created_second != NO_CREATED_SECOND).then_some(created_second),
    };
    Ok((version, features))
}

/// The features of a row, from their bytes.
pub(super) fn features(mut bytes: &[u8]) -> impl Iterator<Item = Result<EncodedFeature<'_>, CorruptEncodedRow>> {
    std::iter::from_fn(move || {
        (!bytes.is_empty()).then(|| {
            let feature = take_feature(&mut bytes);
            if feature.is_err() {
                bytes = &[];
            }
            feature
        })
    })
}

fn take_feature<'a>(rest: &mut &'a [u8]) -> Result<EncodedFeature<'a>, CorruptEncodedRow> {
    let name = take_string(rest)?;
    let value = take_bytes(rest)?;
    let (kind, after) = rest.split_first().ok_or(CorruptEncodedRow("too short"))?;
    *rest = after;
    let text = take_string(rest)?;
    let text = match kind {
        0 => ValueText::None,
        1 => ValueText::String(text),
        2 => ValueText::Number(text),
        3 => ValueText::Bool(text),
        _ => return Err(CorruptEncodedRow("a value is of an unknown kind")),
    };
    Ok(EncodedFeature { name, value, text })
}

fn push_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&length_u32(bytes.len()).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Arrow's own offsets are 31 bits wide, so no value comes near this limit before Arrow refuses it.
fn length_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn take_i64(bytes: &[u8]) -> Result<(i64, &[u8]), CorruptEncodedRow> {
    let (number, rest) = bytes.split_first_chunk().ok_or(CorruptEncodedRow("too short"))?;
    Ok((i64::from_le_bytes(*number), rest))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], CorruptEncodedRow> {
    let short = CorruptEncodedRow("too short");
    let (length, after) = rest.split_first_chunk().ok_or(short)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (bytes, after) = after.split_at_checked(length).ok_or(short)?;
    *rest = after;
    Ok(bytes)
}

fn take_string<'a>(rest: &mut &'a [u8]) -> Result<&'a str, CorruptEncodedRow> {
    str::from_utf8(take_bytes(rest)?).map_err(|_| CorruptEncodedRow("a string is not UTF-8"))
}
