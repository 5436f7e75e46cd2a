//! Replies of Redis as they came, in RESP2, and where they end.
//!
//! A reply is kept as bytes and read where its values are used. The list of values that the library makes of it costs an allocation
//! for each field of each hash, 23 us for a hash of 65 fields: more than Redis needs to send it.

use bytes::Bytes;
use redis::{ServerError, Value, parse_redis_value};

/// Lists within lists that any reply has; Redis nests no deeper than four.
const MAX_DEPTH: usize = 16;
/// A line that is longer has no place in a reply: sizes, numbers, states and errors are short.
const MAX_LINE: usize = 64 << 10;
/// Of 20 digits and the end of the line.
const MAX_LENGTH_LINE: usize = 22;

/// One whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply(Bytes);

/// What does not follow the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Finds where replies end in bytes that come piece by piece. It looks at each line once.
#[derive(Debug, Default)]
pub(super) struct ReplyScanner {
    /// Where the next line begins. Beyond the bytes while a long string comes.
    position: usize,
    /// How many elements are missing of each list that has begun.
    missing: Vec<usize>,
    /// Only the end of the last string may still be missing.
    has_all_lines: bool,
}

/// The elements of a list of strings, `None` for one that does not exist. Ends early, with elements left, at anything else.
pub(crate) struct Strings<'reply> {
    rest: &'reply [u8],
    count: usize,
}

impl Reply {
    /// Takes the bytes of one reply, as [`ReplyScanner`] has found it.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The reply of a command that found nothing.
    pub(super) fn nil() -> Self {
        Self(Bytes::from_static(b"$-1\r\n"))
    }

    pub(crate) fn is_error(&self) -> bool {
        self.0.first() == Some(&b'-')
    }

    /// What the reply says, if it is an error.
    pub(crate) fn error(&self) -> Option<ServerError> {
        if !self.is_error() {
            return None;
        }
        match parse_redis_value(&self.0) {
            Ok(Value::ServerError(error)) => Some(error),
            _ => match parse_redis_value(b"-ERR an error that cannot be read\r\n") {
                Ok(Value::ServerError(error)) => Some(error),
                _ => None,
            },
        }
    }

    /// The number, if the reply is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        let line = self.0.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
        str::from_utf8(line).ok()?.parse().ok()
    }

    /// The elements, if the reply is a list of strings.
    pub(crate) fn strings(&self) -> Option<Strings<'_>> {
        let (count, rest) = length(self.0.strip_prefix(b"*")?)?;
        Some(Strings { rest, count: count? })
    }

    /// The reply as the library gives it, for those that are not read often. `None` for what it cannot read.
    pub(super) fn value(&self) -> Option<Value> {
        parse_redis_value(&self.0).ok()
    }
}

impl Strings<'_> {
    /// How many are left.
    pub(crate) fn len(&self) -> usize {
        self.count
    }
}

impl<'reply> Iterator for Strings<'reply> {
    type Item = Option<&'reply [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.count == 0 {
            return None;
        }
        let (length, rest) = length(self.rest.strip_prefix(b"$")?)?;
        let Some(length) = length else {
            self.rest = rest;
            self.count -= 1;
            return Some(None);
        };
        let (string, rest) = rest.split_at_checked(length)?;
        self.rest = rest.strip_prefix(b"\r\n")?;
        self.count -= 1;
        Some(Some(string))
    }
}

/// A length and the bytes after its line. `Some((None, _))` for -1.
#[inline]
fn length(bytes: &[u8]) -> Option<(Option<usize>, &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => length = length.checked_mul(10)?.checked_add(usize::from(byte - b'0'))?,
            b'\r' if index > 0 => {
                let rest = bytes[index + 1..].strip_prefix(b"\n")?;
                return Some((Some(length), rest));
            }
            _ => break,
        }
    }
    Some((None, bytes.strip_prefix(b"-1\r\n")?))
}

impl ReplyScanner {
    /// Goes on in the bytes since the end of the last reply. Gives how long the reply is as soon as all of it is there, and starts
    /// over with the next one.
    ///
    /// # Errors
    /// For what is not RESP2.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        while !self.has_all_lines {
            let Some((element, next)) = next_line(bytes, self.position)? else {
                return Ok(None);
            };
            self.position = next;
            match element {
                Element::List(count) if count > 0 => {
                    if self.missing.len() == MAX_DEPTH {
                        return Err(Malformed("it nests lists too deeply"));
                    }
                    self.missing.push(count);
                }
                Element::String(length) => {
                    let end = next.checked_add(length).and_then(|end| end.checked_add(2));
                    self.position = end.ok_or(Malformed("a string is too long"))?;
                    self.count_element();
                }
                Element::List(_) | Element::Line => self.count_element(),
            }
        }
        if self.position > bytes.len() {
            return Ok(None);
        }
        self.has_all_lines = false;
        Ok(Some(std::mem::take(&mut self.position)))
    }

    /// How many bytes the reply has at least.
    pub(super) fn seen(&self) -> usize {
        self.position
    }

    /// How many of the bytes at the start are of no more use for finding the end. They are taken as removed.
    pub(super) fn pass(&mut self, bytes: usize) -> usize {
        let passed = self.position.min(bytes);
        self.position -= passed;
        passed
    }

    /// An element is complete, and with it maybe the lists that it is the last of.
    #[inline]
    fn count_element(&mut self) {
        while let Some(missing) = self.missing.last_mut() {
            *missing -= 1;
            if *missing > 0 {
                return;
            }
            self.missing.pop();
        }
        self.has_all_lines = true;
    }
}

/// What a line begins.
enum Element {
    /// A list of so many elements, none for one that does not exist.
    List(usize),
    /// A string of so many bytes and the end of its line.
    String(usize),
    /// Nothing: it is the whole element.
    Line,
}

/// What the line at a position says, and where the next one begins. `None` while the line is not complete.
#[inline]
fn next_line(bytes: &[u8], position: usize) -> Result<Option<(Element, usize)>, Malformed> {
    let Some((kind, line)) = bytes.get(position..).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    match kind {
        b'$' | b'*' => match length(line) {
            Some((length, rest)) => {
                let element = match (kind, length) {
                    (b'$', Some(length)) => Element::String(length),
                    (b'*', Some(count)) => Element::List(count),
                    (_, _) => Element::Line,
                };
                Ok(Some((element, bytes.len() - rest.len())))
            }
            None if line.len() < MAX_LENGTH_LINE && !line.contains(&b'\n') => Ok(None),
            None => Err(Malformed("a length is not a number")),
        },
        b'+' | b'-' | b':' => match line.iter().position(|byte| *byte == b'\n') {
            Some(end) => Ok(Some((Element::Line, position + end + 2))),
            None if line.len() < MAX_LINE => Ok(None),
            None => Err(Malformed("a line does not end")),
        },
        _ => Err(Malformed("it has a type that is not known")),
    }
}

#[cfg(test)]
mod tests;
