//! `series.str`: texts of a column, each changed or asked by itself.
//!
//! What is missing stays what it is, and pandas then makes a column of the results by what they are: integers beside a missing value
//! are floats, flags beside one are objects. Of a column without any text it makes nothing. A pattern is known as long as it is plain
//! text.

use std::rc::Rc;

use super::characters as chars;
use super::{Table, text_patterns, text_shapes};
use crate::column::{Column, Data};
use crate::pattern::Reach;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, Stop, raised, unknown};
use crate::value::{ExceptionClass, Value};

pub(super) const METHODS: Table = &[
    ("capitalize", |run, object, arguments| {
        change(run, object, arguments, chars::capitalize)
    }),
    ("casefold", |run, object, arguments| {
        change(run, object, arguments, chars::fold_case)
    }),
    ("cat", text_shapes::cat),
    ("center", |run, object, arguments| {
        text_shapes::pad(run, object, arguments, text_shapes::Side::Both)
    }),
    ("contains", contains),
    ("count", count),
    ("encode", encode),
    ("endswith", |run, object, arguments| {
        begins(run, object, arguments, |text, part| text.ends_with(part))
    }),
    ("extract", text_patterns::extract),
    ("find", find),
    ("findall", text_patterns::find_all),
    ("fullmatch", |run, object, arguments| {
        text_patterns::matches(run, object, arguments, Reach::All)
    }),
    ("get", get),
    ("isalnum", |run, object, arguments| {
        every(run, object, arguments, |it| Ok(chars::is_alphanumeric(it)))
    }),
    ("isalpha", |run, object, arguments| {
        every(run, object, arguments, |it| Ok(it.is_alphabetic()))
    }),
    ("isdecimal", |run, object, arguments| {
        every(run, object, arguments, |it| Ok(chars::is_decimal(it)))
    }),
    ("isdigit", |run, object, arguments| {
        every(run, object, arguments, |it| Ok(chars::is_digit(it)))
    }),
    ("islower", |run, object, arguments| {
        of_case(run, object, arguments, char::is_lowercase)
    }),
    ("isnumeric", |run, object, arguments| {
        every(run, object, arguments, chars::is_numeric)
    }),
    ("isspace", |run, object, arguments| {
        every(run, object, arguments, |it| Ok(chars::is_space(it)))
    }),
    ("isupper", |run, object, arguments| {
        of_case(run, object, arguments, char::is_uppercase)
    }),
    ("len", len),
    ("ljust", |run, object, arguments| {
        text_shapes::pad(run, object, arguments, text_shapes::Side::Right)
    }),
    ("lower", |run, object, arguments| {
        change(run, object, arguments, chars::lower)
    }),
    ("lstrip", |run, object, arguments| {
        text_shapes::strip(run, object, arguments, true, false)
    }),
    ("match", |run, object, arguments| {
        text_patterns::matches(run, object, arguments, Reach::FromStart)
    }),
    ("pad", text_shapes::pad_side),
    ("repeat", text_shapes::repeat),
    ("replace", text_shapes::replace),
    ("rjust", |run, object, arguments| {
        text_shapes::pad(run, object, arguments, text_shapes::Side::Left)
    }),
    ("rstrip", |run, object, arguments| {
        text_shapes::strip(run, object, arguments, false, true)
    }),
    ("slice", slice),
    ("split", text_shapes::split),
    ("startswith", |run, object, arguments| {
        begins(run, object, arguments, |text, part| text.starts_with(part))
    }),
    ("strip", |run, object, arguments| {
        text_shapes::strip(run, object, arguments, true, true)
    }),
    ("swapcase", |run, object, arguments| {
        change(run, object, arguments, chars::swap_case)
    }),
    ("title", |run, object, arguments| {
        change(run, object, arguments, chars::title)
    }),
    ("upper", |run, object, arguments| {
        change(run, object, arguments, chars::upper)
    }),
    ("zfill", text_shapes::zfill),
];

