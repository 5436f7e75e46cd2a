//! `re.Match` and `re.Pattern`.

use super::Method;
use crate::native::of_pattern;
use crate::pattern::part;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, Stop, raised, unknown};
use crate::value::{Dict, ExceptionClass, Match, Value};

pub(super) const METHODS: &[(&str, Method)] = &[
    ("end", |run, object, arguments| {
        place(run, object, arguments, |(_, end)| Value::Int(end))
    }),
    ("group", group),
    ("groupdict", groupdict),
    ("groups", groups),
    ("span", |run, object, arguments| {
        place(run, object, arguments, |(start, end)| {
            Value::tuple(vec![Value::Int(start), Value::Int(end)])
        })
    }),
    ("start", |run, object, arguments| {
        place(run, object, arguments, |(start, _)| Value::Int(start))
    }),
];

pub(super) const PATTERN_METHODS: &[(&str, Method)] = &[
    ("findall", |run, object, arguments| {
        of_pattern(run, object, "findall", arguments)
    }),
    ("finditer", |run, object, arguments| {
        of_pattern(run, object, "finditer", arguments)
    }),
    ("fullmatch", |run, object, arguments| {
        of_pattern(run, object, "fullmatch", arguments)
    }),
    ("match", |run, object, arguments| {
        of_pattern(run, object, "match", arguments)
    }),
    ("search", |run, object, arguments| {
        of_pattern(run, object, "search", arguments)
    }),
    ("split", |run, object, arguments| {
        of_pattern(run, object, "split", arguments)
    }),
    ("sub", |run, object, arguments| {
        of_pattern(run, object, "sub", arguments)
    }),
];

fn match_of(object: &Value) -> Outcome<&Match> {
    match object {
        Value::Match(found) => Ok(found),
        _ => Err(unknown("this is no match")),
    }
}

fn no_such_group() -> Stop {
    raised(ExceptionClass::of("IndexError"), "no such group")
}

/// The number of a group, by it or by its name.
fn number_of(found: &Match, key: &Value) -> Outcome<usize> {
    let number = match key {
        Value::Int(number) => usize::try_from(*number).ok(),
        Value::Text(name) => {
            let mut names = found.pattern.names();
            names.find(|(known, _)| **known == **name).map(|(_, number)| number)
        }
        _ => return Err(unknown("this group is not known here")),
    };
    number
        .filter(|number| *number <= found.pattern.groups())
        .ok_or_else(no_such_group)
}

fn text_of(run: &mut Run, found: &Match, group: usize) -> Outcome {
    let text = part(&found.text, &found.spans, group);
    run.hold(text.map_or(0, str::len))?;
    Ok(text.map_or(Value::None, Value::text))
}

/// `found[key]`.
pub(crate) fn match_item(run: &mut Run, found: &Match, key: &Value) -> Outcome {
    let group = number_of(found, key)?;
    text_of(run, found, group)
}

fn group(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let found = match_of(object)?;
    if !arguments.named.is_empty() {
        return Err(unknown("this group is not known here"));
    }
    match arguments.positional.as_slice() {
        [] => text_of(run, found, 0),
        [key] => match_item(run, found, key),
        several => {
            run.make(several.len())?;
            let texts = several.iter().map(|key| match_item(run, found, key));
            texts.collect::<Outcome<Vec<Value>>>().map(Value::tuple)
        }
    }
}

fn groups(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let found = match_of(object)?;
    run.make(found.pattern.groups())?;
    let texts = (1..=found.pattern.groups()).map(|group| text_of(run, found, group));
    texts.collect::<Outcome<Vec<Value>>>().map(Value::tuple)
}

fn groupdict(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let found = match_of(object)?;
    run.make(found.pattern.groups().saturating_mul(2))?;
    let mut dict = Dict::default();
    for (name, group) in found.pattern.names() {
        dict.insert(Value::text(name), text_of(run, found, group)?);
    }
    Ok(Value::dict(dict))
}

/// Where a group starts and ends, counted in characters; -1 of one that was not met.
fn place(run: &mut Run, object: &Value, arguments: Arguments, give: fn((i64, i64)) -> Value) -> Outcome {
    let [group] = arguments.bind(["group"])?;
    let found = match_of(object)?;
    let group = group.map_or(Ok(0), |key| number_of(found, &key))?;
    run.step(found.text.len() / 8)?;
    let characters = |bytes: usize| {
        let before = found.text.get(..bytes).unwrap_or_default();
        i64::try_from(before.chars().count()).unwrap_or(i64::MAX)
    };
    let span = found.spans.get(group).copied().flatten();
    Ok(give(
        span.map_or((-1, -1), |(start, end)| (characters(start), characters(end))),
    ))
}
