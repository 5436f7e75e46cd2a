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
    run.step(text.len() / 4)?;
    run.hold(text.len())?;
    let mut reader = Reader {
        rest: &text,
        depth: 0,
        run,
    };
    reader.skip();
    if text.starts_with('\u{feff}') {
        return Err(malformed());
    }
    if !reader.rest.starts_with(is_start) {
        return Err(no_value(&text, text.len() - reader.rest.len()));
    }
    let value = reader.value()?;
    reader.skip();
    match reader.rest.is_empty() {
        true => Ok(value),
        false => Err(malformed()),
    }
}

/// Whether a value may start with it.
fn is_start(character: char) -> bool {
    character.is_ascii_digit() || "\"{[-tfnNI".contains(character)
}

/// What Python says where no value starts.
fn no_value(text: &str, place: usize) -> Stop {
    let before = text.get(..place).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    // All before are blanks of one byte each.
    let column = before.len() - before.rfind('\n').map_or(0, |place| place + 1) + 1;
    raised(
        ExceptionClass::of("JSONDecodeError"),
        format!("Expecting value: line {line} column {column} (char {place})"),
    )
}

/// Python says what is wrong and where, which is not known here.
fn malformed() -> Stop {
    unknown("a text that is no JSON is not known here")
}

struct Reader<'a, 'run> {
    rest: &'a str,
    depth: usize,
    run: &'run mut Run,
}

impl<'a> Reader<'a, '_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
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
        match self.rest.bytes().next().ok_or_else(malformed)? {
            b'"' => self.text().map(Value::text),
            b'[' => self.nested(Self::list),
            b'{' => self.nested(Self::dict),
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
        self.rest = self.rest.get(1..).unwrap_or_default();
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
            self.skip();
            items.push(self.value()?);
            self.skip();
            if self.take("]") {
                return Ok(Value::list(items));
            }
            if !self.take(",") {
                return Err(malformed());
            }
        }
    }

    fn dict(&mut self) -> Outcome {
        let mut dict = Dict::default();
        if self.take("}") {
            return Ok(Value::dict(dict));
        }
        loop {
            self.skip();
            let key = self.text()?;
            self.skip();
            if !self.take(":") {
                return Err(malformed());
            }
            self.skip();
            let value = self.value()?;
            dict.insert(Value::text(key), value);
            self.skip();
            if self.take("}") {
                return Ok(Value::dict(dict));
            }
            if !self.take(",") {
                return Err(malformed());
            }
        }
    }

    fn number(&mut self) -> Outcome {
        let digits = |text: &'a str| -> (&'a str, &'a str) {
            text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
        };
        let start = self.rest;
        let (whole, mut rest) = digits(start.strip_prefix('-').unwrap_or(start));
        if whole.is_empty() || whole.len() > 1 && whole.starts_with('0') {
            return Err(malformed());
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
        self.rest = rest;
        let text = start.get(..start.len() - rest.len()).unwrap_or_default();
        match is_float {
            true => text.parse().map(Value::Float).map_err(|_| malformed()),
            false => match text.parse::<i128>() {
                Ok(number) => Ok(integer(number)),
                Err(_) => Err(unknown("integers beyond 128 bits are not known here")),
            },
        }
    }

    fn text(&mut self) -> Outcome<String> {
        if !self.take("\"") {
            return Err(malformed());
        }
        let mut text = String::new();
        loop {
            let end = self.rest.find(['"', '\\']).ok_or_else(malformed)?;
            let (plain, after) = self.rest.split_at(end);
            if plain.contains(|it: char| it < ' ') {
                return Err(malformed());
            }
            text.push_str(plain);
            let mark = after.starts_with('\\');
            self.rest = after.get(1..).unwrap_or_default();
            if !mark {
                return Ok(text);
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Outcome<char> {
        let mut characters = self.rest.chars();
        let mark = characters.next().ok_or_else(malformed)?;
        self.rest = characters.as_str();
        Ok(match mark {
            '"' | '\\' | '/' => mark,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                match char::from_u32(first) {
                    Some(character) => character,
                    // Half of a pair, which must be followed by the other half.
                    None if (0xd800..0xdc00).contains(&first) && self.take("\\u") => {
                        let second = self.unit()?;
                        let half = second.checked_sub(0xdc00).filter(|half| *half < 0x400);
                        let pair = half.map(|half| 0x10000 + ((first - 0xd800) << 10) + half);
                        pair.and_then(char::from_u32)
                            .ok_or_else(|| unknown("half of a character is not known here"))?
                    }
                    None => return Err(unknown("half of a character is not known here")),
                }
            }
            _ => return Err(malformed()),
        })
    }

    fn unit(&mut self) -> Outcome<u32> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or_else(malformed)?;
        self.rest = rest;
        match digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            true => u32::from_str_radix(digits, 16).map_err(|_| malformed()),
            false => Err(malformed()),
        }
    }
}
