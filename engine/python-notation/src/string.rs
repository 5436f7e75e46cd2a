//! Strings and lists of them as Python's `repr` writes them.

use std::fmt::{Display, Write};

/// A string in Python's quotes: single ones, unless it holds some and no double ones. What Python does not count as printable
/// is escaped; code points that no version of Unicode had assigned yet are taken for printable.
pub fn python_repr(string: &str) -> String {
    let quote = if string.contains('\'') && !string.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(string.len() + 2);
    out.push(quote);
    for character in string.chars() {
        push_character(character, quote, &mut out);
    }
    out.push(quote);
    out
}

fn push_character(character: char, quote: char, out: &mut String) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if character == quote => out.extend(['\\', quote]),
        _ if is_printable(character) => out.push(character),
        _ => {
            let code = u32::from(character);
            // Writing to a string cannot fail.
            let _ = match code {
                0..=0xff => write!(out, "\\x{code:02x}"),
                0x100..=0xffff => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Python's `str.isprintable`: no control or format characters, no separators but the blank, nothing of private use.
fn is_printable(character: char) -> bool {
    !NOT_PRINTABLE
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&u32::from(character)))
}

/// Ranges of assigned code points for which `str.isprintable` of Python 3.11 is false, and those that are never assigned.
const NOT_PRINTABLE: &[(u32, u32)] = &[
    (0x0, 0x1f),
    (0x7f, 0xa0),
    (0xad, 0xad),
    (0x600, 0x605),
    (0x61c, 0x61c),
    (0x6dd, 0x6dd),
    (0x70f, 0x70f),
    (0x890, 0x891),
    (0x8e2, 0x8e2),
    (0x1680, 0x1680),
    (0x180e, 0x180e),
    (0x2000, 0x200f),
    (0x2028, 0x202f),
    (0x205f, 0x2064),
    (0x2066, 0x206f),
    (0x3000, 0x3000),
    (0xe000, 0xf8ff),
    (0xfdd0, 0xfdef),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0xfffe, 0xffff),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x13438),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0x1fffe, 0x1ffff),
    (0x2fffe, 0x2ffff),
    (0x3fffe, 0x3ffff),
    (0x4fffe, 0x4ffff),
    (0x5fffe, 0x5ffff),
    (0x6fffe, 0x6ffff),
    (0x7fffe, 0x7ffff),
    (0x8fffe, 0x8ffff),
    (0x9fffe, 0x9ffff),
    (0xafffe, 0xaffff),
    (0xbfffe, 0xbffff),
    (0xcfffe, 0xcffff),
    (0xdfffe, 0xdffff),
    (0xe0001, 0xe0001),
    (0xe0020, 0xe007f),
    (0xefffe, 0x10ffff),
];

/// A list of names as Python prints it: `['a', 'b']`.
pub fn python_list<Name: Display>(names: impl IntoIterator<Item = Name>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| python_repr(&name.to_string())).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{python_list, python_repr};

    #[test]
    fn strings_are_quoted_as_python_does() {
        let check = |string: &str, expected: &str| assert_eq!(python_repr(string), expected);
        check("", "''");
        check("it's", r#""it's""#);
        check(r#"it's "so""#, r#"'it\'s "so"'"#);
        check("a\\b\n\t\r", r"'a\\b\n\t\r'");
        check("\0\x1b\x7f\u{85}", r"'\x00\x1b\x7f\x85'");
        check("größe 😀 e\u{301}", "'größe 😀 e\u{301}'");
        check(
            "\u{a0}\u{200b}\u{feff}\u{e000}\u{e0001}",
            r"'\xa0\u200b\ufeff\ue000\U000e0001'",
        );
        assert_eq!(python_list(["a", "it's"]), r#"['a', "it's"]"#);
    }
}
