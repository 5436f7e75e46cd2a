//! Patterns of names: Python's `re.fullmatch`.
//!
//! Most of them are a name, or the beginning of one and `.*`, and are compared as such. The others go through
//! `feast-python-patterns`, which takes only syntax that Python reads alike; what it does not take matches nothing.

use fancy_regex::{Regex, RegexBuilder};
use feast_python_patterns::{Purpose, translate};

/// Steps of a pattern that looks around. Names are short: one that takes more is made to take long.
const MAX_STEPS: usize = 100_000;
/// What a compiled pattern may take, and what searching with it may beside that.
const MAX_BYTES: usize = 1 << 20;

/// A pattern that can be used.
#[derive(Debug)]
pub(crate) enum Pattern {
    Name(String),
    Prefix(String),
    Regex {
        regex: Regex,
        /// Python and this pattern may differ for some texts.
        limits: Limits,
    },
}

/// For which names a pattern means the same here and in Python.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Which characters are letters, digits or the same in another case depends on the version of Unicode.
    only_ascii: bool,
    /// `$` is also before a last end of a line.
    no_newline: bool,
}

/// It is not known whether Python would find a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undecided;

impl Pattern {
    /// `None` for one that this binary cannot read as Python does.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let is_plain = |text: &str| {
            let is_plain = |character: char| character.is_alphanumeric() || "_- @#:,/".contains(character);
            text.chars().all(is_plain)
        };
        if is_plain(pattern) {
            return Some(Self::Name(pattern.to_owned()));
        }
        if let Some(prefix) = pattern.strip_suffix(".*").filter(|prefix| is_plain(prefix)) {
            return Some(Self::Prefix(prefix.to_owned()));
        }
        let translated = translate(pattern, false, Purpose::Match).ok()?;
        let case = if translated.ignores_case { "(?i)" } else { "" };
        let regex = RegexBuilder::new(&format!(r"{case}\A(?:{})\z", translated.pattern))
            .backtrack_limit(MAX_STEPS)
            .delegate_size_limit(MAX_BYTES)
            .delegate_dfa_size_limit(MAX_BYTES)
            .build()
            .ok()?;
        let limits = Limits {
            only_ascii: translated.has_classes || translated.has_boundaries || translated.ignores_case,
            no_newline: translated.has_end,
        };
        Some(Self::Regex { regex, limits })
    }

    /// Whether the whole name is a match.
    pub(crate) fn matches(&self, name: &str) -> Result<bool, Undecided> {
        match self {
            Self::Name(known) => Ok(known == name),
            // `.` does not match the end of a line.
            Self::Prefix(prefix) => Ok(name.strip_prefix(prefix).is_some_and(|rest| !rest.contains('\n'))),
            Self::Regex { regex, limits } => {
                let differs = limits.only_ascii && !name.is_ascii() || limits.no_newline && name.ends_with('\n');
                if differs {
                    return Err(Undecided);
                }
                regex.is_match(name).map_err(|_| Undecided)
            }
        }
    }
}
