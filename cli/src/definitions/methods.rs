//! Methods of texts, lists, dicts, paths, times and views.

use std::collections::BTreeMap;

use ruff_text_size::TextRange;

use super::object::Thing;
use super::operators::order;
use super::scope::Scope;
use super::value::{CallArguments, Value, put};
use super::{Evaluated, feast, library};

/// Whether a method changes the value it is called on.
pub(super) fn changes(object: &Value, name: &str) -> bool {
    match object {
        Value::List(_) => {
            matches!(
                name,
                "append" | "extend" | "insert" | "pop" | "remove" | "sort" | "reverse" | "clear"
            )
        }
        Value::Dict(_) => matches!(name, "update" | "setdefault" | "pop" | "clear" | "popitem"),
        _ => false,
    }
}

/// `None` when the answer is not known.
pub(super) fn call(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    scope.spend(range, object.size(1_000_000))?;
    match object {
        Value::Text(text) => Ok(of_text(text, name, arguments)),
        Value::List(_) => of_list(object, name, arguments, range, scope),
        Value::Dict(_) => of_dict(object, name, arguments, range, scope),
        Value::Set(items) => Ok(match (name, arguments.positional.first()) {
            ("union", Some(other)) => other
                .items()
                .map(|other| Value::set([items.as_slice(), &other].concat())),
            ("copy", None) => Some(object.clone()),
            _ => None,
        }),
        Value::Duration(micros) if name == "total_seconds" => Ok(Some(Value::Float(*micros as f64 / 1e6))),
        Value::Moment(micros) => Ok(of_moment(*micros, name, arguments)),
        Value::File(path) if name == "read" => {
            library::read_text(path, range, scope).map(|text| Some(Value::text(text)))
        }
        Value::Path(path) if name == "read_text" => {
            library::read_text(&library::absolute(path, scope), range, scope).map(|text| Some(Value::text(text)))
        }
        Value::Path(path) if name == "open" => Ok(Some(Value::File(std::rc::Rc::from(library::absolute(path, scope))))),
        Value::Path(path) => Ok(of_path(path, name, arguments, scope)),
        Value::Object(known) => {
            let Some(projection) = known.projection() else {
                return Ok(None);
            };
            let named = arguments.named.first().map(|(_, value)| value);
            let Some(argument) = arguments.positional.first().or(named) else {
                return Ok(None);
            };
            let mut projection = projection;
            match name {
                "with_name" => {
                    let Some(alias) = argument.as_text() else {
                        return Ok(None);
                    };
                    projection.projection.alias = Some(alias.to_string());
                }
                "with_join_key_map" => {
                    let Some(keys) = text_members(argument) else {
                        return Ok(None);
                    };
                    projection.projection.join_key_map = keys;
                }
                _ => return Ok(None),
            }
            Ok(Some(feast::object(Thing::Projection(projection), range, scope)))
        }
        _ => Ok(None),
    }
}

fn text_members(value: &Value) -> Option<BTreeMap<String, String>> {
    let Value::Dict(members) = value else { return None };
    let members = members.borrow();
    let pairs = members
        .iter()
        .map(|(key, value)| Some((key.as_text()?.to_string(), value.as_text()?.to_string())));
    pairs.collect()
}