/// `series.str`.
///
/// # Errors
/// What Python raises for a column of anything but objects.
pub(super) fn of(column: &Rc<Column>) -> Outcome {
    match &column.data {
        // pandas looks at what is missing too: None, NaN and NaT are not alike there.
        Data::Object(values)
            if values.iter().all(Value::is_missing) && !values.iter().all(|value| matches!(value, Value::None)) =>
        {
            Err(unknown("`.str` of what is all missing is not known here"))
        }
        Data::Object(_) => Ok(Value::TextOf(Rc::clone(column))),
        Data::Float(numbers) if numbers.iter().all(|number| number.is_nan()) => {
            Err(unknown("`.str` of what is all missing is not known here"))
        }
        _ => Err(no_texts()),
    }
}

fn no_texts() -> Stop {
    raised(
        ExceptionClass::of("AttributeError"),
        "Can only use .str accessor with string values!",
    )
}

/// `series.str[key]`.
pub(crate) fn text_item(run: &mut Run, column: &Rc<Column>, key: &Value) -> Outcome {
    match key {
        Value::Int(_) | Value::Slice(_) => items(run, column, key),
        _ => Err(unknown("this subscript of `.str` is not known here")),
    }
}

/// The values of the column, of which each is missing or of a kind.
fn objects(object: &Value, is_of_kind: impl Fn(&Value) -> bool) -> Outcome<&[Value]> {
    match object {
        Value::TextOf(column) => values_of(column, is_of_kind),
        other => Err(unknown(format!("{} is no `.str`", other.type_name()))),
    }
}

fn values_of(column: &Rc<Column>, is_of_kind: impl Fn(&Value) -> bool) -> Outcome<&[Value]> {
    match &column.data {
        Data::Object(values) if values.iter().all(|value| value.is_missing() || is_of_kind(value)) => Ok(values),
        _ => Err(unknown("`.str` of a column of these objects is not known here")),
    }
}

/// The texts of the column, paid for: reading them, and making as much again.
pub(super) fn texts<'a>(run: &mut Run, object: &'a Value) -> Outcome<&'a [Value]> {
    if let Value::TextOf(column) = object {
        run.make(column.len())?;
        run.step(column.len())?;
    }
    let values = objects(object, |value| matches!(value, Value::Text(_)))?;
    let bytes: usize = values.iter().map(|value| text_in(value).map_or(0, str::len)).sum();
    run.step(bytes / 8)?;
    run.hold(bytes.saturating_mul(3))?;
    Ok(values)
}

