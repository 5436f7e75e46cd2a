//! `re`: functions of the module, and the methods of patterns that do the same.

use std::rc::Rc;

use super::Native;
use crate::pattern::{self, Pattern, Reach, Spans, Template, part};
use crate::program::Text;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::{Match, Value};

pub(super) static FUNCTIONS: &[Native] = &[
    Native::function("re.I", flag),
    Native::function("re.IGNORECASE", flag),
    Native::function("re.compile", compile),
    Native::function("re.findall", |run, arguments| {
        let [pattern, text, flags] = arguments.bind(["pattern", "string", "flags"])?;
        find_all(run, pattern, text, flags, Gives::Texts)
    }),
    Native::function("re.finditer", |run, arguments| {
        let [pattern, text, flags] = arguments.bind(["pattern", "string", "flags"])?;
        find_all(run, pattern, text, flags, Gives::Matches)
    }),
    Native::function("re.fullmatch", |run, arguments| find(run, arguments, Reach::All)),
    Native::function("re.match", |run, arguments| find(run, arguments, Reach::FromStart)),
    Native::function("re.search", |run, arguments| find(run, arguments, Reach::Anywhere)),
    Native::function("re.split", |run, arguments| {
        let [pattern, text, most, flags] = arguments.bind(["pattern", "string", "maxsplit", "flags"])?;
        split(run, pattern, text, most, flags)
    }),
    Native::function("re.sub", |run, arguments| {
        let [pattern, with, text, count, flags] = arguments.bind(["pattern", "repl", "string", "count", "flags"])?;
        substitute(run, pattern, with, text, count, flags)
    }),
];

fn flag(_: &mut Run, _: Arguments) -> Outcome {
    Err(unknown("a flag is no function"))
}

/// What `findall` and `finditer` give of each match.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    Texts,
    Matches,
}

/// Whether flags say that case is ignored, the only one that is known.
///
/// # Errors
/// Unknown for others.
pub(crate) fn ignores_case(flags: Option<&Value>) -> Outcome<bool> {
    match flags {
        None | Some(Value::Int(0)) => Ok(false),
        Some(Value::Native(native)) if matches!(native.name, "re.I" | "re.IGNORECASE") => Ok(true),
        Some(_) => Err(unknown("these flags of a regular expression are not known here")),
    }
}

fn missing() -> Stop {
    unknown("it is called with fewer arguments than are known here")
}

/// The pattern that an argument says or is.
fn pattern_of(run: &mut Run, value: Option<Value>, flags: Option<&Value>, reach: Reach) -> Outcome<Rc<Pattern>> {
    match value.ok_or_else(missing)? {
        Value::Text(text) => {
            let ignores_case = ignores_case(flags)?;
            pattern::compile(run, &text, ignores_case, reach)
        }
        Value::Pattern(pattern) if flags.is_none() => pattern::compile(run, &pattern.text, pattern.ignores_case, reach),
        _ => Err(unknown("this as a regular expression is not known here")),
    }
}

fn text_of(value: Option<Value>) -> Outcome<Text> {
    match value.ok_or_else(missing)? {
        Value::Text(text) => Ok(text),
        other @ (Value::None
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Dict(_)
        | Value::Tuple(_)) => Err(type_error(format!(
            "expected string or bytes-like object, got '{}'",
            other.type_name()
        ))),
        _ => Err(unknown("searching in this is not known here")),
    }
}

fn compile(run: &mut Run, arguments: Arguments) -> Outcome {
    let [text, flags] = arguments.bind(["pattern", "flags"])?;
    let is_text = matches!(text, Some(Value::Text(_)));
    match is_text {
        true => pattern_of(run, text, flags.as_ref(), Reach::Anywhere).map(Value::Pattern),
        false => Err(unknown("this as a regular expression is not known here")),
    }
}

fn find(run: &mut Run, arguments: Arguments, reach: Reach) -> Outcome {
    let [pattern, text, flags] = arguments.bind(["pattern", "string", "flags"])?;
    let pattern = pattern_of(run, pattern, flags.as_ref(), reach)?;
    let text = text_of(text)?;
    Ok(match pattern.find(run, &text)? {
        Some(spans) => Value::Match(Rc::new(Match { text, pattern, spans })),
        None => Value::None,
    })
}

/// What `findall` has of a match: the only group, all of them, or the whole.
///
/// # Errors
/// When it has made too much.
pub(crate) fn found(run: &mut Run, text: &str, spans: &Spans) -> Outcome {
    let group = |number: usize| Value::text(part(text, spans, number).unwrap_or_default());
    let (start, end) = spans.first().copied().flatten().unwrap_or_default();
    run.hold((end - start).saturating_mul(spans.len()))?;
    Ok(match spans.len() {
        0 | 1 => group(0),
        2 => group(1),
        count => Value::tuple((1..count).map(group).collect()),
    })
}

fn find_all(run: &mut Run, pattern: Option<Value>, text: Option<Value>, flags: Option<Value>, gives: Gives) -> Outcome {
    let pattern = pattern_of(run, pattern, flags.as_ref(), Reach::Anywhere)?;
    let text = text_of(text)?;
    let all = pattern.find_all(run, &text, usize::MAX)?;
    let mut values = Vec::with_capacity(all.len());
    for spans in all {
        values.push(match gives {
            Gives::Texts => found(run, &text, &spans)?,
            Gives::Matches => Value::Match(Rc::new(Match {
                text: Text::clone(&text),
                pattern: Rc::clone(&pattern),
                spans,
            })),
        });
    }
    Ok(match gives {
        Gives::Texts => Value::list(values),
        Gives::Matches => Value::iterator(values),
    })
}

