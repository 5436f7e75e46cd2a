//! What Python says of single characters, for those of which every version of Unicode says the same.
//!
//! Rust's tables and Python's are of different versions. So nothing is said of a character outside of the ranges below; inside of them
//! all that is here was compared with Python 3.11, character by character.

use crate::stop::{Outcome, unknown};

/// Latin (without the letters whose other case is of several characters or of another script), Cyrillic, kana, common ideographs,
/// punctuation and pictures.
fn is_known(character: char) -> bool {
    matches!(u32::from(character),
        0..=0x12f | 0x132..=0x148 | 0x14a..=0x17e | 0x400..=0x45f | 0x2010..=0x2027 | 0x20ac | 0x2600..=0x26ff | 0x3041..=0x3096 | 0x30a1..=0x30fa
        | 0x4e00..=0x9fa5 | 0x1f300..=0x1f64f)
}

/// # Errors
/// Unknown for a text with other characters.
pub(crate) fn check(text: &str) -> Outcome<()> {
    match text.is_ascii() || text.chars().all(is_known) {
        true => Ok(()),
        false => Err(unknown(
            "what Python says of the characters of this text is not known here",
        )),
    }
}

/// Whether `strip` and `split` take it for a space. Known for all characters.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\x1c'..='\x1f')
}

pub(super) fn is_decimal(character: char) -> bool {
    character.is_ascii_digit()
}

pub(super) fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '²' | '³' | '¹')
}

/// Numbers among the ideographs are not known.
///
/// # Errors
/// Unknown for ideographs.
pub(super) fn is_numeric(character: char) -> Outcome<bool> {
    match is_ideograph(character) {
        true => Err(unknown("which ideographs are numbers is not known here")),
        false => Ok(is_digit(character) || matches!(character, '¼' | '½' | '¾')),
    }
}

fn is_ideograph(character: char) -> bool {
    matches!(u32::from(character), 0x4e00..=0x9fa5)
}

pub(super) fn is_alphanumeric(character: char) -> bool {
    character.is_alphabetic() || is_digit(character) || matches!(character, '¼' | '½' | '¾')
}

fn is_cased(character: char) -> bool {
    character.is_uppercase() || character.is_lowercase()
}

fn push_title(text: &mut String, character: char) {
    match character {
        'ß' => text.push_str("Ss"),
        other => text.extend(other.to_uppercase()),
    }
}

pub(super) fn upper(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).collect()
}

pub(super) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Each word with a capital: what follows a letter is small.
pub(super) fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut follows_letter = false;
    for character in text.chars() {
        match follows_letter {
            true => titled.extend(character.to_lowercase()),
            false => push_title(&mut titled, character),
        }
        follows_letter = is_cased(character);
    }
    titled
}

pub(super) fn capitalize(text: &str) -> String {
    let mut capitalized = String::with_capacity(text.len());
    for (position, character) in text.chars().enumerate() {
        match position {
            0 => push_title(&mut capitalized, character),
            _ => capitalized.extend(character.to_lowercase()),
        }
    }
    capitalized
}

pub(super) fn swap_case(text: &str) -> String {
    let mut swapped = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_uppercase() {
            true => swapped.extend(character.to_lowercase()),
            false => swapped.extend(character.to_uppercase()),
        }
    }
    swapped
}

pub(super) fn fold_case(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'ß' => folded.push_str("ss"),
            'µ' => folded.push('μ'),
            other => folded.extend(other.to_lowercase()),
        }
    }
    folded
}

/// Whether there are letters with a case, all of this one.
pub(super) fn has_only(text: &str, is_of_case: fn(char) -> bool) -> bool {
    let mut cased = text.chars().filter(|character| is_cased(*character)).peekable();
    cased.peek().is_some() && cased.all(is_of_case)
}