fn of_text(text: &str, name: &str, arguments: &CallArguments) -> Option<Value> {
    let argument = |index: usize| arguments.positional.get(index);
    let text_at = |index: usize| argument(index).and_then(Value::as_text);
    let trimmed = |trim: fn(&str, &dyn Fn(char) -> bool) -> String| {
        let characters = text_at(0);
        Value::text(trim(text, &|character| match &characters {
            Some(characters) => characters.contains(character),
            None => character.is_whitespace(),
        }))
    };
    Some(match (name, arguments.positional.len()) {
        ("lower" | "casefold", 0) => Value::text(text.to_lowercase()),
        ("upper", 0) => Value::text(text.to_uppercase()),
        ("title", 0) => Value::text(capitalized(text, true)),
        ("capitalize", 0) => Value::text(capitalized(text, false)),
        ("strip", 0 | 1) => trimmed(|text, drop| text.trim_matches(drop).to_owned()),
        ("lstrip", 0 | 1) => trimmed(|text, drop| text.trim_start_matches(drop).to_owned()),
        ("rstrip", 0 | 1) => trimmed(|text, drop| text.trim_end_matches(drop).to_owned()),
        ("replace", 2) => Value::text(text.replace(&*text_at(0)?, &text_at(1)?)),
        ("replace", 3) => match argument(2)? {
            Value::Integer(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                Value::text(text.replacen(&*text_at(0)?, &text_at(1)?, count))
            }
            _ => return None,
        },
        ("swapcase", 0) => Value::text(text.chars().flat_map(swapped).collect::<String>()),
        ("startswith", 1) => Value::Bool(text.starts_with(&*text_at(0)?)),
        ("endswith", 1) => Value::Bool(text.ends_with(&*text_at(0)?)),
        ("removeprefix", 1) => Value::text(text.strip_prefix(&*text_at(0)?).unwrap_or(text)),
        ("removesuffix", 1) => Value::text(text.strip_suffix(&*text_at(0)?).unwrap_or(text)),
        ("split", 0) => Value::list(text.split_whitespace().map(Value::text).collect()),
        ("split", 1) => {
            let separator = text_at(0).filter(|separator| !separator.is_empty())?;
            Value::list(text.split(&*separator).map(Value::text).collect())
        }
        ("split", 2) => match (text_at(0).filter(|separator| !separator.is_empty())?, argument(1)?) {
            (separator, Value::Integer(most)) => {
                let most = usize::try_from(*most).map_or(usize::MAX, |most| most.saturating_add(1));
                Value::list(text.splitn(most, &*separator).map(Value::text).collect())
            }
            _ => return None,
        },
        ("splitlines", 0) => Value::list(text.lines().map(Value::text).collect()),
        ("join", 1) => {
            let items = argument(0)?.items()?;
            let texts = items.iter().map(Value::as_text).collect::<Option<Vec<_>>>()?;
            Value::text(texts.join(text))
        }
        ("format", _) => Value::text(braces_formatted(text, arguments)?),
        ("zfill", 1) => match argument(0)? {
            Value::Integer(width) => Value::text(format!(
                "{text:0>width$}",
                width = usize::try_from(*width).ok()?.min(1_000)
            )),
            _ => return None,
        },
        ("isdigit", 0) => Value::Bool(!text.is_empty() && text.chars().all(|character| character.is_ascii_digit())),
        ("count", 1) => Value::count(text.matches(&*text_at(0).filter(|part| !part.is_empty())?).count()),
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

/// `days`, `seconds` and `microseconds` of a `timedelta`, which are normalized as in Python.
pub(super) fn duration_attribute(micros: i64, name: &str) -> Option<Value> {
    const DAY: i64 = 86_400_000_000;
    let rest = micros.rem_euclid(DAY);
    Some(Value::Integer(match name {
        "days" => micros.div_euclid(DAY),
        "seconds" => rest / 1_000_000,
        "microseconds" => rest % 1_000_000,
        _ => return None,
    }))
}

fn of_moment(micros: i64, name: &str, arguments: &CallArguments) -> Option<Value> {
    // `2026-05-17 08:30:00+00:00`
    let text = feast_engine::model::Timestamp::from_micros(micros).to_python();
    let (date, time) = (text.get(..10)?, text.get(11..19)?);
    match (name, arguments.positional.first()) {
        ("isoformat", None) if micros % 1_000_000 == 0 => Some(Value::text(format!("{date}T{time}"))),
        ("strftime", Some(Value::Text(form))) => {
            let mut answer = String::new();
            let mut characters = form.chars();
            while let Some(character) = characters.next() {
                if character != '%' {
                    answer.push(character);
                    continue;
                }
                answer.push_str(match characters.next()? {
                    'Y' => &date[..4],
                    'm' => &date[5..7],
                    'd' => &date[8..],
                    'H' => &time[..2],
                    'M' => &time[3..5],
                    'S' => &time[6..],
                    'F' => date,
                    'T' => time,
                    '%' => "%",
                    _ => return None,
                });
            }
            Some(Value::text(answer))
        }
        _ => None,
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
        at_start = each_word && !character.is_alphanumeric();
    }
    answer
}

fn of_list(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    let Value::List(items) = object else { return Ok(None) };
    Ok(match (name, arguments.positional.as_slice()) {
        ("append", [item]) => {
            items.borrow_mut().push(item.clone());
            Some(Value::None)
        }
        ("extend", [more]) => {
            let Some(more) = more.items() else {
                return Err(scope.limit(
                    range,
                    format!(
                        "what `{}` adds to the list cannot be known without running Python",
                        scope.text(range)
                    ),
                ));
            };
            items.borrow_mut().extend(more);
            Some(Value::None)
        }
        ("insert", [Value::Integer(index), item]) => {
            let mut items = items.borrow_mut();
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let position = if *index < 0 {
                index.saturating_add(length)
            } else {
                *index
            };
            items.insert(usize::try_from(position.clamp(0, length)).unwrap_or(0), item.clone());
            Some(Value::None)
        }
        ("pop", [Value::Integer(index)]) => {
            let mut items = items.borrow_mut();
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let position = if *index < 0 {
                index.saturating_add(length)
            } else {
                *index
            };
            let position = usize::try_from(position)
                .ok()
                .filter(|position| *position < items.len());
            Some(items.remove(position.ok_or_else(|| scope.raise(range, "IndexError", "pop index out of range"))?))
        }
        ("pop", []) => {
            let last = items.borrow_mut().pop();
            Some(last.ok_or_else(|| scope.raise(range, "IndexError", "pop from empty list"))?)
        }
        ("remove", [item]) => {
            let position = items.borrow().iter().position(|known| known == item);
            let missing = || scope.raise(range, "ValueError", "list.remove(x): x not in list");
            items.borrow_mut().remove(position.ok_or_else(missing)?);
            Some(Value::None)
        }
        ("clear", []) => {
            items.borrow_mut().clear();
            Some(Value::None)
        }
        ("reverse", []) => {
            items.borrow_mut().reverse();
            Some(Value::None)
        }
        ("sort", []) if arguments.named.is_empty() => {
            let known = items.borrow().clone();
            if known.windows(2).any(|pair| order(&pair[0], &pair[1]).is_none()) {
                return Err(scope.limit(range, "the order of these items cannot be known without running Python"));
            }
            items
                .borrow_mut()
                .sort_by(|left, right| order(left, right).unwrap_or(std::cmp::Ordering::Equal));
            Some(Value::None)
        }
        ("copy", []) => Some(Value::list(items.borrow().clone())),
        ("count", [item]) => Some(Value::count(
            items.borrow().iter().filter(|known| *known == item).count(),
        )),
        ("index", [item]) => {
            let position = items.borrow().iter().position(|known| known == item);
            Some(Value::count(position.ok_or_else(|| {
                scope.raise(range, "ValueError", "the item is not in list")
            })?))
        }
        _ if changes(object, name) => {
            return Err(scope.limit(
                range,
                format!(
                    "what `{}` does to the list cannot be known without running Python",
                    scope.text(range)
                ),
            ));
        }
        _ => None,
    })
}

fn of_dict(
    object: &Value,
    name: &str,
    arguments: &CallArguments,
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Option<Value>> {
    let Value::Dict(members) = object else { return Ok(None) };
    let find = |key: &Value| {
        members
            .borrow()
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.clone())
    };
    let default = |index: usize| arguments.positional.get(index).cloned().unwrap_or(Value::None);
    Ok(match (name, arguments.positional.as_slice()) {
        ("items", []) => {
            let members = members.borrow();
            let pairs = members
                .iter()
                .map(|(key, value)| Value::tuple(vec![key.clone(), value.clone()]));
            Some(Value::list(pairs.collect()))
        }
        ("keys", []) => object.items().map(Value::list),
        ("values", []) => Some(Value::list(
            members.borrow().iter().map(|(_, value)| value.clone()).collect(),
        )),
        ("get", [Value::Opaque(_), ..]) => None,
        ("get", [key] | [key, _]) => Some(find(key).unwrap_or_else(|| default(1))),
        ("copy", []) => Some(Value::dict(members.borrow().clone())),
        ("setdefault", [key] | [key, _]) => Some(find(key).unwrap_or_else(|| {
            put(&mut members.borrow_mut(), key.clone(), default(1));
            default(1)
        })),
        ("pop", [key] | [key, _]) => {
            let found = find(key);
            if found.is_none() && arguments.positional.len() == 1 {
                return Err(scope.raise(range, "KeyError", key.to_text().unwrap_or_default()));
            }
            members.borrow_mut().retain(|(known, _)| known != key);
            Some(found.unwrap_or_else(|| default(1)))
        }
        ("update", rest) if rest.len() <= 1 => {
            let added = match rest.first() {
                None => Vec::new(),
                Some(Value::Dict(other)) => other.borrow().clone(),
                Some(_) => {
                    return Err(scope.limit(
                        range,
                        format!(
                            "what `{}` adds to the dict cannot be known without running Python",
                            scope.text(range)
                        ),
                    ));
                }
            };
            let named = arguments
                .named
                .iter()
                .map(|(name, value)| (Value::text(name), value.clone()));
            for (key, value) in added.into_iter().chain(named) {
                put(&mut members.borrow_mut(), key, value);
            }
            Some(Value::None)
        }
        ("clear", []) => {
            members.borrow_mut().clear();
            Some(Value::None)
        }
        _ if changes(object, name) => {
            return Err(scope.limit(
                range,
                format!(
                    "what `{}` does to the dict cannot be known without running Python",
                    scope.text(range)
                ),
            ));
        }
        _ => None,
    })
}

fn of_path(path: &str, name: &str, arguments: &CallArguments, scope: &Scope) -> Option<Value> {
    let text_at = |index: usize| match arguments.positional.get(index)? {
        Value::Path(path) => Some(std::rc::Rc::clone(path)),
        other => other.as_text(),
    };
    let absolute = || library::absolute(path, scope);
    Some(match (name, arguments.positional.len()) {
        ("resolve" | "absolute", 0) => Value::path(absolute()),
        ("as_posix" | "__str__", 0) => Value::text(path),
        ("joinpath", count) => {
            let parts: Option<Vec<_>> = (0..count).map(text_at).collect();
            let parts = parts?;
            let all: Vec<&str> = std::iter::once(path).chain(parts.iter().map(|part| &**part)).collect();
            Value::path(joined_path(&all))
        }
        ("exists", 0) => Value::Bool(std::path::Path::new(&absolute()).exists()),
        ("is_file", 0) => Value::Bool(std::path::Path::new(&absolute()).is_file()),
        ("is_dir", 0) => Value::Bool(std::path::Path::new(&absolute()).is_dir()),
        ("with_suffix", 1) => {
            let suffix = text_at(0)?;
            let path = std::path::Path::new(path);
            let name = path.file_stem()?.to_string_lossy().into_owned() + &suffix;
            Value::path(path.with_file_name(name).to_string_lossy())
        }
        ("with_name", 1) => Value::path(
            std::path::Path::new(path)
                .with_file_name(&*text_at(0)?)
                .to_string_lossy(),
        ),
        ("relative_to", 1) => {
            let start = text_at(0)?;
            Value::path(std::path::Path::new(path).strip_prefix(&*start).ok()?.to_string_lossy())
        }
        // Effects on the file system reach no definition.
        ("mkdir" | "touch", _) => Value::None,
        _ => return None,
    })
}

/// Attributes of a path that are no methods.
pub(super) fn path_attribute(path: &str, name: &str) -> Option<Value> {
    let parsed = std::path::Path::new(path);
    let text =
        |part: Option<&std::ffi::OsStr>| Value::text(part.map(|part| part.to_string_lossy()).unwrap_or_default());
    Some(match name {
        "parent" => Value::path(match parsed.parent() {
            None => path.to_owned(),
            Some(parent) if parent.as_os_str().is_empty() => ".".to_owned(),
            Some(parent) => parent.to_string_lossy().into_owned(),
        }),
        "parents" => {
            let parents = parsed.ancestors().skip(1).map(|parent| match parent.to_string_lossy() {
                text if text.is_empty() => Value::path("."),
                text => Value::path(text),
            });
            Value::tuple(parents.collect())
        }
        "name" => text(parsed.file_name()),
        "stem" => text(parsed.file_stem()),
        "suffix" => match parsed.extension() {
            Some(extension) => Value::text(format!(".{}", extension.to_string_lossy())),
            None => Value::text(""),
        },
        "parts" => Value::tuple(
            parsed
                .components()
                .map(|part| Value::text(part.as_os_str().to_string_lossy()))
                .collect(),
        ),
        _ => return None,
    })
}

/// Joins paths as `pathlib` does: an absolute one starts anew, single dots and doubled slashes go.
pub(super) fn joined_path(parts: &[&str]) -> String {
    let joined: std::path::PathBuf = parts.iter().collect();
    let cleaned: std::path::PathBuf = joined
        .components()
        .filter(|component| !matches!(component, std::path::Component::CurDir))
        .collect();
    if cleaned.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        cleaned.to_string_lossy().into_owned()
    }
}

/// `format(value, spec)` for the usual specs; `None` for the rest.
pub(super) fn formatted(value: &Value, spec: &str) -> Option<String> {
    const WIDEST: usize = 1_000;
    if spec.is_empty() {
        return value.to_text();
    }
    let (align, rest) = match spec.as_bytes() {
        [b'<' | b'>' | b'^', ..] => (spec.chars().next(), &spec[1..]),
        _ => (None, spec),
    };
    let (fill, rest) = match rest.strip_prefix('0') {
        Some(rest) if align.is_none() => ('0', rest),
        _ => (' ', rest),
    };
    let digits = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let width: usize = if digits == 0 { 0 } else { rest[..digits].parse().ok()? };
    let text = match (&rest[digits..], value) {
        ("" | "d", Value::Integer(number)) => number.to_string(),
        (",", Value::Integer(number)) => with_thousands(*number),
        ("" | "s", Value::Text(text)) if fill == ' ' => text.to_string(),
        (precision, Value::Float(_) | Value::Integer(_)) => {
            let is_percent = precision.ends_with('%');
            let places: usize = precision.strip_prefix('.')?.strip_suffix(['f', '%'])?.parse().ok()?;
            let number = match value {
                Value::Float(number) => *number,
                Value::Integer(number) => *number as f64,
                _ => return None,
            };
            if is_percent {
                format!("{:.places$}%", number * 100.0, places = places.min(100))
            } else {
                format!("{number:.places$}", places = places.min(100))
            }
        }
        _ => return None,
    };
    let padding = width.min(WIDEST).saturating_sub(text.chars().count());
    let is_text = matches!(value, Value::Text(_));
    Some(match align.unwrap_or(if is_text { '<' } else { '>' }) {
        '<' => text + &" ".repeat(padding),
        '^' => format!("{}{text}{}", " ".repeat(padding / 2), " ".repeat(padding - padding / 2)),
        _ if fill == '0' && text.starts_with('-') => format!("-{}{}", "0".repeat(padding), &text[1..]),
        _ => fill.to_string().repeat(padding) + &text,
    })
}

fn with_thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut answer = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            answer.push(',');
        }
        answer.push(digit);
    }
    if number < 0 { format!("-{answer}") } else { answer }
}

