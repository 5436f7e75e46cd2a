//! A grammar as a table of texts, and the trees that are grown from it.
//!
//! In a text `@N` is a hole for anything of the kind `N`. Kinds are single letters: small ones are constants, capital ones are
//! expressions. A tree remembers its holes, so that it can be made smaller.

use std::collections::BTreeMap;

use feast_fixtures::Random;

/// For each kind what may be there.
pub(crate) type Rules = &'static [(char, &'static [&'static str])];

/// A text with holes, and what is in them.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    text: String,
    pub(crate) operands: Vec<Node>,
}

/// What trees are grown from.
pub(crate) struct Grammar {
    pub(crate) rules: Rules,
    /// Kinds that may stand for one another, so that operations meet what they are not made for.
    pub(crate) mixed: &'static [char],
    /// Names that have a value, by kind.
    pub(crate) names: BTreeMap<char, Vec<String>>,
}

impl Grammar {
    pub(crate) fn name(&mut self, kind: char, name: &str) {
        self.names.entry(kind).or_default().push(name.to_owned());
    }

    /// A text with its holes filled.
    pub(crate) fn fill(&self, random: &mut Random, text: &str, depth: usize) -> Node {
        let operands = holes(text).map(|kind| self.grow(random, kind, depth)).collect();
        Node {
            text: text.to_owned(),
            operands,
        }
    }

    /// Anything of a kind, not deeper than this.
    pub(crate) fn grow(&self, random: &mut Random, kind: char, depth: usize) -> Node {
        let is_other = self.mixed.contains(&kind) && random.below(16) == 0;
        let kind = if is_other { one_of(random, self.mixed) } else { kind };
        let names = self.names.get(&kind).map_or(&[][..], Vec::as_slice);
        if !names.is_empty() && (depth == 0 || random.below(4) == 0) {
            return Node::leaf(&names[random.below(names.len())]);
        }
        let rules = self.rules.iter().find(|(of, _)| *of == kind);
        let (_, rules) = rules.unwrap_or_else(|| panic!("the grammar has no {kind}"));
        let flat: Vec<&str>;
        let is_flat = |text: &&&str| holes(text).all(|kind| kind.is_lowercase());
        let rules = match depth {
            0 => {
                flat = rules.iter().filter(is_flat).copied().collect();
                if flat.is_empty() { *rules } else { &flat }
            }
            _ => *rules,
        };
        let text = one_of(random, rules);
        self.fill(random, text, depth.saturating_sub(1))
    }
}

impl Node {
    pub(crate) fn leaf(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            operands: Vec::new(),
        }
    }

    /// The text with all holes filled.
    pub(crate) fn render(&self) -> String {
        let mut rendered = String::new();
        let mut operands = self.operands.iter();
        let mut rest = self.text.as_str();
        while let Some(at) = rest.find('@') {
            rendered.push_str(&rest[..at]);
            rest = &rest[at + 2..];
            let operand = operands.next().map(Self::render).unwrap_or_default();
            match stands_alone(&rendered, rest) || is_simple(&operand, rest) {
                true => rendered.push_str(&operand),
                false => rendered.extend(["(", &operand, ")"]),
            }
        }
        rendered.push_str(rest);
        rendered
    }

    /// The text with its holes.
    pub(crate) fn shape(&self) -> &str {
        &self.text
    }

    /// All trees that are smaller by one step: an operand in place of the whole, or an operand made smaller.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = self.operands.clone();
        all.extend(self.smaller_inside());
        all
    }

    /// As [`Self::smaller`], with this text kept.
    pub(crate) fn smaller_inside(&self) -> Vec<Self> {
        let inside = self.operands.iter().enumerate().flat_map(|(at, operand)| {
            operand.smaller().into_iter().map(move |smaller| {
                let mut whole = self.clone();
                whole.operands[at] = smaller;
                whole
            })
        });
        inside.collect()
    }
}

/// The kinds of the holes of a text.
fn holes(text: &str) -> impl Iterator<Item = char> + '_ {
    text.split('@').skip(1).filter_map(|rest| rest.chars().next())
}

pub(crate) fn one_of<T: Copy>(random: &mut Random, items: &[T]) -> T {
    items[random.below(items.len())]
}

/// Whether what is between these needs no brackets.
fn stands_alone(before: &str, after: &str) -> bool {
    let before = before.trim_end_matches(' ');
    let is_open = before.is_empty()
        || before.ends_with(['(', '[', '{', ','])
        || before.ends_with(" =")
        || before.ends_with("return");
    let is_argument = before.ends_with('=') && !before.ends_with("==");
    let closes = after.is_empty() || after.starts_with([',', ')', ']', '}', '\n']);
    (is_open || is_argument) && closes
}

/// Whether it needs no brackets before this: a name, a number, a text, an operator, or a call.
fn is_simple(text: &str, after: &str) -> bool {
    if text.chars().all(|letter| "+-*/%=!<>&|^".contains(letter)) {
        return true;
    }
    if text.starts_with(['-', '~'])
        || (after.starts_with('.') && text.starts_with(|first: char| first.is_ascii_digit()))
    {
        return false;
    }
    let (mut depth, mut quote) = (0, None);
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ' ') if depth == 0 => return false,
            (None, _) => {}
        }
    }
    true
}
