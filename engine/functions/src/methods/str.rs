//! `str`.

use super::Method;
use super::characters::{check as check_characters, fold_case};
use super::letters::{check_known, check_simple, is_space};
use crate::column::{Column, Data};
use crate::native;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, type_error, unknown, value_error};
use crate::value::Value;

pub(super) const METHODS: &[(&str, Method)] = &[
    ("capitalize", |run, object, arguments| {
        cased(run, object, arguments, capitalized)
    }),
    ("casefold", |run, object, arguments| {
        cased(run, object, arguments, |text| {
            check_characters(text)?;
            Ok(fold_case(text))
        })
    }),
    ("center", |run, object, arguments| {
        filled(run, object, arguments, Side::Both)
    }),
    ("count", count),
    ("encode", encode),
    ("endswith", |_, object, arguments| {
        affix(object, arguments, |text, part| text.ends_with(part))
    }),
    ("find", |_, object, arguments| {
        found(object, arguments, |text, part| text.find(part))
    }),
    ("format", format),
    ("isalpha", |_, object, arguments| {
        all(object, arguments, char::is_alphabetic)
    }),
    ("isdigit", |_, object, arguments| {
        all(object, arguments, |character| {
            character.is_ascii_digit() || matches!(character, '²' | '³' | '¹')
        })
    }),
    ("isspace", |_, object, arguments| all(object, arguments, is_space)),
    ("join", join),
    ("ljust", |run, object, arguments| {
        filled(run, object, arguments, Side::Right)
    }),
    ("lower", |run, object, arguments| {
        cased(run, object, arguments, |text| {
            check_known(text)?;
            Ok(text.to_lowercase())
        })
    }),
    ("lstrip", |_, object, arguments| {
        stripped(object, arguments, true, false)
    }),
    ("partition", partition),
    ("removeprefix", |_, object, arguments| {
        without(object, arguments, |text, part| text.strip_prefix(part))
    }),
    ("removesuffix", |_, object, arguments| {
        without(object, arguments, |text, part| text.strip_suffix(part))
    }),
    ("replace", replace),
    ("rfind", |_, object, arguments| {
        found(object, arguments, |text, part| text.rfind(part))
    }),
    ("rjust", |run, object, arguments| {
        filled(run, object, arguments, Side::Left)
    }),
    ("rstrip", |_, object, arguments| {
        stripped(object, arguments, false, true)
    }),
    ("split", split),
    ("startswith", |_, object, arguments| {
        affix(object, arguments, |text, part| text.starts_with(part))
    }),
    ("strip", |_, object, arguments| stripped(object, arguments, true, true)),
    ("title", |run, object, arguments| cased(run, object, arguments, titled)),
    ("translate", translate),
    ("upper", |run, object, arguments| {
        cased(run, object, arguments, |text| {
            check_known(text)?;
            Ok(text.to_uppercase())
        })
    }),
    ("zfill", zfill),
];

fn text_of(object: &Value) -> Outcome<&str> {
    match object {
        Value::Text(text) => Ok(text),
        _ => Err(unknown("this is no text")),
    }
}

/// An argument that must be a text.
fn part_of(value: &Value) -> Outcome<&str> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(unknown("this argument of a method of a text is not known here")),
    }
}

fn cased(run: &mut Run, object: &Value, arguments: Arguments, change: fn(&str) -> Outcome<String>) -> Outcome {
    let [] = arguments.exactly([])?;
    let text = text_of(object)?;
    run.hold(text.len() * 3)?;
    run.step(text.len() / 8)?;
    change(text).map(Value::text)
}

fn capitalized(text: &str) -> Outcome<String> {
    check_simple(text)?;
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    Ok(first.chain(characters.as_str().to_lowercase().chars()).collect())
}

fn titled(text: &str) -> Outcome<String> {
    check_simple(text)?;
    let (mut titled, mut is_inside) = (String::with_capacity(text.len()), false);
    for character in text.chars() {
        match is_inside {
            true => titled.extend(character.to_lowercase()),
            false => titled.extend(character.to_uppercase()),
        }
        is_inside = character.is_lowercase() || character.is_uppercase();
    }
    Ok(titled)
}