pub(super) fn text_in(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// A column of a result for each text, as pandas makes it. Without rows it is an empty one of a kind.
pub(super) fn map(values: &[Value], empty: Data, mut result: impl FnMut(&str) -> Outcome) -> Outcome {
    map_values(values, empty, |value| match text_in(value) {
        Some(text) => result(text),
        None => Err(unknown("`.str` of a column of these objects is not known here")),
    })
}

fn map_values(values: &[Value], empty: Data, mut result: impl FnMut(&Value) -> Outcome) -> Outcome {
    if values.is_empty() {
        return Ok(Value::series(Column::from(empty)));
    }
    let each = values.iter().map(|value| match value.is_missing() {
        true => Ok(value.clone()),
        false => result(value),
    });
    let results: Vec<Value> = each.collect::<Outcome<_>>()?;
    // Nothing is made of a column in which all is missing.
    Ok(Value::series(match values.iter().all(Value::is_missing) {
        true => Column::from(Data::Object(results)),
        false => Column::of_values(&results)?,
    }))
}

/// As [`map`], of what is true or not, with `na` in the place of what is missing.
pub(super) fn flags(
    values: &[Value],
    missing: Option<&Value>,
    mut result: impl FnMut(&str) -> Outcome<bool>,
) -> Outcome {
    let no_flags = || Data::Bool(Vec::new());
    match missing {
        None => map(values, no_flags(), |text| result(text).map(Value::Bool)),
        Some(Value::Bool(missing)) => {
            let flags = values
                .iter()
                .map(|value| text_in(value).map_or(Ok(*missing), &mut result));
            Ok(Value::series(Column::from(Data::Bool(flags.collect::<Outcome<_>>()?))))
        }
        Some(_) => Err(unknown("this `na` is not known here")),
    }
}

pub(super) fn no_objects() -> Data {
    Data::Object(Vec::new())
}

fn change(run: &mut Run, object: &Value, arguments: Arguments, changed: fn(&str) -> String) -> Outcome {
    let [] = arguments.bind([])?;
    map(texts(run, object)?, no_objects(), |text| {
        chars::check(text)?;
        Ok(Value::text(changed(text)))
    })
}

/// Whether all characters are of a kind, and there are some.
fn every(run: &mut Run, object: &Value, arguments: Arguments, is_of_kind: fn(char) -> Outcome<bool>) -> Outcome {
    let [] = arguments.bind([])?;
    flags(texts(run, object)?, None, |text| {
        chars::check(text)?;
        let all = text
            .chars()
            .try_fold(true, |all, character| Ok::<_, Stop>(is_of_kind(character)? && all))?;
        Ok(all && !text.is_empty())
    })
}

fn of_case(run: &mut Run, object: &Value, arguments: Arguments, is_of_case: fn(char) -> bool) -> Outcome {
    let [] = arguments.bind([])?;
    flags(texts(run, object)?, None, |text| {
        chars::check(text)?;
        Ok(chars::has_only(text, is_of_case))
    })
}

/// Whether a pattern is more than plain text as a regular expression.
pub(super) fn is_special(pattern: &Value) -> bool {
    text_in(pattern).is_some_and(|text| text.contains(|it| r".^$*+?{}[]\|()".contains(it)))
}

/// A pattern that is plain text, whether it is read as a regular expression or not.
pub(super) fn literal(pattern: &Value, is_regular: bool) -> Outcome<&str> {
    match pattern {
        Value::Text(text) if text.is_empty() => Err(unknown("an empty pattern is not known here")),
        Value::Text(_) if is_regular && is_special(pattern) => {
            Err(unknown("a regular expression for `.str` is not known here"))
        }
        Value::Text(text) => Ok(text),
        other => Err(unknown(format!("{} as a pattern is not known here", other.type_name()))),
    }
}

pub(super) fn flag(value: Option<&Value>, default: bool) -> Outcome<bool> {
    match value {
        None => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(unknown("a flag that is no bool is not known here")),
    }
}

fn contains(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [pattern, case, regex_flags, missing, regex] = arguments.bind(["pat", "case", "flags", "na", "regex"])?;
    let is_regular = flag(regex.as_ref(), true)?;
    let pattern = pattern.unwrap_or(Value::None);
    let has_case = flag(case.as_ref(), true)?;
    if is_regular && (is_special(&pattern) || !has_case || regex_flags.is_some()) {
        return text_patterns::contains(run, object, &pattern, has_case, regex_flags.as_ref(), missing.as_ref());
    }
    let pattern = literal(&pattern, is_regular)?;
    if !matches!(regex_flags, None | Some(Value::Int(0))) {
        return Err(unknown("flags of a regular expression are not known here"));
    }
    let values = texts(run, object)?;
    match has_case {
        true => flags(values, missing.as_ref(), |text| Ok(text.contains(pattern))),
        false => Err(unknown("plain text in any case is not known here")),
    }
}

fn begins(run: &mut Run, object: &Value, arguments: Arguments, has: fn(&str, &str) -> bool) -> Outcome {
    let [part, missing] = arguments.bind(["pat", "na"])?;
    match part {
        Some(Value::Text(part)) => flags(texts(run, object)?, missing.as_ref(), |text| Ok(has(text, &part))),
        _ => Err(unknown("this beginning or end of a text is not known here")),
    }
}

fn count(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [pattern, regex_flags] = arguments.bind(["pat", "flags"])?;
    let pattern = pattern.ok_or_else(|| unknown("counting nothing is not known here"))?;
    if is_special(&pattern) || regex_flags.is_some() {
        return text_patterns::count(run, object, &pattern, regex_flags.as_ref());
    }
    let pattern = literal(&pattern, true)?;
    map(texts(run, object)?, Data::Int(Vec::new()), |text| {
        Ok(Value::count(text.matches(pattern).count()))
    })
}

/// The place of a part, counted in characters.
fn find(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [part] = arguments.exactly(["sub"])?;
    let Value::Text(part) = &part else {
        return Err(unknown("finding this is not known here"));
    };
    map(texts(run, object)?, Data::Int(Vec::new()), |text| {
        Ok(match text.find(&**part) {
            Some(place) => Value::count(
                text.chars()
                    .zip(text.char_indices())
                    .take_while(|(_, (at, _))| *at < place)
                    .count(),
            ),
            None => Value::Int(-1),
        })
    })
}

fn encode(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [encoding] = arguments.exactly(["encoding"])?;
    match encoding {
        Value::Text(name) if matches!(&*name, "utf-8" | "utf8" | "UTF-8") => {
            map(texts(run, object)?, no_objects(), |text| {
                Ok(Value::Bytes(text.as_bytes().into()))
            })
        }
        _ => Err(unknown("this encoding is not known here")),
    }
}

/// What has a length and items.
fn is_sequence(value: &Value) -> bool {
    matches!(
        value,
        Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_) | Value::Array(_)
    )
}

