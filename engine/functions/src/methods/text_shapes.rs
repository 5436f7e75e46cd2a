//! `series.str`: what makes other texts of texts, with parts added, taken away or replaced.

use super::characters::is_space;
use super::text_of::{flag, is_special, literal, map, no_objects, text_in, texts};
use super::text_patterns;
use crate::column::{Column, Data};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// Where a text is filled up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Both,
}

pub(super) fn pad(run: &mut Run, object: &Value, arguments: Arguments, side: Side) -> Outcome {
    let [width, fill] = arguments.bind(["width", "fillchar"])?;
    padded(run, object, width, fill, side)
}

pub(super) fn pad_side(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [width, side, fill] = arguments.bind(["width", "side", "fillchar"])?;
    let side = match side.as_ref().map(text_in) {
        None | Some(Some("left")) => Side::Left,
        Some(Some("right")) => Side::Right,
        Some(Some("both")) => Side::Both,
        Some(_) => return Err(unknown("this side is not known here")),
    };
    padded(run, object, width, fill, side)
}

fn width_of(width: Option<Value>) -> Outcome<usize> {
    match width {
        Some(Value::Int(width)) => Ok(usize::try_from(width).unwrap_or(0)),
        _ => Err(unknown("a width that is no integer is not known here")),
    }
}

fn padded(run: &mut Run, object: &Value, width: Option<Value>, fill: Option<Value>, side: Side) -> Outcome {
    let width = width_of(width)?;
    let fill = match fill.as_ref().map(text_in) {
        None => ' ',
        Some(Some(fill)) => match (fill.chars().next(), fill.chars().nth(1)) {
            (Some(fill), None) => fill,
            _ => return Err(unknown("a filling of several characters is not known here")),
        },
        Some(None) => return Err(unknown("this filling is not known here")),
    };
    map(texts(run, object)?, no_objects(), |text| {
        let missing = width.saturating_sub(text.chars().count());
        let left = match side {
            Side::Left => missing,
            Side::Right => 0,
            // As CPython: the odd one is left of a text in an odd width.
            Side::Both => missing / 2 + (missing & width & 1),
        };
        pay(run, missing.saturating_mul(fill.len_utf8()))?;
        let fill = |count: usize| std::iter::repeat_n(fill, count);
        Ok(Value::text(
            fill(left)
                .chain(text.chars())
                .chain(fill(missing - left))
                .collect::<String>(),
        ))
    })
}

/// For bytes that are about to be made.
fn pay(run: &mut Run, bytes: usize) -> Outcome<()> {
    run.step(bytes / 8)?;
    run.hold(bytes)
}

/// Zeros come after a sign.
pub(super) fn zfill(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [width] = arguments.bind(["width"])?;
    let width = width_of(width)?;
    map(texts(run, object)?, no_objects(), |text| {
        let missing = width.saturating_sub(text.chars().count());
        pay(run, missing)?;
        let (sign, rest) = text.split_at(usize::from(text.starts_with(['+', '-'])));
        Ok(Value::text([sign, &"0".repeat(missing), rest].concat()))
    })
}

pub(super) fn repeat(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [times] = arguments.bind(["repeats"])?;
    let times = match times {
        Some(Value::Int(times)) => usize::try_from(times).unwrap_or(0),
        _ => return Err(unknown("repeating so often is not known here")),
    };
    map(texts(run, object)?, no_objects(), |text| {
        pay(run, text.len().saturating_mul(times))?;
        Ok(Value::text(text.repeat(if text.is_empty() { 0 } else { times })))
    })
}

pub(super) fn strip(run: &mut Run, object: &Value, arguments: Arguments, at_start: bool, at_end: bool) -> Outcome {
    let [characters] = arguments.bind(["to_strip"])?;
    let characters = match &characters {
        None | Some(Value::None) => None,
        Some(Value::Text(characters)) if characters.chars().count() <= 64 => Some(characters),
        Some(_) => return Err(unknown("stripping this is not known here")),
    };
    let is_stripped = |character: char| characters.map_or_else(|| is_space(character), |all| all.contains(character));
    let values = texts(run, object)?;
    map(values, no_objects(), |text| {
        run.step(characters.map_or(0, |_| text.len()))?;
        let text = if at_start {
            text.trim_start_matches(is_stripped)
        } else {
            text
        };
        Ok(Value::text(if at_end {
            text.trim_end_matches(is_stripped)
        } else {
            text
        }))
    })
}

