//! What replaces a match: `\1`, `\g<name>` and the text between them.

use super::{Pattern, Spans, part};
use crate::stop::{Outcome, unknown};

/// A replacement that was read.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Group(usize),
}

impl Template {
    /// # Errors
    /// Unknown for escapes that are not written down here, and for groups that the pattern has not.
    pub(crate) fn parse(text: &str, pattern: &Pattern) -> Outcome<Self> {
        let not_known = || unknown("this replacement is not known here");
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\\') {
            plain.push_str(before);
            let mut characters = after.chars();
            let group = match characters.next() {
                Some('\\') => {
                    plain.push('\\');
                    None
                }
                Some('n') => {
                    plain.push('\n');
                    None
                }
                Some(digit @ '1'..='9') if !characters.as_str().starts_with(|next: char| next.is_ascii_digit()) => {
                    digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok())
                }
                Some('g') => {
                    let (name, after) = characters
                        .as_str()
                        .strip_prefix('<')
                        .and_then(|after| after.split_once('>'))
                        .ok_or_else(not_known)?;
                    characters = after.chars();
                    Some(group_of(name, pattern).ok_or_else(not_known)?)
                }
                _ => return Err(not_known()),
            };
            if let Some(group) = group {
                if group > pattern.groups() {
                    return Err(not_known());
                }
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Group(group));
            }
            rest = characters.as_str();
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// The replacement of a match. A group that was not met is empty.
    pub(crate) fn fill(&self, text: &str, spans: &Spans) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(plain) => plain.as_str(),
            Piece::Group(group) => part(text, spans, *group).unwrap_or_default(),
        });
        pieces.collect()
    }
}

fn group_of(name: &str, pattern: &Pattern) -> Option<usize> {
    match !name.is_empty() && name.len() < 4 && name.bytes().all(|byte| byte.is_ascii_digit()) {
        true => name.parse().ok(),
        false => pattern
            .names()
            .find(|(known, _)| *known == name)
            .map(|(_, number)| number),
    }
}
