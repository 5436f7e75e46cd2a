//! `pandas.to_datetime` of texts that are all written in the form of the first one.

use super::pandas_time::point_of;
use crate::column::{Column, Data, NO_TIME, Times, Unit};
use crate::run::Run;
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// Forms that are known, with the texts of `format` that mean the same.
const FORMATS: [(&str, &str); 3] = [
    ("%Y-%m-%d", "dddd-dd-dd"),
    ("%Y-%m-%d %H:%M:%S", "dddd-dd-dd dd:dd:dd"),
    ("%Y-%m-%dT%H:%M:%S", "dddd-dd-ddTdd:dd:dd"),
];
/// Forms that pandas finds out itself.
const FORMS: [&str; 7] = [
    "dddd-dd-dd",
    "dddd-dd-dd dd:dd",
    "dddd-dd-dd dd:dd:dd",
    "dddd-dd-dd dd:dd:ddZ",
    "dddd-dd-ddTdd:dd",
    "dddd-dd-ddTdd:dd:dd",
    "dddd-dd-ddTdd:dd:ddZ",
];

pub(super) fn to_datetime(
    run: &mut Run,
    values: Option<Value>,
    errors: Option<Value>,
    utc: Option<Value>,
    format: Option<Value>,
) -> Outcome {
    let coerces = match &errors {
        None => false,
        Some(Value::Text(errors)) if &**errors == "raise" => false,
        Some(Value::Text(errors)) if &**errors == "coerce" => true,
        Some(_) => return Err(unknown("this `errors` of to_datetime() is not known here")),
    };
    let is_utc = match utc {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(unknown("this `utc` is not known here")),
    };
    let Some(Value::Series(column)) = values else {
        return Err(unknown("to_datetime() of this is not known here"));
    };
    run.make(column.len())?;
    run.step(column.len().saturating_mul(2))?;
    let objects = match &column.data {
        // They are what they are made into.
        Data::Time(_) if format.is_none() => return Ok(Value::Series(column)),
        Data::Object(objects) => objects,
        _ => return Err(unknown("to_datetime() of a column of this kind is not known here")),
    };
    let form = form_of(objects, format.as_ref())?;
    let is_aware = is_utc || form.is_some_and(|form| form.ends_with('Z'));
    let micros = objects.iter().map(|value| micros_of(value, form, coerces));
    let times = Times::new(micros.collect::<Outcome<_>>()?, Some(Unit::Nano));
    Ok(Value::series(Column::from(match is_aware {
        true => Data::Time(times),
        false => Data::NaiveTime(times),
    })))
}

/// The form of all texts; `None` where all is missing.
fn form_of(objects: &[Value], format: Option<&Value>) -> Outcome<Option<&'static str>> {
    let not_known = || unknown("to_datetime() of texts in this form is not known here");
    if let Some(format) = format {
        let Value::Text(format) = format else {
            return Err(not_known());
        };
        let known = FORMATS.iter().find(|(known, _)| **known == **format);
        return known.map(|(_, form)| Some(*form)).ok_or_else(not_known);
    }
    let Some(first) = objects.iter().find(|value| !value.is_missing()) else {
        return Ok(None);
    };
    let Value::Text(first) = first else {
        return Err(not_known());
    };
    // Only what is a time for sure tells its form.
    let form = shape_of(first).and_then(|shape| FORMS.iter().find(|form| **form == shape));
    match (form, point_of(first)) {
        (Some(form), Ok(_)) => Ok(Some(form)),
        _ => Err(not_known()),
    }
}

/// A text with `d` for each digit. `None` for a long one.
fn shape_of(text: &str) -> Option<String> {
    let shape = |it: char| if it.is_ascii_digit() { 'd' } else { it };
    (text.len() <= 32).then(|| text.chars().map(shape).collect())
}

fn micros_of(value: &Value, form: Option<&str>, coerces: bool) -> Outcome<i64> {
    let not_known = || unknown("to_datetime() of such a text is not known here");
    let text = match value {
        Value::None => return Ok(NO_TIME),
        Value::Float(number) if number.is_nan() => return Ok(NO_TIME),
        Value::Text(text) => text,
        _ => return Err(not_known()),
    };
    let shape = shape_of(text);
    if shape.as_deref() == form {
        return match point_of(text) {
            Ok((micros, _)) => Ok(micros),
            Err(_) if coerces && text.contains("-00") => Ok(NO_TIME),
            Err(_) => Err(not_known()),
        };
    }
    // A text in which no time can be: without a digit, and without a word that pandas knows.
    let is_hopeless = text.chars().all(|it| it.is_alphabetic() || it == ' ')
        && !["now", "today", "nat", "nan", "none", "null", "na"].contains(&&*text.trim().to_lowercase());
    match coerces && is_hopeless {
        true => Ok(NO_TIME),
        false => Err(not_known()),
    }
}