fn all(object: &Value, arguments: Arguments, holds: fn(char) -> bool) -> Outcome {
    let [] = arguments.exactly([])?;
    let text = text_of(object)?;
    check_known(text)?;
    Ok(Value::Bool(!text.is_empty() && text.chars().all(holds)))
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
    Both,
}

fn filled(run: &mut Run, object: &Value, arguments: Arguments, side: Side) -> Outcome {
    let [width, fill] = arguments.bind(["width", "fillchar"])?;
    let width = width.as_ref().and_then(Value::as_int);
    let width = width.ok_or_else(|| unknown("this width is not known here"))?;
    let fill = fill.unwrap_or_else(|| Value::text(" "));
    let fill = part_of(&fill)?;
    if fill.chars().count() != 1 {
        return Err(type_error("The fill character must be exactly one character long"));
    }
    let text = text_of(object)?;
    let length = text.chars().count();
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(length);
    run.hold(missing.saturating_mul(fill.len()).saturating_add(text.len()))?;
    run.step(missing / 8)?;
    let before = match side {
        Side::Left => missing,
        Side::Right => 0,
        // The odd one comes first where the width is odd.
        Side::Both => missing / 2 + usize::from(missing % 2 == 1 && width % 2 == 1),
    };
    Ok(Value::text(format!(
        "{}{text}{}",
        fill.repeat(before),
        fill.repeat(missing - before)
    )))
}

fn zfill(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [width] = arguments.exactly(["width"])?;
    let width = width.as_int().ok_or_else(|| unknown("this width is not known here"))?;
    let text = text_of(object)?;
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count());
    run.hold(missing.saturating_add(text.len()))?;
    run.step(missing / 8)?;
    let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
    Ok(Value::text(format!("{sign}{}{digits}", "0".repeat(missing))))
}

fn count(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [part] = arguments.exactly(["sub"])?;
    let (text, part) = (text_of(object)?, part_of(&part)?);
    run.step(text.len() / 8)?;
    Ok(Value::count(match part.is_empty() {
        true => text.chars().count() + 1,
        false => text.matches(part).count(),
    }))
}

fn encode(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [encoding] = arguments.bind(["encoding"])?;
    match encoding {
        None => {}
        Some(Value::Text(name)) if matches!(&*name, "utf-8" | "utf8" | "UTF-8") => {}
        Some(_) => return Err(unknown("this encoding is not known here")),
    }
    let text = text_of(object)?;
    run.hold(text.len())?;
    Ok(Value::Bytes(text.as_bytes().into()))
}

fn affix(object: &Value, arguments: Arguments, holds: fn(&str, &str) -> bool) -> Outcome {
    let [part] = arguments.exactly(["prefix"])?;
    let text = text_of(object)?;
    match &part {
        Value::Tuple(parts) => {
            let mut is_one = false;
            for part in parts.iter() {
                is_one |= holds(text, part_of(part)?);
            }
            Ok(Value::Bool(is_one))
        }
        part => Ok(Value::Bool(holds(text, part_of(part)?))),
    }
}

fn found(object: &Value, arguments: Arguments, find: fn(&str, &str) -> Option<usize>) -> Outcome {
    let [part] = arguments.exactly(["sub"])?;
    let text = text_of(object)?;
    let place = find(text, part_of(&part)?).and_then(|place| text.get(..place));
    Ok(place.map_or(Value::Int(-1), |before| Value::count(before.chars().count())))
}

fn format(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let text = native::format_method(text_of(object)?, &arguments.positional, &arguments.named)?;
    run.hold(text.len())?;
    Ok(Value::text(text))
}

fn are_texts(column: &Column) -> bool {
    match &column.data {
        Data::Object(values) => values.iter().all(|value| matches!(value, Value::Text(_))),
        _ => false,
    }
}

fn join(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [items] = arguments.exactly(["iterable"])?;
    let separator = text_of(object)?;
    let items = match &items {
        Value::List(_) | Value::Tuple(_) | Value::Items(_) | Value::Text(_) => items.items()?,
        Value::Set(_) | Value::Dict(_) => items.items()?,
        Value::Iterator(_) | Value::Failing(_) => native::all_items(run, &items)?,
        // Its texts are Python's own, or are taken as such.
        Value::Array(column) if are_texts(column) => items.items()?,
        Value::None | Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
            return Err(type_error("can only join an iterable"));
        }
        _ => return Err(unknown("joining this is not known here")),
    };
    run.make(items.len())?;
    let mut text = String::new();
    for (number, item) in items.iter().enumerate() {
        let Value::Text(item) = item else {
            return Err(type_error(format!(
                "sequence item {number}: expected str instance, {} found",
                item.type_name()
            )));
        };
        run.hold(item.len() + separator.len())?;
        if number > 0 {
            text.push_str(separator);
        }
        text.push_str(item);
    }
    Ok(Value::text(text))
}

