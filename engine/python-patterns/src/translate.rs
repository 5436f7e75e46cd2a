//! The parser, which writes what it reads.

use std::fmt;

/// A pattern in the syntax of the crate, and what must be known of it.
#[derive(Debug, Default)]
pub struct Translated {
    /// The pattern for the crate, without anchors that are not in Python's.
    pub pattern: String,
    /// The name of each group, if it has one.
    pub groups: Vec<Option<String>>,
    /// It may match nothing at all.
    pub may_be_empty: bool,
    /// It is to be compiled without regard to case.
    pub ignores_case: bool,
    /// `$`, which Python also takes before a last end of a line.
    pub has_end: bool,
    /// `\b` or `\B`.
    pub has_boundaries: bool,
    /// `\w` and the like, which depend on the version of Unicode.
    pub has_classes: bool,
    /// Roughly the count of states.
    pub size: usize,
}

/// What a pattern is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To find a match, and what its groups hold.
    Groups,
    /// Only to know whether there is a match. What groups hold does not matter then, and the pattern may look around: what comes of it
    /// is for `fancy-regex`, which is `regex` with that in addition.
    Match,
}

/// The two languages may read the pattern in different ways, or Python does not read it at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownPattern;

impl fmt::Display for UnknownPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("this regular expression is not known here")
    }
}

impl std::error::Error for UnknownPattern {}

type Outcome<T> = Result<T, UnknownPattern>;

/// What Python has in `\w`, and the crate has not.
pub const MORE_WORDS: [char; 6] = ['²', '³', '¹', '¼', '½', '¾'];
/// Groups within groups.
const MAX_DEPTH: usize = 20;
const MAX_SIZE: usize = 2000;
/// States of `\w`, which has many ranges of characters.
const WORDS_SIZE: usize = 12;

/// A part of a pattern.
#[derive(Clone, Copy, Default)]
struct Shape {
    may_be_empty: bool,
    has_groups: bool,
    size: usize,
    /// How many characters each match has, if all have as many.
    width: Option<usize>,
}

impl Shape {
    /// A character of a class of that size.
    fn of(size: usize) -> Self {
        Self {
            size,
            width: Some(1),
            ..Self::default()
        }
    }

    /// A place that takes no character.
    fn nothing(size: usize) -> Self {
        Self {
            may_be_empty: true,
            width: Some(0),
            ..Self::of(size)
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
    purpose: Purpose,
    made: Translated,
}

/// Translates a pattern, which Python also takes without regard to case.
///
/// # Errors
/// [`UnknownPattern`] for one that may mean something else to Python, or nothing.
pub fn translate(pattern: &str, ignores_case: bool, purpose: Purpose) -> Result<Translated, UnknownPattern> {
    let flagged = pattern.strip_prefix("(?i)");
    let mut parser = Parser {
        rest: flagged.unwrap_or(pattern),
        depth: 0,
        purpose,
        made: Translated {
            ignores_case: ignores_case || flagged.is_some(),
            ..Translated::default()
        },
    };
    if pattern.len() > 1000 || parser.made.ignores_case && !pattern.is_ascii() {
        return Err(not_known());
    }
    let shape = parser.alternatives()?;
    if !parser.rest.is_empty() {
        return Err(not_known());
    }
    parser.made.may_be_empty = shape.may_be_empty;
    parser.made.size = shape.size;
    Ok(parser.made)
}

fn not_known() -> UnknownPattern {
    UnknownPattern
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
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

    fn push(&mut self, text: &str) {
        self.made.pattern.push_str(text);
    }

    fn alternatives(&mut self) -> Outcome<Shape> {
        let mut shape = self.sequence()?;
        while self.take("|") {
            self.push("|");
            let other = self.sequence()?;
            shape.may_be_empty |= other.may_be_empty;
            shape.has_groups |= other.has_groups;
            shape.size += other.size + 1;
            shape.width = shape.width.filter(|width| other.width == Some(*width));
        }
        Ok(shape)
    }

    fn sequence(&mut self) -> Outcome<Shape> {
        let mut shape = Shape {
            may_be_empty: true,
            width: Some(0),
            ..Shape::default()
        };
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let part = self.part()?;
            shape.may_be_empty &= part.may_be_empty;
            shape.has_groups |= part.has_groups;
            shape.size += part.size;
            shape.width = shape.width.zip(part.width).map(|(before, width)| before + width);
            if shape.size > MAX_SIZE {
                return Err(not_known());
            }
        }
        Ok(shape)
    }

    /// One thing, and how often.
    fn part(&mut self) -> Outcome<Shape> {
        let shape = self.atom()?;
        let Some((least, most)) = self.times()? else {
            return Ok(shape);
        };
        // Python loops over what matches nothing, and keeps groups of loops, in ways of its own.
        let keeps_groups = shape.has_groups && self.purpose == Purpose::Groups;
        if shape.may_be_empty || keeps_groups && most != Some(1) || self.rest.starts_with(['*', '+', '{']) {
            return Err(not_known());
        }
        if self.take("?") {
            self.push("?");
        }
        if self.rest.starts_with(['*', '+', '{', '?']) {
            return Err(not_known());
        }
        Ok(Shape {
            may_be_empty: least == 0,
            has_groups: shape.has_groups,
            size: shape.size * most.unwrap_or(least + 1).max(1) + 1,
            width: shape.width.filter(|_| most == Some(least)).map(|width| width * least),
        })
    }

    /// `*`, `+`, `?`, `{2}`, `{2,}`, `{2,3}`.
    fn times(&mut self) -> Outcome<Option<(usize, Option<usize>)>> {
        let times = match self.rest.chars().next() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => return self.counted().map(Some),
            _ => return Ok(None),
        };
        let (mark, rest) = self.rest.split_at(1);
        self.rest = rest;
        self.made.pattern.push_str(mark);
        Ok(Some(times))
    }

