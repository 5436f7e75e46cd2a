//! Regular expressions of Python, run by the crate `regex`.
//!
//! Both look for the leftmost match and prefer earlier alternatives, so they find the same for the syntax that `feast-python-patterns` takes.
//! What they do differently is refused: for a pattern, or for the texts to which it would matter. The crate has no backtracking, so a
//! search takes time in proportion to the text and the size of the pattern.

mod template;

use std::rc::Rc;

use feast_python_patterns::{MORE_WORDS, Purpose, Translated, translate};
use regex::{Regex, RegexBuilder};

pub(crate) use template::Template;

use crate::methods::check_characters;
use crate::program::Text;
use crate::run::Run;
use crate::stop::{Outcome, unknown};

/// What a compiled pattern may take.
const MAX_BYTES: usize = 1 << 20;
/// What searching with it may take beside that.
const MAX_CACHE_BYTES: usize = 1 << 19;
/// Patterns that a run keeps.
const MAX_KEPT: usize = 32;

/// Where a match must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Anywhere,
    FromStart,
    All,
}

#[derive(Debug)]
pub(crate) struct Pattern {
    /// As Python has it.
    pub(crate) text: Text,
    pub(crate) ignores_case: bool,
    reach: Reach,
    facts: Translated,
    regex: Regex,
}

/// The places of a match and of its groups, in bytes.
pub(crate) type Spans = Vec<Option<(usize, usize)>>;

/// Patterns that were compiled in this run.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Vec<Rc<Pattern>>);

impl Patterns {
    fn find(&self, text: &str, ignores_case: bool, reach: Reach) -> Option<Rc<Pattern>> {
        let is_same =
            |known: &&Rc<Pattern>| *known.text == *text && known.ignores_case == ignores_case && known.reach == reach;
        self.0.iter().find(is_same).map(Rc::clone)
    }
}

/// The pattern that a text says.
///
/// # Errors
/// Unknown for patterns that may mean something else to Python.
pub(crate) fn compile(run: &mut Run, text: &str, ignores_case: bool, reach: Reach) -> Outcome<Rc<Pattern>> {
    run.step(1 + text.len() / 32)?;
    if let Some(known) = run.patterns.find(text, ignores_case, reach) {
        return Ok(known);
    }
    let facts = translate(text, ignores_case, Purpose::Groups).map_err(|problem| unknown(problem.to_string()))?;
    run.step(1000 + facts.size * 50)?;
    run.hold(1 << 16)?;
    let anchored = match reach {
        Reach::Anywhere => facts.pattern.clone(),
        Reach::FromStart => format!(r"\A(?:{})", facts.pattern),
        Reach::All => format!(r"\A(?:{})\z", facts.pattern),
    };
    let regex = RegexBuilder::new(&anchored)
        .case_insensitive(facts.ignores_case)
        .size_limit(MAX_BYTES)
        .dfa_size_limit(MAX_CACHE_BYTES)
        .nest_limit(60)
        .build()
        .map_err(|_| unknown("this regular expression is not known here"))?;
    let pattern = Rc::new(Pattern {
        text: text.into(),
        ignores_case,
        reach,
        facts,
        regex,
    });
    if run.patterns.0.len() < MAX_KEPT {
        run.patterns.0.push(Rc::clone(&pattern));
    }
    Ok(pattern)
}

impl Pattern {
    /// So many groups, besides the whole.
    pub(crate) fn groups(&self) -> usize {
        self.facts.groups.len()
    }

    /// The names of groups that have one, with their numbers.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        let groups = self.facts.groups.iter().zip(1..);
        groups.filter_map(|(name, number)| Some((name.as_deref()?, number)))
    }

    /// Pays for a search, and refuses texts that Python may read in another way.
    fn check(&self, run: &mut Run, text: &str) -> Outcome<()> {
        run.step(4 + text.len().saturating_mul(1 + self.facts.size / 16) / 2)?;
        if self.facts.has_classes {
            check_characters(text)?;
        }
        if self.facts.has_boundaries && text.contains(MORE_WORDS) {
            return Err(unknown("the ends of words in such a text are not known here"));
        }
        if self.facts.has_end && text.ends_with('\n') {
            return Err(unknown("`$` before the end of a line is not known here"));
        }
        if self.facts.ignores_case && text.contains(['\u{130}', '\u{131}', '\u{17f}', '\u{212a}']) {
            return Err(unknown("these characters in any case are not known here"));
        }
        Ok(())
    }

    pub(crate) fn is_match(&self, run: &mut Run, text: &str) -> Outcome<bool> {
        self.check(run, text)?;
        Ok(self.regex.is_match(text))
    }

    /// The first match.
    pub(crate) fn find(&self, run: &mut Run, text: &str) -> Outcome<Option<Spans>> {
        self.check(run, text)?;
        run.make(self.groups() + 1)?;
        Ok(self.spans(text, 0))
    }

    fn spans(&self, text: &str, from: usize) -> Option<Spans> {
        let captures = self.regex.captures_at(text, from)?;
        let spans = captures
            .iter()
            .map(|group| group.map(|group| (group.start(), group.end())));
        Some(spans.collect())
    }

    /// All matches, up to a count.
    ///
    /// # Errors
    /// Unknown for patterns that match nothing at all: Python and the crate go on from there in different ways.
    pub(crate) fn find_all(&self, run: &mut Run, text: &str, count: usize) -> Outcome<Vec<Spans>> {
        if self.facts.may_be_empty || self.reach != Reach::Anywhere {
            return Err(unknown(
                "all matches of a pattern that may match nothing are not known here",
            ));
        }
        self.check(run, text)?;
        let (mut all, mut from) = (Vec::new(), 0);
        while all.len() < count {
            run.step(4 + (text.len() - from).saturating_mul(1 + self.facts.size / 16) / 32)?;
            let Some(spans) = self.spans(text, from) else { break };
            run.make(self.groups() + 4)?;
            from = spans.first().copied().flatten().map_or(text.len(), |(_, end)| end);
            all.push(spans);
        }
        Ok(all)
    }
}

/// The text of a group; `None` of one that was not met.
pub(crate) fn part<'a>(text: &'a str, spans: &Spans, group: usize) -> Option<&'a str> {
    let (start, end) = spans.get(group).copied().flatten()?;
    text.get(start..end)
}
