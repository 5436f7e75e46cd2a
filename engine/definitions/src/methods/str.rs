//! Methods of strings.

use std::rc::Rc;

use crate::context::Site;
use crate::value::{CallArguments, MAX_WIDTH, Value, brace_format, format_spec};

/// `None` when the result is not known.
pub(super) fn call(string: &str, name: &str, arguments: &CallArguments, site: Site<'_>) -> Option<Value> {
    // A string may be put between the characters of another, or take the place of each.
    let mut sizes = arguments.positional.iter().map(|argument| site.size(argument));
    if matches!(name, "join" | "replace") && string.len().saturating_mul(sizes.by_ref().sum()) > site.max_text_bytes() {
        return None;
    }
    match name {
        "format" => brace_format(string, arguments, site.max_text_bytes()).map(Value::str),
        "split" | "rsplit" | "splitlines" | "partition" | "rpartition" => parts(string, name, arguments),
        "startswith" | "endswith" | "find" | "isdigit" | "count" => question(string, name, arguments),
        _ => changed(string, name, arguments),
    }
}

fn parts(string: &str, name: &str, arguments: &CallArguments) -> Option<Value> {
    let argument = |index: usize| arguments.positional.get(index);
    let str_at = |index: usize| argument(index).and_then(Value::as_str);
    Some(match (name, arguments.positional.len()) {
        ("split", 0) => Value::list(string.split_whitespace().map(Value::str).collect()),
        ("split", 1) => {
            let separator = str_at(0).filter(|separator| !separator.is_empty())?;
            Value::list(string.split(&*separator).map(Value::str).collect())
        }
        ("split", 2) => match (str_at(0).filter(|separator| !separator.is_empty())?, argument(1)?) {
            (separator, Value::Int(count)) => {
                let parts = usize::try_from(*count).map_or(usize::MAX, |count| count.saturating_add(1));
                Value::list(string.splitn(parts, &*separator).map(Value::str).collect())
            }
            _ => return None,
        },
        ("rsplit", 2) => match (str_at(0).filter(|separator| !separator.is_empty())?, argument(1)?) {
            (separator, Value::Int(count)) => {
                let parts = usize::try_from(*count).map_or(usize::MAX, |count| count.saturating_add(1));
                let mut parts: Vec<Value> = string.rsplitn(parts, &*separator).map(Value::str).collect();
                parts.reverse();
                Value::list(parts)
            }
            _ => return None,
        },
        ("partition", 1) => {
            let separator = str_at(0)?;
            let (before, after) = string.split_once(&*separator)?;
            Value::tuple(vec![Value::str(before), Value::str(separator), Value::str(after)])
        }
        ("rpartition", 1) => {
            let separator = str_at(0)?;
            let (before, after) = string.rsplit_once(&*separator)?;
            Value::tuple(vec![Value::str(before), Value::str(separator), Value::str(after)])
        }
        ("splitlines", 0) => Value::list(string.lines().map(Value::str).collect()),
        _ => return None,
    })
}

fn question(string: &str, name: &str, arguments: &CallArguments) -> Option<Value> {
    let argument = |index: usize| arguments.positional.get(index);
    let str_at = |index: usize| argument(index).and_then(Value::as_str);
    Some(match (name, arguments.positional.len()) {
        ("startswith" | "endswith", 1) if matches!(argument(0), Some(Value::Tuple(_))) => {
            let parts = argument(0)?.items()?;
            let parts = parts.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
            let fits = |part: &Rc<str>| {
                if name == "startswith" {
                    string.starts_with(&**part)
                } else {
                    string.ends_with(&**part)
                }
            };
            Value::Bool(parts.iter().any(fits))
        }
        ("startswith", 1) => Value::Bool(string.starts_with(&*str_at(0)?)),
        ("endswith", 1) => Value::Bool(string.ends_with(&*str_at(0)?)),
        ("find", 1) => match string.find(&*str_at(0)?) {
            Some(position) => Value::count(string[..position].chars().count()),
            None => Value::Int(-1),
        },
        ("isdigit", 0) => Value::Bool(!string.is_empty() && string.chars().all(|character| character.is_ascii_digit())),
        ("count", 1) => Value::count(string.matches(&*str_at(0).filter(|part| !part.is_empty())?).count()),
        _ => return None,
    })
}

fn changed(string: &str, name: &str, arguments: &CallArguments) -> Option<Value> {
    let argument = |index: usize| arguments.positional.get(index);
    let str_at = |index: usize| argument(index).and_then(Value::as_str);
    let trimmed = |trim: fn(&str, &dyn Fn(char) -> bool) -> String| {
        let characters = str_at(0);
        Value::str(trim(string, &|character| match &characters {
            Some(characters) => characters.contains(character),
            None => character.is_whitespace(),
        }))
    };
    Some(match (name, arguments.positional.len()) {
        ("lower" | "casefold", 0) => Value::str(string.to_lowercase()),
        ("upper", 0) => Value::str(string.to_uppercase()),
        ("title", 0) => Value::str(capitalized(string, true)),
        ("capitalize", 0) => Value::str(capitalized(string, false)),
        ("strip", 0 | 1) => trimmed(|string, drop| string.trim_matches(drop).to_owned()),
        ("lstrip", 0 | 1) => trimmed(|string, drop| string.trim_start_matches(drop).to_owned()),
        ("rstrip", 0 | 1) => trimmed(|string, drop| string.trim_end_matches(drop).to_owned()),
        ("replace", 2) => Value::str(string.replace(&*str_at(0)?, &str_at(1)?)),
        ("replace", 3) => match argument(2)? {
            Value::Int(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                Value::str(string.replacen(&*str_at(0)?, &str_at(1)?, count))
            }
            _ => return None,
        },
        ("swapcase", 0) => Value::str(string.chars().flat_map(swapped).collect::<String>()),
        ("removeprefix", 1) => Value::str(string.strip_prefix(&*str_at(0)?).unwrap_or(string)),
        ("removesuffix", 1) => Value::str(string.strip_suffix(&*str_at(0)?).unwrap_or(string)),
        ("join", 1) => {
            let items = argument(0)?.items()?;
            let strings = items.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
            Value::str(strings.join(string))
        }
        ("zfill", 1) => match argument(0)? {
            Value::Int(width) => {
                let (sign, digits) = string.split_at(usize::from(string.starts_with(['+', '-'])));
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
                Value::Int(width) => {
                    Value::str(format_spec(&Value::str(string), &format!("{align}{}", width.max(&0)))?)
                }
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

fn capitalized(string: &str, each_word: bool) -> String {
    let mut result = String::with_capacity(string.len());
    let mut at_start = true;
    for character in string.chars() {
        if at_start {
            result.extend(character.to_uppercase());
        } else {
            result.extend(character.to_lowercase());
        }
        at_start = each_word && !character.is_alphabetic();
    }
    result
}
