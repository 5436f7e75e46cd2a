//! JSON as Python's parser reads it: what it accepts beyond the standard, and its words for what it refuses.
//!
//! The slow path, for bodies that serde_json has refused. Messages and positions are those of CPython's `json` module,
//! which Feast's server passes on.

use serde_json::{Map, Number, Value};

/// Deeper than this nothing is read; serde_json stops there too.
const MAX_DEPTH: usize = 128;
/// The single values of `entities` and `df` are at this depth; what is deeper is part of a list.
const CELL_DEPTH: usize = 3;

/// Why a document is not JSON for Python either.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParseError {
    /// What is wrong, and at which character.
    Syntax { message: &'static str, offset: usize },
    /// Lists or objects are nested too deeply.
    TooDeep,
    /// An integer is larger than any float.
    TooLarge { digits: usize },
}

/// Parses a document. `NaN` is null as a single value and the string `"NaN"` in a list, where a list of floats keeps it;
/// infinities are strings, as they are in responses.
pub(super) fn parse(text: &str) -> Result<Value, ParseError> {
    let mut parser = Parser {
        text,
        next: 0,
        depth: 0,
    };
    parser.whole().map_err(|error| match error {
        ParseError::Syntax { message, offset } => ParseError::Syntax {
            message,
            offset: text[..offset].chars().count(),
        },
        ParseError::TooDeep | ParseError::TooLarge { .. } => error,
    })
}

fn syntax(message: &'static str, offset: usize) -> ParseError {
    ParseError::Syntax { message, offset }
}

/// Positions are in bytes until the end, always before a character.
struct Parser<'text> {
    text: &'text str,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn whole(&mut self) -> Result<Value, ParseError> {
        self.skip_blanks();
        let value = self.value()?;
        self.skip_blanks();
        if self.next < self.text.len() {
            return Err(syntax("Extra data", self.next));
        }
        Ok(value)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.next..].chars().next()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.next += 1;
        }
    }

    fn takes(&mut self, token: &str) -> bool {
        let found = self.text[self.next..].starts_with(token);
        if found {
            self.next += token.len();
        }
        found
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        const WORDS: [(&str, Value); 3] = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ];
        match self.peek() {
            Some('"') => self.string().map(Value::String),
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::list),
            _ => {
                if let Some((_, value)) = WORDS.iter().find(|(word, _)| self.takes(word)) {
                    return Ok(value.clone());
                }
                if self.takes("NaN") {
                    return Ok(if self.depth <= CELL_DEPTH {
                        Value::Null
                    } else {
                        Value::from("NaN")
                    });
                }
                for word in ["Infinity", "-Infinity"] {
                    if self.takes(word) {
                        return Ok(Value::from(word));
                    }
                }
                self.number()
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, ParseError>) -> Result<Value, ParseError> {
        if self.depth == MAX_DEPTH {
            return Err(ParseError::TooDeep);
        }
        self.depth += 1;
        self.next += 1;
        self.skip_blanks();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, ParseError> {
        let mut members = Map::new();
        if self.takes("}") {
            return Ok(Value::Object(members));
        }
        loop {
            if self.peek() != Some('"') {
                return Err(syntax("Expecting property name enclosed in double quotes", self.next));
            }
            let name = self.string()?;
            self.skip_blanks();
            if !self.takes(":") {
                return Err(syntax("Expecting ':' delimiter", self.next));
            }
            self.skip_blanks();
            let value = self.value()?;
            members.insert(name, value);
            if self.ends_with("}")? {
                return Ok(Value::Object(members));
            }
        }
    }

    fn list(&mut self) -> Result<Value, ParseError> {
        let mut items = Vec::new();
        if self.takes("]") {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.ends_with("]")? {
                return Ok(Value::Array(items));
            }
        }
    }

    /// After an item: the closing bracket, or a comma and the next item.
    fn ends_with(&mut self, close: &str) -> Result<bool, ParseError> {
        self.skip_blanks();
        if self.takes(close) {
            return Ok(true);
        }
        if !self.takes(",") {
            return Err(syntax("Expecting ',' delimiter", self.next));
        }
        self.skip_blanks();
        Ok(false)
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let begin = self.next;
        let unterminated = syntax("Unterminated string starting at", begin);
        self.next += 1;
        let mut string = String::new();
        loop {
            let Some(character) = self.peek() else {
                return Err(unterminated);
            };
            let here = self.next;
            self.next += character.len_utf8();
            match character {
                '"' => return Ok(string),
                '\\' => {
                    let Some(escaped) = self.peek() else {
                        return Err(unterminated);
                    };
                    self.next += escaped.len_utf8();
                    string.push(match escaped {
                        '"' | '\\' | '/' => escaped,
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'u' => self.unicode_escape()?,
                        _ => return Err(syntax("Invalid \\escape", here)),
                    });
                }
                control if control <= '\u{1f}' => return Err(syntax("Invalid control character at", here)),
                other => string.push(other),
            }
        }
    }

    /// The four digits after `\u`, and a second escape where the first is half of a pair. Python keeps a lone half, but
    /// no string of ours can hold one.
    fn unicode_escape(&mut self) -> Result<char, ParseError> {
        let invalid = syntax("Invalid \\uXXXX escape", self.next - 1);
        let Some(first) = self.four_digits() else {
            return Err(invalid);
        };
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let second = if self.takes("\\u") { self.four_digits() } else { None };
        let pair = second
            .filter(|second| first < 0xDC00 && (0xDC00..0xE000).contains(second))
            .and_then(|second| char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)));
        pair.ok_or(invalid)
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.next..self.next + 4)?;
        let number = digits
            .chars()
            .try_fold(0, |number, digit| Some(number * 16 + digit.to_digit(16)?))?;
        self.next += 4;
        Some(number)
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let begin = self.next;
        self.takes("-");
        // No digit follows a zero at the beginning.
        if !self.takes("0") && self.digits() == 0 {
            return Err(syntax("Expecting value", begin));
        }
        // A point or an exponent without digits is not part of the number.
        let whole_end = self.next;
        if !self.takes(".") || self.digits() == 0 {
            self.next = whole_end;
        }
        let fraction_end = self.next;
        if !(self.takes("e") || self.takes("E")) || {
            let _signed = self.takes("+") || self.takes("-");
            self.digits() == 0
        } {
            self.next = fraction_end;
        }
        parse_number(&self.text[begin..self.next], self.next > whole_end)
    }

    fn digits(&mut self) -> usize {
        let begin = self.next;
        while self.peek().is_some_and(|character| character.is_ascii_digit()) {
            self.next += 1;
        }
        self.next - begin
    }
}

