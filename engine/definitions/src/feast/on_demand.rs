//! On-demand views, and the functions and aggregations that views are computed by.

use std::collections::BTreeMap;
use std::rc::Rc;

use feast_model::{Aggregation, DataSource, OnDemandFeatureView, OnDemandSource, SourceKind, Transformation};

use super::Arguments;
use super::arguments::with_object;
use super::views::{check_version, view_name};
use crate::error::Evaluated;
use crate::value::{FeastObject, Function, Value};

/// The class and the decorator.
pub(super) fn on_demand_feature_view(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = view_name(&mut arguments)?;
    let mode = arguments
        .text("mode")?
        .unwrap_or_else(|| "pandas".to_owned())
        .to_lowercase();
    // Feast ignores it too.
    arguments.ignore("explode");
    let entities = arguments.entities("entities")?;
    let has_schema = arguments.has("schema");
    let features = arguments.fields("schema")?.unwrap_or_default();
    if arguments.function.is_some() && !has_schema {
        let text = "on_demand_feature_view() missing 1 required keyword-only argument: 'schema'";
        return Err(arguments.raise("TypeError", text));
    }
    let sources = sources(&mut arguments, &name)?;
    let aggregations = aggregations(&mut arguments)?;
    // Feast itself cannot read an on-demand view without a text any more.
    let transformation = given_transformation(&mut arguments, &mode)?.map(with_text);
    if !["pandas", "python", "substrait"].contains(&mode.as_str()) {
        let text = format!("Unsupported transformation mode: {mode} for OnDemandFeatureView");
        return Err(arguments.raise("ValueError", text));
    }
    if mode == "substrait" {
        return Err(arguments.limit(format!(
            "on-demand view {name} is of mode substrait, whose plan only Python can make; let Python's `feast apply` write the \
             registry and only serve with this binary"
        )));
    }
    let singleton = arguments.flag("singleton", false)?;
    if singleton && mode != "python" {
        let text = format!(
            "Singleton mode is only supported with mode='python', but mode='{mode}' was specified. Either disable singleton \
             (singleton=False) or change mode to 'python'."
        );
        return Err(arguments.raise("ValueError", text));
    }
    if transformation.is_none() && aggregations.is_empty() {
        let text = "OnDemandFeatureView must have a valid feature_transformation. Provide either a udf parameter or a \
                    feature_transformation parameter.";
        return Err(arguments.raise("ValueError", text));
    }
    let version = arguments.text("version")?.unwrap_or_else(|| "latest".to_owned());
    check_version(&arguments, &version)?;
    let view = OnDemandFeatureView {
        name,
        entities: entities.into_iter().map(|entity| entity.name).collect(),
        entity_columns: Vec::new(),
        features,
        sources,
        transformation,
        mode,
        aggregations,
        write_to_online_store: arguments.flag("write_to_online_store", false)?,
        singleton,
        track_metrics: arguments.flag("track_metrics", false)?,
        enabled: arguments.flag("enabled", true)?,
        description: arguments.text_or_empty("description")?,
        tags: arguments.texts_by_name("tags")?,
        owner: arguments.text_or_empty("owner")?,
        org: arguments.text_or_empty("org")?,
        version,
    };
    Ok(arguments.object(FeastObject::OnDemandView(view)))
}

fn sources(arguments: &mut Arguments<'_>, view: &str) -> Evaluated<BTreeMap<String, OnDemandSource>> {
    let given = arguments.list("sources", "FeatureView or RequestSource", |value| {
        let Value::Object(object) = value else { return None };
        match (object.projection(), &*object.object()) {
            (Some(projection), _) => {
                let chosen = projection.projection;
                Some((chosen.view.clone(), OnDemandSource::View(chosen)))
            }
            (None, FeastObject::Source(source)) if matches!(source.kind, SourceKind::Request { .. }) => {
                Some((source.name.clone(), OnDemandSource::Request(source.clone())))
            }
            _ => None,
        }
    })?;
    let given = given.unwrap_or_default();
    let input_schema = arguments.fields("input_schema")?;
    if input_schema.is_none() && given.is_empty() {
        let text = "Either 'sources' or 'input_schema' must be provided for OnDemandFeatureView.";
        return Err(arguments.raise("ValueError", text));
    }
    let mut sources: BTreeMap<String, OnDemandSource> = BTreeMap::new();
    for (name, source) in given {
        let is_view = matches!(source, OnDemandSource::View(_));
        let clashes = |known: &OnDemandSource| matches!(known, OnDemandSource::View(_)) != is_view;
        if sources.get(&name).is_some_and(clashes) {
            let text =
                format!("Source names must be unique across all source types. Found duplicate names: {{'{name}'}}");
            return Err(arguments.raise("ValueError", text));
        }
        sources.insert(name, source);
    }
    if let Some(schema) = input_schema {
        // Feast's own name for the request values that are declared without a source.
        let name = format!("__input_schema__{view}");
        let request = DataSource::new(name.clone(), SourceKind::Request { schema });
        sources.insert(name, OnDemandSource::Request(request));
    }
    Ok(sources)
}

/// A mode given as text or as a member of `TransformationMode`.
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
    let transformation = arguments.pick("feature_transformation", "Transformation", |object| match object {
        FeastObject::Transformation(transformation) => Some(transformation.clone()),
        _ => None,
    })?;
    let text = arguments.text_or_empty("udf_string")?;
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
        .map(|function| of_function(arguments, &function, text, mode))
        .transpose()
}

/// A transformation whose text is the function's own source where no other is given.
fn with_text(transformation: Transformation) -> Transformation {
    if !transformation.text.is_empty() {
        return transformation;
    }
    Transformation {
        text: transformation.source,
        source: String::new(),
        ..transformation
    }
}

/// Feast keeps the text of a decorated function, and of any other what `udf_string` says; the function itself it pickles.
fn of_function(
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
        });
    }
    let outer_name = function.outer_name();
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
        let text = format!("Invalid mode: {mode}. Choose one from TransformationMode.");
        return Err(arguments.raise("ValueError", text));
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
    let text = format!("Unsupported transformation mode: {mode} for {class}");
    Err(arguments.raise("ValueError", text))
}

pub(super) fn aggregation(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let time_window = arguments.duration("time_window")?;
    let aggregation = Aggregation {
        column: arguments.text_or_empty("column")?,
        function: arguments.text_or_empty("function")?,
        time_window,
        slide_interval: arguments
            .duration("slide_interval")?
            .filter(|interval| *interval != 0)
            .or(time_window),
        name: arguments.text_or_empty("name")?,
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