/// Each character by a dict of their numbers: to a text, another number, or nothing.
fn translate(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [table] = arguments.exactly(["table"])?;
    let Value::Dict(table) = &table else {
        return Err(unknown("translating by this is not known here"));
    };
    let (table, text) = (table.borrow(), text_of(object)?);
    run.step(text.len())?;
    let mut translated = String::with_capacity(text.len());
    run.hold(text.len())?;
    for character in text.chars() {
        match table.get(&Value::Int(i64::from(u32::from(character)))) {
            None => translated.push(character),
            Some(Value::None) => {}
            Some(Value::Text(part)) => {
                run.hold(part.len())?;
                translated.push_str(part);
            }
            Some(_) => return Err(unknown("translating to this is not known here")),
        }
    }
    Ok(Value::text(translated))
}

fn stripped(object: &Value, arguments: Arguments, at_start: bool, at_end: bool) -> Outcome {
    let [characters] = arguments.bind(["chars"])?;
    let characters = match &characters {
        None | Some(Value::None) => None,
        Some(characters) => Some(part_of(characters)?),
    };
    let is_cut = |character: char| match characters {
        None => is_space(character),
        Some(characters) => characters.contains(character),
    };
    let mut text = text_of(object)?;
    if at_start {
        text = text.trim_start_matches(is_cut);
    }
    if at_end {
        text = text.trim_end_matches(is_cut);
    }
    Ok(Value::text(text))
}

fn partition(_: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [separator] = arguments.exactly(["sep"])?;
    let (text, separator) = (text_of(object)?, part_of(&separator)?);
    if separator.is_empty() {
        return Err(value_error("empty separator"));
    }
    let parts = match text.split_once(separator) {
        Some((before, after)) => [before, separator, after],
        None => [text, "", ""],
    };
    Ok(Value::tuple(parts.map(Value::text).to_vec()))
}

/// Without what it begins or ends with.
fn without(object: &Value, arguments: Arguments, cut: for<'a> fn(&'a str, &str) -> Option<&'a str>) -> Outcome {
    let [part] = arguments.exactly(["affix"])?;
    let text = text_of(object)?;
    Ok(Value::text(cut(text, part_of(&part)?).unwrap_or(text)))
}

/// All of them, an empty one before each character and at the end.
fn replace(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [old, new] = arguments.exactly(["old", "new"])?;
    let (text, old, new) = (text_of(object)?, part_of(&old)?, part_of(&new)?);
    run.step(text.len() / 8)?;
    let count = match old.is_empty() {
        true => text.chars().count() + 1,
        false => text.matches(old).count(),
    };
    run.hold(count.saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(Value::text(text.replace(old, new)))
}

fn split(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [separator, most] = arguments.bind(["sep", "maxsplit"])?;
    let text = text_of(object)?;
    let most = match most {
        None | Some(Value::Int(-1)) => None,
        Some(most) => match most.as_int().and_then(|most| usize::try_from(most).ok()) {
            Some(most) => Some(most),
            None => return Err(unknown("this count of splits is not known here")),
        },
    };
    run.step(text.len() / 8)?;
    let parts: Vec<&str> = match (&separator, most) {
        (None | Some(Value::None), None) => text.split(is_space).filter(|part| !part.is_empty()).collect(),
        (None | Some(Value::None), Some(_)) => return Err(unknown("a count of splits at blanks is not known here")),
        (Some(separator), most) => match (part_of(separator)?, most) {
            ("", _) => return Err(value_error("empty separator")),
            (separator, None) => text.split(separator).collect(),
            (separator, Some(most)) => text.splitn(most.saturating_add(1), separator).collect(),
        },
    };
    // Each is a text of its own.
    run.make(parts.len() * 3)?;
    run.hold(text.len())?;
    Ok(Value::list(parts.into_iter().map(Value::text).collect()))
}