/// How many at most; all for 0.
fn count_of(value: Option<Value>) -> Outcome<usize> {
    match value {
        None | Some(Value::Int(0)) => Ok(usize::MAX),
        Some(Value::Int(count)) => usize::try_from(count).map_err(|_| unknown("a negative count is not known here")),
        Some(_) => Err(unknown("this count is not known here")),
    }
}

fn split(
    run: &mut Run,
    pattern: Option<Value>,
    text: Option<Value>,
    most: Option<Value>,
    flags: Option<Value>,
) -> Outcome {
    let pattern = pattern_of(run, pattern, flags.as_ref(), Reach::Anywhere)?;
    let text = text_of(text)?;
    parts_of(run, &pattern, &text, count_of(most)?).map(Value::list)
}

/// What is between the matches, and their groups.
///
/// # Errors
/// When it has made too much, and unknown as [`Pattern::find_all`].
pub(crate) fn parts_of(run: &mut Run, pattern: &Pattern, text: &str, most: usize) -> Outcome<Vec<Value>> {
    let (mut parts, mut from) = (Vec::new(), 0);
    run.hold(text.len())?;
    for spans in pattern.find_all(run, text, most)? {
        let (start, end) = spans.first().copied().flatten().unwrap_or_default();
        parts.push(Value::text(text.get(from..start).unwrap_or_default()));
        for group in 1..spans.len() {
            let group = part(text, &spans, group);
            run.hold(group.map_or(0, str::len))?;
            parts.push(group.map_or(Value::None, Value::text));
        }
        from = end;
    }
    parts.push(Value::text(text.get(from..).unwrap_or_default()));
    run.make(parts.len().saturating_mul(2))?;
    Ok(parts)
}

fn substitute(
    run: &mut Run,
    pattern: Option<Value>,
    with: Option<Value>,
    text: Option<Value>,
    count: Option<Value>,
    flags: Option<Value>,
) -> Outcome {
    let pattern = pattern_of(run, pattern, flags.as_ref(), Reach::Anywhere)?;
    let count = count_of(count)?;
    match with.ok_or_else(missing)? {
        Value::Text(with) => {
            let template = Template::parse(&with, &pattern)?;
            let text = text_of(text)?;
            replaced(run, &pattern, &text, count, |_, spans| Ok(template.fill(&text, spans))).map(Value::text)
        }
        function @ Value::Function(_) => {
            let text = text_of(text)?;
            let made = replaced(run, &pattern, &text, count, |run, spans| {
                let found = Value::Match(Rc::new(Match {
                    text: Text::clone(&text),
                    pattern: Rc::clone(&pattern),
                    spans: spans.clone(),
                }));
                match run.call(&function, Arguments::positional(vec![found]))? {
                    Value::Text(part) => Ok(part.to_string()),
                    _ => Err(unknown("a replacement that is no text is not known here")),
                }
            });
            made.map(Value::text)
        }
        _ => Err(unknown("replacing by this is not known here")),
    }
}

/// The text with matches replaced.
///
/// # Errors
/// When it has made too much, and unknown as [`Pattern::find_all`].
pub(crate) fn replaced(
    run: &mut Run,
    pattern: &Pattern,
    text: &str,
    count: usize,
    mut with: impl FnMut(&mut Run, &Spans) -> Outcome<String>,
) -> Outcome<String> {
    let (mut made, mut from) = (String::new(), 0);
    run.hold(text.len().saturating_mul(2))?;
    for spans in pattern.find_all(run, text, count)? {
        let (start, end) = spans.first().copied().flatten().unwrap_or_default();
        let with = with(run, &spans)?;
        run.step(1 + with.len() / 8)?;
        run.hold(with.len().saturating_mul(2))?;
        made.push_str(text.get(from..start).unwrap_or_default());
        made.push_str(&with);
        from = end;
    }
    made.push_str(text.get(from..).unwrap_or_default());
    Ok(made)
}

/// A method of a pattern: the function of that name.
pub(crate) fn of_pattern(run: &mut Run, object: &Value, name: &str, arguments: Arguments) -> Outcome {
    let pattern = Some(object.clone());
    match name {
        "fullmatch" | "match" | "search" => {
            let [text] = arguments.exactly(["string"])?;
            let reach = match name {
                "fullmatch" => Reach::All,
                "match" => Reach::FromStart,
                _ => Reach::Anywhere,
            };
            find(run, Arguments::positional(vec![object.clone(), text]), reach)
        }
        "findall" | "finditer" => {
            let [text] = arguments.exactly(["string"])?;
            let gives = if name == "findall" {
                Gives::Texts
            } else {
                Gives::Matches
            };
            find_all(run, pattern, Some(text), None, gives)
        }
        "split" => {
            let [text, most] = arguments.bind(["string", "maxsplit"])?;
            split(run, pattern, text, most, None)
        }
        "sub" => {
            let [with, text, count] = arguments.bind(["repl", "string", "count"])?;
            substitute(run, pattern, with, text, count, None)
        }
        _ => Err(unknown(format!("the method `{name}` of a pattern is not known here"))),
    }
}
