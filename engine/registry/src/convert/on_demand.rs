//! On-demand feature views.

use std::collections::BTreeMap;

use feast_model::{Definitions, Metadata, OnDemandFeatureView, OnDemandSource};

use super::service::{projection, projection_message};
use super::view::{
    aggregation, aggregation_message, entity_names, transformation, transformation_message, user_function, version,
};
use super::{ConvertError, SourcePlace, feature_spec, fields, source, source_message};
use crate::messages::source::SourceMeta;
use crate::messages::view::{OnDemandFeatureViewSpec, OnDemandSource as SourceMessage};

/// The tag that holds what the message has no field for.
const TRACK_METRICS_TAG: &str = "feast:track_metrics";

/// `definitions` are those the view is one of: projections carry a copy of their view's batch source.
pub(crate) fn on_demand_view_spec(
    view: &OnDemandFeatureView,
    definitions: &Definitions,
    project: &str,
    meta: SourceMeta,
) -> OnDemandFeatureViewSpec {
    let source = |source: &OnDemandSource| match source {
        OnDemandSource::View(chosen) => SourceMessage {
            feature_view_projection: Some(projection_message(chosen, definitions, meta)),
            ..SourceMessage::default()
        },
        OnDemandSource::Request(request) => SourceMessage {
            request_data_source: Some(source_message(request, SourcePlace::Nested, meta)),
            ..SourceMessage::default()
        },
    };
    let mut tags = view.metadata.tags.clone();
    if view.track_metrics {
        tags.insert(TRACK_METRICS_TAG.to_owned(), "true".to_owned());
    }
    OnDemandFeatureViewSpec {
        name: view.name().to_owned(),
        project: project.to_owned(),
        features: view.features.iter().map(feature_spec).collect(),
        sources: view
            .sources
            .iter()
            .map(|(name, described)| (name.clone(), source(described)))
            .collect(),
        user_defined_function: None,
        description: view.metadata.description.clone(),
        tags,
        owner: view.metadata.owner.clone(),
        feature_transformation: view.transformation.as_ref().map(transformation_message),
        mode: view.mode.clone(),
        write_to_online_store: view.write_to_online_store,
        entities: entity_names(&view.entities),
        entity_columns: view.entity_columns.iter().map(feature_spec).collect(),
        singleton: view.singleton,
        aggregations: view.aggregations.iter().map(aggregation_message).collect(),
        version: view.metadata.version.clone(),
        org: view.metadata.org.clone(),
        disabled: !view.enabled,
    }
}

pub(crate) fn on_demand_view(spec: &OnDemandFeatureViewSpec) -> Result<OnDemandFeatureView, ConvertError> {
    let mut sources = BTreeMap::new();
    for (name, message) in &spec.sources {
        let described = match (&message.feature_view_projection, &message.request_data_source) {
            (Some(chosen), _) => OnDemandSource::View(projection(chosen)?),
            (None, Some(request)) => OnDemandSource::Request(Box::new(source(request)?)),
            // The form of earlier versions names a whole view; its name is the key.
            (None, None) => OnDemandSource::View(feast_model::Projection::all_of(name)),
        };
        sources.insert(name.clone(), described);
    }
    let mut tags = spec.tags.clone();
    let track_metrics = tags.remove(TRACK_METRICS_TAG).is_some_and(|value| value == "true");
    let function = spec.feature_transformation.as_ref().and_then(transformation);
    Ok(OnDemandFeatureView {
        entities: spec.entities.clone(),
        entity_columns: fields(&spec.entity_columns)?,
        features: fields(&spec.features)?,
        sources,
        transformation: function.or_else(|| spec.user_defined_function.as_ref().map(user_function)),
        mode: spec.mode.clone(),
        aggregations: spec.aggregations.iter().map(aggregation).collect(),
        write_to_online_store: spec.write_to_online_store,
        singleton: spec.singleton,
        track_metrics,
        enabled: !spec.disabled,
        metadata: Metadata {
            name: spec.name.clone(),
            description: spec.description.clone(),
            tags,
            owner: spec.owner.clone(),
            org: spec.org.clone(),
            version: version(&spec.version),
        },
    })
}
