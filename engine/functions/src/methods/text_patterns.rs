//! `series.str`: what takes a regular expression.

use std::rc::Rc;

use super::text_of::{flag, flags, map, no_objects, texts};
use crate::column::{Column, Data};
use crate::native;
use crate::pattern::{self, Pattern, Reach, Template, part};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown, value_error};
use crate::value::Value;

/// The pattern that arguments say. With `case=False` its case is ignored.
fn pattern_of(run: &mut Run, pattern: &Value, case: bool, flags: Option<&Value>, reach: Reach) -> Outcome<Rc<Pattern>> {
    let ignores_case = native::ignores_case(flags)? || !case;
    match pattern {
        Value::Text(text) => pattern::compile(run, text, ignores_case, reach),
        other => Err(unknown(format!("{} as a pattern is not known here", other.type_name()))),
    }
}

/// Whether there is a match, of the arguments of `contains`.
pub(super) fn contains(
    run: &mut Run,
    object: &Value,
    pattern: &Value,
    case: bool,
    regex_flags: Option<&Value>,
    missing: Option<&Value>,
) -> Outcome {
    let pattern = pattern_of(run, pattern, case, regex_flags, Reach::Anywhere)?;
    flags(texts(run, object)?, missing, |text| pattern.is_match(run, text))
}

pub(super) fn matches(run: &mut Run, object: &Value, arguments: Arguments, reach: Reach) -> Outcome {
    let [pattern, case, regex_flags, missing] = arguments.bind(["pat", "case", "flags", "na"])?;
    let pattern = pattern.ok_or_else(|| unknown("a match of nothing is not known here"))?;
    let case = flag(case.as_ref(), true)?;
    let pattern = pattern_of(run, &pattern, case, regex_flags.as_ref(), reach)?;
    flags(texts(run, object)?, missing.as_ref(), |text| {
        pattern.is_match(run, text)
    })
}

pub(super) fn count(run: &mut Run, object: &Value, pattern: &Value, regex_flags: Option<&Value>) -> Outcome {
    let pattern = pattern_of(run, pattern, true, regex_flags, Reach::Anywhere)?;
    map(texts(run, object)?, Data::Int(Vec::new()), |text| {
        Ok(Value::count(pattern.find_all(run, text, usize::MAX)?.len()))
    })
}

pub(super) fn find_all(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [pattern, regex_flags] = arguments.bind(["pat", "flags"])?;
    let pattern = pattern.ok_or_else(|| unknown("all matches of nothing are not known here"))?;
    let pattern = pattern_of(run, &pattern, true, regex_flags.as_ref(), Reach::Anywhere)?;
    map(texts(run, object)?, no_objects(), |text| {
        let mut all = Vec::new();
        for spans in pattern.find_all(run, text, usize::MAX)? {
            all.push(native::found(run, text, &spans)?);
        }
        Ok(Value::list(all))
    })
}

/// The only group of the first match. What is not found is NaN; what is missing stays as it is.
pub(super) fn extract(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [pattern, regex_flags, expand] = arguments.bind(["pat", "flags", "expand"])?;
    let pattern = pattern.ok_or_else(|| unknown("extracting nothing is not known here"))?;
    let pattern = pattern_of(run, &pattern, true, regex_flags.as_ref(), Reach::Anywhere)?;
    if flag(expand.as_ref(), true)? || pattern.groups() > 1 {
        return Err(unknown("extracting a frame is not known here"));
    }
    if pattern.groups() == 0 {
        return Err(value_error("pattern contains no capture groups"));
    }
    let values = texts(run, object)?;
    let mut extracted = Vec::with_capacity(values.len());
    for value in values {
        extracted.push(match value {
            Value::Text(text) => {
                let spans = pattern.find(run, text)?;
                let group = spans.as_ref().and_then(|spans| part(text, spans, 1));
                group.map_or(Value::Float(f64::NAN), Value::text)
            }
            missing => missing.clone(),
        });
    }
    Ok(Value::series(Column::from(Data::Object(extracted))))
}

/// The arguments of `replace`.
pub(super) struct Replacement<'a> {
    pub(super) pattern: &'a Value,
    pub(super) with: &'a str,
    pub(super) limit: Option<&'a Value>,
    pub(super) has_case: bool,
    pub(super) flags: Option<&'a Value>,
}

pub(super) fn replace(run: &mut Run, object: &Value, how: &Replacement<'_>) -> Outcome {
    let pattern = pattern_of(run, how.pattern, how.has_case, how.flags, Reach::Anywhere)?;
    let template = Template::parse(how.with, &pattern)?;
    let count = match how.limit {
        None | Some(Value::Int(..=0)) => usize::MAX,
        Some(Value::Int(count)) => usize::try_from(*count).unwrap_or(usize::MAX),
        Some(_) => return Err(unknown("replacing so often is not known here")),
    };
    map(texts(run, object)?, no_objects(), |text| {
        native::replaced(run, &pattern, text, count, |_, spans| Ok(template.fill(text, spans))).map(Value::text)
    })
}

pub(super) fn split(run: &mut Run, object: &Value, pattern: &Value) -> Outcome {
    let pattern = pattern_of(run, pattern, true, None, Reach::Anywhere)?;
    map(texts(run, object)?, no_objects(), |text| {
        native::parts_of(run, &pattern, text, usize::MAX).map(Value::list)
    })
}
