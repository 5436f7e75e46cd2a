//! On-demand views and what they are computed from.

use std::collections::BTreeMap;

use feast_model::{DataSource, OnDemandFeatureView, OnDemandSource, SourceKind};

use super::arguments::Arguments;
use super::transformations::{aggregations, given_transformation, with_text};
use super::views::{check_version, view_name};
use crate::error::Evaluated;
use crate::value::{FeastObject, Value};

/// The class and the decorator.
pub(super) fn on_demand_feature_view(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = view_name(&mut arguments)?;
    let mode = arguments
        .str("mode")?
        .unwrap_or_else(|| "pandas".to_owned())
        .to_lowercase();
    // Feast ignores it too.
    arguments.ignore("explode");
    let entities = arguments.entities("entities")?;
    let has_schema = arguments.has("schema");
    let features = arguments.fields("schema")?.unwrap_or_default();
    if arguments.function.is_some() && !has_schema {
        let message = "on_demand_feature_view() missing 1 required keyword-only argument: 'schema'";
        return Err(arguments.raise("TypeError", message));
    }
    let sources = sources(&mut arguments, &name)?;
    let aggregations = aggregations(&mut arguments)?;
    // Feast itself cannot read back an on-demand view without a text.
    let transformation = given_transformation(&mut arguments, &mode)?.map(with_text);
    if !["pandas", "python", "substrait"].contains(&mode.as_str()) {
        let message = format!("Unsupported transformation mode: {mode} for OnDemandFeatureView");
        return Err(arguments.raise("ValueError", message));
    }
    if mode == "substrait" {
        return Err(arguments.limit(format!(
            "on-demand view {name} is of mode substrait, whose plan only Python can make; let Python's `feast apply` write the \
             registry and only serve with this binary"
        )));
    }
    let singleton = arguments.bool("singleton", false)?;
    if singleton && mode != "python" {
        let message = format!(
            "Singleton mode is only supported with mode='python', but mode='{mode}' was specified. Either disable singleton \
             (singleton=False) or change mode to 'python'."
        );
        return Err(arguments.raise("ValueError", message));
    }
    if transformation.is_none() && aggregations.is_empty() {
        let message = "OnDemandFeatureView must have a valid feature_transformation. Provide either a udf parameter or a \
                    feature_transformation parameter.";
        return Err(arguments.raise("ValueError", message));
    }
    let version = arguments.str("version")?.unwrap_or_else(|| "latest".to_owned());
    check_version(&arguments, &version)?;
    let view = OnDemandFeatureView {
        entities: entities.into_iter().map(|entity| entity.metadata.name).collect(),
        entity_columns: Vec::new(),
        features,
        sources,
        transformation,
        mode,
        aggregations,
        write_to_online_store: arguments.bool("write_to_online_store", false)?,
        singleton,
        track_metrics: arguments.bool("track_metrics", false)?,
        enabled: arguments.bool("enabled", true)?,
        metadata: arguments.view_metadata(name, version)?,
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
            (None, FeastObject::Source(source)) if matches!(source.kind, SourceKind::Request { .. }) => Some((
                source.name().to_owned(),
                OnDemandSource::Request(Box::new(source.clone())),
            )),
            _ => None,
        }
    })?;
    let given = given.unwrap_or_default();
    let input_schema = arguments.fields("input_schema")?;
    if input_schema.is_none() && given.is_empty() {
        let message = "Either 'sources' or 'input_schema' must be provided for OnDemandFeatureView.";
        return Err(arguments.raise("ValueError", message));
    }
    let mut sources: BTreeMap<String, OnDemandSource> = BTreeMap::new();
    for (name, source) in given {
        let is_view = matches!(source, OnDemandSource::View(_));
        let clashes = |known: &OnDemandSource| matches!(known, OnDemandSource::View(_)) != is_view;
        if sources.get(&name).is_some_and(clashes) {
            let message =
                format!("Source names must be unique across all source types. Found duplicate names: {{'{name}'}}");
            return Err(arguments.raise("ValueError", message));
        }
        sources.insert(name, source);
    }
    if let Some(schema) = input_schema {
        // Feast's own name for the request values that are declared without a source.
        let name = format!("__input_schema__{view}");
        let request = DataSource::new(name.clone(), SourceKind::Request { schema });
        sources.insert(name, OnDemandSource::Request(Box::new(request)));
    }
    Ok(sources)
}
