//! The encodings of a body: UTF-8, UTF-16 and UTF-32, detected as Python's `json.loads` does.

use std::borrow::Cow;

use crate::error::ApiError;

/// How many bytes of UTF-8 a byte of a body may become: three from two of UTF-16.
pub(crate) const MAX_GROWTH: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    Two,
    Four,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

/// Whether a body is read as UTF-8, so that it is not copied.
pub(crate) fn is_utf8(body: &[u8]) -> bool {
    detect(body).is_none()
}

/// The body as UTF-8, without a byte order mark. What claims to be UTF-8 is not checked.
///
/// # Errors
/// `Unreadable` when it is cut, or holds what is not a character; Python accepts halves of surrogate pairs, which no string of Rust can hold.
pub(super) fn to_utf8(body: &[u8]) -> Result<Cow<'_, [u8]>, ApiError> {
    let Some((width, order, mark)) = detect(body) else {
        return Ok(Cow::Borrowed(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)));
    };
    let units = &body[mark..];
    let decoded = match width {
        Width::Two => {
            let (pairs, rest) = units.as_chunks::<2>();
            let unit = |pair: &[u8; 2]| match order {
                Order::Big => u16::from_be_bytes(*pair),
                Order::Little => u16::from_le_bytes(*pair),
            };
            let characters = char::decode_utf16(pairs.iter().map(unit));
            rest.is_empty().then(|| characters.collect::<Result<String, _>>().ok())
        }
        Width::Four => {
            let (quads, rest) = units.as_chunks::<4>();
            let character = |quad: &[u8; 4]| {
                char::from_u32(match order {
                    Order::Big => u32::from_be_bytes(*quad),
                    Order::Little => u32::from_le_bytes(*quad),
                })
            };
            rest.is_empty()
                .then(|| quads.iter().map(character).collect::<Option<String>>())
        }
    };
    let decoded = decoded.flatten().ok_or(ApiError::Unreadable)?;
    Ok(Cow::Owned(decoded.into_bytes()))
}

/// `None` for UTF-8, else the units and the length of the mark. A document begins with an ASCII character, so the rest follows
/// from the places of zeros.
fn detect(body: &[u8]) -> Option<(Width, Order, usize)> {
    match body {
        [0, 0, 0xfe, 0xff, ..] => Some((Width::Four, Order::Big, 4)),
        [0xff, 0xfe, 0, 0, ..] => Some((Width::Four, Order::Little, 4)),
        [0xfe, 0xff, ..] => Some((Width::Two, Order::Big, 2)),
        [0xff, 0xfe, ..] => Some((Width::Two, Order::Little, 2)),
        [0xef, 0xbb, 0xbf, ..] => None,
        [0, 0, _, _, ..] => Some((Width::Four, Order::Big, 0)),
        [0, _, _, _, ..] | [0, _] => Some((Width::Two, Order::Big, 0)),
        [_, 0, 0, 0, ..] => Some((Width::Four, Order::Little, 0)),
        [_, 0, _, _, ..] | [_, 0] => Some((Width::Two, Order::Little, 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"é\": \"😀 東\"}";

    fn utf16(text: &str, order: Order) -> Vec<u8> {
        let bytes = |unit: u16| match order {
            Order::Big => unit.to_be_bytes(),
            Order::Little => unit.to_le_bytes(),
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn utf32(text: &str, order: Order) -> Vec<u8> {
        let bytes = |unit: char| match order {
            Order::Big => u32::from(unit).to_be_bytes(),
            Order::Little => u32::from(unit).to_le_bytes(),
        };
        text.chars().flat_map(bytes).collect()
    }

    fn check(body: &[u8], expected: Option<&str>) {
        let text = to_utf8(body)
            .ok()
            .map(|text| String::from_utf8(text.into_owned()).unwrap());
        assert_eq!(text.as_deref(), expected, "{body:?}");
    }

    #[test]
    fn every_encoding_of_python_is_read_with_and_without_a_mark() {
        for order in [Order::Big, Order::Little] {
            for (text, marked) in [(TEXT, format!("\u{feff}{TEXT}")), ("5", "\u{feff}5".to_owned())] {
                check(&utf16(text, order), Some(text));
                check(&utf16(&marked, order), Some(text));
                check(&utf32(&marked, order), Some(text));
                check(&utf32(text, order), Some(text));
                check(marked.as_bytes(), Some(text));
                check(text.as_bytes(), Some(text));
            }
        }
    }

    #[test]
    fn what_is_cut_or_no_character_is_refused() {
        for order in [Order::Big, Order::Little] {
            let (two, four) = (utf16("\u{feff}[1]", order), utf32("\u{feff}[1]", order));
            (1..2).for_each(|cut| check(&two[..two.len() - cut], None));
            (1..4).for_each(|cut| check(&four[..four.len() - cut], None));
        }
        // Half of a pair, and what is beyond all characters.
        check(&[0xff, 0xfe, b'"', 0, 0, 0xd8, b'"', 0], None);
        check(&[0xff, 0xfe, 0, 0, 0, 0, 0x11, 0], None);
        check(&[0, 0, 0xfe, 0xff, 0, 0, 0xd8, 0], None);
    }

    #[test]
    fn short_bodies_are_what_python_takes_them_for() {
        check(b"", Some(""));
        check(b"5", Some("5"));
        check(&[b'5', 0], Some("5"));
        check(&[0, b'5'], Some("5"));
        check(&[b'5', 0, b' '], Some("5\0 "));
        check(&[0xff, 0xfe], Some(""));
    }
}
