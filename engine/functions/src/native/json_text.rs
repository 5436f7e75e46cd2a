//! `json.loads` of a text.

use super::Native;
use crate::run::{Arguments, Run, integer};
use crate::stop::{Outcome, Stop, raised, type_error, unknown};
use crate::value::{Dict, ExceptionClass, Value};

pub(super) static FUNCTIONS: &[Native] = &[Native::function("json.loads", loads)];

/// Values within values. The stack must hold them.
const MAX_DEPTH: usize = 50;

fn loads(run: &mut Run, arguments: Arguments) -> Outcome {
    let [text] = arguments.exactly(["s"])?;
    let text = match text {
        Value::Text(text) => text,
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) | Value::Dict(_) => {
            return Err(type_error(format!(
                "the JSON object must be str, bytes or bytearray, not {}",
                text.type_name()
            )));
        }
        _ => return Err(unknown("json.loads() of this is not known here")),
    };
    read_json(run, &text)
}

/// What `json.loads(text)` gives.
pub(crate) fn read_json(run: &mut Run, text: &str) -> Outcome {
    run.step(text.len() / 4)?;
    run.hold(text.len())?;
    if text.starts_with('\u{feff}') {
        return Err(malformed(text, 0, "Unexpected UTF-8 BOM (decode using utf-8-sig)"));
    }
    let mut reader = Reader {
        text,
        next: 0,
        depth: 0,
        run,
    };
    reader.skip();
    let value = reader.value()?;
    reader.skip();
    match reader.rest().is_empty() {
        true => Ok(value),
        false => Err(reader.malformed("Extra data")),
    }
}

/// What Python says is wrong at a place of a text.
fn malformed(text: &str, place: usize, problem: &str) -> Stop {
    let before = text.get(..place).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let of_line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
    let (column, place) = (of_line.chars().count() + 1, before.chars().count());
    raised(
        ExceptionClass::of("JSONDecodeError"),
        format!("{problem}: line {line} column {column} (char {place})"),
    )
}

struct Reader<'a, 'run> {
    text: &'a str,
    /// The byte that is read next.
    next: usize,
    depth: usize,
    run: &'run mut Run,
}

