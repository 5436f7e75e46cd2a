//! Methods of strings.

use std::rc::Rc;

use crate::context::Site;
use crate::value::{CallArguments, MAX_WIDTH, Value, brace_format, format_spec};

/// `None` when the answer is not known.
pub(super) fn call(text: &str, name: &str, arguments: &CallArguments, site: Site<'_>) -> Option<Value> {
    // A string may be put between the characters of another, or take the place of each.
    let mut sizes = arguments.positional.iter().map(|argument| site.size(argument));
    if matches!(name, "join" | "replace") && text.len().saturating_mul(sizes.by_ref().sum()) > site.max_text_bytes() {
        return None;
    }
    match name {
        "format" => brace_format(text, arguments, site.max_text_bytes()).map(Value::str),
        "split" | "rsplit" | "splitlines" | "partition" | "rpartition" => parts(text, name, arguments),
        "startswith" | "endswith" | "find" | "isdigit" | "count" => question(text, name, arguments),
        _ => changed(text, name, arguments),
    }
}

fn parts(text: &str, name: &str, arguments: &CallArguments) -> Option<Value> {
    let argument = |index: usize| arguments.positional.get(index);
    let text_at = |index: usize| argument(index).and_then(Value::as_str);
    Some(match (name, arguments.positional.len()) {
        ("split", 0) => Value::list(text.split_whitespace().map(Value::str).collect()),
        ("split", 1) => {
            let separator = text_at(0).filter(|separator| !separator.is_empty())?;
            Value::list(text.split(&*separator).map(Value::str).collect())
        }
        ("split", 2) => match (text_at(0).filter(|separator| !separator.is_empty())?, argument(1)?) {
            (separator, Value::Int(count)) => {
                let parts = usize::try_from(*count).map_or(usize::MAX, |count| count.saturating_add(1));
                Value::list(text.splitn(parts, &*separator).map(Value::str).collect())
            }
            _ => return None,
        },
        ("rsplit", 2) => match (text_at(0).filter(|separator| !separator.is_empty())?, argument(1)?) {
            (separator, Value::Int(count)) => {
                let parts = usize::try_from(*count).map_or(usize::MAX, |count| count.saturating_add(1));
                let mut parts: Vec<Value> = text.rsplitn(parts, &*separator).map(Value::str).collect();
                parts.reverse();
                Value::list(parts)
            }
            _ => return None,
        },
        ("partition", 1) => {
            let separator = text_at(0)?;
            let (before, after) = text.split_once(&*separator)?;
            Value::tuple(vec![Value::str(before), Value::str(separator), Value::str(after)])
        }
        ("rpartition", 1) => {
            let separator = text_at(0)?;
            let (before, after) = text.rsplit_once(&*separator)?;
            Value::tuple(vec![Value::str(before), Value::str(separator), Value::str(after)])
        }
        ("splitlines", 0) => Value::list(text.lines().map(Value::str).collect()),
        _ => return None,
    })
}

fn question(text: &str, name: &str, arguments: &CallArguments) -> Option<Value> {
    let argument = |index: usize| arguments.positional.get(index);
    let text_at = |index: usize| argument(index).and_then(Value::as_str);
    Some(match (name, arguments.positional.len()) {
        ("startswith" | "endswith", 1) if matches!(argument(0), Some(Value::Tuple(_))) => {
            let parts = argument(0)?.items()?;
            let parts = parts.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
            let fits = |part: &Rc<str>| {
                if name == "startswith" {
                    text.starts_with(&**part)
                } else {
                    text.ends_with(&**part)
                }
            };
            Value::Bool(parts.iter().any(fits))
        }
        ("startswith", 1) => Value::Bool(text.starts_with(&*text_at(0)?)),
        ("endswith", 1) => Value::Bool(text.ends_with(&*text_at(0)?)),
        ("find", 1) => match text.find(&*text_at(0)?) {
            Some(position) => Value::count(text[..position].chars().count()),
            None => Value::Int(-1),
        },
        ("isdigit", 0) => Value::Bool(!text.is_empty() && text.chars().all(|character| character.is_ascii_digit())),
        ("count", 1) => Value::count(text.matches(&*text_at(0).filter(|part| !part.is_empty())?).count()),
        _ => return None,
    })
}

fn changed(text: &str, name: &str, arguments: &CallArguments) -> Option<Value> {
    let argument = |index: usize| arguments.positional.get(index);
    let text_at = |index: usize| argument(index).and_then(Value::as_str);
    let trimmed = |trim: fn(&str, &dyn Fn(char) -> bool) -> String| {
        let characters = text_at(0);
        Value::str(trim(text, &|character| match &characters {
            Some(characters) => characters.contains(character),
            None => character.is_whitespace(),
        }))
    };
    Some(match (name, arguments.positional.len()) {
        ("lower" | "casefold", 0) => Value::str(text.to_lowercase()),
        ("upper", 0) => Value::str(text.to_uppercase()),
        ("title", 0) => Value::str(capitalized(text, true)),
        ("capitalize", 0) => Value::str(capitalized(text, false)),
        ("strip", 0 | 1) => trimmed(|text, drop| text.trim_matches(drop).to_owned()),
        ("lstrip", 0 | 1) => trimmed(|text, drop| text.trim_start_matches(drop).to_owned()),
        ("rstrip", 0 | 1) => trimmed(|text, drop| text.trim_end_matches(drop).to_owned()),
        ("replace", 2) => Value::str(text.replace(&*text_at(0)?, &text_at(1)?)),
        ("replace", 3) => match argument(2)? {
            Value::Int(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                Value::str(text.replacen(&*text_at(0)?, &text_at(1)?, count))
            }
            _ => return None,
        },
        ("swapcase", 0) => Value::str(text.chars().flat_map(swapped).collect::<String>()),
        ("removeprefix", 1) => Value::str(text.strip_prefix(&*text_at(0)?).unwrap_or(text)),
        ("removesuffix", 1) => Value::str(text.strip_suffix(&*text_at(0)?).unwrap_or(text)),
        ("join", 1) => {
            let items = argument(0)?.items()?;
            let strings = items.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
            Value::str(strings.join(text))
        }
        ("zfill", 1) => match argument(0)? {
            Value::Int(width) => {
                let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
                let width = usize::try_from(*width)
                    .ok()
                    .filter(|width| *width <= MAX_WIDTH)?
                    .saturating_sub(sign.len());
                Value::str(format!("{sign}{digits:0>width$}"))
            }
            _ => return None,
        },
        ("ljust" | "rjust" | "center", 1) => {
            let align = match name {
                "ljust" => "<",
                "rjust" => ">",
                _ => "^",
            };
            match argument(0)? {
                Value::Int(width) => Value::str(format_spec(&Value::str(text), &format!("{align}{}", width.max(&0)))?),
                _ => return None,
            }
        }
        _ => return None,
    })
}

fn swapped(character: char) -> Vec<char> {
    if character.is_uppercase() {
        character.to_lowercase().collect()
    } else {
        character.to_uppercase().collect()
    }
}

fn capitalized(text: &str, each_word: bool) -> String {
    let mut answer = String::with_capacity(text.len());
    let mut at_start = true;
    for character in text.chars() {
        if at_start {
            answer.extend(character.to_uppercase());
        } else {
            answer.extend(character.to_lowercase());
        }
        at_start = each_word && !character.is_alphabetic();
    }
    answer
}