pub(super) fn replace(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [pattern, replacement, limit, case, flags, regex] =
        arguments.bind(["pat", "repl", "n", "case", "flags", "regex"])?;
    let is_regular = flag(regex.as_ref(), false)?;
    let (Some(pattern), Some(Value::Text(with))) = (pattern, replacement) else {
        return Err(unknown("replacing by this is not known here"));
    };
    let has_case = flag(case.as_ref(), true)?;
    if is_regular && (is_special(&pattern) || with.contains('\\') || !has_case || flags.is_some() || limit.is_some()) {
        let how = text_patterns::Replacement {
            pattern: &pattern,
            with: &with,
            limit: limit.as_ref(),
            has_case,
            flags: flags.as_ref(),
        };
        return text_patterns::replace(run, object, &how);
    }
    if case.is_some() || flags.is_some() || !matches!(limit, None | Some(Value::Int(-1))) {
        return Err(unknown("replacing in this way is not known here"));
    }
    let pattern = literal(&pattern, is_regular)?;
    map(texts(run, object)?, no_objects(), |text| {
        pay(run, text.matches(pattern).count().saturating_mul(with.len()))?;
        Ok(Value::text(text.replace(pattern, &with)))
    })
}

/// Lists of parts.
pub(super) fn split(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [pattern, limit, expand, regex] = arguments.bind(["pat", "n", "expand", "regex"])?;
    if flag(expand.as_ref(), false)? || !matches!(limit, None | Some(Value::Int(-1 | 0))) {
        return Err(unknown("splitting in this way is not known here"));
    }
    let values = texts(run, object)?;
    let Some(pattern) = pattern.filter(|pattern| !matches!(pattern, Value::None)) else {
        return map(values, no_objects(), |text| {
            let parts: Vec<&str> = text.split(is_space).filter(|part| !part.is_empty()).collect();
            run.make(parts.len() + 1)?;
            Ok(Value::list(parts.into_iter().map(Value::text).collect()))
        });
    };
    // A pattern of one character is never a regular expression, unless that is asked for.
    let is_short = text_in(&pattern).is_some_and(|text| text.chars().count() == 1);
    let is_regular = flag(regex.as_ref(), !is_short)?;
    if is_regular && is_special(&pattern) {
        return text_patterns::split(run, object, &pattern);
    }
    let pattern = literal(&pattern, is_regular)?;
    map(values, no_objects(), |text| {
        run.make(text.matches(pattern).count() + 2)?;
        Ok(Value::list(text.split(pattern).map(Value::text).collect()))
    })
}

/// One text of all of them, or each with that of another column beside it.
pub(super) fn cat(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [others, separator, filling] = arguments.bind(["others", "sep", "na_rep"])?;
    let text_or = |value: Option<Value>| match value {
        None | Some(Value::None) => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(unknown("`.str.cat` with this is not known here")),
    };
    let separator = text_or(separator)?.unwrap_or_else(|| "".into());
    let filling = text_or(filling)?;
    let values = texts(run, object)?;
    let extra = separator.len() + filling.as_ref().map_or(0, |text| text.len().saturating_mul(2));
    pay(run, values.len().saturating_mul(extra))?;
    let text_of = |value: &Value| {
        text_in(value)
            .map(str::to_owned)
            .or_else(|| filling.as_ref().map(|text| text.to_string()))
    };
    match others {
        None | Some(Value::None) => {
            let parts: Vec<String> = values.iter().filter_map(text_of).collect();
            Ok(Value::text(parts.join(&separator)))
        }
        Some(Value::Series(other)) if other.len() == values.len() && !values.is_empty() => {
            let other = Value::TextOf(other);
            let beside = texts(run, &other)?;
            let both = values
                .iter()
                .zip(beside)
                .map(|(left, right)| match (text_of(left), text_of(right)) {
                    (Some(left), Some(right)) => Value::text([&*left, &separator, &right].concat()),
                    _ => Value::Float(f64::NAN),
                });
            Ok(Value::series(Column::from(Data::Object(both.collect()))))
        }
        Some(_) => Err(unknown("`.str.cat` with this is not known here")),
    }
}