impl<'a> Reader<'a, '_> {
    fn rest(&self) -> &'a str {
        self.text.get(self.next..).unwrap_or_default()
    }

    /// What is wrong at the place that is read next.
    fn malformed(&self, problem: &str) -> Stop {
        malformed(self.text, self.next, problem)
    }

    fn skip(&mut self) {
        let rest = self.rest();
        self.next += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, prefix: &str) -> bool {
        let is_there = self.rest().starts_with(prefix);
        if is_there {
            self.next += prefix.len();
        }
        is_there
    }

    fn value(&mut self) -> Outcome {
        self.run.step(1)?;
        self.run.make(2)?;
        let words = [
            ("null", Value::None),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        match self.rest().bytes().next() {
            Some(b'"') => self.text().map(Value::text),
            Some(b'[') => self.nested(Self::list),
            Some(b'{') => self.nested(Self::dict),
            _ => match words.into_iter().find(|(word, _)| self.take(word)) {
                Some((_, value)) => Ok(value),
                None => self.number(),
            },
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Outcome) -> Outcome {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(unknown("values so deep are not known here"));
        }
        self.next += 1;
        self.skip();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Outcome {
        let mut items = Vec::new();
        if self.take("]") {
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value()?);
            self.skip();
            if self.take("]") {
                return Ok(Value::list(items));
            }
            self.delimiter()?;
        }
    }

    fn delimiter(&mut self) -> Outcome<()> {
        if !self.take(",") {
            return Err(self.malformed("Expecting ',' delimiter"));
        }
        self.skip();
        Ok(())
    }

    fn dict(&mut self) -> Outcome {
        let mut dict = Dict::default();
        if self.take("}") {
            return Ok(Value::dict(dict));
        }
        loop {
            if !self.rest().starts_with('"') {
                return Err(self.malformed("Expecting property name enclosed in double quotes"));
            }
            let key = self.text()?;
            self.skip();
            if !self.take(":") {
                return Err(self.malformed("Expecting ':' delimiter"));
            }
            self.skip();
            let value = self.value()?;
            dict.insert(Value::text(key), value);
            self.skip();
            if self.take("}") {
                return Ok(Value::dict(dict));
            }
            self.delimiter()?;
        }
    }

    fn number(&mut self) -> Outcome {
        let digits = |text: &'a str| -> (&'a str, &'a str) {
            text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
        };
        let start = self.rest();
        let unsigned = start.strip_prefix('-').unwrap_or(start);
        // What follows a zero is something else.
        let (whole, mut rest) = match unsigned.starts_with('0') {
            true => unsigned.split_at(1),
            false => digits(unsigned),
        };
        if whole.is_empty() {
            return Err(self.malformed("Expecting value"));
        }
        let mut is_float = false;
        if let Some((fraction, after)) = rest.strip_prefix('.').map(digits)
            && !fraction.is_empty()
        {
            (is_float, rest) = (true, after);
        }
        if let Some(after) = rest.strip_prefix(['e', 'E']) {
            let (exponent, after) = digits(after.strip_prefix(['+', '-']).unwrap_or(after));
            if !exponent.is_empty() {
                (is_float, rest) = (true, after);
            }
        }
        let text = start.get(..start.len() - rest.len()).unwrap_or_default();
        self.next += text.len();
        match is_float {
            true => text
                .parse()
                .map(Value::Float)
                .map_err(|_| unknown("this number is not known here")),
            false => match text.parse::<i128>() {
                Ok(number) => Ok(integer(number)),
                Err(_) => Err(unknown("integers beyond 128 bits are not known here")),
            },
        }
    }

    /// A text, at whose first quote the reader is.
    fn text(&mut self) -> Outcome<String> {
        let begin = self.next;
        let unterminated = |text: &str| malformed(text, begin, "Unterminated string starting at");
        self.next += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let end = rest.find(|it: char| matches!(it, '"' | '\\' | '\0'..='\x1f'));
            let end = end.ok_or_else(|| unterminated(self.text))?;
            text.push_str(&rest[..end]);
            self.next += end;
            match rest.as_bytes()[end] {
                b'"' => {
                    self.next += 1;
                    return Ok(text);
                }
                b'\\' if rest.len() == end + 1 => return Err(unterminated(self.text)),
                b'\\' => text.push(self.escape()?),
                _ => return Err(self.malformed("Invalid control character at")),
            }
        }
    }

    /// What a backslash, at which the reader is, and what follows it stand for.
    fn escape(&mut self) -> Outcome<char> {
        let mut characters = self.rest().chars().skip(1);
        let character = match characters.next() {
            Some(mark @ ('"' | '\\' | '/')) => mark,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.next += 1;
                return self.character();
            }
            _ => return Err(self.malformed("Invalid \\escape")),
        };
        self.next += 2;
        Ok(character)
    }

    /// The character of `uXXXX`, or of two of them, of which each is half of one.
    fn character(&mut self) -> Outcome<char> {
        let half = || unknown("half of a character is not known here");
        let first = self.unit()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        if !(0xd800..0xdc00).contains(&first) || !self.rest().starts_with("\\u") {
            return Err(half());
        }
        self.next += 1;
        let second = self.unit()?.checked_sub(0xdc00).filter(|second| *second < 0x400);
        let pair = second.map(|second| 0x10000 + ((first - 0xd800) << 10) + second);
        pair.and_then(char::from_u32).ok_or_else(half)
    }

    /// The number of `uXXXX`, after which something must follow.
    fn unit(&mut self) -> Outcome<u32> {
        let digits = self.rest().get(1..5);
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits {
            Some(digits) if self.rest().len() > 5 => {
                self.next += 5;
                u32::from_str_radix(digits, 16).map_err(|_| unknown("this character is not known here"))
            }
            _ => Err(self.malformed("Invalid \\uXXXX escape")),
        }
    }
}