fn parse_number(number: &str, is_float: bool) -> Result<Value, ParseError> {
    if !is_float {
        let integer = number.parse::<i64>().map(Number::from);
        if let Ok(integer) = integer.or_else(|_| number.parse::<u64>().map(Number::from)) {
            return Ok(Value::Number(integer));
        }
    }
    let float = number.parse::<f64>().unwrap_or(f64::NAN);
    match Number::from_f64(float) {
        Some(float) => Ok(Value::Number(float)),
        None if is_float => Ok(Value::from(if float > 0.0 { "Infinity" } else { "-Infinity" })),
        None => Err(ParseError::TooLarge {
            digits: number.trim_start_matches('-').len(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_reads() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                parse(text).map(|value| value.to_string()).as_deref(),
                Ok(expected),
                "{text}"
            );
        };
        check("{\"a\":{\"b\":[NaN,[NaN]]}}", "{\"a\":{\"b\":[null,[\"NaN\"]]}}");
        check(
            " [Infinity, -Infinity, 1e400] ",
            "[\"Infinity\",\"-Infinity\",\"Infinity\"]",
        );
        check(
            "[0, -1, 1.5e2, 18446744073709551615, true, null]",
            "[0,-1,150.0,18446744073709551615,true,null]",
        );
        check("\"\\u00e9\\ud83d\\ude00\\n\"", "\"é😀\\n\"");
    }

    /// The answers of CPython 3.11.
    #[test]
    fn refuses_in_pythons_words() {
        let check = |text: &str, message, offset| {
            assert_eq!(parse(text), Err(ParseError::Syntax { message, offset }), "{text}");
        };
        check("", "Expecting value", 0);
        check("{\"a\": [}", "Expecting value", 7);
        check("{\"a\": 1", "Expecting ',' delimiter", 7);
        check("{'a': 1}", "Expecting property name enclosed in double quotes", 1);
        check("{\"a\": 1,}", "Expecting property name enclosed in double quotes", 8);
        check("{\"a\" 1}", "Expecting ':' delimiter", 5);
        check("[1 2]", "Expecting ',' delimiter", 3);
        check("[1,", "Expecting value", 3);
        check("{} {}", "Extra data", 3);
        check("01", "Extra data", 1);
        check("[1.]", "Expecting ',' delimiter", 2);
        check("-", "Expecting value", 0);
        check("\"é", "Unterminated string starting at", 0);
        check("[\"é\" x", "Expecting ',' delimiter", 5);
        check("\"\\u12é4\"", "Invalid \\uXXXX escape", 2);
        check("[\"a\nb\"]", "Invalid control character at", 3);
        check("\"\\x\"", "Invalid \\escape", 1);
        check("\"\\u12\"", "Invalid \\uXXXX escape", 2);
        check("\"\\ud800\"", "Invalid \\uXXXX escape", 2);
        assert_eq!(parse(&"[".repeat(200)), Err(ParseError::TooDeep));
        assert_eq!(
            parse(&format!("-{}", "9".repeat(400))),
            Err(ParseError::TooLarge { digits: 400 })
        );
    }
}