    fn counted(&mut self) -> Outcome<(usize, Option<usize>)> {
        self.next();
        let (inner, rest) = self.rest.split_once('}').ok_or_else(not_known)?;
        let number = |text: &str| match !text.is_empty() && text.len() < 4 && text.bytes().all(|it| it.is_ascii_digit())
        {
            true => text.parse::<usize>().map_err(|_| not_known()),
            false => Err(not_known()),
        };
        let (least, most) = match inner.split_once(',') {
            None => (number(inner)?, Some(number(inner)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        if most.is_some_and(|most| most < least.max(1)) {
            return Err(not_known());
        }
        self.rest = rest;
        let most_text = most.map_or(String::new(), |most| most.to_string());
        self.push(&format!("{{{least},{most_text}}}"));
        Ok((least, most))
    }

    fn atom(&mut self) -> Outcome<Shape> {
        let (one, anchor) = (Shape::of(1), Shape::nothing(1));
        Ok(match self.next().ok_or_else(not_known)? {
            '.' => {
                self.push(".");
                one
            }
            '^' => {
                self.push(r"\A");
                anchor
            }
            '$' => {
                self.made.has_end = true;
                self.push(r"\z");
                anchor
            }
            '(' => self.group()?,
            '[' => self.class()?,
            '\\' => return self.escape(),
            '*' | '+' | '?' | '{' | '}' | ']' | ')' => return Err(not_known()),
            other => {
                self.literal(other);
                one
            }
        })
    }

    fn literal(&mut self, character: char) {
        let code = u32::from(character);
        self.push(&format!(r"\x{{{code:x}}}"));
    }

    fn group(&mut self) -> Outcome<Shape> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(not_known());
        }
        if let Some(look) = self.look_around() {
            self.push(look);
            let inner = self.alternatives()?;
            // Python takes none of another width.
            let is_behind = look.contains('<');
            if is_behind && inner.width.is_none() || !self.take(")") {
                return Err(not_known());
            }
            self.push(")");
            self.depth -= 1;
            return Ok(Shape::nothing(inner.size + 1));
        }
        let is_kept = !self.take("?:");
        if is_kept {
            let name = match self.take("?P<") {
                true => Some(self.name()?),
                false if self.rest.starts_with('?') => return Err(not_known()),
                false => None,
            };
            self.made.groups.push(name);
        }
        self.push(if is_kept { "(" } else { "(?:" });
        let shape = self.alternatives()?;
        if !self.take(")") {
            return Err(not_known());
        }
        self.push(")");
        self.depth -= 1;
        Ok(Shape {
            has_groups: shape.has_groups || is_kept,
            ..shape
        })
    }

    /// What begins a look around, if that is next and may be.
    fn look_around(&mut self) -> Option<&'static str> {
        const LOOKS: [(&str, &str); 4] = [("?=", "(?="), ("?!", "(?!"), ("?<=", "(?<="), ("?<!", "(?<!")];
        let is_allowed = self.purpose == Purpose::Match;
        let mut looks = LOOKS.iter().filter(|_| is_allowed);
        looks.find(|(mark, _)| self.take(mark)).map(|(_, look)| *look)
    }

