//! What Python knows of single characters, for those on which its tables and Rust's agree.

use crate::stop::{Outcome, unknown};

/// Python's blanks: those of Unicode, and four separators of ASCII.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Letters of European scripts, on whose case no version of Unicode differs, without digraphs and marks.
fn is_known(character: char) -> bool {
    let code = u32::from(character);
    code < 0x300 && !(0x1c4..=0x1cc).contains(&code) && !(0x1f1..=0x1f3).contains(&code)
        || (0x391..=0x3ce).contains(&code) && !matches!(code, 0x3a2 | 0x3a3 | 0x3c2 | 0x390 | 0x3b0)
        || (0x400..=0x45f).contains(&code)
}

/// Refuses texts with other letters.
pub(super) fn check_known(text: &str) -> Outcome<()> {
    match text.chars().all(is_known) {
        true => Ok(()),
        false => Err(unknown("a text with such characters is not known here")),
    }
}

/// As [`check_known`], where `title` and `upper` of a character must be one character too.
pub(super) fn check_simple(text: &str) -> Outcome<()> {
    check_known(text)?;
    match text.chars().all(|character| character.to_uppercase().count() == 1) {
        true => Ok(()),
        false => Err(unknown("a text with such characters is not known here")),
    }
}
