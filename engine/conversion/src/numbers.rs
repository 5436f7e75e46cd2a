//! Integers of more than 64 bits: the JSON parser makes floats of them, and nothing may take one of those for the integer.
//!
//! Owns the search for them in a body, and which floats may be one: large whole floats of a body that had such integers are refused
//! wherever they would be taken for integers or for their digits. Knows nothing of columns.

use serde_json::{Number, Value};

/// The fewest digits of an integer beyond 64 bits.
const MIN_DIGITS: usize = 19;
/// Every integer beyond 64 bits is at least as far from zero, and this is a float without loss.
const MIN_ROUNDED: f64 = 9_223_372_036_854_775_808.0;

/// What is known of the numbers of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// All are as they were written.
    #[default]
    Exact,
    /// There were integers beyond 64 bits: a large whole float may be one of them.
    Rounded,
}

impl Numbers {
    /// Looks for integers beyond 64 bits in a JSON document.
    pub fn scan(json: &[u8]) -> Self {
        if has_long_number(json) && has_large_integer(json) {
            Self::Rounded
        } else {
            Self::Exact
        }
    }

    /// Whether a number may have been another one.
    pub fn may_differ(self, number: &Number) -> bool {
        let is_large_whole = |float: f64| float.fract() == 0.0 && float.abs() >= MIN_ROUNDED;
        self == Self::Rounded && number.is_f64() && number.as_f64().is_some_and(is_large_whole)
    }

    /// Whether a number in a value may have been another one.
    pub fn may_differ_in(self, value: &Value) -> bool {
        if self == Self::Exact {
            return false;
        }
        match value {
            Value::Number(number) => self.may_differ(number),
            // The parser has bounded the depth.
            Value::Array(items) => items.iter().any(|item| self.may_differ_in(item)),
            Value::Object(members) => members.values().any(|member| self.may_differ_in(member)),
            Value::Null | Value::Bool(_) | Value::String(_) => false,
        }
    }
}

/// Whether there are digits in a row that are too large for 64 bits, also where they are not an integer. Of every nineteen bytes
/// one is looked at, so that most bodies cost next to nothing.
fn has_long_number(json: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let mut next = MIN_DIGITS - 1;
    while let Some(byte) = json.get(next) {
        if !is_digit(byte) {
            next += MIN_DIGITS;
            continue;
        }
        let before = json[..next].iter().rev().take_while(|byte| is_digit(byte)).count();
        let after = json[next..].iter().take_while(|byte| is_digit(byte)).count();
        let (start, end) = (next - before, next + after);
        let is_negative = start.checked_sub(1).is_some_and(|sign| json[sign] == b'-');
        if is_beyond(&json[start..end], is_negative) {
            return true;
        }
        next = end + MIN_DIGITS;
    }
    false
}

/// As [`has_long_number`], but only integers outside of strings count.
fn has_large_integer(json: &[u8]) -> bool {
    let mut next = 0;
    while let Some(byte) = json.get(next) {
        match byte {
            b'"' => next = end_of_string(json, next + 1),
            b'0'..=b'9' => {
                let digits = json[next..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let end = next + digits;
                let is_float = matches!(json.get(end), Some(b'.' | b'e' | b'E'));
                let is_negative = next > 0 && json[next - 1] == b'-';
                if !is_float && is_beyond(&json[next..end], is_negative) {
                    return true;
                }
                // What belongs to a fraction or an exponent is not a number of its own.
                let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                next += json[next..].iter().take_while(is_part).count();
            }
            _ => next += 1,
        }
    }
    false
}

/// The place after the quotation mark that ends a string.
fn end_of_string(json: &[u8], begin: usize) -> usize {
    let mut next = begin;
    while let Some(byte) = json.get(next) {
        match byte {
            b'"' => return next + 1,
            b'\\' => next += 2,
            _ => next += 1,
        }
    }
    json.len()
}

fn is_beyond(digits: &[u8], is_negative: bool) -> bool {
    if digits.len() < MIN_DIGITS {
        return false;
    }
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse::<u64>().ok());
    match number {
        None => true,
        Some(number) => is_negative && number > i64::MIN.unsigned_abs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beyond_64_bits_are_found_wherever_they_stand() {
        let large = [
            "-9223372036854775809",
            "18446744073709551616",
            "-18446744073709551616",
            "100000000000000000000000",
        ];
        let fits = [
            "-9223372036854775808",
            "18446744073709551615",
            "1e300",
            "-9223372036854775809.0",
            "-9223372036854775809e0",
            "0.18446744073709551616",
            "1.5e18446744073709551616",
            "\"18446744073709551616\"",
            "\"\\\"18446744073709551616\"",
            "\"a\\\\\"",
        ];
        for distance in 0..40 {
            let check = |number: &str, expected| {
                let json = format!("{{\"{}\": [1, {number}, 2]}}", "k".repeat(distance));
                assert_eq!(Numbers::scan(json.as_bytes()), expected, "{json}");
            };
            large.iter().for_each(|number| check(number, Numbers::Rounded));
            fits.iter().for_each(|number| check(number, Numbers::Exact));
        }
        assert_eq!(Numbers::scan(b"18446744073709551616"), Numbers::Rounded);
        assert_eq!(Numbers::scan(b""), Numbers::Exact);
        assert_eq!(
            Numbers::scan(b"[\"18446744073709551616\", 18446744073709551616]"),
            Numbers::Rounded
        );
    }

    #[test]
    fn only_large_whole_floats_may_be_such_integers() {
        let differs = |json: &str| Numbers::Rounded.may_differ_in(&serde_json::from_str(json).unwrap());
        assert!(differs("[{\"a\": -9223372036854775809}]"));
        assert!(differs("1e300"));
        assert!(!differs(
            "[1.5, 9007199254740993, 18446744073709551615, \"1e300\", null, 4e18]"
        ));
        assert!(!Numbers::Exact.may_differ_in(&Value::from(1e300)));
    }
}
