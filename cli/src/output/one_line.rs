//! Strings from outside as a part of one line.

use std::fmt::{self, Write};

/// Passes strings on with their line breaks and other control characters escaped as in Rust.
pub(crate) struct OneLine<W>(pub(crate) W);

/// A string with its line breaks and other control characters escaped as in Rust.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    // Strings take everything.
    let _ = OneLine(&mut line).write_str(text);
    line
}

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(position) = rest.find(breaks_line) {
            let (before, from) = rest.split_at(position);
            self.0.write_str(before)?;
            let mut characters = from.chars();
            if let Some(character) = characters.next() {
                write!(self.0, "{}", character.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Ends a line, moves the cursor, or changes the direction of what follows.
fn breaks_line(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        let check = |text: &str, expected: &str| {
            let mut written = String::new();
            OneLine(&mut written).write_str(text).unwrap();
            assert_eq!(written, expected);
        };
        check("", "");
        check("Zürich, 東京 'x'", "Zürich, 東京 'x'");
        check("a\nERROR b\r", "a\\nERROR b\\r");
        check("\u{1b}[31mred\u{9b}", "\\u{1b}[31mred\\u{9b}");
        check("\0\t\u{7f}", "\\u{0}\\t\\u{7f}");
        check("a\u{2028}b\u{202e}c\u{85}", "a\\u{2028}b\\u{202e}c\\u{85}");
        check("a\u{200f}b\u{61c}", "a\\u{200f}b\\u{61c}");
    }
}