fn len(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [] = arguments.bind([])?;
    let values = objects(object, is_sequence)?;
    run.make(values.len())?;
    let bytes: usize = values.iter().map(|value| text_in(value).map_or(0, str::len)).sum();
    run.step(values.len() + bytes / 8)?;
    map_values(values, Data::Int(Vec::new()), |value| match value {
        Value::Text(text) => Ok(Value::count(text.chars().count())),
        Value::Bytes(bytes) => Ok(Value::count(bytes.len())),
        Value::List(items) => Ok(Value::count(items.borrow().len())),
        Value::Tuple(items) => Ok(Value::count(items.len())),
        Value::Array(column) => Ok(Value::count(column.len())),
        _ => Err(unknown("the length of this is not known here")),
    })
}

fn get(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [key] = arguments.exactly(["i"])?;
    match (object, &key) {
        (Value::TextOf(column), Value::Int(_)) => items(run, column, &key),
        _ => Err(unknown("this key of `.str.get` is not known here")),
    }
}

fn slice(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let bound = |value: Option<Value>| match value {
        None | Some(Value::None) => Ok(None),
        Some(Value::Int(place)) => Ok(Some(place)),
        Some(_) => Err(unknown("a bound that is no integer is not known here")),
    };
    let [start, stop, step] = arguments.bind(["start", "stop", "step"])?;
    let key = Value::Slice(Rc::from([bound(start)?, bound(stop)?, bound(step)?]));
    match object {
        Value::TextOf(column) => items(run, column, &key),
        other => Err(unknown(format!("{} is no `.str`", other.type_name()))),
    }
}

/// The item of each row. A row that has no such item has NaN.
fn items(run: &mut Run, column: &Rc<Column>, key: &Value) -> Outcome {
    let is_slice = matches!(key, Value::Slice(_));
    run.make(column.len())?;
    run.step(column.len())?;
    let values = values_of(column, |value| match is_slice {
        true => matches!(value, Value::Text(_)),
        false => is_sequence(value) && !matches!(value, Value::Bytes(_)),
    })?;
    let bytes: usize = values.iter().map(|value| text_in(value).map_or(0, str::len)).sum();
    run.step(bytes / 8)?;
    run.hold(bytes)?;
    map_values(values, no_objects(), |value| match (run.item(value, key), value) {
        (Err(Stop::Raised(exception)), _) if exception.class == ExceptionClass::of("IndexError") => {
            Ok(Value::Float(f64::NAN))
        }
        (outcome, _) => outcome,
    })
}
