//! The functions and aggregations that views are computed by.

use std::rc::Rc;

use feast_model::{Aggregation, Transformation};

use super::arguments::{Arguments, with_object};
use crate::error::Evaluated;
use crate::value::{FeastObject, Function, Value};

/// A mode given as a string or as a member of `TransformationMode`.
pub(super) fn mode(arguments: &mut Arguments<'_>, default: &str) -> Evaluated<String> {
    match arguments.given("mode")? {
        None => Ok(default.to_owned()),
        Some(Value::EnumMember(member)) => Ok(member.value.to_str().unwrap_or_default()),
        Some(value) => match value.as_str() {
            Some(text) => Ok(text.to_string()),
            None => Err(arguments.wrong_type("mode", &value, "a str or TransformationMode")),
        },
    }
}

/// The function of a view: decorated, or given as `udf` or `feature_transformation`.
pub(super) fn given_transformation(arguments: &mut Arguments<'_>, mode: &str) -> Evaluated<Option<Transformation>> {
    if arguments.function.is_none() {
        arguments.note_function("udf");
    }
    arguments.note_function("feature_transformation");
    let transformation = arguments.pick("feature_transformation", "Transformation", |object| match object {
        FeastObject::Transformation(transformation) => Some(transformation.clone()),
        _ => None,
    })?;
    let text = arguments.str_or_empty("udf_string")?;
    let function = match (arguments.function.clone(), arguments.given("udf")?) {
        (Some(function), _) => Some(function),
        (None, Some(Value::Function(function))) => Some(function),
        (None, Some(other)) => return Err(arguments.wrong_type("udf", &other, "a function")),
        (None, None) => None,
    };
    if transformation.is_some() {
        return Ok(transformation);
    }
    function
        .map(|function| from_function(arguments, &function, text, mode))
        .transpose()
}

/// A transformation whose text is the function's own source where no other text is given.
pub(super) fn with_text(transformation: Transformation) -> Transformation {
    if !transformation.text.is_empty() {
        return transformation;
    }
    Transformation {
        text: transformation.source,
        source: String::new(),
        ..transformation
    }
}

/// Feast keeps the source of a decorated function, and of any other what `udf_string` says; the function itself it pickles.
fn from_function(
    arguments: &Arguments<'_>,
    function: &Rc<Function>,
    text: String,
    mode: &str,
) -> Evaluated<Transformation> {
    if arguments.function.is_some() {
        return Ok(Transformation {
            name: function.name.clone(),
            text: function.source.clone(),
            source: String::new(),
            mode: mode.to_owned(),
            module_names: None,
        });
    }
    let outer_name = function.outer_name().filter(|_| !arguments.keeps_names());
    if let Some(name) = outer_name.as_ref().filter(|_| text.is_empty()) {
        return Err(arguments.limit(format!(
            "the lambda uses {name} of this file, which would not be stored with it; use a function that imports or defines \
             {name} itself"
        )));
    }
    Ok(Transformation {
        name: function.name.clone(),
        // Where the lambda would lack something, the text that is given may have it.
        source: outer_name.map_or_else(|| function.source.clone(), |_| String::new()),
        text,
        mode: mode.to_owned(),
        module_names: None,
    })
}

/// The class and the decorator.
pub(super) fn transformation(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    const MODES: [&str; 7] = ["python", "pandas", "sql", "spark_sql", "spark", "flink", "ray"];
    let mode = mode(&mut arguments, "")?;
    let lower = mode.to_lowercase();
    if lower == "substrait" {
        return Err(arguments.limit("a plan of substrait can only be made by Python"));
    }
    if !MODES.contains(&lower.as_str()) {
        let message = format!("Invalid mode: {mode}. Choose one from TransformationMode.");
        return Err(arguments.raise("ValueError", message));
    }
    // These have classes of their own, which know their mode.
    let has_class = ["python", "pandas", "flink", "ray"].contains(&lower.as_str());
    named_transformation(arguments, if has_class { &lower } else { &mode })
}

pub(super) fn pandas_transformation(arguments: Arguments<'_>) -> Evaluated<Value> {
    named_transformation(arguments, "pandas")
}

pub(super) fn python_transformation(arguments: Arguments<'_>) -> Evaluated<Value> {
    named_transformation(arguments, "python")
}

pub(super) fn ray_transformation(arguments: Arguments<'_>) -> Evaluated<Value> {
    named_transformation(arguments, "ray")
}

pub(super) fn flink_transformation(arguments: Arguments<'_>) -> Evaluated<Value> {
    named_transformation(arguments, "flink")
}

fn named_transformation(mut arguments: Arguments<'_>, mode: &str) -> Evaluated<Value> {
    if arguments.function.is_none() && !arguments.has("udf_string") {
        return Err(arguments.raise("ValueError", "udf_string parameter cannot be None"));
    }
    match given_transformation(&mut arguments, mode)? {
        Some(transformation) => Ok(arguments.object(FeastObject::Transformation(transformation))),
        None => Err(arguments.raise(
            "TypeError",
            "Transformation() missing 1 required positional argument: 'udf'",
        )),
    }
}

/// Refuses the modes that Feast refuses for functions of a kind of view.
pub(super) fn check_mode(arguments: &Arguments<'_>, mode: &str, supported: &[&str], class: &str) -> Evaluated<()> {
    let is_given = arguments.function.is_some() || arguments.has("udf");
    if !is_given || arguments.has("feature_transformation") || supported.contains(&mode) {
        return Ok(());
    }
    let message = format!("Unsupported transformation mode: {mode} for {class}");
    Err(arguments.raise("ValueError", message))
}

pub(super) fn aggregation(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let time_window = arguments.duration("time_window")?;
    let aggregation = Aggregation {
        column: arguments.str_or_empty("column")?,
        function: arguments.str_or_empty("function")?,
        time_window,
        slide_interval: arguments
            .duration("slide_interval")?
            .filter(|interval| *interval != 0)
            .or(time_window),
        name: arguments.str_or_empty("name")?,
    };
    Ok(arguments.object(FeastObject::Aggregation(aggregation)))
}

pub(super) fn aggregations(arguments: &mut Arguments<'_>) -> Evaluated<Vec<Aggregation>> {
    let aggregation = |value: &Value| {
        with_object(value, |object| match object {
            FeastObject::Aggregation(aggregation) => Some(aggregation.clone()),
            _ => None,
        })
    };
    Ok(arguments
        .list("aggregations", "Aggregation", aggregation)?
        .unwrap_or_default())
}