    fn name(&mut self) -> Outcome<String> {
        let (name, rest) = self.rest.split_once('>').ok_or_else(not_known)?;
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || self.made.groups.iter().flatten().any(|known| known == name) {
            return Err(not_known());
        }
        let name = name.to_owned();
        self.rest = rest;
        Ok(name)
    }

    /// A class outside of brackets, an end of words, or a character.
    fn escape(&mut self) -> Outcome<Shape> {
        let letter = self.rest.chars().next().ok_or_else(not_known)?;
        match letter {
            'b' | 'B' => {
                self.next();
                (self.made.has_boundaries, self.made.has_classes) = (true, true);
                self.push(if letter == 'b' { r"\b" } else { r"\B" });
                Ok(Shape::nothing(4))
            }
            'A' | 'Z' => {
                self.next();
                self.push(if letter == 'A' { r"\A" } else { r"\z" });
                Ok(Shape::nothing(1))
            }
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                self.next();
                self.push("[");
                let size = self.named_class(letter);
                self.push("]");
                Ok(Shape::of(size))
            }
            _ => {
                let character = self.character()?;
                self.literal(character);
                Ok(Shape::of(1))
            }
        }
    }

    /// What is in `\w` and the like, inside of brackets. Gives its size.
    fn named_class(&mut self, letter: char) -> usize {
        self.made.has_classes = true;
        let (inner, size) = match letter.to_ascii_lowercase() {
            'd' => ("0-9".to_owned(), 1),
            's' => (r"\s\x{1c}-\x{1f}".to_owned(), 2),
            _ => (format!(r"\w{}", String::from_iter(MORE_WORDS)), WORDS_SIZE),
        };
        match letter.is_ascii_lowercase() {
            true => self.push(&inner),
            false => self.push(&format!("[^{inner}]")),
        }
        size
    }

    /// The character of an escape.
    fn character(&mut self) -> Outcome<char> {
        Ok(match self.next().ok_or_else(not_known)? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'x' => self.numbered(2)?,
            'u' => self.numbered(4)?,
            mark if mark.is_ascii_punctuation() || mark == ' ' => mark,
            _ => return Err(not_known()),
        })
    }

    fn numbered(&mut self, digits: usize) -> Outcome<char> {
        let (number, rest) = self.rest.split_at_checked(digits).ok_or_else(not_known)?;
        self.rest = rest;
        let is_hexadecimal = number.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(number, 16).ok().filter(|_| is_hexadecimal);
        let character = code.and_then(char::from_u32).ok_or_else(not_known)?;
        match self.made.ignores_case && !character.is_ascii() {
            true => Err(not_known()),
            false => Ok(character),
        }
    }

    /// `[...]`.
    fn class(&mut self) -> Outcome<Shape> {
        let is_negated = self.take("^");
        self.push(if is_negated { "[^" } else { "[" });
        let mut size = 1;
        let mut is_first = true;
        loop {
            let is_end = !is_first && self.take("]");
            if is_end {
                break;
            }
            is_first = false;
            size += self.class_item()?;
        }
        self.push("]");
        Ok(Shape::of(size))
    }

    /// A character, a range, or `\w` and the like.
    fn class_item(&mut self) -> Outcome<usize> {
        let is_named = |rest: &str| {
            let mut characters = rest.chars();
            match (characters.next(), characters.next()) {
                (Some('\\'), Some(letter)) if "dDsSwW".contains(letter) => Some(letter),
                _ => None,
            }
        };
        if let Some(letter) = is_named(self.rest) {
            self.rest = self.rest.get(2..).unwrap_or_default();
            // `\w-z` is read in several ways.
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                return Err(not_known());
            }
            return Ok(self.named_class(letter));
        }
        let first = self.class_character()?;
        if !self.rest.starts_with('-') || self.rest.starts_with("-]") {
            self.literal(first);
            return Ok(1);
        }
        self.next();
        if is_named(self.rest).is_some() {
            return Err(not_known());
        }
        let last = self.class_character()?;
        if first > last {
            return Err(not_known());
        }
        self.literal(first);
        self.push("-");
        self.literal(last);
        Ok(1)
    }

    fn class_character(&mut self) -> Outcome<char> {
        match self.next().ok_or_else(not_known)? {
            '\\' => self.character(),
            other => Ok(other),
        }
    }
}