/// `"{} {name}".format(...)` with plain fields; `None` for the rest.
fn braces_formatted(form: &str, arguments: &CallArguments) -> Option<String> {
    let mut answer = String::new();
    let mut rest = form;
    let mut next = 0;
    while let Some(position) = rest.find(['{', '}']) {
        answer.push_str(&rest[..position]);
        let brace = &rest[position..];
        if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
            answer.push_str(&brace[..1]);
            rest = after;
            continue;
        }
        let end = brace.find('}').filter(|end| *end > 0)?;
        let (field, spec) = brace[1..end].split_once(':').unwrap_or((&brace[1..end], ""));
        let value = match (field, field.parse::<usize>()) {
            ("", _) => {
                next += 1;
                arguments.positional.get(next - 1)
            }
            (_, Ok(index)) => arguments.positional.get(index),
            (name, Err(_)) => arguments
                .named
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value),
        };
        answer.push_str(&formatted(value?, spec)?);
        rest = &brace[end + 1..];
    }
    answer.push_str(rest);
    Some(answer)
}

/// `"%s_%d" % (...)` with plain fields; `None` for the rest.
pub(super) fn percent_formatted(form: &str, arguments: &Value) -> Option<String> {
    let mut values = match arguments {
        Value::Tuple(items) => items.to_vec(),
        other => vec![other.clone()],
    }
    .into_iter();
    let mut answer = String::new();
    let mut characters = form.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            answer.push(character);
            continue;
        }
        let kind = characters.next()?;
        if kind == '%' {
            answer.push('%');
            continue;
        }
        match (kind, values.next()?) {
            ('s', value) => answer.push_str(&value.to_text()?),
            ('d' | 'i', Value::Integer(number)) => answer.push_str(&number.to_string()),
            _ => return None,
        }
    }
    values.next().is_none().then_some(answer)
}
