//! On-demand views in a plan: what is looked up for their functions, and what they give.

use feast_model::error::Result;
use feast_model::{OnDemandFeatureView, Projection};

use super::{PlanContext, disabled, group_of, response_name, served_view, unknown_feature};
use crate::online::computed::{PlannedComputation, PlannedInput, PlannedOutput};
use crate::online::planned_view::{KeyGroup, PlannedFeature, PlannedView};

/// The on-demand view that is asked for, if it is one that is computed for each request.
pub(super) fn computed_view<'a>(
    context: &PlanContext<'a>,
    projection: &Projection,
) -> Result<Option<&'a OnDemandFeatureView>> {
    let name = &projection.view;
    if context.definitions.feature_view(name).is_some() {
        return Ok(None);
    }
    match context.definitions.on_demand_feature_view(name) {
        Some(view) if !view.enabled => Err(disabled(name)),
        Some(view) if view.write_to_online_store => Ok(None),
        found => Ok(found),
    }
}

/// Plans the functions of views, and adds what they read to what is looked up.
pub(super) fn plan_computations(
    context: &PlanContext<'_>,
    computed: &[(&Projection, &OnDemandFeatureView)],
    full_feature_names: bool,
    views: &mut Vec<PlannedView>,
    groups: &mut Vec<KeyGroup>,
) -> Result<Vec<PlannedComputation>> {
    let mut computations = Vec::with_capacity(computed.len());
    for (projection, view) in computed {
        for source in view.source_views() {
            look_up_source(context, source, views, groups)?;
        }
        computations.push(PlannedComputation::new(context, projection, view, full_feature_names)?);
    }
    // A feature that is looked up for a later function counts too, so places are known only now.
    for (computation, (_, view)) in computations.iter_mut().zip(computed) {
        computation.inputs = inputs(view, views);
    }
    Ok(computations)
}

impl PlannedComputation {
    /// Without its inputs, whose places are known when all views are planned.
    fn new(
        context: &PlanContext<'_>,
        projection: &Projection,
        view: &OnDemandFeatureView,
        full_feature_names: bool,
    ) -> Result<Self> {
        let outputs = projection.features.iter().map(|requested| {
            let field = view.features.iter().find(|field| field.name == requested.name);
            let field = field.ok_or_else(|| unknown_feature(projection, &requested.name))?;
            Ok(PlannedOutput {
                name: field.name.clone(),
                response_name: response_name(projection, &field.name, full_feature_names),
                value_type: field.value_type.clone(),
            })
        });
        Ok(Self {
            view: view.name().to_owned(),
            mode: view.mode.clone(),
            is_measured: view.track_metrics,
            shown_name: projection.display_name().to_owned(),
            version: context.status_of(view.name()).version,
            function: context.functions.of(view, context.definitions)?,
            inputs: Vec::new(),
            request_data: view.request_data().cloned().collect(),
            outputs: outputs.collect::<Result<_>>()?,
        })
    }
}

/// Adds the features of a source to the view in the plan, if it is there, or the view.
fn look_up_source(
    context: &PlanContext<'_>,
    source: &Projection,
    views: &mut Vec<PlannedView>,
    groups: &mut Vec<KeyGroup>,
) -> Result<()> {
    let view = served_view(context, source)?;
    let group = group_of(source, &view, groups)?;
    let position = views
        .iter()
        .position(|planned| is_source(planned, source) && planned.group == group);
    let position = position.unwrap_or_else(|| {
        views.push(PlannedView {
            view: view.name().to_owned(),
            shown_name: view.name().to_owned(),
            version: context.status_of(view.name()).version,
            max_age: view.ttl.filter(|ttl| *ttl > 0),
            group,
            features: Vec::new(),
        });
        views.len() - 1
    });
    for requested in &source.features {
        let (_, field) = view
            .feature(&requested.name)
            .ok_or_else(|| unknown_feature(source, &requested.name))?;
        let features = &mut views[position].features;
        if !features.iter().any(|planned| planned.name == field.name) {
            features.push(PlannedFeature::new(field, field.name.clone(), false));
        }
    }
    Ok(())
}

/// Whether a view of the plan has the rows that a source means.
fn is_source(planned: &PlannedView, source: &Projection) -> bool {
    planned.view == source.view && planned.shown_name == source.view
}

/// The stored features that a function gets, with their places among all that are looked up.
fn inputs(view: &OnDemandFeatureView, views: &[PlannedView]) -> Vec<PlannedInput> {
    let mut found = Vec::new();
    let mut position = 0;
    for planned in views {
        let is_read = view.source_views().any(|source| is_source(planned, source));
        for feature in &planned.features {
            if is_read {
                found.push(PlannedInput {
                    name: feature.name.clone(),
                    full_name: format!("{}__{}", planned.view, feature.name),
                    value_type: feature.value_type.clone(),
                    position,
                });
            }
            position += 1;
        }
    }
    found
}
